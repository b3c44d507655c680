"""Statistics over runs that differ only in their seed: mean and sample standard deviation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from wsss import runnames
from wsss.metrics.result import METRICS, Metric, Metrics, Support
from wsss.report.content import RunResults, Step, steps
from wsss.report.tables import Row, shown, summary_row


@dataclass(frozen=True)
class Repeats:
    """Statistics over the repeats of a run at one step.

    Attributes:
        group: name of the run in the configuration.
        seeds: number of repeats with this step.
        step: the step with the mean of every metric.
        std: sample standard deviation by metric; None where it needs masks without any.
    """

    group: str
    seeds: int
    step: Step
    std: Mapping[str, float | None]


@dataclass(frozen=True)
class Chain:
    """A run, or all repeats of one, as the page shows it.

    Attributes:
        name: name of the run, of repeats the one that they share.
        runs: names of the repeats, or of the run alone.
        first: the first repeat, or the run.
        steps: the steps of the chain; of repeats with the mean of every metric.
    """

    name: str
    runs: tuple[str, ...]
    first: RunResults
    steps: tuple[Step, ...]

    @property
    def seeds(self) -> int:
        """Number of repeats."""
        return len(self.runs)


def chains(runs: Sequence[RunResults]) -> list[Chain]:
    """Return the runs in their order, the repeats of a run as one."""
    groups: dict[str, list[RunResults]] = {}
    for run in runs:
        groups.setdefault(runnames.group(run.name) or run.name, []).append(run)
    return [
        Chain(
            name=name if len(same) > 1 else same[0].name,
            runs=tuple(run.name for run in same),
            first=same[0],
            steps=_means(same),
        )
        for name, same in groups.items()
    ]


def _means(same: Sequence[RunResults]) -> tuple[Step, ...]:
    means = {one.step.key: one.step for one in repeated(same)}
    return tuple(means.get(step.key, step) for step in steps(same[0]))


def bound_of(chain: Chain, all_chains: Sequence[Chain]) -> Step | None:
    """Return the segmenter trained on masks that a run is measured by; None without one."""
    name = runnames.bound(chain.name)
    found = (step for one in all_chains if one.name == name != chain.name for step in one.steps)
    return next(found, None)


def repeated(runs: Iterable[RunResults]) -> list[Repeats]:
    """Return the statistics of every step of two or more repeats of a run, all of one split."""
    found: dict[tuple[str, str], list[Step]] = {}
    for run in runs:
        if group := runnames.group(run.name):
            for step in steps(run):
                found.setdefault((group, step.key), []).append(step)
    return [_joined(group, same) for (group, _), same in found.items() if len(same) > 1]


def _joined(group: str, same: Sequence[Step]) -> Repeats:
    """Return the statistics of a step; a note that differs between repeats is left out."""
    first = same[0]
    values = {name: [step.metrics.value(name) for step in same] for name in METRICS}
    # metrics that need masks are None in all repeats or in none
    known = {name: [v for v in found if v is not None] for name, found in values.items()}
    means = {name: fmean(found) if found else None for name, found in known.items()}
    support = {name: getattr(first.metrics, name) for name in Support.model_fields}
    note = first.note if len({step.note for step in same}) == 1 else ""
    return Repeats(
        group=group,
        seeds=len(same),
        step=replace(
            first,
            note=note,
            metrics=Metrics.model_validate(support | means),
            plateau=_mean_plateau(same),
        ),
        std={name: stdev(found) if len(found) > 1 else None for name, found in known.items()},
    )


def _mean_plateau(same: Sequence[Step]) -> tuple[float, float] | None:
    found = [step.plateau for step in same if step.plateau is not None]
    return (fmean(a for a, _ in found), fmean(b for _, b in found)) if found else None


def summary_rows(runs: Iterable[RunResults]) -> list[Row]:
    """Return one row of summary.tsv per group and step; the runs are of one split."""
    return [summary_row(r.group, r.step, r.seeds, r.std) for r in repeated(runs)]


def columns(runs: Iterable[RunResults], masks: bool) -> dict[str, Metric]:
    """Return the metrics that are compared: those with masks, or else those without."""
    found = shown(masks, absent=True, found=[step for run in runs for step in steps(run)])
    return {
        name: metric
        for name, metric in found.items()
        if metric.summary and metric.needs_masks == masks and (metric.std or not masks)
    }
