"""Reads about accounts, the lines of their statements, and whose money a line may be."""

import dataclasses
import datetime as dt
from collections.abc import Iterable

from sqlalchemy import and_, func, or_, select

from controles.banco.models import Conciliacao, ContaBancaria, LinhaExtrato
from controles.banco.records import DadosConta, Linha, LinhaConta, PaginaLinhas, Parte, Sugestao
from controles.caixa.ledger import balances
from controles.db import MAX_BIG_ID, MAX_ID, db
from controles.domain.text import search_form
from controles.militantes.models import Militante, Situacao
from controles.pagamentos.models import Pagamento
from controles.pix.txids import charged_in
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.web.pagination import Keyset, fetch_page

# A payment typed by hand and its line are often on different days, because of weekends or a late entry.
NEAR = dt.timedelta(days=4)
# That two or three payments have the sum of a line may be chance; that so many have it is not.
_MANY = 4
# The most people suggested for one line.
MOST = 5
_BY_DAY = Keyset(
    order="data",
    columns=(LinhaExtrato.data, LinhaExtrato.id),
    row_id=LinhaExtrato.id,
    descending=True,
    max_id=MAX_BIG_ID,
)
_COLUMNS = (
    LinhaExtrato.id,
    LinhaExtrato.conta_id,
    LinhaExtrato.data,
    LinhaExtrato.valor,
    LinhaExtrato.descricao,
    LinhaExtrato.e2eid,
    LinhaExtrato.militante_id,
    LinhaExtrato.destino,
)
# Words that banks write around the payer's name.
_BANK_WORDS = frozenset(
    {
        *("pix", "recebido", "recebida", "enviado", "enviada", "transf", "transferencia", "ted", "doc", "tef", "via"),
        *("deposito", "credito", "debito", "em", "conta", "cc", "pagamento", "pagto", "boleto", "cobranca", "if"),
        *("liquidacao", "qr", "code", "qrs", "rem", "remetente", "int", "internet", "banco", "chave", "dinheiro"),
        *("recebimento", "outra", "mesma", "titularidade"),
    }
)
_PARTICLES = frozenset({"de", "da", "do", "dos", "das", "e"})


@cached(cache_policies.CONTAS_LIST)
def list_contas() -> tuple[LinhaConta, ...]:
    """All accounts by name, those in use first, with balance and number of open lines."""
    moved = balances(None)
    still_open = (
        select(LinhaExtrato.conta_id, func.count().label("abertas"))
        .where(LinhaExtrato.destino.is_(None))
        .group_by(LinhaExtrato.conta_id)
        .subquery()
    )
    rows = db.session.execute(
        select(
            ContaBancaria.id,
            ContaBancaria.nome,
            ContaBancaria.tipo,
            ContaBancaria.finalidade,
            ContaBancaria.ativa,
            ContaBancaria.saldo_inicial + func.coalesce(moved.c.soma, 0),
            func.coalesce(still_open.c.abertas, 0),
        )
        .outerjoin(moved, moved.c.conta_id == ContaBancaria.id)
        .outerjoin(still_open, still_open.c.conta_id == ContaBancaria.id)
        .order_by(ContaBancaria.ativa.desc(), ContaBancaria.nome)
    )
    return tuple(
        LinhaConta(conta_id, nome, tipo, finalidade, ativa, int(saldo), int(abertas))
        for conta_id, nome, tipo, finalidade, ativa, saldo, abertas in rows
    )


def get_conta(conta_id: int) -> DadosConta | None:
    """None if there is none."""
    if not 0 < conta_id <= MAX_ID:
        return None
    names = [field.name for field in dataclasses.fields(DadosConta)]
    row = db.session.execute(
        select(*(getattr(ContaBancaria, name) for name in names)).where(ContaBancaria.id == conta_id)
    ).one_or_none()
    return None if row is None else DadosConta(**dict(zip(names, row, strict=True)))


@cached(cache_policies.EXTRATO_LINHAS)
def list_linhas(conta_id: int, *, todas: bool, cursor: str | None = None, limit: int = 50) -> PaginaLinhas:
    """The lines of an account, newest first; only open ones unless `todas`."""
    mine = LinhaExtrato.conta_id == conta_id
    shown = mine if todas else and_(mine, LinhaExtrato.destino.is_(None))
    page = fetch_page(db.session, select(*_COLUMNS).where(shown), _BY_DAY, cursor=cursor, limit=limit, visible=mine)
    return PaginaLinhas(tuple(Linha(*row) for row in page.rows), page.following, page.preceding)


