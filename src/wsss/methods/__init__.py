"""Methods that train a CAM network from image labels. The folder is the registry.

A method is one file: its docstring says paper, original repository and deviations; it holds
``class FooParams`` and ``class Foo(Method)``. Nothing else has to be changed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from wsss.config.methods import method_names
from wsss.errors import UserError

if TYPE_CHECKING:
    from wsss.methods.base import Method


def get(name: str) -> "type[Method]":
    """Return the class of a method.

    Raises:
        UserError: For a name that is not in the folder; lists those that are.
    """
    if name not in method_names():
        raise UserError(f"unknown method {name!r}: use one of {', '.join(method_names())}")
    from wsss.methods.base import Method

    module = import_module(f"{__name__}.{name}")
    (method,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Method)
        and value.__module__ == module.__name__
    )
    return method
