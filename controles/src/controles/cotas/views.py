"""Cotas: the list by competência, and the monthly generation."""

import datetime as dt

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.cotas.forms import CANCEL, ONLY_WAIVE, DispensaForm, DispensaMesForm
from controles.cotas.queries import (
    all_cotas,
    count_open,
    get_cota,
    list_cotas,
    list_waivers,
    preview_cotas,
    totals_cotas,
)
from controles.cotas.records import EstadoCota, FiltroCotas, FiltroEstado, LinhaCota
from controles.cotas.services import check_month, generate_cotas
from controles.cotas.waiving import reopen_cota, undo_waiver, waive_cota, waive_month
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.money import format_brl
from controles.domain.periods import add_months, month_of
from controles.formularios.page import again, keep_sent, kept_here, show_errors, typed
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes.queries import get_militante, list_nucleos
from controles.web.formatting import competencia_long, plural
from controles.web.late_totals import asked_alone, now_or_later
from controles.web.query_string import ListLinks, read_filter

blueprint = Blueprint("cotas", __name__, url_prefix="/cotas", template_folder="templates")

# How many months before and after the current one can be chosen.
MONTHS_LISTED = 36
MONTHS_AHEAD = 2
MONTHS_BACK = 12


@blueprint.get("")
@require(Permission.VER)
def index() -> str:
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroCotas, request.args)
    if asked_alone():
        return render_template("cotas/_totals.html", filtro=filtro, totais=totals_cotas(escopo, filtro))
    of_whom = get_militante(escopo, filtro.militante_id, hoje=hoje) if filtro.militante_id is not None else None
    meses = _months(hoje, back=MONTHS_LISTED)
    if filtro.competencia is not None and filtro.competencia not in meses:
        meses = (filtro.competencia, *meses)
    return render_template(
        "cotas/index.html",
        filtro=filtro,
        links=ListLinks("cotas.index", filtro),
        de_quem=of_whom.nome_exibido if of_whom else None,
        pagina=list_cotas(escopo, filtro, hoje=hoje, cursor=request.args.get("cursor")),
        totais=now_or_later(totals_cotas, escopo, filtro),
        nucleos=list_nucleos(escopo),
        meses=meses,
        estados=FiltroEstado,
        escopo=escopo,
    )


@blueprint.get("/lista/<formato>")
@require(Permission.VER)
def whole(formato: str) -> Response:
    """All that the list shows on all its pages, to print or as a file."""
    check_may_take(formato)
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroCotas, request.args)
    rows = map(_whole_row, all_cotas(escopo, filtro, hoje=hoje))
    table = Table("Cotas", WHOLE_COLUMNS, rows, _words(escopo, filtro, hoje))
    return sent(Lista("cotas", table, filtro, totals_cotas(escopo, filtro).quantidade), formato)


WHOLE_COLUMNS = (
    Column("Militante"),
    Column("Competência"),
    Column("Vencimento", Kind.DATE),
    Column("Estado"),
    Column("Valor", Kind.MONEY),
    Column("Pago", Kind.MONEY),
)
ESTADO_NAMES = {
    EstadoCota.QUITADA: "Quitada",
    EstadoCota.VENCIDA: "Vencida",
    EstadoCota.DISPENSADA: "Dispensada",
    EstadoCota.PARCIAL: "Em parte",
    EstadoCota.A_VENCER: "A vencer",
    EstadoCota.SEM_COTA: "Sem cota",
}
_FILTRO_NAMES = {
    FiltroEstado.QUITADA: "quitadas",
    FiltroEstado.ABERTA: "em aberto",
    FiltroEstado.DISPENSADA: "dispensadas",
}


def _whole_row(line: LinhaCota) -> tuple[Cell, ...]:
    month = f"{line.competencia:%m/%Y}"
    return (line.militante, month, line.vencimento, ESTADO_NAMES[line.estado], line.valor, line.pago)


def _words(escopo: Escopo, filtro: FiltroCotas, hoje: dt.date) -> tuple[str, ...]:
    """The list's filter, in words for a printed heading."""
    words = [competencia_long(filtro.competencia)] if filtro.competencia else []
    if filtro.estado is not None:
        words.append(_FILTRO_NAMES[filtro.estado])
    if filtro.nucleo_id is not None:
        names = {nucleo.id: nucleo.nome for nucleo in list_nucleos(escopo)}
        words.append(f"núcleo {names.get(filtro.nucleo_id, filtro.nucleo_id)}")
    if filtro.militante_id is not None:
        of_whom = get_militante(escopo, filtro.militante_id, hoje=hoje)
        words.append(f"de {of_whom.nome_exibido}" if of_whom else "de um militante fora do seu alcance")
    return tuple(words)


