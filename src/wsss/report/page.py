"""The report as one HTML file that needs no network, no script and no other file."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wsss import runnames
from wsss.metrics import choice
from wsss.metrics.classifier import ClassifierScores
from wsss.metrics.result import CRITERIA, METRICS, Metric, Support, absence
from wsss.metrics.tally import is_wide
from wsss.report import classifiers, plots, repeats, tables
from wsss.report.content import RunResults, Step, absent, final, plateau_of, steps
from wsss.report.panels import Panel
from wsss.report.verdicts import Verdict


@dataclass(frozen=True)
class Training:
    """Results on the images that the runs were trained on."""

    support: Support
    runs: Sequence[RunResults]


@dataclass(frozen=True)
class Facts:
    """Facts about the whole page.

    Attributes:
        dataset: name of the data set; empty when it is not configured.
        support: images of all metrics, except those on the training images.
        class_names: foreground classes.
        config: the configuration as text.
        versions: (package, version) pairs.
    """

    dataset: str
    support: Support
    class_names: Sequence[str]
    config: str
    versions: Sequence[tuple[str, str]]


def render(
    facts: Facts,
    runs: Sequence[RunResults],
    panels: Mapping[str, Sequence[tuple[str, list[Panel]]]],
    training: Training | None = None,
    verdicts: Sequence[Verdict] = (),
) -> str:
    """Return the page.

    Args:
        facts: facts about the whole page.
        runs: the runs to compare, at least one.
        panels: run name -> (heading, picture rows) groups.
        training: results on the training images, if these were evaluated too.
        verdicts: sentences about the runs.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scale = tables.headroom(runs)
    missing = _absence(runs, facts.support)
    lead = headline(runs)
    everything = [step for run in runs for step in steps(run)]
    metrics = tables.shown(bool(lead and lead["has_masks"]), bool(missing), everything)
    trained = {run.name: run.scores for run in training.runs} if training else {}
    return environment.get_template("page.html.j2").render(
        facts=facts,
        absence=missing,
        background=_background(runs),
        headline=lead,
        metrics=_texts(metrics),
        comparison=tables.comparison(runs),
        repeats=_repeats(facts, runs, training),
        training=training and _training(training),
        runs=[
            _run(run, facts, scale, metrics) | _classifier(run, trained.get(run.name))
            for run in runs
        ],
        verdicts=verdicts,
        ticks=ticks(scale),
        panels=panels,
    )


def _run(
    run: RunResults, facts: Facts, scale: float, metrics: Mapping[str, Metric]
) -> dict[str, Any]:
    """Return everything the page shows of one run, ready to print."""
    found = steps(run)
    curves = [e.threshold_curve for e in run.evaluations.values() if e.threshold_curve]
    return {
        "name": run.name,
        "waterfall": tables.waterfall(found, scale),
        "quality": tables.quality(found, metrics),
        "classes": tables.classes(found, facts.class_names),
        "costs": tables.costs(run),
        "missing": run.missing,
        "curves": [
            {"chart": Markup(plots.threshold_curve(curve)), "wide": is_wide(*plateau_of(curve))}
            for curve in curves
        ],
        "losses": [
            (title := run.title(name), Markup(plots.loss_curves(history, title)))
            for name, history in run.histories.items()
            if plots.losses(history)
        ],
    }


def _classifier(run: RunResults, trained: ClassifierScores | None) -> dict[str, Any]:
    """Return the table of the classifier of a run, and its sentences; empty without one."""
    if run.scores is None:
        return {"classifier": None, "not_learnt": []}
    return {
        "classifier": classifiers.table(run.scores, trained),
        "not_learnt": classifiers.sentences(run.scores),
    }


