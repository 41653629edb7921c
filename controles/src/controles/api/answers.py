"""How the API is asked and answers: the token, the parameters, ETags, and problems as RFC 9457 writes them."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from flask import Response, request, url_for

from controles.api.operations import Operacao
from controles.api.parameters import read_parameters
from controles.api.queries import get_portador
from controles.api.records import Pagina, ParametroErrado, Portador, Problema
from controles.api.tokens import note_use
from controles.contas.permissions import PERMISSIONS, Permission
from controles.domain.clock import today, utc_now
from controles.web.logs import request_id

PATHS = "/api/"
PROBLEM_TYPE = "application/problem+json"
DESCRIPTION = "O que a API oferece está em /api/v1/openapi.json."
_INVALID = (
    "O token não vale: está errado, expirou, foi revogado, ou a sua conta não pode mais exportar. "
    "Faça outro em “Sua conta”, “Tokens da API”."
)
TEXTS = {
    400: "O pedido tem caracteres que não se veem, ou não deu para entender.",
    404: f"Este endereço não existe. {DESCRIPTION}",
    405: f"A API só lê: use GET. {DESCRIPTION}",
    413: "O pedido passa do tamanho aceito.",
    429: "Houve pedidos demais em pouco tempo. Espere os segundos de Retry-After e tente de novo.",
    500: "O erro foi anotado. Tente de novo; se repetir, mande à administração o número deste pedido.",
    503: "O banco de dados não respondeu. Espere um minuto e tente de novo.",
}

# A view gets the escopo of the token's user, the parameters by name, and what is in its path.
View = Callable[..., object]


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        erros: tuple[ParametroErrado, ...] = (),
        authenticate: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.erros = status, detail, erros
        self.authenticate = authenticate

    def answer(self) -> Response:
        response = problem(self.status, self.detail, erros=self.erros)
        if self.authenticate is not None:
            response.headers["WWW-Authenticate"] = self.authenticate
        return response


def is_api() -> bool:
    """Whether this request is for the API, even at an address that does not exist."""
    return request.path.startswith(PATHS)


def problem(status: int, detail: str | None = None, *, erros: tuple[ParametroErrado, ...] = ()) -> Response:
    """A problem; without a detail the text for its status."""
    text = detail or TEXTS.get(status) or TEXTS[500 if status >= 500 else 400]
    title = HTTPStatus(status).phrase
    body = Problema(title=title, status=status, detail=text, pedido=request_id(), erros=erros)
    return Response(msgspec.json.encode(body), status, content_type=PROBLEM_TYPE)


def serves(operation: Operacao) -> Callable[[View], Callable[..., Response]]:
    """Answer `operation` for a token that may read it: with the view's result as JSON, or 304 if it is unchanged."""

    def decorate(view: View) -> Callable[..., Response]:
        @wraps(view)
        def guarded(**path: Any) -> Response:
            portador = _portador(operation)
            values, wrong = read_parameters(operation.parametros, request.args.items(multi=True))
            if wrong:
                raise Refused(400, "Há parâmetros que não servem; `erros` diz quais.", erros=wrong)
            note_use(portador, operation.recurso, hoje=today(), agora=utc_now())
            return _answered(view(portador.escopo, values, **path))

        # For the test that asks for each with every role.
        guarded.operation = operation  # type: ignore[attr-defined]
        return guarded

    return decorate


def page(linhas: tuple[Any, ...], proximo: str | None, anterior: str | None, cursor: str | None) -> Pagina[Any]:
    """A page of items. After the first page there is always a previous one: a list that ignored its cursor has none,
    and would otherwise begin again without a word."""
    if cursor is not None and anterior is None:
        raise Refused(
            409, "O cursor não serve aqui, ou a linha em que estava não existe mais. Comece de novo, sem ele."
        )
    return Pagina(linhas, proximo)


def _portador(operation: Operacao) -> Portador:
    # Only this header counts: a browser sends cookies wherever a stranger's page tells it to.
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        detail = "Mande o token no cabeçalho Authorization: Bearer …. Ele se faz em “Sua conta”, “Tokens da API”."
        raise Refused(401, detail, authenticate='Bearer realm="Controles"')
    found = get_portador(given.token, operation.recurso, hoje=today(), agora=utc_now())
    # To read everything by program is to export it.
    if found is None or Permission.EXPORTAR not in PERMISSIONS[found.papel]:
        raise Refused(401, _INVALID, authenticate='Bearer realm="Controles", error="invalid_token"')
    structlog.contextvars.bind_contextvars(api_token=found.token_id)
    if operation.acesso not in found.acessos:
        raise Refused(
            403,
            f"O token não tem o acesso “{operation.acesso}”. Faça outro que o tenha.",
            authenticate=f'Bearer realm="Controles", error="insufficient_scope", scope="{operation.acesso}"',
        )
    return found


def _answered(result: object) -> Response:
    response = Response(msgspec.json.encode(result), content_type="application/json")
    if isinstance(result, Pagina) and result.proximo is not None:
        values = {**request.args.to_dict(), "cursor": result.proximo}
        following = url_for(request.endpoint or "", **{**(request.view_args or {}), **values})
        response.headers["Link"] = f'<{following}>; rel="next"'
    response.add_etag()
    # A program may keep the answer for itself, and has to ask each time whether it still holds.
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.add("Authorization")
    response.make_conditional(request)
    return response
