"""Captions, descriptions and data of the figures of the chapter *applications/speech*, from its runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evidence.figures import LABELS
from evidence.statistics import bootstrap
from evidence.tuning import Tuned
from evidence.verdicts import ledger
from experiments.speech.analysis import cases, name_of, points, summary
from experiments.speech.early import KINDS
from experiments.speech.runs import LOOKS
from experiments.speech.transcribing import KERNEL, LAYERS
from tasks import espeak, logmel, spoken, vowels


def data_numbers(early: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose that tell the data and the budgets, by name."""
    return {
        "step": f"{1000 * spoken.STEP:.0f}",
        "strings": f"{spoken.COUNTS['train']:,}",
        "validation": str(spoken.COUNTS["validation"]),
        "test": str(spoken.COUNTS["test"]),
        "bands": str(logmel.BANDS),
        "shortest": str(spoken.SHORTEST),
        "longest": str(spoken.LONGEST),
        "variants": str(len(espeak.variants())),
        "accents": str(len(espeak.ACCENTS)),
        "reach": str(LAYERS * (KERNEL - 1) + 1),
        "vowels": str(len(vowels.load()["test"].y)),
        "vowels-known": str(len(vowels.load()["full"].y)),
        "early-steps": str(int(early["steps"].iloc[0])),
        "early-rates": " and ".join(
            f"{part['learning_rate'].iloc[0]:g} ({LABELS[cell]})" for cell, part in early.groupby("cell", sort=False)
        ),
    }


def example_caption(strings: spoken.Strings, chosen: Sequence[int]) -> str:
    """Caption of the example strings."""
    return (
        f"What a network hears: {len(chosen)} strings of the test, synthetic speech with noise, each in another voice. "
        f"Each column is a frame of {1000 * logmel.WINDOW:.0f} ms, taken every {1000 * logmel.HOP:.0f} ms; {spoken.STACK} "
        f"columns make a step of the network. Brighter is louder, low tones are at the bottom. Nothing says where a digit begins."
    )


def example_alt(strings: spoken.Strings, chosen: Sequence[int]) -> str:
    """The example strings in words."""
    parts = [
        f"{' '.join(spoken.WORDS[digit] for digit in strings.digits[place][: strings.counts[place]])}, "
        f"{strings.lengths[place] * spoken.STEP:.1f} seconds"
        for place in chosen
    ]
    return (
        "Pictures of sound, time against mel band, with bright bands where a vowel is spoken: " + "; ".join(parts) + "."
    )


def example_data(strings: spoken.Strings, chosen: Sequence[int]) -> pd.DataFrame:
    """One row a frame of the example strings: `string`, `seconds` and the bands."""
    parts = []
    for place in chosen:
        frames = strings.x[: strings.lengths[place], place].reshape(-1, logmel.BANDS)
        table = pd.DataFrame(frames.round(3), columns=[f"band {band}" for band in range(logmel.BANDS)])
        table.insert(0, "seconds", np.round(np.arange(len(frames)) * logmel.HOP, 3))
        table.insert(0, "string", place)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def tuning_caption(tuned: Tuned) -> str:
    """Caption of the tuning figure."""
    return (
        f"Mean label error rate on {tuned.runs['seed'].nunique()} tuning seeds and {spoken.COUNTS['validation']} strings of "
        "synthetic speech in voices of their own, against the learning rate. A ring marks the rate chosen."
    )


def tuning_alt(tuned: Tuned) -> str:
    """The tuning figure in words."""
    parts = [
        f"{name_of(row['network'], row['directions'], row['match'])} {100 * (1 - row['score']):.0f} % at {row['learning_rate']:g}"
        for row in tuned.best.to_dict("records")
    ]
    return "Label error rate against learning rate. Lowest rate of each network and where: " + "; ".join(parts) + "."


def errors_caption(seeds: int) -> str:
    """Caption of the headline figure."""
    return (
        f"Label error rate on {spoken.COUNTS['test']} strings of synthetic speech in voices that are not in the training set. "
        f"{seeds} seeds, every one a marker; bars are means with 95 % bootstrap intervals. Hollow: the GRU with as many "
        "parameters as the LSTM. The last two rows are networks without recurrence."
    )


