"""What the columns of the published data of the chapter *applications/language* mean."""

from __future__ import annotations

COLUMNS = {
    "length": "steps that the gradient goes back",
    "seed": "of the first weights, the place where reading starts, and the samples",
    "look": "True where the run was also looked into",
    "temperatures": "of the samples drawn; empty where none were",
    "validation": "bits per character on a stretch of the validation text",
    "test": "bits per character on the test text; empty in tuning",
    "step": "training step of the evaluation",
    "context": "characters of the past that the cell is shown",
    "shortened": "bits per character then",
    "by": "how characters are classed: place in the word, rarity of the word, gap since it came last",
    "kind": "class",
    "bits": "mean bits of a character of the class",
}
