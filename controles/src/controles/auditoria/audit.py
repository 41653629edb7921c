"""The audit chain: every change appends one row, hashed over the previous row, in the change's own transaction.

Each row also has a seal made with a key that is not in the database. Anybody who can write the database can compute a
new chain, but not its seals. Rows that no present key can check, because they are from before there were seals or their
key was given up, are vouched for by a later sealed row, which `vouch` appends after checking them.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from controles.auditoria.models import Auditoria, AuditoriaPonta
from controles.auditoria.seals import Seals, seals
from controles.auditoria.tips import Tip, tip_of, when_committed
from controles.db import begin_write
from controles.domain import cpf

# The previous digest of the first row.
GENESIS = bytes(32)
# The action of a row by which a key vouches for the rows before it.
VOUCHING = "auditoria.selar"

_CPF_IN_TEXT = re.compile(r"(?<![0-9])[0-9]{3}[.]?[0-9]{3}[.]?[0-9]{3}[-/]?[0-9]{2}(?![0-9])")
# Eleven digits of a mobile number can happen to be a valid CPF.
_NEVER_A_CPF = frozenset({"telefone"})
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class ChainResult:
    """`ok`, or the id of the first row that is wrong, with the reason in Portuguese."""

    ok: bool
    checked: int
    first_bad_id: int | None = None
    reason: str | None = None
    # The end of an intact chain, to be kept elsewhere.
    tip: Tip | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The arguments of `record`, except who and when."""

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
    """Append one row to the chain in the caller's transaction; returns its number.

    Call it after every row of the change was locked and flushed: from here to the end of the transaction all other
    writers' audit rows wait, so locking a row after this can deadlock. Values are stored as JSON; a CPF in them, even
    within free text, is masked.
    """
    change = Change(acao=acao, tabela=tabela, registro_id=registro_id, antes=antes, depois=depois)
    return record_many(session, (change,), usuario_id=usuario_id, agora=agora)


def record_many(session: Session, changes: Sequence[Change], *, usuario_id: int | None, agora: dt.datetime) -> int:
    """`record` for several changes of one author at one moment; returns the number of the last row."""
    begin_write(session)
    session.flush()
    tip, sealing = _locked_tip(session), seals()
    rows: list[dict[str, Any]] = []
    last, digest = tip.ultimo_id, tip.digest
    for change in changes:
        row = {
            "id": last + 1,
            "quando": agora,
            "usuario_id": usuario_id,
            "acao": change.acao,
            "tabela": change.tabela,
            "registro_id": change.registro_id,
            "antes": _plain(change.antes),
            "depois": _plain(change.depois),
        }
        before, digest, last = digest, _chained(digest, row), last + 1
        sealed = {"chave": sealing.present, "selo": sealing.seal(digest)}
        rows.append({**row, "digest_anterior": before, "digest": digest, **sealed})
    # Rows, not objects: an import appends some ten thousand.
    if rows:
        session.execute(insert(Auditoria), rows)
    tip.ultimo_id, tip.digest = last, digest
    session.flush()
    when_committed(session, tip_of(tip.ultimo_id, tip.digest), day=agora.date())
    return tip.ultimo_id


def vouch(session: Session, *, agora: dt.datetime, unsealed_upto: int = 0) -> ChainResult:
    """Check the chain and, if it is intact, append a row by which the present key vouches for all rows before it.

    The caller commits. For a change of keys, and once for a chain from before there were seals. Never call it because a
    check has failed: it would accept whatever is there.
    """
    result = verify_chain(session, unsealed_upto=unsealed_upto)
    if result.ok and result.checked:
        depois = {"ate": result.checked}
        record(session, acao=VOUCHING, tabela="auditoria", depois=depois, usuario_id=None, agora=agora)
    return result


