"""Commands that Snakemake would misread are errors."""

from pathlib import Path

import pytest

from wsss.errors import UserError
from wsss.plan.command import check_command


@pytest.mark.parametrize(
    "words",
    [
        ["--configfile", "a.yaml", "--configfile", "b.yaml"],
        ["--configf", "a.yaml", "--configfil=b.yaml"],
        ["--configfile=a.yaml", "--cores", "2", "--configfiles", "b.yaml"],
    ],
)
def test_a_second_configfile_is_an_error(words):
    with pytest.raises(UserError, match="--configfile is given more than once"):
        check_command(["snakemake", *words], Path("project"))


def test_several_files_behind_one_option_are_none():
    words = ["snakemake", "--configfile", "a.yaml", "b.yaml", "--config", "seed=1"]
    check_command(words, Path("a project"))


@pytest.mark.parametrize("folder", ["{x}", "a/{b/c", "a}"])
def test_a_folder_that_snakemake_formats_is_an_error(folder):
    with pytest.raises(UserError, match="Snakemake cannot work in a folder with"):
        check_command(["snakemake"], Path(folder))
