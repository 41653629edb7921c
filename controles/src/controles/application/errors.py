"""The error pages: what went wrong, in the reader's words, and what to do next. The API has problems instead."""

from dataclasses import dataclass

import structlog
from flask import Flask, Response, current_app, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException

from controles.api.answers import is_api, problem
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.formularios.page import after_lost_token
from controles.web.logs import request_id

_log = structlog.stdlib.get_logger("controles.errors")


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """A title, and a text that says what happened and what to do."""

    title: str
    text: str


PAGES = {
    400: ErrorPage("Pedido incompleto", "O navegador enviou algo que não deu para entender. Volte e tente de novo."),
    403: ErrorPage("Sem permissão", "O seu papel não permite fazer isto. Se precisar, fale com a administração."),
    404: ErrorPage("Página não encontrada", "O endereço não existe, ou o registro não está ao seu alcance."),
    405: ErrorPage("Ação não aceita aqui", "Esta página não aceita esse tipo de pedido. Volte e use o botão da tela."),
    409: ErrorPage(
        "Alguém mudou isto antes",
        "Outra pessoa alterou este registro enquanto você o editava. Nada foi salvo: abra de novo e confira.",
    ),
    413: ErrorPage("Arquivo grande demais", "O que foi enviado passa do tamanho aceito. Envie em partes menores."),
    429: ErrorPage("Tentativas demais", "Houve pedidos demais em pouco tempo. Espere um minuto e tente de novo."),
    500: ErrorPage(
        "Algo deu errado",
        "O erro foi anotado; o que não foi confirmado não foi salvo. Tente de novo; se repetir, avise a administração.",
    ),
    503: ErrorPage(
        "O banco de dados não respondeu",
        "Nada foi salvo. Espere um minuto e tente de novo; se repetir, avise a administração.",
    ),
}


def _page(status: int, *, text: str | None = None) -> Response:
    if is_api():
        return problem(status, text)
    page = PAGES.get(status) or PAGES[500 if status >= 500 else 400]
    html = render_template(
        "errors/error.html", title=page.title, text=text or page.text, status=status, request_id=request_id()
    )
    return make_response(html, status)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    # Redirects raised by the routing, and responses that a view has raised itself.
    if error.code is None or error.code < 400 or error.response is not None:
        return error
    if error.code == 401:
        return current_app.login_manager.unauthorized()  # type: ignore[attr-defined,no-any-return]
    response = _page(error.code)
    # Keep Allow, Retry-After and similar headers.
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value
    return response


def _csrf_error(_error: CSRFError) -> ResponseReturnValue:
    if request.endpoint == "contas.login":
        flash("A página ficou aberta tempo demais. Tente de novo.", "warn")
        return redirect(url_for("contas.login"))
    elsewhere = after_lost_token()
    if elsewhere is not None:
        return elsewhere
    return _page(400, text="A página ficou aberta tempo demais ou a sessão mudou. Volte, recarregue e envie de novo.")


def _not_found(error: NotFound) -> ResponseReturnValue:
    return _page(404, text=error.message)


def _conflict(error: Conflict) -> ResponseReturnValue:
    return _page(409, text=error.message)


def _invalid(error: Invalid) -> ResponseReturnValue:
    return _page(400, text=error.message)


def _database_down(error: OperationalError | InterfaceError) -> ResponseReturnValue:
    _log.error("database", exc_info=error)
    return _page(503)


def init_app(app: Flask) -> None:
    """Use these pages for the errors of `app`."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Conflict, _conflict)
    app.register_error_handler(Invalid, _invalid)
    app.register_error_handler(OperationalError, _database_down)
    app.register_error_handler(InterfaceError, _database_down)
