"""Importing opening balances: what each person owed, or had paid in advance, when the accounts in Controles began.

A debt becomes one cota of the month before, whichever months it comes from. An advance becomes a payment of the day
before, all of it credit. So neither is in a month that Controles accounts for, and no monthly account changes.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import exists, insert, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.audit import Change
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.domain_errors import Invalid
from controles.domain.money import format_brl
from controles.domain.periods import add_months
from controles.fechamento.closed_months import closed_words, is_closed, last_closed
from controles.importing.checking import Acao, CheckedRow, Fault
from controles.importing.columns import Columns
from controles.importing.models import ImportacaoLinha
from controles.importing.money_rows import Examined, MoneyRow, Outcome, examine, refused, settled
from controles.importing.payers import LEAVE, Doubt, Payer, new_budget, payers_among
from controles.importing.payments import begin_money, record_import, undo_pagamentos, write_payments
from controles.importing.services import Escrita, Hints, Listener, Resumo
from controles.importing.undoing import Undone
from controles.organizacao.models import Organizacao
from controles.pagamentos.many import Entrada
from controles.pagamentos.models import Alocacao, Metodo, Pagamento
from controles.pagamentos.services import NovoPagamento
from controles.services.transaction import transaction

NOT_BEGUN = (
    "Diga antes, em “Organização”, em que mês a contabilidade começa: o que se devia até ali vira um saldo só, do mês "
    "anterior."
)
_NOTE = "Saldo de antes do começo da contabilidade"
_AT_ONCE = 500
# The militante's id, and centavos: a debt is negative.
Saldo = tuple[int, int]


def review_saldos(path: Path, *, hoje: dt.date, listener: Listener, hints: Hints) -> Resumo:  # noqa: ARG001 - as every kind
    """What an import of `path` would write. Raises Invalid if the file cannot be read, or if no first month is set."""
    found = _examine(db.session, path, listener, hints)
    db.session.rollback()
    return found.resumo(gravado=False)


def import_saldos(
    path: Path,
    *,
    valid_only: bool,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
    listener: Listener,
    hints: Hints,
) -> Resumo:
    """Write the new balances of `path` in one transaction; none if there are faults, unless `valid_only`."""
    with transaction() as session:
        begin_money(session)
        before = _month_before(session)
        found = _examine(session, path, listener, hints)
        if not found.wanted or (found.refused and not valid_only):
            return found.resumo(gravado=False)
        owed = [(number, saldo) for number, saldo in found.wanted if saldo[1] < 0]
        for start in range(0, len(owed), _AT_ONCE):
            _write_owed(session, owed[start : start + _AT_ONCE], before, listener, autor_id=autor_id, agora=agora)
        ahead = [
            (number, _ahead(militante_id, centavos, before))
            for number, (militante_id, centavos) in found.wanted
            if centavos > 0
        ]
        write_payments(session, ahead, listener, autor_id=autor_id, agora=agora, hoje=hoje)
        resumo = found.resumo(gravado=True)
        record_import(session, "saldos.importar", path, resumo, autor_id=autor_id, agora=agora)
        listener.finished(session, resumo)
    return resumo


def undo_saldos(
    session: Session, rows: Sequence[ImportacaoLinha], motivo: str, autor_id: int | None, agora: dt.datetime
) -> Undone:
    """Delete the cotas that nobody has paid anything of, and reverse the credits."""
    begin_money(session)
    owed = [row for row in rows if (row.antes or {}).get("tabela") == "cota"]
    kept: dict[int, str] = {}
    changes: list[Change] = []
    for row in owed:
        cota = session.get(Cota, row.registro_id)
        if cota is None:
            kept[row.numero] = "a cota não existe mais"
            continue
        used = session.scalar(select(exists().where(Alocacao.cota_id == cota.id)))
        if used or cota.dispensada_em is not None:
            kept[row.numero] = "a cota já teve um pagamento" if used else "a cota foi dispensada"
            continue
        changes.append(
            Change(
                acao="cota.remover",
                tabela="cota",
                registro_id=cota.id,
                antes={"militante_id": cota.militante_id, "competencia": cota.competencia, "valor": cota.valor},
                depois={"motivo": motivo},
            )
        )
        session.delete(cota)
    session.flush()
    if changes:
        audit.record_many(session, changes, usuario_id=autor_id, agora=agora)
    ahead = undo_pagamentos(session, [row for row in rows if row not in owed], motivo, autor_id, agora)
    return Undone({**kept, **ahead.kept})


def _examine(session: Session, path: Path, listener: Listener, hints: Hints) -> Examined[Saldo]:
    return examine(path, listener, hints, _Checker(session, _month_before(session)).check)


def _month_before(session: Session) -> dt.date:
    begins = session.scalars(select(Organizacao.inicio)).one_or_none()
    if begins is None:
        raise Invalid("", NOT_BEGUN)
    before = add_months(begins, -1)
    if is_closed(last_closed(session), before):
        raise Invalid("", f"{closed_words(before)} Reabra-o em “Fechamento” para importar saldos de abertura.")
    return before


class _Checker:
    """Checks the rows of one file in order; each person has one balance."""

    def __init__(self, session: Session, before: dt.date) -> None:
        self._session = session
        self._before = before
        self._budget = new_budget()
        self._rows: dict[int, int] = {}

    def check(self, columns: Columns, rows: Sequence[MoneyRow]) -> list[Outcome[Saldo]]:
        payers = payers_among(self._session, [row.said for row in rows], self._budget)
        owners: dict[int, Payer | Doubt] = {}
        for row in rows:
            try:
                owner = payers.find(row.said, nobodys=False)
            except Doubt as doubt:
                owners[row.record.number] = doubt
            else:
                assert owner is not None
                owners[row.record.number] = owner
        known = {owner.id for owner in owners.values() if isinstance(owner, Payer)}
        there: dict[int, int] = {
            militante_id: -valor
            for militante_id, valor in self._session.execute(
                select(Cota.militante_id, Cota.valor).where(
                    Cota.militante_id.in_(known), Cota.competencia == self._before
                )
            )
        }
        keys = {_key(militante_id, self._before): militante_id for militante_id in known}
        stands = (Pagamento.chave_idempotencia.in_(keys), Pagamento.estornado.is_(False))
        for key, valor in self._session.execute(select(Pagamento.chave_idempotencia, Pagamento.valor).where(*stands)):
            there[keys[key or ""]] = valor
        return [self._check(columns, row, owners[row.record.number], there) for row in rows]

    def _check(self, columns: Columns, row: MoneyRow, owner: Payer | Doubt, there: dict[int, int]) -> Outcome[Saldo]:
        early = settled(row)
        if early is not None:
            return early, None
        saldo = _saldo_of(row)
        if LEAVE in row.said.parts or (not saldo and not row.faults):
            return CheckedRow(row.record, Acao.PULADO, de=_words(row, None, saldo)), None
        if not {"matricula", "cpf", "nome"} & {*row.values, *row.faults}:
            row.faults["nome"] = "A linha não diz de quem é: informe o nome, a matrícula ou o CPF."
        if row.faults or saldo is None:
            return refused(row, columns), None
        if isinstance(owner, Doubt):
            about = _words(row, None, saldo)
            fault = Fault(columns.name(owner.field), f"{owner.message} ({about})")
            return CheckedRow(row.record, Acao.CONFLITO, faults=(fault,), de=about, opcoes=owner.options), None
        first = self._rows.setdefault(owner.id, row.record.number)
        if first != row.record.number:
            row.faults["nome"] = f"{owner.shown} já está na linha {first}; some as duas numa só."
        elif owner.id in there and there[owner.id] != saldo:
            row.faults["nome"] = (
                f"{owner.shown} já tem em {self._before:%m/%Y} {_amount(there[owner.id])}; desfaça aquela importação "
                "ou dispense aquela cota antes, ou tire esta linha."
            )
        if row.faults:
            return refused(row, columns), None
        if owner.id in there:
            return CheckedRow(row.record, Acao.IGUAL), None
        return CheckedRow(row.record, Acao.NOVO, de=_words(row, owner, saldo)), (owner.id, saldo)


def _saldo_of(row: MoneyRow) -> int | None:
    """The credit minus the debt; None if the row has neither."""
    values = row.values
    if not {"saldo", "devido", "credito"} & set(values):
        return None
    return int(values.get("saldo", 0)) + int(values.get("credito", 0)) - int(values.get("devido", 0))


def _write_owed(
    session: Session,
    owed: Sequence[tuple[int, Saldo]],
    before: dt.date,
    listener: Listener,
    *,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    rows = [
        {
            "militante_id": militante_id,
            "competencia": before,
            "valor": -centavos,
            "vencimento": add_months(before, 1) - dt.timedelta(days=1),
            "pago": 0,
            "dispensada_em": None,
            "dispensa_motivo": None,
            "dispensa_id": None,
        }
        for _, (militante_id, centavos) in owed
    ]
    ids = list(session.scalars(insert(Cota).returning(Cota.id, sort_by_parameter_order=True), rows))
    changes = [
        Change(
            acao="saldo.registrar",
            tabela="cota",
            registro_id=cota_id,
            depois={name: row[name] for name in ("militante_id", "competencia", "valor", "vencimento")},
        )
        for cota_id, row in zip(ids, rows, strict=True)
    ]
    audit.record_many(session, changes, usuario_id=autor_id, agora=agora)
    listener.written(
        session,
        [Escrita(number, cota_id, em="cota") for (number, _), cota_id in zip(owed, ids, strict=True)],
    )


def _ahead(militante_id: int, centavos: int, before: dt.date) -> Entrada:
    """An advance, as credit."""
    return Entrada(
        NovoPagamento(
            militante_id=militante_id,
            data_credito=add_months(before, 1) - dt.timedelta(days=1),
            valor=centavos,
            metodo=Metodo.OUTRO,
            chave_idempotencia=_key(militante_id, before),
            observacao=_NOTE,
            cota_ids=(),
        )
    )


def _key(militante_id: int, before: dt.date) -> str:
    return f"sal-{hashlib.sha256(f'{militante_id}|{before.isoformat()}'.encode()).hexdigest()[:60]}"


def _amount(saldo: int) -> str:
    return f"{format_brl(-saldo)} a pagar" if saldo < 0 else f"{format_brl(saldo)} a favor"


def _words(row: MoneyRow, owner: Payer | None, saldo: int | None) -> str:
    """A row in words, for the page."""
    values = row.values
    who = owner.shown if owner is not None else values.get("nome") or values.get("matricula") or "sem nome"
    return str(who) if saldo is None else f"{who} · {_amount(saldo)}"
