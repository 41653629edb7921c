"""`frescor explain module:function arguments…`: what the entry of a call depends on, and why not less."""

import ast
import asyncio
import contextlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from frescor._surface.explanation import explain
from frescor.cli.wording import plain
from frescor.errors import CacheError


@click.command("explain")
@click.option(
    "--setup",
    metavar="MODULE:FUNCTION",
    help="Call this first: it sets the application up. A Flask application that it returns gets its context, and a "
    "context manager is entered.",
)
@click.argument("function", metavar="MODULE:FUNCTION")
@click.argument("arguments", nargs=-1)
def explain_command(setup: str | None, function: str, arguments: tuple[str, ...]) -> None:
    """Show which rows, slices and tables the entry of a call depends on, and what binds no slice.

    ARGUMENTS are written as in Python (7, "2025-01", None, name=3); what is no value of Python is text. The function
    runs twice, beside the cache: the first time may register its slices. Nothing is stored.
    """
    # As for `python -m`: the application is in this folder.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    args = [_value(one) for one in arguments if _name_of(one) is None]
    kwargs = {name: _value(one.partition("=")[2]) for one in arguments if (name := _name_of(one)) is not None}
    with _set_up(setup):
        found = _loaded(function)
        _check(found, function, args, kwargs)
        run = _finished(found)
        try:
            explain(run, tuple(args), kwargs)
            click.echo(_plain_lines(str(explain(run, tuple(args), kwargs))))
        except CacheError as error:
            raise click.ClickException(plain(str(error))) from error


def _check(function: Callable[..., Any], name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except ValueError:
        # A function of C that tells nothing of its arguments.
        return
    except TypeError as error:
        raise click.UsageError(f"{name} does not take these arguments: {error}.") from error


def _plain_lines(text: str) -> str:
    """The text, with nothing in it that a terminal would take for a command."""
    return "\n".join(map(plain, text.splitlines()))


@contextlib.contextmanager
def _set_up(setup: str | None) -> Iterator[None]:
    found: Any = None if setup is None else _loaded(setup)()
    context: Any = found.app_context() if hasattr(found, "app_context") else found
    with context if hasattr(context, "__enter__") else contextlib.nullcontext():
        yield


def _finished(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself, or one that runs a coroutine function to its end."""
    inner = getattr(function, "uncached", function)
    if not inspect.iscoroutinefunction(inspect.unwrap(inner)):
        return function

    def run(*args: Any, **kwargs: Any) -> Any:
        return asyncio.run(inner(*args, **kwargs))

    return run


def _loaded(name: str) -> Any:
    module, _, path = name.partition(":")
    if not module or not path:
        raise click.UsageError(f"{name!r} is no function: write it as module:function, such as shop.queries:dues_of.")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise click.UsageError(
            f"{name!r} cannot be imported from {Path.cwd()}: {error}. Run this where the application runs."
        ) from error
    if not callable(found):
        raise click.UsageError(f"{name!r} is no function but of type {type(found).__name__}.")
    return found


def _name_of(argument: str) -> str | None:
    name, sign, _ = argument.partition("=")
    return name if sign and name.isidentifier() else None


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
