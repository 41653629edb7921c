"""Looks a term up in each way that it can mean, by index, and says in which way each result was found.

Not cached: hardly anybody searches for the same term twice, and a term may be a CPF.
"""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy import text as sql_text

from controles.busca.records import Achados, PagamentoAchado, PessoaAchada, ReciboAchado
from controles.db import MAX_BIG_ID, db
from controles.domain.escopo import Escopo
from controles.domain.money import format_brl, parse_brl
from controles.militantes.models import Militante, Nucleo
from controles.militantes.scope import in_scope, owner_in_scope
from controles.militantes.searching import (
    clean,
    has_cpf,
    has_email,
    has_matricula,
    has_phone,
    matches,
    name_starts_with,
)
from controles.pagamentos.amounts import net_valor
from controles.pagamentos.models import E2EID, Pagamento
from controles.recibos.models import Recibo
from controles.recibos.records import name_of
from controles.web.formatting import phone

MOST_FOUND = 10
_NUMBER = re.compile(r"(?:(?:pagamento|pag\.?|n[ºo°.]?|#)\s*)*([0-9]{1,18})", re.IGNORECASE)
_RECEIPT = re.compile(r"(?:recibo\s*)?(?:([0-9]{1,6})\s*/\s*([0-9]{4})|([0-9]{4})\s*/\s*([0-9]{1,6}))", re.IGNORECASE)


def search(escopo: Escopo, termo: str, *, recibos: bool) -> Achados:
    """What `termo` means within the escopo; receipts only for somebody who may see them."""
    text = clean(termo)
    if not text:
        return Achados()
    pessoas = _people(escopo, text)
    valor = _amount(text)
    pagamentos = _payments(escopo, text, valor)
    return Achados(
        pessoas=tuple(pessoas[:MOST_FOUND]),
        pagamentos=tuple(pagamentos[:MOST_FOUND]),
        recibos=tuple(_receipts(escopo, text)) if recibos else (),
        mais_pessoas=len(pessoas) > MOST_FOUND,
        mais_pagamentos=len(pagamentos) > MOST_FOUND,
        valor=valor,
    )


def _people(escopo: Escopo, text: str) -> list[PessoaAchada]:
    found: dict[int, PessoaAchada] = {}
    for why, condition in _ways(text):
        if condition is None or len(found) > MOST_FOUND:
            continue
        rows = db.session.execute(
            select(
                Militante.id,
                func.coalesce(Militante.nome_social, Militante.nome),
                Militante.matricula,
                Nucleo.nome,
                Militante.situacao,
                Militante.telefone,
                Militante.email,
            )
            .outerjoin(Nucleo, Nucleo.id == Militante.nucleo_id)
            .where(condition, in_scope(escopo))
            .order_by(Militante.nome_busca, Militante.id)
            .limit(MOST_FOUND + 1)
        )
        for key, nome, matricula, nucleo, situacao, telefone, email in rows:
            said = {"telefone": f"telefone {phone(telefone)}", "e-mail": f"e-mail {email}"}.get(why, why)
            found.setdefault(key, PessoaAchada(key, nome, matricula, nucleo, situacao, said))
    return list(found.values())


def _ways(text: str) -> Iterator[tuple[str, ColumnElement[bool] | None]]:
    """Each thing about a person that the term can be."""
    if "@" in text:
        yield "e-mail", has_email(text)
        return
    yield "matrícula", has_matricula(text)
    if any(character.isdigit() for character in text):
        yield "CPF", has_cpf(text)
        yield "telefone", has_phone(text)
        return
    yield "nome", name_starts_with(text)
    yield "nome", matches(text)


def _payments(escopo: Escopo, text: str, valor: int | None) -> list[PagamentoAchado]:
    found: dict[int, PagamentoAchado] = {}
    number = _NUMBER.fullmatch(text)
    if number is not None and 0 < int(number[1]) <= MAX_BIG_ID:
        _note(found, _payment_rows(escopo).where(Pagamento.id == int(number[1])), f"pagamento nº {int(number[1])}")
    if E2EID.fullmatch(text):
        # In the words of the partial index, which has no reversed payments: these are found by number or amount.
        standing = _payment_rows(escopo).where(Pagamento.e2eid == text, sql_text("NOT pagamento.estornado"))
        _note(found, standing, "código do PIX")
    if valor is not None:
        newest = _payment_rows(escopo).where(Pagamento.valor == valor)
        ordered = newest.order_by(Pagamento.data_credito.desc(), Pagamento.id.desc()).limit(MOST_FOUND + 1)
        _note(found, ordered, f"valor {format_brl(valor)}")
    return list(found.values())


def _note(found: dict[int, PagamentoAchado], statement: Select[*tuple[Any, ...]], why: str) -> None:
    for key, data_credito, valor, metodo, militante, estornado in db.session.execute(statement):
        found.setdefault(key, PagamentoAchado(key, data_credito, valor, metodo, militante, bool(estornado), why))


def _payment_rows(escopo: Escopo) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Pagamento.id,
            Pagamento.data_credito,
            net_valor(),
            Pagamento.metodo,
            func.coalesce(Militante.nome_social, Militante.nome),
            Pagamento.estornado,
        )
        .outerjoin(Militante, Militante.id == Pagamento.militante_id)
        .where(owner_in_scope(escopo, Pagamento.militante_id))
    )


def _receipts(escopo: Escopo, text: str) -> Iterator[ReciboAchado]:
    match = _RECEIPT.fullmatch(text)
    if match is None:
        return
    # Both ways of writing it, if both can be: 2026/000123 and 123/2026.
    ways = [(int(ano), int(numero)) for numero, ano in ((match[1], match[2]), (match[4], match[3])) if ano and numero]
    anonymous = Militante.anonimizado_em.is_not(None)
    rows = db.session.execute(
        select(
            Recibo.id,
            Recibo.ano,
            Recibo.numero,
            case((anonymous, Militante.nome), else_=Recibo.conteudo["militante"].as_string()),
            Recibo.valor,
        )
        .join(Pagamento, Pagamento.id == Recibo.pagamento_id)
        .outerjoin(Militante, Militante.id == Pagamento.militante_id)
        .where(
            or_(*((Recibo.ano == ano) & (Recibo.numero == numero) for ano, numero in ways)),
            owner_in_scope(escopo, Pagamento.militante_id),
        )
        .limit(MOST_FOUND)
    )
    for key, ano, numero, militante, valor in rows:
        yield ReciboAchado(key, name_of(ano, numero), militante, valor, "número do recibo")


def _amount(text: str) -> int | None:
    """The centavos that the term is; None if it is no amount, or 0."""
    try:
        return parse_brl(text) or None
    except ValueError:
        return None
