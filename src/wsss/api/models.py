"""Trained networks: segmenters, which predict masks, and classifiers, which locate classes."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, overload

import numpy as np
import torch
from pydantic import ValidationError

from wsss.api.inputs import Lazy, Picture, device_of, folder_of, name_of, pixels_of
from wsss.api.results import Cams, Classification, Prediction
from wsss.config.caminfer import CamInfer
from wsss.config.segmenter import SegmenterInfer
from wsss.data.photos import find_photos
from wsss.data.views import Scaled, scaled_copies
from wsss.engine.checkpoint import Model, load_model
from wsss.errors import UserError
from wsss.io.background import ahead
from wsss.io.images import WHOLE
from wsss.io.index import FULL
from wsss.io.labels import RECORD, palette
from wsss.io.progress import log
from wsss.names import NO_CLASS, closest
from wsss.stages.classifiers import CLASSIFIED, classify, make_method
from wsss.stages.finite import finite_scores
from wsss.stages.infer_cam import compute_cam
from wsss.stages.inference import Watch, for_inference
from wsss.stages.predicting import UNPACKED, Given, Highest, Options, Predictor, carried, overridden

R = TypeVar("R")


def load(
    path: str | os.PathLike[str],
    *,
    device: str | None = None,
    scales: Sequence[float] | None = None,
    flip: bool | None = None,
    crf: int | None = None,
    tile: int | None = None,
    white: int | None = None,
) -> "Segmenter | Classifier":
    """Read a trained network; `Segmenter` and `Classifier` read a file of their kind.

    Args:
        path: its model.pt. Nothing in the file is executed.
        device: cuda, cuda:1, mps or cpu; None = the best one.
        scales: scales of the image that are averaged; None = as in the file, as all that follow.
        flip: whether the mirrored image counts, too.
        crf: iterations of a dense CRF, 0 = none; of segmenters.
        tile: side in pixels of tiles that larger images are cut into; of segmenters.
        white: white of 16-bit samples, such as 4095.

    Raises:
        UserError: there is no such file, it holds no segmenter or classifier, an option is out of
            its range, or there is no such device.
    """
    place = Path(path)
    remedy = "name the model.pt of a segmenter or classifier"
    model = load_model(place, "segmenter", remedy, "classifier")
    if model.meta["kind"] == "segmenter":
        return Segmenter(
            *(place, model),
            device=device,
            scales=scales,
            flip=flip,
            crf=crf,
            tile=tile,
            white=white,
        )
    if crf is not None or tile is not None:
        raise UserError(f"{place}: a classifier, which has no options crf and tile; leave them out")
    return Classifier(place, model, device=device, scales=scales, flip=flip, white=white)


class Network(ABC, Generic[R]):
    """A trained network and what its file says about it.

    Attributes:
        path: its file.
        device: where it computes.
        classes: names of the classes, without the background.
        provenance: description in the file: version of the package that wrote it, settings of the
            training, architecture, and digest and number of the training images, if it has them.
    """

    def __init__(self, path: Path, model: Model, device: str | None, options: Options) -> None:
        self.path, self.device, self._options = path, device_of(device), options
        self.classes: tuple[str, ...] = tuple(model.meta["classes"])
        self.provenance: Mapping[str, Any] = model.meta

    @property
    def palette(self) -> Mapping[str, tuple[int, int, int]]:
        """Colour (R, G, B) in the palette of mask files, by label, background first."""
        names, colours = (NO_CLASS, *self.classes), palette().tolist()
        return {name: tuple(colours[label]) for label, name in enumerate(names)}

    @property
    def licences(self) -> Mapping[str, str]:
        """Licence of the pretrained weights that it was trained from, by their source."""
        return {one["source"]: one["licence"] for one in self.provenance.get("weights", [])}

    @overload
    def predict(self, image: Picture) -> R: ...

    @overload
    def predict(self, image: list[Any] | tuple[Picture, ...]) -> Lazy[R]: ...

    def predict(self, image: Picture | list[Any] | tuple[Picture, ...]) -> R | Lazy[R]:
        """Look at an image, or at several.

        Args:
            image: a path, a Pillow image or an array (H, W, 3) uint8 RGB; or a list of these; or
                a folder, as in `predict_folder`, which type checkers take for a single image.

        Returns:
            The result for the image; for several images their results, computed in a loop.

        Raises:
            UserError: an image cannot be read, or has another type or shape.
        """
        if folder := folder_of(image):
            return self.predict_folder(folder)
        if isinstance(image, list | tuple):
            return self._lazy(image, 1)
        return self._computed(self._read(image))

    def predict_folder(self, folder: str | os.PathLike[str]) -> Lazy[R]:
        """Look at every image in a folder and those below it, in a loop.

        Raises:
            UserError: there is no image, or the names of some are unusable.
        """
        place, threads = Path(folder), torch.get_num_threads()
        photos = find_photos(place, place / RECORD, threads)
        readers = self._options.readers(photos, threads)
        return self._lazy([photo.path for photo in photos], readers)

    def _lazy(self, pictures: Sequence[Picture], readers: int) -> Lazy[R]:
        def start() -> Iterator[R]:
            for _, given in ahead(pictures, self._read, readers):
                yield self._computed(given)

        return Lazy(len(pictures), start)

    def _read(self, picture: Picture) -> tuple[str, Given]:
        """Read an image, and scale it as the network sees it."""
        pixels = pixels_of(picture, self._options.limit, self._options.white)
        return name_of(picture), self._options.prepared(pixels)

    @abstractmethod
    def _computed(self, named: tuple[str, Given]) -> R:
        """Return the result for an image."""

    @abstractmethod
    def _facts(self) -> Mapping[str, str]:
        """Lines of the description."""

    def __repr__(self) -> str:
        facts = {
            "file": str(self.path),
            "classes": f"{len(self.classes)}: {', '.join(self.classes)}",
            **self._facts(),
            "device": str(self.device),
            "weights": "; ".join(f"{source} ({of})" for source, of in self.licences.items())
            or "random, or not stated",
        }
        lines = (f"  {name:<9} {text}" for name, text in facts.items())
        return "\n".join([type(self).__name__, *lines])


class Segmenter(Network[Prediction]):
    """A trained segmenter.

    Args:
        path: its model.pt; the other args and what it raises are those of `load`.
        model: what was read from it; None = it is read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: Model | None = None,
        *,
        device: str | None = None,
        scales: Sequence[float] | None = None,
        flip: bool | None = None,
        crf: int | None = None,
        tile: int | None = None,
        white: int | None = None,
    ) -> None:
        place = Path(path)
        model = model or load_model(place, "segmenter", "name the model.pt of a segmenter")
        if tile is not None and tile < 32:
            raise UserError(f"tile {tile}: expected the side of tiles in pixels, 32 or larger")
        settings = carried(model.meta, place)
        with _in_range():
            infer = overridden(settings.infer, scales, flip, crf)
        options = Options(infer, tile, None, _white(white) or settings.white)
        super().__init__(place, model, device, options)
        self._predictor = Predictor(model, place, options, torch.get_num_threads(), self.device)

    def _computed(self, named: tuple[str, Given]) -> Prediction:
        name, given = named
        highest, whole = Highest(), list[np.ndarray]()

        def show(probabilities: np.ndarray) -> None:
            highest(probabilities)
            if not self._options.tile:
                whole.append(probabilities)

        labels = self._predictor.labels(name, given, show)
        return Prediction(
            *(name, given.image, labels, whole[0] if whole else None),
            names=self._predictor.names,
            highest=highest.values,
        )

    def _facts(self) -> Mapping[str, str]:
        infer, meta, tile = self._options.infer, self.provenance, self._options.tile
        crf = f", CRF of {infer.crf.iterations} iterations" if infer.crf.iterations else ""
        return {
            "network": f"{meta['segmenter']} on {meta['backbone']['name']}",
            "inference": _views(infer) + crf + (f", tiles of {tile} pixels" if tile else ""),
        }


