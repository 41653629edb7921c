"""Reminders: the preview of a month, sending them, and the state of each."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import cast

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import LOCAL_ZONE, today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.periods import add_months, month_of
from controles.lembretes.mail import mailer_of
from controles.lembretes.message import text, whatsapp_link
from controles.lembretes.models import Canal, Estado, Regra
from controles.lembretes.queries import (
    all_lembretes,
    count_lembretes,
    count_waiting,
    get_lembrete,
    get_month,
    list_lembretes,
    preview,
    rest_of,
)
from controles.lembretes.records import Envio, FiltroHistorico, FiltroLembretes, LinhaLembrete, Pedido
from controles.lembretes.sending import send_waiting
from controles.lembretes.services import (
    TO_SEND_AGAIN,
    mark_month,
    register_lembretes,
    send_again,
    set_silent,
)
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes.queries import get_militante
from controles.organizacao.queries import get_organizacao
from controles.settings.config import Settings
from controles.web.formatting import competencia, competencia_long, plural
from controles.web.query_string import ListLinks, address, read_filter, write_filter

blueprint = Blueprint("lembretes", __name__, url_prefix="/lembretes", template_folder="templates")

MONTHS_LISTED = 24
# A browser gives up on a page that takes too long; the rest waits for the next press of the button.
BUDGET = dt.timedelta(seconds=15)

REGRA_NAMES = {Regra.AVISO: "Quem deve este mês", Regra.TRES_MESES: "Quem deve este e mais dois ou mais"}
CANAL_NAMES = {Canal.EMAIL: "E-mail", Canal.WHATSAPP: "WhatsApp"}
ESTADO_NAMES = {
    Estado.A_ENVIAR: "Na fila",
    Estado.ENVIANDO: "Incerto",
    Estado.ENVIADO: "Enviado",
    Estado.FALHOU: "Recusado",
    Estado.CANCELADO: "Já pago",
}
ESTADO_TONES = {Estado.ENVIADO: "ok", Estado.FALHOU: "danger", Estado.ENVIANDO: "warn", Estado.A_ENVIAR: "brand-badge"}


@blueprint.get("")
@require(Permission.REGISTRAR_PAGAMENTOS)
def index() -> str:
    """Who would get a month's reminder, each with the whole message."""
    escopo, hoje = current_scope(), today()
    filtro = _filter(request.args, hoje)
    assert filtro.competencia is not None
    organizacao = get_organizacao()
    pagina = preview(escopo, filtro, hoje=hoje, cursor=request.args.get("cursor"))
    messages = {
        linha.id: text(linha.nome, linha.meses, linha.valor, organizacao, militante_id=linha.id)
        for linha in pagina.linhas
    }
    return render_template(
        "lembretes/index.html",
        filtro=filtro,
        links=ListLinks("lembretes.index", filtro),
        pagina=pagina,
        mensagens=messages,
        com_whatsapp={linha.id for linha in pagina.linhas if whatsapp_link(linha.telefone, "")},
        com_email=sum(1 for linha in pagina.linhas if linha.email),
        mes=get_month(filtro.competencia),
        meses=[add_months(hoje, -back) for back in range(MONTHS_LISTED)],
        regras=REGRA_NAMES,
        na_fila=count_waiting(escopo),
        em_arquivo=_settings().mail_url is None,
        escopo=escopo,
        pares=write_filter(filtro),
    )


@blueprint.post("/mes")
@require(Permission.REGISTRAR_PAGAMENTOS)
def mark() -> Response:
    """Record that a month's payments were all entered, or that they were not after all."""
    filtro = _filter(request.form, today())
    assert filtro.competencia is not None
    complete = request.form.get("completo") == "1"
    try:
        mark_month(
            current_scope(), filtro.competencia, completo=complete, autor_id=current_author_id(), agora=utc_now()
        )
    except Invalid as error:
        flash(error.message, "warn")
    else:
        stands = "completo: já se pode lembrar" if complete else "incompleto: ninguém é lembrado dele"
        flash(f"{competencia_long(filtro.competencia).capitalize()} marcado como {stands}.", "success")
    return _back(filtro)


