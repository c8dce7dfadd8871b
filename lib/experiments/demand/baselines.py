"""Day-ahead demand without a recurrent network: a linear model for each half-hour, and gradient-boosted trees.

Both know what the recurrent networks know at midnight: the demand of the days that those see, the calendar, the
temperatures up to midnight and, where `weather` is true, those of the day itself. Introduced in *applications/demand*.
"""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from tasks.demand import SLOTS, WEEK, load, weekday

MILD = 18.0
"""Temperature in °C at which houses are neither heated nor cooled; the linear model is given the square of the distance."""
RATE = 0.08
"""Learning rate of a boosted model."""
PAST_DAYS = (1, 2, WEEK, WEEK + 1)
"""Days before the forecast one of which the demand is used: the recurrent networks see the same."""


def linear(learned: np.ndarray, asked: np.ndarray, penalty: float, weather: bool = True) -> np.ndarray:
    """Ridge regression, one for each half-hour of the day, forecasting that half-hour directly.

    Args:
        learned, asked: numbers of days. penalty: on the squared weights of standardised features.
        weather: whether the temperatures of the asked day are known.

    Returns:
        Forecast (N, 48) in GW.
    """
    forecast = np.empty((len(asked), SLOTS))
    for slot in range(SLOTS):
        x, x_asked = (_slot_features(days, slot, weather) for days in (learned, asked))
        mean, scale = x.mean(0), x.std(0)
        scale[scale < 1e-9] = 1.0  # a weekday that was never seen
        model = Ridge(penalty).fit((x - mean) / scale, load().demand[learned, slot])
        forecast[:, slot] = model.predict((x_asked - mean) / scale)
    return forecast


def trees(
    learned: np.ndarray,
    asked: np.ndarray,
    leaves: int,
    weather: bool = True,
    quantile: float | None = None,
    rounds: int = 200,
) -> np.ndarray:
    """Gradient-boosted trees over all half-hours, forecasting the step from yesterday's demand.

    Args:
        learned, asked: numbers of days. leaves: of each tree at most. weather: as for `linear`.
        quantile: that is forecast; by default the median, by the absolute error. rounds: trees, one after the other.

    Returns:
        Forecast (N, 48) in GW.
    """
    x, x_asked = (_tree_features(days, weather) for days in (learned, asked))
    loss = {"loss": "absolute_error"} if quantile is None else {"loss": "quantile", "quantile": quantile}
    model = HistGradientBoostingRegressor(
        **loss, learning_rate=RATE, max_iter=rounds, max_leaf_nodes=leaves, early_stopping=False, random_state=0
    )
    demand = load().demand
    model.fit(x, (demand[learned] - demand[learned - 1]).ravel())
    return model.predict(x_asked).reshape(-1, SLOTS) + demand[asked - 1]


def autoregression(learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """One step ahead: least squares on the last two days, a week ago, and the half-hour of the day.

    Returns:
        Forecast (N, 48) in GW of each half-hour from the demand before it.
    """
    flat = load().demand.ravel()
    lags = np.array([*range(1, 2 * SLOTS + 1), WEEK * SLOTS - 1, WEEK * SLOTS, WEEK * SLOTS + 1])

    def features(days: np.ndarray) -> np.ndarray:
        places = (days[:, None] * SLOTS + np.arange(SLOTS)).ravel()
        return np.hstack([flat[places[:, None] - lags], np.tile(np.eye(SLOTS), (len(days), 1))])

    weights, *_ = np.linalg.lstsq(features(learned), load().demand[learned].ravel(), rcond=None)
    return (features(asked) @ weights).reshape(-1, SLOTS)


def _calendar(days: np.ndarray) -> np.ndarray:
    """Day of the week, and which of the days that are looked at is a working day: (N, 12)."""
    work = load().workday[:, 0]
    return np.column_stack([np.eye(WEEK)[weekday(days)], work[days], *(work[days - lag] for lag in PAST_DAYS)])


def _bent(temperature: np.ndarray) -> list[np.ndarray]:
    return [temperature, (temperature - MILD) ** 2]


def _slot_features(days: np.ndarray, slot: int, weather: bool) -> np.ndarray:
    demand, temperature = load().demand, load().temperature
    columns = [demand[days - 1][:, (8, 16, 24, 32, 40, 47)].T, *(demand[days - lag, slot] for lag in PAST_DAYS)]
    columns += [demand[days - lag].mean(1) for lag in PAST_DAYS]
    columns += [*_bent(temperature[days - 1, slot]), *_bent(temperature[days - 1].mean(1))]
    columns += _bent(temperature[days - 2].mean(1))
    if weather:
        today = temperature[days]
        columns += [*_bent(today[:, slot]), *_bent(today.mean(1)), *_bent(today.max(1))]
    return np.column_stack([np.vstack(columns).T, _calendar(days)])


def _tree_features(days: np.ndarray, weather: bool) -> np.ndarray:
    demand, temperature = load().demand, load().temperature
    flat = np.cumsum(np.append(0.0, temperature.ravel()))
    after = days[:, None] * SLOTS + np.arange(SLOTS) + 1  # half-hours up to and with the one that is asked

    def lately(hours: int) -> np.ndarray:
        return ((flat[after] - flat[after - 2 * hours]) / (2 * hours)).ravel()

    def daily(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, SLOTS, axis=0)

    columns = [demand[days - lag].ravel() for lag in PAST_DAYS]
    columns += [daily(demand[days - lag].mean(1)) for lag in PAST_DAYS]
    columns += [daily(demand[days - 1, -1]), np.tile(np.arange(SLOTS), len(days)), daily(weekday(days))]
    columns += [temperature[days - 1].ravel(), *(daily(temperature[days - lag].mean(1)) for lag in (1, 2))]
    if weather:
        today = temperature[days]
        columns += [today.ravel(), lately(3), lately(24)]
        columns += [daily(each) for each in (today.mean(1), today.max(1), today.min(1))]
    return np.column_stack([*columns, daily(_calendar(days)[:, WEEK:])])
