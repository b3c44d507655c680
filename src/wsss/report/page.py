"""The report as one HTML file that needs no network, no script and no other file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wsss.report import plots, repeats, tables
from wsss.report.content import Run, Step, absent, final, steps
from wsss.report.panels import Panel


@dataclass(frozen=True)
class Basis:
    """What a figure rests on.

    Attributes:
        split: the evaluated split.
        images: number of its images.
        with_masks: how many of them have a mask.
        ground_truth: where the masks come from.
    """

    split: str
    images: int
    with_masks: int
    ground_truth: str


@dataclass(frozen=True)
class Training:
    """What the runs achieved on the images that they were trained on."""

    basis: Basis
    runs: Sequence[Run]


@dataclass(frozen=True)
class Facts:
    """What holds for the whole page.

    Attributes:
        dataset: its name; empty when it is not configured.
        basis: what all figures rest on, save those on the training images.
        class_names: foreground classes.
        config: the configuration as text.
        versions: (package, version) pairs.
    """

    dataset: str
    basis: Basis
    class_names: Sequence[str]
    config: str
    versions: Sequence[tuple[str, str]]


def render(
    facts: Facts,
    runs: Sequence[Run],
    panels: Mapping[str, Sequence[tuple[str, list[Panel]]]],
    training: Training | None = None,
) -> str:
    """Return the page.

    Args:
        facts: what the figures rest on.
        runs: the runs to compare, at least one.
        panels: run name -> (heading, picture rows) groups.
        training: what is shown of the training images, if they were evaluated, too.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scale = tables.headroom(runs)
    return environment.get_template("page.html.j2").render(
        facts=facts,
        absence=_absence(runs, facts.basis),
        headline=headline(runs),
        comparison=tables.comparison(runs),
        repeats=_repeats(facts, runs, training),
        training=training and _training(training),
        runs=[_run(run, facts, scale) for run in runs],
        ticks=ticks(scale),
        panels=panels,
    )


def _run(run: Run, facts: Facts, scale: float) -> dict[str, Any]:
    """Return everything the page shows of one run, ready to print."""
    found = steps(run)
    curve = run.evals.get("cam")
    return {
        "name": run.name,
        "waterfall": tables.waterfall(found, scale),
        "quality": tables.quality(found),
        "classes": tables.classes(found, facts.class_names),
        "costs": tables.costs(run),
        "missing": run.missing,
        "curve": Markup(plots.threshold_curve(curve)) if curve else None,
        "losses": [
            (title := _trained(stage), Markup(plots.loss_curves(history, title)))
            for stage, history in run.histories.items()
            if plots.losses(history)
        ],
    }


def _absence(runs: Sequence[Run], basis: Basis) -> str:
    """Return the sentence on the classes missing in the masks of the split; empty if none is."""
    names = absent(runs)
    return tables.absence(names, basis.split) + "." if names else ""


def _training(training: Training) -> dict[str, Any]:
    """Return the table of the training images, by mIoU or else by label agreement."""
    judged = training.basis.with_masks > 0
    figure = "miou" if judged else "label_agreement"
    return {
        "basis": training.basis,
        "absence": _absence(training.runs, training.basis),
        "what": "mIoU" if judged else "Label agreement",
        "comparison": tables.comparison(training.runs, figure),
    }


def _repeats(facts: Facts, runs: Sequence[Run], training: Training | None) -> list[dict[str, Any]]:
    """Return the table of repeated runs of every split that has one."""
    parts = [(facts.basis, runs), *([(training.basis, training.runs)] if training else [])]
    drawn = [(basis, repeats.comparison(of, basis.with_masks > 0)) for basis, of in parts]
    return [{"basis": basis, "table": table} for basis, table in drawn if table]


def _trained(stage: str) -> str:
    """Return what a stage trains, for people."""
    kind, _, name = stage.partition("/")
    titles = {"cam": "Classifier", "affinity": "AffinityNet", "segment": f"Segmenter {name}"}
    return titles[kind]


def headline(runs: Sequence[Run]) -> dict[str, Any] | None:
    """Return the figure to lead with: the best last stage, by mIoU or else by label agreement."""
    reached = [(run, step) for run in runs if (step := final(run)) is not None]
    if not reached:
        return None
    judged = any(step.result["miou"] is not None for _, step in reached)
    name = "miou" if judged else "label_agreement"
    run, step = max(reached, key=lambda pair: pair[1].result[name] or 0.0)
    seed = next((s for s in steps(run) if s.key == "seed"), None)
    later = seed and not step.key.startswith("seed")
    return {
        "run": run.name,
        "step": step,
        "value": tables.percent(step.result[name]),
        "what": "mIoU" if judged else "label agreement",
        "judged": judged,
        "present": tables.percent(step.result["miou_present"]),
        "seed": tables.percent(seed.result[name]) if later else None,
        "repeats": _repeats_of(run, step, name, runs),
    }


def _repeats_of(run: Run, step: Step, name: str, runs: Sequence[Run]) -> dict[str, Any] | None:
    """Return a figure over all repeats of a run, which a single seed may flatter."""
    for one in repeats.repeated(runs):
        if (one.group, one.step.key) == (repeats.group_of(run.name), step.key):
            value = tables.spread(one.step.result[name], one.std[name])
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
