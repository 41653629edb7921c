"""A source module has a test file of its name; those that have none are tested elsewhere, which is said here."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Of Frescor, by module: the test file that shows what it is for, and why that is not one of its name.
ELSEWHERE = {
    "_copies/listen_cluster.py": ("store/test_cluster.py", "needs nodes that move and go"),
    "_copies/listening.py": ("store/test_base.py", "chooses a listener by the kind of store"),
    "_protocol/outcome.py": ("runtime/test_events.py", "values alone; each has to have a counter"),
    "_store/cluster/cluster_aio.py": ("conformance/test_cache.py", "as the sync one, by each test with `cache`"),
    "_store/connection/connection.py": ("test_refusals.py", "what servers answer, and how they fail"),
    "_store/listener_registry.py": ("test_confirming.py", "needs processes that listen"),
    "_store/opening_aio.py": ("store/test_opening.py", "one store's two forms are tested together"),
    "_store/scripts.py": ("testing/test_conformance.py", "what a script does is what each store has to do"),
    "_store/server/redis.py": ("testing/test_conformance.py", "one of the stores"),
    "_store/slot_steps.py": ("simulation/test_slots.py", "every order of its steps"),
    "_store/slot_wire.py": ("simulation/test_slots.py", "the commands of these steps"),
    "_surface/decorator.py": ("surface/test_facades.py", "and every other test that decorates a function"),
    "_surface/owners.py": ("calls/test_canonical.py", "which instances have an identity"),
    "embedded/supervisor.py": ("embedded/test_server.py", "runs only with a server and its users"),
    "sqlalchemy/_catalog/description.py": ("sqlalchemy/test_catalog.py", "what all databases have in common"),
    "sqlalchemy/_catalog/description_others.py": ("sqlalchemy/test_dependencies.py", "without such a database"),
    "sqlalchemy/_catalog/description_postgresql.py": ("sqlalchemy/test_dependencies.py", "on PostgreSQL itself"),
    "sqlalchemy/_catalog/description_sqlite.py": ("sqlalchemy/test_dependencies.py", "on SQLite itself"),
    "sqlalchemy/_engine/drivers.py": ("sqlalchemy/test_async.py", "one line, for async drivers"),
    "sqlalchemy/_engine/statement_listeners.py": ("sqlalchemy/test_names.py", "listeners that change a name"),
    "sqlalchemy/_slices/columns.py": ("sqlalchemy/slices/test_buckets.py", "buckets are what is hard about it"),
    "sqlalchemy/_slices/returning.py": ("sqlalchemy/slices/test_generated_writes.py", "on each driver"),
    "sqlalchemy/_slices/sliced_reads.py": ("sqlalchemy/slices/test_written.py", "a read is told by what ends it"),
    "sqlalchemy/_slices/tracked.py": ("sqlalchemy/slices/test_declared.py", "what was declared, by table"),
    "sqlalchemy/_statements/analysis.py": ("sqlalchemy/test_names.py", "constructs that name a table"),
    "sqlalchemy/_statements/compiler_notes.py": ("sqlalchemy/test_parameters.py", "which parameter is where"),
    "sqlalchemy/_statements/facts.py": ("sqlalchemy/test_text.py", "values alone"),
    "sqlalchemy/_statements/scan.py": ("sqlalchemy/test_utility.py", "the names in such statements"),
    "sqlalchemy/_statements/writes.py": ("sqlalchemy/test_parameters.py", "rows that a write means"),
    "sqlalchemy/_tracking/administration.py": ("sqlalchemy/test_triggers.py", "what the commands ask for"),
    "sqlalchemy/_tracking/capture.py": ("sqlalchemy/test_patterns.py", "what a load is told of, as one writes loads"),
    "sqlalchemy/_tracking/row_keys.py": ("sqlalchemy/test_parameters.py", "rows that parameters mean"),
    "sqlalchemy/_tracking/setup.py": ("sqlalchemy/test_tracking.py", "`track` itself"),
    "sqlalchemy/_tracking/statement_tags.py": ("sqlalchemy/test_parameters.py", "rows that a statement means"),
    "sqlalchemy/_tracking/statements.py": ("sqlalchemy/test_unknown.py", "and each test of a tracked engine"),
    "sqlalchemy/_tracking/tracked_engine.py": ("sqlalchemy/test_tracking.py", "a type alone"),
    "sqlalchemy/_transactions/context.py": ("sqlalchemy/test_transaction.py", "whose transactions count"),
    "sqlalchemy/types.py": ("test_surface.py", "names alone"),
    "store.py": ("testing/test_conformance.py", "names alone: a store made of them"),
    "testing/private_cluster.py": ("store/test_cluster.py", "what the tests of a cluster stand on"),
    "types.py": ("test_surface.py", "names alone"),
}
# Of Controles so many have none: their promises are tested where users meet them. The number may only become smaller.
CONTROLES = 86


def without_tests(distribution: str) -> list[str]:
    sources = ROOT / distribution / "src" / distribution
    tested = {path.stem.removeprefix("test_") for path in (ROOT / distribution / "tests").rglob("test_*.py")}
    return sorted(
        str(path.relative_to(sources))
        for path in sources.rglob("*.py")
        if not path.stem.startswith("__") and "migrations" not in path.parts and path.stem.lstrip("_") not in tested
    )


def test_a_module_of_frescor_has_a_test_file_or_it_is_said_which_other_file_tests_it() -> None:
    missing = set(without_tests("frescor"))
    assert missing - ELSEWHERE.keys() == set(), "write a test file of the module's name, or say why not"
    assert ELSEWHERE.keys() - missing == set(), "these have a test file of their own, or are gone: delete the line"


@pytest.mark.parametrize("module", ELSEWHERE)
def test_the_other_file_exists_and_the_reason_is_said(module: str) -> None:
    file, reason = ELSEWHERE[module]
    assert (ROOT / "frescor" / "tests" / file).is_file()
    assert len(reason) > 8


def test_no_more_modules_of_controles_are_without_a_test_file_than_are_recorded() -> None:
    missing = without_tests("controles")
    assert len(missing) <= CONTROLES, (
        f"{len(missing)} modules have no test_<name>.py, {CONTROLES} are allowed: write one for the new module. "
        f"Without: {', '.join(missing)}"
    )


def test_a_module_without_a_test_file_is_found() -> None:
    assert "_values/codec.py" not in without_tests("frescor")
    assert "types.py" in without_tests("frescor")
