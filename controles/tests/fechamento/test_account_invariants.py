"""Whatever several people do to the accounts at once, every sum stays that of its list.

Histories from fixed numbers, of everything that moves an account or undoes it. CONTROLES_AT_ONCE is how often two
people meet at one thing, 50 by default; the long form is

    CONTROLES_AT_ONCE=1000 .venv/bin/python -m pytest controles/tests/fechamento/test_account_invariants.py
"""

import datetime as dt
import os
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.banco import matching
from controles.banco.models import Destino, Formato, LinhaExtrato, TipoConta
from controles.banco.records import ExtratoLido, LinhaLida
from controles.banco.services import import_statement
from controles.caixa.models import TipoLancamento
from controles.caixa.records import NovaDevolucao, NovoLancamento
from controles.caixa.refunding import refund
from controles.caixa.services import register_lancamento, reverse_lancamento
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.domain_errors import Conflict, DomainError, Invalid
from controles.domain.escopo import Escopo
from controles.fechamento.services import close_month, reopen_month
from controles.pagamentos.credit import identify_pagamento, use_credit
from controles.pagamentos.models import Metodo, Pagamento
from controles.pagamentos.services import NovoPagamento
from controles.pagamentos.together import register_together
from controles.recebimentos.models import Fonte
from controles.recebimentos.records import Lida, NovaFolha
from controles.recebimentos.services import accept, create_recebimento
from controles.recebimentos.services import undo as undo_list

from .conftest import FEBRUARY, JANUARY, accounts_add_up

WHOLE = Escopo()
TIMES = int(os.environ.get("CONTROLES_AT_ONCE", "50"))


def times() -> int:
    """SQLite has one writer, so there is less to find."""
    return TIMES if db.engine.dialect.name == "postgresql" else TIMES // 5


DAYS = [JANUARY + dt.timedelta(days=number) for number in range(76)]


