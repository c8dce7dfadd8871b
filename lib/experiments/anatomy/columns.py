"""What the columns of the published data of the chapter *architecture/anatomy* mean."""

from __future__ import annotations

COLUMNS = {
    "kind": "gate, candidate or state",
    "part": "its letter",
    "bias": "of the keeping gate; 0 is the default start",
    "tied": "True where the LSTM's input gate has the opposite bias of its forget gate",
    "seed": "of the cell drawn and of its inputs",
    "lag": "steps since the first input",
    "kept": "share of the first difference that is still in place; 1 at lag 0",
    "apart": "length of the difference; 1 at lag 0",
    "H": "hidden size of the LSTM",
    "quantity": "parameters; FLOPs of a step; state, bytes; kept, bytes a step leaves for the backward pass",
    "value": "of the cell at width H",
    "matched": "what is held equal: width or parameters",
    "H_gru": "hidden size of the GRU then",
    "ratio": "GRU ÷ LSTM",
    "V": "symbols of the model's vocabulary",
    "share": "of the LSTM's model that is its recurrent layer, 0 to 1",
}
VERSE = {
    "gate": "f, i, o of an LSTM; r, z of a GRU",
    "unit": "number of the unit; mean is that of all units",
    "tie": "its correlation with the ends of words; empty for the mean",
    "place": "place of the character in the verse, from 0",
    "character": "the character read",
    "value": "of the gate, 0 (shut) to 1 (open)",
}
EQUALITY = {
    "implementation": "reference, or one of the library's kernels",
    "T": "time steps",
    "B": "sequences side by side",
    "H": "hidden size",
    "precision": "of the floating-point numbers",
    "quantity": "outputs or gradients",
    "difference": "largest absolute difference from torch.nn",
    "scale": "largest absolute value in torch.nn",
    "relative": "difference ÷ scale",
}
RESET = {
    "scale": "factor on the recurrent weights of the default start",
    "reset": "reset gate: as drawn, or held open",
    "step": "time step",
    "difference": "mean |h after − h before| of the two GRUs",
    "size": "mean |h|",
    "share": "difference ÷ size",
}