def get_linha(linha_id: int) -> Linha | None:
    """None if there is none."""
    if not 0 < linha_id <= MAX_BIG_ID:
        return None
    row = db.session.execute(select(*_COLUMNS).where(LinhaExtrato.id == linha_id)).one_or_none()
    return None if row is None else Linha(*row)


@cached(cache_policies.EXTRATO_PARTES)
def get_partes(linha_id: int) -> tuple[Parte, ...]:
    """What a line is matched to now; empty for an open one."""
    rows = db.session.execute(
        select(
            Conciliacao.destino,
            Conciliacao.centavos,
            Conciliacao.pagamento_id,
            func.coalesce(Militante.nome_social, Militante.nome),
            func.coalesce(Pagamento.estornado, False),
            Conciliacao.categoria,
        )
        .outerjoin(Pagamento, Pagamento.id == Conciliacao.pagamento_id)
        .outerjoin(Militante, Militante.id == Pagamento.militante_id)
        .where(Conciliacao.linha_id == linha_id, Conciliacao.desfeita_em.is_(None))
        .order_by(Conciliacao.id)
    )
    return tuple(Parte(*row) for row in rows)


@cached(cache_policies.EXTRATO_SUGESTOES)
def suggest(linhas: tuple[Linha, ...]) -> dict[int, tuple[Sugestao, ...]]:
    """For each open line of money received, by its id: whose it may be, most certain first. Takes four statements."""
    wanted = [linha for linha in linhas if linha.valor > 0 and linha.destino is None]
    found: dict[int, list[Sugestao]] = {linha.id: [] for linha in wanted}
    if not wanted:
        return {}
    payments = _unmatched_payments(wanted)
    people = _people(wanted)
    groups = _unmatched_groups(wanted)
    for linha in wanted:
        offers = found[linha.id]
        near = [p for p in payments if p[2] == linha.valor and abs(p[1] - linha.data) <= NEAR]
        for pagamento_id, _, valor, e2eid, militante_id, name in payments:
            if e2eid is not None and e2eid == linha.e2eid and valor == linha.valor:
                offers.append(Sugestao("certa", "o mesmo PIX", pagamento_id, militante_id, name))
        if not offers:
            offers += _by_number(linha, people, near)
            offers += [
                Sugestao("média" if count < _MANY else "alta", "a soma e a data", None, None, _so_many(count), grupo)
                for grupo, day, total, count in groups
                if total == linha.valor and abs(day - linha.data) <= NEAR
            ]
        if not offers:
            offers += _by_name(linha, people, near)
            taken = {offer.pagamento_id for offer in offers}
            unsure = "média" if len(near) == 1 and not offers else "baixa"
            offers += [Sugestao(unsure, "valor e data", p[0], p[4], p[5]) for p in near if p[0] not in taken]
    return {linha_id: tuple(offers[:MOST]) for linha_id, offers in found.items()}


_Payment = tuple[int, dt.date, int, str | None, int | None, str]


def _by_number(linha: Linha, people: dict[int, tuple[str, str]], near: list[_Payment]) -> list[Sugestao]:
    """The txid comes before the CPF: somebody who pays with another person's QR code has a CPF of their own."""
    offers: list[Sugestao] = []
    charged = charged_in(linha.descricao)
    months = ", ".join(f"{month:%m/%Y}" for month in charged.meses) if charged else ""
    code = f"o código do PIX de {months}" if months else "o código do PIX"
    for militante_id, what in ((charged.militante_id if charged else None, code), (linha.militante_id, "o CPF")):
        if militante_id is None or militante_id not in people or militante_id in {one.militante_id for one in offers}:
            continue
        mine = [p for p in near if p[4] == militante_id]
        reason = f"{what}, o valor e a data" if mine else f"{what} do lançamento"
        offers.append(Sugestao("alta", reason, mine[0][0] if mine else None, militante_id, people[militante_id][0]))
    return offers


def _by_name(linha: Linha, people: dict[int, tuple[str, str]], near: list[_Payment]) -> list[Sugestao]:
    name = payer_name(linha.descricao)
    same = [militante_id for militante_id, (_, searched) in people.items() if name and searched == name]
    sure = "média" if len(same) == 1 else "baixa"
    offers = []
    for militante_id in same:
        mine = [p for p in near if p[4] == militante_id]
        reason = "o nome, o valor e a data" if mine else "o nome do lançamento"
        offers.append(Sugestao(sure, reason, mine[0][0] if mine else None, militante_id, people[militante_id][0]))
    return offers


