"""The code that the guide gives does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent

GUIDE = (Path(__file__).resolve().parents[1] / "chapters" / "guide.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("cell", "kind"), [("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_the_chrono_start_of_the_guide_is_the_books_own(cell: str, kind: type[nn.RNNBase]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    names: dict = {}
    exec(code, names)
    stock, own = kind(3, 64), Recurrent(cell, 3, 64)
    torch.manual_seed(1)
    names["chrono"](stock, 200)
    torch.manual_seed(1)
    initialise(own, "chrono:200")
    keeping = slice(64, 128)  # the LSTM's forget gate and the GRU's update gate both stand second
    mine = own.layers[0].bias_ih + own.layers[0].bias_hh
    theirs = stock.bias_ih_l0 + stock.bias_hh_l0
    assert torch.allclose(theirs[keeping], mine[keeping], atol=1e-5)
    assert cell == "gru" or torch.allclose(theirs[:64], mine[:64], atol=1e-5)
