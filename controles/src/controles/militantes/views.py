"""Militantes: list, ficha, new, edit, end."""

import datetime as dt

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.clock import today, utc_now
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.cotas.queries import matrix, open_cotas
from controles.domain_errors import Conflict, Invalid
from controles.escopo import Escopo
from controles.formatting import date
from controles.militantes.forms import DesligamentoForm, MilitanteForm
from controles.militantes.models import Situacao
from controles.militantes.queries import (
    count_militantes,
    get_militante,
    list_militantes,
    list_nucleos,
    search_militantes,
    sum_overdue,
)
from controles.militantes.records import FichaMilitante, FiltroMilitantes
from controles.militantes.services import create_militante, update_militante
from controles.militantes.standing import Mudanca, end_membership
from controles.pagamentos.queries import list_pagamentos
from controles.pagamentos.records import FiltroPagamentos
from controles.query_string import MAX_TEXT, ListLinks, filter_of_request, search_lost, to_sealed_address

blueprint = Blueprint("militantes", __name__, url_prefix="/militantes", template_folder="templates")

# Parts of the filter that come from the panel's links; the list shows each as a chip that can be taken off.
LINKED_ONLY = ("meses_min", "meses_max", "filiado_de", "filiado_ate", "desligado_de", "desligado_ate", "ordem")


@blueprint.route("", methods=["GET", "POST"])
@require(Permission.VER)
def index() -> str | Response:
    elsewhere = to_sealed_address(FiltroMilitantes)
    if elsewhere is not None:
        return elsewhere
    escopo, hoje = current_scope(), today()
    filtro = filter_of_request(FiltroMilitantes)
    links = ListLinks("militantes.index", filtro)
    return render_template(
        "militantes/index.html",
        filtro=filtro,
        links=links,
        chips=_chips(filtro, links),
        pagina=list_militantes(escopo, filtro, hoje=hoje, cursor=request.args.get("cursor")),
        quantos=count_militantes(escopo, filtro, hoje=hoje),
        # Only where the list is about arrears: then it shows the sum that the panel showed.
        vencido=sum_overdue(escopo, filtro, hoje=hoje) if filtro.devendo or filtro.meses_min else None,
        nucleos=list_nucleos(escopo),
        situacoes=Situacao,
        escopo=escopo,
        linked_only=LINKED_ONLY,
        busca_perdida=search_lost(),
    )


def _chips(filtro: FiltroMilitantes, links: ListLinks) -> list[tuple[str, str]]:
    """What the list is narrowed to besides its own fields: a sentence, and the address without it."""
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
    return chips


@blueprint.post("/busca")
@require(Permission.VER)
def search() -> str:
    """The results alone, for a page that shows them while somebody types. Not in an address: it is a name."""
    termo = request.form.get("busca", "").strip()[:MAX_TEXT]
    return render_template(
        "militantes/_results.html",
        termo=termo,
        linhas=search_militantes(current_scope(), termo, hoje=today()) if termo else (),
    )


@blueprint.get("/<int:militante_id>")
@require(Permission.VER)
def show(militante_id: int) -> str:
    escopo, hoje = current_scope(), today()
    ficha = _ficha(escopo, militante_id, hoje)
    ano = request.args.get("ano", hoje.year, type=int)
    ano = min(max(ano, ficha.data_filiacao.year), hoje.year + 1)
    return render_template(
        "militantes/show.html",
        ficha=ficha,
        hoje=hoje,
        ano=ano,
        celulas=matrix(escopo, militante_id, ano, hoje=hoje),
        abertas=open_cotas(escopo, militante_id, hoje=hoje),
        pagamentos=list_pagamentos(escopo, FiltroPagamentos(militante_id=militante_id), limit=8),
    )


@blueprint.route("/novo", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def new() -> str | Response:
    escopo = current_scope()
    form = MilitanteForm(request.form or None, data_filiacao=today(), dia_vencimento=10, valor_cota=2000)
    form.offer_nucleos(list_nucleos(escopo), none_too=escopo.nucleo_id is None)
    if request.method == "POST" and form.validate():
        try:
            new_id = create_militante(escopo, form.dados(), autor_id=current_author_id(), agora=utc_now())
        except Invalid as error:
            form.add_error(error)
        else:
            flash("Cadastro feito; já está na lista de militantes.", "success")
            return redirect(url_for("militantes.show", militante_id=new_id))
    return render_template("militantes/form.html", form=form, ficha=None, agora_esta={})


@blueprint.route("/<int:militante_id>/editar", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def edit(militante_id: int) -> str | Response:
    escopo, hoje = current_scope(), today()
    ficha = _ficha(escopo, militante_id, hoje)
    form = MilitanteForm(request.form or None, obj=ficha)
    form.offer_nucleos(list_nucleos(escopo), none_too=escopo.nucleo_id is None)
    stored_now: dict[str, str] = {}
    if request.method == "POST" and form.validate():
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
            ficha = _ficha(escopo, militante_id, hoje)
            stored_now = form.differences(ficha)
            # Saving again, with both values in sight, is a decision; so the next try counts from what is there now.
            form.versao.data = str(ficha.versao)
        else:
            flash("Alterações salvas.", "success")
            return redirect(url_for("militantes.show", militante_id=militante_id))
    return render_template("militantes/form.html", form=form, ficha=ficha, agora_esta=stored_now)


@blueprint.route("/<int:militante_id>/desligar", methods=["GET", "POST"])
@require(Permission.EDITAR_MILITANTES)
def end(militante_id: int) -> str | Response:
    escopo, hoje = current_scope(), today()
    ficha = _ficha(escopo, militante_id, hoje)
    form = DesligamentoForm(request.form or None, data_desligamento=hoje, versao=ficha.versao)
    if request.method == "POST" and form.validate():
        assert form.data_desligamento.data is not None
        try:
            end_membership(
                escopo,
                Mudanca(
                    militante_id=militante_id,
                    data=form.data_desligamento.data,
                    motivo=form.motivo.data or None,
                    versao=_version(form),
                    autor_id=current_author_id(),
                    agora=utc_now(),
                ),
            )
        except Invalid as error:
            form.add_error(error)
        except Conflict as error:
            ficha = _ficha(escopo, militante_id, hoje)
            form.versao.data = str(ficha.versao)
            form.add_error(Invalid("", error.message))
        else:
            flash(f"Desligamento registrado em {date(form.data_desligamento.data)}.", "success")
            return redirect(url_for("militantes.show", militante_id=militante_id))
    return render_template("militantes/end.html", form=form, ficha=ficha)


def _ficha(escopo: Escopo, militante_id: int, hoje: dt.date) -> FichaMilitante:
    ficha = get_militante(escopo, militante_id, hoje=hoje)
    if ficha is None:
        abort(404)
    return ficha


def _version(form: MilitanteForm | DesligamentoForm) -> int:
    """The version that the page was opened with; 0, which no row has, for a field that was tampered with."""
    written = form.versao.data or ""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0
