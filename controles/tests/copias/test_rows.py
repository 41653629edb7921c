"""A row as JSON is the row again, type and all; what is no such row is refused."""

import datetime as dt
import enum
import json
from typing import Any

import pytest
import sqlalchemy as sa

from controles.copias.rows import insert, read_row, rows_of, self_references
from controles.db import UtcDateTime
from controles.domain.domain_errors import Invalid


class Cor(enum.Enum):
    VERDE = "verde"


TABLE = sa.Table(
    "coisa",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pai_id", sa.ForeignKey("coisa.id")),
    sa.Column("texto", sa.Text),
    sa.Column("bruto", sa.LargeBinary),
    sa.Column("quando", UtcDateTime()),
    sa.Column("dia", sa.Date),
    sa.Column("cor", sa.Enum(Cor, values_callable=lambda kind: [one.value for one in kind])),
    sa.Column("dados", sa.JSON(none_as_null=True)),
    sa.Column("sim", sa.Boolean),
)
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "pai_id": None,
        "texto": "É “isso”\n=1+1",
        "bruto": b"\x00\xff",
        "quando": dt.datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=dt.UTC),
        "dia": dt.date(2024, 2, 29),
        "cor": Cor.VERDE,
        "dados": {"a": [1, None, "ç"]},
        "sim": True,
    },
    {"id": 2, "pai_id": 1, **dict.fromkeys(("texto", "bruto", "quando", "dia", "cor", "dados", "sim"))},
]


@pytest.fixture
def engine() -> sa.Engine:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    TABLE.metadata.create_all(engine)
    return engine


def test_a_row_comes_back_as_it_was(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        insert(connection, TABLE, ROWS)
        lines = [json.dumps(row) for row in rows_of(connection, TABLE)]
        assert [read_row(list(TABLE.columns), json.loads(line)) for line in lines] == ROWS


def test_a_json_null_is_told_from_no_value(engine: sa.Engine) -> None:
    columns = [TABLE.c.dados]
    assert read_row(columns, [None]) == {"dados": None}
    assert read_row(columns, ["null"]) == {"dados": sa.JSON.NULL}


@pytest.mark.parametrize(
    ("column", "value"),
    [("bruto", "não é base64"), ("dia", "2026-02-30"), ("quando", 7), ("cor", "azul"), ("dados", "{")],
)
def test_what_does_not_fit_its_column_is_refused(column: str, value: object) -> None:
    with pytest.raises(Invalid, match="coisa na cópia não pode ser lida"):
        read_row([TABLE.c[column]], [value])


def test_a_row_with_too_few_values_is_refused() -> None:
    with pytest.raises(Invalid):
        read_row(list(TABLE.columns), [1])


def test_only_references_to_the_same_table_count() -> None:
    other = sa.Table("outra", TABLE.metadata, sa.Column("coisa_id", sa.ForeignKey("coisa.id"), primary_key=True))
    assert self_references(TABLE) == ("pai_id",)
    assert self_references(other) == ()
    TABLE.metadata.remove(other)
