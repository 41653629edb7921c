"""Clears what other tables say about a person: their own rows, and their name in texts about other things."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from controles.assembleias.models import Convocado
from controles.auditoria.models import Auditoria, AuditoriaOculta
from controles.banco.models import Conciliacao, LinhaExtrato
from controles.caixa.models import Lancamento
from controles.carteiras.models import Carteira
from controles.cotas.models import Cota, Dispensa
from controles.db import Base
from controles.domain.text import search_form
from controles.importing.models import AT_WORK, Estado, Importacao, ImportacaoArquivo, ImportacaoLinha, Tipo
from controles.lembretes.models import Lembrete, SemLembrete
from controles.militantes.models import SituacaoHistorico
from controles.pagamentos.models import Devolucao, Pagamento
from controles.privacidade.models import SolicitacaoTitular
from controles.privacidade.naming import Names
from controles.recebimentos.models import RecebimentoLinha
from controles.recibos.models import Recibo

# In the place of a text that may not be empty.
REMOVED = "(texto retirado)"

# Texts in which somebody may have written anybody's name.
FREE_TEXTS: tuple[InstrumentedAttribute[Any], ...] = (
    LinhaExtrato.descricao,
    Lancamento.descricao,
    Lancamento.motivo,
    Pagamento.observacao,
    Pagamento.motivo,
    Pagamento.pagador_nome,
    RecebimentoLinha.texto,
    RecebimentoLinha.duvida,
    Conciliacao.categoria,
    Dispensa.motivo,
    Cota.dispensa_motivo,
    Recibo.motivo,
    SituacaoHistorico.motivo,
    SolicitacaoTitular.pedido,
    SolicitacaoTitular.resposta,
)
# What an import said about rows of a file.
_OF_ROWS = ("de", "falhas", "alteracoes", "opcoes")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is being anonymised; `names` is empty if others have the same name."""

    militante_id: int
    label: str
    matricula: str
    names: Names

    def forgotten(self, text: str) -> str:
        """`text` without the names and, if there are any, without the matrícula that then tells who it was."""
        cleared = self.names.replaced(text, self.label)
        return cleared if cleared == text else cleared.replace(self.matricula, f"anon-{self.militante_id}")


def remove_traces(session: Session, person: Person) -> dict[str, int]:
    """Clear everything in the caller's transaction; returns how many rows were changed, by table."""
    done: dict[str, int] = {}
    for name, rows in (*_own_rows(session, person), *_imports(session, person), *_mentions(session, person)):
        if rows:
            done[name] = done.get(name, 0) + rows
    return done


def _own_rows(session: Session, person: Person) -> Iterator[tuple[str, int]]:
    """Texts in rows that are about this person are cleared whole: they need not contain the name to be about them."""
    own = person.militante_id
    paid = select(Pagamento.id).where(Pagamento.militante_id == own)
    matched = select(Conciliacao.linha_id).where(Conciliacao.pagamento_id.in_(paid))
    returned = select(Devolucao.linha_id).where(Devolucao.militante_id == own)
    returned_by_hand = select(Devolucao.lancamento_id).where(Devolucao.militante_id == own)
    payment = {
        "observacao": None,
        "motivo": _if_any(Pagamento.motivo),
        "pagador_nome": None,
        "pagador_cpf": None,
    }
    roll = {"nome": person.label, "nome_busca": search_form(person.label), "matricula": f"anon-{own}"}
    request = {"nome": person.label, "pedido": None, "resposta": _if_any(SolicitacaoTitular.resposta)}
    changes: tuple[tuple[type[Base], ColumnElement[bool], dict[str, Any]], ...] = (
        (Pagamento, Pagamento.militante_id == own, payment),
        (Lancamento, Lancamento.id.in_(returned_by_hand), {"descricao": None}),
        (
            RecebimentoLinha,
            or_(RecebimentoLinha.militante_id == own, RecebimentoLinha.pagamento_id.in_(paid)),
            {"texto": "", "duvida": None},
        ),
        (Cota, Cota.militante_id == own, {"dispensa_motivo": _if_any(Cota.dispensa_motivo)}),
        (Dispensa, Dispensa.militante_id == own, {"motivo": REMOVED}),
        (SituacaoHistorico, SituacaoHistorico.militante_id == own, {"motivo": None}),
        (SemLembrete, SemLembrete.militante_id == own, {"motivo": REMOVED}),
        (Lembrete, Lembrete.militante_id == own, {"erro": None}),
        (Carteira, Carteira.militante_id == own, {"motivo": _if_any(Carteira.motivo)}),
        (Convocado, Convocado.militante_id == own, roll),
        (
            LinhaExtrato,
            or_(LinhaExtrato.militante_id == own, LinhaExtrato.id.in_(matched), LinhaExtrato.id.in_(returned)),
            {"descricao": REMOVED},
        ),
        (SolicitacaoTitular, SolicitacaoTitular.militante_id == own, request),
    )
    for model, of_them, values in changes:
        changed = [getattr(model, name).is_distinct_from(value) for name, value in values.items()]
        yield model.__tablename__, _update(session, model, of_them, or_(*changed), values=values)


