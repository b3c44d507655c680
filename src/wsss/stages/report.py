"""Draw everything the runs achieved on one page, and their mIoU in one small table.

The evaluations handed over say which stages and segmenters a run has, and the number of shards
which of its files are current; what an earlier configuration left in the folders is not looked at.
"""

import argparse
import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import yaml

from wsss.config.slices import STAGES
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.index import Index, Masks
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.report import page, tables
from wsss.report.content import Cost, Run, final
from wsss.report.pictures import Reader, pictures

T = TypeVar("T")

Evals = Mapping[str, Mapping[str, dict]]
"""Eval documents of one run: split -> stage -> document."""

TRAIN = "train"
"""The split whose seeds and pseudo labels are judged besides the split shown."""

LABELLED = ("cam", "crf", "walk")
"""The stages that build on image labels; the segmenter needs none."""

SEGMENTER = re.compile(r"segment(?:er\.|/)([a-z0-9_]+)")
"""Finds the segmenter in the path of a benchmark."""

_PACKAGES = ("wsss", "torch", "numpy", "pydensecrf2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the stage."""
    parser.add_argument("--index", required=True, nargs="+", type=Path, help="tables of images")
    parser.add_argument("--masks", required=True, nargs="+", type=Path, help="tables of masks")
    parser.add_argument("--runs", required=True, nargs="+", metavar="NAME=FOLDER")
    parser.add_argument(
        "--evaluations", required=True, nargs="*", type=Path, help="eval files of all runs"
    )
    parser.add_argument("--shards", required=True, type=int, help="number of shards of a split")
    parser.add_argument("--split", required=True, help="split that is shown, besides train")
    parser.add_argument("--out", required=True, type=Path, help="report.html to write")
    parser.add_argument("--summary", required=True, type=Path, help="summary.tsv to write")
    parser.add_argument("--config", required=True, help="configuration to print, as JSON")


def run(args: argparse.Namespace) -> None:
    """Write the page and the summary; parts that a run has not are named on the page.

    Raises:
        UserError: a run's folder does not exist, an evaluation is of no run or of another split,
            or a file is damaged.
    """
    index, masks = Index.read(*args.index), Masks.read(*args.masks)
    folders = dict(_named(text) for text in args.runs)
    found = _evaluations(args.evaluations, folders, args.split)
    runs, panels = [], {}
    for name, folder in track(folders.items(), "report"):
        evals = found[name][args.split]
        readers = _readers(folder, args.split, evals, args.shards)
        runs.append(_collect(name, folder, found[name], args.split, args.shards, readers))
        if readers and (last := final(runs[-1])):
            images = index.split(args.split)
            panels[name] = pictures(last, readers, masks, images, index.class_names)
    config = json.loads(args.config)
    facts = page.Facts(
        dataset=config.get("dataset", {}).get("name", ""),
        basis=_basis(index, masks, args.split),
        class_names=index.class_names,
        config=yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else "",
        versions=[(name, version(name)) for name in _PACKAGES],
    )
    trained = {name: evals[TRAIN] for name, evals in found.items() if args.split != TRAIN}
    judged = [Run(name, evals=evals) for name, evals in trained.items() if evals]
    training = page.Training(_basis(index, masks, TRAIN), judged) if judged else None
    summary = tables.summary_text(tables.summary_rows([*runs, *judged]))
    write_text(args.out, page.render(facts, runs, panels, training))
    write_text(args.summary, summary)
    log.info("%s\n%s", args.out, tables.table(summary))


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or not Path(folder).is_dir():
        raise UserError(f"--runs {text}: give NAME=FOLDER with the results folder of a run")
    return name, Path(folder)


def _evaluations(
    files: Sequence[Path], folders: Mapping[str, Path], split: str
) -> Mapping[str, Evals]:
    """Return the eval documents of every run."""
    found = {name: {key: {} for key in (split, TRAIN)} for name in folders}
    for file in files:
        name = next((n for n, f in folders.items() if _relative(file, f)), None)
        if name is None:
            raise UserError(f"--evaluations {file}: in the folder of none of the --runs")
        document = _read(file, _eval)
        if document["split"] not in found[name]:
            raise UserError(
                f"--evaluations {file}: of split {document['split']}; give those of --split "
                f"{split} and of {TRAIN}"
            )
        stage = _relative(file, folders[name]).parent.as_posix()
        found[name][document["split"]][stage] = document
    return found


def _relative(file: Path, folder: Path) -> Path | None:
    """Return the path of a file from a folder; None when it lies elsewhere."""
    file, folder = file.absolute(), folder.absolute()
    return file.relative_to(folder) if file.is_relative_to(folder) else None


def _basis(index: Index, masks: Masks, split: str) -> page.Basis:
    items = index.split(split)
    judged = sum(item.image_id in masks.paths for item in items)
    return page.Basis(split, len(items), judged, masks.source)


def _collect(
    name: str, folder: Path, found: Evals, split: str, shards: int, readers: Mapping[str, Reader]
) -> Run:
    evals = found[split]
    segmenters = [stage for stage in evals if stage.startswith("segment/")]
    trained = segmenters or ["segment/*"]
    wanted = {TRAIN: LABELLED} | {split: (*LABELLED, *trained)}
    histories = {s: folder / s / "history.csv" for s in ("cam", "affinity", *trained)}
    costs = _costs(folder / "benchmarks", shards, [s.partition("/")[2] for s in segmenters])
    return Run(
        name=name,
        evals=evals,
        histories={s: _read(file, _history) for s, file in histories.items() if file.is_file()},
        costs=costs,
        missing=(
            *(f"{s}/eval.{key}.json" for key in wanted for s in wanted[key] if s not in found[key]),
            *(f"{s}/history.csv" for s, file in histories.items() if not file.is_file()),
            *(f"pictures of {s}" for s in evals if s not in readers),
            *([] if costs else ["benchmarks of the stages"]),
        ),
    )


def _read(file: Path, parse: Callable[[str], T]) -> T:
    try:
        return parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file}: damaged ({error}); delete it and run again") from error