class Classifier(Network[Classification]):
    """A trained classifier.

    Args:
        path: its model.pt; the other args and what it raises are those of `load`.
        model: what was read from it; None = it is read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: Model | None = None,
        *,
        device: str | None = None,
        scales: Sequence[float] | None = None,
        flip: bool | None = None,
        white: int | None = None,
    ) -> None:
        place = Path(path)
        model = model or load_model(place, "classifier", "name the model.pt of a classifier")
        found = model.meta.get("inference")
        if found is None:
            log.warning(f"{UNPACKED}: the defaults of config.yaml", place)
        own = {"scales": scales, "flip": flip}
        given = {key: value for key, value in own.items() if value is not None}
        with _in_range():
            self._infer = CamInfer.model_validate({**(found or {}), **given})
        sizes, resampling = CLASSIFIED
        once = SegmenterInfer.model_validate(
            {"scales": sizes, "flip": False, "resampling": resampling}
        )
        options = Options(once, white=_white(white) or model.meta.get("white") or FULL)
        super().__init__(place, model, device, options)
        method, threads = make_method(model, place), torch.get_num_threads()
        self._method = for_inference(method, threads, self._infer.precision, self.device)
        self._watch = Watch(self._method)

    def cams(self, image: Picture, labels: Sequence[str] | None = None) -> Cams:
        """Compute the class activation maps of an image, as the chain does.

        Args:
            image: a path, a Pillow image or an array (H, W, 3) uint8 RGB.
            labels: classes that are on the image; None = those that the classifier finds, at least
                the likeliest.

        Raises:
            UserError: there is no such class, or as `predict`.
        """
        name, pixels = name_of(image), pixels_of(image, WHOLE, self._options.white)
        if labels is None:
            found = self._computed((name, self._options.prepared(pixels)))
            labels = found.labels or [max(found.scores, key=found.scores.__getitem__)]
        classes = [self._number(label) for label in labels]
        given = scaled_copies(pixels, self._infer.views()[0], self._infer.resampling)
        with finite_scores(name, self.path), self._watch():
            maps, _ = compute_cam(self._method, given, classes, self._infer)
        return Cams(name, pixels, tuple(labels), maps, np.array(classes, np.int64))

    def _number(self, label: str) -> int:
        if label not in self.classes:
            hint = closest(label, self.classes) or f"there are {', '.join(self.classes)}"
            raise UserError(f"no class {label!r}; {hint}")
        return self.classes.index(label)

    def _computed(self, named: tuple[str, Given]) -> Classification:
        name, given = named
        scaled = cast(Scaled, given.pixels)  # it is not cut
        with finite_scores(name, self.path), self._watch():
            logits = classify(self._method, scaled, self._infer.precision)
        scores = torch.from_numpy(logits).sigmoid().tolist()
        return Classification(name, dict(zip(self.classes, scores, strict=True)))

    def _facts(self) -> Mapping[str, str]:
        meta = self.provenance
        return {
            "network": f"{meta['method']} on {meta['backbone']['name']}",
            "inference": f"maps: {_views(self._infer)}",
        }


def _views(infer: SegmenterInfer | CamInfer) -> str:
    """Return the views of an image in words."""
    scales, flip = infer.views() if isinstance(infer, CamInfer) else (infer.scales, infer.flip)
    return f"scales {', '.join(f'{scale:g}' for scale in scales)}{', mirrored' * flip}"


def _white(white: int | None) -> int | None:
    if white is not None and not 255 <= white <= FULL:
        raise UserError(f"white {white}: expected an integer from 255 to {FULL}")
    return white


@contextmanager
def _in_range() -> Iterator[None]:
    """Name the option of the user that is out of its range."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from error
