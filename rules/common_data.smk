"""What the data set is made of: folders, downloads, drawn masks, tiles, and their digests."""

from functools import cache

from wsss.config.dataset import fetched_augment
from wsss.data.sources import drawn_inputs, inputs

TILED = CONFIG.dataset.tiles is not None
CONVERTED = f"{OUT}/data/masks/{{split}}/labels.tsv"


@cache
def listed():
    """What the tables of each split depend on; read when it is asked for, as not all jobs do."""
    return inputs(CONFIG.dataset)


def index_content(wildcards):
    """The digest of what the index of a split depends on; of tiles it is their table."""
    return "" if TILED else part_content(listed()[wildcards.split][0])


def masks_content(wildcards):
    """The digest of what the table of masks of a split depends on; of tiles it is their table."""
    return "" if TILED else part_content(listed()[wildcards.split][1])


def part_content(part):
    return f"{part.facts} {content(part.files)}"


def demo_labels():
    """The last file of the demo data, if they are the data set."""
    return f"{OUT}/data/labels.csv" if CONFIG.dataset.source == "demo" else []


def demo_folder(wildcards, output):
    return Path(output.labels).parent


def fetched():
    """The last file of downloaded or unpacked data, if there are any."""
    needed = CONFIG.dataset.download or fetched_augment(CONFIG.dataset)
    return f"{OUT}/data/fetched.json" if needed else []


def archive_content():
    """The digest of the user's archive of masks."""
    own = fetched_augment(CONFIG.dataset) and CONFIG.dataset.augment
    return content([Path(own)]) if own else ""


def augment():
    """The option that names the folder of unpacked masks."""
    name = fetched_augment(CONFIG.dataset)
    return ["--augment", f"{OUT}/data/{name}"] if name else []


def drawn_content(wildcards):
    """The digest of the files that the masks of a split are drawn from."""
    return content(drawn_inputs(CONFIG.dataset, wildcards.split))


def is_drawn():
    """Whether the data set has masks that are no PNGs of its own."""
    dataset = CONFIG.dataset
    return dataset.source == "coco" or bool(dataset.augment or fetched_augment(dataset))


def converted_for_labels():
    """The drawn masks that image labels are read off; tiles have theirs beside them."""
    if TILED or not is_drawn() or CONFIG.dataset.labels_from != "masks":
        return []
    return expand(CONVERTED, split=SPLITS)


def converted_for_evaluation(wildcards):
    """The drawn masks that a split is evaluated on; tiles have theirs beside them."""
    if TILED or CONFIG.dataset.source != "coco" and not CONFIG.dataset.augment_masks:
        return []
    return CONVERTED.format(split=wildcards.split)


def root(wildcards):
    """The folder of the data."""
    inside = "VOCdevkit/VOC2012" if CONFIG.dataset.download else ""
    return CONFIG.dataset.root or str(Path(OUT, "data", inside))


def tiles_labels():
    """The last file of the tiles, if they are the data set."""
    return f"{OUT}/data/tiles/labels.csv" if TILED else []


def tiles_folder(wildcards, output):
    return Path(output.labels).parent


def tiles_content(wildcards):
    """The digest of the user's files that tiles are cut from."""
    own = CONFIG.dataset.tiles.labels
    parts = [part_content(part) for split in listed().values() for part in split]
    return " ".join([*parts, content([Path(root(wildcards), own)] if own else [])])


def converted_for_tiles():
    """The drawn masks that are cut with the images."""
    data = CONFIG.dataset
    cut = data.source == "coco" or data.augment_masks or data.labels_from == "masks"
    return expand(CONVERTED, split=SPLITS) if cut and is_drawn() else []


def listed_root(wildcards):
    """The folder of the images in the index."""
    return f"{OUT}/data/tiles" if TILED else root(wildcards)
