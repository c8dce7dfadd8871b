"""What the columns of the published data of the chapter *verdicts* mean."""

from __future__ import annotations

EVIDENCE = {
    "id": "claim of the ledger",
    "metric": "what is measured for it",
    "unit": "of the metric",
    "rule": "how its interval is judged",
    "margin": "least effect that matters, fixed beforehand",
    "name": "condition",
    "estimate": "the metric under it",
    "high": "upper end",
    "word": "verdict of this condition alone",
    "p": "of its test; empty where none was made",
    "n": "seeds, pairs or rounds",
    "ahead": "cell that is surely ahead under this condition",
    "matters": "whether the lead passes the margin",
    "left_out": "why the condition is left out of the verdict",
}
