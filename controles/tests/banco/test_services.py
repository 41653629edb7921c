"""Accounts, and the import of statements that overlap."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.banco.models import Formato, LinhaExtrato
from controles.banco.queries import list_contas, list_linhas
from controles.banco.reading import read_statement
from controles.banco.records import Importado
from controles.banco.services import import_statement, save_conta
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid

from .conftest import dados

Statement = Callable[..., Importado]
FILES = Path(__file__).parent / "statements"
CPF = "529.982.247-25"


def test_overlapping_files_add_what_is_new_only(statement: Statement) -> None:
    first = statement((1000, "A"), (2000, "B"))
    second = statement((2000, "B"), (3000, "C"))
    assert (first.novas, first.repetidas, second.novas, second.repetidas) == (2, 0, 1, 1)


def test_the_banks_number_on_other_lines_and_equal_lines_of_one_file_are_kept(statement: Statement) -> None:
    assert statement((1000, "A"), (1000, "A"), (1000, "B")).novas == 3
    assert statement((1000, "A"), (1000, "A"), (1000, "A"), (1000, "B")).novas == 1


def test_lines_before_the_account_begins_are_part_of_what_it_began_with(statement: Statement) -> None:
    done = statement((1000, "velha", dt.date(2025, 12, 31)), (2000, "nova", dt.date(2026, 1, 1)))
    assert (done.novas, done.anteriores) == (1, 1)
    assert list_contas()[0].saldo == 12000


def test_a_period_is_not_taken_from_a_sheet_and_an_ofx_both(statement: Statement) -> None:
    statement((1000, "A"))
    with pytest.raises(Invalid, match="entrariam duas vezes"):
        statement((1000, "PIX A"), formato=Formato.CSV)
    assert list_contas()[0].abertas == 1


def test_a_cpf_is_masked_and_names_its_militante(statement: Statement, conta: int, org: Any) -> None:
    ana = org.militante("Ana", cpf=CPF)
    statement((1000, f"PIX {CPF} ANA"), (1000, "PIX 52998224725"), (1000, "PIX 52998224724"))
    lines = db.session.execute(sa.select(LinhaExtrato.descricao, LinhaExtrato.militante_id)).all()
    assert sorted(lines, key=str) == sorted(
        [("PIX ***.982.247-** ANA", ana), ("PIX ***.982.247-**", ana), ("PIX ***.982.247-**", None)], key=str
    )


def test_a_file_of_two_accounts_finds_both_or_writes_nothing(
    app: Flask, conta: int, agora: dt.datetime, hoje: dt.date
) -> None:
    read = read_statement((FILES / "two_accounts_cp1252.ofx").read_bytes(), hoje=hoje)

    def take() -> tuple[Importado, ...]:
        return import_statement(read, conta_id=None, arquivo="x.ofx", autor_id=None, agora=agora)

    with pytest.raises(Invalid, match="77777, que não está cadastrada"):
        take()
    assert list_contas()[0].abertas == 0
    save_conta(None, dados("Outra", agencia=None, numero="7777-7"), autor_id=None, agora=agora, hoje=hoje)
    assert [(one.conta, one.novas) for one in take()] == [("Banco do Povo", 6), ("Outra", 1)]
    assert [one.novas for one in take()] == [0, 0]


def test_a_file_of_another_account_than_the_chosen_one_is_refused(
    app: Flask, conta: int, agora: dt.datetime, hoje: dt.date
) -> None:
    other = save_conta(None, dados("Outra", numero="999"), autor_id=None, agora=agora, hoje=hoje)
    read = read_statement((FILES / "version_2.ofx").read_bytes(), hoje=hoje)
    with pytest.raises(Invalid, match="não está cadastrada"):
        import_statement(read, conta_id=other, arquivo="x.ofx", autor_id=None, agora=agora)


def test_an_account_is_changed_by_whoever_saw_it_as_it_is(
    statement: Statement, conta: int, agora: dt.datetime, hoje: dt.date
) -> None:
    def save(**changed: object) -> int:
        return save_conta(conta, dados(**changed), autor_id=None, agora=agora, hoje=hoje)  # type: ignore[arg-type]

    save(nome="Banco Novo", versao=1)
    with pytest.raises(Conflict):
        save(nome="Outro nome", versao=1)
    statement((1000, "A"))
    with pytest.raises(Invalid, match="não muda mais"):
        save(nome="Banco Novo", inicio=dt.date(2025, 1, 1), versao=2)
    assert audit.verify_chain(db.session).ok


def test_two_accounts_do_not_share_a_name_or_a_number(
    app: Flask, conta: int, agora: dt.datetime, hoje: dt.date
) -> None:
    for same in (dados("banco do povo", numero="9"), dados("Outra", numero="0012345-6")):
        with pytest.raises(Invalid):
            save_conta(None, same, autor_id=None, agora=agora, hoje=hoje)


def test_pages_of_lines_go_on_without_a_gap(statement: Statement, conta: int) -> None:
    statement(*[(1000 + n, f"linha {n}") for n in range(7)])
    first = list_linhas(conta, todas=False, limit=4)
    rest = list_linhas(conta, todas=False, cursor=first.proximo, limit=4)
    assert len({line.id for line in (*first.linhas, *rest.linhas)}) == 7
    assert rest.proximo is None