def _eval(text: str) -> dict:
    document = json.loads(text)
    if {"results", "split"} - set(document):
        raise ValueError("no results or no split in it")
    return document


def _history(text: str) -> dict[str, list[float]]:
    rows = list(csv.DictReader(text.splitlines()))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows or [{}])[0]}


def _costs(folder: Path, shards: int, segmenters: Sequence[str]) -> tuple[Cost, ...]:
    """Return the cost of every stage that has Snakemake benchmark files in `folder`.

    Those of another number of shards or of other segmenters do not count.
    """
    jobs: dict[str, list[tuple[float, float | None]]] = {}
    for file in sorted(folder.rglob("*.tsv")):
        place = file.relative_to(folder)
        named = SEGMENTER.search(place.as_posix())
        if "-of-" in file.name and not file.name.endswith(f"-of-{shards}.tsv"):
            continue
        if named and named[1] not in segmenters:
            continue
        stage = place.parts[0].partition(".")[0]
        jobs.setdefault(stage, []).extend(_read(file, _benchmark))
    return tuple(
        Cost(
            stage=stage,
            jobs=len(rows),
            seconds=sum(seconds for seconds, _ in rows),
            memory=max((memory for _, memory in rows if memory is not None), default=None),
        )
        for stage, rows in sorted(jobs.items(), key=lambda job: _place(job[0]))
    )


def _place(stage: str) -> tuple[int, str]:
    """Return a key that sorts stages like the pipeline, and unknown ones last."""
    order = list(STAGES)
    return (order.index(stage) if stage in order else len(order), stage)


def _benchmark(text: str) -> list[tuple[float, float | None]]:
    """Return (seconds, peak MB) per repetition; jobs too short to be measured have no memory."""
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return [(float(row["s"]), _number(row["max_rss"])) for row in rows]


def _number(text: str) -> float | None:
    return None if text in ("-", "NA", "") else float(text)


def _readers(folder: Path, split: str, evals: Mapping[str, dict], shards: int) -> dict[str, Reader]:
    """Return what can be drawn of the evaluated stages of a run."""
    readers: dict[str, Reader] = {}
    for stage in dict.fromkeys(s for s in (*LABELLED, *evals) if s in evals):
        maps = sorted((folder / stage / "maps" / split).glob(f"*-of-{shards}.npz"))
        records = sorted((folder / stage / split).glob(f"*-of-{shards}/labels.tsv"))
        if maps:
            readers[stage] = MapsReader(maps)
        elif records:
            readers[stage] = LabelReader(records)
    return readers
