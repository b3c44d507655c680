import re
import subprocess
import sys
from pathlib import Path

from wsss.cli import TOOLS, commands
from wsss.config.backbones import BACKBONES
from wsss.config.model import Segment
from wsss.config.segmenters import LIBRARIES, OWN
from wsss.pipeline import STAGES

ROOT = Path(__file__).parents[1]
HELPERS = {
    "__init__",
    "beside",
    "checkpoints",
    "classifier_validation",
    "classifiers",
    "console",
    "damage",
    "events",
    "exported",
    "finite",
    "held_out",
    "training",
    "inference",
    "irn_instances",
    "locating",
    "options",
    "packing",
    "predicting",
    "recipes",
    "parts",
    "pictures",
    "sourcing",
    "segmenter_validation",
}


def rules():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    return re.findall(r"^rule (\w+):", text, re.MULTILINE)


def test_rules_stages_and_modules_have_the_same_names():
    modules = {path.stem for path in (ROOT / "src/wsss/stages").glob("*.py")} - HELPERS
    assert sorted(rules()) == sorted(STAGES)
    assert set(commands()) - set(STAGES) == set(TOOLS)
    assert modules == set(commands())


def test_configured_networks_are_those_of_the_registries():
    from wsss.nn import backbones, segmenters

    for name, entry in BACKBONES.items():
        strides = type(backbones.build(name)).output_strides
        assert (entry.strides[0], set(entry.strides)) == (strides[0], set(strides))
    assert set(OWN) == set(segmenters.NAMES)
    assert set(LIBRARIES) | set(OWN) <= set(Segment.model_fields)


def test_help_does_not_import_torch():
    code = "import sys; import wsss.cli; wsss.cli.main(['--help'])"
    check = f"try:\n    {code}\nexcept SystemExit:\n    sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
