"""Closing months: a year's list, one month with what is still to be done, and reopening a month."""

import datetime as dt

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_author_id, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.periods import add_months, last_day, month_of
from controles.fechamento import balancete_pages
from controles.fechamento.balancete_pages import GRUPO_NAMES
from controles.fechamento.balancete_queries import get_balancete
from controles.fechamento.closed_months import is_closed
from controles.fechamento.forms import FecharForm, ReabrirForm
from controles.fechamento.months_in_paths import month_in_path
from controles.fechamento.queries import get_last_closed, get_pending, list_closings, list_months
from controles.fechamento.services import FIRST_YEAR, close_month, reopen_month
from controles.formularios.page import again, show_errors, typed
from controles.web.formatting import competencia_long

blueprint = Blueprint("fechamento", __name__, url_prefix="/fechamento", template_folder="templates")
balancete_pages.add_to(blueprint)


@blueprint.get("")
@require(Permission.FECHAR)
def index() -> str:
    """The months of a year: which ones are closed, and which one is the next to close."""
    hoje = today()
    ano = _year(request.args.get("ano", ""), hoje)
    closed = get_last_closed()
    return render_template(
        "fechamento/index.html",
        ano=ano,
        hoje=hoje,
        meses=list_months(ano, hoje=hoje),
        primeiro_ano=FIRST_YEAR,
        ultimo_fechado=closed,
        proximo=_next(closed, hoje),
    )


@blueprint.route("/<mes>", methods=["GET", "POST"])
@require(Permission.FECHAR)
def month(mes: str) -> str | Response:
    """One month: what is still to be done, and closing it."""
    competencia = month_in_path(mes)
    closed = get_last_closed()
    form = FecharForm(typed())
    if request.method == "POST":
        try:
            close_month(
                competencia,
                com_pendencias=bool(form.com_pendencias.data),
                autor_id=current_author_id(),
                agora=utc_now(),
                hoje=today(),
            )
        except Invalid as error:
            form.add_error(error)
            return again(form)
        except Conflict as error:
            flash(error.message, "warn")
        else:
            flash(f"O mês de {competencia_long(competencia)} está fechado.", "success")
        return redirect(url_for("fechamento.month", mes=mes), 303)
    show_errors(form)
    return render_template(
        "fechamento/month.html",
        mes=mes,
        competencia=competencia,
        fechado=is_closed(closed, competencia),
        ultimo_fechado=closed,
        acabou=add_months(competencia, 1) <= today(),
        pendencias=get_pending(competencia),
        registros=list_closings(competencia),
        form=form,
        balancete=get_balancete(competencia),
        grupos=GRUPO_NAMES,
        ultimo_dia=last_day(competencia),
    )


@blueprint.route("/<mes>/reabrir", methods=["GET", "POST"])
@require(Permission.ADMINISTRAR)
def reopen(mes: str) -> str | Response:
    """Reopen the last closed month, with a reason."""
    competencia = month_in_path(mes)
    form = ReabrirForm(typed())
    if request.method == "POST":
        if form.validate():
            try:
                reopen_month(competencia, motivo=form.motivo.data or "", autor_id=current_author_id(), agora=utc_now())
            except Invalid as error:
                form.add_error(error)
            except Conflict as error:
                flash(error.message, "warn")
                return redirect(url_for("fechamento.index", ano=competencia.year), 303)
            else:
                flash(f"O mês de {competencia_long(competencia)} está aberto de novo.", "success")
                return redirect(url_for("fechamento.month", mes=mes), 303)
        return again(form)
    closed = get_last_closed()
    if closed != competencia:
        flash("Só o último mês fechado pode ser reaberto.", "warn")
        return redirect(url_for("fechamento.index", ano=competencia.year), 303)
    show_errors(form)
    return render_template("fechamento/reopen.html", form=form, mes=mes, competencia=competencia)


def _year(written: str, hoje: dt.date) -> int:
    if written.isascii() and written.isdigit() and len(written) == 4 and FIRST_YEAR <= int(written) <= hoje.year:
        return int(written)
    return hoje.year


def _next(closed: dt.date | None, hoje: dt.date) -> dt.date | None:
    """The next month to close: after the last closed one, else the last one that has ended; None if it has not
    ended."""
    following = add_months(closed, 1) if closed is not None else add_months(month_of(hoje), -1)
    return following if following < month_of(hoje) else None
