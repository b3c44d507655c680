"""Opening of the page: a verdict in one sentence, and the number that it rests on."""

from collections.abc import Sequence
from typing import Any

from wsss import runnames
from wsss.metrics import choice
from wsss.metrics.result import CRITERIA, METRICS
from wsss.report import repeats, tables
from wsss.report.content import RunResults, Step, base_of, final, steps
from wsss.report.repeats import Chain
from wsss.report.verdicts import TIE, is_worthless


def headline(runs: Sequence[RunResults]) -> dict[str, Any] | None:
    """Return the verdict and the leading metric of the best last step; None without any."""
    own = [run for run in runs if not runnames.is_bound(run.name)]
    reached = [(run, step) for run in own if (step := final(run)) is not None]
    if not reached:
        return None
    if all(step.metrics.miou is None for _, step in reached):
        return _without_masks(own)
    run, step = max(reached, key=lambda pair: pair[1].metrics.miou or 0.0)
    seeds = (s for s in steps(run) if s.metrics.threshold is not None and not s.reference)
    seed = next(seeds, None)
    chains = repeats.chains(runs)
    return {
        **_verdict(next(chain for chain in chains if run.name in chain.runs), chains),
        "run": run.name,
        "step": step,
        "value": tables.percent(step.metrics.miou),
        "metric": METRICS["miou"].title,
        "has_masks": True,
        "present": tables.percent(step.metrics.miou_present),
        "seed": tables.percent(seed.metrics.miou)
        if seed and seed.product != step.product
        else None,
        "repeats": _repeats_of(run, step, runs),
    }


def _verdict(chain: Chain, chains: Sequence[Chain]) -> dict[str, Any]:
    """Return the verdict on a run with masks: its sentence, and whether it is bad."""
    step = chain.steps[-1]
    last = next(s for s in reversed(chain.steps) if not s.reference)
    value, nothing = last.metrics.miou or 0.0, last.metrics.miou_background or 0.0
    what = f"The {last.label[:1].lower()}{last.label[1:]}" + _of_run(chain, chains)
    if is_worthless(value, nothing):
        text = f"{what} is worth nothing: masks in which everything is background score as high."
        return {"verdict": text, "bad": True}
    text = f"{what} is {100 * (value - nothing):.1f} points above everything background"
    if bound := repeats.bound_of(chain, chains):
        text += f" and reaches {100 * value / max(bound.metrics.miou or 0.0, TIE):.0f} % of what"
        text += " masks give"
    base = base_of(chain.steps, step)
    lost = (base.metrics.miou or 0.0) - value if base else 0.0
    if base and lost > TIE:
        text += f", but {100 * lost:.1f} points below the {base.label.lower()} it is made from"
    return {"verdict": f"{text}.", "bad": False}


def _of_run(chain: Chain, chains: Sequence[Chain]) -> str:
    """Return the name of a run where there are several."""
    own = [one for one in chains if not runnames.is_bound(one.name)]
    seeds = f", the mean of {chain.seeds} seeds," if chain.seeds > 1 else ""
    return (
        f" of {chain.name}{seeds}"
        if len(own) > 1
        else seeds.rstrip(",") and f" ({chain.seeds} seeds)"
    )


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
        unlearnt = tables.listed(scores.not_learnt)
        text += (
            f"; the classifier has {f'not learnt {unlearnt}' if unlearnt else 'learnt every class'}"
        )
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
        "worth": choice.reason(),
    }


def criteria(run: RunResults) -> dict[str, float]:
    """Return the criteria of location of the last masks of a run that have each."""
    return {
        name: value
        for step in steps(run)
        for name in CRITERIA
        if not step.reference and (value := step.metrics.value(name)) is not None
    }


def _repeats_of(run: RunResults, step: Step, runs: Sequence[RunResults]) -> dict[str, Any] | None:
    """Return the mIoU over all repeats of a run, since the best seed is too optimistic."""
    for one in repeats.repeated(runs):
        if (one.group, one.step.key) == (runnames.group(run.name), step.key):
            value = tables.spread(one.step.metrics.miou, one.std["miou"])
            return {"seeds": one.seeds, "value": value}
    return None
