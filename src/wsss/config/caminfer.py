"""Configuration of the inference of class activation maps."""

from typing import Literal

from wsss.config.section import InferPrecision, MethodParams, Scales, Section


class CamInfer(Section):
    """Inference of class activation maps."""

    scales: Scales | None = None
    """Image scales whose maps are added; null = 0.5, 1, 1.5 and 2, or those of a method that has
    others (clip_es: 1)."""
    flip: bool | None = None
    """Add the maps of the mirrored image, too; null = true, unless the method is another
    (clip_es)."""
    resampling: Literal["torch", "pillow"] = "torch"
    """Library that scales the image, with antialiasing: torch is faster and at most two grey levels
    from pillow, which the official code takes."""
    precision: InferPrecision = "auto"
    """Arithmetic on GPUs; CPUs compute in 32 bits."""

    def views(self, params: MethodParams | None = None) -> tuple[list[float], bool]:
        """Return the scales, and whether images are mirrored, too.

        Args:
            params: options of the method whose views are taken where none are named; None = of one
                without views of its own.
        """
        own = params or MethodParams()
        scales = [*own.scales] if self.scales is None else self.scales
        return scales, own.flip if self.flip is None else self.flip
