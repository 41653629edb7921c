"""The pages that change a militante's standing: licença, its end, desligamento, its undoing, readmissão."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.formularios.page import again, show_errors, typed
from controles.militantes.forms import DesfazerForm, DesligamentoForm, LicencaForm, VoltaForm
from controles.militantes.models import Situacao
from controles.militantes.queries import get_militante
from controles.militantes.records import FichaMilitante
from controles.militantes.standing import Mudanca, end_leave, end_membership, rejoin, start_leave, undo_end
from controles.web.form_fields import PageForm
from controles.web.formatting import plural


@dataclass(frozen=True, slots=True)
class Page:
    """One change: its form, what the form does, who may open it, and the message afterwards."""

    form: Callable[..., PageForm]
    first_day: str | None
    allowed: frozenset[Situacao]
    act: Callable[[Escopo, Mudanca, PageForm], int]
    done: Callable[[int], str]


def _waived(count: int) -> str:
    return f" {plural(count, 'cota foi dispensada', 'cotas foram dispensadas')}." if count else ""


def _reopened(count: int) -> str:
    return f" {plural(count, 'cota voltou', 'cotas voltaram')} a ficar em aberto." if count else ""


PAGES = {
    "leave": Page(
        LicencaForm,
        "dia",
        frozenset({Situacao.ATIVO}),
        lambda escopo, mudanca, form: start_leave(escopo, mudanca, prevista_ate=form["prevista_ate"].data),
        lambda count: f"Licença registrada.{_waived(count)}",
    ),
    "back": Page(
        VoltaForm,
        "dia",
        frozenset({Situacao.LICENCIADO}),
        lambda escopo, mudanca, _form: end_leave(escopo, mudanca),
        lambda count: f"Retorno registrado.{_reopened(count)}",
    ),
    "end": Page(
        DesligamentoForm,
        "data_desligamento",
        frozenset({Situacao.ATIVO, Situacao.LICENCIADO}),
        lambda escopo, mudanca, _form: end_membership(escopo, mudanca),
        lambda count: f"Desligamento registrado.{_waived(count)}",
    ),
    "undo": Page(
        DesfazerForm,
        None,
        frozenset({Situacao.DESLIGADO}),
        lambda escopo, mudanca, _form: undo_end(escopo, mudanca),
        lambda count: f"Desligamento desfeito.{_reopened(count)}",
    ),
    "rejoin": Page(
        VoltaForm,
        "dia",
        frozenset({Situacao.DESLIGADO}),
        lambda escopo, mudanca, _form: rejoin(escopo, mudanca),
        lambda count: f"Readmissão registrada.{_reopened(count)}",
    ),
}
_PATHS = {
    "leave": "licenca",
    "back": "retorno",
    "end": "desligar",
    "undo": "desfazer-desligamento",
    "rejoin": "readmitir",
}


def add_to(blueprint: Blueprint) -> None:
    """Add these pages to the blueprint of militantes."""
    for name, path in _PATHS.items():
        blueprint.add_url_rule(f"/<int:militante_id>/{path}", name, _view(name), methods=["GET", "POST"])


def version_of(written: str | None) -> int:
    """The version that a page was opened with; 0, which no row has, if the field was tampered with."""
    written = written or ""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0


def _view(name: str) -> Callable[[int], str | Response]:
    @require(Permission.EDITAR_MILITANTES)
    def view(militante_id: int) -> str | Response:
        return _change(name, PAGES[name], militante_id)

    return view


def _change(name: str, page: Page, militante_id: int) -> str | Response:
    escopo, hoje = current_scope(), today()
    ficha = get_militante(escopo, militante_id, hoje=hoje)
    if ficha is None:
        abort(404)
    if ficha.situacao not in page.allowed:
        flash("A situação deste militante mudou; veja o histórico.", "warn")
        return redirect(url_for("militantes.show", militante_id=militante_id), 303)
    first = {} if page.first_day is None else {page.first_day: hoje}
    form = page.form(typed(), versao=ficha.versao, **first)
    if request.method == "POST":
        if form.validate():
            done = _act(escopo, page, form, militante_id)
            if done is not None:
                flash(done, "success")
                return redirect(url_for("militantes.show", militante_id=militante_id), 303)
        return again(form)
    show_errors(form)
    # A form for an older version is shown with the present data beside it, and can be sent again.
    form["versao"].data = str(ficha.versao)
    return render_template(f"militantes/{name}.html", form=form, ficha=ficha, desde=_last_day(ficha))


def _act(escopo: Escopo, page: Page, form: PageForm, militante_id: int) -> str | None:
    day = today() if page.first_day is None else form[page.first_day].data
    mudanca = Mudanca(
        militante_id=militante_id,
        data=day,
        motivo=form["motivo"].data or None,
        versao=version_of(form["versao"].data),
        autor_id=current_author_id(),
        agora=utc_now(),
    )
    try:
        return page.done(page.act(escopo, mudanca, form))
    except Invalid as error:
        form.add_error(error)
    except Conflict as error:
        form.add_error(Invalid("", error.message))
    return None


def _last_day(ficha: FichaMilitante) -> dt.date | None:
    return ficha.historico[-1].desde if ficha.historico else None
