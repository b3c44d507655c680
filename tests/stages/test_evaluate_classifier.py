from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.listed import listed
from wsss import methods
from wsss.engine.checkpoint import save_model
from wsss.errors import UserError
from wsss.io.checksummed import add_checksum
from wsss.io.index import Index
from wsss.metrics.classifier import ClassifierScores
from wsss.nn.backbones import build
from wsss.stages import evaluate_classifier

CONFIG = '{"cam":{"infer":{"precision":"auto"}}}'
LABELS = {"a": (0,), "b": (0, 1), "c": (), "d": (1,)}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A classifier that was not trained, with its history, and an index of four images."""
    torch.manual_seed(0)
    task = methods.make("psa", build("tiny"), 3, {"psa": methods.get("psa").Params()})
    meta = {
        "method": "psa",
        "params": {"psa": {}},
        "backbone": {"name": "tiny", "output_stride": None},
        "classes": ["cat", "dog", "owl"],
    }
    save_model(tmp_path / "model.pt", task.net, "classifier", **meta)
    write_history(tmp_path, "5,1,0.5,1\n10,2,0.4,1\n")
    noise = np.random.default_rng(0)
    for name in LABELS:
        pixels = noise.integers(0, 256, (20, 30, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    items = [listed(tmp_path / f"{name}.png", found, "val") for name, found in LABELS.items()]
    Index(("cat", "dog", "owl"), tuple(items)).write(tmp_path / "index.tsv")
    return tmp_path


def write_history(folder: Path, rows: str) -> None:
    (folder / "history.csv").write_text(add_checksum("step,epoch,net/cls,lr\n" + rows))


def call(folder: Path, split: str = "val") -> ClassifierScores:
    parser = ArgumentParser()
    evaluate_classifier.add_arguments(parser)
    files = ["--index", folder / "index.tsv", "--model", folder / "model.pt"]
    rest = ["--split", split, "--out", folder / "out.json", "--config", CONFIG]
    evaluate_classifier.run(parser.parse_args([str(value) for value in [*files, *rest]]))
    return ClassifierScores.read(folder / "out.json")


def events(folder: Path, split: str = "val") -> dict[str, tuple[int, float]]:
    found = EventAccumulator(str(folder / "work/tensorboard" / split))
    found.Reload()
    points = {tag: found.Scalars(tag) for tag in found.Tags()["scalars"]}
    assert all(len(of_tag) == 1 for of_tag in points.values())
    return {tag: (of_tag[0].step, of_tag[0].value) for tag, of_tag in points.items()}


def test_the_scores_are_those_of_the_networks_own_logits(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = iter([[3, 1, 0], [2, -1, 0], [1, -2, 0], [-1, 2, 0]])

    def answer(_method: object, image: torch.Tensor) -> torch.Tensor:
        assert image.shape == (1, 3, 20, 30)
        return torch.tensor([next(logits)], dtype=torch.float32)

    monkeypatch.setattr("wsss.methods.psa.Psa.logits", answer)
    scores = call(trained)
    assert {name: one.ap for name, one in scores.classes.items()} == {
        "cat": 1,
        "dog": pytest.approx((1 + 2 / 3) / 2),
        "owl": None,
    }
    assert scores.classes["cat"].f1 == pytest.approx(4 / 5)
    assert scores.map == pytest.approx(11 / 12)


def test_equal_inputs_give_equal_files(trained: Path) -> None:
    assert call(trained).to_text() == call(trained).to_text()


def test_the_means_are_among_the_events_of_the_training(trained: Path) -> None:
    for _ in range(2):
        scores = call(trained)
    wanted = {"mAP": (10, pytest.approx(scores.map)), "F1": (10, pytest.approx(scores.f1))}
    assert events(trained) == wanted


def test_a_published_checkpoint_has_events_at_step_0(trained: Path) -> None:
    write_history(trained, "")
    call(trained)
    assert events(trained)["mAP"][0] == 0


def test_without_held_out_images_there_are_no_scores(trained: Path) -> None:
    Index(("cat", "dog", "owl"), ()).write(trained / "index.tsv")
    scores = call(trained)
    assert (scores.images, scores.map, events(trained)) == (0, None, {})


def test_numbers_that_are_not_finite_name_image_and_model(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsss.methods.psa.Psa.logits", lambda *_: torch.full((1, 3), torch.nan))
    with pytest.raises(UserError, match=r"a\.png: .*model\.pt gives numbers .* not finite"):
        call(trained)
