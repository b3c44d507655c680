"""Configuration of methods that classes are described to by texts, through a CLIP."""

import re
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from os.path import isfile
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from wsss.config.backbones import CLIP, IMAGENET, TIMM, BackboneOptions
from wsss.config.section import MethodParams, Section, UserPath
from wsss.config.training import ClassifierTrain

BACKGROUND = [
    *("ground", "land", "grass", "tree", "building", "wall", "sky", "lake", "water", "river"),
    *("sea", "railway", "railroad", "keyboard", "helmet", "cloud", "house", "mountain", "ocean"),
    *("road", "rock", "street", "valley", "bridge", "sign"),
]
"""Words of CLIP-ES for what is behind the objects of VOC (docs/methods/clip_es.md 2)."""


def _one_place(template: str) -> str:
    """Return a template with one place for the text of a class.

    Raises:
        ValueError: it has none, or several.
    """
    if template.count("{}") != 1:
        raise ValueError("put {} where the text of a class goes, once")
    return template


def _of_timm(name: str) -> str:
    """Return the name of an encoder of timm.

    Raises:
        ValueError: it is not.
    """
    if not re.fullmatch(rf"{TIMM}[A-Za-z0-9_.-]+", name):
        raise ValueError("name an image tower of CLIP in timm, as timm/<name>")
    return name


class ImageTower(BackboneOptions):
    """The image tower of a CLIP."""

    name: Annotated[str, AfterValidator(_of_timm)] = (
        "timm/vit_base_patch16_clip_quickgelu_224.openai"
    )
    """Its name in timm; the tag behind the dot tells how its weights were trained."""
    weights: UserPath | None = IMAGENET
    """A file, by timm's or open_clip's names, or imagenet, which stands for fetched by timm."""
    output_stride: Literal[8, 16, 32] | None = None
    """Null, or the side of a patch."""


class TextTower(Section):
    """The text tower of the same CLIP, in the library open_clip."""

    name: str = "ViT-B-16-quickgelu"
    """Its name there, or a file <name>.json with its configuration."""
    weights: UserPath | None = "openai"
    """Name of its weights there, which are fetched, or a file."""

    def files(self) -> dict[str, str]:
        """Return those of its options that are files, by their names."""
        named = {"name": self.name, "weights": self.weights or ""}
        return {option: text for option, text in named.items() if re.search(r"/|\.\w+$", text)}


class TextParams(MethodParams):
    """Options of a method that reads an image tower of CLIP and features of texts."""

    tower: ImageTower = ImageTower()
    text: UserPath | None = None
    """File text.safetensors with features of the class names, made elsewhere; null = they are
    computed by the text tower."""
    text_tower: TextTower = TextTower()
    template: Annotated[str, AfterValidator(_one_place)] = "a clean origami {}."
    """Sentence that the texts are put into, at {}."""
    prompts: dict[str, str] = {}
    """Texts by class, where its name says too little: {mug: red coffee mug}."""
    background: Annotated[list[str], Field(min_length=1)] = BACKGROUND
    """Words for what is behind objects; those that are classes are left out."""

    def unread(self) -> Collection[str]:
        """Return what is in the file of features, if there is one."""
        return ("text_tower", "template", "prompts", "background") if self.text else ()

    def image_tower(self) -> BackboneOptions:
        """Return the image tower by its name among the backbones."""
        name = CLIP + self.tower.name.removeprefix(TIMM)
        return self.tower.model_copy(update={"name": name})

    def further_backbones(self) -> dict[str, BackboneOptions]:
        """Return the image tower."""
        return {"tower": self.image_tower()}

    def smallest(self) -> int:
        """Return the side of a patch, as the name of the tower says it."""
        side = re.search(r"patch(\d+)", self.tower.name)
        return int(side[1]) if side else 1

    def sentence(self, text: str) -> str:
        """Return the sentence with the text of a class."""
        return self.template.replace("{}", text)

    def problems(self, train: ClassifierTrain) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """Yield (option, mistake in it)."""
        if self.text:
            if not isfile(self.text):  # noqa: PTH113 Path.is_file fails on some names
                yield (
                    "text",
                    f"no such file: {self.text}; null makes one, as <run>/cam/text.safetensors",
                )
            return
        if find_spec("open_clip") is None:
            yield (
                "text",
                "null needs open_clip: pip install 'wsss[text]', or name a text.safetensors that "
                "was made where it is installed",
            )
        for option, path in self.text_tower.files().items():
            if not isfile(path):  # noqa: PTH113
                yield f"text_tower.{option}", f"no such file: {path}"
