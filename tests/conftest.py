from hypothesis import settings

# a busy machine is no mistake
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items):
    """Run slow tests first, so that no worker waits for one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
