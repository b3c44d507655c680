"""Configuration of the trainings."""

from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from wsss.config.section import Count, NonNegative, Positive, Section, Share, ordered


def pass_steps(images: int, batch: int) -> int:
    """Return the steps of a pass over so many images: whole batches, at least one."""
    return max(1, images // batch)


class Train(Section):
    """Training of a network."""

    epochs: Count = 10
    """Passes over the training split."""
    min_steps: Annotated[int, Field(ge=0)] = 0
    """Fewest steps: the epochs go on until then, so that a few images are learnt, too."""
    steps: Count | None = None
    """Length in steps, instead of epochs."""
    batch_size: Count = 8
    """Images per step."""
    accumulate: Count = 1
    """Parts of a batch that are computed one after the other; the step is taken on their mean."""
    optimizer: Literal["sgd", "adamw"] = "adamw"
    """sgd as in the official code, or adamw."""
    lr: Positive = 0.0001
    """Learning rate of pretrained weights at step 0."""
    head_lr_factor: Positive = 10.0
    """Factor on lr for layers that start from scratch."""
    bias_lr_factor: Positive = 2.0
    """Factor on the learning rate of biases."""
    decay_biases: bool = False
    """Apply the L2 penalty to biases, too."""
    momentum: Share = 0.9
    """SGD momentum."""
    weight_decay: NonNegative = 0.0005
    """L2 penalty of weights."""
    poly_power: NonNegative = 0.9
    """Exponent of the schedule lr(t) = lr (1 - t / T)^poly_power."""
    lr_every: Count = 1
    """Steps between two updates of the learning rate."""
    warmup: Annotated[int, Field(ge=0)] = 0
    """Steps at the start in which the learning rate rises from 0 to lr instead."""
    crop: Annotated[int, Field(ge=32)] = 321
    """Side of the training crop in pixels."""
    jitter: tuple[Share, Share, Share, Annotated[float, Field(ge=0, le=0.5)]] = (0.3, 0.3, 0.3, 0.1)
    """Strength of the colour jitter: brightness, contrast, saturation, hue."""
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    """Arithmetic of the training: auto = bf16-mixed on GPUs that have it, else 32-true."""

    def unread(self) -> Collection[str]:
        """Return the options of the other optimiser, and the epochs beside steps."""
        options = () if self.optimizer == "sgd" else ("momentum",)
        return (*options, "epochs", "min_steps") if self.steps else options

    def learnt(self, images: int) -> int:
        """Return how many of the training images are learnt: all."""
        return images

    def epoch_steps(self, images: int) -> int:
        """Return the steps of a pass over so many images, see `pass_steps`."""
        return pass_steps(images, self.batch_size)

    def fixed_steps(self, images: int) -> int | None:
        """Return the length in steps where it is no number of epochs: `steps` or `min_steps`."""
        too_short = self.epochs * self.epoch_steps(images) < self.min_steps
        return self.steps or (self.min_steps if too_short else None)

    def length(self, images: int) -> int:
        """Return the steps of a training on so many images, all of the configured batch size."""
        return self.fixed_steps(images) or self.epochs * self.epoch_steps(images)

    def begun(self, images: int) -> int:
        """Return the epochs that such a training begins; its last one may be cut short."""
        return -(-self.length(images) // self.epoch_steps(images))

    @model_validator(mode="after")
    def _parts_are_equal(self) -> Self:
        if self.batch_size % self.accumulate:
            raise ValueError(f"accumulate {self.accumulate} does not divide the batch size")
        return self


class EarlyStopping(Section):
    """Early end of a training by a held-out part of its images."""

    held_out: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    """Fraction of the training images that the network is evaluated on and does not learn."""
    every: Count = 50
    """Steps between two evaluations."""
    patience: Count = 3
    """Evaluations in a row without a new best after which the training ends."""


class StoppedTrain(Train):
    """Training that may end early."""

    early_stopping: EarlyStopping | None = None
    """Keep the weights with the best metric on held-out training images (classifier: mAP;
    segmenter: mIoU with the pseudo labels), and end once it no longer rises; null = full length."""

    def learnt(self, images: int) -> int:
        """Return about how many of the training images are not held out."""
        held = round(self.early_stopping.held_out * images) if self.early_stopping else 0
        return images - held


class ClassifierTrain(StoppedTrain):
    """Training of the classifier."""

    min_steps: Annotated[int, Field(ge=0)] = 400
    """Fewest steps: the epochs go on until then, so that a few images are learnt, too."""
    head_lr_factor: Positive = 20.0
    """Factor on lr for layers that start from scratch."""
    sampling: Literal["long_side", "area"] = "long_side"
    """long_side = resize to a random long side, then crop; area = crop a random part of the image
    and resize that (EADER)."""
    resize: Annotated[tuple[Count, Count], AfterValidator(ordered)] = (256, 448)
    """Range of the longer image side, drawn per sample (long_side)."""
    area: Annotated[tuple[Share, Share], AfterValidator(ordered)] = (0.08, 1.0)
    """Range of the fraction of the image that a crop covers (area)."""
    jitter_probability: Share = 1.0
    """Probability that the colours of a sample are jittered."""

    def unread(self) -> Collection[str]:
        """Return the unread keys of `Train`, and the options of the other sampling."""
        return (*super().unread(), "area" if self.sampling == "long_side" else "resize")


class AffinityTrain(Train):
    """Training of AffinityNet."""

    epochs: Count = 6
    """Passes over the training split."""
    min_steps: Annotated[int, Field(ge=0)] = 600
    """Fewest steps: the epochs go on until then, so that a few images are learnt, too."""
    crop: Annotated[int, Field(ge=40, multiple_of=8)] = 320
    """Side of the training crop in pixels: whole cells of 8, at least five of them."""
    init: Literal["backbone", "cam"] = "backbone"
    """Start from the weights of the backbone, or from the backbone of the trained classifier."""
    eval_from: Annotated[int, Field(ge=0)] | None = None
    """Step, counted from 0, from which on the network stays in evaluation mode, hence without
    dropout, as in AEFT's official training; null = none."""
