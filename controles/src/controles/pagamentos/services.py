"""Writes to pagamentos: register one, reverse one."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.withheld import Withheld, on_record, refuse_past_the_limit
from controles.caixa.cash_accounts import account_of_payment
from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.db import db
from controles.domain import cpf
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line, past_date
from controles.domain.money import MAX_CENTAVOS, format_brl
from controles.fechamento.closed_months import hold_months, hold_months_unread, refuse_closed
from controles.militantes.scope import owner_in_scope
from controles.pagamentos.allocation import allocate, as_open, plan_allocation
from controles.pagamentos.known import WrittenByKey, look_up, written_by_key
from controles.pagamentos.locks import lock_cotas, lock_militante, lock_open_cotas, lock_pagamento
from controles.pagamentos.models import E2EID, Alocacao, Metodo, Pagamento
from controles.pagamentos.records import ParteAlocada
from controles.pagamentos.refunds import returned_of
from controles.recibos.cancelling import cancel_of_payment
from controles.services.transaction import transaction

__all__ = [
    "NovoPagamento",
    "audited",
    "plan_allocation",
    "register_pagamento",
    "register_within",
    "reverse_pagamento",
    "reverse_within",
]

_WITHHELD = "pagamento.conferir"
# The key of a form, or one that an import derives from what it read.
_KEY = re.compile(r"[!-~]{1,64}")
LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NovoPagamento:
    """`cota_ids` None: the oldest open cotas first; (): none, everything is credit; otherwise exactly these."""

    militante_id: int | None
    data_credito: dt.date
    valor: int
    metodo: Metodo
    chave_idempotencia: str | None = None
    e2eid: str | None = None
    observacao: str | None = None
    cota_ids: tuple[int, ...] | None = None
    # The caixa that cash went into; None: the first one in use.
    conta_id: int | None = None
    # Who paid, if it was not the militante; the CPF as it was typed.
    pagador_nome: str | None = None
    pagador_cpf: str | None = None
    # The same in payments that were one movement of money.
    grupo: str | None = None
    # Whether to ask before a second payment with the same militante, day and amount is written, since somebody may have
    # typed the same one twice. False once the user has said that it is another one.
    ask_if_alike: bool = False


class KeyUsed(Conflict):
    """The form's key was used for another payment: a form that is continued needs a new key."""


class Alike(Conflict):
    """There is a payment with the same militante, day and amount: is this another one? `pagamento_id` is the first
    one."""

    def __init__(self, pagamento_id: int) -> None:
        super().__init__(
            f"Já há um pagamento deste militante, com a mesma data e o mesmo valor: o nº {pagamento_id}. "
            "Se este é outro, confirme; se é o mesmo, não o registre de novo."
        )
        self.pagamento_id = pagamento_id


def register_pagamento(
    escopo: Escopo, novo: NovoPagamento, *, autor_id: int | None, agora: dt.datetime, hoje: dt.date
) -> int:
    """Write a payment and its allocations; returns its id.

    With a `chave_idempotencia` that was used before, it returns the first id and writes nothing; if militante, date,
    valor or método differ, it raises Conflict, because it is not the same payment. Conflict also if a requested cota
    was paid or waived meanwhile, or if the payment with this key was reversed; Alike if `ask_if_alike` is set and there
    is a similar one. Invalid names the field, `data_credito` if its month is closed; NotFound is about the militante.
    """
    novo = _checked(escopo, novo, hoje)
    try:
        with on_record(autor_id=autor_id, agora=agora), transaction() as session:
            return _register(session, escopo, novo, autor_id=autor_id, agora=agora, hoje=hoje)
    except IntegrityError:
        # Sent twice at one moment: the second waited for the first, failed, and finds it now.
        already = _registered(written_by_key(db.session, novo.chave_idempotencia), novo)
        if already is not None:
            return already
        with on_record(autor_id=autor_id, agora=agora):
            _refuse_known_e2eid(db.session, escopo, novo)
        raise


