"""Which rows the parameters of an execution identify, and which rows an INSERT made."""

from collections.abc import Mapping, Sequence
from typing import Any

from frescor.sqlalchemy._private import executions_of, spread_parameters
from frescor.sqlalchemy._statements.facts import Facts, LookUp, Target
from frescor.sqlalchemy._statements.tags import RowKey, form_of, row_key_of

Executions = Sequence[Mapping[str, Any]]
# By the name of a list: the parameters into which it was expanded.
Lists = Mapping[str, Sequence[str]]


def parameters_of(facts: Facts, execution: Any) -> tuple[Executions, Lists]:
    """The parameters of each execution, and of its lists; of a text its literals, too."""
    # Each write asks: without another call for what SQLAlchemy compiled.
    executions = execution.compiled_parameters if execution.compiled is not None else executions_of(execution)
    spread = spread_parameters(execution) or {}
    if facts.literals:
        executions = [{**facts.literals, **one} for one in executions]
    return executions, {**facts.lists, **spread} if facts.lists else spread


def row_keys(lookup: LookUp, executions: Executions, spread: Lists) -> list[RowKey] | None:
    """The rows that these parameters name; None unless all of them are certain."""
    fields = lookup.fields
    if len(fields) == 1 and not fields[0].many:
        # Nearly all look-ups take this path.
        kind, name, forms = fields[0].kind, fields[0].parameter, []
        # A loop, not a comprehension, which is a call before Python 3.12.
        for parameters in executions:
            forms.append(form_of(kind, parameters.get(name)))  # noqa: PERF401
        return None if None in forms else [*zip(forms, strict=True)]
    found: list[RowKey] = []
    kinds = [field.kind for field in fields]
    for parameters in executions:
        several = _values(lookup, parameters, spread)
        if several is None:
            return None
        for values in several:
            key = row_key_of(kinds, values)
            if key is None:
                return None
            found.append(key)
    return found


def _values(lookup: LookUp, parameters: Mapping[str, Any], spread: Lists) -> list[tuple[Any, ...]] | None:
    field = lookup.fields[0]
    if not field.many:
        return [tuple(parameters.get(field.parameter) for field in lookup.fields)]
    # The parameters into which SQLAlchemy has expanded the list of an IN; not those that it writes into the text.
    names = spread.get(field.parameter)
    if names is None:
        return None
    return [(parameters.get(name),) for name in names]


def has_zero(rows: Sequence[RowKey]) -> bool:
    """Whether an INSERT into MySQL may have given one of these rows another key: there a 0 means the next generated
    one."""
    return any(0 in row for row in rows)


def keys_made_by(target: Target, execution: Any) -> list[RowKey] | None:
    """The rows that an INSERT made, as the driver reported them; None if it did not report all."""
    assert target.rows is not None
    rows = execution.inserted_primary_key_rows
    if rows is None or target.declared is None:
        return None
    names = [column.key for column in target.declared.primary_key.columns]
    wanted = [column.key for column in sorted(target.declared.primary_key.columns, key=lambda column: column.name)]
    kinds = [field.kind for field in target.rows.fields]
    found = []
    for row in rows:
        if row is None or len(row) != len(names):
            return None
        by_name = dict(zip(names, row, strict=True))
        key = row_key_of(kinds, [by_name[name] for name in wanted])
        if key is None:
            return None
        found.append(key)
    return found if found else None
