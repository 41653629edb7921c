"""Importing past payments: finding whose each is and whether it is registered already, and writing the new ones.

A registered payment is recognised by a key made of the row's content, so importing the same file again changes nothing.
A payment that is only similar to a registered one, or to another row, is a question.
"""

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.cotas.services import FIRST_YEAR
from controles.db import db, serialise
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import DomainError, Invalid
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line, past_date
from controles.domain.money import format_brl
from controles.domain.text import search_form
from controles.fechamento.closed_months import closed_words, hold_months, is_closed, last_closed
from controles.importing.checking import Acao, CheckedRow, Fault
from controles.importing.columns import Columns
from controles.importing.dates import shown
from controles.importing.models import ImportacaoLinha
from controles.importing.money_rows import Examined, MoneyRow, Outcome, examine, refused, settled
from controles.importing.payers import ANOTHER, JOINED, LEAVE, Doubt, Payer, new_budget, payers_among
from controles.importing.services import Escrita, Hints, Listener, Resumo
from controles.importing.undoing import Undone
from controles.pagamentos.many import Entrada, keep_others_out, register_many
from controles.pagamentos.models import E2EID, Metodo, Pagamento
from controles.pagamentos.services import LONGEST_TEXT, NovoPagamento, reverse_within
from controles.services.transaction import transaction

_PAID = re.compile(r"^(pag[oa]|quitad|ok\b|confirmad|recebid|baixad|compensad|liquidad|conclu|efetiv|aprovad|sim\b)")
_SAME = (LEAVE, "É o mesmo: não gravar")
_REOPEN = "Reabra o mês em “Fechamento” para gravá-la, ou tire-a do arquivo."
Key = tuple[int | None, dt.date, int]


def review_pagamentos(path: Path, *, hoje: dt.date, listener: Listener, hints: Hints) -> Resumo:
    """What an import of `path` would write. Raises Invalid if the file as a whole cannot be read."""
    found = _examine(db.session, path, hoje, listener, hints)
    db.session.rollback()
    return found.resumo(gravado=False)


def import_pagamentos(
    path: Path,
    *,
    valid_only: bool,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
    listener: Listener,
    hints: Hints,
) -> Resumo:
    """Write the new payments of `path` in one transaction; none if there are faults, unless `valid_only`."""
    with transaction() as session:
        begin_money(session)
        found = _examine(session, path, hoje, listener, hints)
        if not found.wanted or (found.refused and not valid_only):
            return found.resumo(gravado=False)
        write_payments(session, found.wanted, listener, autor_id=autor_id, agora=agora, hoje=hoje)
        resumo = found.resumo(gravado=True)
        record_import(session, "pagamentos.importar", path, resumo, autor_id=autor_id, agora=agora)
        listener.finished(session, resumo)
    return resumo


def begin_money(session: Session) -> None:
    """Lock the months, and keep other writers of payments and cotas out."""
    hold_months(session)
    serialise(session.connection(), "importacao.dinheiro")
    keep_others_out(session)


