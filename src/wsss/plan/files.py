"""Files of a run, as the report reads them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wsss import runnames
from wsss.config.slices import canonical
from wsss.pipeline import PRODUCTS, product
from wsss.plan.artifact import Artifact
from wsss.plan.artifacts import Plan
from wsss.products import Product


@dataclass(frozen=True)
class ProductFiles:
    """Files of one product of a run, as the report reads them.

    Attributes:
        files: split, or "" for all images -> file that is complete when the artifact is.
        evaluations: split -> evaluation file.
        history: CSV file with the losses of a training; None for other products.
        benchmarks: stage -> folders with Snakemake's benchmark files.
        variant: variant of the product, such as the segmenter; empty = it has none.
        made_from: evaluated products before it that it is made from, the nearest first.
    """

    files: Mapping[str, str]
    evaluations: Mapping[str, str]
    history: str | None
    benchmarks: Mapping[str, tuple[str, ...]]
    variant: str = ""
    made_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunFiles:
    """Files of a run by product, in the order of the chain."""

    name: str
    products: Mapping[str, ProductFiles]

    def to_json(self) -> str:
        """Return the description as JSON."""
        return canonical(asdict(self))


def run_files(plan: Plan, name: str) -> RunFiles:
    """Return the files of a run, as the report reads them.

    What a run that derives from another one shares with it is among the files of that one alone.
    """
    found: dict[str, dict[str, Any]] = {}
    main = runnames.main(name)
    for run, row, split, artifact in plan.products():
        if run != name or (main != name and plan.artifact(row.name, split, main) is artifact):
            continue
        entry = found.setdefault(
            row.name, {"files": {}, "evaluations": {}, "history": None, "benchmarks": {}}
        )
        entry["files"][split or ""] = artifact.path
        entry["made_from"] = _made_from(row, artifact)
        _append(entry["benchmarks"], artifact)
        if row.kind == "model" and row.beside:
            entry["history"] = f"{artifact.folder}/{row.beside[0]}"
        if row.variant is not None:
            entry["variant"] = row.variant(plan.runs[run])
        if split and split in row.evaluated:
            evaluation = plan.evaluation(row, split, name)
            entry["evaluations"][split] = evaluation.path
            _append(entry["benchmarks"], evaluation)
    return RunFiles(name, {row: ProductFiles(**entry) for row, entry in found.items()})


def _made_from(row: Product, artifact: Artifact) -> tuple[str, ...]:
    """Return the evaluated products before a product that it is made from, the nearest first."""
    before = [one.name for one in PRODUCTS[: PRODUCTS.index(row)] if one.evaluated]
    sources = [artifact]
    while sources:
        sources = [a for one in sources for found in one.inputs.values() for a in found]
        if known := [a for a in sources if a.product in before]:
            nearest = max(known, key=lambda a: before.index(a.product))
            return nearest.product, *_made_from(product(nearest.product), nearest)
    return ()


def _append(benchmarks: dict[str, tuple[str, ...]], artifact: Artifact) -> None:
    folder = f"{artifact.folder}/benchmarks"
    benchmarks[artifact.stage] = (*benchmarks.get(artifact.stage, ()), folder)
