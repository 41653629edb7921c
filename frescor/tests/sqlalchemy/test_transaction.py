"""What one database transaction has changed so far."""

from frescor.sqlalchemy._statements.tags import EVERYTHING, MOST_ROWS
from frescor.sqlalchemy._transactions.context import is_dirty
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

TABLE, ROWS = "sql:due", "sql:due#"


def begun() -> TrackedTransaction:
    return TrackedTransaction(old=False, uncommitted=False, autocommit=False)


def row_tags(transaction: TrackedTransaction) -> set[str]:
    return {tag for tag in transaction.tags() if "@" not in tag}


def test_known_rows_raise_the_table_and_their_own_tags() -> None:
    transaction = begun()
    assert transaction.tags() == frozenset()
    transaction.write(TABLE, ["a"])
    assert row_tags(transaction) == {TABLE, "a"}
    assert transaction.changed(["a"])
    assert not transaction.changed(["b"])
    transaction.end()


def test_unknown_rows_and_too_many_raise_the_tag_of_all_rows() -> None:
    for rows in (None, [str(number) for number in range(MOST_ROWS + 1)]):
        transaction = begun()
        transaction.write(TABLE, ["a"])
        transaction.write(TABLE, rows)
        assert row_tags(transaction) == {TABLE, ROWS}
        transaction.end()


def test_a_rollback_to_a_savepoint_drops_what_came_after_it_and_keeps_the_rest() -> None:
    transaction = begun()
    transaction.write(TABLE, ["a"])
    transaction.savepoint("one")
    transaction.write(TABLE, ["b"])
    transaction.rollback_to("one")
    assert row_tags(transaction) == {TABLE, "a"}
    transaction.write(TABLE, ["c"])
    transaction.release("one")
    transaction.rollback_to("one")
    assert row_tags(transaction) == {TABLE, "a", "c"}
    transaction.end()


def test_of_several_savepoints_of_one_name_the_last_is_meant() -> None:
    transaction = begun()
    transaction.savepoint("one")
    transaction.write(TABLE, ["a"])
    transaction.savepoint("one")
    transaction.write(TABLE, ["b"])
    transaction.rollback_to("one")
    assert row_tags(transaction) == {TABLE, "a"}
    transaction.end()


def test_rows_whose_keys_are_awaited_are_unknown_until_they_are_told() -> None:
    transaction, execution = begun(), object()
    transaction.await_keys(execution, TABLE, None)
    assert transaction.waits_for(execution) == TABLE
    assert row_tags(transaction) == {TABLE, ROWS}
    transaction.keys_told(execution, TABLE, ["a"])
    assert transaction.waits_for(execution) is None
    assert row_tags(transaction) == {TABLE, "a"}
    transaction.end()


def test_what_may_have_changed_anything_changes_every_tag() -> None:
    transaction = begun()
    transaction.write_everything()
    assert transaction.tags() == {EVERYTHING}
    assert transaction.changed(["whatever"])
    transaction.end()


def test_a_slice_of_a_column_that_was_told_nothing_of_counts_as_changed() -> None:
    transaction = begun()
    blind = f"{TABLE}#@member_id"
    transaction.write(TABLE, ["a"], {blind: frozenset({f"{blind}=1"})})
    assert transaction.changed([f"{blind}=1"])
    assert not transaction.changed([f"{blind}=2"])
    assert transaction.changed([f"{TABLE}#@month=3"])
    transaction.end()


def test_the_thread_has_changes_from_the_first_write_to_the_end() -> None:
    transaction = begun()
    transaction.join()
    assert not is_dirty()
    transaction.write(TABLE, None)
    assert is_dirty()
    transaction.end()
    assert not is_dirty()
