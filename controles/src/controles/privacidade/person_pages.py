"""One person's privacy: a copy of their data, their requests, and anonymising."""

import datetime as dt

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse
from wtforms import Form

from controles.auditoria import audit
from controles.contas.own_account import ask_again, require_confirmed
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import LOCAL_ZONE, today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, here, keep_sent, show_errors, typed
from controles.impressos.paper import PDF_TYPE
from controles.militantes.models import Situacao
from controles.militantes.queries import get_militante
from controles.militantes.records import FichaMilitante
from controles.militantes.standing_pages import version_of
from controles.organizacao.queries import get_organizacao
from controles.privacidade.anonymising import anonymise
from controles.privacidade.forms import TIPO_NAMES, AnonimizarForm
from controles.privacidade.person_queries import personal_data
from controles.privacidade.printing import as_json, as_pdf
from controles.privacidade.queries import list_solicitacoes
from controles.privacidade.records import FiltroSolicitacoes
from controles.services.transaction import transaction

FORMATS = {"json": ("application/json", as_json), "pdf": (PDF_TYPE, as_pdf)}


def add_to(blueprint: Blueprint) -> None:
    """Add these pages to the blueprint of privacidade."""
    path = "/pessoa/<int:militante_id>"
    blueprint.add_url_rule(path, "person", person)
    blueprint.add_url_rule(f"{path}/dados/<formato>", "copy", copy)
    blueprint.add_url_rule(f"{path}/anonimizar", "anonymous", anonymous, methods=["GET", "POST"])


@require(Permission.EDITAR_MILITANTES)
def person(militante_id: int) -> str:
    ficha = _ficha(militante_id)
    filtro = FiltroSolicitacoes(militante_id=militante_id)
    return render_template(
        "privacidade/person.html",
        ficha=ficha,
        pagina=list_solicitacoes(current_scope(), filtro, hoje=today(), limit=20),
        hoje=today(),
        tipos=TIPO_NAMES,
        desligado=ficha.situacao is Situacao.DESLIGADO,
    )


@require(Permission.EDITAR_MILITANTES)
def copy(militante_id: int, formato: str) -> WerkzeugResponse:
    """All that is stored about a person, as a file; audited before it is sent, and only after both factors."""
    if formato not in FORMATS:
        abort(404)
    _ficha(militante_id)
    asked = ask_again()
    if asked is not None:
        return asked
    dados = personal_data(current_scope(), militante_id)
    if dados is None:
        abort(404)
    mimetype, write = FORMATS[formato]
    content = write(dados, get_organizacao(), made_at=utc_now())
    with transaction() as session:
        audit.record(
            session,
            acao="militante.dados_pessoais",
            tabela="militante",
            registro_id=militante_id,
            depois={"formato": formato, "linhas": dict(dados.linhas)},
            usuario_id=current_author_id(),
            agora=utc_now(),
        )
    name = f"dados-pessoais-{militante_id}.{formato}"
    return Response(content, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@require(Permission.ADMINISTRAR)
@require_confirmed
def anonymous(militante_id: int) -> str | WerkzeugResponse:
    """The confirmation, and anonymising."""
    ficha = _ficha(militante_id)
    back = url_for("privacidade.person", militante_id=militante_id)
    if ficha.anonimizado or ficha.situacao is not Situacao.DESLIGADO:
        done = "Os dados desta pessoa já foram anonimizados."
        flash(done if ficha.anonimizado else "Só quem foi desligado pode ser anonimizado.", "warn")
        return redirect(back, 303)
    form = AnonimizarForm(typed(), versao=ficha.versao)
    if request.method != "POST":
        show_errors(form)
        form.versao.data = str(ficha.versao)
        return render_template("privacidade/anonymous.html", form=form, ficha=ficha)
    if form.validate() and form.matricula.data != ficha.matricula:
        form.add_error(Invalid("matricula", f"Não é esta: a matrícula na ficha é {ficha.matricula}."))
    if form.errors:
        return again(form)
    try:
        anonymise(
            current_scope(),
            militante_id,
            versao=version_of(form.versao.data),
            motivo=form.motivo.data or "",
            autor_id=current_author_id(),
            agora=utc_now(),
        )
    except Invalid as error:
        form.add_error(error)
        return again(form)
    except Conflict as error:
        form.add_error(Invalid("", error.message))
        return again(form)
    flash("Os dados desta pessoa foram anonimizados; nenhuma soma mudou.", "success")
    return redirect(back, 303)


def again_for(form: Form, militante_id: int | None) -> WerkzeugResponse:
    """`again` for a page whose address names a militante."""
    query = {} if militante_id is None else {"militante_id": militante_id}
    return redirect(here(f=keep_sent(form), **query), 303)


def local_day(instant: dt.datetime) -> dt.date:
    """The day of an instant on the local clock."""
    return instant.astimezone(LOCAL_ZONE).date()


def day_before(day: dt.date) -> dt.date:
    """The last day that is before `day`."""
    return day - dt.timedelta(days=1)


def _ficha(militante_id: int) -> FichaMilitante:
    ficha = get_militante(current_scope(), militante_id, hoje=today())
    if ficha is None:
        abort(404)
    return ficha