def _if_any(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    return case((column.is_not(None), REMOVED), else_=None)


def _imports(session: Session, person: Person) -> Iterator[tuple[str, int]]:
    """The rows of imports that created or changed something of this person, and the files that contain them."""
    own = person.militante_id
    paid = select(Pagamento.id).where(Pagamento.militante_id == own)
    owed = select(Cota.id).where(Cota.militante_id == own)
    of_kind = {
        Tipo.MILITANTES: ImportacaoLinha.registro_id == own,
        Tipo.PAGAMENTOS: ImportacaoLinha.registro_id.in_(paid),
        Tipo.SALDOS: ImportacaoLinha.registro_id.in_(owed),
    }
    wanted = (
        select(ImportacaoLinha)
        .join(Importacao, Importacao.id == ImportacaoLinha.importacao_id)
        .where(or_(*((Importacao.tipo == tipo) & condition for tipo, condition in of_kind.items())))
    )
    batches = set()
    rows = list(session.scalars(wanted.execution_options(populate_existing=True)))
    for row in rows:
        batches.add(row.importacao_id)
        row.de, row.falhas, row.alteracoes, row.opcoes = person.label, None, None, None
        # With the version undoing still sees that the row changed somebody, and that they were changed since.
        row.antes = {"versao": row.antes["versao"]} if row.antes and "versao" in row.antes else row.antes and {}
    session.flush()
    yield ImportacaoLinha.__tablename__, len(rows)
    finished = select(Importacao.id).where(
        Importacao.id.in_(batches), Importacao.estado.not_in({*AT_WORK, Estado.COLUNAS, Estado.CONFERIDA})
    )
    gone = session.execute(
        delete(ImportacaoArquivo)
        .where(ImportacaoArquivo.importacao_id.in_(finished))
        .execution_options(synchronize_session=False)
    )
    yield ImportacaoArquivo.__tablename__, int(gone.rowcount)  # type: ignore[attr-defined]


def _mentions(session: Session, person: Person) -> Iterator[tuple[str, int]]:
    """The name in texts about other things: only the name is replaced there."""
    likes = person.names.likes()
    if not likes:
        return
    for column in FREE_TEXTS:
        model: Any = column.class_
        changed = 0
        for key, written in session.execute(select(model.id, column).where(_like(column, likes))).all():
            cleared = person.names.replaced(written, person.label)[: column.type.length]
            if cleared != written:
                values: dict[str, Any] = {column.key: cleared}
                if column is Pagamento.pagador_nome:
                    values["pagador_cpf"] = None
                changed += _update(session, model, model.id == key, values=values)
        yield model.__tablename__, changed
    yield ImportacaoLinha.__tablename__, _mentions_in_imports(session, person, likes)
    yield AuditoriaOculta.__tablename__, _mentions_in_audit(session, person, likes)


def _mentions_in_imports(session: Session, person: Person, likes: list[str]) -> int:
    texts = [cast(getattr(ImportacaoLinha, name), String) for name in _OF_ROWS]
    wanted = select(ImportacaoLinha).where(or_(*(_like(text, likes) for text in texts)))
    changed = 0
    for row in session.scalars(wanted.execution_options(populate_existing=True)):
        before = [getattr(row, name) for name in _OF_ROWS]
        after = [_walk(value, person.forgotten) for value in before]
        if after != before:
            changed += 1
            for name, value in zip(_OF_ROWS, after, strict=True):
                setattr(row, name, value)
    session.flush()
    return changed


def _mentions_in_audit(session: Session, person: Person, likes: list[str]) -> int:
    """The audit's rows stay as they are, but their texts are not shown any more."""
    texts = [cast(column, String) for column in (Auditoria.antes, Auditoria.depois)]
    hidden = select(AuditoriaOculta.auditoria_id).where(AuditoriaOculta.auditoria_id == Auditoria.id).exists()
    wanted = select(Auditoria.id, Auditoria.antes, Auditoria.depois).where(
        or_(*(_like(text, likes) for text in texts)), ~hidden
    )
    found = [
        AuditoriaOculta(auditoria_id=number)
        for number, *values in session.execute(wanted)
        if _walk(values, person.forgotten) != values
    ]
    session.add_all(found)
    session.flush()
    return len(found)


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case list():
            return [_walk(part, change) for part in value]
        case dict():
            return {key: _walk(part, change) for key, part in value.items()}
        case _:
            return value


def _like(column: Any, likes: list[str]) -> ColumnElement[bool]:
    lowered = func.lower(column)
    return or_(*(lowered.like(pattern, escape="!") for pattern in likes))


def _update(session: Session, model: type[Base], *conditions: ColumnElement[bool], values: dict[str, Any]) -> int:
    result = session.execute(
        update(model).where(*conditions).values(values).execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
