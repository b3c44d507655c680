import re
from functools import cache

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# a busy machine is no mistake
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


class GroupScheduling(LoadScopeScheduling):
    """Send the tests of an `xdist_group` to one worker, so that its fixtures are made once.

    xdist's own `loadgroup` finds no groups since pytest 9.
    """

    def _split_scope(self, nodeid):
        return group(self.config.rootpath / nodeid.partition("::")[0]) or nodeid


@cache
def group(file):
    """The `xdist_group` of a file of tests; empty if it has none."""
    found = re.search(r'xdist_group\("(\w+)"\)', file.read_text(encoding="utf-8"))
    return found[1] if found else ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Schedule by groups where it is asked for."""
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items):
    """Run slow tests first, so that no worker waits for one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
