"""Pictures of samples and of what is predicted for them, side by side."""

import numpy as np

from wsss.nn.task import Batch


def pixels(sample: Batch) -> np.ndarray:
    """Return the pixels (S, S, 3) of a sample, float32 from 0 to 255."""
    return sample["image"][0].permute(1, 2, 0).float().cpu().numpy()


def beside(*pictures: np.ndarray) -> np.ndarray:
    """Join pictures (S, S, 3) of the values 0 to 255 side by side, uint8."""
    return np.concatenate(pictures, axis=1).round().clip(0, 255).astype(np.uint8)
