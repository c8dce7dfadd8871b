"""Adam, as torch computes it, without what torch imports around it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.adam import adam


class Adam:
    """Adam (Kingma and Ba 2015): `torch.optim.Adam(fused=True)` to the last bit, by the function beneath it.

    The class in torch imports torch's whole compiler when a process makes its first optimiser: 1.4 s in each worker of
    a sweep, only to tell the compiler to keep out.

    Args:
        parameters: to be changed, floats on the CPU.
        lr: learning rate.
        betas, eps: as in torch.
        weight_decay: decoupled, as in `torch.optim.AdamW` (Loshchilov and Hutter 2019).
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self._means = [torch.zeros_like(each) for each in self.parameters]
        self._squares = [torch.zeros_like(each) for each in self.parameters]
        self._steps = [torch.zeros(()) for _ in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for each in self.parameters:
            each.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients; a parameter without one stays, and so do its moments."""
        moved: tuple[list[Tensor], ...] = ([], [], [], [], [])
        for each, *state in zip(self.parameters, self._means, self._squares, self._steps, strict=True):
            if each.grad is not None:
                for column, tensor in zip(moved, (each, each.grad, *state), strict=True):
                    column.append(tensor)
        parameters, gradients, means, squares, steps = moved
        beta1, beta2 = self.betas
        adam(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=self.lr,
            weight_decay=self.weight_decay,
            decoupled_weight_decay=True,
            eps=self.eps,
            maximize=False,
        )
