"""Writing a copy of the database, checking one, and restoring one."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.auditoria.tips import note_restored
from controles.banco.models import ContaBancaria
from controles.copias.rows import insert, read_row, rows_of, self_references, tables
from controles.copias.sealing import SealedWriter, check_passphrase, opened_lines
from controles.copias.triggers import audit_open_for_owner
from controles.cotas.models import Cota
from controles.db import Base, db
from controles.domain import cpf
from controles.domain.cpf import CpfUnreadableError
from controles.domain.domain_errors import Conflict, Invalid
from controles.importing.models import Importacao
from controles.militantes.models import Militante
from controles.pagamentos.models import Pagamento
from controles.services.cache_service import cache_service
from controles.services.transaction import transaction

FORMAT = "controles/copia/1"
# The audit's action for a copy.
MADE = "copia.fazer"
_AT_ONCE = 500
# An installation with a row in any of these is in use.
_IN_USE = (Militante, Cota, Pagamento, ContaBancaria, Importacao)


@dataclass(frozen=True, slots=True)
class Copia:
    """What a copy contains: when it was made, for which version of the tables, and how many rows of each."""

    criada_em: dt.datetime
    revisao: str
    linhas: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.linhas.values())


def write_copia(file: IO[bytes], passphrase: str, *, agora: dt.datetime) -> Copia:
    """Write the database, as it is at one moment, to `file`. Reads only; others go on working meanwhile."""
    check_passphrase(passphrase)
    writer = SealedWriter(file, passphrase)
    counts: dict[str, int] = {}
    with _snapshot() as connection:
        revision = _revision(connection)
        head = {"formato": FORMAT, "criada_em": agora.isoformat(), "revisao": revision}
        writer.line(_json(head))
        for table in tables():
            writer.line(_json({"tabela": table.name, "colunas": [column.name for column in table.columns]}))
            counts[table.name] = 0
            for row in rows_of(connection, table):
                writer.line(_json(row))
                counts[table.name] += 1
        writer.line(_json({"fim": counts}))
    writer.finish()
    return Copia(agora, revision, counts)


def check_copia(file: IO[bytes], passphrase: str) -> Copia:
    """Read a whole copy without restoring it; Invalid says what is wrong with it."""
    reading = _Reading(file, passphrase)
    for _table, _row in reading.rows():
        pass
    return reading.result()


def restore_copia(
    file: IO[bytes], passphrase: str, *, replace: bool = False, autor_id: int | None = None, agora: dt.datetime
) -> Copia:
    """Replace everything in the database by what the copy contains, or change nothing.

    Before anything is committed, the restored audit is checked, and a CPF is decrypted: the copy holds them as this
    installation's keys made them, so it can be restored only where these keys are. Everybody has to log in again, with
    the users of the copy; `autor_id` is the one who restores, as the log names them.

    Conflict if the installation is in use, unless `replace`.
    """
    reading = _Reading(file, passphrase)
    with transaction() as session:
        if not replace and (used := _in_use(session)):
            raise Conflict(f"Esta instalação já tem {used}: só uma instalação vazia recebe uma cópia por esta tela.")
        before = audit.present_tip(session)
        connection = session.connection()
        if reading.revision != _revision(connection):
            raise Invalid(
                "arquivo",
                f"A cópia é da versão {reading.revision} das tabelas, e esta instalação tem a {_revision(connection)}: "
                "restaure-a com a versão do Controles que a fez, e depois atualize.",
            )
        session.expunge_all()
        with audit_open_for_owner(connection):
            for table in reversed(Base.metadata.sorted_tables):
                if table.name != "frescor_outbox":
                    connection.execute(sa.delete(table))
            _load(connection, reading)
        found = reading.result()
        _continue_ids(connection)
        _check(session)
        audit.record(
            session,
            acao="copia.restaurar",
            depois={"criada_em": found.criada_em, "linhas": found.total, "ponta_anterior": str(before or "")},
            usuario_id=None,
            agora=agora,
        )
    cache_service().clear_all()
    note_restored(usuario_id=autor_id)
    return found


class _Reading:
    """The content of a copy, in its order; `result` only after all rows."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        self._lines = opened_lines(file, passphrase)
        head = self._next()
        if not isinstance(head, dict) or head.get("formato") != FORMAT:
            raise Invalid("arquivo", "Esta cópia tem um formato que esta versão não conhece; atualize o Controles.")
        self.revision = str(head["revisao"])
        self._made = dt.datetime.fromisoformat(head["criada_em"])
        self._told: dict[str, int] | None = None
        self._counts: Counter[str] = Counter()

    def rows(self) -> Iterator[tuple[sa.Table, dict[str, Any]]]:
        known = {table.name: table for table in tables()}
        columns: list[sa.Column[Any]] = []
        table: sa.Table | None = None
        while self._told is None:
            match self._next():
                case {"tabela": str(name), "colunas": list(names)}:
                    table = known.get(name)
                    if table is None or set(names) != set(table.columns.keys()):
                        raise Invalid(
                            "arquivo",
                            f"A cópia tem uma tabela {name} que esta versão não tem assim; use a versão dela.",
                        )
                    columns = [table.columns[one] for one in names]
                    self._counts[name] = 0
                case {"fim": dict(counts)}:
                    self._told = counts
                case list(values) if table is not None:
                    self._counts[table.name] += 1
                    yield table, read_row(columns, values)
                case _:
                    raise _unreadable()
        # To the end of the file, which may have been added to.
        if next(self._lines, None) is not None:
            raise _unreadable()

    def result(self) -> Copia:
        if self._told is None or self._told != dict(self._counts):
            raise Invalid("arquivo", "Faltam linhas na cópia; use outra cópia. Nada mudou.")
        return Copia(self._made, self.revision, dict(self._counts))

    def _next(self) -> Any:
        try:
            return json.loads(next(self._lines))
        except (StopIteration, ValueError):
            raise _unreadable() from None


