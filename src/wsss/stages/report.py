"""Draw everything the runs achieved on one page, and their mIoU in one small table."""

import argparse
import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np
import yaml

from wsss.config.slices import STAGES
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.images import read_image
from wsss.io.index import Index, Item, Masks
from wsss.io.labels import LabelReader, read_labels
from wsss.io.maps import MapsReader
from wsss.io.progress import log, track
from wsss.report import page, panels, tables
from wsss.report.content import Cost, Run, final

T = TypeVar("T")
Reader = MapsReader | LabelReader

SHOWN = 4
"""Best and worst images per run."""

_PACKAGES = ("wsss", "torch", "numpy", "pydensecrf2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the stage."""
    parser.add_argument("--index", required=True, type=Path, help="table of images")
    parser.add_argument("--masks", required=True, type=Path, help="table of masks; may be empty")
    parser.add_argument("--runs", required=True, nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--split", required=True, help="split whose evaluations are shown")
    parser.add_argument("--out", required=True, type=Path, help="report.html to write")
    parser.add_argument("--summary", required=True, type=Path, help="summary.tsv to write")
    parser.add_argument("--config", required=True, help="configuration to print, as JSON")


def run(args: argparse.Namespace) -> None:
    """Write the page and the summary; parts that a run has not are named on the page.

    Raises:
        UserError: a run's folder does not exist, or a file in it is damaged.
    """
    index, masks = Index.read(args.index), Masks.read(args.masks)
    items = {item.image_id: item for item in index.split(args.split)}
    folders = dict(_named(text) for text in args.runs)
    runs = [_collect(name, folder, args.split) for name, folder in folders.items()]
    rows = {
        found.name: _pictures(found, _readers(folders[found.name], args.split), masks, items, index)
        for found in track(runs, "report")
    }
    config = json.loads(args.config)
    facts = page.Facts(
        dataset=config.get("dataset", {}).get("name", ""),
        split=args.split,
        images=len(items),
        with_masks=sum(image_id in masks.paths for image_id in items),
        ground_truth=masks.source,
        class_names=index.class_names,
        config=yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else "",
        versions=[(name, version(name)) for name in _PACKAGES],
    )
    summary = tables.summary_text(tables.summary_rows(runs))
    write_text(args.out, page.render(facts, runs, {n: g for n, g in rows.items() if g}))
    write_text(args.summary, summary)
    log.info("%s\n%s", args.out, tables.table(summary))


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or not Path(folder).is_dir():
        raise UserError(f"--runs {text}: give NAME=FOLDER with the results folder of a run")
    return name, Path(folder)


def _collect(name: str, folder: Path, split: str) -> Run:
    segmenters = sorted(path.name for path in folder.glob("segment/*") if path.is_dir())
    trained = [f"segment/{segmenter}" for segmenter in segmenters or ["*"]]
    evals = {s: folder / s / f"eval.{split}.json" for s in ("cam", "crf", "walk", *trained)}
    histories = {s: folder / s / "history.csv" for s in ("cam", "affinity", *trained)}
    costs = _costs(folder / "benchmarks")
    absent = [file for file in (*evals.values(), *histories.values()) if not file.is_file()]
    missing = [str(file.relative_to(folder)) for file in absent]
    return Run(
        name=name,
        evals={s: _read(file, _eval) for s, file in evals.items() if file.is_file()},
        histories={s: _read(file, _history) for s, file in histories.items() if file.is_file()},
        costs=costs,
        missing=(*missing, *([] if costs else ["benchmarks of the stages"])),
    )


def _read(file: Path, parse: Callable[[str], T]) -> T:
    try:
        return parse(file.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file}: damaged ({error}); delete it and run again") from error


def _eval(text: str) -> dict:
    document = json.loads(text)
    if "results" not in document:
        raise ValueError("no results in it")
    return document


def _history(text: str) -> dict[str, list[float]]:
    rows = list(csv.DictReader(text.splitlines()))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows or [{}])[0]}


