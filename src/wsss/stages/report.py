"""Write the report on all runs as one HTML page, and their metrics as one table.

The description of a run (`wsss.plan.files.RunFiles`) lists its files; no others are read. A run
named `group.seed` is one of the repeats of `group`.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from wsss import runnames
from wsss.config.resolve import load
from wsss.errors import UserError
from wsss.io.arguments import received
from wsss.io.atomic import write_text
from wsss.io.index import Index, Masks
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.metrics.classifier import ClassifierScores
from wsss.metrics.result import Evaluation, Support
from wsss.pipeline import EVALUATED, PRODUCTS, SCORES, product
from wsss.plan.files import ProductFiles, RunFiles
from wsss.planning.advice import of_labels
from wsss.products import TRAIN, Product
from wsss.report import (
    by_class,
    classifiers,
    differences,
    files,
    page,
    published,
    repeats,
    tables,
    terminal,
    verdicts,
)
from wsss.report.checksums import with_checksums
from wsss.report.compare import Compared
from wsss.report.content import Place, RunResults, final
from wsss.report.pictures import Gallery, Predictions, Source, amount, gallery
from wsss.report.published import Recipe
from wsss.stages.options import add_config_argument
from wsss.stages.recipes import recipes

PICTURED = 8
"""Largest number of runs with pictures."""

_PACKAGES = ("wsss", "torch", "numpy", "numba")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument("--index", required=True, nargs="+", type=Path, help="tables of images")
    parser.add_argument("--masks", required=True, nargs="+", type=Path, help="tables of masks")
    parser.add_argument(
        "--runs", required=True, type=received, metavar="JSON", help="a line per run: its files"
    )
    parser.add_argument("--split", required=True, help="split that is shown, besides train")
    parser.add_argument("--out", required=True, type=Path, help="report.html to write")
    parser.add_argument("--summary", required=True, type=Path, help="summary.tsv to write")
    parser.add_argument("--classes", required=True, type=Path, help="classes.tsv to write")
    parser.add_argument("--differences", required=True, type=Path, help="differences.tsv to write")
    add_config_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Write the page and the tables beside it; the page lists the files that are missing.

    Raises:
        UserError: a description is wrong, an evaluation is of another product or split, or a file
            is damaged.
    """
    # results of every run
    index, masks = Index.read(*args.index), Masks.read(*args.masks)
    described = [_described(text) for text in args.runs.splitlines()]
    runs, on_training = [], []
    for one in described:
        results = _results(one, args.split)
        runs.append(results)
        if args.split != TRAIN and (found := _evaluations(one, TRAIN)):
            scores = _scores(one, TRAIN)
            on_training.append(replace(results, evaluations=found, scores=scores))
    on_split = {TRAIN: on_training, args.split: runs}
    data = index, masks
    galleries = [
        one for split, of in on_split.items() for one in _galleries(described, split, of, data)
    ]
    # page
    config = json.loads(args.config)
    facts = page.Facts(
        dataset=config.get("dataset", {}).get("name", ""),
        support=_support(index, masks, args.split),
        class_names=index.class_names,
        config=_text(config),
        versions=[(name, version(name)) for name in _PACKAGES],
        advice=[tables.capital(line) for line in of_labels(index)],
    )
    training = page.Training(_support(index, masks, TRAIN), on_training) if on_training else None
    # tables
    splits = (runs, on_training)
    rows = _summary_rows(splits, recipes(load(config), index.class_names))
    compared = [one for of in splits for one in differences.differences(of)]
    by_class_rows = [row for of in splits for row in by_class.rows(of, index.class_names)]
    written = {
        args.summary: tables.summary_text(rows),
        args.classes: by_class.text(by_class_rows),
        args.differences: differences.text(compared),
    }
    for path, text in written.items():
        write_text(path, text)
    # the page is last: it says that all is there
    said = [*verdicts.verdicts(rows), *differences.verdicts(compared)]
    text = page.render(facts, runs, galleries, training, said, Compared(rows, compared))
    write_text(args.out, with_checksums(text, written.values()))
    lines = [terminal.table(written[args.summary]), *terminal.lines(said)]
    log.info("%s\n%s", args.out, "\n".join(lines))


def _text(config: dict[str, Any]) -> str:
    """Return a configuration as YAML, its lists and innermost sections on one line."""
    if not config:
        return ""
    return yaml.safe_dump(
        config, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )


def _summary_rows(
    splits: Iterable[Sequence[RunResults]], known: dict[str, Recipe]
) -> list[tables.Row]:
    """Return the rows of summary.tsv, with what is published for the recipes of the runs."""
    kinds = (classifiers, tables, repeats)
    rows = [row for of in splits for kind in kinds for row in kind.summary_rows(of)]
    of_groups = {runnames.group(run) or run: recipe for run, recipe in known.items()}
    return [row | published.columns(row, (of_groups | known).get(row["run"])) for row in rows]


def _described(text: str) -> RunFiles:
    """Parse the description of a run."""
    try:
        found = TypeAdapter(RunFiles).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(
            f"--runs: {place or text[:80]}: {first['msg']}; give descriptions as in wsss.plan.files"
        ) from error
    unknown = sorted(set(found.products) - {row.name for row in PRODUCTS})
    if unknown:
        known = ", ".join(row.name for row in PRODUCTS)
        raise UserError(f"--runs: run {found.name}: unknown product {unknown[0]}; known: {known}")
    return found