def _unreadable() -> Invalid:
    return Invalid("arquivo", "A cópia acaba antes do fim ou tem linhas que não podem ser lidas; use outra cópia.")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@contextmanager
def _snapshot() -> Iterator[sa.Connection]:
    """A connection that sees one moment of the database, whatever is committed meanwhile."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        else:
            connection.exec_driver_sql("BEGIN")
        yield connection
        connection.rollback()


def _revision(connection: sa.Connection) -> str:
    return str(
        connection.execute(sa.select(sa.column("version_num")).select_from(sa.table("alembic_version"))).scalar_one()
    )


def in_use() -> str | None:
    """What there is already in this installation; None if it is empty and can receive a copy."""
    return _in_use(db.session)


def last_copia() -> dt.datetime | None:
    """When the last copy was made, by screen or by command, according to the audit."""
    made = sa.select(sa.func.max(Auditoria.quando)).where(Auditoria.acao == MADE)
    return db.session.scalars(made).one()


def _in_use(session: Session) -> str | None:
    names = ("militantes", "cotas", "pagamentos", "contas bancárias", "importações")
    for model, name in zip(_IN_USE, names, strict=True):
        if session.execute(sa.select(sa.literal(1)).select_from(model).limit(1)).first() is not None:
            return name
    return None


def _load(connection: sa.Connection, reading: _Reading) -> None:
    present: sa.Table | None = None
    waiting: list[dict[str, Any]] = []
    later: list[tuple[sa.Table, Any, dict[str, Any]]] = []
    for table, row in reading.rows():
        if table is not present or len(waiting) >= _AT_ONCE:
            _flush(connection, present, waiting)
            present, waiting = table, []
        # A row may refer to a later one of its own table: a núcleo that was moved below a newer one.
        ahead = {name: row[name] for name in self_references(table) if row[name] is not None and row[name] >= row["id"]}
        if ahead:
            later.append((table, row["id"], ahead))
        waiting.append({**row, **dict.fromkeys(ahead)})
    _flush(connection, present, waiting)
    for table, key, values in later:
        connection.execute(sa.update(table).where(table.c.id == key).values(**values))


def _flush(connection: sa.Connection, table: sa.Table | None, rows: list[dict[str, Any]]) -> None:
    if table is not None and rows:
        insert(connection, table, rows)


def _continue_ids(connection: sa.Connection) -> None:
    """New rows get numbers after those of the copy. SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables():
        column = table.autoincrement_column
        if column is None or (sequence := _sequence(connection, table, column)) is None:
            continue
        highest = connection.execute(sa.select(sa.func.max(column))).scalar_one()
        connection.execute(sa.select(sa.func.setval(sequence, highest or 1, highest is not None)))


def _sequence(connection: sa.Connection, table: sa.Table, column: sa.Column[Any]) -> str | None:
    found: str | None = connection.execute(
        sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))
    ).scalar_one()
    return found


def _check(session: Session) -> None:
    result = audit.verify_chain(session)
    if not result.ok:
        raise Invalid(
            "arquivo",
            f"A auditoria da cópia não confere aqui: {result.reason}. Se a cópia é de outra instalação, configure "
            "as mesmas AUDIT_KEY, CPF_KEY e SECRET_KEY. Nada mudou.",
        )
    number = session.scalars(
        sa.select(Militante.cpf_cifrado).where(Militante.cpf_cifrado.is_not(None)).limit(1)
    ).first()
    if number is not None:
        try:
            cpf.vault().decrypt(number)
        except CpfUnreadableError:
            raise Invalid(
                "arquivo",
                "Os CPFs da cópia não podem ser lidos com a CPF_KEY desta instalação; configure a de antes. "
                "Nada mudou.",
            ) from None
