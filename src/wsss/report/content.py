"""Results of a run in the form that tables and charts show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from wsss.metrics.classifier import ClassifierScores
from wsss.metrics.result import Evaluation, Metrics, ThresholdCurve
from wsss.metrics.tally import is_wide, plateau
from wsss.pipeline import EVALUATED, product
from wsss.products import Product


@dataclass(frozen=True)
class StageCost:
    """Resources of one stage.

    Attributes:
        stage: name of the stage.
        jobs: number of jobs.
        seconds: wall time summed over the jobs.
        memory: highest memory of any job in MB; None = unknown.
        cpu: time of processor cores, summed over the jobs, in seconds; None = unknown.
        size: bytes of the results on disk.
    """

    stage: str
    jobs: int
    seconds: float
    memory: float | None
    cpu: float | None = None
    size: int = 0


@dataclass(frozen=True)
class Place:
    """A folder or file of results.

    Attributes:
        title: what it holds.
        path: its path, relative to the folder of the report.
    """

    title: str
    path: str


@dataclass(frozen=True)
class RunResults:
    """Results of one run.

    Attributes:
        name: name of the run in the configuration.
        evaluations: evaluations on one split by product.
        scores: evaluation of the classifier on the labels of that split; None without one.
        histories: columns of history.csv by product.
        makers: stage that made a product, by product.
        bases: evaluated products that a product is made from, the nearest first, by product.
        variants: variant of a product, such as the segmenter, by product.
        costs: one entry per stage with benchmarks.
        missing: files without which parts of the report are missing.
        places: networks and masks of the run.
    """

    name: str
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    histories: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    makers: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)
    costs: tuple[StageCost, ...] = ()
    scores: ClassifierScores | None = None
    missing: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()

    def title(self, name: str) -> str:
        """Return the title of a product of this run, with its variant."""
        return f"{product(name).title} {self.variants.get(name, '')}".rstrip()


@dataclass(frozen=True)
class Step:
    """One set of label maps in the tables of a run.

    Attributes:
        key: stable name, as in summary.tsv.
        label: title.
        note: subtitle.
        product: product of which the label maps are made.
        metrics: its metrics.
        base: product that this one is made from and compared with; None = none is evaluated.
        reference: True for an upper bound, which needs masks.
        circular: True if it is given the image labels, so that agreement with them says nothing.
        plateau: first and last threshold that agree with the labels equally well, where the
            threshold was chosen among them; None elsewhere.
    """

    key: str
    label: str
    note: str
    product: str
    metrics: Metrics
    base: str | None = None
    reference: bool = False
    circular: bool = False
    plateau: tuple[float, float] | None = None


def steps(run: RunResults) -> tuple[Step, ...]:
    """Return the rows of the tables of a run, in the order of the chain."""
    return tuple(
        step
        for row in EVALUATED
        if row.name in run.evaluations
        for step in _rows(run, row, run.evaluations[row.name])
    )


def final(run: RunResults) -> Step | None:
    """Return the last step of a run, bounds left out; None when nothing was evaluated."""
    found = [step for step in steps(run) if not step.reference]
    return found[-1] if found else None


def base_of(found: Sequence[Step], step: Step) -> Step | None:
    """Return the step of `found` that a step is compared with."""
    same = (s for s in found if s.product == step.base and not s.reference)
    return next(same, None)


def absent(runs: Iterable[RunResults]) -> tuple[str, ...]:
    """Return the labels that never occur in the masks of the runs' split."""
    found = (step.metrics.absent_classes for run in runs for step in steps(run))
    return tuple(dict.fromkeys(name for names in found for name in names or ()))


def _rows(run: RunResults, row: Product, evaluation: Evaluation) -> list[Step]:
    results = evaluation.results
    if row.form == "labels":
        return _label_rows(run, row, results)
    if row.form == "seeds":
        return _seed_rows(run, row, results, evaluation.threshold_curve)
    return _posterior_rows(run, row, results)


def plateau_of(curve: ThresholdCurve) -> tuple[float, float]:
    """Return the first and the last threshold that agree equally well with the labels."""
    first, last = plateau(np.array(curve.label_agreement))
    return curve.thresholds[first], curve.thresholds[last]


def _seed_rows(
    run: RunResults, row: Product, results: Mapping[str, Metrics], curve: ThresholdCurve | None
) -> list[Step]:
    """Rows of maps without background: one per choice of the threshold."""
    level = plateau_of(curve) if curve else None
    from_labels = "from image labels" + (", not informative" if level and is_wide(*level) else "")
    shown = (
        ("", " oracle", ", best threshold", "read off the masks", True),
        (" mask-free", "", "", from_labels, False),
        (" fixed", " fixed", ", fixed threshold", "set in advance", False),
    )
    return [
        Step(
            key=f"{in_sentence(row.title)}{key}",
            label=f"{row.title}{label}",
            note=f"threshold {found.threshold:g} {how}",
            product=row.name,
            metrics=found,
            base=_base(run, row),
            reference=reference,
            circular=row.uses_labels,
            plateau=level if name == " mask-free" else None,
        )
        for name, key, label, how, reference in shown
        if (found := results.get(f"{row.name}{name}")) and found.threshold is not None
    ]


def _posterior_rows(run: RunResults, row: Product, results: Mapping[str, Metrics]) -> list[Step]:
    """Rows of maps with background: the lowest and the highest background exponent."""
    found = {m.alpha: m for m in results.values() if m.alpha is not None}
    alphas = sorted(found)
    ends = dict.fromkeys([*alphas[:1], *alphas[-1:]])
    notes = (("low", "low alpha: much background"), ("high", "high alpha: little background"))
    return [
        Step(
            key=f"{in_sentence(row.title)} {end}",
            label=f"{row.title}, alpha {alpha:g}",
            note=note,
            product=row.name,
            metrics=found[alpha],
            base=_base(run, row),
            circular=row.uses_labels,
        )
        for alpha, (end, note) in zip(ends, notes, strict=False)
    ]


def _label_rows(run: RunResults, row: Product, results: Mapping[str, Metrics]) -> list[Step]:
    """Rows of label maps: one."""
    variant = run.variants.get(row.name, "")
    return [
        Step(
            key=f"{in_sentence(row.title)} {variant}".rstrip(),
            label=row.title,
            note=_note(variant or run.makers.get(row.name, "").replace("_", " "), row),
            product=row.name,
            metrics=metrics,
            base=_base(run, row),
            circular=row.uses_labels,
        )
        for metrics in results.values()
    ]


def in_sentence(title: str) -> str:
    """Return a title as it stands within a sentence."""
    return title[:1].lower() + title[1:]


def _note(maker: str, row: Product) -> str:
    return maker if row.uses_labels else f"{maker}, without the image labels"


def _base(run: RunResults, row: Product) -> str | None:
    """Return the nearest product that a product is made from and that is evaluated."""
    return next((name for name in run.bases.get(row.name, ()) if name in run.evaluations), None)