def _texts(metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """Return the headings and explanations of the metrics that the page shows."""
    plain = [metric for metric in metrics.values() if not metric.if_absent]
    masks = [metric for metric in plain if metric.needs_masks]
    others = [metric for metric in plain if not metric.needs_masks]
    return {
        "columns": [metric.short for metric in metrics.values()],
        "definitions": _definitions(metrics.values()),
        "masks": _listed(metric.short for metric in masks),
        "others": _capital(_listed(metric.short for metric in others)),
        "title": _capital(
            _listed([*(m.title for m in masks[1:] if m.std), "metrics without masks"])
        ),
    }


def _definitions(metrics: Iterable[Metric]) -> str:
    """Return the definitions of the metrics that have one, each with the names of its metrics."""
    names: dict[str, list[str]] = {}
    for metric in metrics:
        if metric.definition:
            names.setdefault(metric.definition, []).append(metric.short)
    return " ".join(f"{_capital(_listed(same))}: {text}." for text, same in names.items())


def _listed(names: Iterable[str]) -> str:
    """Return names as in "a, b and c"."""
    found = list(names)
    return " and ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))


def _capital(text: str) -> str:
    """Return a text with a capital, unless its first word has a spelling of its own (mIoU)."""
    return text[:1].upper() + text[1:] if text[1:2].islower() else text


def _absence(runs: Sequence[RunResults], support: Support) -> str:
    """Return the sentence on the classes missing in the masks of the split; empty without any."""
    names = absent(runs)
    return absence(names, support.split) + "." if names else ""


def _training(training: Training) -> dict[str, Any]:
    """Return the table of the training images, by the leading metric."""
    found = tables.measured(step for run in training.runs for step in steps(run))
    metric = "miou" if training.support.images else leading(found)
    return {
        "support": training.support,
        "absence": _absence(training.runs, training.support),
        "metric": _capital(METRICS[metric].title),
        "background": _background(training.runs),
        "comparison": tables.comparison(training.runs, metric),
    }


def _background(runs: Sequence[RunResults]) -> str:
    """Return the sentence on the mIoU of everything background; empty without masks."""
    value = tables.background(step for run in runs for step in steps(run))
    return "" if value is None else f"Everything background has {tables.percent(value)} %."


def leading(found: Container[str]) -> str:
    """Return the metric without masks that runs are compared by, of the criteria that are there.

    It is the criterion that may choose, else the first one that masks of every stage have.
    """
    known = [name for name in (choice.earned(), *CRITERIA) if name and name in found]
    return known[0] if known else "label_agreement"


def _repeats(
    facts: Facts, runs: Sequence[RunResults], training: Training | None
) -> list[dict[str, Any]]:
    """Return the table of repeated runs of every split that has one."""
    parts = [(facts.support, runs), *([(training.support, training.runs)] if training else [])]
    return [
        {
            "support": support,
            "table": table,
            "background": _background(of),
            "definitions": _definitions(repeats.columns(of, support.images > 0).values()),
        }
        for support, of in parts
        if (table := repeats.comparison(of, support.images > 0))
    ]


def headline(runs: Sequence[RunResults]) -> dict[str, Any] | None:
    """Return the leading metric of the best last step."""
    reached = [(run, step) for run in runs if (step := final(run)) is not None]
    if not reached:
        return None
    if all(step.metrics.miou is None for _, step in reached):
        return _headline_without_masks(runs)
    name = "miou"
    run, step = max(reached, key=lambda pair: pair[1].metrics.value(name) or 0.0)
    seeds = (s for s in steps(run) if s.metrics.threshold is not None and not s.reference)
    seed = next(seeds, None)
    return {
        "run": run.name,
        "step": step,
        "value": tables.percent(step.metrics.value(name)),
        "metric": METRICS[name].title,
        "has_masks": True,
        "present": tables.percent(step.metrics.miou_present),
        "seed": tables.percent(seed.metrics.value(name))
        if seed and seed.product != step.product
        else None,
        "repeats": _repeats_of(run, step, name, runs),
    }


def _headline_without_masks(runs: Sequence[RunResults]) -> dict[str, Any]:
    """Return what is known without masks: the criterion that may choose among runs, or else mAP.

    The criteria of location of the masks are beside it, and the segmenter's label agreement.
    Agreement of maps that are given the labels says nothing, hence does not occur.
    """
    if lead := choice.earned():
        reached = [(run, value) for run in runs if (value := criteria(run).get(lead)) is not None]
        if reached:
            best, top = max(reached, key=lambda pair: pair[1])
            return _without_masks(best, (METRICS[lead].title, top))
    known = [run for run in runs if run.scores is not None and run.scores.map is not None]
    run = max(known, key=lambda run: (run.scores and run.scores.map) or 0.0, default=runs[0])
    return _without_masks(run, ("mAP", run.scores.map) if known and run.scores else None)


def _without_masks(run: RunResults, lead: tuple[str, float | None] | None) -> dict[str, Any]:
    """Return the leading number of a run without masks, and what stands beside it.

    Args:
        run: the run.
        lead: title and value of the number; None = the segmenter's label agreement.
    """
    step = final(run)
    agreement = None if step is None or step.circular else step.metrics.label_agreement
    scores = run.scores if run.scores and run.scores.map is not None else None
    metric, value = lead or ("label agreement", agreement)
    return {
        "run": run.name,
        "scores": scores,
        "map": scores and tables.percent(scores.map),
        "value": None if value is None else tables.percent(value),
        "metric": metric,
        "has_masks": False,
        "agreement": None if agreement is None else tables.percent(agreement),
        "criteria": _listed(
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


def _repeats_of(
    run: RunResults, step: Step, metric: str, runs: Sequence[RunResults]
) -> dict[str, Any] | None:
    """Return a metric over all repeats of a run, since the best seed is too optimistic."""
    for one in repeats.repeated(runs):
        if (one.group, one.step.key) == (runnames.group(run.name), step.key):
            value = tables.spread(one.step.metrics.value(metric), one.std[metric])
            return {"seeds": one.seeds, "value": value}
    return None


def ticks(scale: float) -> list[dict[str, str]]:
    """Return the marks of the mIoU axis: label and position in per cent of its length."""
    step = 0.1 if scale <= 0.5 else 0.2
    count = int(scale / step + 1e-9)
    return [
        {"label": f"{100 * i * step:.0f}", "at": f"{100 * i * step / scale:.3f}"}
        for i in range(count + 1)
    ]