def payer_name(descricao: str) -> str:
    """The name at the end of a bank's text, in the form used to compare names; "" if there is none."""
    words = search_form(descricao).split()
    name: list[str] = []
    for word in reversed(words):
        if not word.isalpha() or word in _BANK_WORDS:
            if name:
                break
            continue
        name.insert(0, word)
    while name and name[0] in _PARTICLES:
        name.pop(0)
    return " ".join(name) if len(name) > 1 else ""


def _unmatched_payments(linhas: Iterable[Linha]) -> list[_Payment]:
    linhas = list(linhas)
    days = [linha.data for linha in linhas]
    used = select(Conciliacao.pagamento_id).where(
        Conciliacao.pagamento_id == Pagamento.id, Conciliacao.desfeita_em.is_(None)
    )
    near = and_(
        Pagamento.data_credito.between(min(days) - NEAR, max(days) + NEAR),
        Pagamento.valor.in_({linha.valor for linha in linhas}),
    )
    same = Pagamento.e2eid.in_([linha.e2eid for linha in linhas if linha.e2eid])
    rows = db.session.execute(
        select(
            Pagamento.id,
            Pagamento.data_credito,
            Pagamento.valor,
            Pagamento.e2eid,
            Pagamento.militante_id,
            func.coalesce(Militante.nome_social, Militante.nome, "Sem identificação"),
        )
        .outerjoin(Militante, Militante.id == Pagamento.militante_id)
        .where(
            or_(near, same),
            # Cash is in a caixa, and never in a statement.
            Pagamento.conta_id.is_(None),
            Pagamento.estorna_id.is_(None),
            Pagamento.estornado.is_(False),
            ~used.exists(),
        )
        .order_by(Pagamento.data_credito, Pagamento.id)
        .limit(500)
    )
    return [
        (pagamento_id, data, valor, e2eid, militante_id, name)
        for pagamento_id, data, valor, e2eid, militante_id, name in rows
    ]


def _unmatched_groups(linhas: Iterable[Linha]) -> list[tuple[str, dt.date, int, int]]:
    """Payments that were one movement of money, none of them matched: the group, its first day, its sum, how many."""
    linhas = list(linhas)
    days = [linha.data for linha in linhas]
    used = select(Conciliacao.id).where(Conciliacao.pagamento_id == Pagamento.id, Conciliacao.desfeita_em.is_(None))
    total = func.sum(Pagamento.valor)
    rows = db.session.execute(
        select(Pagamento.grupo, func.min(Pagamento.data_credito), total, func.count())
        .where(
            Pagamento.grupo.is_not(None),
            Pagamento.data_credito.between(min(days) - NEAR, max(days) + NEAR),
            Pagamento.conta_id.is_(None),
            Pagamento.estorna_id.is_(None),
            Pagamento.estornado.is_(False),
        )
        .group_by(Pagamento.grupo)
        .having(total.in_({linha.valor for linha in linhas}), func.count().filter(used.exists()) == 0)
        .order_by(Pagamento.grupo)
        .limit(100)
    )
    return [(grupo or "", day, int(soma), count) for grupo, day, soma, count in rows]


def _so_many(count: int) -> str:
    return f"{count} pagamentos registrados juntos"


def _people(linhas: Iterable[Linha]) -> dict[int, tuple[str, str]]:
    """The people that CPFs and txids name, and members with the names in the lines: name to show, and name to
    compare."""
    linhas = list(linhas)
    names = {payer_name(linha.descricao) for linha in linhas} - {""}
    charged = [charged_in(linha.descricao) for linha in linhas]
    numbers = {linha.militante_id for linha in linhas} | {one.militante_id for one in charged if one is not None}
    by_number = Militante.id.in_(sorted(one for one in numbers if one is not None and one <= MAX_ID))
    by_name = and_(Militante.nome_busca.in_(sorted(names)), Militante.situacao != Situacao.DESLIGADO)
    rows = db.session.execute(
        select(Militante.id, func.coalesce(Militante.nome_social, Militante.nome), Militante.nome_busca)
        .where(or_(by_number, by_name))
        .limit(500)
    )
    return {militante_id: (shown, searched) for militante_id, shown, searched in rows}