@dataclass
class World:
    """An organisation with a bank account, a caixa, and a statement; and what was done in it."""

    org: Any
    banco: int
    caixa: int
    people: tuple[int, ...]
    lines: tuple[int, ...]
    made: list[int] = field(default_factory=list)
    paid: list[int] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    @property
    def when(self) -> dict[str, Any]:
        return {"autor_id": None, "agora": self.org.clock.now}

    def act(self, randomly: random.Random) -> None:
        """Something that somebody does; refused or not, nothing may be left half done."""
        name, action = randomly.choice(self._actions(randomly))
        try:
            action()
        except DomainError:
            return
        self.done[name] = self.done.get(name, 0) + 1

    def _actions(self, randomly: random.Random) -> Sequence[tuple[str, Callable[[], object]]]:
        when, hoje = self.when, self.org.clock.today
        both: dict[str, Any] = {**when, "hoje": hoje}
        day, person, line = randomly.choice(DAYS), randomly.choice(self.people), randomly.choice(self.lines)
        valor = randomly.choice([1, 500, 700, 2000])
        payment, made = randomly.choice(self.paid or [0]), randomly.choice(self.made or [0])
        by_hand = NovoLancamento(
            tipo=randomly.choice(list(TipoLancamento)),
            conta_id=randomly.choice([self.banco, self.caixa]),
            outra_conta_id=randomly.choice([self.banco, self.caixa]),
            data=day,
            valor=valor,
            categoria=randomly.choice(["café", "aluguel"]),
            nucleo_id=randomly.choice([1, 2, None]),
        )
        common = NovoPagamento(
            militante_id=None, data_credito=day, valor=0, metodo=Metodo.PIX, grupo=f"g{randomly.random()}"
        )
        family = [(one, valor) for one in self.people]
        whose: dict[str, Any] = randomly.choice([{"militante_id": person}, {"pagamento_id": payment}])
        returned = NovaDevolucao(conta_id=self.caixa, data=day, valor=valor, **whose)
        other_kind = randomly.choice([Destino.DESPESA, Destino.OUTRO])
        return (
            ("pay", lambda: self.paid.append(self._pay(randomly, person, day))),
            ("pay", lambda: self.paid.append(self._pay(randomly, None, day))),
            ("family", lambda: self.paid.extend(register_together(WHOLE, family, common, **both))),
            ("reverse", lambda: self.org.reverse(payment)),
            ("identify", lambda: identify_pagamento(WHOLE, payment, person, cota_ids=None, **both)),
            ("credit", lambda: use_credit(WHOLE, person, cota_ids=None, **both)),
            ("refund", lambda: self.made.append(refund(returned, **both))),
            ("refund", lambda: matching.match_refund(line, militante_id=person, **when)),
            ("by hand", lambda: self.made.append(register_lancamento(by_hand, **both))),
            ("by hand reversed", lambda: reverse_lancamento(made, motivo="x", data=hoje, **when)),
            ("line of a person", lambda: matching.match_militantes(line, ((person, 700),), outro=True, **both)),
            ("line of a payment", lambda: matching.match_pagamento(line, payment, **when)),
            ("line of several", lambda: matching.match_grupo(line, self._some_group(randomly), **when)),
            ("line marked", lambda: matching.mark(line, other_kind, "tarifa", nucleo_id=1, **when)),
            (
                "line to caixa",
                lambda: matching.mark(line, Destino.TRANSFERENCIA, "x", outra_conta_id=self.caixa, **when),
            ),
            ("line undone", lambda: matching.undo(line, **both)),
            ("list", lambda: self.lists.append(self._list(randomly, day))),
            ("list accepted", lambda: accept(randomly.choice(self.lists or [0]), **both)),
            ("list undone", lambda: undo_list(randomly.choice(self.lists or [0]), motivo="x", **when)),
        )

    def _pay(self, randomly: random.Random, person: int | None, day: dt.date) -> int:
        valor = randomly.choice([700, 2000, 2600])
        metodo = randomly.choice([Metodo.PIX, Metodo.DINHEIRO])
        paid: int = self.org.pay(person, valor, data_credito=day, metodo=metodo)
        return paid

    def _list(self, randomly: random.Random, day: dt.date) -> int:
        folha = NovaFolha(empregador=randomly.choice("ab"), competencia=day.replace(day=1), data=day)
        nome = randomly.choice(["A0", "Ninguém"])
        line = Lida(numero=1, valor=700, data=day, chave=f"{randomly.random()}", nome=nome)
        return create_recebimento(
            Fonte.FOLHA, (line,), arquivo="x", folha=folha, hoje=self.org.clock.today, **self.when
        )

    def _some_group(self, randomly: random.Random) -> str:
        groups = db.session.scalars(sa.select(Pagamento.grupo).where(Pagamento.grupo.is_not(None)).distinct()).all()
        return str(randomly.choice(sorted(filter(None, groups)) or [""]))


def new_world(org: Any, *, lines: int = 12, amounts: Sequence[int] = (-900, -50, 700, 1400, 2000)) -> World:
    randomly = random.Random(20260317)
    banco, caixa = org.conta(saldo_inicial=10000), org.conta("Caixa", tipo=TipoConta.CAIXA)
    people = tuple(org.militante(f"A{number}", nucleo_id=org.nucleo(f"N{number}")) for number in range(2))
    org.cotas("2026-01", "2026-02", "2026-03")
    read = tuple(LinhaLida(randomly.choice(DAYS), randomly.choice(amounts), f"X{n}") for n in range(lines))
    extrato = ExtratoLido(Formato.CSV, None, None, read)
    import_statement((extrato,), conta_id=banco, arquivo="x", autor_id=None, agora=org.clock.now)
    return World(org, banco, caixa, people, tuple(db.session.scalars(sa.select(LinhaExtrato.id)).all()))


def in_threads(app: Flask, work: Sequence[Callable[[], object]]) -> list[object]:
    """All of it at one moment, each in a context of its own; what came back, or the refusal."""
    db.session.rollback()
    start = threading.Barrier(len(work))

    def run(one: Callable[[], object]) -> object:
        with app.app_context():
            start.wait()
            try:
                return one()
            except DomainError as error:
                return error

    with ThreadPoolExecutor(len(work)) as threads:
        found = list(threads.map(run, work))
    db.session.expire_all()
    return found


