"""What all kernels of a layer take: cells, and the shapes of their arguments."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gatedrnn.choices import Choices


@dataclass(frozen=True)
class Shape:
    """What the arguments of a cell look like: G gate blocks in its weights, vectors in its state, and whether its compiled
    kernel keeps one more number a unit for the backward pass."""

    blocks: int
    states: int = 1
    inner: bool = False


SHAPES = Choices(
    "cell",
    {
        "lstm": Shape(4, states=2),
        "gru": Shape(3, inner=True),
        "gru_before": Shape(3, inner=True),
        "rnn": Shape(1),
        "relu": Shape(1),
    },
)


def validate(cell: str, x: Tensor, state: tuple[Tensor, ...], *weights: Tensor) -> None:
    """Refuse what a kernel cannot run.

    Args:
        cell: `lstm`, `gru`, `gru_before`, `rnn` or `relu`.
        x: (T, B, I). state: `(h,)` or `(h, c)`, each (B, H).
        weights: W (G·H, I), U (G·H, H), b and b' (G·H,), all of the dtype of x.

    Raises:
        ValueError: an unknown cell, or a shape or dtype that does not fit; the message names the argument.
    """
    kind = SHAPES[cell]
    if x.dim() != 3 or 0 in x.shape[:2]:
        raise ValueError(f"x of shape {tuple(x.shape)} is not allowed: (T, B, I) with T ≥ 1 and B ≥ 1")
    batch, inputs = x.shape[1:]
    if weights[1].dim() != 2 or 0 in weights[1].shape:
        raise ValueError(f"weight_hh of shape {tuple(weights[1].shape)} is not allowed: (G·H, H) with H ≥ 1")
    hidden = weights[1].shape[-1]
    rows = kind.blocks * hidden
    if len(state) != kind.states:
        raise ValueError(f"state of {len(state)} tensors is not allowed for {cell!r}: (h, c) for 'lstm', else (h,)")
    expected: list[tuple[str, Tensor, tuple[int, ...]]] = [
        *((name, each, (batch, hidden)) for name, each in zip(("state[0]", "state[1]"), state, strict=False)),
        ("weight_ih", weights[0], (rows, inputs)),
        ("weight_hh", weights[1], (rows, hidden)),
        ("bias_ih", weights[2], (rows,)),
        ("bias_hh", weights[3], (rows,)),
    ]
    for name, each, shape in expected:
        if tuple(each.shape) != shape:
            raise ValueError(f"{name} of shape {tuple(each.shape)} is not allowed: {shape}")
        if each.dtype != x.dtype:
            raise ValueError(f"{name} of dtype {each.dtype} is not allowed: {x.dtype}, that of x")
    if not x.is_floating_point():
        raise ValueError(f"x of dtype {x.dtype} is not allowed: a floating-point type")
