"""Full and read-only disks, and files that were damaged: one clear line, nothing half-written."""

import os
import subprocess

import numpy as np
import pytest
import torch
from torch import nn

from wsss.cli import main
from wsss.config.resolve import load
from wsss.config.slices import slice_json
from wsss.engine.checkpoint import Resume, load_model, save_model
from wsss.errors import UserError
from wsss.io.atomic import write_text
from wsss.io.index import Index, Item
from wsss.io.labels import LabelReader, LabelWriter
from wsss.io.maps import MapsReader, MapsWriter

NOISE = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)


def mount(*arguments):
    command = ["mount", "-t", "tmpfs", *arguments]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path):
    """A disk of 256 KiB."""
    if os.geteuid() or not mount("-o", "size=256k", "tmpfs", tmp_path):
        pytest.skip("a small disk can be mounted by root alone")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def maps(path, image_ids="abc"):
    with MapsWriter(path) as out:
        for image_id in image_ids:
            out.put(image_id, cam=NOISE)
    assert MapsReader([path]).ids == tuple(image_ids)


def labels(path, image_ids="abc"):
    with LabelWriter(path) as out:
        for image_id in image_ids:
            out.put(image_id, NOISE)
    assert all((LabelReader([path]).read(i) == NOISE).all() for i in image_ids)


def model(path):
    save_model(path, nn.Linear(100, 300), "backbone")
    load_model(path, "backbone")


def resume(path):
    Resume(path.parent, "same").save(weights=torch.zeros(30_000))
    assert len(Resume(path.parent, "same").load()["weights"]) == 30_000


def text(path):
    write_text(path, "x" * 120_000)
    assert path.stat().st_size == 120_000


WRITERS = {
    "maps.tsv": maps, "labels.tsv": labels, "model.pt": model, "last.ckpt": resume, "a.txt": text,
}  # fmt: skip


@pytest.mark.parametrize("room", [0, 40, 100])
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_line_and_free_space_heals(disk, name, room):
    write, path = WRITERS[name], disk / "out" / name
    (disk / "filler").write_bytes(bytes(1024 * (250 - room)))
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)") as error:
        write(path)
    assert "\n" not in str(error.value) and str(disk) in str(error.value)
    assert not path.exists() and not list(disk.rglob("*.tmp"))
    (disk / "filler").unlink()
    write(path)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "labels.tsv"])
def test_what_was_finished_outlives_a_full_disk(disk, name):
    path = disk / "out" / name
    WRITERS[name](path)
    before = contents(path.parent)
    size = sum(map(len, before.values()))
    (disk / "filler").write_bytes(bytes(4096 * ((256 * 1024 - size) // 4096 - 8)))
    with pytest.raises(UserError, match="No space left"):
        WRITERS[name](path)
    assert contents(path.parent) == before


@pytest.mark.parametrize("name", WRITERS)
def test_a_read_only_disk_is_named(disk, name):
    (disk / "out").mkdir()
    assert mount("-o", "remount,ro", "tmpfs", disk)
    with pytest.raises(UserError, match=r"cannot be written \(Read-only file system\)"):
        WRITERS[name](disk / "out" / name)


@pytest.mark.parametrize("readonly", [False, True])
def test_a_command_says_it_in_one_line(disk, capfd, readonly):
    (disk / "filler").write_bytes(bytes(1024 * 248))
    assert not readonly or mount("-o", "remount,ro", "tmpfs", disk)
    config = '{"dataset": {"demo": {"images": 20, "val_images": 2, "size": 128, "seed": 0}}}'
    arguments = ["--out", f"{disk}/demo/labels.csv", "--config", config, "--log", f"{disk}/a.log"]
    assert main(["make-demo", *arguments]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"error: {disk}") and said.count("\n") == 1


def test_an_image_that_was_deleted_between_two_stages_is_named(tmp_path, capfd):
    index, cams, image = tmp_path / "index.tsv", tmp_path / "cam/maps.tsv", tmp_path / "a.jpg"
    Index(("cat",), (Item("a", "train", image, "0", (0,)),)).write(index)
    with MapsWriter(cams) as out:
        out.put("a", cam=np.zeros((1, 2, 2), np.float16), classes=[0], size=[8, 8])
    arguments = ["--index", index, "--split", "train", "--cams", cams]
    config = slice_json("refine_maps", load({}))
    arguments += ["--out", tmp_path / "crf/maps.tsv", "--config", config]
    assert main(["refine-maps", *map(str, arguments)]) == 2
    assert capfd.readouterr().err.endswith(f"error: {image}: no such file\n")
    assert not list(tmp_path.glob("crf/*"))


def flips(data, step):
    """Copies of `data`, each with another byte changed."""
    for place in range(0, len(data), step):
        yield place, data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]


@pytest.mark.parametrize("name", ["maps.npz", "maps.tsv"])
def test_no_flipped_byte_of_score_maps_is_consumed(tmp_path, name):
    record, path, cam = tmp_path / "maps.tsv", tmp_path / name, NOISE[:5, :5]
    with MapsWriter(record, "made") as out:
        out.put("a", cam=cam)
    for place, damaged in flips(path.read_bytes(), 1):
        path.write_bytes(damaged)
        try:
            read = MapsReader([record]).read("a", "cam")["cam"]
        except UserError:
            continue
        assert read.dtype == cam.dtype and np.array_equal(read, cam), place


def test_no_flipped_byte_of_a_label_map_is_consumed(tmp_path):
    labels(tmp_path / "labels.tsv", "a")
    path = tmp_path / "a.png"
    for _, damaged in flips(path.read_bytes(), 997):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.png: does not match its record"):
            LabelReader([tmp_path / "labels.tsv"]).read("a")


def test_no_flipped_byte_of_a_model_is_consumed(tmp_path):
    path, net = tmp_path / "model.pt", nn.Linear(2, 1)
    save_model(path, net, "backbone")
    for place, damaged in flips(path.read_bytes(), 7):
        path.write_bytes(damaged)
        try:
            state = load_model(path, "backbone").state
        except UserError:
            continue
        assert all(torch.equal(state[k], v) for k, v in net.state_dict().items()), place


def test_no_flipped_byte_of_a_checkpoint_is_consumed(tmp_path):
    kept, weights = Resume(tmp_path, "same"), torch.arange(4.0)
    kept.save(weights=weights, step=3)
    path = tmp_path / "last.ckpt"
    for place, damaged in flips(path.read_bytes(), 7):
        path.write_bytes(damaged)
        state = kept.load()
        assert state is None or (torch.equal(state["weights"], weights) and state["step"] == 3), (
            place
        )
