import json

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.planning.cases import LAPTOP
from wsss.cli import main
from wsss.config.files import merged
from wsss.config.resolve import load

LABELS = ["cat", "dog", "background"]


@pytest.fixture
def pets(tmp_path, monkeypatch):
    """Function that writes images with these labels, all but the last one for training."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("wsss.stages.plan.hardware_here", lambda: LAPTOP)

    def make(*labels, same=False, **own):
        rows = ["image,split,labels"]
        for number, label in enumerate(labels):
            noise = np.random.default_rng(0 if same else number).integers(0, 256, (6, 8, 3))
            photo = Image.fromarray(noise.astype(np.uint8)).resize((80, 60))
            photo.save(tmp_path / f"{number}.png")
            rows.append(f"{number}.png,{'val' if label == '' else 'train'},{label or 'cat'}")
        (tmp_path / "labels.csv").write_text("\n".join(rows))
        dataset = {"name": "pets", "source": "csv", "root": str(tmp_path)}
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"dataset": dataset, **own}))
        return tmp_path / "results/pets"

    return make


def shown(capfd, *options, code=0):
    """Plan, and return what is printed."""
    assert main(["plan", "mine.yaml", *options]) == code
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return out if code == 0 else err


def test_the_plan_is_a_configuration_beside_its_fingerprint(pets, capfd):
    out = pets(*LABELS * 10, "", until="cam")
    text = shown(capfd)
    config = load(merged([out / "plan.yaml"]))
    facts = json.loads((out / "fingerprint.json").read_text())
    assert (config.plan.budget, config.until) == ("good", "cam")
    assert config.plan.data == facts["data"]
    assert facts["splits"]["train"] == {"images": 30, "background": 10, "masks": 0}
    assert text.index("No recipe can mend") < text.index("Plan good for pets: 30 + 1 images")
    assert "wsss run results/pets/plan.yaml" in text


@pytest.mark.parametrize(
    ("labels", "same", "line"),
    [
        (["cat", "dog"], False, "fewer than 20 training images: cat (1), dog (1)"),
        (["cat", "cat", "dog"], False, "fewer than 20 training images: cat (2), dog (1)"),
        (["cat", "cat"], False, "class 'cat' is on every training image"),
        (["cat"], False, "class 'cat' is on every training image"),
        (["cat", "dog", "cat"], True, "all 3 training images show the same"),
        (["cat;dog", "cat;dog"], False, "classes cat, dog always occur together"),
    ],
)
def test_what_no_recipe_mends_comes_first(pets, capfd, labels, same, line):
    out = pets(*labels, same=same)
    text = shown(capfd)
    assert line in text.partition("Plan good")[0]
    assert line in (out / "plan.yaml").read_text()
    assert load(merged([out / "plan.yaml"])).until == "walk"


def test_the_same_data_give_the_same_bytes_and_an_edited_plan_is_kept(pets, capfd):
    out = pets(*LABELS)
    shown(capfd)
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert "is kept" not in shown(capfd)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    edited = (out / "plan.yaml").read_text() + "seed: 5\n"
    (out / "plan.yaml").write_text(edited)
    assert "is kept in results/pets/plan.before.yaml" in shown(capfd)
    assert (out / "plan.before.yaml").read_text() == edited
    assert (out / "plan.yaml").read_bytes() == first["plan.yaml"]


def test_the_digest_is_that_of_images_and_labels(pets, capfd):
    out = pets(*LABELS)
    digests = set()
    for labels in (LABELS, LABELS, ["cat", "dog", "dog"]):
        pets(*labels)
        shown(capfd, "--out", "elsewhere")
        digests.add(load(merged([out.parent.parent / "elsewhere/plan.yaml"])).plan.data)
    assert len(digests) == 2 and not out.exists()


def test_a_budget_changes_the_recipe(pets, capfd):
    out = pets(*LABELS * 10)
    shown(capfd, "--budget", "quick")
    assert load(merged([out / "plan.yaml"])).until == "walk"
    assert "best is meant for a GPU" in shown(capfd, "--budget", "best")


def test_a_plan_of_a_plan_is_refused(pets, capfd):
    pets(*LABELS, plan={"budget": "good", "data": "", "values": {}})
    assert "this is a plan already" in shown(capfd, code=2)


def test_the_demo_is_refused(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("seed: 1")
    assert "plan for your own images" in shown(capfd, code=2)


def test_wrong_data_are_named_and_nothing_is_written(pets, capfd):
    out = pets(*LABELS)
    (out.parent.parent / "0.png").write_bytes(b"")
    assert "1 problem in" in shown(capfd, code=2)
    assert not out.exists()
