"""Online forecasters of glucose without a recurrent network: a linear autoregression and the trees of river.

Each has `predict(x)` and `learn(x, change)` for one reading: `x` (24,) as from `glucose.changes`, and the change until the
target, on the same scale. Introduced in the chapter *applications/streaming*.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from gatedrnn.checks import require

KINDS = ("persistence", "autoregression", "river linear", "river tree")


class Persistence:
    """As now."""

    def predict(self, x: np.ndarray) -> float:
        """No change."""
        return 0.0

    def learn(self, x: np.ndarray, change: float) -> None:
        """Nothing to learn."""


class RecursiveLeastSquares:
    """Linear autoregression whose weights are the exact least-squares solution after every reading.

    Args:
        inputs: of x. forgetting: λ, by which older errors count less; 1 forgets nothing.
        ridge: penalty on the squared weights at the start.

    The usual recursion: with K = P x / (λ + xᵀ P x), w ← w + K (y − xᵀ w) and P ← (P − K xᵀ P) / λ.
    """

    def __init__(self, inputs: int, forgetting: float, ridge: float = 1.0) -> None:
        self.w = np.zeros(inputs + 1)
        self.P = np.eye(inputs + 1) / ridge
        self.forgetting = forgetting

    def predict(self, x: np.ndarray) -> float:
        """Change expected."""
        return float(self.w[:-1] @ x + self.w[-1])

    def learn(self, x: np.ndarray, change: float) -> None:
        """Take in one pair."""
        x = np.append(x, 1.0)
        Px = self.P @ x
        gain = Px / (self.forgetting + x @ Px)
        self.w += gain * (change - self.w @ x)
        self.P = (self.P - np.outer(gain, Px)) / self.forgetting


class River:
    """A regressor of the package river, which takes one dict at a time.

    Args:
        kind: `river linear`, stochastic gradient descent; `river tree`, an adaptive Hoeffding tree with linear leaves.
        rate: learning rate of the linear model or of the leaves.
    """

    def __init__(self, kind: str, rate: float) -> None:
        from river import linear_model, optim, tree

        linear = linear_model.LinearRegression(optim.SGD(rate), intercept_lr=rate)
        self.model: Any = linear
        if kind == "river tree":
            self.model = tree.HoeffdingAdaptiveTreeRegressor(grace_period=200, leaf_model=linear, seed=0)

    def predict(self, x: np.ndarray) -> float:
        """Change expected."""
        return float(self.model.predict_one(dict(enumerate(x.tolist()))))

    def learn(self, x: np.ndarray, change: float) -> None:
        """Take in one pair."""
        self.model.learn_one(dict(enumerate(x.tolist())), change)


def build(kind: str, setting: float, inputs: int) -> Any:
    """A fresh forecaster: `setting` is λ of the autoregression, the learning rate of river's models."""
    require("kind", kind, KINDS)
    if kind == "persistence":
        return Persistence()
    return RecursiveLeastSquares(inputs, setting) if kind == "autoregression" else River(kind, setting)


def state_bytes(model: Any) -> int:
    """Bytes that a forecaster keeps for one stream: its arrays, or what it takes to store it whole."""
    if isinstance(model, Persistence):
        return 0
    if isinstance(model, RecursiveLeastSquares):
        return model.w.nbytes + model.P.nbytes
    return len(pickle.dumps(model.model))
