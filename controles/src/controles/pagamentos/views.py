"""Pagamentos: list with totals, detail, estorno. Registering one is in `registering.py`."""

import datetime as dt

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, allowed, current_author_id, current_scope, require
from controles.cotas.queries import open_cotas
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.domain.money import format_brl
from controles.domain.periods import add_months, last_day, month_of
from controles.formularios.page import again, show_errors, typed
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes.queries import get_militante, list_nucleos, search_militantes
from controles.pagamentos import registering, together_pages
from controles.pagamentos.credit import identify_pagamento, use_credit
from controles.pagamentos.forms import EstornoForm
from controles.pagamentos.models import Metodo
from controles.pagamentos.queries import all_pagamentos, get_pagamento, list_pagamentos, totals_pagamentos
from controles.pagamentos.records import DetalhePagamento, FiltroPagamentos, LinhaPagamento
from controles.pagamentos.registering import MOST_FOUND
from controles.pagamentos.services import plan_allocation, reverse_pagamento
from controles.recibos.queries import recibo_of_payment
from controles.web.formatting import competencias, date, metodo
from controles.web.late_totals import asked_alone, now_or_later
from controles.web.query_string import (
    MAX_TEXT,
    ListLinks,
    filter_of_request,
    sealed_address,
    search_lost,
    to_sealed_address,
)
from controles.web.search_seal import FIELD, opened

blueprint = Blueprint("pagamentos", __name__, url_prefix="/pagamentos", template_folder="templates")
blueprint.add_url_rule("/novo", "new", registering.new, methods=["GET", "POST"])
blueprint.add_url_rule("/novo/conferir", "check", registering.check)
blueprint.add_url_rule("/varios", "several", together_pages.several, methods=["GET", "POST"])
blueprint.add_url_rule("/novo/busca", "find", registering.find, methods=["POST"])


@blueprint.route("", methods=["GET", "POST"])
@require(Permission.VER)
def index() -> str | Response:
    elsewhere = to_sealed_address(FiltroPagamentos)
    if elsewhere is not None:
        return elsewhere
    escopo, hoje = current_scope(), today()
    filtro = filter_of_request(FiltroPagamentos)
    links = ListLinks("pagamentos.index", filtro)
    if asked_alone():
        totais = totals_pagamentos(escopo, filtro)
        return render_template("pagamentos/_totals.html", links=links, totais=totais)
    of_whom = get_militante(escopo, filtro.militante_id, hoje=hoje) if filtro.militante_id is not None else None
    return render_template(
        "pagamentos/index.html",
        filtro=filtro,
        links=links,
        periodos=_periods(hoje),
        de_quem=of_whom.nome_exibido if of_whom else None,
        pagina=list_pagamentos(escopo, filtro, cursor=request.args.get("cursor")),
        totais=now_or_later(totals_pagamentos, escopo, filtro),
        nucleos=list_nucleos(escopo),
        metodos=Metodo,
        escopo=escopo,
        busca_perdida=search_lost(),
    )


@blueprint.get("/lista/<formato>")
@require(Permission.VER)
def whole(formato: str) -> Response:
    """All that the list shows on all its pages, to print or as a file."""
    check_may_take(formato)
    escopo = current_scope()
    filtro = filter_of_request(FiltroPagamentos)
    table = Table("Pagamentos", WHOLE_COLUMNS, map(_whole_row, all_pagamentos(escopo, filtro)), _words(escopo, filtro))
    return sent(Lista("pagamentos", table, filtro, totals_pagamentos(escopo, filtro).quantidade), formato)


WHOLE_COLUMNS = (
    Column("Número", Kind.NUMBER),
    Column("Data", Kind.DATE),
    Column("Militante"),
    Column("Método"),
    Column("Competências"),
    Column("Valor", Kind.MONEY),
    Column("Estorno de", Kind.NUMBER),
    Column("Estornado", Kind.YES_NO),
    Column("Motivo"),
    Column("Pago por"),
)


def _whole_row(line: LinhaPagamento) -> tuple[Cell, ...]:
    return (
        line.id,
        line.data_credito,
        line.militante or "Sem identificação",
        metodo(line.metodo),
        competencias(line.competencias) if line.competencias else None,
        line.valor,
        line.estorno_de,
        line.estornado,
        line.motivo,
        line.pagador,
    )


def _words(escopo: Escopo, filtro: FiltroPagamentos) -> tuple[str, ...]:
    """The list's filter, in words for a printed heading."""
    words = [f"busca “{filtro.busca}”"] if filtro.busca else []
    if filtro.de is not None:
        words.append(f"de {date(filtro.de)}")
    if filtro.ate is not None:
        words.append(f"até {date(filtro.ate)}")
    if filtro.metodo is not None:
        words.append(f"método {metodo(filtro.metodo)}")
    if filtro.nucleo_id is not None:
        names = {nucleo.id: nucleo.nome for nucleo in list_nucleos(escopo)}
        words.append(f"núcleo {names.get(filtro.nucleo_id, filtro.nucleo_id)}")
    if filtro.militante_id is not None:
        of_whom = get_militante(escopo, filtro.militante_id, hoje=today())
        words.append(f"de {of_whom.nome_exibido}" if of_whom else "de um militante fora do seu alcance")
    return tuple(words)


def _periods(hoje: dt.date) -> tuple[tuple[str, dt.date, dt.date], ...]:
    """The most frequently requested periods, as links."""
    month = month_of(hoje)
    before = add_months(month, -1)
    return (
        ("Este mês", month, last_day(month)),
        ("Mês passado", before, last_day(before)),
        ("Este ano", dt.date(hoje.year, 1, 1), dt.date(hoje.year, 12, 31)),
    )


