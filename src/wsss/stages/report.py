"""Draw everything the runs achieved on one page, and their mIoU in one small table.

The evaluations handed over say which stages and segmenters a run has and with which stage it ends,
the number of shards which of its files are current; what an earlier configuration left in the
folders is not looked at. A run named `group.seed` is one of the repeats of `group`.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import yaml

from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.index import Index, Masks
from wsss.io.labels import LabelReader
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.report import files, page, repeats, tables
from wsss.report.content import Run, final
from wsss.report.pictures import Reader, pictures

Evals = Mapping[str, Mapping[str, dict]]
"""Eval documents of one run: split -> stage -> document."""

TRAIN = "train"
"""The split whose seeds and pseudo labels are judged besides the split shown."""

LABELLED = ("cam", "crf", "walk")
"""The stages that build on image labels; the segmenter needs none."""

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
    rows = (tables.summary_rows(of) + repeats.summary_rows(of) for of in (runs, judged))
    summary = tables.summary_text(chain.from_iterable(rows))
    write_text(args.out, page.render(facts, runs, panels, training))
    write_text(args.summary, summary)
    log.info("%s\n%s", args.out, tables.table(summary))


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or not Path(folder).is_dir():
        raise UserError(f"--runs {text}: give NAME=FOLDER with the results folder of a run")
    return name, Path(folder)


def _evaluations(
    evaluations: Sequence[Path], folders: Mapping[str, Path], split: str
) -> Mapping[str, Evals]:
    """Return the eval documents of every run."""
    found = {name: {key: {} for key in (split, TRAIN)} for name in folders}
    for file in evaluations:
        name = next((n for n, f in folders.items() if _relative(file, f)), None)
        if name is None:
            raise UserError(f"--evaluations {file}: in the folder of none of the --runs")
        document = files.read(file, files.evaluation)
        if document["split"] not in found[name]:
            raise UserError(
                f"--evaluations {file}: of split {document['split']}; give those of --split "
                f"{split} and of {TRAIN}"
            )
        stage = _relative(file, folders[name]).parent.as_posix()
        kind, of = document["kind"], document["split"]
        if stage.partition("/")[0] != kind or file.name != f"eval.{of}.json":
            raise UserError(
                f"{file}: figures of {kind}, {of}, which belong elsewhere; delete it and run again"
            )
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
    evals, stages = found[split], _stages(found, split)
    wanted = {TRAIN: [s for s in LABELLED if s in stages]} | {split: stages}
    trained = ["affinity" if s == "walk" else s for s in stages if s != "crf"]
    histories = {s: folder / s / "history.csv" for s in trained}
    costs = files.costs(folder / "benchmarks", shards, stages)
    return Run(
        name=name,
        evals=evals,
        histories={
            s: files.read(file, files.history) for s, file in histories.items() if file.is_file()
        },
        costs=costs,
        missing=(
            *(f"{s}/eval.{key}.json" for key in wanted for s in wanted[key] if s not in found[key]),
            *(f"{s}/history.csv" for s, file in histories.items() if not file.is_file()),
            *(f"pictures of {s}" for s in evals if s not in readers),
            *([] if costs else ["benchmarks of the stages"]),
        ),
    )


def _stages(found: Evals, split: str) -> tuple[str, ...]:
    """Return the stages of a run up to the last one that was judged; all where none was."""
    segmenters = [stage for stage in found[split] if stage.startswith("segment/")]
    stages = (*LABELLED, *(segmenters or ["segment/*"]))
    judged = [i for i, s in enumerate(stages) if any(s in evals for evals in found.values())]
    return stages[: max(judged, default=len(stages)) + 1]


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
