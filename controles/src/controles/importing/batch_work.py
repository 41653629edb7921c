"""The work on a batch: check its file, write it, or undo it. It can be interrupted at any moment and is then restarted.

What can go wrong, and how it is handled:
- Two workers at once on this machine: the second one finds the lock taken and stops. On two machines: each writes its
  name into the batch, and a worker that finds another name there at the end rolls everything back.
- Killed while checking: nothing is written, and the next worker checks again. While writing: there is one transaction,
  so nothing is written. While undoing: it proceeds by some hundred rows, and each row records that it is undone.
- Killed by the file itself, again and again: after three times the batch is refused.
"""

import datetime as dt
import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.db import db, serialise
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Conflict, DomainError
from controles.importing.batches import forget_file, words_of
from controles.importing.checking import Acao, CheckedRow
from controles.importing.faults_report import shown
from controles.importing.kinds import KINDS
from controles.importing.models import AT_WORK, Estado, Importacao, ImportacaoArquivo, ImportacaoLinha
from controles.importing.progress import Report, at_work
from controles.importing.sealing import file_seal
from controles.importing.services import Escrita, Hints, Listener, Resumo
from controles.services.transaction import transaction
from controles.settings.private_files import open_private_bytes

Clock = Callable[[], dt.datetime]
_MOST_ATTEMPTS = 3
_ROWS_AT_ONCE = 500
# The longest text that the page shows; the file of errors has all of it.
LONGEST_TEXT = 300
_BROKEN = "O trabalho parou por um erro do programa, e não foi gravado. Quem cuida do servidor acha o motivo no log."
_CHANGED = "Os dados mudaram depois da conferência; veja o que mudou e grave de novo."
_log = structlog.stdlib.get_logger("controles.importing")


def waiting_batches() -> tuple[int, ...]:
    """The batches that wait for work, or are being worked on."""
    found = tuple(
        db.session.scalars(select(Importacao.id).where(Importacao.estado.in_(AT_WORK)).order_by(Importacao.id))
    )
    db.session.rollback()
    return found


def work_on(importacao_id: int, *, folder: Path, clock: Clock) -> bool:
    """Do the work that the batch waits for; False if there is none, or another worker on this machine does it."""
    with at_work(folder, importacao_id) as report:
        if report is None:
            return False
        name = secrets.token_hex(16)
        claimed = _claim(importacao_id, name)
        if claimed is None:
            return False
        work = _Work(importacao_id, name, claimed, report, clock)
        try:
            work.run()
        except DomainError as error:
            _fall_back(importacao_id, name, claimed, error.message)
        except Exception:  # noqa: BLE001 - whoever waits at the page has to be told; the log has the rest
            _log.exception("import_failed", importacao_id=importacao_id)
            _fall_back(importacao_id, name, claimed, _BROKEN)
        return True


@dataclass(frozen=True, slots=True)
class _Claimed:
    estado: Estado
    # The state to return to if the work fails.
    before: Estado


def _claim(importacao_id: int, name: str) -> _Claimed | None:
    with transaction() as session:
        importacao = _locked(session, importacao_id)
        if importacao is None or importacao.estado not in AT_WORK:
            return None
        before = {
            Estado.A_CONFERIR: Estado.RECUSADA,
            Estado.A_GRAVAR: Estado.CONFERIDA,
            Estado.A_DESFAZER: Estado.GRAVADA,
        }[importacao.estado]
        claimed = _Claimed(importacao.estado, before)
        importacao.tentativas += 1
        if importacao.tentativas > _MOST_ATTEMPTS:
            importacao.estado = before
            importacao.mensagem = (
                f"O trabalho parou {_MOST_ATTEMPTS} vezes antes do fim, talvez por falta de memória; divida o arquivo."
            )
            return None
        importacao.trabalho = name
        return claimed


def _fall_back(importacao_id: int, name: str, claimed: _Claimed, sentence: str) -> None:
    db.session.rollback()
    with transaction() as session:
        importacao = _locked(session, importacao_id)
        if importacao is not None and importacao.trabalho == name:
            importacao.estado, importacao.mensagem, importacao.trabalho = claimed.before, sentence[:500], None