def register_within(
    session: Session,
    escopo: Escopo,
    novo: NovoPagamento,
    *,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> int:
    """`register_pagamento` as a part of the caller's transaction, for payments that must be written together.

    IntegrityError if the same PIX is being registered at this moment.
    """
    return _register(session, escopo, _checked(escopo, novo, hoje), autor_id=autor_id, agora=agora, hoje=hoje)


def check_pagamento(escopo: Escopo, novo: NovoPagamento, *, hoje: dt.date) -> None:
    """Refuse what `register_pagamento` would refuse now, without writing; it does not ask about a similar payment."""
    novo = _checked(escopo, novo, hoje)
    session = db.session
    known = look_up(session, novo)
    already = _registered(known.by_key, novo)
    if already is not None:
        raise KeyUsed(f"Este formulário já registrou o pagamento nº {already}. Para registrar outro, salve de novo.")
    refuse_closed(known.closed, novo.data_credito, "data_credito")
    # What another núcleo registered is found, and put on record, when it is saved.
    with suppress(Withheld):
        _refuse_known_e2eid(session, escopo, novo)
    if novo.militante_id is not None and novo.cota_ids:
        still_open = session.scalars(
            select(Cota.id).where(Cota.id.in_(novo.cota_ids), Cota.militante_id == novo.militante_id, is_open())
        ).all()
        if len(still_open) != len(set(novo.cota_ids)):
            raise Conflict("Uma das cotas marcadas foi paga ou dispensada neste meio-tempo; confira as marcadas.")


def reverse_pagamento(
    escopo: Escopo,
    pagamento_id: int,
    *,
    motivo: str,
    data: dt.date,
    autor_id: int | None,
    agora: dt.datetime,
) -> int:
    """Write the estorno of a payment: the same valor, and its allocations reversed. Returns the estorno's id.

    The original is not changed. Conflict if it is already reversed; an estorno itself cannot be reversed.
    """
    with transaction() as session:
        return reverse_within(session, escopo, pagamento_id, motivo=motivo, data=data, autor_id=autor_id, agora=agora)


def reverse_within(
    session: Session,
    escopo: Escopo,
    pagamento_id: int,
    *,
    motivo: str,
    data: dt.date,
    autor_id: int | None,
    agora: dt.datetime,
) -> int:
    """`reverse_pagamento` as a part of the caller's transaction."""
    reason = one_line("motivo", motivo, longest=LONGEST_TEXT)
    if reason is None:
        raise Invalid("motivo", "Informe o motivo do estorno.")
    # Only the day of the estorno has to be open: this is how a payment in a closed month is corrected.
    refuse_closed(hold_months(session), data, "data")
    original = lock_pagamento(session, escopo, pagamento_id)
    _check_reversible(session, original, data, hoje=agora.astimezone(LOCAL_ZONE).date())
    return _reverse(session, original, reason, data, autor_id=autor_id, agora=agora)


def _register(
    session: Session,
    escopo: Escopo,
    novo: NovoPagamento,
    *,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> int:
    cotas: dict[int, Cota] = {}
    hold_months_unread(session)
    if novo.militante_id is not None:
        lock_militante(session, escopo, novo.militante_id)
    # Once both locks are had: what was read before them may be of an earlier moment.
    known = look_up(session, novo)
    already = _registered(known.by_key, novo)
    if already is not None:
        return already
    refuse_closed(known.closed, novo.data_credito, "data_credito")
    if novo.e2eid is not None:
        refuse_past_the_limit(session, escopo, _WITHHELD, autor_id=autor_id, agora=agora)
    _refuse_known_e2eid(session, escopo, novo)
    if novo.ask_if_alike and known.alike is not None:
        raise Alike(known.alike)
    if novo.militante_id is not None:
        cotas = lock_open_cotas(session, novo.militante_id, novo.cota_ids)
    partes = plan_allocation(tuple(as_open(cota, hoje) for cota in cotas.values()), novo.valor)
    pagamento = Pagamento(
        conta_id=account_of_payment(session, novo.conta_id, novo.metodo, novo.data_credito),
        militante_id=novo.militante_id,
        data_credito=novo.data_credito,
        valor=novo.valor,
        metodo=novo.metodo,
        e2eid=novo.e2eid,
        chave_idempotencia=novo.chave_idempotencia,
        observacao=novo.observacao,
        pagador_nome=novo.pagador_nome,
        pagador_cpf=cpf.vault().encrypt(novo.pagador_cpf) if novo.pagador_cpf else None,
        grupo=novo.grupo,
        registrado_em=agora,
        registrado_por_id=autor_id,
    )
    session.add(pagamento)
    session.flush()
    allocate(session, pagamento.id, partes, cotas, is_new=True)
    _record(session, "pagamento.registrar", pagamento, partes, autor_id=autor_id, agora=agora)
    return pagamento.id


def _reverse(
    session: Session, original: Pagamento, motivo: str, data: dt.date, *, autor_id: int | None, agora: dt.datetime
) -> int:
    allocated = session.scalars(select(Alocacao).where(Alocacao.pagamento_id == original.id)).all()
    cotas = lock_cotas(session, [part.cota_id for part in allocated])
    partes = tuple(
        ParteAlocada(cota_id=part.cota_id, competencia=cotas[part.cota_id].competencia, centavos=-part.centavos)
        for part in allocated
    )
    estorno = Pagamento(
        conta_id=original.conta_id,
        militante_id=original.militante_id,
        data_credito=data,
        valor=original.valor,
        metodo=original.metodo,
        estorna_id=original.id,
        motivo=motivo,
        registrado_em=agora,
        registrado_por_id=autor_id,
    )
    session.add(estorno)
    original.estornado = True
    session.flush()
    why = f"Pagamento estornado: {motivo}"[:LONGEST_TEXT]
    cancel_of_payment(session, original.id, motivo=why, autor_id=autor_id, agora=agora)
    allocate(session, estorno.id, partes, cotas, is_new=True)
    _record(session, "pagamento.estornar", estorno, partes, autor_id=autor_id, agora=agora)
    return estorno.id


def _checked(escopo: Escopo, novo: NovoPagamento, hoje: dt.date) -> NovoPagamento:
    if novo.valor <= 0:
        raise Invalid("valor", "O valor precisa ser maior que zero.")
    if novo.valor > MAX_CENTAVOS:
        raise Invalid("valor", f"O valor é maior que o máximo, {format_brl(MAX_CENTAVOS)}; confira os zeros.")
    past_date("data_credito", novo.data_credito, hoje=hoje)
    if novo.militante_id is None and novo.cota_ids:
        raise Invalid("cota_ids", "Um pagamento sem militante não quita cotas; identifique o militante primeiro.")
    if novo.militante_id is None and escopo.nucleo_id is not None:
        raise Invalid(
            "militante_id", "Escolha o militante: só a tesouraria geral registra pagamentos sem identificação."
        )
    if novo.chave_idempotencia is not None and not _KEY.fullmatch(novo.chave_idempotencia):
        raise Invalid("chave_idempotencia", "Este formulário não está inteiro; abra um novo.")
    e2eid = one_line("e2eid", novo.e2eid, longest=32)
    if e2eid is not None and not E2EID.fullmatch(e2eid):
        raise Invalid("e2eid", "O identificador do PIX tem 32 letras e números e começa com E; copie-o do comprovante.")
    if novo.pagador_cpf:
        try:
            cpf.normalise(novo.pagador_cpf)
        except ValueError as error:
            raise Invalid("pagador_cpf", str(error)) from None
    pagador = one_line("pagador_nome", novo.pagador_nome, longest=160)
    if novo.pagador_cpf and pagador is None:
        raise Invalid("pagador_nome", "Escreva também o nome de quem pagou.")
    observacao = one_line("observacao", novo.observacao, longest=LONGEST_TEXT)
    return replace(novo, e2eid=e2eid, observacao=observacao, pagador_nome=pagador, pagador_cpf=novo.pagador_cpf or None)


def _registered(written: WrittenByKey | None, novo: NovoPagamento) -> int | None:
    """The payment that was registered with this key before; KeyUsed if it is not this one."""
    if written is None:
        return None
    pagamento_id = written.pagamento_id
    if written.estornado:
        raise KeyUsed(
            f"Este formulário já registrou o pagamento nº {pagamento_id}, que foi estornado depois. "
            "Para registrar outro, confira os dados e salve de novo."
        )
    if written.content != (novo.militante_id, novo.data_credito, novo.valor, novo.metodo):
        raise KeyUsed(
            f"Este formulário já registrou o pagamento nº {pagamento_id}, com outros dados. "
            "Para registrar mais um, confira os dados e salve de novo."
        )
    return pagamento_id


def _refuse_known_e2eid(session: Session, escopo: Escopo, novo: NovoPagamento) -> None:
    """Raise Invalid, with the number of the payment that has it; Withheld if another núcleo registered it."""
    if novo.e2eid is None:
        return
    same = select(Pagamento.id).where(Pagamento.e2eid == novo.e2eid, Pagamento.estornado.is_(False))
    known = session.scalars(same).one_or_none()
    if known is None:
        return
    if session.scalars(same.where(owner_in_scope(escopo, Pagamento.militante_id))).one_or_none() is None:
        about = {"nucleo_id": escopo.nucleo_id, "militante_id": novo.militante_id, "pagamento_id": known}
        raise Withheld(_WITHHELD, about)
    raise Invalid("e2eid", f"Este PIX já foi registrado: é o pagamento nº {known}.")


def _check_reversible(session: Session, original: Pagamento, data: dt.date, *, hoje: dt.date) -> None:
    if original.estorna_id is not None:
        raise Invalid("", "Um estorno não se estorna; se o dinheiro ficou, registre o pagamento de novo.")
    estorno = session.scalars(select(Pagamento.id).where(Pagamento.estorna_id == original.id)).one_or_none()
    if estorno is not None:
        raise Conflict(f"Este pagamento já foi estornado: é o lançamento nº {estorno}.")
    if returned_of(session, original.id):
        raise Conflict("Parte deste pagamento foi devolvida; estorne a devolução antes, em Despesas e transferências.")
    past_date("data", data, hoje=hoje)
    if data < original.data_credito:
        raise Invalid("data", f"O estorno não pode ser anterior ao pagamento, de {original.data_credito:%d/%m/%Y}.")


_AUDITED = ("militante_id", "data_credito", "valor", "metodo", "e2eid", "estorna_id", "motivo", "observacao")


_RECORDED = ("conta_id", "pagador_nome", "pagador_cpf", "grupo", *_AUDITED)


def audited(values: Mapping[str, object], partes: Iterable[ParteAlocada]) -> dict[str, object]:
    """What the audit keeps of a payment and of what it pays."""
    conta_id = values["conta_id"]
    return {
        **{name: values[name] for name in _AUDITED},
        **({} if conta_id is None else {"conta_id": conta_id}),
        **_payer(values),
        "cotas": [
            {"id": parte.cota_id, "competencia": parte.competencia, "centavos": parte.centavos} for parte in partes
        ],
    }


def _payer(values: Mapping[str, object]) -> dict[str, object]:
    """Who paid and what was paid together, if anything is known about that; the CPF masked."""
    number = values.get("pagador_cpf")
    known = {
        "pagador_nome": values.get("pagador_nome"),
        "pagador_cpf": cpf.mask(cpf.vault().decrypt(number)) if isinstance(number, bytes) else None,
        "grupo": values.get("grupo"),
    }
    return {name: value for name, value in known.items() if value is not None}


def _record(
    session: Session,
    acao: str,
    pagamento: Pagamento,
    partes: Iterable[ParteAlocada],
    *,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    audit.record(
        session,
        acao=acao,
        tabela="pagamento",
        registro_id=pagamento.id,
        depois=audited({name: getattr(pagamento, name) for name in _RECORDED}, partes),
        usuario_id=autor_id,
        agora=agora,
    )
