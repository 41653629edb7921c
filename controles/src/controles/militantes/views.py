"""Militantes: list, ficha, new, edit, end."""

import datetime as dt
from collections.abc import Sequence

import segno
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.auditoria.changes import changed_since
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.cotas.queries import matrix, open_cotas, years_of_cotas
from controles.cotas.records import CotaAberta
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.formularios.page import again, show_errors, typed
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes import standing_pages
from controles.militantes.deciding import Decisao, decide_pedido
from controles.militantes.forms import MilitanteForm
from controles.militantes.models import Situacao
from controles.militantes.queries import (
    all_militantes,
    count_militantes,
    find_by_cpf,
    get_militante,
    list_militantes,
    list_nucleos,
    search_militantes,
    sum_overdue,
)
from controles.militantes.records import FichaMilitante, FiltroMilitantes, LinhaInteira
from controles.militantes.requests_of_nucleos import list_pedidos
from controles.militantes.services import create_militante, update_militante
from controles.militantes.standing_pages import version_of
from controles.organizacao.queries import get_organizacao
from controles.pagamentos.queries import list_pagamentos
from controles.pagamentos.records import FiltroPagamentos
from controles.pix.brcode import copy_and_paste
from controles.pix.txids import txid_of
from controles.web.form_fields import Nota
from controles.web.formatting import date, phone, situacao
from controles.web.late_totals import asked_alone, now_or_later
from controles.web.query_string import MAX_TEXT, ListLinks, filter_of_request, search_lost, to_sealed_address

blueprint = Blueprint("militantes", __name__, url_prefix="/militantes", template_folder="templates")
standing_pages.add_to(blueprint)

# The most search results that are shown.
MOST_FOUND = 10

# Parts of the filter that come from the panel's links; the list shows each as a chip that can be removed.
LINKED_ONLY = (
    "meses_min",
    "meses_max",
    "filiado_de",
    "filiado_ate",
    "desligado_de",
    "desligado_ate",
    "anonimizado",
    "ordem",
)


@blueprint.route("", methods=["GET", "POST"])
@require(Permission.VER)
def index() -> str | Response:
    elsewhere = to_sealed_address(FiltroMilitantes)
    if elsewhere is not None:
        return elsewhere
    escopo, hoje = current_scope(), today()
    filtro = filter_of_request(FiltroMilitantes)
    links = ListLinks("militantes.index", filtro)
    quantos = now_or_later(count_militantes, escopo, filtro, hoje=hoje)
    # Only where the list is about arrears: then it shows the sum that the panel showed.
    about_arrears = filtro.devendo or filtro.meses_min
    vencido = now_or_later(sum_overdue, escopo, filtro, hoje=hoje) if about_arrears else None
    if about_arrears and vencido is None:
        quantos = None
    shown = {"links": links, "linked_only": LINKED_ONLY, "quantos": quantos, "vencido": vencido}
    if asked_alone():
        return render_template("militantes/_summary.html", **shown)
    return render_template(
        "militantes/index.html",
        **shown,
        filtro=filtro,
        chips=_chips(filtro, links),
        pagina=list_militantes(escopo, filtro, hoje=hoje, cursor=request.args.get("cursor")),
        nucleos=list_nucleos(escopo),
        situacoes=Situacao,
        escopo=escopo,
        busca_perdida=search_lost(),
    )


@blueprint.get("/lista/<formato>")
@require(Permission.VER)
def whole(formato: str) -> Response:
    """All that the list shows on all its pages, to print or as a file."""
    check_may_take(formato)
    escopo, hoje = current_scope(), today()
    filtro = filter_of_request(FiltroMilitantes)
    rows = all_militantes(escopo, filtro, hoje=hoje)
    # Paper is narrower than a file.
    columns, row = (PRINTED_COLUMNS, _printed_row) if formato == "imprimir" else (WHOLE_COLUMNS, _whole_row)
    table = Table("Militantes", columns, map(row, rows), _words(escopo, filtro))
    return sent(Lista("militantes", table, filtro, count_militantes(escopo, filtro, hoje=hoje)), formato)


WHOLE_COLUMNS = (
    Column("Matrícula"),
    Column("Nome"),
    Column("Nome social"),
    Column("Núcleo"),
    Column("Situação"),
    Column("Isento", Kind.YES_NO),
    Column("Filiação", Kind.DATE),
    Column("Nascimento", Kind.DATE),
    Column("E-mail"),
    Column("Telefone"),
    Column("Dia de vencimento", Kind.NUMBER),
    Column("Valor da cota", Kind.MONEY),
    Column("Cotas vencidas", Kind.NUMBER),
    Column("Total vencido", Kind.MONEY),
)


