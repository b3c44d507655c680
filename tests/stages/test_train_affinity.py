import argparse

import pytest

from wsss.config.resolve import load, runs
from wsss.config.slices import slice_json
from wsss.io.index import Index, Item
from wsss.io.maps import MapsWriter
from wsss.stages import train_affinity


@pytest.mark.parametrize("eval_from", [None, 3])
def test_the_task_gets_its_keys(eval_from, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(train_affinity, "train", lambda _, task, *__, **___: trained.append(task))
    item = Item("a", "train", tmp_path / "a.jpg", "0", (0,))
    Index(("cat", "dog"), (item,)).write(tmp_path / "index.tsv")
    with MapsWriter(tmp_path / "maps.tsv"):
        pass
    affinity = {"radius": 4, "train": {"init": "backbone", "eval_from": eval_from}}
    (config,) = runs(load({"affinity": affinity})).values()
    parser = argparse.ArgumentParser()
    train_affinity.add_arguments(parser)
    files = {"index": "index.tsv", "refined": "maps.tsv", "out": "model.pt",
             "history": "history.csv", "work": "work"}  # fmt: skip
    options = [text for key, name in files.items() for text in (f"--{key}", str(tmp_path / name))]
    options += ["--config", slice_json("train_affinity", config)]
    train_affinity.run(parser.parse_args(options))
    (task,) = trained
    assert (task.radius, task.eval_from) == (4, eval_from)
