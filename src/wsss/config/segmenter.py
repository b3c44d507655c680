"""Configuration of the segmenter: network, training, prediction."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from wsss.config.crf import PostCrf
from wsss.config.section import Count, Positive, Scales, Section, Share, ordered
from wsss.config.training import Train, Trunk


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
    """Scales besides 1 that the network looks at."""


class DeepLabV3(Section):
    """Head of DeepLab v3 and v3+."""

    width: Count = 256
    """Channels of the head."""
    separable: bool = False
    """Depth-wise separable convolutions: faster on CPU."""
    rates: tuple[Count, Count, Count] | None = None
    """Dilations of the pyramid; null = 96 over the output stride, its double and triple."""


class SegmenterTrain(Train):
    """How the segmenter is trained."""

    batch_size: Count = 10
    """Images per step."""
    lr: Positive = 0.001
    """Learning rate of pretrained weights at step 0."""
    momentum: Share = 0.9
    """SGD momentum."""
    steps: Count | None = None
    """Length in steps, instead of epochs."""
    accumulate: Count = 1
    """Parts of a batch that are computed one after the other; the step is taken on their mean."""
    lr_every: Count = 1
    """Steps after which the learning rate is set anew."""
    augmentation: Literal["jitter", "deeplab_v1", "deeplab_v2", "deeplab_v3plus"] = "jitter"
    """Random changes of a sample: colour jitter and a random scale, or what a published recipe
    does, which knows no `jitter`."""
    scale: Annotated[tuple[Positive, Positive], AfterValidator(ordered)] = (0.5, 1.5)
    """Range of the random scale; deeplab_v2 draws multiples of 0.25, deeplab_v3plus scales the
    crop and makes that the shorter side."""
    freeze: Literal["backbone", "norms", "affine", "nothing"] = "backbone"
    """What is not trained: what the backbone holds anyway; every BatchNorm (DeepLab v2); its
    factors, while the statistics follow (DeepLab v1); nothing (DeepLab v3+)."""
    loss: Literal["mean", "per_image", "balanced"] = "mean"
    """Cross entropy: mean over the pixels; that, divided by the batch size (DeepLab v3+); mean over
    background plus mean over objects (DSRG)."""
    init: Literal["backbone", "cam"] = "backbone"
    """Start from the backbone's weights, or from the trunk of the trained classifier."""

    @property
    def max_steps(self) -> int | None:
        """Length of the training in steps, instead of epochs."""
        return self.steps

    @property
    def batch_parts(self) -> int:
        """Number of equal parts of a batch over which gradients are accumulated."""
        return self.accumulate

    @property
    def lr_interval(self) -> int:
        """Steps between two changes of the learning rate."""
        return self.lr_every

    def unread(self) -> Collection[str]:
        """Return the other way to give the length, and the jitter that recipes do not know."""
        length = ("epochs",) if self.steps else ()
        changes = () if self.augmentation == "jitter" else ("jitter",)
        return (*super().unread(), *length, *changes)

    @model_validator(mode="after")
    def _parts_are_equal(self) -> "SegmenterTrain":
        if self.batch_size % self.accumulate:
            raise ValueError(f"accumulate {self.accumulate} does not divide the batch size")
        if self.augmentation == "deeplab_v2" and not self._quarters():
            raise ValueError("scale has no multiple of 0.25, which deeplab_v2 draws")
        return self

    def _quarters(self) -> bool:
        return int(self.scale[1] / 0.25) * 0.25 >= self.scale[0]


class SegmenterInfer(Section):
    """How masks are predicted."""

    scales: Scales = [0.5, 0.75, 1.0, 1.25, 1.5]
    """Image scales whose logits are averaged."""
    flip: bool = True
    """Average with the mirrored image, too."""
    resampling: Literal["pillow", "opencv"] = "pillow"
    """How the image is scaled: in 8 bits with antialiasing, or normalised and without (DeepLab v1
    of YudeWang)."""
    crf: PostCrf = PostCrf()
    """Dense CRF on the class probabilities."""
    crf_image: Literal["photo", "wrapped"] = "photo"
    """Colours that the CRF sees; wrapped = less the mean, modulo 256, as the published figures of
    DeepLab v2 (kazuto1011) have it."""

    def unread(self) -> Collection[str]:
        """Return what only a CRF reads."""
        return () if self.crf.iterations else ("crf_image",)


class Segment(Section):
    """The segmenter."""

    segmenter: Literal["deeplab_v1", "deeplab_v2", "deeplab_v3", "deeplab_v3plus"] = (
        "deeplab_v3plus"
    )
    """Architecture."""
    backbone: Trunk | None = None
    """Trunk of the segmenter; null = the run's backbone."""
    checkpoint: str | None = None
    """Published checkpoint of the segmenter, taken instead of a training."""
    deeplab_v1: DeepLabV1 = DeepLabV1()
    deeplab_v2: DeepLabV2 = DeepLabV2()
    deeplab_v3: DeepLabV3 = DeepLabV3()
    deeplab_v3plus: DeepLabV3 = DeepLabV3()
    train: SegmenterTrain = SegmenterTrain()
    infer: SegmenterInfer = SegmenterInfer()

    def unread(self) -> Collection[str]:
        """Return the settings of a training that a checkpoint makes needless."""
        return ("train",) if self.checkpoint else ()

    @model_validator(mode="after")
    def _trunk_shared(self) -> "Segment":
        if self.backbone is not None and self.train.init == "cam":
            raise ValueError("train.init cam needs the run's backbone: leave backbone null")
        return self
