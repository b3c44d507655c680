import re
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.planning.test_forecast import ONE
from wsss.cli import main
from wsss.io.units import size_text, time_text
from wsss.stages import forecast

VOC, COCO = (
    f"--images {images} --size {size} --classes {classes} --labels {labels}".split()
    for images, size, classes, labels in (
        ("10582 1449", "500 375", 20, 1.5),
        ("82081 40137", "640 480", 80, 2.9),
    )
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rehearsed(monkeypatch):
    """Rehearsals without photographs that take no time; the list of the numbers of their stages."""
    calls = []

    def rehearse(wanted, machine, folder):
        calls.append(len(wanted))
        assert (folder / "data").is_dir()
        return {one.identity: ONE for one in wanted.values()}

    monkeypatch.setattr(forecast, "write_photos", lambda folder, _: folder.mkdir())
    monkeypatch.setattr(forecast, "rehearse", rehearse)
    return calls


def configure(folder, **keys):
    (folder / "mine.yaml").write_text(yaml.safe_dump(keys))


def test_the_demo_is_forecast_without_its_data(folder, rehearsed, capsys):
    assert main(["forecast", "demo/psa", "--cores", "2"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[1]: line.split() for line in shown.splitlines() if " psa " in f" {line}"}
    # 18 epochs of 160 images, half a second each, and the start
    assert rows["train_cam"][2:] == ["1", "24", "min", "12", "min", "1", "GB", "10", "kB"]
    assert "160 + 48 images of about 128 x 128 pixels" in shown and "2 cores" in shown
    assert "\x1b" not in shown


@pytest.mark.slow
def test_jobs_that_share_a_split_are_rehearsed_together(folder, capfd):
    configure(folder, dataset={"source": "demo"}, jobs=2, until="cam", monitor={"validations": 0})
    assert main(["forecast", "mine.yaml", "--cores", "2"]) == 0, capfd.readouterr().err
    (row,) = (line.split() for line in capfd.readouterr().out.splitlines() if "infer_cam" in line)
    assert row[2] == "4"


def test_measurements_are_used_again(folder, rehearsed):
    for cores in ("2", "2", "1"):
        main(["forecast", "demo/psa", "--cores", cores])
    assert len(rehearsed) == 2


@pytest.mark.parametrize("options", [VOC, COCO])
def test_recipes_are_forecast_without_a_file_of_theirs(folder, rehearsed, capsys, options):
    assert main(["forecast", str(ROOT / "configs/voc12/psa.yaml"), *options]) == 0
    train, width, height = options[1], options[4], options[5]
    shown = capsys.readouterr().out
    assert f"For {train} + " in shown and f"{width} x {height} pixels" in shown


def test_a_published_checkpoint_takes_no_training(folder, rehearsed, capsys):
    configure(folder, cam={"checkpoint": "published.pth"})
    main(["forecast", "mine.yaml"])
    assert re.search(r"psa +train_cam +1 +3 s ", capsys.readouterr().out)


def test_images_of_the_data_set_are_counted(folder, rehearsed, capsys):
    for name in "abc":
        Image.new("RGB", (80, 60)).save(folder / f"{name}.png")
    rows = ["image,split,labels", "a.png,train,cat;dog", "b.png,train,background", "c.png,val,dog"]
    (folder / "labels.csv").write_text("\n".join(rows))
    configure(folder, dataset={"name": "mine", "source": "csv", "root": str(folder)})
    assert main(["forecast", "mine.yaml", "--images", "100", "7"]) == 0
    shown = capsys.readouterr().out
    assert "100 + 7 images of about 80 x 60 pixels with 2 classes and 1.0 labels" in shown


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dataset": {"source": "csv", "root": "nowhere"}}, "dataset.root: nowhere is not a fold"),
        ({"dataset": {"source": "voc", "download": True}}, "give --images, --size, --classes"),
        ({"dataset": {"sauce": "csv"}}, "dataset.sauce: no such key"),
        ({"boundaries": {"folder": "."}}, "boundaries.folder: a forecast needs maps of a run"),
    ],
)
def test_what_is_not_known_is_named(folder, rehearsed, capfd, keys, message):
    configure(folder, **keys)
    assert main(["forecast", "mine.yaml"]) == 2
    assert message in capfd.readouterr().err


@pytest.mark.parametrize("option", ["--cores 0", "--size 5 x", "--labels -1", "--labels nan"])
def test_options_are_positive_numbers(folder, option, capsys):
    *_, wrong = words = option.split()
    with pytest.raises(SystemExit):
        main(["forecast", *words])
    assert f"{wrong!r}: expected a" in capsys.readouterr().err


def test_without_any_configuration_nothing_is_rehearsed(folder, rehearsed, capfd):
    assert main(["forecast"]) == 2
    assert "name a configuration file" in capfd.readouterr().err and not rehearsed


def test_a_stage_that_fails_is_named(folder, monkeypatch, capfd):
    monkeypatch.setattr(forecast, "write_photos", lambda *_: None)
    assert main(["forecast", "demo/psa"]) == 2
    assert "the rehearsal of prepare-data failed: error: dataset.root" in capfd.readouterr().err


def test_numbers_have_their_unit():
    assert [size_text(n) for n in (5, 1500, 2.5e9, 3e12)] == ["5 B", "1.5 kB", "2.5 GB", "3 TB"]
    assert [time_text(s) for s in (5, 150, 9000, 2e6)] == ["5 s", "2.5 min", "2.5 h", "23 days"]


def test_sam_is_measured_as_it_is_wherever_that_happens(folder):
    (folder / "sam").mkdir()
    raw = {"sam": {"model": "sam"}, "runs": {"a": {"sam": {"model": "facebook/sam-vit-base"}}}}
    forecast._replace_files(raw, checkpoints=False)
    assert raw["sam"]["model"] == str(folder / "sam")
    assert raw["runs"]["a"]["sam"]["model"] == "facebook/sam-vit-base"