def verify_chain(session: Session, tips: Sequence[Tip] = (), *, unsealed_upto: int = 0) -> ChainResult:
    """Whether every row exists and is as it was written. Rows appended meanwhile are left to the next check.

    `tips`: ends of the chain that were kept elsewhere. `unsealed_upto`: the last row that needs no seal; only for the
    migration that adds seals.
    """
    session.expire_all()
    # In this order, because the first row is written together with the tip.
    has_rows = session.scalars(select(Auditoria.id).limit(1)).first() is not None
    tip = session.get(AuditoriaPonta, 1)
    if tip is None:
        if not has_rows:
            return _with_tips(ChainResult(ok=True, checked=0), tips, {})
        return ChainResult(ok=False, checked=0, first_bad_id=1, reason="a ponta da cadeia foi retirada")
    last_id, last_digest = tip.ultimo_id, tip.digest
    checking = _Checking(seals(), unsealed_upto, frozenset(kept.row_id for kept in tips))
    upto = select(Auditoria).where(Auditoria.id <= last_id).order_by(Auditoria.id)
    for row in session.scalars(upto.execution_options(yield_per=_ROWS_AT_ONCE)):
        reason = checking.fault(row)
        if reason is not None:
            return ChainResult(ok=False, checked=checking.checked, first_bad_id=row.id, reason=reason)
        session.expunge(row)
    checked = checking.checked
    if checked != last_id or checking.previous != last_digest:
        reason = "as últimas linhas da auditoria foram retiradas ou a ponta da cadeia foi alterada"
        return ChainResult(ok=False, checked=checked, first_bad_id=checked + 1, reason=reason)
    if checking.first_unsealed is not None:
        reason = f"a linha {checking.first_unsealed} não tem selo de uma chave desta instalação"
        return ChainResult(
            ok=False, checked=checking.first_unsealed - 1, first_bad_id=checking.first_unsealed, reason=reason
        )
    stray = session.scalars(select(Auditoria.id).where(Auditoria.id > last_id).order_by(Auditoria.id).limit(1)).first()
    if stray is not None:
        # A genuine row is committed together with the tip, so a tip that is read later includes it.
        session.refresh(tip)
        if tip.ultimo_id < stray:
            reason = f"a linha {stray} não foi escrita pela aplicação"
            return ChainResult(ok=False, checked=checked, first_bad_id=stray, reason=reason)
    if gone := missing_triggers(session):
        reason = f"o que impede alterar a auditoria foi retirado do banco ou desligado: {', '.join(gone)}"
        return ChainResult(ok=False, checked=checked, reason=reason)
    end = tip_of(last_id, last_digest) if last_id else None
    return _with_tips(ChainResult(ok=True, checked=checked, tip=end), tips, checking.digests)


def missing_triggers(session: Session) -> tuple[str, ...]:
    """The names of the triggers that protect the audit and are missing or switched off."""
    names: tuple[str, ...]
    if session.get_bind().dialect.name == "postgresql":
        names = ("auditoria_fica", "auditoria_ponta_anda", "auditoria_ponta_fica")
        there = "SELECT tgname FROM pg_trigger WHERE tgrelid IN ('auditoria'::regclass, 'auditoria_ponta'::regclass) "
        found = session.scalars(text(there + "AND tgenabled IN ('O', 'A')"))
    else:
        names = (
            *("auditoria_fica_update", "auditoria_fica_delete", "auditoria_fica_insert"),
            *("auditoria_ponta_uma", "auditoria_ponta_fica", "auditoria_ponta_anda"),
        )
        found = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    return tuple(sorted(set(names) - set(found)))


def present_tip(session: Session) -> Tip | None:
    """The present end of the chain, unchecked; None if it is empty."""
    tip = session.get(AuditoriaPonta, 1, populate_existing=True)
    return None if tip is None or not tip.ultimo_id else tip_of(tip.ultimo_id, tip.digest)


