"""Checks a whole file; then, if requested and possible, writes it in one transaction."""

import datetime as dt
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.audit import Change
from controles.db import db, serialise
from controles.domain.domain_errors import Conflict
from controles.importing.checking import Acao, CheckedRow, Checker, ParsedRow, chunks, merged_dados, new_dados, parse
from controles.importing.columns import Columns, columns_of
from controles.importing.nucleos import NucleoNames
from controles.importing.people_words import PEOPLE
from controles.importing.reading import open_sheet
from controles.importing.vocabulary import Vocabulary
from controles.militantes.checks import DadosMilitante, checked
from controles.militantes.models import Militante, Situacao, SituacaoHistorico
from controles.militantes.writing import (
    changed_fields,
    columns_to_store,
    fill,
    free_matriculas,
    is_another_cpf,
    keep_former_amounts,
    snapshot,
    snapshot_of_new,
    stored_fields,
)
from controles.organizacao.services import usual_amounts
from controles.services.transaction import transaction

# What to do with a row, if it is not the id of the militante to update.
_CREATE, _LEAVE = 0, -1


@dataclass(frozen=True, slots=True)
class Resumo:
    """How many rows there were of each kind, and whether the new and changed ones were written.

    `conflitos` could be about other people than they seem; like faulty rows they are never written.
    """

    novos: int
    atualizados: int
    iguais: int
    erros: int
    gravado: bool
    conflitos: int = 0

    @property
    def recusadas(self) -> int:
        """The rows that somebody has to correct or decide."""
        return self.erros + self.conflitos


@dataclass(frozen=True, slots=True)
class Hints:
    """What users said about a file: what its titles mean, and who its rows are about."""

    words: Vocabulary = PEOPLE
    # By row number; takes precedence over the row's own column.
    decisoes: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Escrita:
    """A row that was written: the record that it created or changed, and the former values in a form that can be
    restored.

    `antes` None: the record is new. `em`: the table, for files that write into several.
    """

    linha: int
    registro_id: int
    antes: Mapping[str, object] | None = None
    em: str | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """Is called during an import: with the columns, with rows, and with the number of bytes read.

    `faulty` gets each row with a fault or a conflict, `changing` each row that would change a militante, `new` each row
    that would write money, `passed` each line that is left out, such as a total. `written` and `finished` are called
    in the transaction: an exception undoes it.
    """

    columns: Callable[[Columns, str], None] = lambda _columns, _delimiter: None
    faulty: Callable[[CheckedRow], None] = lambda _row: None
    changing: Callable[[CheckedRow], None] = lambda _row: None
    passed: Callable[[CheckedRow], None] = lambda _row: None
    progress: Callable[[int], None] = lambda _bytes: None
    written: Callable[[Session, Sequence[Escrita]], None] = lambda _session, _rows: None
    finished: Callable[[Session, "Resumo"], None] = lambda _session, _resumo: None
    new: Callable[[CheckedRow], None] = lambda _row: None


def review_militantes(path: Path, *, hoje: dt.date, listener: Listener, hints: Hints | None = None) -> Resumo:
    """What an import of `path` would do. Invalid if the file as a whole cannot be read."""
    examined = _examine(db.session, path, hoje, listener, hints or Hints())
    db.session.rollback()
    return examined.resumo(gravado=False)


def import_militantes(
    path: Path,
    *,
    valid_only: bool,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
    listener: Listener,
    hints: Hints | None = None,
) -> Resumo:
    """Write the new and changed rows of `path`, all or nothing.

    If there are faulty rows nothing is written; with `valid_only`, only the others are. Fields that a row does not have
    stay as they are. Importing the same file again changes nothing. Invalid if the file as a whole cannot be read.
    """
    with transaction() as session:
        _lock(session)
        stamp = _stamp(path)
        examined = _examine(session, path, hoje, listener, hints or Hints())
        wanted = examined.count[Acao.NOVO] + examined.count[Acao.ATUALIZADO]
        if not wanted or (examined.refused and not valid_only):
            return examined.resumo(gravado=False)
        writer = _Writer(session, examined, autor_id=autor_id, agora=agora, hoje=hoje)
        writer.write(path, listener)
        if _stamp(path) != stamp:
            raise Conflict("O arquivo mudou enquanto era importado, e nada foi gravado; repita a importação.")
        resumo = examined.resumo(gravado=True)
        audit.record(
            session,
            acao="militantes.importar",
            depois={
                "arquivo": path.name,
                "novos": resumo.novos,
                "atualizados": resumo.atualizados,
                "iguais": resumo.iguais,
                "erros": resumo.erros,
                "conflitos": resumo.conflitos,
            },
            usuario_id=autor_id,
            agora=agora,
        )
        listener.finished(session, resumo)
    return resumo


class _Examined:
    """The decision for each row, in eight bytes per row: the rows themselves are read again when they are written."""

    def __init__(self, columns: Columns, nucleos: NucleoNames, hints: Hints) -> None:
        self.columns = columns
        self.nucleos = nucleos
        self.hints = hints
        self.decisions = array("q")
        self.count: Counter[Acao] = Counter()
        self.claimed: Mapping[str, int] = {}

    def add(self, row: CheckedRow) -> None:
        self.count[row.acao] += 1
        decision = _LEAVE
        if row.acao is Acao.NOVO:
            decision = _CREATE
        elif row.acao is Acao.ATUALIZADO and row.militante_id is not None:
            decision = row.militante_id
        self.decisions.append(decision)

    def resumo(self, *, gravado: bool) -> Resumo:
        count = self.count
        return Resumo(
            count[Acao.NOVO],
            count[Acao.ATUALIZADO],
            count[Acao.IGUAL],
            count[Acao.ERRO],
            gravado,
            conflitos=count[Acao.CONFLITO],
        )

    @property
    def refused(self) -> int:
        return self.count[Acao.ERRO] + self.count[Acao.CONFLITO]