def write_payments(
    session: Session,
    wanted: Sequence[tuple[int, Entrada]],
    listener: Listener,
    *,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> None:
    numbers = iter([number for number, _ in wanted])
    entradas = [entrada for _, entrada in wanted]
    for ids in register_many(session, entradas, autor_id=autor_id, agora=agora, hoje=hoje):
        listener.written(session, [Escrita(next(numbers), pagamento_id) for pagamento_id in ids])


def record_import(
    session: Session, acao: str, path: Path, resumo: Resumo, *, autor_id: int | None, agora: dt.datetime
) -> None:
    audit.record(
        session,
        acao=acao,
        depois={
            "arquivo": path.name,
            "novos": resumo.novos,
            "iguais": resumo.iguais,
            "erros": resumo.erros,
            "conflitos": resumo.conflitos,
        },
        usuario_id=autor_id,
        agora=agora,
    )


def undo_pagamentos(
    session: Session, rows: Sequence[ImportacaoLinha], motivo: str, autor_id: int | None, agora: dt.datetime
) -> Undone:
    """Reverse what was written, each payment on its own day, so that no month shows money that never came; in a closed
    month, today. A later import may write the same payment again."""
    begin_money(session)
    closed = last_closed(session)
    hoje = agora.astimezone(LOCAL_ZONE).date()
    kept: dict[int, str] = {}
    for row in rows:
        original = session.get(Pagamento, row.registro_id)
        if original is None or original.estornado:
            kept[row.numero] = "o pagamento já foi estornado"
            continue
        day = hoje if is_closed(closed, original.data_credito) else original.data_credito
        try:
            reverse_within(
                session, Escopo(), original.id, motivo=motivo[:LONGEST_TEXT], data=day, autor_id=autor_id, agora=agora
            )
        except DomainError as error:
            kept[row.numero] = error.message
        else:
            original.chave_idempotencia = None
    session.flush()
    return Undone(kept)


def _examine(session: Session, path: Path, hoje: dt.date, listener: Listener, hints: Hints) -> Examined[Entrada]:
    return examine(path, listener, hints, _Checker(session, hoje).check)


@dataclass(slots=True)
class _There:
    """The registered payments that some rows may be the same as."""

    keys: set[str]
    alike: dict[Key, int]
    e2eids: dict[str, tuple[int, Key]]


class _Checker:
    """Checks the rows of one file in order, and remembers them, to ask about duplicates."""

    def __init__(self, session: Session, hoje: dt.date) -> None:
        self._session = session
        self._hoje = hoje
        self._closed = last_closed(session)
        self._budget = new_budget()
        self._earlier: dict[Key, int] = {}
        self._taken: Counter[Key] = Counter()
        self._e2eids: dict[str, int] = {}

    def check(self, columns: Columns, rows: Sequence[MoneyRow]) -> list[Outcome[Entrada]]:
        payers = payers_among(self._session, [row.said for row in rows], self._budget)
        owners: dict[int, Payer | Doubt | None] = {}
        for row in rows:
            try:
                owners[row.record.number] = payers.find(row.said, nobodys=True)
            except Doubt as doubt:
                owners[row.record.number] = doubt
        there = self._there(rows, owners)
        return [self._check(columns, row, owners[row.record.number], there) for row in rows]

    def _check(self, columns: Columns, row: MoneyRow, owner: Payer | Doubt | None, there: _There) -> Outcome[Entrada]:
        early = settled(row)
        if early is not None:
            return early, None
        # A list of what is owed has rows without day and amount: nothing was paid there.
        unpaid = not row.faults and not {"data", "valor"} & set(row.values)
        if LEAVE in row.said.parts or unpaid:
            return CheckedRow(row.record, Acao.PULADO, de=_words(row, None)), None
        self._check_values(row)
        if not {"matricula", "cpf", "nome"} & {*row.values, *row.faults}:
            row.faults["nome"] = "A linha não diz de quem é: informe o nome, a matrícula ou o CPF."
        if row.faults:
            return refused(row, columns), None
        if isinstance(owner, Doubt):
            return self._conflict(columns, row, owner.field, owner.message, owner.options), None
        return self._known_owner(columns, row, owner, there)

    def _known_owner(self, columns: Columns, row: MoneyRow, owner: Payer | None, there: _There) -> Outcome[Entrada]:
        values, number = row.values, row.record.number
        key: Key = (owner.id if owner else None, values["data"], values["valor"])
        e2eid = values.get("e2eid")
        if e2eid is not None:
            known = there.e2eids.get(e2eid)
            first = self._e2eids.setdefault(e2eid, number)
            if known is not None and known[1] == key:
                return CheckedRow(row.record, Acao.IGUAL), None
            if known is not None or first != number:
                row.faults["e2eid"] = (
                    f"Este PIX já foi registrado: é o pagamento nº {known[0]}."
                    if known is not None
                    else f"Este identificador já está na linha {first}; deixe só uma das duas."
                )
                return refused(row, columns), None
        idempotency = _key(key, e2eid, self._taken[key])
        first, again = self._earlier.setdefault(key, number), self._taken[key]
        if idempotency in there.keys:
            self._taken[key] += 1
            return CheckedRow(row.record, Acao.IGUAL), None
        if ANOTHER not in row.said.parts and e2eid is None:
            like = None
            if again or first != number:
                like = f"A linha {first} diz a mesma pessoa, o mesmo dia e o mesmo valor."
            elif key in there.alike:
                like = f"Já há um pagamento desta pessoa, do mesmo dia e valor: o nº {there.alike[key]}."
            if like is not None:
                # The answer about the person is kept as well.
                chosen = JOINED.join((*row.said.parts, ANOTHER))
                answers = ((chosen, "É outro pagamento: gravar"), _SAME)
                return self._conflict(columns, row, "valor", like, answers, owner), None
        self._taken[key] += 1
        novo = NovoPagamento(
            militante_id=key[0],
            data_credito=key[1],
            valor=key[2],
            metodo=values.get("metodo", Metodo.OUTRO),
            chave_idempotencia=idempotency,
            e2eid=e2eid,
            observacao=values.get("observacao"),
        )
        checked = CheckedRow(row.record, Acao.NOVO, de=_words(row, owner))
        return checked, Entrada(novo, values.get("competencia"))

    def _check_values(self, row: MoneyRow) -> None:
        values, faults = row.values, row.faults
        for name, what in (("data", "a data do pagamento, dd/mm/aaaa"), ("valor", "o valor")):
            if name not in values:
                faults.setdefault(name, f"Informe {what}.")
        try:
            if "data" in values:
                past_date("data", values["data"], hoje=self._hoje)
                if values["data"].year < FIRST_YEAR:
                    faults.setdefault("data", f"A data {values['data']:%d/%m/%Y} é antiga demais; confira o ano.")
                if is_closed(self._closed, values["data"]):
                    faults.setdefault("data", f"{closed_words(values['data'])} {_REOPEN}")
            if values.get("observacao"):
                values["observacao"] = one_line("observacao", values["observacao"][:LONGEST_TEXT], longest=LONGEST_TEXT)
        except Invalid as error:
            faults.setdefault(error.field, error.message)
        said = values.get("situacao")
        if said is not None and not _PAID.search(search_form(said)):
            faults.setdefault(
                "situacao", f"{shown(said)} não diz que foi pago, e só o que foi pago entra; tire a linha ou corrija-a."
            )
        e2eid = values.get("e2eid")
        if e2eid is not None and not E2EID.fullmatch(e2eid):
            # A number that the bank or the author of the sheet gave to the row: not a PIX identifier.
            del values["e2eid"]

    @staticmethod
    def _conflict(
        columns: Columns,
        row: MoneyRow,
        name: str,
        message: str,
        options: tuple[tuple[str, str], ...],
        owner: Payer | None = None,
    ) -> CheckedRow:
        about = _words(row, owner)
        fault = Fault(columns.name(name), f"{message} ({about})")
        return CheckedRow(row.record, Acao.CONFLITO, faults=(fault,), de=about, opcoes=options)

    def _there(self, rows: Sequence[MoneyRow], owners: Mapping[int, Payer | Doubt | None]) -> _There:
        known = [owner for owner in owners.values() if not isinstance(owner, Doubt)]
        people = {owner.id for owner in known if owner is not None}
        days = {row.values["data"] for row in rows if "data" in row.values}
        e2eids = [row.values["e2eid"] for row in rows if "e2eid" in row.values]
        there = _There(set(), {}, {})
        whose: ColumnElement[bool] = Pagamento.militante_id.in_(people)
        if any(owner is None for owner in known):
            whose = or_(whose, Pagamento.militante_id.is_(None))
        columns = (
            Pagamento.id,
            Pagamento.militante_id,
            Pagamento.data_credito,
            Pagamento.valor,
            Pagamento.chave_idempotencia,
            Pagamento.e2eid,
        )
        stands = (Pagamento.estorna_id.is_(None), Pagamento.estornado.is_(False))
        by_day = select(*columns).where(Pagamento.data_credito.in_(days), whose, *stands)
        for pagamento_id, militante_id, day, valor, chave, _ in self._session.execute(by_day):
            there.alike[(militante_id, day, valor)] = pagamento_id
            if chave is not None:
                there.keys.add(chave)
        if e2eids:
            by_e2eid = select(*columns).where(Pagamento.e2eid.in_(e2eids), *stands)
            for pagamento_id, militante_id, day, valor, _, e2eid in self._session.execute(by_e2eid):
                there.e2eids[e2eid or ""] = (pagamento_id, (militante_id, day, valor))
        return there


def _key(key: Key, e2eid: str | None, nth: int) -> str:
    """A key that is the same for the same payment in another file, whatever its row; a second similar payment has its
    own."""
    text = f"{key[0]}|{key[1].isoformat()}|{key[2]}|{e2eid or ''}|{nth}"
    return f"imp-{hashlib.sha256(text.encode()).hexdigest()[:60]}"


def _words(row: MoneyRow, owner: Payer | None) -> str:
    """A row in words, for the page."""
    values = row.values
    who = owner.shown if owner is not None else values.get("nome") or values.get("matricula") or "sem identificação"
    parts = [str(who)]
    if "data" in values:
        parts.append(f"{values['data']:%d/%m/%Y}")
    if "valor" in values:
        parts.append(format_brl(values["valor"]))
    if "competencia" in values:
        parts.append(f"de {values['competencia']:%m/%Y}")
    return " · ".join(parts)