def test_whatever_one_person_does_the_sums_are_those_of_the_lists(app: Flask, org: Any) -> None:
    world = new_world(org)
    randomly = random.Random(7)
    for _ in range(140):
        world.act(randomly)
    assert len(world.done) >= 12
    accounts_add_up()


def test_whatever_several_people_do_at_once_the_sums_are_those_of_the_lists(app: Flask, org: Any) -> None:
    world = new_world(org)

    steps = times() // 2

    def person(number: int) -> None:
        randomly = random.Random(number)
        for _ in range(steps):
            world.act(randomly)
            db.session.rollback()

    found = in_threads(app, [lambda number=number: person(number) for number in range(3)])  # type: ignore[misc]
    assert found == [None] * 3
    accounts_add_up()
    count = db.session.scalars(sa.select(sa.func.count()).select_from(Auditoria)).one()
    assert audit.verify_chain(db.session) == audit.ChainResult(ok=True, checked=count)


def test_of_two_at_one_line_one_wins_and_the_other_is_told(app: Flask, org: Any) -> None:
    world = new_world(org, lines=1, amounts=(2000,))
    (line,) = world.lines
    both: dict[str, Any] = {**world.when, "hoje": org.clock.today}
    kinds: tuple[Callable[[], object], ...] = (
        lambda: matching.mark(line, Destino.OUTRO, "x", **world.when),
        lambda: matching.match_militantes(line, ((world.people[0], 2000),), outro=True, **both),
    )
    for _ in range(times()):
        found = in_threads(app, kinds)
        (refused,) = [one for one in found if isinstance(one, DomainError)]
        assert isinstance(refused, Conflict)
        assert "Outra pessoa" in refused.message
        matching.undo(line, **both)
    accounts_add_up()


def test_of_two_at_one_cota_one_wins_and_the_other_is_told(app: Flask, org: Any) -> None:
    org.conta("Caixa", tipo=TipoConta.CAIXA)
    ana = org.militante("Ana")
    org.cotas("2026-03")
    cota = db.session.scalars(sa.select(Cota.id)).one()
    for _ in range(times()):
        found = in_threads(app, [lambda: org.pay(ana, 2000, cota_ids=(cota,))] * 2)
        (refused,) = [one for one in found if isinstance(one, DomainError)]
        assert isinstance(refused, Conflict)
        assert "outra pessoa a quitou" in refused.message
        assert db.session.get_one(Cota, cota, populate_existing=True).pago == 2000
        (won,) = [one for one in found if isinstance(one, int)]
        org.reverse(won)
    accounts_add_up()


def test_a_month_that_is_closed_while_somebody_pays_in_it_has_the_payment_or_refuses_it(app: Flask, org: Any) -> None:
    ana = org.militante("Ana")
    both: dict[str, Any] = {"autor_id": None, "agora": org.clock.now}
    day = dt.date(2026, 2, 10)
    paid = 0
    for _ in range(times()):
        closed, payment = in_threads(
            app,
            [
                lambda: close_month(FEBRUARY, com_pendencias=True, hoje=org.clock.today, **both),
                lambda: org.pay(ana, 100, data_credito=day),
            ],
        )
        assert not isinstance(closed, DomainError)
        if isinstance(payment, DomainError):
            assert isinstance(payment, Invalid)
            assert "fechado" in payment.message
        else:
            paid += 1
        assert db.session.scalars(sa.select(sa.func.count()).select_from(Pagamento)).one() == paid
        reopen_month(FEBRUARY, motivo="x", **both)
    accounts_add_up()


def test_of_two_who_close_a_month_one_closes_it(app: Flask, org: Any) -> None:
    both: dict[str, Any] = {"autor_id": None, "agora": org.clock.now}
    close = lambda: close_month(JANUARY, com_pendencias=True, hoje=org.clock.today, **both)  # noqa: E731
    for _ in range(times()):
        found = in_threads(app, [close, close])
        (refused,) = [one for one in found if isinstance(one, DomainError)]
        assert "fechado" in refused.message
        reopen_month(JANUARY, motivo="x", **both)
