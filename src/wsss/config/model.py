"""The configuration: every key of `config.yaml`, its type, default and meaning."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model, field_validator

from wsss.config.crf import CrfKernel, PostCrf
from wsss.config.dataset import Dataset
from wsss.config.methods import check, method_params, parts
from wsss.config.section import (
    Count,
    Folder,
    MethodParams,
    Positive,
    RunName,
    Scales,
    Section,
    Share,
    distinct,
)
from wsss.config.segmenter import Segment
from wsss.config.training import AffinityTrain, Backbone, ClassifierTrain, Trunk
from wsss.pipeline import STEPS


class CamInfer(Section):
    """How class activation maps are inferred."""

    scales: Scales = [0.5, 1.0, 1.5, 2.0]
    """Image scales whose maps are added."""
    flip: bool = True
    """Add the maps of the mirrored image, too."""


class _Cam(Section):
    """Classifier and class activation maps; one section of options per method."""

    train: ClassifierTrain = ClassifierTrain()
    infer: CamInfer = CamInfer()
    checkpoint: str | None = None
    """Published checkpoint of the method's network, taken instead of a training."""

    def unread(self) -> Collection[str]:
        """Return the settings of a training that a checkpoint makes needless."""
        return ("train",) if self.checkpoint else ()


Seed = Annotated[int, Field(ge=0, lt=2**32)]

METHODS = method_params()
"""Options of every method in the registry."""

Cam = create_model(
    "Cam",
    __base__=_Cam,
    __doc__=_Cam.__doc__,
    **{name: (params, params()) for name, params in METHODS.items()},
)


class Boundaries(Section):
    """Boundary maps for the methods that learn from them (sb)."""

    first: dict[str, Any] = {"method": "psa"}
    """Keys of the run whose CRF maps the boundaries are drawn from, where they differ from this
    run; it is trained before, from the same image labels."""
    run: str | None = None
    """Name of one of the runs, whose CRF maps are taken instead."""
    folder: str | None = None
    """Folder of your own maps, one <image id>.npy each, taken instead."""


class Crf(CrfKernel):
    """CRF refinement of the class activation maps."""

    alphas: Annotated[list[Positive], Field(min_length=2), AfterValidator(distinct)] = [4.0, 32.0]
    """Exponents of the background score (1 - max cam)^alpha; AffinityNet learns from the lowest
    and the highest."""


class Affinity(Section):
    """AffinityNet."""

    train: AffinityTrain = AffinityTrain()
    radius: Annotated[int, Field(ge=2)] = 5
    """Neighbourhood of a pixel pair in feature cells."""


class Walk(Section):
    """Random walk on the affinities."""

    alpha: Positive = 16.0
    """Exponent of the background score."""
    beta: Positive = 8.0
    """Power of the affinities."""
    logt: Annotated[int, Field(ge=0, le=12)] = 8
    """The walk takes 2^logt steps."""
    crf: PostCrf = PostCrf()
    """Dense CRF on the result of the walk."""


class Evaluate(Section):
    """Evaluation of the class activation maps."""

    thresholds: Annotated[list[Share], Field(min_length=2)] = [i / 100 for i in range(60)]
    """Background thresholds of the curve."""
    threshold: Share | None = None
    """A fixed threshold, judged beside those that are chosen."""
    min_area: Share = 0.01
    """Share of an image that a class must cover to count as found, without masks."""


class Run(Section):
    """One experiment: everything between the data and the report."""

    method: str = "psa"
    """How the classifier behind the class activation maps is trained; a + adds a method's losses
    to another's network, as in psa+eader."""
    backbone: Backbone = Backbone()
    seed: Seed = 0
    """Seed of weights, order and augmentation."""
    seeds: Annotated[list[Seed], AfterValidator(distinct)] = []
    """Repeat the run with each of these seeds; the report gives mean and standard deviation."""
    until: Literal[STEPS] = "segment"  # type: ignore[valid-type]
    """Last step of the run."""
    cam: Cam = Cam()
    boundaries: Boundaries = Boundaries()
    crf: Crf = Crf()
    affinity: Affinity = Affinity()
    walk: Walk = Walk()
    segment: Segment = Segment()
    evaluate: Evaluate = Evaluate()

    @field_validator("method")
    @classmethod
    def _method_known(cls, method: str) -> str:
        return check(method, METHODS)

    def options(self) -> dict[str, MethodParams]:
        """Return the options of the method, or of every part of a combination."""
        return {name: getattr(self.cam, name) for name in parts(self.method)}

    def trunks(self) -> dict[str, Trunk]:
        """Return the further backbones that a training needs, as method.option."""
        if self.cam.checkpoint:
            return {}
        return {
            f"{method}.{option}": trunk or self.backbone
            for method, params in self.options().items()
            for option, trunk in params.trunks().items()
        }

    def segment_starts_from_classifier(self) -> bool:
        """Return whether the segmenter is trained from the classifier's backbone."""
        return self.segment.train.init == "cam" and not self.segment.checkpoint

    def starts_from_weights(self) -> bool:
        """Tell whether a training of the run starts from the weights of its backbone."""
        reached = STEPS[: STEPS.index(self.until) + 1]
        starts = {
            "cam": not self.cam.checkpoint,
            "walk": self.affinity.train.init == "backbone",
            "segment": self.segment.train.init == "backbone"
            and self.segment.backbone is None
            and not self.segment.checkpoint,
        }
        return any(starts.get(stage, False) for stage in reached)

    def learns_boundaries(self) -> bool:
        """Tell whether the method reads boundary maps in its training."""
        return any("boundary" in params.needs for params in self.options().values())

    def needs_boundaries(self) -> bool:
        """Tell whether there is a training that reads boundary maps."""
        return self.learns_boundaries() and not self.cam.checkpoint


class Config(Run):
    """The whole configuration; the keys of a run stand at the top as defaults of every run."""

    results: Folder = "results"
    """Folder of everything that is written."""
    dataset: Dataset = Dataset()
    jobs: Count | None = None
    """Jobs that the images of a split are shared among; null = one per 200 images. Results do not
    depend on it."""
    runs: dict[RunName, dict | None] = {}
    """Named experiments, each with the keys that differ; empty = one run named after the method."""
