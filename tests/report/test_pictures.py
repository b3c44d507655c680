import numpy as np
import pytest

from wsss.report.pictures import layers


def test_crf_is_drawn_at_its_lowest_and_highest_exponent() -> None:
    posteriors = {f"alpha_{a}": np.full((2, 1, 1), a, np.uint8) for a in (4, 16, 32)}
    posteriors["alpha_32"][1] = 99
    shown = layers("crf", {"classes": np.array([6]), **posteriors})
    assert {caption: int(labels.item()) for caption, labels in shown.items()} == {
        "CRF, alpha 4": 0,
        "CRF, alpha 32": 7,
    }


@pytest.mark.parametrize(("stage", "caption"), [("walk", "pseudo label"), ("segment/net", "net")])
def test_label_maps_are_drawn_as_they_are(stage: str, caption: str) -> None:
    labels = np.array([[0, 3]], np.uint8)
    assert layers(stage, labels) == {caption: labels}
