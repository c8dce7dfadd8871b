"""What the columns of the published data of the chapter *memory/gradients* mean."""

from __future__ import annotations

COLUMNS = {
    "start": "of the gate that keeps: default, bias:<number> or chrono; of a tanh network default or orthogonal",
    "lag": "steps back from the end of the sequence; of kept and apart, steps since the first",
    "gain": "log10 of the gain of the memory's gradient over this lag, or over the delay (c of an LSTM, else h)",
    "input": "log10 of the loss's gradient by the input at this lag, ÷ that by the last input",
    "kept": "share of a difference in the first step that is still in place, median over pairs of sequences",
    "apart": "length of that difference ÷ its length after the first step, median over pairs of sequences",
    "delay": "steps of noise between the symbol and the question",
    "solved": "1 where the run solved the task, else 0",
    "steps": "training steps to the solution; all that were allowed where there is none",
    "steps_allowed": "training steps allowed",
    "step": "training step of the look, 0 is the fresh network",
    "open": "log10 of the gain of the memory's gradient over the delay at that step",
}
