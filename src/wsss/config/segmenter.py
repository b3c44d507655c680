"""Configuration of the segmenter: network, training, prediction."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, model_validator

from wsss.config import networks, segmenters
from wsss.config.backbones import BackboneOptions
from wsss.config.crf import PostCrf, SegmenterCrf
from wsss.config.section import (
    Count,
    InferPrecision,
    Positive,
    Scales,
    Section,
    Share,
    UserPath,
    ordered,
)
from wsss.config.training import StoppedTrain


class DeepLabV1(Section):
    """LargeFOV head of DeepLab v1."""

    width: Count = 512
    """Channels of the head."""
    dilation: Count = 12
    """Dilation of its 3x3 convolution."""


class DeepLabV2(Section):
    """Head of DeepLab v2."""

    rates: Annotated[tuple[Count, ...], Field(min_length=1)] = (6, 12, 18, 24)
    """Dilations of its convolutions."""
    scales: tuple[Positive, ...] = (0.5, 0.75)
    """Scales of the image besides 1 that the network is applied to."""


class DeepLabV3(Section):
    """Head of DeepLab v3."""

    width: Count = 256
    """Channels of the head."""
    separable: bool = False
    """Depth-wise separable convolutions: faster on CPU."""
    rates: tuple[Count, Count, Count] | None = None
    """Dilations of the pyramid; null = 96 over the output stride, its double and triple."""


class DeepLabV3Plus(DeepLabV3):
    """Head of DeepLab v3+."""

    width: Count = 128
    """Channels of the head."""
    separable: bool = True
    """Depth-wise separable convolutions: faster on CPU."""


class UPerNet(Section):
    """Head of UPerNet."""

    width: Count = 128
    """Channels of the head."""
    separable: bool = True
    """Depth-wise separable convolutions: faster on CPU."""


class Smp(Section):
    """Head of segmentation-models-pytorch, for `smp/<architecture>`."""

    decoder: dict[str, JsonValue] = {}
    """Arguments of its class in the library, such as decoder_channels."""


class Hf(Section):
    """Network of transformers, for `hf/<architecture>`."""

    weights: UserPath | None = None
    """Pretrained network, which `hf/<architecture>` starts from: a folder with config.json and
    safetensors, or a name on the hub of Hugging Face."""


class SegmenterTrain(StoppedTrain):
    """Training of the segmenter."""

    epochs: Count = 14
    """Passes over the training split."""
    min_steps: Annotated[int, Field(ge=0)] = 800
    """Fewest steps: the epochs go on until then, so that a few images are learnt, too."""
    lr: Positive = 0.0002
    """Learning rate of pretrained weights at step 0."""
    augmentation: Literal["jitter", "deeplab_v1", "deeplab_v2", "deeplab_v3plus"] = "jitter"
    """Augmentation: colour jitter and a random scale, or that of a published recipe, without
    `jitter`."""
    scale: Annotated[tuple[Positive, Positive], AfterValidator(ordered)] = (0.5, 1.5)
    """Range of the random scale; deeplab_v2 draws multiples of 0.25, deeplab_v3plus scales the
    crop and makes that the shorter side."""
    masks: bool = False
    """Masks of training images replace their pseudo labels, with all their pixels; images without
    one keep them."""
    pixels: Literal["all", "confident", "sure"] = "all"
    """Pixels of the pseudo labels that are learnt: all; those that the refined maps confirm with
    their lowest and highest exponent; or those whose highest score in the refined maps of the
    lowest exponent is `sure` at least (CLIP-ES). From the second round on, all."""
    sure: Share = 0.95
    """Score of a pixel that is learnt (pixels: sure)."""
    freeze: Literal["backbone", "norms", "affine", "nothing", "all"] = "backbone"
    """Frozen parts: those that the backbone freezes by itself; every BatchNorm (DeepLab v2); the
    affine parameters of every BatchNorm, while its statistics are updated (DeepLab v1); nothing
    (DeepLab v3+); the whole backbone, so that only the head is trained."""
    loss: Literal["mean", "per_image", "balanced", "bootstrapped", "oeem"] = "mean"
    """Cross entropy: mean over the pixels; that, divided by the batch size (DeepLab v3+); mean over
    background plus mean over objects (DSRG); for wrong labels: partly against the prediction (hard
    bootstrapping); less weight of the pixels with the highest loss of their image (OEEM)."""
    init: Literal["backbone", "cam"] | None = None
    """Start from the weights of the backbone, or from the backbone of the trained classifier; null
    = the classifier's, unless the segmenter has a backbone of its own or the method trains none."""

    def unread(self) -> Collection[str]:
        """Return the unread keys of `Train`, and the jitter if it is not used."""
        changes = () if self.augmentation == "jitter" else ("jitter",)
        return (*super().unread(), *changes, *(() if self.pixels == "sure" else ("sure",)))

    @model_validator(mode="after")
    def _scale_can_be_drawn(self) -> "SegmenterTrain":
        if self.augmentation == "deeplab_v2" and not self._quarters():
            raise ValueError("scale has no multiple of 0.25, which deeplab_v2 draws")
        return self

    def _quarters(self) -> bool:
        return int(self.scale[1] / 0.25) * 0.25 >= self.scale[0]


