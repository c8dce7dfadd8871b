"""What the columns of the published data of the chapter *applications/demand* mean."""

from __future__ import annotations

COLUMNS = {
    "model": "network or baseline",
    "cell": "lstm, gru, rnn (tanh), or baseline",
    "seed": "of the first weights and the order of the days; −1 for a baseline, which has none",
    "season": "that is forecast; all is the four together",
    "mae": "mean absolute error, MW",
    "skill": "1 − error ÷ error of the best baseline, seeds averaged",
    "days": "forecast",
    "horizon": "day: 48 half-hours at midnight",
    "covered": "share of half-hours between the outer quantiles, 0 to 1",
    "pinball": "mean pinball loss of the three quantiles, GW",
    "score": "error of repeating yesterday ÷ error",
}
PEAKS = {
    "day": "of the year, from 0",
    "hour": "of the day",
    "model": "demand (what happened), yesterday (the day before), lstm, gru, or the best baseline",
    "low": "lower quantile of the forecast, GW",
    "median": "forecast, GW",
    "high": "upper quantile of the forecast, GW; equal to low where there is no range",
}
TUNING = {"mae": "mean absolute error, GW"}
