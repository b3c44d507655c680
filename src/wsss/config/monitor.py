"""Configuration of what is measured and logged while networks are trained."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from wsss.config.section import Count, Section

LoggerName = Literal["tensorboard", "wandb", "mlflow"]


def _different(names: list[LoggerName]) -> list[LoggerName]:
    """Return the loggers in order, each once."""
    return list(dict.fromkeys(names))


class Monitor(Section):
    """What is measured and logged during trainings.

    It changes no network, so that no training is repeated for it.
    """

    validations: Annotated[int, Field(ge=0)] = 5
    """Most validations of a training, at equal distances; 0 = none."""
    images: Count | None = None
    """Images of a validation; null = up to 100, fewer in a short training, so that all validations
    take about 3 % of its time."""
    loggers: Annotated[list[LoggerName], AfterValidator(_different)] = ["tensorboard"]
    """Where losses, metrics and pictures go besides history.csv: tensorboard, wandb (Weights &
    Biases), mlflow; the last two need their packages."""
