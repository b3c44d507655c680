"""Rows of the table of the chain: products, the stages that make them, and their inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from wsss.config.backbones import BackboneOptions
    from wsss.config.dataset import Dataset
    from wsss.config.model import Run

Kind = Literal["table", "model", "maps", "labels", "document"]
"""Form of a product: a table of images, a network with its history, score maps of images, label
maps of images, or a file for people."""

Form = Literal["seeds", "posteriors", "labels"]
"""Form of predictions: maps without background, maps with it, or label maps."""

Split = Literal["train", "val"]

TRAIN: Split = "train"
VAL: Split = "val"
SPLITS: tuple[Split, ...] = (TRAIN, VAL)
UNSPLIT: tuple[None, ...] = (None,)
"""Splits of a product that is made once for all images."""

PSEUDO_LABELS = "pseudo labels"
"""Name of an input: the last label maps in the table before the product made from them."""


class Case(NamedTuple):
    """Subject of a condition: the data set and a run."""

    dataset: Dataset
    run: Run


Condition = Callable[[Case], bool]

Part = Literal["index", "masks", "drawn", "tiles"]
"""Part of the data set that a stage reads: what the index, the masks, the masks that are drawn or
the tiles of a split depend on."""


class UserFile(NamedTuple):
    """A file of the user, or a folder of them, that a stage reads beside the data set.

    Attributes:
        path: its path.
        option: option by which the stage is given the path; empty = it finds it in its slice.
        folder_of: patterns of the names of the files that count, if it is a folder.
    """

    path: str
    option: str = ""
    folder_of: tuple[str, ...] = ()


_FILES: dict[Kind, str] = {
    "model": "model.pt",
    "maps": "{split}/maps.tsv",
    "labels": "{split}/labels.tsv",
}


@dataclass(frozen=True)
class Input:
    """Something that a stage reads.

    Attributes:
        role: name in the rule's `input`.
        product: name of the product, or `PSEUDO_LABELS`.
        split: `same` = that of the output; `all` = every one. Products that are made once for all
            images have no split.
        when: condition under which it is read, if the product is made at all; None = always.
        of_run: the run whose product it is, from the name of this run; None = this run.
        backbones: for the product `weights`: the backbones whose weights are read, by name; the
            stage is given named ones as `--<role> name=file`.
    """

    role: str
    product: str
    split: Literal["same", "train", "all"] = "same"
    when: Condition | None = None
    of_run: Callable[[str, Run], str] | None = None
    backbones: Callable[[Run], Mapping[str, BackboneOptions]] | None = None


@dataclass(frozen=True)
class Stage:
    """A rule, subcommand and module of one name that makes a product.

    Attributes:
        name: the common name.
        keys: dotted keys of its slice of the configuration; `{method}` is each part of the run's
            method, `{untrained}` those that are not trained, `{segmenter}` the run's segmenter,
            `{refiner}` and `{alphas}` the keys of its refiner.
        inputs: products that it reads.
        reads: part of the data set that it reads.
        given: further files of the user that it reads.
        when: condition under which it makes the product; None = always. The first stage of a
            product whose condition holds is taken; without one there is no such product.
        scattered: whether its images can be shared among several jobs.
        imports_method: whether it imports the modules of the run's method by name.
        hub: names on the hub of Hugging Face of networks that it reads, with the keys that name
            them; they are fetched before anything is made.
        code: whether another version of its code makes another product.
        files: patterns of further files of the package that it reads.
        watched: products that it reads to show the progress of a training, whose result does not
            depend on them; it is told what to show (`monitor` of the configuration). None = it is
            no training.
    """

    name: str
    keys: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    reads: Part | None = None
    given: Callable[[Case], Sequence[UserFile]] | None = None
    when: Condition | None = None
    scattered: bool = False
    imports_method: bool = False
    hub: Callable[[Case], Mapping[str, str]] | None = None
    code: bool = True
    files: tuple[str, ...] = ()
    watched: tuple[Input, ...] | None = None


@dataclass(frozen=True)
class Product:
    """One row of the table.

    Attributes:
        name: its name.
        kind: its form.
        makers: the stages that can make it.
        step: value of `until` that ends a run with it; empty = shared by all runs.
        splits: splits that it is made for.
        title: name in the report.
        evaluated: splits that it is compared with the masks on.
        folder: folder within that of a run; empty = `step`.
        file: file that is complete when the product is; empty = that of its kind.
        beside: names of further files that the stage writes before it.
        background: maps: whether they hold scores of the background, so that the highest score
            decides; otherwise a threshold does.
        uses_labels: whether its maps depend on the image labels of the same images.
        variant: name of the variant that a run makes, for the report; None = it has none.
        remedy: advice for a run in which its maps are worse than those before them.
    """

    name: str
    kind: Kind
    makers: tuple[Stage, ...]
    step: str = ""
    splits: tuple[Split | None, ...] = SPLITS
    title: str = ""
    evaluated: tuple[Split, ...] = ()
    folder: str = ""
    file: str = ""
    beside: tuple[str, ...] = ()
    background: bool = True
    uses_labels: bool = True
    variant: Callable[[Run], str] | None = None
    remedy: str = ""

    def maker(self, case: Case) -> Stage | None:
        """Return the first stage whose condition holds; None if there is no such product."""
        return next((s for s in self.makers if s.when is None or s.when(case)), None)

    @property
    def form(self) -> Form:
        """Form in which the maps or label maps are compared with masks."""
        if self.kind == "labels":
            return "labels"
        return "posteriors" if self.background else "seeds"

    @property
    def place(self) -> str:
        """Folder within that of a run."""
        return self.folder or self.step

    @property
    def target(self) -> tuple[Split | None, ...]:
        """Splits that a finished run must have, beside what others need."""
        return self.splits[:1] if self.kind in ("model", "labels") and self.step else ()

    @property
    def record(self) -> str:
        """File that is complete when the product is, with the placeholder `{split}`."""
        return self.file or _FILES[self.kind]


def checkpoint(path: str | None) -> list[UserFile]:
    """Return the published checkpoint that replaces a training, if there is one."""
    return [UserFile(path, "--checkpoint")] if path else []


def pretrained(step: str, backbone: Callable[[Run], BackboneOptions]) -> Input:
    """Return the weights that the training of a step starts from, unless it starts otherwise."""
    return Input(
        "weights",
        "weights",
        when=lambda case: step in case.run.starts_from_weights(),
        backbones=lambda run: {"": backbone(run)},
    )
