"""Cursors that make no sense are no cursors; pages meet without a gap or an overlap."""

import base64

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st

from controles.db import MAX_ID, db
from controles.militantes.models import Militante, Nucleo
from controles.web.pagination import LONGEST_CURSOR, Cursor, Direction, Keyset, Page, decode, fetch_page

BY_NAME = Keyset(order="nome", columns=(Nucleo.nome, Nucleo.id), row_id=Nucleo.id)
# Many rows have the same uf: what is unique is the id beside it.
BY_UF = Keyset(order="uf", columns=(Nucleo.uf, Nucleo.id), row_id=Nucleo.id)
BY_UF_DOWN = Keyset(order="-uf", columns=BY_UF.columns, row_id=Nucleo.id, descending=True)


@given(st.sampled_from(["nome", "-filiacao"]), st.sampled_from(Direction), st.integers(1, 2**63 - 1))
def test_a_cursor_comes_back_as_it_was(order: str, direction: Direction, row_id: int) -> None:
    cursor = Cursor(order, direction, row_id)
    assert decode(cursor.encode(), order=order) == cursor


@given(st.text() | st.text(alphabet="bm9tZXxufDEyMw=-_") | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
@example("")
@example("\x00")
@example("é")
@example("bm9tZXxufA")
@example("nome|n|1")
def test_any_text_is_a_cursor_of_this_order_or_none(text: str) -> None:
    found = decode(text, order="nome")
    assert found is None or (found.order == "nome" and 0 < found.row_id < 2**63)


@pytest.mark.parametrize(
    "plain",
    [
        "nome|n|0",
        "nome|n|-1",
        "nome|n|9223372036854775808",
        "nome|x|1",
        "uf|n|1",
        "nome|n|1|1",
        "nome|n|²",
        "nome|n|1e3",
    ],
)
def test_a_cursor_with_a_wrong_part_is_none(plain: str) -> None:
    assert decode(base64.urlsafe_b64encode(plain.encode()).decode(), order="nome") is None


def test_a_cursor_too_long_to_be_one_is_not_read() -> None:
    plain = "nome|n|" + "1" * LONGEST_CURSOR
    assert decode(base64.urlsafe_b64encode(plain.encode()).decode(), order="nome") is None


def test_a_cursor_shows_no_name() -> None:
    text = Cursor("nome", Direction.NEXT, 7).encode()
    assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) == b"nome|n|7"


def nucleos(*ufs: str) -> None:
    db.session.add_all(Nucleo(nome=f"{index:03d}", uf=uf, municipio="X") for index, uf in enumerate(ufs))
    db.session.commit()


def page(keyset: Keyset, cursor: str | None, limit: int = 3) -> Page[str]:
    return fetch_page(
        db.session, sa.select(Nucleo.id, Nucleo.nome), keyset, cursor=cursor, limit=limit, visible=sa.true()
    )


@pytest.mark.parametrize("keyset", [BY_NAME, BY_UF, BY_UF_DOWN], ids=lambda keyset: keyset.order)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_forward_and_back_show_every_row_once_and_the_same(app: Flask, keyset: Keyset, limit: int) -> None:
    nucleos("SP", "SP", "BA", "SP", "RJ", "BA", "SP")
    ids = [row.id for row in db.session.execute(sa.select(Nucleo.id).order_by(*keyset.ordering(backwards=False)))]
    pages = [page(keyset, None, limit)]
    while pages[-1].following is not None:
        pages.append(page(keyset, pages[-1].following, limit))
    assert [row[0] for shown in pages for row in shown.rows] == ids
    assert pages[0].preceding is None
    back = [pages[-1]]
    while back[-1].preceding is not None:
        back.append(page(keyset, back[-1].preceding, limit))
    assert [shown.rows for shown in reversed(back)] == [shown.rows for shown in pages]


def test_going_back_to_a_start_that_grew_shows_the_new_rows_too(app: Flask) -> None:
    nucleos("SP", "SP", "SP", "SP")
    second = page(BY_NAME, page(BY_NAME, None, 2).following, 2)
    db.session.add(Nucleo(nome="000a", uf="SP", municipio="X"))
    db.session.commit()
    back = page(BY_NAME, second.preceding, 2)
    assert [row[1] for row in back.rows] == ["000a", "001"]
    assert [row[1] for row in page(BY_NAME, back.preceding, 2).rows] == ["000", "000a"]


def test_a_page_after_rows_that_are_gone_is_the_first_one(app: Flask) -> None:
    nucleos("SP", "SP", "SP")
    following = page(BY_NAME, None, 2).following
    db.session.execute(sa.delete(Nucleo).where(Nucleo.nome == "002"))
    db.session.commit()
    assert [row[1] for row in page(BY_NAME, following, 2).rows] == ["000", "001"]


def test_a_cursor_at_a_row_that_is_not_visible_gives_the_first_page(app: Flask) -> None:
    nucleos("SP", "RJ", "SP", "SP")
    hidden = db.session.scalars(sa.select(Nucleo.id).where(Nucleo.uf == "RJ")).one()
    statement = sa.select(Nucleo.id, Nucleo.nome).where(Nucleo.uf == "SP")
    cursor = Cursor("nome", Direction.NEXT, hidden).encode()
    shown = fetch_page(db.session, statement, BY_NAME, cursor=cursor, limit=2, visible=Nucleo.uf == "SP")
    assert [row[1] for row in shown.rows] == ["000", "002"]


def test_the_largest_id_that_the_column_holds_is_looked_up_without_an_error(app: Flask) -> None:
    keyset = Keyset(order="nome", columns=(Militante.nome_busca, Militante.id), row_id=Militante.id, max_id=MAX_ID)
    statement = sa.select(Militante.id, Militante.nome)

    def look(row_id: int) -> tuple[object, ...]:
        cursor = Cursor("nome", Direction.NEXT, row_id).encode()
        return fetch_page(db.session, statement, keyset, cursor=cursor, limit=2, visible=sa.true()).rows

    assert look(MAX_ID) == look(MAX_ID + 1) == look(2**63 - 1) == ()
