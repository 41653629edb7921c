"""Placeholders for a text's parameters and strings, which can be recognised in sqlglot's tree.

sqlglot does not know every form of parameters and strings. So each parameter is replaced by a number that stands for
it, which is valid wherever a parameter is, and each string by a plain one. A literal in the place of a parameter gets a
name, too: it then counts as a parameter with a known value, and several literals in brackets as a list.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import types

from frescor.sqlalchemy._statements.facts import Field
from frescor.sqlalchemy._statements.lexer import Token, content_of

if TYPE_CHECKING:
    from sqlglot import exp

_FIRST = 910_000_000_000_000
_LENGTH = len(str(_FIRST))
_SIGN = "\u00a7"
_EXPANDED = re.compile(r"__\[POSTCOMPILE_(.*)\]")
_PLAIN_STRING = re.compile(r"'[^\\]*'", re.DOTALL)
_WHOLE = re.compile(r"[0-9]{1,18}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_TYPE = types.NullType()
# A parameter, by the driver's name or number for it and whether it is an expanded list; None if the database gets
# another value than the application gave, or if it is not a parameter of the application.
ParameterNamed = Callable[[str, bool], Field | None]


def of_driver(name: str, many: bool) -> Field | None:
    """A parameter of a text that is passed directly to the driver."""
    return None if many else Field(_NO_TYPE, name)


class Values:
    """The parameters and literals of one text. literals, lists: see `Facts`."""

    def __init__(self, dialect: str, named: ParameterNamed) -> None:
        self.dialect = dialect
        self._named = named
        self.literals: dict[str, Any] = {}
        self.lists: dict[str, tuple[str, ...]] = {}
        # Whether the placeholders for parameters cannot be confused with anything else.
        self.certain = True
        self._parameters: list[Field | None] = []
        self._strings: list[str | None] = []
        self._positions: set[str] = set()
        self._count = 0

    def parameter(self, token: Token) -> str:
        """The placeholder for a parameter."""
        self._parameters.append(self._field(token.text))
        return f" {_FIRST + len(self._parameters) - 1} "

    def string(self, token: Token) -> str:
        """The placeholder for a string."""
        self._strings.append(content_of(token.text) if _PLAIN_STRING.fullmatch(token.text) else None)
        return f"'{_SIGN}{len(self._strings) - 1}'"

    def number(self, token: Token) -> str:
        """A number in the text, unchanged."""
        if len(token.text) >= _LENGTH:
            self.certain = False
        return token.text

    def field(self, node: "exp.Expr | None", *, lists: bool = False) -> Field | None:
        """The parameter or literal that an expression consists of; None if it is something else, or may not reach the
        database unchanged. lists: allow the expanded list of an IN."""
        from sqlglot import exp

        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.Cast):
            return self._cast(node)
        if isinstance(node, exp.Null):
            return self._literal(None)
        negative = isinstance(node, exp.Neg)
        literal = node.this if negative and node is not None else node
        if not self.certain or not isinstance(literal, exp.Literal):
            return None
        text = str(literal.this)
        if literal.is_string:
            found = self._strings[int(text[1:])] if text[:1] == _SIGN and not negative else None
            return None if found is None else self._literal(found)
        if not _WHOLE.fullmatch(text):
            return None
        place = int(text) - _FIRST
        if not 0 <= place < len(self._parameters):
            return self._literal(-int(text) if negative else int(text))
        parameter = self._parameters[place]
        return None if negative or parameter is None or (parameter.many and not lists) else parameter

    def listed(self, nodes: "Sequence[exp.Expr]") -> Field | None:
        """One of several expressions."""
        fields = [self.field(node, lists=len(nodes) == 1) for node in nodes]
        names = [field.parameter for field in fields if field is not None and (not field.many or len(nodes) == 1)]
        if not names or len(names) != len(nodes):
            return None
        if len(fields) == 1:
            return fields[0]
        name = f"'list {len(self.lists)}"
        self.lists[name] = tuple(names)
        return Field(_NO_TYPE, name, many=True)

    def _field(self, text: str) -> Field | None:
        if (expanded := _EXPANDED.fullmatch(text)) is not None:
            return self._named(expanded[1], True)
        if text in ("?", "%s"):
            # A driver recognises only one of the two as a parameter.
            self._positions.add(text)
            self.certain = self.certain and len(self._positions) == 1
            self._count += 1
            return self._named(str(self._count - 1), False)
        if text.startswith("%("):
            return self._named(text[2:-2], False)
        return self._named(str(int(text[1:]) - 1) if text.startswith("$") else text[1:], False)

    def _literal(self, value: Any) -> Field:
        name = f"'{value!r}"
        self.literals[name] = value
        return Field(_NO_TYPE, name)

    def _cast(self, node: "exp.Expr") -> Field | None:
        """A cast that does not change values that a slice can have; SQLite's casts do."""
        from sqlglot import exp

        kind = node.args.get("to")
        if self.dialect != "postgresql" or type(node) is not exp.Cast or kind is None or kind.expressions:
            return None
        whole = (exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT)
        if kind.this not in (*whole, exp.DType.DATE, exp.DType.UUID, exp.DType.TEXT, exp.DType.VARCHAR):
            return None
        if kind.args.get("nested") or node.args.get("format") or node.args.get("default"):
            return None
        field = self.field(node.this)
        if field is None or field.parameter not in self.literals:
            return field
        value = self.literals[field.parameter]
        if kind.this == exp.DType.DATE:
            return self._literal(dt.date.fromisoformat(value)) if _is_date(value) else None
        return field if isinstance(value, int) == (kind.this in whole) else None


def _is_date(value: object) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True
