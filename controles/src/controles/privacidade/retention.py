"""How long personal data is kept, and removing what is past its term: names on receipts, files of imports."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.domain.clock import LOCAL_ZONE
from controles.importing.models import AT_WORK, Importacao, ImportacaoArquivo
from controles.militantes.models import Militante
from controles.pagamentos.models import Pagamento
from controles.privacidade.anonymising import label_of
from controles.recibos.models import Recibo
from controles.services.transaction import transaction

# Receipts and what they prove can be asked for during five years (CTN, art. 174; for parties, TSE resolution 23.604);
# former members may have claims as long (Código Civil, art. 206, § 5º).
YEARS_KEPT = 5
# The file of an import is kept long enough to notice a mistake and undo the import.
DAYS_OF_FILES = 365
_AT_ONCE = 500


def years_before(hoje: dt.date, years: int) -> dt.date:
    """The same day `years` earlier; 28 February for 29 February."""
    day = 28 if (hoje.month, hoje.day) == (2, 29) else hoje.day
    return hoje.replace(year=hoje.year - years, day=day)


def last_year_past_term(hoje: dt.date) -> int:
    """The last year whose receipts need no names any more."""
    return hoje.year - YEARS_KEPT - 1


def past_term(hoje: dt.date) -> tuple[ColumnElement[bool], ...]:
    """Receipts past their term that still name somebody who was anonymised."""
    anonymous = (
        select(Pagamento.id)
        .join(Militante, Militante.id == Pagamento.militante_id)
        .where(Militante.anonimizado_em.is_not(None))
    )
    named = Recibo.conteudo["militante"].as_string().not_like("Pessoa anonimizada %")
    return Recibo.ano <= last_year_past_term(hoje), Recibo.pagamento_id.in_(anonymous), named


def remove_names_of_recibos(*, autor_id: int | None, agora: dt.datetime) -> int:
    """Take name, matrícula and CPF off receipts past their term of people who were anonymised; returns how many.

    Their numbers, amounts and days stay, and their codes can still be checked.
    """
    hoje = agora.astimezone(LOCAL_ZONE).date()
    done = 0
    with transaction() as session:
        while rows := _next(session, hoje):
            for recibo, militante_id in rows:
                named: dict[str, Any] = {"militante": label_of(militante_id), "matricula": f"anon-{militante_id}"}
                recibo.conteudo = {**recibo.conteudo, **named}
                recibo.cpf_cifrado = None
            session.flush()
            done += len(rows)
        if done:
            audit.record(
                session,
                acao="recibo.anonimizar",
                tabela="recibo",
                depois={"ate_o_ano": last_year_past_term(hoje), "recibos": done},
                usuario_id=autor_id,
                agora=agora,
            )
    return done


def old_files(hoje: dt.date) -> ColumnElement[bool]:
    """The files of imports that are past their term, and of which no work in the background is waiting."""
    before = dt.datetime.combine(hoje - dt.timedelta(days=DAYS_OF_FILES), dt.time(), LOCAL_ZONE)
    old = select(Importacao.id).where(Importacao.criada_em < before, Importacao.estado.not_in(AT_WORK))
    return ImportacaoArquivo.importacao_id.in_(old)


def remove_files_of_imports(*, autor_id: int | None, agora: dt.datetime) -> int:
    """Delete the files of imports past their term; returns how many. What was written from them stays."""
    hoje = agora.astimezone(LOCAL_ZONE).date()
    with transaction() as session:
        gone = session.execute(
            delete(ImportacaoArquivo).where(old_files(hoje)).execution_options(synchronize_session=False)
        )
        done = int(gone.rowcount)  # type: ignore[attr-defined]
        if done:
            audit.record(
                session,
                acao="importacao.apagar_arquivos",
                tabela="importacao",
                depois={"arquivos": done},
                usuario_id=autor_id,
                agora=agora,
            )
    return done


def _next(session: Session, hoje: dt.date) -> list[tuple[Recibo, int]]:
    wanted = (
        select(Recibo, Pagamento.militante_id)
        .join(Pagamento, Pagamento.id == Recibo.pagamento_id)
        .where(*past_term(hoje))
        .order_by(Recibo.id)
        .limit(_AT_ONCE)
        .with_for_update(of=Recibo)
        .execution_options(populate_existing=True)
    )
    return [(recibo, militante_id or 0) for recibo, militante_id in session.execute(wanted)]
