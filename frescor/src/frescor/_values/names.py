"""Names of modules, classes and functions that are the same in every process that runs the same code.

Python calls the file that is run `__main__`, and calls the same file by its own name when it is imported. Here it
always has its own name. Only code without a file, such as a notebook or `python -c`, keeps the name `__main__`.
"""

import functools
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The name that `multiprocessing` gives to the file that was run, in the processes that it starts.
_RUN = ("__main__", "__mp_main__")
INTERACTIVE = "__main__"


def module_name(name: str, namespace: Mapping[str, Any] | None = None) -> str:
    """The name of a module; `namespace`: its globals, if the caller has them."""
    if name not in _RUN:
        return name
    if namespace is None:
        namespace = vars(sys.modules[name]) if name in sys.modules else {}
    spec, file = namespace.get("__spec__"), namespace.get("__file__")
    if spec is not None:
        return str(spec.name)
    if not isinstance(file, str):
        return INTERACTIVE
    return _name_of_file(file)


@functools.lru_cache(maxsize=16)
def _name_of_file(file: str) -> str:
    path = Path(file).resolve()
    parts = [path.stem]
    for folder in path.parents:
        if not (folder / "__init__.py").is_file():
            break
        parts.append(folder.name)
    return ".".join(reversed(parts))


def class_name(cls: type) -> str:
    """The dotted name of a class."""
    return f"{module_name(cls.__module__)}.{cls.__qualname__}"


def is_found(thing: object, module: str, qualified_name: str) -> bool:
    """Whether this name leads to this very object, so that no other object has it."""
    found: object = sys.modules.get(module)
    for part in qualified_name.split("."):
        found = getattr(found, part, None)
    return found is thing


def short_name(label: str, longest: int, digest: str) -> str:
    """A label of at most `longest` characters; the digest stands for what was cut off."""
    return label if len(label) <= longest else f"{label[: longest - len(digest) - 1]}~{digest}"


def namespace_of(function: object) -> Mapping[str, Any] | None:
    """The globals of the module that defines a function, if it is a Python function."""
    return function.__globals__ if isinstance(function, types.FunctionType) else None