class _Checking:
    """The state of a check after each row of a chain, beginning with the first."""

    def __init__(self, sealing: Seals, unsealed_upto: int, wanted: frozenset[int]) -> None:
        self._seals = sealing
        self._vouched = unsealed_upto
        self._wanted = wanted
        # Only of rows for which a tip was given.
        self.digests: dict[int, str] = {}
        self.checked = 0
        self.previous = GENESIS
        self._unsealed: list[int] = []

    @property
    def first_unsealed(self) -> int | None:
        """The first row that has no valid seal, and that no later row vouches for."""
        return self._unsealed[0] if self._unsealed else None

    def fault(self, row: Auditoria) -> str | None:
        """What is wrong with the next row, as far as it can be known at that point."""
        if row.id != self.checked + 1:
            return f"falta a linha {self.checked + 1} da auditoria"
        if row.digest_anterior != self.previous:
            return f"a linha {row.id} não segue a linha {row.id - 1}"
        if row.digest != _digest(row):
            return f"a linha {row.id} foi alterada depois de escrita"
        if row.chave is not None and self._seals.knows(row.chave):
            if not self._seals.fits(row.chave, row.digest, row.selo):
                return f"o selo da linha {row.id} não confere: ela não foi escrita pela aplicação"
            # Its digest covers all digests before it, so only the number of the row up to which it vouches is needed.
            if row.acao == VOUCHING and row.depois is not None and isinstance(upto := row.depois.get("ate"), int):
                self._unsealed = [number for number in self._unsealed if number > upto]
        elif row.id > self._vouched and not self._unsealed:
            self._unsealed.append(row.id)
        elif row.id > self._vouched:
            # Only the first and the last matter, because vouching always covers all rows up to one.
            self._unsealed[1:] = [row.id]
        if row.id in self._wanted:
            self.digests[row.id] = row.digest.hex()
        self.checked, self.previous = row.id, row.digest
        return None


def _with_tips(result: ChainResult, tips: Sequence[Tip], digests: Mapping[int, str]) -> ChainResult:
    for kept in tips:
        if kept.row_id > result.checked:
            reason = (
                f"a auditoria já teve a linha {kept.row_id}, como diz a ponta {kept} guardada fora do banco, e agora "
                f"acaba na linha {result.checked}: linhas foram retiradas"
            )
            return ChainResult(ok=False, checked=result.checked, first_bad_id=result.checked + 1, reason=reason)
        if not digests[kept.row_id].startswith(kept.digest):
            reason = f"a linha {kept.row_id} não é a que a ponta {kept}, guardada fora do banco, conhece"
            return ChainResult(ok=False, checked=kept.row_id - 1, first_bad_id=kept.row_id, reason=reason)
    return result


def _locked_tip(session: Session) -> AuditoriaPonta:
    """The end of the chain, locked until this transaction ends, and read after the lock was granted."""
    locked = (
        select(AuditoriaPonta).where(AuditoriaPonta.id == 1).with_for_update().execution_options(populate_existing=True)
    )
    tip = session.scalars(locked).one_or_none()
    if tip is None:
        _insert_tip(session)
        tip = session.scalars(locked).one()
    return tip


def _insert_tip(session: Session) -> None:
    """Insert the tip of an empty chain; if another process does so at the same moment, use that one."""
    table = AuditoriaPonta.__table__
    assert isinstance(table, Table)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    start = dialect.insert(table).values(id=1, ultimo_id=0, digest=GENESIS).on_conflict_do_nothing()
    session.execute(start)


_CHAINED = ("id", "quando", "usuario_id", "acao", "tabela", "registro_id", "antes", "depois")


def _digest(row: Auditoria) -> bytes:
    return _chained(row.digest_anterior, {name: getattr(row, name) for name in _CHAINED})


def _chained(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """The digest of a row that follows the one of `previous`."""
    content = {**row, "quando": row["quando"].astimezone(dt.UTC).isoformat(timespec="microseconds")}
    # Sorted keys and ASCII give the same bytes, whatever order and encoding the database returns.
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(previous + canonical.encode("ascii")).digest()


def _plain(values: Mapping[str, object] | None) -> dict[str, Any] | None:
    return None if values is None else {name: _as_json(name, value) for name, value in values.items()}


def _as_json(name: str, value: object) -> Any:
    """`value` as JSON returns it, so that the digest is the same before and after storing."""
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
