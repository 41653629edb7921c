"""Writes to lançamentos: register one, reverse one, and the other side of a transfer that is in a statement."""

import datetime as dt
import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.banco.models import LinhaExtrato, TipoConta
from controles.caixa.cash_accounts import account, refuse_covered
from controles.caixa.models import Lancamento, TipoLancamento
from controles.caixa.receipt_files import attach_file, check_file
from controles.caixa.records import Arquivo, NovoLancamento
from controles.db import MAX_BIG_ID, MAX_ID, serialise
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.field_checks import one_line, past_date
from controles.domain.money import MAX_CENTAVOS, format_brl
from controles.fechamento.closed_months import hold_months, refuse_closed
from controles.militantes.models import Nucleo
from controles.pagamentos.refunds import lock_given_back
from controles.pagamentos.refunds import write as write_returned
from controles.services.transaction import transaction

# Also held while a statement is imported, so that a movement is never counted both by hand and from a file.
ACCOUNTS = "extrato"
_KEY = re.compile(r"[!-~]{1,64}")
_OUT = frozenset({TipoLancamento.DESPESA, TipoLancamento.REPASSE_ENVIADO, TipoLancamento.TRANSFERENCIA})


def register_lancamento(
    novo: NovoLancamento,
    arquivo: Arquivo | None = None,
    *,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> int:
    """Write a movement with its file; returns its id.

    With a `chave_idempotencia` that was used before, it returns the first id and writes nothing. Invalid names the
    field: a closed month, an account that is not in use or has not begun, a day that a statement of the account covers.
    """
    novo = checked(novo, hoje)
    if arquivo is not None:
        check_file(arquivo)
    with transaction() as session:
        refuse_closed(hold_months(session), novo.data, "data")
        serialise(session.connection(), ACCOUNTS)
        known = registered(session, novo.chave_idempotencia)
        if known is not None:
            return known
        row = write_lancamento(session, novo, autor_id=autor_id, agora=agora)
        if arquivo is not None:
            attach_file(session, arquivo, lancamento_id=row.id, autor_id=autor_id, agora=agora)
        return row.id


def write_lancamento(session: Session, novo: NovoLancamento, *, autor_id: int | None, agora: dt.datetime) -> Lancamento:
    """The part of `register_lancamento` within its transaction, which holds the months and `ACCOUNTS`."""
    conta = account(session, novo.conta_id, "conta_id", novo.data)
    refuse_covered(session, conta, novo.data)
    if novo.tipo is TipoLancamento.TRANSFERENCIA:
        other = account(session, novo.outra_conta_id, "outra_conta_id", novo.data)
        if other is conta:
            raise Invalid("outra_conta_id", "Escolha outra conta: o dinheiro vai de uma para a outra.")
        refuse_covered(session, other, novo.data)
    if novo.nucleo_id is not None and session.get(Nucleo, novo.nucleo_id) is None:
        raise Invalid("nucleo_id", "Escolha um núcleo da lista.")
    row = Lancamento(
        tipo=novo.tipo,
        conta_id=conta.id,
        outra_conta_id=novo.outra_conta_id if novo.tipo is TipoLancamento.TRANSFERENCIA else None,
        data=novo.data,
        valor=-novo.valor if novo.tipo in _OUT else novo.valor,
        categoria=novo.categoria,
        descricao=novo.descricao,
        nucleo_id=novo.nucleo_id,
        chave_idempotencia=novo.chave_idempotencia,
        registrado_em=agora,
        registrado_por_id=autor_id,
    )
    session.add(row)
    session.flush()
    _record(session, "lancamento.registrar", row, autor_id, agora)
    return row


def reverse_lancamento(
    lancamento_id: int, *, motivo: str, data: dt.date, autor_id: int | None, agora: dt.datetime
) -> int:
    """Write the estorno of a movement, with the opposite sign; returns its id. Conflict if it is already reversed.

    Invalid if `data` is in a closed month, in the future or before the movement. The other side of a statement's line
    is undone together with the line.
    """
    reason = one_line("motivo", motivo, longest=200)
    if reason is None:
        raise Invalid("motivo", "Informe o motivo do estorno.")
    with transaction() as session:
        refuse_closed(hold_months(session), data, "data")
        row = lock_lancamento(session, lancamento_id)
        if row.linha_id is not None:
            raise Invalid("", "Este movimento é o outro lado de um lançamento do extrato; desfaça-o lá.")
        past_date("data", data, hoje=agora.astimezone(LOCAL_ZONE).date())
        if data < row.data:
            raise Invalid("data", f"O estorno não pode ser anterior ao movimento, de {row.data:%d/%m/%Y}.")
        # Locked before the audit row: nothing may wait for a lock after that.
        given_back = lock_given_back(session, lancamento_id=row.id)
        estorno_id = reverse_within(session, row, reason, data, autor_id=autor_id, agora=agora)
        write_returned(session, given_back, lancamento_id=estorno_id)
        return estorno_id


def reverse_within(
    session: Session, row: Lancamento, motivo: str, data: dt.date, *, autor_id: int | None, agora: dt.datetime
) -> int:
    """Write the estorno of a movement that the caller has locked."""
    if row.estorna_id is not None:
        raise Invalid("", "Um estorno não se estorna; registre o movimento de novo.")
    if row.estornado:
        raise Conflict("Este movimento já foi estornado.")
    estorno = Lancamento(
        tipo=row.tipo,
        conta_id=row.conta_id,
        outra_conta_id=row.outra_conta_id,
        linha_id=row.linha_id,
        data=data,
        valor=-row.valor,
        categoria=row.categoria,
        nucleo_id=row.nucleo_id,
        estorna_id=row.id,
        motivo=motivo,
        registrado_em=agora,
        registrado_por_id=autor_id,
    )
    row.estornado = True
    session.add(estorno)
    session.flush()
    _record(session, "lancamento.estornar", estorno, autor_id, agora)
    return estorno.id


def write_other_side(
    session: Session,
    linha: LinhaExtrato,
    outra_conta_id: int,
    categoria: str,
    *,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    """Write the other side of a transfer that is in a statement, if it is a caixa, which has no statement."""
    other = account(session, outra_conta_id, "outra_conta_id", linha.data)
    if other.id == linha.conta_id:
        raise Invalid("outra_conta_id", "Escolha a outra conta: de onde o dinheiro veio, ou para onde foi.")
    if other.tipo is not TipoConta.CAIXA:
        return
    row = Lancamento(
        tipo=TipoLancamento.TRANSFERENCIA,
        conta_id=other.id,
        outra_conta_id=linha.conta_id,
        linha_id=linha.id,
        data=linha.data,
        valor=-linha.valor,
        categoria=categoria,
        registrado_em=agora,
        registrado_por_id=autor_id,
    )
    session.add(row)
    session.flush()
    _record(session, "lancamento.registrar", row, autor_id, agora)


def undo_other_side(session: Session, linha: LinhaExtrato, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Reverse what `write_other_side` wrote, on the same day; the line's month is known to be open."""
    wanted = select(Lancamento).where(
        Lancamento.linha_id == linha.id, Lancamento.estorna_id.is_(None), Lancamento.estornado.is_(False)
    )
    for row in session.scalars(wanted.with_for_update()).all():
        reverse_within(
            session, row, f"conciliação do lançamento nº {linha.id} desfeita", row.data, autor_id=autor_id, agora=agora
        )


def attach_to_lancamento(lancamento_id: int, arquivo: Arquivo, *, autor_id: int | None, agora: dt.datetime) -> int:
    """Attach one more file to a movement; returns its id. Allowed in closed months, since a file changes no sum."""
    with transaction() as session:
        row = lock_lancamento(session, lancamento_id)
        return attach_file(session, arquivo, lancamento_id=row.id, autor_id=autor_id, agora=agora)


def attach_to_line(linha_id: int, arquivo: Arquivo, *, autor_id: int | None, agora: dt.datetime) -> int:
    """Attach one more file to a line of a statement; returns its id."""
    with transaction() as session:
        found = None
        if 0 < linha_id <= MAX_BIG_ID:
            found = session.scalars(
                select(LinhaExtrato.id).where(LinhaExtrato.id == linha_id).with_for_update()
            ).one_or_none()
        if found is None:
            raise NotFound("Lançamento não encontrado.")
        return attach_file(session, arquivo, linha_id=linha_id, autor_id=autor_id, agora=agora)


def lock_lancamento(session: Session, lancamento_id: int) -> Lancamento:
    found = None
    if 0 < lancamento_id <= MAX_BIG_ID:
        wanted = select(Lancamento).where(Lancamento.id == lancamento_id).with_for_update()
        found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("Movimento não encontrado.")
    return found


def find_by_key(session: Session, chave: str) -> int | None:
    """The movement that the form with this key has written; None if there is none."""
    return registered(session, chave[:64] or None)


def registered(session: Session, chave: str | None) -> int | None:
    """The movement that was written with this key; None for no key."""
    if chave is None:
        return None
    return session.scalars(select(Lancamento.id).where(Lancamento.chave_idempotencia == chave)).one_or_none()


def checked(novo: NovoLancamento, hoje: dt.date) -> NovoLancamento:
    """`novo` with its texts tidied; Invalid names the field that cannot be."""
    if novo.valor <= 0:
        raise Invalid("valor", "O valor precisa ser maior que zero.")
    if novo.valor > MAX_CENTAVOS:
        raise Invalid("valor", f"O valor é maior que o máximo, {format_brl(MAX_CENTAVOS)}; confira os zeros.")
    past_date("data", novo.data, hoje=hoje)
    categoria = one_line("categoria", novo.categoria, longest=80)
    if categoria is None:
        raise Invalid("categoria", "Escreva o que foi, por exemplo aluguel, café ou doação.")
    if novo.chave_idempotencia is not None and not _KEY.fullmatch(novo.chave_idempotencia):
        raise Invalid("", "Este formulário não está inteiro; abra um novo.")
    if novo.nucleo_id is not None and not 0 < novo.nucleo_id <= MAX_ID:
        raise Invalid("nucleo_id", "Escolha um núcleo da lista.")
    values = {name: getattr(novo, name) for name in NovoLancamento.__slots__}
    values |= {"categoria": categoria, "descricao": one_line("descricao", novo.descricao, longest=200)}
    return NovoLancamento(**values)


def _record(session: Session, acao: str, row: Lancamento, autor_id: int | None, agora: dt.datetime) -> None:
    names = ("tipo", "conta_id", "outra_conta_id", "linha_id", "data", "valor", "categoria", "descricao")
    audit.record(
        session,
        acao=acao,
        tabela="lancamento",
        registro_id=row.id,
        depois={name: getattr(row, name) for name in (*names, "nucleo_id", "estorna_id", "motivo")},
        usuario_id=autor_id,
        agora=agora,
    )