def _costs(folder: Path) -> tuple[Cost, ...]:
    """Return the cost of every stage that has Snakemake benchmark files in `folder`."""
    jobs: dict[str, list[tuple[float, float | None]]] = {}
    for file in _current(folder.rglob("*.tsv")):
        stage = file.relative_to(folder).parts[0].partition(".")[0]
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


def _current(files: Iterable[Path]) -> list[Path]:
    """Return the files in order, without shards left over from another number of shards.

    Of shards `i-of-n` in one place those of the n written last are current.
    """
    places: dict[str, dict[str, list[Path]]] = {}
    for file in sorted(files):
        shard = re.fullmatch(r"(.*\D)\d+-of-(\d+)(\D.*)", str(file))
        place, count = (shard[1] + shard[3], shard[2]) if shard else (str(file), "")
        places.setdefault(place, {}).setdefault(count, []).append(file)
    return [
        file
        for counts in places.values()
        for file in max(counts.values(), key=lambda group: max(f.stat().st_mtime_ns for f in group))
    ]


def _readers(folder: Path, split: str) -> dict[str, Reader]:
    """Return what can be drawn of a run, by stage in the order of the pipeline."""
    files = {
        "cam": f"cam/maps/{split}/*.npz",
        "crf": f"crf/maps/{split}/*.npz",
        "walk": f"walk/{split}/*/labels.tsv",
    }
    for segmenter in sorted(folder.glob("segment/*")):
        files[f"segment {segmenter.name}"] = f"segment/{segmenter.name}/{split}/*/labels.tsv"
    shards = {name: _current(folder.glob(pattern)) for name, pattern in files.items()}
    return {
        name: MapsReader(paths) if paths[0].suffix == ".npz" else LabelReader(paths)
        for name, paths in shards.items()
        if paths
    }


def _pictures(
    found: Run,
    readers: Mapping[str, Reader],
    masks: Masks,
    items: Mapping[str, Item],
    index: Index,
) -> list[tuple[str, list[panels.Panel]]]:
    last = final(found)
    if not readers or last is None:
        return []
    scores = {k: v for k, v in last.result["per_image"].items() if k in items}
    names = index.class_names
    if not scores:
        chosen = panels.spread(list(items), 2 * SHOWN)
        return [("Examples", [_panel(items[i], "", readers, masks, names) for i in chosen])]
    what = f"by mean IoU of the {last.label.lower()}"
    groups = zip(("Best", "Worst"), panels.choose(scores, SHOWN), strict=True)
    return [
        (
            f"{word} images {what}",
            [
                _panel(items[i], f"IoU {100 * scores[i]:.1f} %", readers, masks, names)
                for i in chosen
            ],
        )
        for word, chosen in groups
    ]


def _panel(
    item: Item,
    note: str,
    readers: Mapping[str, Reader],
    masks: Masks,
    names: tuple[str, ...],
) -> panels.Panel:
    layers: dict[str, panels.Layer] = {}
    for name, reader in readers.items():
        layers |= _layers(name, reader.read(item.image_id))
    if item.image_id in masks.paths:
        layers["ground truth"] = read_labels(masks.paths[item.image_id])
    return panels.panel(item.image_id, note, read_image(item.image), layers, names)


def _layers(name: str, found: np.ndarray | dict[str, np.ndarray]) -> dict[str, panels.Layer]:
    """Return what one stage made of an image, by caption."""
    if name == "cam":
        return {"CAM": panels.Cam(found["cam"].astype(np.float32), found["classes"])}
    if name == "crf":
        ids = np.append(0, found["classes"] + 1).astype(np.uint8)
        alphas = sorted(float(key.removeprefix("alpha_")) for key in found if "alpha_" in key)
        ends = dict.fromkeys((alphas[0], alphas[-1]))
        return {f"CRF, alpha {a:g}": ids[found[f"alpha_{a:g}"].argmax(0)] for a in ends}
    return {"pseudo label" if name == "walk" else name.removeprefix("segment "): found}