PRINTED_COLUMNS = (
    Column("Matrícula"),
    Column("Nome"),
    Column("Núcleo"),
    Column("Situação"),
    Column("Filiação", Kind.DATE),
    Column("Telefone"),
    Column("Cotas vencidas", Kind.NUMBER),
    Column("Total vencido", Kind.MONEY),
)


def _printed_row(row: LinhaInteira) -> tuple[Cell, ...]:
    line = row.linha
    standing = f"{situacao(line.situacao)}, isento" if line.isento else situacao(line.situacao)
    telefone = phone(row.telefone) if row.telefone else None
    owed = (line.meses_em_aberto, line.em_aberto) if line.em_aberto else (None, None)
    return (line.matricula, line.nome, line.nucleo, standing, line.data_filiacao, telefone, *owed)


def _whole_row(row: LinhaInteira) -> tuple[Cell, ...]:
    line = row.linha
    return (
        line.matricula,
        row.nome,
        row.nome_social,
        line.nucleo,
        situacao(line.situacao),
        line.isento,
        line.data_filiacao,
        row.nascimento,
        row.email,
        row.telefone,
        row.dia_vencimento,
        row.valor_cota,
        line.meses_em_aberto,
        line.em_aberto,
    )


def _words(escopo: Escopo, filtro: FiltroMilitantes) -> tuple[str, ...]:
    """The list's filter, in words for a printed heading."""
    words = [f"busca “{filtro.busca}”"] if filtro.busca else []
    if filtro.situacao is not None:
        words.append(f"situação {situacao(filtro.situacao).lower()}")
    if filtro.nucleo_id is not None:
        names = {nucleo.id: nucleo.nome for nucleo in list_nucleos(escopo)}
        words.append(f"núcleo {names.get(filtro.nucleo_id, filtro.nucleo_id)}")
    if filtro.devendo:
        words.append("com cota vencida")
    return (*words, *(text for text, _ in _chips(filtro, ListLinks("militantes.index", filtro))))


def _chips(filtro: FiltroMilitantes, links: ListLinks) -> list[tuple[str, str]]:
    """Filters without a field of their own: for each, its description, and the address without it."""
    chips = []
    if filtro.meses_min or filtro.meses_max is not None:
        low, high = filtro.meses_min, filtro.meses_max
        span = f"{low} ou mais" if high is None else f"{low}" if low == high else f"de {low} a {high}"
        noun = "cota vencida" if (low, high) == (1, 1) else "cotas vencidas"
        chips.append((f"{span} {noun}", links.changed(meses_min=0, meses_max=None)))
    for words, first, last in (("Filiação", "filiado_de", "filiado_ate"), ("Saída", "desligado_de", "desligado_ate")):
        low_date, high_date = getattr(filtro, first), getattr(filtro, last)
        if low_date or high_date:
            span = " ".join(
                part for part in (low_date and f"de {date(low_date)}", high_date and f"até {date(high_date)}") if part
            )
            chips.append((f"{words} {span}", links.changed(**{first: None, last: None})))
    if filtro.anonimizado is not None:
        words = "Só anonimizados" if filtro.anonimizado else "Sem os anonimizados"
        chips.append((words, links.changed(anonimizado=None)))
    return chips


@blueprint.post("/busca")
@require(Permission.VER)
def search() -> str:
    """Only the results, for a page that shows them while the user types. Not in an address, since they contain a
    name."""
    termo = request.form.get("busca", "").strip()[:MAX_TEXT]
    found = search_militantes(current_scope(), termo, hoje=today(), limit=MOST_FOUND + 1) if termo else ()
    return render_template(
        "militantes/_results.html",
        termo=termo,
        linhas=found[:MOST_FOUND],
        ha_mais=len(found) > MOST_FOUND,
    )


@blueprint.get("/pedidos")
@require(Permission.VER)
def requests_of_nucleos() -> str:
    """What the núcleos were refused without a reason; it shows who is a member where, so no núcleo may see it."""
    if current_scope().nucleo_id is not None:
        abort(404)
    return render_template("militantes/requests.html", pedidos=list_pedidos())


@blueprint.post("/pedidos/<int:pedido_id>")
@require(Permission.EDITAR_MILITANTES)
def decide(pedido_id: int) -> Response:
    """Decide a request of a núcleo; only for the national office."""
    if current_scope().nucleo_id is not None:
        abort(404)
    try:
        decisao = Decisao(request.form.get("decisao", ""))
    except ValueError:
        abort(400)
    try:
        decide_pedido(pedido_id, decisao, autor_id=current_author_id(), agora=utc_now())
    except (Conflict, Invalid) as error:
        flash(error.message, "danger")
    else:
        moved = decisao is Decisao.MOVER
        flash("A ficha passou para o núcleo que pediu." if moved else "O pedido foi recusado; nada mudou.", "success")
    return redirect(url_for("militantes.requests_of_nucleos"), 303)


