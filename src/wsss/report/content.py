"""What a run has to show: its evaluations, loss curves and costs, read by the stage `report`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Result = Mapping[str, Any]
"""One entry of `results` in an eval file (see `wsss.stages.evaluate`)."""


@dataclass(frozen=True)
class Cost:
    """What one stage took: `jobs`, summed `seconds`, highest `memory` in MB (None = unknown)."""

    stage: str
    jobs: int
    seconds: float
    memory: float | None


@dataclass(frozen=True)
class Run:
    """One experiment.

    Attributes:
        name: name of the run in the configuration.
        evals: eval documents of one split by stage: cam, crf, walk, segment/{segmenter}.
        histories: columns of numbers by stage: cam, affinity, segment/{segmenter}.
        costs: one entry per stage that was benchmarked.
        missing: what the run has not, in words.
    """

    name: str
    evals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    histories: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    costs: tuple[Cost, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One line of the waterfall.

    Attributes:
        key: stable name, as in summary.tsv.
        label: name for people.
        note: how the result came about.
        result: its figures.
        base: key of the step that this one starts from and is compared with.
        reference: True when the result needs masks, so it is a bound and no stage.
    """

    key: str
    label: str
    note: str
    result: Result
    base: str | None = None
    reference: bool = False


def steps(run: Run) -> tuple[Step, ...]:
    """Return what the run achieved, stage by stage, in the order of the pipeline."""
    return (*_seed_steps(run), *_crf_steps(run), *_walk_steps(run), *_segment_steps(run))


def final(run: Run) -> Step | None:
    """Return the last stage that the run reached; None when nothing was evaluated."""
    reached = [step for step in steps(run) if not step.reference]
    return reached[-1] if reached else None


def absent(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return the labels that never occur in the masks that the runs were judged by."""
    found = (step.result["absent_classes"] for run in runs for step in steps(run))
    return tuple(dict.fromkeys(name for names in found for name in names or ()))


def _results(run: Run, stage: str) -> Mapping[str, Result]:
    return run.evals.get(stage, {}).get("results", {})


def _seed_steps(run: Run) -> list[Step]:
    found = _results(run, "cam")
    shown = (
        ("cam", "seed oracle", "Seed, best threshold", "read off the masks", True),
        ("cam mask-free", "seed", "Seed", "from image labels", False),
        ("cam fixed", "seed fixed", "Seed, fixed threshold", "set in advance", False),
    )
    return [
        Step(key, label, f"threshold {found[name]['threshold']:g} {how}", found[name], None, bound)
        for name, key, label, how, bound in shown
        if name in found
    ]


def _crf_steps(run: Run) -> list[Step]:
    found = _results(run, "crf")
    names = sorted(found, key=_alpha)
    ends = dict.fromkeys([*names[:1], *names[-1:]])
    notes = ("low alpha: much background", "high alpha: little background")
    return [
        Step(f"crf {end}", f"CRF, alpha {_alpha(name):g}", note, found[name], "seed")
        for name, end, note in zip(ends, ("low", "high"), notes, strict=False)
    ]


def _alpha(name: str) -> float:
    return float(name.rpartition(" ")[2])


def _walk_steps(run: Run) -> list[Step]:
    found = _results(run, "walk")
    note = "random walk on the affinities"
    return [Step("walk", "Pseudo labels", note, result, "seed") for result in found.values()]


def _segment_steps(run: Run) -> list[Step]:
    names = [stage for stage in run.evals if stage.startswith("segment/")]
    return [
        Step(name.replace("/", " "), "Segmenter", name.partition("/")[2], result, "walk")
        for name in names
        for result in _results(run, name).values()
    ]