@blueprint.get("/<int:pagamento_id>")
@require(Permission.VER)
def show(pagamento_id: int) -> str:
    pagamento = get_pagamento(current_scope(), pagamento_id)
    if pagamento is None:
        abort(404)
    return render_template(
        "pagamentos/show.html",
        pagamento=pagamento,
        escopo=current_scope(),
        recibo=recibo_of_payment(pagamento_id) if allowed(Permission.REGISTRAR_PAGAMENTOS) else None,
    )


@blueprint.route("/<int:pagamento_id>/identificar", methods=["GET", "POST"])
@require(Permission.REGISTRAR_PAGAMENTOS)
def identify(pagamento_id: int) -> str | Response:
    """Identify an unidentified payment: search for the militante, then confirm."""
    escopo = current_scope()
    pagamento = get_pagamento(escopo, pagamento_id)
    if pagamento is None:
        abort(404)
    if pagamento.militante_id is not None or pagamento.estornado_por is not None or pagamento.estorno_de is not None:
        flash("Este pagamento já foi identificado ou estornado.", "warn")
        return redirect(url_for("pagamentos.show", pagamento_id=pagamento_id))
    if request.method != "POST":
        return _identify_page(pagamento)
    chosen = request.form.get("militante_id", "")
    if not (chosen.isascii() and chosen.isdigit()):
        termo = request.form.get(FIELD, "").strip()[:MAX_TEXT]
        return redirect(sealed_address(url_for("pagamentos.identify", pagamento_id=pagamento_id), {FIELD: termo}), 303)
    try:
        identify_pagamento(
            escopo,
            pagamento_id,
            int(chosen[:10]),
            cota_ids=() if request.form.get("destino") == "credito" else None,
            autor_id=current_author_id(),
            agora=utc_now(),
            hoje=today(),
        )
    except (Conflict, Invalid) as error:
        flash(error.message, "warn")
    else:
        flash(f"Pagamento nº {pagamento_id} identificado.", "success")
    return redirect(url_for("pagamentos.show", pagamento_id=pagamento_id), 303)


@blueprint.route("/credito/<int:militante_id>", methods=["GET", "POST"])
@require(Permission.REGISTRAR_PAGAMENTOS)
def credit(militante_id: int) -> str | Response:
    """Pay open cotas from a militante's credit."""
    escopo, hoje = current_scope(), today()
    ficha = get_militante(escopo, militante_id, hoje=hoje)
    if ficha is None:
        abort(404)
    back = url_for("militantes.show", militante_id=militante_id)
    if request.method == "POST":
        picked = tuple(request.form.getlist("cota_ids", type=int))
        try:
            used = use_credit(
                escopo,
                militante_id,
                cota_ids=picked or None,
                autor_id=current_author_id(),
                agora=utc_now(),
                hoje=hoje,
            )
        except (Conflict, Invalid) as error:
            flash(error.message, "warn")
            return redirect(url_for("pagamentos.credit", militante_id=militante_id), 303)
        flash(f"{format_brl(used)} de crédito usados nas cotas.", "success")
        return redirect(back, 303)
    cotas = open_cotas(escopo, militante_id, hoje=hoje)
    paid = {parte.cota_id: parte.centavos for parte in plan_allocation(cotas, ficha.credito)}
    return render_template("pagamentos/credit.html", ficha=ficha, cotas=cotas, paid=paid, voltar=back)


def _identify_page(pagamento: DetalhePagamento) -> str:
    escopo, hoje = current_scope(), today()
    termo = opened(request.args, usuario_id=current_author_id()).get(FIELD, "")
    found = search_militantes(escopo, termo, hoje=hoje, limit=MOST_FOUND + 1) if termo else ()
    return render_template(
        "pagamentos/identify.html",
        pagamento=pagamento,
        termo=termo,
        linhas=found[:MOST_FOUND],
        ha_mais=len(found) > MOST_FOUND,
        busca_perdida=search_lost(),
    )


@blueprint.route("/<int:pagamento_id>/estornar", methods=["GET", "POST"])
@require(Permission.ESTORNAR)
def reverse(pagamento_id: int) -> str | Response:
    escopo = current_scope()
    pagamento = get_pagamento(escopo, pagamento_id)
    if pagamento is None:
        abort(404)
    if pagamento.estorno_de is not None or pagamento.estornado_por is not None:
        flash("Este lançamento já é um estorno ou já foi estornado.", "warn")
        return redirect(url_for("pagamentos.show", pagamento_id=pagamento_id))
    form = EstornoForm(typed(), data_estorno=today())
    if request.method == "POST" and form.validate():
        try:
            reverse_pagamento(
                escopo,
                pagamento_id,
                motivo=form.motivo.data or "",
                data=form.day(),
                autor_id=current_author_id(),
                agora=utc_now(),
            )
        except Invalid as error:
            form.add_error(error)
        except Conflict as error:
            flash(error.message, "warn")
            return redirect(url_for("pagamentos.show", pagamento_id=pagamento_id))
        else:
            flash(
                f"Pagamento de {format_brl(pagamento.valor)} estornado; as cotas voltaram a ficar em aberto.", "success"
            )
            return redirect(url_for("pagamentos.show", pagamento_id=pagamento_id))
    if request.method == "POST":
        return again(form)
    show_errors(form)
    return render_template("pagamentos/reverse.html", form=form, pagamento=pagamento)