def _support(index: Index, masks: Masks, split: str) -> Support:
    items = index.split(split)
    return Support(
        split=split,
        ground_truth=masks.source,
        images=sum(item.image_id in masks.paths for item in items),
        images_predicted=len(items),
    )


def _rows(files_of: RunFiles) -> list[tuple[Product, ProductFiles]]:
    """Return the products of a run in the order of the chain."""
    return [(row, files_of.products[row.name]) for row in PRODUCTS if row.name in files_of.products]


def _evaluations(run_files: RunFiles, split: str) -> dict[str, Evaluation]:
    """Read the evaluations of a run on a split that exist, by product."""
    found: dict[str, Evaluation] = {}
    for row, of in _rows(run_files):
        path = Path(of.evaluations.get(split, ""))
        if split not in of.evaluations or not path.is_file():
            continue
        one = Evaluation.read(path)
        if (one.product, one.split) != (row.name, split):
            raise UserError(
                f"{path}: evaluation of {one.product} on {one.split}, but it should be of "
                f"{row.name} on {split}; delete it and run again"
            )
        found[row.name] = one
    return found


def _scores(run_files: RunFiles, split: str) -> ClassifierScores | None:
    """Read the evaluation of the classifier of a run on a split, if it exists."""
    path = _scores_path(run_files, split)
    if path is None or not path.is_file():
        return None
    found = ClassifierScores.read(path)
    if found.split != split:
        raise UserError(f"{path}: is of {found.split}, not of {split}; delete it and run again")
    return found


def _scores_path(run_files: RunFiles, split: str) -> Path | None:
    of = run_files.products.get(SCORES)
    return Path(of.files[split]) if of and split in of.files else None


def _predictions(run_files: RunFiles, split: str) -> list[Predictions]:
    """Open the evaluated maps of a run that exist, in the order of the chain."""
    found = []
    for row, of in _rows(run_files):
        if _is_shown(row, of, split):
            reader = (MapsReader if row.kind == "maps" else LabelReader)([Path(of.files[split])])
            found.append(Predictions(row, reader))
    return found


def _is_shown(row: Product, of: ProductFiles, split: str) -> bool:
    """Return True for evaluated maps that exist."""
    return row in EVALUATED and split in of.evaluations and Path(of.files[split]).is_file()


def _galleries(
    described: Sequence[RunFiles],
    split: str,
    results: Sequence[RunResults],
    data: tuple[Index, Masks],
) -> Iterator[Gallery]:
    """Yield the pictures on a split of the first repeat of each run, of `PICTURED` runs at most."""
    firsts: dict[str, RunFiles] = {}
    for one in described:
        firsts.setdefault(runnames.group(one.name) or one.name, one)
    main = [one for one in firsts.values() if runnames.main(one.name) == one.name]
    found = {run.name: run for run in results}
    chosen = [one for one in main if one.name in found][:PICTURED]
    for one in track(chosen, f"pictures of {split}"):
        if shown := _predictions(one, split):
            source = Source(one.name, split, shown, *data)
            yield gallery(source, final(found[one.name]), amount(len(chosen)))


def _results(run_files: RunFiles, split: str) -> RunResults:
    """Read the evaluations on a split, the losses and the costs of a run."""
    rows = _rows(run_files)
    evaluations = _evaluations(run_files, split)
    histories = {row: Path(of.history) for row, of in rows if of.history}
    # costs
    benchmarks: dict[str, list[Path]] = {}
    for _, of in rows:
        for stage, folders in of.benchmarks.items():
            benchmarks.setdefault(stage, []).extend(map(Path, folders))
    costs = files.costs(benchmarks)
    # missing files
    pictured = {row.name for row, of in rows if _is_shown(row, of, split)}
    missing = [
        f"{row.place}/eval.{key}.json"
        for key in dict.fromkeys((TRAIN, split))
        for row, of in rows
        if key in of.evaluations and not Path(of.evaluations[key]).is_file()
    ]
    missing += [
        f"{product(SCORES).place}/{path.name}"
        for key in dict.fromkeys((TRAIN, split))
        if (path := _scores_path(run_files, key)) and not path.is_file()
    ]
    missing += [f"{row.place}/history.csv" for row, f in histories.items() if not f.is_file()]
    missing += [f"pictures of {name}" for name in evaluations if name not in pictured]
    missing += [] if costs else ["benchmarks of the stages"]
    return RunResults(
        name=run_files.name,
        bases={row.name: of.made_from for row, of in rows},
        evaluations=evaluations,
        scores=_scores(run_files, split),
        histories={
            row.name: files.read(file, files.history)
            for row, file in histories.items()
            if file.is_file()
        },
        makers=_makers(rows),
        variants={row.name: of.variant for row, of in rows if of.variant},
        costs=costs,
        missing=tuple(missing),
        places=tuple(_places(run_files.name, rows)),
    )


def _places(run: str, rows: Sequence[tuple[Product, ProductFiles]]) -> Iterator[Place]:
    """Yield the networks and label maps of a run, by their names beside the report."""
    for row, of in rows:
        name = f"{row.title} {of.variant}".rstrip()
        for split, path in of.files.items():
            if row.title and row.kind == "model":
                yield Place(name, f"{run}/{row.place}/{Path(path).name}")
            elif row.title and row.kind == "labels":
                yield Place(f"{name}, {split}", f"{run}/{row.place}/{split}/")


def _makers(rows: Sequence[tuple[Product, ProductFiles]]) -> dict[str, str]:
    """Return the stage that made each product."""
    return {
        row.name: maker.name
        for row, of in rows
        for maker in row.makers
        if maker.name in of.benchmarks
    }
