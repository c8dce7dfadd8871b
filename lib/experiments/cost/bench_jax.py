"""The same layers in JAX: `lax.scan` under `jit`, one thread, for `make bench`. JAX is not needed for anything else."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from evidence import timing
from experiments.shared import workloads

ENVIRONMENT = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "NPROC": "1",
    "JAX_PLATFORMS": "cpu",
}
"""What holds JAX to one thread; it must be set before JAX is imported."""

SHAPES = ((32, 32, 100), (64, 32, 100), (128, 32, 100), (256, 64, 25))
"""H, B and T of the training steps that are compared."""


def available() -> bool:
    """Whether JAX is installed."""
    return importlib.util.find_spec("jax") is not None


def step(stock: torch.nn.RNNBase, inputs: torch.Tensor) -> Callable[[], tuple[Any, Any]]:
    """Make a compiled training step: mean square of the outputs and its gradients in the weights.

    The inputs are multiplied by the weights in one product before the scan, as every good kernel does.

    Args:
        stock: an LSTM or GRU of torch whose weights are taken.
        inputs: (T, B, I).

    Returns:
        A function without arguments that returns loss and gradients when they are there.
    """
    import jax
    from jax import lax
    from jax import numpy as jnp

    x = jnp.asarray(inputs.numpy())
    weights = tuple(jnp.asarray(each.detach().numpy()) for each in stock.parameters())
    zeros = jnp.zeros((x.shape[1], stock.hidden_size), x.dtype)

    def lstm(carry: Any, ax: Any, u: Any, b2: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(ax + h @ u.T + b2, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def gru(carry: Any, ax: Any, u: Any, b2: Any) -> Any:
        (h,) = carry
        (xr, xz, xn), (hr, hz, hn) = jnp.split(ax, 3, axis=1), jnp.split(h @ u.T + b2, 3, axis=1)
        r, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
        h = (1 - z) * jnp.tanh(xn + r * hn) + z * h
        return (h,), h

    cell, first = (lstm, (zeros, zeros)) if isinstance(stock, torch.nn.LSTM) else (gru, (zeros,))

    def loss(weights: Any, x: Any) -> Any:
        w, u, b, b2 = weights
        _, outputs = lax.scan(lambda carry, ax: cell(carry, ax, u, b2), first, x @ w.T + b)
        return jnp.square(outputs).mean()

    compiled = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(compiled(weights, x))


def compare(rounds: int = 6) -> dict[str, Any]:
    """Time matched kernels and JAX in turns, one thread each, after checking that they compute the same.

    Returns:
        `version` of JAX, `problem` where it could not be measured, and `rows`: `cell`, `hidden_size`, `batch_size`,
        `length`, `gain` (JAX's time ÷ that of the matched kernels), `threads` that JAX kept busy.
    """
    if not available():
        return {"version": None, "problem": "JAX is not installed: pip install -e '.[bench]'", "rows": []}
    import jax

    rows = []
    with timing.threads(1):
        for hidden, batch, length in SHAPES:
            for name in workloads.MATCHED:
                made = workloads.arm(name, "training", hidden, batch, length)
                theirs = step(workloads.layer(workloads.cell_of(name), hidden, hidden), made.inputs)
                _agree(made, theirs)
                readings = timing.interleave({"jax": theirs, "matched": made}, rounds=rounds, min_seconds=0.01)
                gain = float(timing.ratios(readings, "jax", "matched")["ratio"].median())
                shape = {"hidden_size": hidden, "batch_size": batch, "length": length}
                rows.append({"cell": workloads.cell_of(name).upper(), **shape, "gain": gain, "threads": _busy(theirs)})
    return {"version": jax.__version__, "problem": "", "rows": rows}


def _agree(made: workloads.Prepared, theirs: Callable[[], tuple[Any, Any]]) -> None:
    made.call()
    _, gradients = theirs()
    for ours, other in zip(made.module.parameters(), gradients, strict=True):
        np.testing.assert_allclose(ours.grad.numpy(), np.asarray(other), rtol=1e-2, atol=1e-6)


def _busy(call: Callable[[], Any]) -> float:
    """Processor seconds that a call uses for each second it takes."""
    import time

    wall, own = time.perf_counter(), time.process_time()
    for _ in range(10):
        call()
    return (time.process_time() - own) / (time.perf_counter() - wall)