def _examine(session: Session, path: Path, hoje: dt.date, listener: Listener, hints: Hints) -> _Examined:
    with open_sheet(path, hints.words.knows) as sheet:
        columns = columns_of(sheet.header, hints.words)
        columns = replace(columns, warnings=(*sheet.warnings, *columns.warnings))
        listener.columns(columns, sheet.delimiter)
        nucleos = NucleoNames(session)
        examined = _Examined(columns, nucleos, hints)
        checker = Checker(session, columns, nucleos, hoje, hints.decisoes)
        for records in chunks(sheet.records):
            for row in checker.check(records):
                examined.add(row)
                _tell(listener, row)
            session.expunge_all()
            listener.progress(sheet.position())
    examined.claimed = checker.repetition.matriculas
    return examined


def _tell(listener: Listener, row: CheckedRow) -> None:
    match row.acao:
        case Acao.ERRO | Acao.CONFLITO:
            listener.faulty(row)
        case Acao.ATUALIZADO:
            listener.changing(row)
        case Acao.TOTAL:
            listener.passed(row)
        case _:
            pass


class _Writer:
    """Writes the rows as decided, some hundred at a time."""

    def __init__(
        self, session: Session, examined: _Examined, *, autor_id: int | None, agora: dt.datetime, hoje: dt.date
    ) -> None:
        self._session = session
        self._examined = examined
        self._autor_id = autor_id
        self._agora = agora
        self._hoje = hoje
        self._usual = usual_amounts(session)
        # Numbers that other rows of the file ask for are not given away.
        self._matriculas = (number for number in free_matriculas(session) if number not in examined.claimed)

    def write(self, path: Path, listener: Listener) -> None:
        examined = self._examined
        decisions: Iterator[int] = iter(examined.decisions)
        with open_sheet(path, examined.hints.words.knows) as sheet:
            for records in chunks(sheet.records):
                decided = list(zip(records, islice(decisions, len(records)), strict=False))
                rows = [
                    (parse(record, examined.columns, examined.nucleos, self._hoje, examined.hints.decisoes), decision)
                    for record, decision in decided
                    if decision != _LEAVE
                ]
                self._write(rows, listener)
                listener.progress(sheet.position())

    def _write(self, rows: list[tuple[ParsedRow, int]], listener: Listener) -> None:
        session = self._session
        known = {
            militante.id: militante
            for militante in session.scalars(
                select(Militante).where(Militante.id.in_([decision for _, decision in rows if decision != _CREATE]))
            )
        }
        before = {one.id: snapshot(one) for one in known.values()}
        stored = {one.id: stored_fields(one) for one in known.values()}
        changes = [self._update(known[decision], row) for row, decision in rows if decision != _CREATE]
        keep_former_amounts(session, before, {one.id: snapshot(one) for one in known.values()}, hoje=self._hoje)
        session.flush()
        said = (checked(new_dados(row, self._usual), hoje=self._hoje) for row, decision in rows if decision == _CREATE)
        created = [(dados.matricula or next(self._matriculas), dados) for dados in said]
        ids = self._insert(created)
        made = iter(ids)
        listener.written(
            session,
            [
                Escrita(row.record.number, next(made))
                if decision == _CREATE
                else Escrita(row.record.number, decision, stored[decision])
                for row, decision in rows
            ],
        )
        changes += [
            Change(acao="militante.criar", tabela="militante", registro_id=made_id, depois=snapshot_of_new(*new))
            for made_id, new in zip(ids, created, strict=True)
        ]
        audit.record_many(session, changes, usuario_id=self._autor_id, agora=self._agora)
        session.expunge_all()

    def _insert(self, created: Sequence[tuple[str, DadosMilitante]]) -> list[int]:
        """Write militantes and the standing with which each begins; their ids in the same order.

        Rows, not objects: that takes a third of the time.
        """
        if not created:
            return []
        begins = {"situacao": Situacao.ATIVO, "versao": 1, "cpf_cifrado": None, "cpf_hmac": None}
        ids = self._session.scalars(
            insert(Militante).returning(Militante.id, sort_by_parameter_order=True),
            [{**begins, **columns_to_store(dados), "matricula": matricula} for matricula, dados in created],
        ).all()
        self._session.execute(
            insert(SituacaoHistorico),
            [
                {"militante_id": made, "situacao": Situacao.ATIVO, "desde": dados.data_filiacao}
                for made, (_, dados) in zip(ids, created, strict=True)
            ],
        )
        return list(ids)

    def _update(self, militante: Militante, row: ParsedRow) -> Change:
        before, known_cpf = snapshot(militante), militante.cpf_hmac
        dados = checked(merged_dados(militante, row), hoje=self._hoje)
        fill(militante, dados)
        after = snapshot(militante)
        changed = changed_fields(before, after, cpf_changed=is_another_cpf(known_cpf, dados.cpf))
        return Change(
            acao="militante.alterar",
            tabela="militante",
            registro_id=militante.id,
            antes={name: before[name] for name in changed},
            # The next flush increments the version.
            depois={name: after[name] for name in changed} | {"versao": militante.versao + 1},
        )


def _lock(session: Session) -> None:
    """Keep all other writers of militantes out until the end, so that the result of the check stays valid."""
    # In the same order as the forms.
    serialise(session.connection(), "matricula")
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE militante IN EXCLUSIVE MODE"))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
