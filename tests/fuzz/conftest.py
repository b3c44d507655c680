"""The writer of MXNet files, of which readers of weights get damaged ones."""

from tests.nn.conftest import params_file

__all__ = ["params_file"]
