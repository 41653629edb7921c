"""The audit chain: every change appends one row, hashed over the row before it, in the change's own transaction."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from controles import cpf
from controles.admin.models import Auditoria, AuditoriaPonta
from controles.db import begin_write

# What the first row follows.
GENESIS = bytes(32)

_CPF_IN_TEXT = re.compile(r"(?<![0-9])[0-9]{3}[.]?[0-9]{3}[.]?[0-9]{3}[-/]?[0-9]{2}(?![0-9])")
# Eleven digits of a mobile number can happen to check like a CPF.
_NEVER_A_CPF = frozenset({"telefone"})
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class ChainResult:
    """`ok`, or the id of the first row that does not fit and, in Portuguese, what is wrong with it."""

    ok: bool
    checked: int
    first_bad_id: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What `record` takes, but for who and when."""

    acao: str
    tabela: str | None = None
    registro_id: int | None = None
    antes: Mapping[str, object] | None = None
    depois: Mapping[str, object] | None = None


def record(
    session: Session,
    *,
    acao: str,
    tabela: str | None = None,
    registro_id: int | None = None,
    antes: Mapping[str, object] | None = None,
    depois: Mapping[str, object] | None = None,
    usuario_id: int | None,
    agora: dt.datetime,
) -> int:
    """Append one row to the chain in the caller's transaction; its number comes back.

    Call it after every row that the change touches is locked and flushed: from here to the end of the transaction
    every other writer's audit row waits, so what is locked after it can deadlock. Values become JSON; a CPF in them,
    even in a free text, is masked.
    """
    change = Change(acao=acao, tabela=tabela, registro_id=registro_id, antes=antes, depois=depois)
    return record_many(session, (change,), usuario_id=usuario_id, agora=agora)


def record_many(session: Session, changes: Sequence[Change], *, usuario_id: int | None, agora: dt.datetime) -> int:
    """The same for several changes of one author at one moment; the last row's number comes back."""
    begin_write(session)
    session.flush()
    tip = _locked_tip(session)
    for change in changes:
        row = Auditoria(
            id=tip.ultimo_id + 1,
            quando=agora,
            usuario_id=usuario_id,
            acao=change.acao,
            tabela=change.tabela,
            registro_id=change.registro_id,
            antes=_plain(change.antes),
            depois=_plain(change.depois),
            digest_anterior=tip.digest,
        )
        row.digest = _digest(row)
        tip.ultimo_id = row.id
        tip.digest = row.digest
        session.add(row)
    session.flush()
    return tip.ultimo_id


def verify_chain(session: Session) -> ChainResult:
    """Whether every row is there and as it was written. Rows appended meanwhile are left to the next check."""
    session.expire_all()
    # In this order: whoever appends the first row writes the tip with it.
    has_rows = session.scalars(select(Auditoria.id).limit(1)).first() is not None
    tip = session.get(AuditoriaPonta, 1)
    if tip is None:
        reason = "a ponta da cadeia foi retirada" if has_rows else None
        return ChainResult(ok=not has_rows, checked=0, first_bad_id=1 if has_rows else None, reason=reason)
    last_id, last_digest = tip.ultimo_id, tip.digest
    expected_id, previous = 1, GENESIS
    upto = select(Auditoria).where(Auditoria.id <= last_id).order_by(Auditoria.id)
    for row in session.scalars(upto.execution_options(yield_per=_ROWS_AT_ONCE)):
        reason = _fault(row, expected_id, previous)
        if reason is not None:
            return ChainResult(ok=False, checked=expected_id - 1, first_bad_id=row.id, reason=reason)
        expected_id, previous = expected_id + 1, row.digest
        session.expunge(row)
    checked = expected_id - 1
    if checked != last_id or previous != last_digest:
        reason = "as últimas linhas da auditoria foram retiradas ou a ponta da cadeia foi alterada"
        return ChainResult(ok=False, checked=checked, first_bad_id=expected_id, reason=reason)
    stray = session.scalars(select(Auditoria.id).where(Auditoria.id > last_id).order_by(Auditoria.id).limit(1)).first()
    if stray is not None:
        # An honest row is committed together with the tip, so a tip that is read after it knows it.
        session.refresh(tip)
        if tip.ultimo_id < stray:
            reason = f"a linha {stray} não foi escrita pela aplicação"
            return ChainResult(ok=False, checked=checked, first_bad_id=stray, reason=reason)
    return ChainResult(ok=True, checked=checked)


def _fault(row: Auditoria, expected_id: int, previous: bytes) -> str | None:
    if row.id != expected_id:
        return f"falta a linha {expected_id} da auditoria"
    if row.digest_anterior != previous:
        return f"a linha {row.id} não segue a linha {row.id - 1}"
    if row.digest != _digest(row):
        return f"a linha {row.id} foi alterada depois de escrita"
    return None


def _locked_tip(session: Session) -> AuditoriaPonta:
    """The end of the chain, locked until this transaction ends and read after the lock was granted."""
    locked = (
        select(AuditoriaPonta).where(AuditoriaPonta.id == 1).with_for_update().execution_options(populate_existing=True)
    )
    tip = session.scalars(locked).one_or_none()
    if tip is None:
        _insert_tip(session)
        tip = session.scalars(locked).one()
    return tip


def _insert_tip(session: Session) -> None:
    """The first link, unless another process writes it at this moment: then that one."""
    table = AuditoriaPonta.__table__
    assert isinstance(table, Table)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    start = dialect.insert(table).values(id=1, ultimo_id=0, digest=GENESIS).on_conflict_do_nothing()
    session.execute(start)


def _digest(row: Auditoria) -> bytes:
    content = {
        "id": row.id,
        "quando": row.quando.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        "usuario_id": row.usuario_id,
        "acao": row.acao,
        "tabela": row.tabela,
        "registro_id": row.registro_id,
        "antes": row.antes,
        "depois": row.depois,
    }
    # Sorted and ASCII: the same bytes whatever order and encoding the database gives the JSON back in.
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(row.digest_anterior + canonical.encode("ascii")).digest()


def _plain(values: Mapping[str, object] | None) -> dict[str, Any] | None:
    return None if values is None else {name: _as_json(name, value) for name, value in values.items()}


def _as_json(name: str, value: object) -> Any:
    """`value` as JSON gives it back, so that a digest made before the database equals one made after."""
    match value:
        case Enum():
            return _as_json(name, value.value)
        case None | bool() | int():
            return value
        case str():
            return value if name in _NEVER_A_CPF else _CPF_IN_TEXT.sub(_masked, value)
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat()
        case dt.date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case Mapping():
            return {str(key): _as_json(str(key), item) for key, item in value.items()}
        case list() | tuple():
            return [_as_json(name, item) for item in value]
        case _:
            raise TypeError(
                f"the audit row's {name!r} is a {type(value).__name__}, which does not come back from JSON as it was; "
                "pass text, int, bool, None, a date, or lists and dicts of these"
            )


def _masked(match: re.Match[str]) -> str:
    return cpf.mask(match[0]) if cpf.is_valid(match[0]) else match[0]
