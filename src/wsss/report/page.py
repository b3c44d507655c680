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
from wsss.metrics.result import CRITERIA, METRICS, Metric, Support, ThresholdCurve, absence
from wsss.metrics.tally import is_wide
from wsss.report import (
    classifiers,
    compare,
    confusions,
    costs,
    curves,
    differences,
    plots,
    repeats,
    tables,
)
from wsss.report.compare import Compared
from wsss.report.content import RunResults, absent, in_sentence, plateau_of, steps
from wsss.report.headline import headline
from wsss.report.pictures import Gallery
from wsss.report.repeats import Chain
from wsss.report.verdicts import SummaryRow, Verdict


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
        advice: weaknesses of the images and their labels, a sentence each.
    """

    dataset: str
    support: Support
    class_names: Sequence[str]
    config: str
    versions: Sequence[tuple[str, str]]
    advice: Sequence[str] = ()


def render(
    facts: Facts,
    runs: Sequence[RunResults],
    galleries: Sequence[Gallery] = (),
    training: Training | None = None,
    verdicts: Sequence[Verdict] = (),
    compared: Compared | None = None,
) -> str:
    """Return the page.

    Args:
        facts: facts about the whole page.
        runs: the runs to compare, at least one.
        galleries: pictures of runs.
        training: results on the training images, if these were evaluated too.
        verdicts: sentences about the runs.
        compared: rows of summary.tsv and differences between the runs.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        extensions=["jinja2.ext.do"],
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
    chains = repeats.chains(runs)
    return environment.get_template("page.html.j2").render(
        facts=facts,
        absence=missing,
        background=_background(runs),
        headline=lead,
        metrics=_texts(metrics),
        compared=_compared(compared, facts, runs, training) if compared else {"parts": []},
        runs=runs,
        chains=[
            _chain(chain, chains, facts, scale, metrics)
            | _classifier(chain.first, trained.get(chain.first.name))
            for chain in chains
            if not runnames.is_bound(chain.name)
        ],
        trainings=curves.trainings(runs),
        series=curves.legend(runs),
        costs=costs.comparison(runs) if len(runs) > 1 else costs.table(runs[0]),
        verdicts=verdicts,
        ticks=ticks(scale),
        galleries={
            split: [one for one in galleries if one.split == split]
            for split in dict.fromkeys(one.split for one in galleries)
        },
    )


def _chain(
    chain: Chain,
    chains: Sequence[Chain],
    facts: Facts,
    scale: float,
    metrics: Mapping[str, Metric],
) -> dict[str, Any]:
    """Return everything the page shows of a run, or of its repeats together, ready to print.

    What has no mean, such as a curve, is that of the first repeat.
    """
    first = chain.first
    return {
        "name": chain.name,
        "seeds": chain.seeds,
        "first": first.name,
        "waterfall": tables.waterfall(chain.steps, scale, repeats.bound_of(chain, chains)),
        "quality": tables.quality(chain.steps, metrics),
        "classes": tables.classes(steps(first), facts.class_names),
        "confusion": _confusion(first, facts.class_names),
        "curves": [
            _curve(e.threshold_curve, first.name)
            for e in first.evaluations.values()
            if e.threshold_curve
        ],
    }


def _curve(curve: ThresholdCurve, run: str) -> dict[str, Any]:
    """Return the chart of the threshold of a seed, with what is to be said of it."""
    title = f"Seed of {run} over the background threshold"
    ends = (min(curve.thresholds), max(curve.thresholds))
    return {
        "chart": Markup(plots.threshold_curve(curve, title)),
        "wide": is_wide(*plateau_of(curve)),
        "at_end": curve.oracle is not None and curve.oracle.threshold in ends,
    }


def _confusion(run: RunResults, class_names: Sequence[str]) -> dict[str, Any] | None:
    """Return what the last label maps of a run confuse; None without masks."""
    names = ("background", *class_names)
    known = [step for step in steps(run) if step.metrics.confusion and not step.reference]
    if not known:
        return None
    step = known[-1]
    pixels = step.metrics.confusion or ()
    title = f"Confusion matrix of the {in_sentence(step.label)} of {run.name}"
    return {
        "label": step.label,
        "matrix": confusions.matrix(pixels, names, title),
        "top": confusions.top(pixels, names),
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
        "masks": tables.listed(metric.short for metric in masks),
        "others": tables.capital(tables.listed(metric.short for metric in others)),
        "title": tables.capital(
            tables.listed([*(m.title for m in masks[1:] if m.std), "metrics without masks"])
        ),
    }


def _definitions(metrics: Iterable[Metric]) -> str:
    """Return the definitions of the metrics that have one, each with the names of its metrics."""
    names: dict[str, list[str]] = {}
    for metric in metrics:
        if metric.definition:
            names.setdefault(metric.definition, []).append(metric.short)
    return " ".join(
        f"{tables.capital(tables.listed(same))}: {text}." for text, same in names.items()
    )


def _absence(runs: Sequence[RunResults], support: Support) -> str:
    """Return the sentence on the classes missing in the masks of the split; empty without any."""
    names = absent(runs)
    return absence(names, support.split) + "." if names else ""


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


def _compared(
    compared: Compared, facts: Facts, runs: Sequence[RunResults], training: Training | None
) -> dict[str, Any]:
    """Return the tables of runs and stages, of every split, and the differences between runs."""
    parts = [(facts.support, runs), *([(training.support, training.runs)] if training else [])]
    known = compare.splits(compared.rows)
    return {
        "parts": [
            _part(compared.rows, support, of) for support, of in parts if support.split in known
        ],
        "several": len(runs) > 1,
        "beside": compare.beside(compared.rows),
        "last": [differences.texts(one) for one in differences.last(compared.differences)],
        "differences": [differences.texts(one) for one in compared.differences],
        "against": compared.differences[0].against if compared.differences else "",
    }


def _part(rows: Sequence[SummaryRow], support: Support, of: Sequence[RunResults]) -> dict[str, Any]:
    """Return the tables of a split: of the leading metric, and of the others with a deviation."""
    masks = support.images > 0
    metric = (
        "miou" if masks else leading(tables.measured(step for run in of for step in steps(run)))
    )
    return {
        "support": support,
        "background": _background(of),
        "absence": _absence(of, support),
        "metric": tables.capital(METRICS[metric].title),
        "table": compare.comparison(rows, support.split, metric),
        "others": [
            {
                "title": tables.capital(other.title),
                "definition": tables.capital(other.definition),
                "table": compare.comparison(rows, support.split, name),
            }
            for name, other in repeats.columns(of, masks).items()
            if name != metric
        ],
    }


def ticks(scale: float) -> list[dict[str, str]]:
    """Return the marks of the mIoU axis: label and position in per cent of its length."""
    step = 0.1 if scale <= 0.5 else 0.2
    count = int(scale / step + 1e-9)
    return [
        {"label": f"{100 * i * step:.0f}", "at": f"{100 * i * step / scale:.3f}"}
        for i in range(count + 1)
    ]
