"""Models: a recurrent core and a head. Widths are solved for a parameter budget, not guessed.

Between core and head lies an `nn.Dropout` that drops nothing, unless `gatedrnn.training.train` is told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from gatedrnn.initialisation import initialise
from gatedrnn.kernels.lengths import at_lengths
from gatedrnn.layers import Recurrent


class Classifier(nn.Module):
    """One label a sequence, read off the last state.

    Args:
        core: recurrent layers.
        classes: K.
    """

    def __init__(self, core: Recurrent | nn.Module, classes: int) -> None:
        super().__init__()
        self.core = core
        self.drop = nn.Dropout(0.0)
        self.head = nn.Linear(int(core.hidden_size), classes)  # type: ignore[arg-type]

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(T, B, I) → (B, K) logits; with `lengths` (B,) the state is taken at the true end."""
        outputs, _ = self.core(x)
        return self.head(self.drop(outputs[-1] if lengths is None else at_lengths(outputs, lengths)))


class Tagger(nn.Module):
    """One label, or one number, a step.

    Args:
        core: recurrent layers.
        classes: K.
    """

    def __init__(self, core: Recurrent, classes: int) -> None:
        super().__init__()
        self.core = core
        self.drop = nn.Dropout(0.0)
        self.head = nn.Linear(core.hidden_size, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, I) → (T, B, K) logits."""
        outputs, _ = self.core(x)
        return self.head(self.drop(outputs))


class LanguageModel(nn.Module):
    """Next symbol at every step: embedding, recurrent core, linear head.

    Args:
        cell, hidden_size, num_layers: of the core.
        symbols: V, size of the alphabet.
        embedding_size: E.
        start: gate initialisation, see `gatedrnn.initialisation`.
    """

    def __init__(
        self,
        cell: str,
        symbols: int,
        hidden_size: int,
        embedding_size: int = 32,
        num_layers: int = 1,
        start: str = "default",
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, embedding_size)
        self.core = Recurrent(cell, embedding_size, hidden_size, num_layers)
        initialise(self.core, start)
        self.drop = nn.Dropout(0.0)
        self.head = nn.Linear(hidden_size, symbols)

    def forward(self, symbols: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(T, B) symbols → (T, B, V) logits of the next symbol, and the last state."""
        outputs, last = self.core(self.embedding(symbols), state)
        return self.head(self.drop(outputs)), last


def count_parameters(model: nn.Module) -> int:
    """How many numbers a model learns."""
    return sum(each.numel() for each in model.parameters() if each.requires_grad)


def width_for(budget: int, build: Callable[[int], nn.Module], widest: int = 4096) -> int:
    """Width whose model comes closest to a parameter budget.

    Args:
        budget: parameters wanted.
        build: makes the model of a given width; its parameters must grow with the width.
        widest: largest width considered.

    Returns:
        The width in 1 … widest with the least |parameters − budget|; the smaller one of two equals.

    Raises:
        ValueError: even the narrowest model is more than twice as large, or the widest one is too small.
    """
    low, high = 1, widest
    while low < high:  # first width that reaches the budget
        middle = (low + high) // 2
        if count_parameters(build(middle)) >= budget:
            high = middle
        else:
            low = middle + 1
    near = [width for width in (low - 1, low) if width >= 1]
    best = min(near, key=lambda width: (abs(count_parameters(build(width)) - budget), width))
    found = count_parameters(build(best))
    if found > 2 * budget or 2 * found < budget:
        raise ValueError(f"budget = {budget} is not allowed: width {best} gives {found} parameters")
    return best


def width_of(cell: str, match: str, hidden_size: int, build: Callable[[str, int], nn.Module]) -> int:
    """Width of a cell in a comparison with an LSTM.

    Args:
        cell: the cell. match: `width`, as wide as the LSTM; or `parameters`, as many parameters as the LSTM's whole model.
        hidden_size: width of the LSTM.
        build: makes the whole model of a cell and a width.

    Raises:
        ValueError: no width comes near the parameters of the LSTM's model.
    """
    if match == "width" or cell == "lstm":
        return hidden_size
    return width_for(count_parameters(build("lstm", hidden_size)), lambda width: build(cell, width), 8 * hidden_size)
