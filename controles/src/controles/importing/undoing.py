"""Undoing an import of militantes: new ones are removed, changed ones are restored.

A militante who has a cota or a payment, or was changed since, stays as they are. Each removal and each change has an
audit row, as usual.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.audit import Change
from controles.db import Base
from controles.domain.cpf import CpfUnreadableError
from controles.importing.models import ImportacaoLinha
from controles.militantes.models import Militante, SituacaoHistorico, ValorCota
from controles.militantes.writing import changed_fields, restore, snapshot

# Rows that every militante has from the first day, and that are removed with them.
_OWN = (SituacaoHistorico, ValorCota)


@dataclass(frozen=True, slots=True)
class Undone:
    """The rows that could not be undone, with the reasons, by row number."""

    kept: dict[int, str]


def undo_militantes(
    session: Session, rows: Sequence[ImportacaoLinha], motivo: str, autor_id: int | None, agora: dt.datetime
) -> Undone:
    """Undo these rows in the caller's transaction."""
    ids = [row.registro_id for row in rows if row.registro_id is not None]
    wanted = select(Militante).where(Militante.id.in_(ids)).order_by(Militante.id).with_for_update()
    found = {one.id: one for one in session.scalars(wanted.execution_options(populate_existing=True))}
    used = _used(session, ids)
    kept: dict[int, str] = {}
    changes: list[Change] = []
    removed: list[int] = []
    for row in rows:
        militante = found.get(row.registro_id or 0)
        if militante is None:
            kept[row.numero] = "não existe mais"
        elif row.antes is None:
            reason = _why_kept(militante, used)
            if reason is not None:
                kept[row.numero] = reason
                continue
            removed.append(militante.id)
            changes.append(_change("militante.remover", militante, snapshot(militante), {"motivo": motivo}))
        else:
            reason = _put_back(militante, row, motivo, changes)
            if reason is not None:
                kept[row.numero] = reason
    session.flush()
    for model in _OWN:
        session.execute(
            delete(model).where(model.militante_id.in_(removed)), execution_options={"synchronize_session": False}
        )
    for militante_id in removed:
        session.delete(found[militante_id])
    session.flush()
    audit.record_many(session, changes, usuario_id=autor_id, agora=agora)
    return Undone(kept)


def _why_kept(militante: Militante, used: dict[int, str]) -> str | None:
    if militante.id in used:
        return f"{militante.nome_exibido} já tem {used[militante.id]}"
    if militante.versao != 1:
        return f"{militante.nome_exibido} foi alterado depois"
    return None


def _put_back(militante: Militante, row: ImportacaoLinha, motivo: str, changes: list[Change]) -> str | None:
    assert row.antes is not None
    if militante.versao != row.antes["versao"] + 1:
        return f"{militante.nome_exibido} foi alterado depois"
    before, known_cpf = snapshot(militante), militante.cpf_hmac
    try:
        restore(militante, row.antes)
    except CpfUnreadableError:
        return f"o CPF de antes de {militante.nome_exibido} não pode mais ser lido"
    after = snapshot(militante)
    changed = changed_fields(before, after, cpf_changed=known_cpf != militante.cpf_hmac)
    changes.append(
        _change(
            "militante.alterar",
            militante,
            {name: before[name] for name in changed},
            {**{name: after[name] for name in changed}, "motivo": motivo, "versao": militante.versao + 1},
        )
    )
    return None


def _change(acao: str, militante: Militante, antes: dict[str, object], depois: dict[str, object]) -> Change:
    return Change(acao=acao, tabela="militante", registro_id=militante.id, antes=antes, depois=depois)


def _used(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Which of these militantes any other row of the database refers to."""
    found: dict[int, str] = {}
    own = {model.__tablename__ for model in _OWN}
    names = {"cota": "cotas", "pagamento": "pagamentos"}
    for table in Base.metadata.sorted_tables:
        if table.name in own:
            continue
        for key in table.foreign_keys:
            if key.column.table.name == Militante.__tablename__:
                held = select(Militante.id).where(Militante.id.in_(ids), exists().where(key.parent == Militante.id))
                for militante_id in session.scalars(held):
                    found.setdefault(militante_id, names.get(table.name, "outros registros"))
    return found
