"""Opening of the page: a verdict in one sentence, and the number that it rests on."""

from collections.abc import Collection, Sequence
from typing import Any

from wsss import runnames
from wsss.config.segmenter import PUBLISHED
from wsss.metrics import choice
from wsss.metrics.classifier import ClassifierScores
from wsss.metrics.result import CRITERIA, METRICS
from wsss.report import repeats, tables
from wsss.report.content import RunResults, Step, base_of, final, in_sentence, steps
from wsss.report.repeats import Chain
from wsss.report.verdicts import TIE, is_worthless

_NAMED = 4
"""Largest number of classes that the verdict names."""

_WORTHLESS = "None of these is known to tell which of two runs is better (see wsss best)."
"""What is said of criteria of location as long as none may choose."""

_SPACE = "\N{NO-BREAK SPACE}"


def headline(runs: Sequence[RunResults]) -> dict[str, Any] | None:
    """Return the verdict and the leading metric of the best last step; None without any.

    Repeats count by their mean, since the best seed is too optimistic.
    """
    chains = repeats.chains(runs)
    own = [chain for chain in chains if not runnames.is_bound(chain.name)]
    reached = [(chain, step) for chain in own if (step := _last(chain)) is not None]
    if not reached:
        return None
    if all(step.metrics.miou is None for _, step in reached):
        return _without_masks([run for run in runs if not runnames.is_bound(run.name)])
    chain, step = max(reached, key=lambda pair: pair[1].metrics.miou or 0.0)
    seeds = (s for s in chain.steps if s.metrics.threshold is not None and not s.reference)
    seed = next(seeds, step)
    return {
        **_verdict(chain, step, chains, alone=len(own) == 1),
        "run": chain.name,
        "step": step,
        "value": tables.percent(step.metrics.miou),
        "metric": METRICS["miou"].title,
        "has_masks": True,
        "learnt": _learnt(chain, step),
        "present": tables.percent(step.metrics.miou_present),
        "seed": tables.percent(seed.metrics.miou)
        if seed and seed.product != step.product
        else None,
        "seeds": chain.seeds,
        "std": _deviation(chain, step, runs),
    }


def _last(chain: Chain) -> Step | None:
    """Return the last step, bounds left out."""
    return next((step for step in reversed(chain.steps) if not step.reference), None)


def _learnt(chain: Chain, step: Step) -> list[str]:
    """Return what a step has learnt from: image labels, and the masks that its variant names.

    What a published checkpoint has learnt from is not known.
    """
    _, *masks = chain.first.variants.get(step.product, "").split(" + ")
    return [] if PUBLISHED in masks else ["image labels", *masks]


def _deviation(chain: Chain, step: Step, runs: Sequence[RunResults]) -> str:
    """Return the standard deviation of the mIoU over the repeats; empty for a single run."""
    found = (r for r in repeats.repeated(runs) if (r.group, r.step.key) == (chain.name, step.key))
    one = next(found, None)
    return "" if one is None else tables.percent(one.std["miou"])


def _verdict(chain: Chain, step: Step, chains: Sequence[Chain], alone: bool) -> dict[str, Any]:
    """Return the verdict on a run with masks: its sentence, and whether it is bad."""
    value, nothing = step.metrics.miou or 0.0, step.metrics.miou_background or 0.0
    text = f"The mIoU of the {in_sentence(step.label)}" + ("" if alone else f" of {chain.name}")
    if is_worthless(value, nothing):
        text += " is no higher than that of everything background: these masks are worth nothing."
        return {"verdict": text, "bad": True}
    text += f" is {100 * (value - nothing):.1f} points above that of everything background"
    if bound := repeats.bound_of(chain, chains):
        share = 100 * value / max(bound.metrics.miou or 0.0, TIE)
        text += f" and reaches {share:.0f}{_SPACE}% of what masks give"
    base = base_of(chain.steps, step)
    lost = (base.metrics.miou or 0.0) - value if base else 0.0
    if base and lost > TIE:
        text += f", but {100 * lost:.1f} points below that of the {in_sentence(base.label)}"
    return {"verdict": f"{text}.", "bad": False}


def _without_masks(runs: Sequence[RunResults]) -> dict[str, Any]:
    """Return what is known without masks: the criterion that may choose among runs, or else mAP.

    The criteria of location of the masks are beside it, and the segmenter's label agreement.
    Agreement of maps that are given the labels says nothing, hence does not occur.
    """
    if lead := choice.earned():
        reached = [(run, value) for run in runs if (value := criteria(run).get(lead)) is not None]
        if reached:
            best, top = max(reached, key=lambda pair: pair[1])
            return _unmeasured(best, (METRICS[lead].title, top))
    known = [run for run in runs if run.scores is not None and run.scores.map is not None]
    run = max(known, key=lambda run: (run.scores and run.scores.map) or 0.0, default=runs[0])
    return _unmeasured(run, ("mAP", run.scores.map) if known and run.scores else None)


def _unmeasured(run: RunResults, lead: tuple[str, float | None] | None) -> dict[str, Any]:
    """Return the leading number of a run without masks, and what stands beside it.

    Args:
        run: the run.
        lead: title and value of the number; None = the segmenter's label agreement.
    """
    step = final(run)
    agreement = None if step is None or step.circular else step.metrics.label_agreement
    scores = run.scores if run.scores and run.scores.map is not None else None
    metric, value = lead or ("label agreement", agreement)
    text = "Nobody has measured how good these masks are, since there are none to compare with"
    if scores:
        text += f"; {_of_classifier(scores)}"
    return {
        "verdict": f"{text}.",
        "bad": bool(scores and scores.not_learnt),
        "run": run.name,
        "scores": scores,
        "map": scores and tables.percent(scores.map),
        "value": None if value is None else tables.percent(value),
        "metric": metric,
        "has_masks": False,
        "agreement": None if agreement is None else tables.percent(agreement),
        "criteria": tables.listed(
            f"{METRICS[name].title} {tables.percent(value)} %"
            for name, value in criteria(run).items()
        ),
        "worth": choice.reason() if choice.earned() else _WORTHLESS,
    }


def _of_classifier(scores: ClassifierScores) -> str:
    """Return which classes a classifier recognises, as far as the held-out images say it."""
    if not scores.judged:
        return "too few images are held out to judge the classifier"
    if scores.not_learnt:
        return f"the classifier does not recognise {_named(scores.not_learnt)}"
    if scores.unjudged:
        few = f"too few are held out to judge {_named(scores.unjudged)}"
        return f"the classifier recognises {_named(scores.judged)}; {few}"
    return "the classifier recognises every class"


def _named(classes: Collection[str]) -> str:
    """Return the names of classes, or their number where they are many."""
    return tables.listed(classes if len(classes) <= _NAMED else [f"{len(classes)} classes"])


def criteria(run: RunResults) -> dict[str, float]:
    """Return the criteria of location of the last masks of a run that have each."""
    return {
        name: value
        for step in steps(run)
        for name in CRITERIA
        if not step.reference and (value := step.metrics.value(name)) is not None
    }
