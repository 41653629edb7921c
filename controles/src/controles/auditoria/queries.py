"""Reads of the audit. Not cached, because it is read seldom, and every write would invalidate the entries."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true

from controles.auditoria.models import Auditoria, AuditoriaOculta
from controles.auditoria.records import CampoMudado, FiltroAuditoria, LinhaAuditoria, Opcoes, PaginaAuditoria
from controles.contas.models import Usuario
from controles.db import MAX_BIG_ID, MAX_ID, db
from controles.domain.clock import LOCAL_ZONE
from controles.domain.money import format_brl
from controles.militantes.models import Militante
from controles.pagamentos.models import Pagamento
from controles.web.pagination import MAX_LIMIT, Keyset, every_row, fetch_page

_MONEY = frozenset({"valor", "valor_cota", "pago", "total"})
# What names or describes a person. Everything else in a row stays, such as amounts, days and standings.
_PERSONAL = frozenset(
    {
        *("nome", "nome_social", "matricula", "cpf", "nascimento", "email", "telefone", "motivo", "observacao"),
        *("e2eid", "descricao", "categoria", "pedido", "resposta", "arquivo"),
    }
)
WITHHELD = "(retirado: pessoa anonimizada)"
_NEWEST_FIRST = Keyset(order="numero", columns=(Auditoria.id,), row_id=Auditoria.id, descending=True)


def list_auditoria(filtro: FiltroAuditoria, *, cursor: str | None = None, limit: int = 50) -> PaginaAuditoria:
    """One page, newest first. A cursor that makes no sense gives the first page."""
    page = fetch_page(
        db.session,
        select(
            Auditoria.id,
            Auditoria.quando,
            Usuario.nome,
            Auditoria.acao,
            Auditoria.tabela,
            Auditoria.registro_id,
            Auditoria.antes,
            Auditoria.depois,
        )
        .outerjoin(Usuario, Usuario.id == Auditoria.usuario_id)
        .where(*_conditions(filtro)),
        _NEWEST_FIRST,
        cursor=cursor,
        limit=limit,
        visible=true(),
    )
    return PaginaAuditoria(linhas=_lines(page.rows), proximo=page.following, anterior=page.preceding)


def all_auditoria(filtro: FiltroAuditoria, *, upto: int) -> Iterator[LinhaAuditoria]:
    """Every row up to this number that the list has on all its pages, newest first; read while it is consumed."""
    rows = every_row(lambda cursor: list_auditoria(filtro, cursor=cursor, limit=MAX_LIMIT))
    return (row for row in rows if row.id <= upto)


def extent_of_auditoria(filtro: FiltroAuditoria) -> tuple[int, int]:
    """How many rows the list has on all its pages, and the largest number among them."""
    counted = select(func.count(), func.coalesce(func.max(Auditoria.id), 0)).where(*_conditions(filtro))
    count, last = db.session.execute(counted).one()
    return count, last


def _lines(rows: Sequence[Any]) -> tuple[LinhaAuditoria, ...]:
    anonymous = _anonymous(rows)
    return tuple(
        LinhaAuditoria(
            id=row[0],
            quando=row[1],
            usuario=row[2],
            acao=row[3],
            tabela=row[4],
            registro_id=row[5],
            campos=_withheld(changed_fields(row[6], row[7])) if row[0] in anonymous else changed_fields(row[6], row[7]),
        )
        for row in rows
    )


def _anonymous(rows: Sequence[Any]) -> set[int]:
    """The numbers of the rows that are about somebody who was anonymised: as a person, as a payer, or as a request."""
    about: dict[int, tuple[str, Any]] = {}
    for number, _, _, _, tabela, registro_id, _, depois in rows:
        if tabela in {Militante.__tablename__, Pagamento.__tablename__}:
            about[number] = (tabela, registro_id)
        elif depois and "militante_id" in depois:
            about[number] = (Militante.__tablename__, depois["militante_id"])
    people = {key for tabela, key in about.values() if tabela == Militante.__tablename__ and isinstance(key, int)}
    payments = {key for tabela, key in about.values() if tabela == Pagamento.__tablename__}
    was = Militante.anonimizado_em.is_not(None)
    gone = set(db.session.scalars(select(Militante.id).where(Militante.id.in_(people), was))) if people else set()
    theirs = select(Pagamento.id).join(Militante, Militante.id == Pagamento.militante_id)
    paid = set(db.session.scalars(theirs.where(Pagamento.id.in_(payments), was))) if payments else set()
    found = {Militante.__tablename__: gone, Pagamento.__tablename__: paid}
    numbers = [row[0] for row in rows]
    named = db.session.scalars(select(AuditoriaOculta.auditoria_id).where(AuditoriaOculta.auditoria_id.in_(numbers)))
    return {number for number, (tabela, key) in about.items() if key in found[tabela]} | set(named)


def _withheld(campos: tuple[CampoMudado, ...]) -> tuple[CampoMudado, ...]:
    """The audit cannot be rewritten, so what names somebody who was anonymised is left out where it is read."""
    return tuple(
        replace(campo, antes=_hidden(campo.antes), depois=_hidden(campo.depois)) if campo.nome in _PERSONAL else campo
        for campo in campos
    )


def _hidden(value: str | None) -> str | None:
    return value if value in {None, "—"} else WITHHELD


def get_opcoes() -> Opcoes:
    """The choices that the filters offer."""
    acoes = db.session.scalars(select(Auditoria.acao).distinct().order_by(Auditoria.acao))
    tabelas = db.session.scalars(
        select(Auditoria.tabela).where(Auditoria.tabela.is_not(None)).distinct().order_by(Auditoria.tabela)
    )
    usuarios = db.session.execute(select(Usuario.id, Usuario.nome).order_by(Usuario.nome))
    return Opcoes(
        acoes=tuple(acoes),
        tabelas=tuple(tabela for tabela in tabelas if tabela is not None),
        usuarios=tuple((row[0], row[1]) for row in usuarios),
    )


def changed_fields(antes: Mapping[str, Any] | None, depois: Mapping[str, Any] | None) -> tuple[CampoMudado, ...]:
    """The fields that differ, including those that only one side has, in the order in which they were recorded."""
    before, after = antes or {}, depois or {}
    return tuple(
        CampoMudado(nome=nome, antes=_shown(before, nome), depois=_shown(after, nome))
        for nome in dict.fromkeys((*before, *after))
        if nome not in before or nome not in after or before[nome] != after[nome]
    )


def _shown(values: Mapping[str, Any], nome: str) -> str | None:
    if nome not in values:
        return None
    match values[nome]:
        case None:
            return "—"
        case bool() as flag:
            return "sim" if flag else "não"
        case int() as centavos if nome in _MONEY:
            return format_brl(centavos)
        case str() as text:
            return text
        case other:
            return json.dumps(other, ensure_ascii=False)


def _conditions(filtro: FiltroAuditoria) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filtro.acao:
        begins = Auditoria.acao.startswith(f"{filtro.acao}.", autoescape=True)
        conditions.append(or_(Auditoria.acao == filtro.acao, begins))
    if filtro.tabela:
        conditions.append(Auditoria.tabela == filtro.tabela)
    if filtro.registro_id is not None:
        conditions.append(_equal(Auditoria.registro_id, filtro.registro_id, MAX_BIG_ID))
    if filtro.usuario_id is not None:
        conditions.append(_equal(Auditoria.usuario_id, filtro.usuario_id, MAX_ID))
    if filtro.de is not None:
        conditions.append(Auditoria.quando >= _midnight(filtro.de))
    if filtro.ate is not None:
        conditions.append(Auditoria.quando < _midnight(min(filtro.ate, _LAST_DAY) + dt.timedelta(days=1)))
    return conditions


_FIRST_DAY, _LAST_DAY = dt.date(1900, 1, 1), dt.date(9000, 1, 1)


def _equal(column: Any, number: int, most: int) -> ColumnElement[bool]:
    # A number in an address that no row can have must not reach the driver.
    found: ColumnElement[bool] = column == (number if 0 <= number <= most else -1)
    return found


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(max(day, _FIRST_DAY), dt.time(), LOCAL_ZONE)
