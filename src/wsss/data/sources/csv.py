"""A folder with a table of labels: columns `image`, `split`, `labels` and optionally `mask`.

`image` and `mask` are paths relative to the folder. `labels` are class names separated by `;`; the
single word `background` marks an image with none of the classes. Other columns are ignored, as are
rows of splits that the configuration does not name.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from wsss.config.dataset import Dataset
from wsss.data.sources.base import Source
from wsss.data.sources.listing import Listing, Record
from wsss.data.sources.splitting import held_out
from wsss.data.sources.table import Row, read_table, split_labels


def read(dataset: Dataset, root: Path) -> Listing:
    """List the images of the table `dataset.labels`.

    Raises:
        UserError: the table is missing, no CSV, not UTF-8, or lacks a column.
    """
    table = root / dataset.labels
    rows, problems = read_table(table, ("image", "labels"))
    divided = any("split" in row.fields for row in rows)
    wanted = {theirs: ours for ours, theirs in dataset.splits.items()}
    records = []
    for row in rows:
        where = f"{dataset.labels}:{row.line}"
        if not row.fields["image"]:
            problems.append(f"{where}: the image column is empty")
        elif not divided:
            records.append(_record(row, "train", where))
        elif row.fields["split"] in wanted:
            records.append(_record(row, wanted[row.fields["split"]], where))
    source = f"column mask of {dataset.labels}" if any(r.mask for r in records) else ""
    names = tuple(dataset.classes) or None
    warnings = list(_unused(table, rows, wanted)) if divided else []
    if not divided and "val" in dataset.splits:
        chosen = held_out({str(record.image): record.labels for record in records})
        records = [replace(r, split="val") if str(r.image) in chosen else r for r in records]
        warnings.append(
            f"{dataset.labels}: no column split: {len(chosen)} of {len(records)} images are held "
            "out, some of every class; the tables of the data set in the results list them"
        )
    return Listing(root, tuple(records), names, source, problems, warnings=warnings)


def _record(row: Row, split: str, where: str) -> Record:
    mask = row.fields.get("mask")
    labels = split_labels(row.fields["labels"])
    return Record(Path(row.fields["image"]), split, labels, Path(mask) if mask else None, where)


def _unused(table: Path, rows: list[Row], wanted: Mapping[str, str]) -> Iterator[str]:
    """Yield the splits that no key names: a misspelt one must not shrink the data set unnoticed."""
    unused = Counter(row.fields["split"] for row in rows if row.fields["split"] not in wanted)
    for split, count in unused.items():
        yield f"{table.name}: {count} rows of split {split!r} are not used"


def _tables(dataset: Dataset, root: Path) -> list[Path]:
    return [root / dataset.labels]


SOURCE = Source(read, parsed_tables=_tables)
