"""The configuration: every key of `config.yaml`, its type, default and meaning."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from wsss.config.affinity import Affinity, Walk
from wsss.config.backbones import BackboneOptions, RunBackbone
from wsss.config.caminfer import CamInfer
from wsss.config.dataset import Dataset
from wsss.config.demo import with_demo
from wsss.config.methods import parts, read_methods
from wsss.config.monitor import Monitor
from wsss.config.planned import Planned
from wsss.config.refiners import REFINERS, Crf, Par, RefinerName
from wsss.config.sam import Sam
from wsss.config.section import (
    Folder,
    MethodParams,
    RunName,
    Section,
    Share,
    UserPath,
    distinct,
    listed,
)
from wsss.config.segmenter import PUBLISHED, Segment
from wsss.config.text import TextParams
from wsss.config.training import ClassifierTrain
from wsss.pipeline import STEPS

METHODS = read_methods()
"""The methods in the folder, with their options."""

UNTRAINED = "untrained"
"""What is said of a classifier that knows its classes by texts."""


class _Cam(Section):
    """Classifier and class activation maps; one section of options per method."""

    train: ClassifierTrain = ClassifierTrain()
    infer: CamInfer = CamInfer()
    checkpoint: UserPath | None = None
    """Published checkpoint of the method's network, used instead of a training."""

    def unread(self) -> Collection[str]:
        """Return the settings of the training if there is a checkpoint instead."""
        return ("train",) if self.checkpoint else ()

    def options(self, method: str) -> MethodParams:
        """Return the options of a single method."""
        options = getattr(self, method)
        assert isinstance(options, MethodParams)
        return options

    @model_validator(mode="before")
    @classmethod
    def _methods_sound(cls, raw: object) -> object:
        for key in raw if isinstance(raw, Mapping) else ():
            if key in METHODS.faults:
                raise ValueError(METHODS.faults[key])
        return raw


if TYPE_CHECKING:
    from wsss.methods.aeft import AeftParams
    from wsss.methods.clip_es import ClipEsParams
    from wsss.methods.eader import EaderParams
    from wsss.methods.irn import IrnParams
    from wsss.methods.psa import PsaParams
    from wsss.methods.sb import SbParams
    from wsss.methods.seam import SeamParams
    from wsss.methods.vit import VitParams

    class Cam(_Cam):
        """The section for a type checker: with the options of the published methods."""

        aeft: AeftParams = AeftParams()
        clip_es: ClipEsParams = ClipEsParams()
        eader: EaderParams = EaderParams()
        irn: IrnParams = IrnParams()
        psa: PsaParams = PsaParams()
        sb: SbParams = SbParams()
        seam: SeamParams = SeamParams()
        vit: VitParams = VitParams()

else:
    Cam = create_model(
        "Cam",
        __base__=_Cam,
        __doc__=_Cam.__doc__,
        **{name: (params, params()) for name, params in METHODS.params.items()},
    )

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Boundaries(Section):
    """Boundary maps for the methods that learn from them (sb)."""

    first: dict[str, Any] = {"method": "psa"}
    """Keys that differ from this run in its first run, whose refined maps the boundaries are
    computed from; it is trained before, with the same image labels."""
    run: str | None = None
    """Name of another run, whose refined maps are used instead."""
    folder: UserPath | None = None
    """Folder of your own maps, one <image id>.npy each, used instead."""


class Evaluate(Section):
    """Evaluation of the class activation maps."""

    thresholds: Annotated[list[Share], Field(min_length=2)] = [i / 100 for i in range(60)]
    """Background thresholds of the curve."""
    threshold: Share | None = None
    """A fixed threshold, evaluated besides the best one."""
    min_area: Share = 0.01
    """Fraction of an image that a class must cover to count as found, without masks."""


