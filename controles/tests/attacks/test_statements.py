"""No page runs a statement for each of its rows: whoever adds rows must not be able to make a page slow by that."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from controles.auditoria import audit, withheld
from controles.contas.models import Papel, Usuario
from controles.pagamentos.pieces import ASKED_AT_ONCE
from controles.services.cache_service import service_of
from controles.services.transaction import transaction

from .conftest import World

# More than a page of a list shows, so that both of its sides are there.
FEW, MANY = 2, 60
# A list of some 1,600 rows is read in nine parts, each by the place where it begins, the ids and the rows.
PARTS = 27


def _fill(org: Any, clock: Any, *, begin: int, end: int) -> None:
    """Of everything that a page lists one more for each number, each with all that hangs on it."""
    nucleos = [org.nucleo(f"Bairro {number}") for number in range(begin, end)]
    made = [
        org.militante(f"Ana {number:03d}", nucleo_id=nucleo_id, email=f"ana{number}@exemplo.org")
        for number, nucleo_id in enumerate(nucleos, begin)
    ]
    with transaction() as session:
        for nucleo_id, militante_id in zip(nucleos, made, strict=True):
            name = f"leitura{nucleo_id}"
            usuario = Usuario(email=f"{name}@exemplo.org", nome=name, papel=Papel.LEITURA, fs_uniquifier=name)
            usuario.nucleo_id = nucleo_id
            session.add(usuario)
            session.flush()
            audit.record(
                session,
                acao="militante.conferir",
                tabela=withheld.TABLE,
                registro_id=usuario.id,
                depois={"nucleo_id": nucleo_id, "campo": "cpf", "nome": name, "militante_id": militante_id},
                usuario_id=usuario.id,
                agora=clock.now,
            )
    org.cotas("2026-02", "2026-03")
    for number, militante_id in enumerate(made):
        paid = org.pay(militante_id, 3000, data_credito=dt.date(2026, 3, 1))
        if number % 2:
            org.reverse(paid)
        org.pay(None, 500 + number)


def _fill_one(org: Any, militante_id: int, *, begin: int, end: int) -> None:
    """The same about one person: months, payments, changes of standing."""
    org.cotas(*(f"{2024 + number // 12}-{number % 12 + 1:02d}" for number in range(begin, min(end, 24))))
    for number in range(begin, end):
        paid = org.pay(militante_id, 100 + number, data_credito=dt.date(2026, 3, 1 + number % 15))
        if number % 2:
            org.reverse(paid)


@pytest.fixture
def counted(
    world: World, visit_any: Callable[..., Any], statements: Callable[[], AbstractContextManager[list[str]]]
) -> Callable[[], dict[str, list[str]]]:
    """Visits every page that is read, with nothing in the cache; the statements of each."""
    visitor = visit_any()

    def visit() -> dict[str, list[str]]:
        found = {}
        for path in paths_of(world):
            with world.app.app_context():
                service_of(world.app).clear_all()
                with statements() as sent:
                    answer = visitor.client.get(path)
                    assert answer.status_code < 500, path
                    assert answer.data, path
                found[path] = list(sent)
        return found

    return visit


def paths_of(world: World) -> Iterator[str]:
    for rule, method in world.rules():
        if method != "GET" or world.permission(rule) is None:
            continue
        if rule.arguments == {"formato"}:
            for formato in ("csv", "xlsx", "imprimir"):
                yield world.address(rule, {**world.near.ids, "formato": formato})
        else:
            yield world.address(rule, world.near.ids)


def test_no_page_runs_a_statement_for_each_row(
    world: World, counted: Callable[[], dict[str, list[str]]], org: Any, clock: Any
) -> None:
    person = world.near.ids["militante_id"]
    with world.app.app_context():
        _fill(org, clock, begin=0, end=FEW)
        _fill_one(org, person, begin=0, end=FEW)
    few = counted()
    assert any(few.values())
    with world.app.app_context():
        _fill(org, clock, begin=FEW, end=MANY)
        _fill_one(org, person, begin=FEW, end=MANY)
    many = counted()
    for path, sent in many.items():
        # A list that goes out whole is read some hundred rows at a time; what one person's payments settled, for fifty
        # payments at a time, each part a cached value of its own.
        more = len(sent) - len(few[path])
        assert more <= (PARTS if "/lista/" in path else (MANY - FEW) // ASKED_AT_ONCE), (
            f"{path}: {more} statements more for {MANY - FEW} rows more"
        )
