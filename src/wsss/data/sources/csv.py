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
from wsss.data.sources.listing import Listing, Record, inside
from wsss.data.sources.splitting import held_out
from wsss.data.sources.table import Row, read_table, split_labels
from wsss.io.names import is_file
from wsss.names import closest, folded


def read(dataset: Dataset, root: Path) -> Listing:
    """List the images of the table `dataset.labels`.

    Raises:
        UserError: the table is missing, no CSV, not UTF-8, or lacks a column.
    """
    table = root / dataset.labels
    rows, problems = read_table(table, ("image", "labels"))
    divided = any("split" in row.fields for row in rows)
    wanted = {folded(theirs): ours for ours, theirs in dataset.splits.items()}
    records = []
    for row in rows:
        where = f"{dataset.labels}:{row.line}"
        if not row.fields["image"]:
            problems.append(f"{where}: the image column is empty")
        elif not divided:
            records.append(_record(row, "train", where, root))
        elif folded(row.fields["split"]) in wanted:
            records.append(_record(row, wanted[folded(row.fields["split"])], where, root))
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


def _record(row: Row, split: str, where: str, root: Path) -> Record:
    mask = row.fields.get("mask")
    labels = split_labels(row.fields["labels"])
    image = _path(row.fields["image"], root)
    return Record(image, split, labels, _path(mask, root) if mask else None, where)


def _path(written: str, root: Path) -> Path:
    """Return a path below the root; one that leads elsewhere as written, for the check to name."""
    plain = "\\" not in written and not written.startswith(("/", ".")) and "/." not in written
    if plain or ("\\" in written and is_file(root / written)):
        return Path(written)
    return Path(inside(written, root) or written)


def _unused(table: Path, rows: list[Row], wanted: Mapping[str, str]) -> Iterator[str]:
    """Yield the splits that no key names: a misspelt one must not shrink the data set unnoticed."""
    splits = (row.fields["split"] for row in rows)
    counts = Counter(splits)
    unused = {split: count for split, count in counts.items() if folded(split) not in wanted}
    empty = [ours for theirs, ours in wanted.items() if theirs not in map(folded, counts)]
    for split, count in unused.items():
        hint = closest(folded(split), wanted)
        if empty and not hint:
            named = {ours: theirs for theirs, ours in wanted.items()} | {empty[0]: split}
            keys = ", ".join(f"{ours}: {theirs}" for ours, theirs in named.items())
            hint = f"dataset.splits: {{{keys}}} makes it {empty[0]}"
        meant = f"; {hint}" if hint else ""
        yield f"{table.name}: split {split!r} is not used, rows: {count}{meant}"


def _tables(dataset: Dataset, root: Path) -> list[Path]:
    return [root / dataset.labels]


SOURCE = Source(read, parsed_tables=_tables)