@blueprint.route("/gerar", methods=["GET", "POST"])
@require(Permission.GERAR_COTAS)
def generate() -> str | Response:
    """GET shows what would be written for a competência; POST writes it."""
    escopo, hoje = current_scope(), today()
    competencia = _chosen_month(request.values.get("competencia", ""), month_of(hoje))
    guardado = kept_here() if request.method != "POST" else None
    problem = " ".join(guardado.geral) if guardado is not None else ""
    if request.method == "POST":
        try:
            lote = generate_cotas(escopo, competencia, autor_id=current_author_id(), agora=utc_now())
        except Invalid as error:
            token = keep_sent(geral=(error.message,))
            return redirect(url_for("cotas.generate", competencia=competencia.isoformat(), f=token), 303)
        else:
            what = plural(lote.novas, "nova", "novas")
            flash(
                f"Cotas de {competencia_long(competencia)}: {what}, {format_brl(lote.total)}; "
                f"{plural(lote.existentes, 'já existia', 'já existiam')}.",
                "success",
            )
            return redirect(url_for("cotas.generate", competencia=competencia.isoformat()), 303)
    try:
        check_month(competencia, hoje)
    except Invalid:
        if guardado is None:
            raise
        # The form was sent, and the page already shows what is wrong with it.
        competencia = month_of(hoje)
    return render_template(
        "cotas/generate.html",
        competencia=competencia,
        meses=_months(hoje, back=MONTHS_BACK),
        lote=preview_cotas(escopo, competencia),
        problem=problem,
        escopo=escopo,
    )


@blueprint.route("/<int:cota_id>/dispensar", methods=["GET", "POST"])
@require(Permission.GERAR_COTAS)
def waive(cota_id: int) -> str | Response:
    """Waive one cota, or undo its waiver."""
    escopo = current_scope()
    cota = get_cota(escopo, cota_id, hoje=today())
    if cota is None:
        abort(404)
    back = url_for("militantes.show", militante_id=cota.militante_id, ano=cota.competencia.year)
    form = DispensaForm(typed())
    if request.method == "POST":
        reopening = request.form.get("acao") == "reabrir"
        if reopening or form.validate():
            try:
                if reopening:
                    reopen_cota(escopo, cota_id, autor_id=current_author_id(), agora=utc_now())
                else:
                    waive_cota(
                        escopo,
                        cota_id,
                        motivo=form.motivo.data or "",
                        autor_id=current_author_id(),
                        agora=utc_now(),
                    )
            except Invalid as error:
                form.add_error(error)
                return again(form)
            except Conflict as error:
                flash(error.message, "warn")
            else:
                month = competencia_long(cota.competencia)
                flash(f"Cota de {month} {'reaberta' if reopening else 'dispensada'}.", "success")
            return redirect(back, 303)
        return again(form)
    show_errors(form)
    return render_template("cotas/waive.html", cota=cota, form=form, voltar=back)


@blueprint.route("/dispensar", methods=["GET", "POST"])
@require(Permission.GERAR_COTAS)
def waive_all() -> str | Response:
    """Waive all open cotas of a month, or cancel them; and undo that."""
    escopo, hoje = current_scope(), today()
    competencia = _chosen_month(request.values.get("competencia", ""), month_of(hoje))
    form = DispensaMesForm(typed(), modo=ONLY_WAIVE)
    if request.method == "POST":
        undone = request.form.get("desfazer", "")
        problem = _undo_month(escopo, undone) if undone else _waive_month(escopo, competencia, form)
        if problem:
            token = keep_sent(form, geral=(problem,) if problem is not FORM_SAYS else ())
            return redirect(url_for("cotas.waive_all", competencia=competencia.isoformat(), f=token), 303)
        return redirect(url_for("cotas.waive_all", competencia=competencia.isoformat()), 303)
    show_errors(form)
    abertas, total, sem_pagamento = count_open(escopo, competencia)
    return render_template(
        "cotas/waive_all.html",
        competencia=competencia,
        meses=_months(hoje, back=MONTHS_LISTED),
        form=form,
        abertas=abertas,
        total=total,
        sem_pagamento=sem_pagamento,
        dispensas=list_waivers(escopo, competencia),
        escopo=escopo,
    )


# Instead of a sentence: the errors are shown at the form's fields.
FORM_SAYS = "-"


def _waive_month(escopo: Escopo, competencia: dt.date, form: DispensaMesForm) -> str | None:
    if not form.validate():
        return FORM_SAYS
    try:
        waived = waive_month(
            escopo,
            competencia,
            motivo=form.motivo.data or "",
            cancel=form.modo.data == CANCEL,
            autor_id=current_author_id(),
            agora=utc_now(),
        )
    except Invalid as error:
        form.add_error(error)
        return FORM_SAYS
    except Conflict as error:
        return error.message
    what = plural(waived.quantidade, "cota dispensada", "cotas dispensadas")
    flash(f"{what} em {competencia_long(competencia)}, {format_brl(waived.total)}.", "success")
    return None


def _undo_month(escopo: Escopo, written: str) -> str | None:
    if not (written.isascii() and written.isdigit()):
        return "Esta dispensa não existe."
    try:
        count = undo_waiver(escopo, int(written[:18]), autor_id=current_author_id(), agora=utc_now())
    except (Conflict, NotFound) as error:
        return error.message
    flash(f"Dispensa desfeita: {plural(count, 'cota voltou', 'cotas voltaram')} a ficar em aberto.", "success")
    return None


def _months(hoje: dt.date, *, back: int) -> tuple[dt.date, ...]:
    """The months, newest first."""
    return tuple(add_months(hoje, months) for months in range(MONTHS_AHEAD, -back, -1))


def _chosen_month(written: str, default: dt.date) -> dt.date:
    try:
        return month_of(dt.date.fromisoformat(written)) if written else default
    except ValueError:
        return default
