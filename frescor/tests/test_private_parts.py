"""Private parts of other projects are named in one file each, so that a new one is seen here."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import frescor
from frescor._store.connection import redis_private
from frescor.sqlalchemy import _private as sqlalchemy_private

SOURCES = Path(frescor.__file__).parent
# Private by the underscore alone: their projects document them.
DOCUMENTED = {"sys._getframe", "os._exit", "_get_current_object"}
# Without an underscore, and private all the same.
INTERNAL = {"runid", "compile_state", "NodesManager", "cursor_fetch_strategy", "generators", "error_from_result"}
# Names of other projects' private parts that something of Frescor's has too.
SHARED = {"_connect", "_connection_cls", "_has_events", "_should_log_info", "_values", "_writer"}
# By file: the names, and how often each stands there.
ALLOWED = {
    "_store/connection/redis_private.py": {
        "NodesManager": 4,
        "_connect": 1,
        "_sock": 3,
        "_update_moved_slots": 2,
        "_writer": 3,
    },
    # It overrides that; whether it is still there is looked for in the file above.
    "_store/connection/deadline.py": {"_connect": 1},
    "sqlalchemy/_private.py": {
        "_AdhocProxiedConnection": 2,
        "_NO_CURSOR_DML": 2,
        "_WeakInstanceDict": 1,
        "_all_registries": 2,
        "_compiler_dispatch": 3,
        "_allow_autobegin": 1,
        "_deliver_insertmanyvalues_batches": 1,
        "_dispatcher": 2,
        "_expanded_parameters": 2,
        "_extra_froms": 1,
        "_has_events": 3,
        "_independent_ctes": 2,
        "_is_clean": 2,
        "_multi_values": 3,
        "_new_runid": 2,
        "_on_connect_isolation_level": 1,
        "_post_values_clause": 2,
        "_prefixes": 3,
        "_returning": 2,
        "_rowcount": 2,
        "_setup_result_proxy": 1,
        "_values": 3,
        "_where_criteria": 3,
        "compile_state": 2,
        "cursor_fetch_strategy": 2,
        "runid": 2,
    },
    # Overridden; whether they are still there is looked for beside them.
    "flask_caching/cache.py": {"_memoize_version": 1},
    "flask_caching/fragments.py": {"_cache": 1},
    # Overridden: see `overrides`.
    "sqlalchemy/_statements/compiler_notes.py": {"_generate_prefixes": 1},
    # What the core, which imports no SQLAlchemy, knows objects of the ORM by: looked for in `sqlalchemy._private`.
    "_calls/borrowed.py": {"_sa_instance_state": 2, "_sa_class_manager": 1},
    "_values/records.py": {"_sa_instance_state": 1, "_sa_class_manager": 1},
    "sqlalchemy/_outbox/row_with_commit.py": {"error_from_result": 1, "generators": 1},
}


def own_names(trees: dict[str, ast.Module]) -> set[str]:
    """What Frescor's own modules, classes and methods are called."""
    found: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_of_self(node):
                found.add(node.attr)
    return found


def is_of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def is_private(name: str) -> bool:
    return name in INTERNAL or (name.startswith("_") and not name.endswith("__"))


def named(tree: ast.Module, own: set[str]) -> Iterator[str]:
    """The private names in a module that are no name of Frescor's, or that stand behind `super()`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            above = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "super"
            foreign = node.attr in INTERNAL or node.attr not in own or (node.attr in SHARED and not is_of_self(node))
            documented = ast.unparse(node) in DOCUMENTED or node.attr in DOCUMENTED
            if is_private(node.attr) and (above or foreign) and not documented:
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("frescor"):
            yield from (part for part in (node.module or "").split(".") if is_private(part) and part != "__future__")
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
            "getattr",
            "hasattr",
            "setattr",
            "attrgetter",
            "methodcaller",
            "require",
        ):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield from (
                        part
                        for part in argument.value.split(".")
                        if is_private(part) and (part in SHARED or part not in own)
                    )


def uses(sources: Path) -> dict[str, Counter[str]]:
    trees = {
        path.relative_to(sources).as_posix(): ast.parse(path.read_text()) for path in sorted(sources.rglob("*.py"))
    }
    own = own_names(trees)
    found = {name: Counter(named(tree, own)) for name, tree in trees.items()}
    return {name: counted for name, counted in found.items() if counted}


def test_private_parts_of_other_projects_are_named_in_one_file_each() -> None:
    assert uses(SOURCES) == ALLOWED


@pytest.mark.parametrize(
    "line",
    [
        "connection._really_private",
        "getattr(statement, '_really_private', None)",
        "from sqlalchemy.orm.loading import _really_private",
        "from sqlalchemy._really_private import something",
        "operator.attrgetter('dialect._really_private')",
        "class A(B):\n    def f(self): super()._really_private()",
    ],
)
def test_a_new_one_is_seen(tmp_path: Path, line: str) -> None:
    (tmp_path / "module.py").write_text(line)
    assert uses(tmp_path) == {"module.py": {"_really_private": 1}}


def test_the_supported_versions_are_those_that_are_installed_with_frescor() -> None:
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'"{redis_private.SUPPORTED}"' in project
    assert f'"{sqlalchemy_private.SUPPORTED.replace("SQLAlchemy", "SQLAlchemy[asyncio]")}"' in project
