"""From runs to a verdict: who is ahead, by how much, does it matter, how sure; and the one word that follows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from evidence.ladder import Ladder
from evidence.ledger import FACTORS, Claim, ledger
from evidence.record import current
from evidence.significance import Equivalence, sign_flip, tost_paired
from evidence.statistics import Interval, Values, check_sample, log_ratios, mean_interval

SUPPORTED, CONTRADICTED, DEPENDS, INCONCLUSIVE = "supported", "contradicted", "depends", "inconclusive"
LESS, NOT_TRAINED, LEFT_OUT = "ahead, less than the margin", "not trained out", "left out"
DECIDED = (SUPPORTED, CONTRADICTED, LESS)
ALPHA = 0.05


@dataclass(frozen=True)
class Evidence:
    """What was measured under one condition: an interval, and where there are pairs, tests that have to agree with it.

    Args:
        interval: of the claim's metric.
        p: of the test against the claim's margin.
        equivalence: for claims of equivalence.
        p_even: of the test against no difference at all.
        left_out: why the condition tells nothing, such as `all at the ceiling`; it is shown and does not count.
    """

    interval: Interval
    p: float | None = None
    equivalence: Equivalence | None = None
    p_even: float | None = None
    left_out: str = ""


@dataclass(frozen=True)
class Stratum:
    """The verdict on a claim under one condition; `ahead`: a cell or `neither`; `matters`: `yes`, `no` or `open`."""

    name: str
    estimate: float
    low: float
    high: float
    word: str
    p: float | None = None
    n: int = 0
    ahead: str = ""
    matters: str = ""
    left_out: str = ""


@dataclass(frozen=True)
class Attack:
    """What became of a verdict under an attack; `outcome`: `stands`, `falls` or `open`."""

    name: str
    word: str
    outcome: str


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim, with the conditions that it rests on."""

    id: str
    word: str
    effect: float
    low: float
    high: float
    unit: str
    factor: str | None = None
    p: float | None = None
    strata: list[Stratum] = field(default_factory=list)
    ahead: str = ""
    matters: str = ""
    sample: str = ""
    attacks: list[Attack] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Such as `supported` or `depends (on the kernel)`."""
        return f"{self.word} (on {self.factor})" if self.word == DEPENDS and self.factor else self.word


Given = Mapping[str, Evidence | Interval] | Evidence | Interval


def weigh(id: str, values: Values, *, left_out: str = "") -> Evidence:
    """Evidence from paired results: t interval, and sign-flip tests against the claim's margin and against no difference.

    Args:
        id: claim of the ledger. values: (n,) its metric, one value a pair of runs; ratios where its unit is a ratio.
        left_out: see `Evidence`.
    """
    claim = ledger()[id]
    back: Callable[[float], float] = float
    sample, margin = check_sample("values", values), claim.margin
    if claim.unit == "ratio":
        sample, margin, back = log_ratios(sample, np.ones(len(sample))), math.log(claim.margin), math.exp
    tested = tost_paired(sample, np.zeros(len(sample)), margin) if claim.rule == "equivalent" else None
    outside = claim.rule == "equivalent" and sample.mean() < 0  # the nearer of two margins
    p = sign_flip(sample, -margin if outside else margin)
    return Evidence(mean_interval(sample).mapped(back), p, tested, sign_flip(sample), left_out)


def decide(
    id: str,
    strata: Given | bool,
    factor: str | None = None,
    *,
    differ: float | None = None,
    attacks: Mapping[str, Given] | None = None,
    flat: bool = True,
    sample: str = "seeds",
) -> Verdict:
    """Apply a claim's rule to what was measured.

    Args:
        id: claim of the ledger, such as `P1`.
        strata: evidence by condition, or one for all; for a claim of the rule `exact`, whether it holds.
        factor: what tells the conditions apart, for "depends on …".
        differ: p of the one test that the conditions differ, see `significance.interaction`.
        attacks: evidence under what the ledger says could overturn the verdict, by its name there.
        flat: whether more training moves the answer no more; see `is_flat`.
        sample: what the intervals are over.

    Returns:
        The verdict: that of all conditions if they agree, `depends` if the claim holds in some and fails in others,
        else `inconclusive`. Its effect is that of the condition in the middle; its interval spans all of them.
    """
    if id not in ledger():
        raise ValueError(f"claim {id!r} is unknown; allowed: {', '.join(ledger())}")
    claim = ledger()[id]
    if claim.rule == "none":
        raise ValueError(f"claim {id!r} has the rule 'none': no experiment can settle it")
    if isinstance(strata, bool | np.bool_):
        if claim.rule != "exact":
            raise ValueError(f"claim {id!r} has the rule {claim.rule!r}: it needs an interval, not {strata!r}")
        word, value = SUPPORTED if strata else CONTRADICTED, float(strata)
        return Verdict(id, word, value, value, value, claim.unit, sample="counted")
    if claim.rule == "exact":
        raise ValueError(f"claim {id!r} has the rule 'exact': it needs True or False, not an interval")
    verdict = overall(claim, _judged(claim, strata), factor, differ, sample)
    tried = [_attack(claim, verdict, name, given) for name, given in (attacks or {}).items()]
    verdict = attacked(verdict, tried)
    return replace(verdict, word=NOT_TRAINED) if not flat and verdict.word in (*DECIDED, DEPENDS) else verdict


def attacked(verdict: Verdict, tried: list[Attack]) -> Verdict:
    """The verdict with its attacks: decided, it depends on what an attack that overturned it had changed."""
    fallen = dict.fromkeys(FACTORS[each.name] for each in tried if each.outcome == "falls")
    if fallen and verdict.word in DECIDED:
        verdict = replace(verdict, word=DEPENDS, factor=" and ".join(fallen))
    return replace(verdict, attacks=tried)


def is_flat(id: str, rungs: Sequence[float]) -> bool:
    """Whether a ladder of budgets is flat at its top, in units of the claim's margin: see `evidence.ladder.Ladder.flat`.

    Args:
        id: claim of the ledger. rungs: its metric at each budget, the smallest first; at least 2.
    """
    if len(rungs) < 2:
        raise ValueError(f"rungs = {list(rungs)!r} is not allowed: at least 2 budgets")
    leads = [ledger()[id].lead(each) for each in rungs]
    return Ladder(dict(enumerate(leads)), margin=1.0).flat


def settled(id: str, found: Mapping[str, Evidence], rungs: Mapping[str, Mapping[int, float]]) -> dict[str, Evidence]:
    """The evidence by condition; left out is a condition whose answer still hangs on the budget.

    Args:
        id: claim of the ledger. found: evidence at the largest budget.
        rungs: by condition, its metric at each budget; a condition without rungs counts as it is.
    """
    lead = ledger()[id].lead

    def moves(name: str, each: Evidence) -> bool:
        ladder = Ladder({budget: lead(value) for budget, value in rungs.get(name, {}).items()}, margin=1.0)
        return name in rungs and not ladder.settled(*sorted((lead(each.interval.low), lead(each.interval.high))))

    return {
        name: replace(each, left_out=NOT_TRAINED) if not each.left_out and moves(name, each) else each
        for name, each in found.items()
    }


def _judged(claim: Claim, given: Given) -> list[Stratum]:
    parts = given if isinstance(given, Mapping) else {"all": given}
    if not parts:
        raise ValueError(f"claim {claim.id!r}: no evidence was given")
    return [_judge(claim, name, each) for name, each in parts.items()]


def overall(
    claim: Claim, strata: list[Stratum], factor: str | None, differ: float | None = None, sample: str = "seeds"
) -> Verdict:
    """One verdict from those of several conditions; what is left out does not count."""
    counted = [each for each in strata if each.word != LEFT_OUT]
    moving = any(each.left_out == NOT_TRAINED for each in strata)
    word = _word({each.word for each in counted}) if counted else NOT_TRAINED if moving else INCONCLUSIVE
    p = max((each.p for each in counted if each.p is not None), default=None)  # wrong where one of them is
    if word == DEPENDS:
        p = differ
        word = INCONCLUSIVE if differ is not None and differ >= ALPHA else word
    shown = counted or strata
    middle = sorted(each.estimate for each in shown)[(len(shown) - 1) // 2]
    low, high = min(each.low for each in shown), max(each.high for each in shown)
    ahead, matters = (_tally([getattr(each, name) for each in counted]) for name in ("ahead", "matters"))
    sizes = sorted({each.n for each in shown})
    said = f"{sizes[0]} {sample}" if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]} {sample}"
    said = "counted" if not any(sizes) else said
    return Verdict(claim.id, word, middle, low, high, claim.unit, factor, p, strata, ahead, matters, said)


def _word(words: set[str]) -> str:
    if len(words) == 1:
        return words.pop()
    if SUPPORTED in words:
        return DEPENDS if words & {CONTRADICTED, LESS} else INCONCLUSIVE
    return CONTRADICTED if words == {CONTRADICTED, LESS} else INCONCLUSIVE


def _tally(parts: list[str]) -> str:
    """Such as `GRU`, or `GRU in 3, neither in 2 of 5`."""
    counts = Counter(part for part in parts if part)
    if len(counts) < 2:
        return next(iter(counts), "")
    return ", ".join(f"{name} in {count}" for name, count in counts.most_common()) + f" of {counts.total()}"


def _judge(claim: Claim, name: str, given: Evidence | Interval) -> Stratum:
    evidence = given if isinstance(given, Evidence) else Evidence(given)
    interval, p = evidence.interval, evidence.p
    word = _equivalent(claim, name, evidence) if claim.rule == "equivalent" else _beyond(claim, evidence)
    if evidence.equivalence and word != CONTRADICTED:
        p = evidence.equivalence.p
    ahead = _ahead(claim, evidence)
    matters = {SUPPORTED: "yes", CONTRADICTED: "no", LESS: "no"}.get(word, "open")
    if claim.favours:
        least, most = sorted((claim.lead(interval.low), claim.lead(interval.high)))
        outside = ahead != "neither" and (least > 1 or most < -1)
        matters = "yes" if outside else "no" if least >= -1 and most <= 1 else "open"
    if evidence.left_out:
        word, p = LEFT_OUT, None
    ends = (interval.estimate, interval.low, interval.high)
    return Stratum(name, *ends, word, p, interval.n, ahead, matters, evidence.left_out)


def _equivalent(claim: Claim, name: str, evidence: Evidence) -> str:
    test, interval = evidence.equivalence, evidence.interval
    if test is None:
        raise ValueError(f"claim {claim.id!r} has the rule 'equivalent': evidence {name!r} lacks its test")
    if not math.isclose(test.margin, claim.margin):
        margins = f"± {test.margin}; the ledger's margin is {claim.margin}"
        raise ValueError(f"claim {claim.id!r}: evidence {name!r} was tested against {margins}")
    if test.equivalent:
        return SUPPORTED
    outside = interval.low > claim.margin or interval.high < -claim.margin
    return CONTRADICTED if outside and _agrees(evidence.p) else INCONCLUSIVE


def _beyond(claim: Claim, evidence: Evidence) -> str:
    interval, margin = evidence.interval, claim.sign * claim.margin
    near, far = sorted((claim.sign * interval.low, claim.sign * interval.high))
    if not _agrees(evidence.p):
        return INCONCLUSIVE
    if near > margin:
        return SUPPORTED
    if far < margin or (far == near == margin):
        sure = near > claim.sign * claim.even and _agrees(evidence.p_even)
        return LESS if sure and claim.rule != "noninferior" else CONTRADICTED
    return INCONCLUSIVE


def _ahead(claim: Claim, evidence: Evidence) -> str:
    if not claim.favours:
        return ""
    interval = evidence.interval
    if interval.low <= claim.even <= interval.high or not _agrees(evidence.p_even):
        return "neither"
    other = {"LSTM": "GRU", "GRU": "LSTM"}[claim.favours]
    return claim.favours if claim.lead(interval.estimate) > 0 else other


def _agrees(p: float | None) -> bool:
    return p is None or p < ALPHA


def _attack(claim: Claim, verdict: Verdict, name: str, given: Given) -> Attack:
    if name not in claim.attacks:
        allowed = ", ".join(claim.attacks) or "none"
        raise ValueError(f"claim {claim.id!r}: attack {name!r} was not named beforehand; allowed: {allowed}")
    strata = _judged(claim, given)
    before = {each.name: each.word for each in verdict.strata}
    pairs = [(before.get(each.name, verdict.word), each.word) for each in strata]
    pairs = [(was, now) for was, now in pairs if was != LEFT_OUT] or pairs  # what does not count cannot fall
    outcome = "stands" if all(was == now for was, now in pairs) else "open"
    sides = [(was == SUPPORTED, now == SUPPORTED) for was, now in pairs if {was, now} <= {*DECIDED}]
    if verdict.word in DECIDED and any(
        was != now for was, now in sides
    ):  # a claim fails by contradiction or by too small a lead
        outcome = "falls"
    return Attack(name, _word({now for _, now in pairs}), outcome)


def record(verdict: Verdict, *, figure: str, sentence: str, measured: bool = False) -> None:
    """Keep a verdict in the chapter's record.

    Args:
        verdict: from `decide`.
        figure: id of the figure that shows it.
        sentence: what it means for a reader who has to choose; made from numbers.
        measured: whether it rests on timings, which differ from machine to machine.
    """
    if running := current():
        entry = {**asdict(verdict), "text": verdict.text, "figure": figure, "sentence": sentence, "measured": measured}
        running.add("verdicts", entry, key="id")