class SegmenterInfer(Section):
    """Prediction of masks."""

    scales: Scales = [0.75, 1.0, 1.25]
    """Image scales whose logits are averaged."""
    flip: bool = True
    """Average with the mirrored image, too."""
    resampling: Literal["torch", "pillow", "opencv"] = "torch"
    """Resampling of the image: torch = in 8 bits with antialiasing; pillow = the same within two
    grey levels, slower; opencv = normalised and without antialiasing (DeepLab v1 of YudeWang)."""
    precision: InferPrecision = "auto"
    """Arithmetic on GPUs; CPUs compute in 32 bits."""
    crf: PostCrf = PostCrf()
    """Dense CRF on the class probabilities."""
    crf_image: Literal["photo", "wrapped"] = "photo"
    """Colours that the CRF reads; wrapped = less the mean, modulo 256, as in the published results
    of DeepLab v2 (kazuto1011)."""

    def unread(self) -> Collection[str]:
        """Return the options that only a CRF reads."""
        return () if self.crf.iterations else ("crf_image",)


class SegmentInfer(SegmenterInfer):
    """Prediction of masks in a run, by default with a CRF."""

    crf: SegmenterCrf = SegmenterCrf()
    """Dense CRF on the class probabilities."""


PUBLISHED = "published checkpoint"
"""What is said of a network that is not trained here."""


class Segment(Section):
    """Segmenter."""

    segmenter: Annotated[
        str,
        AfterValidator(segmenters.known),
        Field(json_schema_extra={"examples": list(segmenters.NAMES)}),
    ] = "deeplab_v3plus"
    """Architecture; smp/<name> is a head of segmentation-models-pytorch, hf/<name> a network of
    transformers with a backbone of its own."""
    backbone: BackboneOptions | None = None
    """Backbone of the segmenter; null = the run's backbone."""
    checkpoint: UserPath | None = None
    """Published checkpoint of the segmenter, used instead of a training."""
    deeplab_v1: DeepLabV1 = DeepLabV1()
    deeplab_v2: DeepLabV2 = DeepLabV2()
    deeplab_v3: DeepLabV3 = DeepLabV3()
    deeplab_v3plus: DeepLabV3Plus = DeepLabV3Plus()
    upernet: UPerNet = UPerNet()
    smp: Smp = Smp()
    hf: Hf = Hf()
    corrected: UserPath | None = None
    """Folder of corrected masks of training images, as an annotation tool exports them; they
    replace the pseudo labels of their images, with all their pixels. null = there are none."""
    rounds: Annotated[int, Field(ge=1, le=5)] = 1
    """Trainings one after the other; from the second on, each learns the masks that the one before
    predicts for the training images among their image labels."""
    train: SegmenterTrain = SegmenterTrain()
    infer: SegmentInfer = SegmentInfer()

    def unread(self) -> Collection[str]:
        """Return the settings of the training if there is a checkpoint instead."""
        return ("train", "rounds", "corrected") if self.checkpoint else ()

    def learns_masks(self) -> bool:
        """Return True if it is trained on masks of the data set where there are some."""
        return self.train.masks and not self.checkpoint

    def corrections(self) -> str | None:
        """Return the folder of corrected masks that it is trained on, if there is one."""
        return None if self.checkpoint else self.corrected

    def with_masks(self) -> str:
        """Return its name, and the masks that it learns beside pseudo labels, or `PUBLISHED`."""
        used = {
            "masks": self.learns_masks(),
            "corrected masks": bool(self.corrections()),
            PUBLISHED: bool(self.checkpoint),
        }
        return " + ".join([self.segmenter, *(name for name in used if used[name])])

    def own_backbone(self) -> bool:
        """Return True if the network brings its backbone."""
        found = segmenters.library(self.segmenter)
        return found is not None and found.own_backbone

    def network_files(self) -> list[str]:
        """Return the files of the pretrained network that the training starts from."""
        return networks.files(self._network())

    def on_hub(self) -> list[str]:
        """Return the name of the pretrained network, if it is on the hub."""
        weights = self._network()
        return [weights] if weights and not networks.in_folder(weights) else []

    def _network(self) -> str | None:
        """Return the pretrained network that the training starts from, if there is one."""
        return self.hf.weights if self.own_backbone() and not self.checkpoint else None

    @model_validator(mode="after")
    def _backbone_shared(self) -> "Segment":
        if self.own_backbone():
            if self.backbone is not None:
                raise ValueError(f"{self.segmenter} has its own backbone: leave backbone null")
            return self
        if self.backbone is not None and self.train.init == "cam":
            raise ValueError(
                "train.init cam needs the run's backbone: leave backbone null, or set train.init "
                "to backbone"
            )
        return self
