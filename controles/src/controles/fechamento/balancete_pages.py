"""The balancete's pages: each account's movements, and the whole balancete, for printing or as a file."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, abort, render_template
from werkzeug.wrappers import Response

from controles.caixa.records import Grupo, Origem
from controles.contas.permissions import Permission, require
from controles.fechamento.balancete_queries import get_balancete, list_movements
from controles.fechamento.balancete_records import Balancete, Movimento
from controles.fechamento.months_in_paths import month_in_path
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.web.formatting import competencia_long

GRUPO_NAMES = {
    Grupo.CONTRIBUICAO: "Contribuições",
    Grupo.RECEITA: "Outras receitas",
    Grupo.REPASSE_RECEBIDO: "Repasses recebidos",
    Grupo.DESPESA: "Despesas",
    Grupo.REPASSE_ENVIADO: "Repasses enviados",
    Grupo.TRANSFERENCIA: "Transferências entre contas",
    Grupo.OUTRO: "Outros",
    Grupo.ABERTO: "A conciliar",
}
# The most movements that a page shows; the whole list can be printed or downloaded.
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class FiltroBalancete:
    """What the audit records about a list that was printed or downloaded: the month and the account."""

    mes: str
    conta_id: int | None = None


def add_to(blueprint: Blueprint) -> None:
    """Add these pages to the blueprint of closings."""
    blueprint.add_url_rule("/<mes>/lista/<formato>", "whole", whole)
    blueprint.add_url_rule("/<mes>/contas/<int:conta_id>", "account", account)
    blueprint.add_url_rule("/<mes>/contas/<int:conta_id>/lista/<formato>", "whole_account", whole_account)


@require(Permission.FECHAR)
def whole(mes: str, formato: str) -> Response:
    """The balancete as rows: each account's initial balance, money in, money out, and final balance."""
    _may_leave(formato)
    competencia = month_in_path(mes)
    balancete = get_balancete(competencia)
    columns = (
        Column("Conta"),
        Column("O que foi"),
        Column("Categoria"),
        Column("Entradas", Kind.MONEY),
        Column("Saídas", Kind.MONEY),
        Column("Saldo", Kind.MONEY),
    )
    rows = list(_rows(balancete))
    table = Table("Balancete", columns, rows, (competencia_long(competencia),))
    return sent(Lista("balancete", table, FiltroBalancete(mes), len(rows)), formato)


@require(Permission.FECHAR)
def account(mes: str, conta_id: int) -> str:
    """All movements of one account in a month, with their sums."""
    competencia = month_in_path(mes)
    conta = next((one for one in get_balancete(competencia).contas if one.id == conta_id), None)
    if conta is None:
        abort(404)
    moved = list_movements(competencia, conta_id)
    return render_template(
        "fechamento/account.html",
        mes=mes,
        competencia=competencia,
        conta=conta,
        movimentos=moved[:MOST_SHOWN],
        quantos=len(moved),
        grupos=GRUPO_NAMES,
        Origem=Origem,
    )


@require(Permission.FECHAR)
def whole_account(mes: str, conta_id: int, formato: str) -> Response:
    """All movements of one account in a month, for printing or as a file."""
    _may_leave(formato)
    competencia = month_in_path(mes)
    conta = next((one for one in get_balancete(competencia).contas if one.id == conta_id), None)
    if conta is None:
        abort(404)
    moved = list_movements(competencia, conta_id)
    columns = (
        Column("Data", Kind.DATE),
        Column("O que foi"),
        Column("Categoria"),
        Column("Texto"),
        Column("Valor", Kind.MONEY),
    )
    table = Table("Movimentos", columns, map(_movement_row, moved), (conta.nome, competencia_long(competencia)))
    return sent(Lista("movimentos", table, FiltroBalancete(mes, conta_id), len(moved)), formato)


def _may_leave(formato: str) -> None:
    check_may_take(formato)


def _rows(balancete: Balancete) -> Iterator[tuple[Cell, ...]]:
    for conta in balancete.contas:
        yield (conta.nome, "Saldo no começo", None, None, None, conta.abertura)
        for line in conta.linhas:
            yield (conta.nome, GRUPO_NAMES[line.grupo], line.categoria or None, line.entradas, line.saidas, None)
        yield (conta.nome, "Saldo no fim", None, conta.entradas, conta.saidas, conta.fechamento)
    yield ("Todas as contas", "Saldo no fim", None, balancete.entradas, balancete.saidas, balancete.fechamento)
    for nucleo in balancete.nucleos:
        came = nucleo.contribuicoes + nucleo.receitas
        yield (f"Núcleo: {nucleo.nome}", "Resultado", None, came, nucleo.despesas - nucleo.repasses, nucleo.resultado)


def _movement_row(line: Movimento) -> tuple[Cell, ...]:
    return (line.data, GRUPO_NAMES[line.grupo], line.categoria or None, line.texto, line.valor)