def _locked(session: Session, importacao_id: int) -> Importacao | None:
    serialise(session.connection(), f"importacao:{importacao_id}")
    return session.get(Importacao, importacao_id, populate_existing=True)


@dataclass(slots=True)
class _Work:
    importacao_id: int
    name: str
    claimed: _Claimed
    report: Report
    clock: Clock
    # By the row's number, in the form in which they will be stored.
    lines: dict[int, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    # Whether the rows of an earlier check were deleted.
    forgotten: bool = False

    def run(self) -> None:
        match self.claimed.estado:
            case Estado.A_CONFERIR:
                self._with_file(self._check)
            case Estado.A_GRAVAR:
                self._with_file(self._write)
            case _:
                self._undo()

    def _with_file(self, use: Callable[[Path, Importacao, Hints], None]) -> None:
        importacao = db.session.get_one(Importacao, self.importacao_id, populate_existing=True)
        sealed = db.session.scalars(
            select(ImportacaoArquivo.conteudo).where(ImportacaoArquivo.importacao_id == self.importacao_id)
        ).one()
        decisoes = {int(numero): said for numero, said in importacao.decisoes.items()}
        hints = Hints(words=words_of(db.session, importacao.tipo), decisoes=decisoes)
        db.session.expunge(importacao)
        db.session.rollback()
        with tempfile.TemporaryDirectory(prefix="controles-") as folder:
            path = Path(folder) / importacao.arquivo.replace("/", "_")
            with open_private_bytes(path) as file:
                file.write(file_seal().open(sealed, self.importacao_id))
            use(path, importacao, hints)

    def _check(self, path: Path, importacao: Importacao, hints: Hints) -> None:
        listener = self._listener(path, passes=1)
        hoje = self.clock().astimezone(LOCAL_ZONE).date()
        resumo = KINDS[importacao.tipo].review(path, hoje=hoje, listener=listener, hints=hints)
        with transaction() as session:
            self._store(session, resumo, Estado.CONFERIDA)

    def _write(self, path: Path, importacao: Importacao, hints: Hints) -> None:
        agora = self.clock()
        resumo = KINDS[importacao.tipo].write(
            path,
            valid_only=importacao.so_validas,
            autor_id=importacao.criada_por_id,
            agora=agora,
            hoje=agora.astimezone(LOCAL_ZONE).date(),
            listener=self._listener(path, passes=2),
            hints=hints,
        )
        if not resumo.gravado:
            # The data has changed since the check, so this check replaces it.
            with transaction() as session:
                self._store(session, resumo, Estado.CONFERIDA)
                session.get_one(Importacao, self.importacao_id).mensagem = _CHANGED

    def _undo(self) -> None:
        kind = None
        while True:
            with transaction() as session:
                importacao = _mine(session, self)
                kind = kind or KINDS[importacao.tipo]
                left = (
                    ImportacaoLinha.importacao_id == self.importacao_id,
                    ImportacaoLinha.registro_id.is_not(None),
                )
                total = importacao.novos + importacao.atualizados
                rows = session.scalars(
                    select(ImportacaoLinha).where(*left).order_by(ImportacaoLinha.numero.desc()).limit(_ROWS_AT_ONCE)
                ).all()
                if not rows:
                    self._undone(session, importacao)
                    return
                reason = f"Importação nº {importacao.id} desfeita: {importacao.motivo}"
                undone = kind.undo(session, rows, reason, importacao.desfeita_por_id, self.clock())
                for row in rows:
                    row.registro_id = row.antes = None
                    row.acao = Acao.MANTIDO if row.numero in undone.kept else Acao.DESFEITO
                    row.falhas = [[None, undone.kept[row.numero]]] if row.numero in undone.kept else None
                importacao.mantidos += len(undone.kept)
                session.flush()
                rest = session.scalars(select(func.count()).select_from(ImportacaoLinha).where(*left)).one()
                self.report(1 - rest / max(total, 1))
            db.session.expunge_all()

    def _undone(self, session: Session, importacao: Importacao) -> None:
        importacao.estado, importacao.desfeita_em = Estado.DESFEITA, self.clock()
        importacao.mensagem = importacao.trabalho = None
        forget_file(session, self.importacao_id)
        audit.record(
            session,
            acao="importacao.desfeita",
            tabela="importacao",
            registro_id=self.importacao_id,
            depois={"mantidos": importacao.mantidos, "motivo": importacao.motivo},
            usuario_id=importacao.desfeita_por_id,
            agora=self.clock(),
        )

    def _listener(self, path: Path, *, passes: int) -> Listener:
        size, state = max(path.stat().st_size, 1), {"before": 0, "pass": 0}
        self.lines.clear()

        def progress(position: int) -> None:
            if position < state["before"]:
                state["pass"] += 1
            state["before"] = position
            self.report((state["pass"] + position / size) / passes)

        return Listener(
            columns=lambda columns, _delimiter: self.warnings.extend(columns.warnings),
            faulty=self._note,
            changing=self._note,
            new=self._note,
            passed=self._note,
            progress=progress,
            written=self._written,
            finished=lambda session, resumo: self._store(session, resumo, Estado.GRAVADA),
        )

    def _note(self, row: CheckedRow) -> None:
        text = " ".join(cell.strip() for cell in row.record.cells if cell.strip()) if row.acao is Acao.TOTAL else row.de
        self.lines[row.record.number] = {
            "acao": row.acao,
            "de": text[:200] or None,
            "falhas": [[fault.column, fault.message[:LONGEST_TEXT]] for fault in row.faults] or None,
            "alteracoes": [
                [one.column, shown(one.antes)[:LONGEST_TEXT], shown(one.depois)[:LONGEST_TEXT]]
                for one in row.alteracoes
            ]
            or None,
            "opcoes": [list(answer) for answer in row.opcoes] or None,
        }

    def _written(self, session: Session, rows: Sequence[Escrita]) -> None:
        _forget_lines(session, self.importacao_id, once=self)
        _insert(
            session,
            self.importacao_id,
            [
                {
                    "acao": Acao.NOVO if row.antes is None else Acao.ATUALIZADO,
                    **self.lines.pop(row.linha, {}),
                    "numero": row.linha,
                    "registro_id": row.registro_id,
                    "antes": row.antes if row.em is None else {"tabela": row.em},
                }
                for row in rows
            ],
        )

    def _store(self, session: Session, resumo: Resumo, estado: Estado) -> None:
        """Store the result, in the transaction that it describes; Conflict if another worker took over."""
        importacao = _mine(session, self)
        _forget_lines(session, self.importacao_id, once=self)
        _insert(session, self.importacao_id, [{**line, "numero": numero} for numero, line in self.lines.items()])
        importacao.novos, importacao.atualizados, importacao.iguais = resumo.novos, resumo.atualizados, resumo.iguais
        importacao.erros, importacao.conflitos = resumo.erros, resumo.conflitos
        importacao.avisos = list(dict.fromkeys(self.warnings))
        importacao.estado, importacao.trabalho, importacao.mensagem = estado, None, None
        if estado is Estado.GRAVADA:
            importacao.gravada_em = self.clock()
        session.flush()


def _mine(session: Session, work: _Work) -> Importacao:
    importacao = _locked(session, work.importacao_id)
    if importacao is None or importacao.trabalho != work.name:
        raise Conflict("Outro processo assumiu esta importação.")
    return importacao


def _forget_lines(session: Session, importacao_id: int, *, once: _Work) -> None:
    """Delete the rows of an earlier check, once; rows of this work stay."""
    if once.forgotten:
        return
    once.forgotten = True
    session.execute(
        delete(ImportacaoLinha).where(ImportacaoLinha.importacao_id == importacao_id),
        execution_options={"synchronize_session": False},
    )


_EMPTY = {"de": None, "falhas": None, "alteracoes": None, "opcoes": None, "registro_id": None, "antes": None}


def _insert(session: Session, importacao_id: int, lines: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(lines), _ROWS_AT_ONCE):
        session.execute(
            insert(ImportacaoLinha),
            [{**_EMPTY, **line, "importacao_id": importacao_id} for line in lines[start : start + _ROWS_AT_ONCE]],
        )