class Run(Section):
    """One experiment: everything between the data and the report."""

    method: str = "psa"
    """Training method of the classifier; a + adds a method's losses to another's network, as in
    psa+eader."""
    backbone: RunBackbone = RunBackbone()
    seed: Seed = 0
    """Seed of weights, order and augmentation."""
    seeds: Annotated[list[Seed], AfterValidator(distinct)] = []
    """Repeat the run with each of these seeds; the report gives mean and standard deviation."""
    until: Literal[STEPS] = "segment"  # type: ignore[valid-type]
    """Last step of the run."""
    upper_bound: bool = False
    """Train the same segmenter on the masks of the training images, too, as run `<run>.bound`: what
    the run could reach with perfect pseudo labels."""
    cam: Cam = Cam()
    boundaries: Boundaries = Boundaries()
    refine: RefinerName = "crf"
    """Refinement of the class activation maps: dense CRF, PAR, PAR and then CRF, or none."""
    crf: Crf = Crf()
    par: Par = Par()
    affinity: Affinity = Affinity()
    walk: Walk = Walk()
    sam: Sam = Sam()
    segment: Segment = Segment()
    evaluate: Evaluate = Evaluate()

    @field_validator("method")
    @classmethod
    def _method_known(cls, method: str) -> str:
        return METHODS.check(method)

    def alphas(self) -> list[float]:
        """Return the exponents of the refined maps; none without a refinement."""
        section = REFINERS[self.refine].exponents
        return [] if section is None else (self.crf if section == "crf" else self.par).alphas

    def effective(self) -> Self:
        """Return a copy with inactive options at their defaults, and what the method decides."""
        found = super().effective()
        scales, flip = self.views()
        infer = found.cam.infer.model_copy(update={"scales": scales, "flip": flip})
        train = found.segment.train.model_copy(update={"init": self.segmenter_init()})
        own = {
            "cam": found.cam.model_copy(update={"infer": infer}),
            "segment": found.segment.model_copy(update={"train": train}),
        }
        return found.model_copy(update=own)

    def segmenter_init(self) -> Literal["backbone", "cam"]:
        """Return the backbone whose weights the segmenter starts from."""
        own = self.segment.backbone is not None or not self.trains_classifier()
        return self.segment.train.init or ("backbone" if own else "cam")

    def segmenter_starts_from(self) -> Literal["backbone", "cam", "network"] | None:
        """Return what the segmenter's training starts from; None = there is a checkpoint instead.

        A network that brings its backbone starts from its own weights.
        """
        if self.segment.checkpoint:
            return None
        return "network" if self.segment.own_backbone() else self.segmenter_init()

    def views(self) -> tuple[list[float], bool]:
        """Return the scales of the maps' inference, and whether images are mirrored, too."""
        return self.cam.infer.views(next(iter(self.options().values())))

    def options(self) -> dict[str, MethodParams]:
        """Return the options of the method, or of every part of a combination."""
        return {name: self.cam.options(name) for name in parts(self.method)}

    def trains_classifier(self) -> bool:
        """Return True if the method is trained; otherwise its network is put together."""
        return all(params.trained for params in self.options().values())

    def classifier_variant(self) -> str:
        """Return `UNTRAINED` or `PUBLISHED` for a classifier that is not trained, else nothing."""
        if not self.trains_classifier():
            return UNTRAINED
        return PUBLISHED if self.cam.checkpoint else ""

    def texts(self) -> list[TextParams]:
        """Return the options of the texts that classes are described by; empty without them."""
        return [params for params in self.options().values() if isinstance(params, TextParams)]

    def further_backbones(self) -> dict[str, BackboneOptions]:
        """Return the further backbones that the classifier's training needs, as method.option."""
        if self.cam.checkpoint:
            return {}
        return {
            f"{method}.{option}": backbone or self.backbone
            for method, params in self.options().items()
            for option, backbone in params.further_backbones().items()
        }

    def compares(self, network: Literal["classifier", "backbone"]) -> bool:
        """Return True if the affinities are cosines of the features of this network."""
        return self.affinity.source == "features" and self.affinity.features.of == network

    def learns_affinity_from(self, start: Literal["cam", "backbone"]) -> bool:
        """Return True if AffinityNet or IRNet starts from the classifier, or the backbone."""
        if self.learns_boundaries_of_classes():
            return self.affinity.irn.train.init == start
        return self.affinity.source == "learned" and self.affinity.train.init == start

    def learns_boundaries_of_classes(self) -> bool:
        """Return True if IRNet is trained."""
        return self.affinity.source == "irn" and not self.affinity.irn.checkpoint

    def segment_starts_from_classifier(self) -> bool:
        """Return True if the segmenter is trained from the classifier's backbone."""
        return self.segmenter_starts_from() == "cam"

    def learns_confident_pixels(self) -> bool:
        """Return True if the segmenter is trained on the pixels that refined maps decide on.

        Labels of a round before are learnt whole: the segmenter has corrected the refined maps.
        """
        chosen = self.segment.train.pixels != "all" and not self.segment.checkpoint
        return chosen and self.segment.rounds == 1

    def relabels(self) -> bool:
        """Return True if the segmenter learns the masks of the round before."""
        return self.segment.rounds > 1 and not self.segment.checkpoint

    def learns_masks(self) -> bool:
        """Return True if the segmenter is trained on masks where there are some."""
        return self.segment.learns_masks()

    def starts_from_weights(self) -> set[str]:
        """Return the steps of the run with a training that starts from pretrained weights."""
        starts = {
            "cam": self.trains_classifier() and not self.cam.checkpoint,
            "walk": self.compares("backbone") or self.learns_affinity_from("backbone"),
            "segment": self.segmenter_starts_from() == "backbone",
        }
        return {step for step in STEPS[: STEPS.index(self.until) + 1] if starts.get(step)}

    def learns_boundaries(self) -> bool:
        """Return True if the method is trained with boundary maps."""
        return any("boundary" in params.needs for params in self.options().values())

    def needs_boundaries(self) -> bool:
        """Return True if there is a training with boundary maps."""
        return self.learns_boundaries() and not self.cam.checkpoint


class Config(Run):
    """The whole configuration; the keys of a run at the top level are the defaults of every run.

    If `dataset.source` is demo, the values of `wsss.config.demo` replace the defaults.
    """

    results: Folder = "results"
    """Folder of everything that is written."""
    dataset: Dataset = Dataset()
    jobs: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Jobs that the images of a split are shared among; null = one per 200 images. Results do not
    depend on it."""
    monitor: Monitor = Monitor()
    accept_license: Annotated[list[str], BeforeValidator(listed)] = []
    """Licences of pretrained weights that suit your use although they are not open, such as
    cc-by-nc-4.0; for a network on the hub whose licence is not known here, its name there."""
    plan: Planned | None = None
    """The plan that this configuration is from, as `wsss plan` writes it."""
    runs: dict[RunName, dict[str, Any] | None] = {}
    """Named experiments, each with the keys that differ; empty = one run named after the method."""

    @model_validator(mode="before")
    @classmethod
    def _recipe_of_source(cls, raw: object) -> object:
        return with_demo(raw, METHODS.faults) if isinstance(raw, Mapping) else raw
