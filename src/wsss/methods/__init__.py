"""Methods that train a CAM network from image labels. The folder is the registry.

A method is one file, described in :mod:`wsss.methods.base`; nothing else has to be changed.
``psa+eader`` is the method ``psa`` with the losses of ``eader`` added on the same network.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from wsss.config.methods import FOLDER, method_names, mistake, parts
from wsss.config.section import MethodParams
from wsss.errors import UserError

if TYPE_CHECKING:
    from wsss.methods.base import Method
    from wsss.methods.combo import Combo
    from wsss.nn.backbones import Backbone
    from wsss.nn.classnet import ClassNet


def get(name: str) -> "type[Method]":
    """Return the class of a method.

    Raises:
        UserError: For a name that is not in the folder; lists those that are. For a file with a
            mistake; names it.
    """
    if name not in method_names():
        raise UserError(f"unknown method {name!r}: use one of {', '.join(method_names())}")
    from wsss.methods.base import Method

    path = FOLDER / f"{name}.py"
    try:
        module = import_module(f"{__name__}.{name}")
    except Exception as error:  # the file may do anything
        raise UserError(f"{path}: {mistake(path, error)}") from error
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Method)
        and value.__module__ == module.__name__
    ]
    if len(found) != 1 or found[0].Params is Method.Params:
        raise UserError(
            f"{path}: needs one class ...(Method) with its Params; see wsss/methods/base.py"
        )
    return found[0]


def make(
    name: str,
    backbone: "Backbone",
    num_classes: int,
    params: Mapping[str, MethodParams],
    further: "Mapping[str, Backbone] | None" = None,
) -> "Method | Combo":
    """Build a method or a combination of methods.

    Args:
        name: Name of a method, or several joined by ``+``.
        backbone: Backbone of the network, shared by all of them.
        num_classes: Number of foreground classes C.
        params: Options of every method by its name.
        further: Further backbones by method and option, as in ``eader.adversary``.

    Raises:
        UserError: For an unknown name, or a backbone without a tap that a method reads.
    """
    first, *addons = parts(name)

    def part(method: str, net: "ClassNet | None" = None) -> "Method":
        own = f"{method}."
        given = {k.removeprefix(own): b for k, b in (further or {}).items() if k.startswith(own)}
        return get(method)(backbone, num_classes, params[method], given, net)

    base = part(first)
    if not addons:
        return base
    from wsss.methods.combo import Combo

    return Combo(base, {name: part(name, base.net) for name in addons})