def errors_alt(runs: pd.DataFrame) -> str:
    """The headline figure in words."""
    parts = [
        f"{row['name']} {row['mean']:.1f} % [{row['low']:.1f}, {row['high']:.1f}]"
        for row in summary(runs).to_dict("records")
    ]
    return "Dot plot of the label error rate by network, mean and 95 % interval: " + "; ".join(parts) + "."


def differences_caption(seeds: int) -> str:
    """Caption of the figure of differences."""
    return (
        f"Label error rate of the LSTM minus that of the GRU with the same seed, synthetic speech. {seeds} seeds, every one a "
        f"marker; bars are means with 95 % bootstrap intervals. Left of the dashed line, {abs(ledger()['U2'].margin):g} point, "
        "the LSTM's lead counts. Hollow: the GRU has as many parameters as the LSTM."
    )


def differences_alt(table: pd.DataFrame) -> str:
    """The figure of differences in words."""
    parts = [
        f"{condition}: {points(bootstrap(part['difference'].to_numpy()))}"
        for condition, part in table.groupby("condition", sort=False)
    ]
    return "Dot plot of LSTM minus GRU in label error rate, mean and 95 % interval: " + "; ".join(parts) + "."


def descent_caption(seeds: int) -> str:
    """Caption of the figure of learning."""
    return (
        f"Label error rate on the test voices (synthetic speech) over the training, {LOOKS} looks; thin lines are {seeds} seeds, "
        "thick lines their medians. At the start all answers are blank, which is an error rate of one hundred percent. The "
        "networks without recurrence are the same in both panels."
    )


def descent_alt(runs: pd.DataFrame) -> str:
    """The figure of learning in words."""
    parts = []
    for case in cases():
        part = runs[np.logical_and.reduce([runs[key] == value for key, value in case.items()])]
        values = 100 * np.median([curves["errors"] for curves in part["curves"]], axis=0)
        parts.append(f"{name_of(**case)} " + ", ".join(f"{value:.0f}" for value in values))
    return "Median label error rate in percent at each look: " + "; ".join(parts) + "."


def descent_data(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and look: network, `step`, `errors`."""
    keys = ["network", "directions", "match", "seed"]
    return pd.concat(
        [
            pd.DataFrame({key: row["curves"][key] for key in ("step", "errors")}).assign(
                **{key: row[key] for key in keys}
            )
            for _, row in runs.iterrows()
        ],
        ignore_index=True,
    )


def early_caption(early: pd.DataFrame) -> str:
    """Caption of the figure of early decisions."""
    return (
        "Japanese vowels, real speech: share of right speakers after so many frames. Cells answer at each frame; "
        f"{early['seed'].nunique()} seeds, every one a dot, lines are medians. Grey: logistic regressions on the mean "
        "of the same frames, and on four summaries (mean, deviation, first and last frame), fitted anew for each "
        "number of frames."
    )


def early_alt(early: pd.DataFrame, plain: pd.DataFrame) -> str:
    """The figure of early decisions in words."""
    frames = early["curves"].iloc[0]["frames"]
    parts = []
    for cell, part in early.groupby("cell", sort=False):
        values = 100 * np.median([curves["heard"] for curves in part["curves"]], axis=0)
        parts.append(
            f"{LABELS[cell]} " + ", ".join(f"{value:.0f} % at {n}" for n, value in zip(frames, values, strict=True))
        )
    for kind, part in plain.groupby("kind", sort=False):
        rows = 100 * part.set_index("frames")["accuracy"]
        parts.append(f"{KINDS[str(kind)]}: " + ", ".join(f"{value:.0f} % at {n}" for n, value in rows.items()))
    return "Accuracy against frames heard. " + "; ".join(parts) + "."


def early_data(early: pd.DataFrame, plain: pd.DataFrame) -> pd.DataFrame:
    """One row a model, seed and number of frames: `model`, `seed`, `frames`, `accuracy`."""
    cells = [
        pd.DataFrame({"frames": row["curves"]["frames"], "accuracy": row["curves"]["heard"]}).assign(
            model=row["cell"], seed=row["seed"]
        )
        for _, row in early.iterrows()
    ]
    rows = plain.assign(model="logistic, " + plain["kind"])[["frames", "accuracy", "model", "seed"]]
    return pd.concat([*cells, rows], ignore_index=True)