@blueprint.post("/enviar")
@require(Permission.REGISTRAR_PAGAMENTOS)
def send() -> Response:
    """Record a reminder for everybody who is ticked, and send as many as there is time for."""
    escopo, hoje = current_scope(), today()
    filtro = _filter(request.form, hoje)
    picked = tuple(request.form.getlist("militante_ids", type=int))
    if not picked:
        flash("Ninguém está marcado; marque quem deve receber.", "warn")
        return _back(filtro)
    try:
        made = register_lembretes(
            escopo,
            Pedido(filtro=filtro, militante_ids=picked, canal=Canal.EMAIL),
            autor_id=current_author_id(),
            agora=utc_now(),
            hoje=hoje,
        )
    except (Conflict, Invalid) as error:
        flash(error.message, "warn")
        return _back(filtro)
    if len(made) < len(set(picked)):
        passed = plural(len(set(picked)) - len(made), "pessoa marcada já foi lembrada", "pessoas marcadas já foram")
        flash(f"{passed}, pagaram neste meio-tempo ou não têm e-mail: não foram lembradas.", "warn")
    _say(_deliver())
    return _back(filtro)


@blueprint.post("/continuar")
@require(Permission.REGISTRAR_PAGAMENTOS)
def go_on() -> Response:
    """Send the pending reminders."""
    _say(_deliver())
    return _back(_filter(request.form, today()))


@blueprint.post("/whatsapp/<int:militante_id>")
@require(Permission.REGISTRAR_PAGAMENTOS)
def whatsapp(militante_id: int) -> Response:
    """Record that this person is reminded by WhatsApp; the next page opens it with the message."""
    hoje = today()
    filtro = _filter(request.form, hoje)
    try:
        made = register_lembretes(
            current_scope(),
            Pedido(filtro=filtro, militante_ids=(militante_id,), canal=Canal.WHATSAPP),
            autor_id=current_author_id(),
            agora=utc_now(),
            hoje=hoje,
        )
    except (Conflict, Invalid) as error:
        flash(error.message, "warn")
        return _back(filtro)
    if not made:
        flash("Esta pessoa já foi lembrada, pagou neste meio-tempo ou não tem telefone.", "warn")
        return _back(filtro)
    return redirect(url_for("lembretes.show", lembrete_id=made[0]), 303)


@blueprint.post("/silenciar/<int:militante_id>")
@require(Permission.REGISTRAR_PAGAMENTOS)
def silence(militante_id: int) -> Response:
    """Do not remind this person any more, or remind them again."""
    hoje = today()
    motivo = request.form.get("motivo", "")
    try:
        set_silent(
            current_scope(), militante_id, motivo=motivo, autor_id=current_author_id(), agora=utc_now(), hoje=hoje
        )
    except Invalid as error:
        flash(error.message, "warn")
    else:
        said = "Esta pessoa não será mais lembrada." if motivo.strip() else "Esta pessoa volta a ser lembrada."
        flash(said, "success")
    return _back(_filter(request.form, hoje))


@blueprint.get("/historico")
@require(Permission.REGISTRAR_PAGAMENTOS)
def history() -> str:
    escopo = current_scope()
    filtro = read_filter(FiltroHistorico, request.args)
    of_whom = None
    if filtro.militante_id is not None:
        of_whom = get_militante(escopo, filtro.militante_id, hoje=today())
    return render_template(
        "lembretes/history.html",
        filtro=filtro,
        links=ListLinks("lembretes.history", filtro),
        de_quem=of_whom.nome_exibido if of_whom else None,
        pagina=list_lembretes(escopo, filtro, cursor=request.args.get("cursor")),
        estados=ESTADO_NAMES,
        tons=ESTADO_TONES,
        canais=CANAL_NAMES,
    )


@blueprint.get("/historico/lista/<formato>")
@require(Permission.REGISTRAR_PAGAMENTOS)
def whole(formato: str) -> Response:
    """All that the history shows on all its pages, to print or as a file."""
    check_may_take(formato)
    escopo = current_scope()
    filtro = read_filter(FiltroHistorico, request.args)
    words = [ESTADO_NAMES[filtro.estado].lower()] if filtro.estado is not None else []
    words += ["de um militante"] if filtro.militante_id is not None else []
    table = Table("Lembretes", WHOLE_COLUMNS, map(_whole_row, all_lembretes(escopo, filtro)), tuple(words))
    return sent(Lista("lembretes", table, filtro, count_lembretes(escopo, filtro)), formato)


