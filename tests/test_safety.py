"""Nothing of the user is executed, written elsewhere or shown as markup."""

import ast
import csv
from pathlib import Path

import pytest
import yaml
from PIL import Image

import wsss
from wsss.config import files
from wsss.config.dataset import Dataset
from wsss.config.resolve import load, runs
from wsss.data.check import check_listing
from wsss.data.photos import find_photos
from wsss.data.sources import read
from wsss.errors import UserError
from wsss.io.index import Index
from wsss.planning import document

SOURCES = sorted(Path(wsss.__file__).parent.rglob("*.py"))
OUTSIDE = ["../x", "/tmp/x", "a/../../b", "images/../../x", "a\0b", "b" * 300, ".", "..", "a\tb"]


def calls():
    """Every call in the package: where it is, the dotted name of the function, the call."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{path}:{node.lineno}", ast.unparse(node.func), node


def options(call):
    return {word.arg: ast.unparse(word.value) for word in call.keywords}


def test_no_pickle_is_loaded():
    for where, name, call in calls():
        given = options(call)
        assert given.get("allow_pickle", "False") == "False", where
        assert name not in ("pickle.load", "pickle.loads", "pickle.Unpickler"), where
        assert name.split(".")[-1] not in ("read_pickle", "loadtxt", "fromregex"), where
        if name in ("torch.load", "jit.load", "torch.hub.load_state_dict_from_url"):
            assert given.get("weights_only") == "True", where


def test_nothing_of_the_user_is_executed():
    safe_yaml = ("yaml.safe_load", "yaml.safe_dump", "yaml.MarkedYAMLError")
    assert issubclass(files._Loader, yaml.SafeLoader)
    assert issubclass(document._Dumper, yaml.SafeDumper)
    for where, name, call in calls():
        assert name not in ("eval", "__import__", "os.system", "os.popen"), where
        assert name != "exec" or "config/methods.py" in where, where  # of files of this package
        safe = name in safe_yaml or (name == "yaml.load" and ast.unparse(call.args[1]) == "_Loader")
        safe |= name == "yaml.dump" and options(call).get("Dumper") == "_Dumper"
        assert safe or not name.startswith("yaml."), where
        assert options(call).get("shell", "False") == "False", where


def test_only_what_names_its_errors_imports_pickle():
    users = {p.name for p in SOURCES if "import pickle" in p.read_text(encoding="utf-8")}
    assert users <= {"weights.py", "lattice_kernels.py"}


@pytest.mark.parametrize("column", ["image", "mask"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_in_a_table_stays_in_its_folder(tmp_path, column, path):
    Image.new("L", (4, 3)).save(tmp_path / "a.png")
    row = {"image": "a.png", "split": "train", "labels": "cat", "mask": "", column: path}
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, row)
        table.writeheader()
        table.writerow(row)
    dataset = Dataset(source="csv", root=str(tmp_path), splits={"train": "train"})
    with pytest.raises(UserError, match=r"labels\.csv"):
        check_listing(read(dataset), dataset)


@pytest.mark.parametrize("line", ["../x", "/tmp/x", "a/../../b", "a\0b", "b" * 300, ".", ".."])
def test_an_id_in_a_list_of_voc_stays_in_its_folder(tmp_path, line):
    for name in ("JPEGImages", "Annotations", "ImageSets/Segmentation"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text(f"{line}\n")
    dataset = Dataset(source="voc", root=str(tmp_path), splits={"train": "train"})
    with pytest.raises(UserError, match=r"train\.txt"):
        check_listing(read(dataset), dataset)


def test_ids_of_photographs_are_single_names(tmp_path):
    photos = tmp_path / "photos"
    for name in ("a/b.png", "a b.png", "..c.png", "a;b.png", "<script>.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(photos / name)
    found = find_photos(photos, tmp_path / "results")
    assert all(Path(photo.image_id).name == photo.image_id for photo in found)


def test_an_id_that_no_file_could_bear_is_refused_before_training(tmp_path):
    inner = Path("/".join("abc"[i] * 100 for i in range(3)), "a.png")
    (tmp_path / inner).parent.mkdir(parents=True)
    for name in (inner, Path("b.png")):
        Image.new("RGB", (4, 3)).save(tmp_path / name)
    rows = [f"{inner},train,cat", "b.png,train,cat"]
    (tmp_path / "labels.csv").write_text("\n".join(["image,split,labels", *rows]))
    dataset = Dataset(source="csv", root=str(tmp_path), splits={"train": "train"})
    with pytest.raises(UserError, match=r"labels\.csv:2: .* too long for the name of a file"):
        check_listing(read(dataset), dataset)
    with pytest.raises(UserError, match="too long for the name of a file"):
        find_photos(tmp_path, tmp_path / "results")


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "", ".", "..", "a\0b", "<script>"])
def test_names_of_runs_and_data_sets_are_names_of_folders(name):
    for raw in ({"runs": {name: {}}}, {"dataset": {"name": name}}, {"method": name}):
        with pytest.raises(UserError, match="config: "):
            runs(load(raw))


def test_an_edited_index_cannot_name_a_file_elsewhere(tmp_path):
    path = tmp_path / "index.tsv"
    for image_id in ("../x", "/tmp/x", "a/b", "", ".", "..", "a\0b", "b" * 300):
        head = "#classes\tcat\nimage_id\tsplit\timage\tdigest\tclasses\n"
        path.write_text(f"{head}{image_id}\ttrain\ta.png\t0\tcat\n")
        with pytest.raises(UserError, match=r"index\.tsv"):
            Index.read(path)