@blueprint.get("/<int:militante_id>")
@require(Permission.VER)
def show(militante_id: int) -> str:
    escopo, hoje = current_scope(), today()
    ficha = _ficha(escopo, militante_id, hoje)
    ano = request.args.get("ano", hoje.year, type=int)
    first, last = years_of_cotas(escopo, militante_id)
    earliest = min(ficha.data_filiacao.year, first or hoje.year)
    latest = max(hoje.year, last or hoje.year)
    ano = min(max(ano, earliest), latest)
    abertas = open_cotas(escopo, militante_id, hoje=hoje)
    picked = set(request.args.getlist("cota_ids", type=int))
    chosen = tuple(cota for cota in abertas if cota.id in picked)
    return render_template(
        "militantes/show.html",
        ficha=ficha,
        hoje=hoje,
        ano=ano,
        anos=(earliest, latest),
        escopo=escopo,
        celulas=matrix(escopo, militante_id, ano, hoje=hoje),
        abertas=abertas,
        pagamentos=list_pagamentos(escopo, FiltroPagamentos(militante_id=militante_id), limit=8),
        pix=_pix(ficha, chosen),
        escolhidas=chosen,
    )


def _pix(ficha: FichaMilitante, chosen: Sequence[CotaAberta]) -> tuple[str, str, int] | None:
    """The code that asks for the chosen cotas, else for what is overdue, else for one cota; its picture; and the
    centavos. None without a PIX key."""
    centavos = sum(cota.em_aberto for cota in chosen) or ficha.em_aberto or ficha.valor_cota
    txid = txid_of(ficha.id, [cota.competencia for cota in chosen])
    code = copy_and_paste(get_organizacao(), centavos=centavos, txid=txid)
    return None if code is None else (code, segno.make(code, error="m").svg_data_uri(scale=4), centavos)


@blueprint.route("/novo", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def new() -> str | Response:
    escopo = current_scope()
    usual = get_organizacao()
    form = MilitanteForm(
        typed(), data_filiacao=today(), dia_vencimento=usual.dia_vencimento, valor_cota=usual.valor_cota
    )
    form.offer_nucleos(list_nucleos(escopo), none_too=escopo.nucleo_id is None)
    if request.method == "POST":
        if form.validate():
            try:
                new_id = create_militante(escopo, form.dados(), autor_id=current_author_id(), agora=utc_now())
            except Invalid as error:
                form.add_error(error)
            else:
                flash("Cadastro feito; já está na lista de militantes.", "success")
                return redirect(url_for("militantes.show", militante_id=new_id), 303)
        return again(form)
    show_errors(form)
    # Whose CPF it is, if this author may see them: then that militante can be edited or taken back.
    known = find_by_cpf(escopo, form.cpf.data or "") if form.cpf.errors else None
    return render_template("militantes/form.html", form=form, ficha=None, notas={}, mudou=False, conhecido=known)


@blueprint.route("/<int:militante_id>/editar", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def edit(militante_id: int) -> str | Response:
    escopo, hoje = current_scope(), today()
    ficha = _ficha(escopo, militante_id, hoje)
    form = MilitanteForm(typed(), obj=ficha)
    form.offer_nucleos(list_nucleos(escopo), none_too=escopo.nucleo_id is None)
    if request.method == "POST":
        if form.validate():
            form.decide(ficha, request.form)
            if not form.errors and _save_edit(escopo, militante_id, form):
                flash("Alterações salvas.", "success")
                return redirect(url_for("militantes.show", militante_id=militante_id), 303)
        return again(form)
    show_errors(form)
    notes: dict[str, Nota] = {}
    outdated = typed() is not None and _version(form) != ficha.versao
    if outdated:
        notes = form.merge(ficha, changed_since("militante", militante_id, _version(form)))
        # Saving again, with both values visible, is a decision; so the next attempt compares with the present version.
        form.versao.data = str(ficha.versao)
    return render_template("militantes/form.html", form=form, ficha=ficha, notas=notes, mudou=outdated, conhecido=None)


def _save_edit(escopo: Escopo, militante_id: int, form: MilitanteForm) -> bool:
    try:
        update_militante(
            escopo,
            militante_id,
            form.dados(),
            versao=_version(form),
            autor_id=current_author_id(),
            agora=utc_now(),
        )
    except Invalid as error:
        form.add_error(error)
    except Conflict:
        # The page itself notices a change, by the version for which it was typed.
        return False
    else:
        return True
    return False


def _ficha(escopo: Escopo, militante_id: int, hoje: dt.date) -> FichaMilitante:
    ficha = get_militante(escopo, militante_id, hoje=hoje)
    if ficha is None:
        abort(404)
    return ficha


def _version(form: MilitanteForm) -> int:
    return version_of(form.versao.data)