WHOLE_COLUMNS = (
    Column("Número", Kind.NUMBER),
    Column("Dia", Kind.DATE),
    Column("Militante"),
    Column("Competência"),
    Column("Regra"),
    Column("Canal"),
    Column("Estado"),
    Column("Cotas vencidas", Kind.NUMBER),
    Column("Valor", Kind.MONEY),
    Column("Por"),
    Column("Erro"),
)


def _whole_row(line: LinhaLembrete) -> tuple[Cell, ...]:
    day = line.criado_em.astimezone(LOCAL_ZONE).date()
    kind = (REGRA_NAMES[line.regra], CANAL_NAMES[line.canal], ESTADO_NAMES[line.estado])
    month = competencia(line.competencia)
    return (line.id, day, line.militante, month, *kind, line.meses, line.valor, line.criado_por, line.erro)


@blueprint.get("/<int:lembrete_id>")
@require(Permission.REGISTRAR_PAGAMENTOS)
def show(lembrete_id: int) -> str:
    escopo, hoje = current_scope(), today()
    lembrete = get_lembrete(escopo, lembrete_id)
    if lembrete is None:
        abort(404)
    ficha = get_militante(escopo, lembrete.militante_id, hoje=hoje)
    rest, organizacao = rest_of(escopo, lembrete.militante_id, hoje=hoje), get_organizacao()
    message = None
    if rest is not None:
        message = text(lembrete.militante, *rest, organizacao, militante_id=lembrete.militante_id)
    link = whatsapp_link(ficha.telefone, message) if ficha is not None and message is not None else None
    return render_template(
        "lembretes/show.html",
        lembrete=lembrete,
        mensagem=message,
        whatsapp=link if lembrete.canal is Canal.WHATSAPP else None,
        estado=ESTADO_NAMES[lembrete.estado],
        tom=ESTADO_TONES.get(lembrete.estado, ""),
        canal=CANAL_NAMES[lembrete.canal],
        regra=REGRA_NAMES[lembrete.regra],
        repetivel=lembrete.estado in TO_SEND_AGAIN,
        incerto=lembrete.estado is Estado.ENVIANDO,
    )


@blueprint.post("/<int:lembrete_id>/de-novo")
@require(Permission.REGISTRAR_PAGAMENTOS)
def repeat(lembrete_id: int) -> Response:
    try:
        send_again(current_scope(), lembrete_id, autor_id=current_author_id(), agora=utc_now())
    except Conflict as error:
        flash(error.message, "warn")
    else:
        _say(_deliver())
    return redirect(url_for("lembretes.show", lembrete_id=lembrete_id), 303)


def _filter(pairs: Mapping[str, str], hoje: dt.date) -> FiltroLembretes:
    """The filter that was sent; without a month it is the present one, and any day means its month."""
    filtro = read_filter(FiltroLembretes, pairs)
    return dataclasses.replace(filtro, competencia=month_of(filtro.competencia or hoje))


def _back(filtro: FiltroLembretes) -> Response:
    return redirect(address(url_for("lembretes.index"), write_filter(filtro)), 303)


def _settings() -> Settings:
    return cast(Settings, current_app.extensions["settings"])


def _deliver() -> Envio:
    return send_waiting(
        current_scope(),
        mailer_of(_settings()),
        get_organizacao.uncached(),
        autor_id=current_author_id(),
        clock=utc_now,
        budget=BUDGET,
    )


def _say(done: Envio) -> None:
    if done.enviados:
        flash(f"{plural(done.enviados, 'lembrete enviado', 'lembretes enviados')}.", "success")
    if done.cancelados:
        flash(
            f"{plural(done.cancelados, 'pessoa pagou', 'pessoas pagaram')} antes do envio e não foi lembrada.", "warn"
        )
    if done.falhas:
        flash(f"{plural(done.falhas, 'lembrete recusado', 'lembretes recusados')}; veja no histórico.", "warn")
    if done.problema:
        flash(done.problema, "danger")
