"""Printing and downloading lists: one function for all lists, and one audit row each time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, stream_template, stream_with_context
from flask_login import current_user
from werkzeug.wrappers import Response as WerkzeugResponse

from controles.auditoria import audit
from controles.contas.own_account import ask_again
from controles.contas.permissions import Permission, allowed, current_author_id, current_scope
from controles.domain.clock import today, utc_now
from controles.listas.files import CSV_TYPE, XLSX_TYPE, as_csv, as_xlsx
from controles.listas.tables import Kind, Table
from controles.organizacao.queries import get_organizacao, has_logo
from controles.services.transaction import transaction
from controles.web.query_string import write_filter
from controles.web.search_seal import FIELD

FORMATS: dict[str, tuple[str, Callable[[Table], Iterator[bytes]]]] = {
    "csv": (CSV_TYPE, as_csv),
    "xlsx": (XLSX_TYPE, as_xlsx),
}


@dataclass(frozen=True, slots=True)
class Lista:
    """A list that is requested as a whole: its name in addresses and files, and its number of rows."""

    nome: str
    table: Table
    filtro: Any
    linhas: int


def check_may_take(formato: str) -> None:
    """Refuse a file, with 403, to whoever may look at the list but not take it out of the application."""
    if formato != "imprimir" and not allowed(Permission.EXPORTAR):
        abort(403)


def sent(lista: Lista, formato: str) -> WerkzeugResponse:
    """The whole list as a page for printing or as a file; audited before its first row is sent.

    A file takes many people's data out of the application: both factors are required again, followed by a redirect
    back.
    """
    if formato != "imprimir":
        if formato not in FORMATS:
            abort(404)
        asked = ask_again()
        if asked is not None:
            return asked
    _record(lista, formato)
    if formato == "imprimir":
        page = stream_template(
            "listas/print.html",
            table=lista.table,
            linhas=lista.linhas,
            organizacao=get_organizacao(),
            emitido_em=utc_now(),
            por=current_user.nome,
            so_nucleo=current_scope().nucleo_id is not None,
            logo=has_logo(),
            Kind=Kind,
        )
        return Response(page, mimetype="text/html")
    mimetype, written = FORMATS[formato]
    name = f"{lista.nome}-{today():%Y-%m-%d}.{formato}"
    return Response(
        stream_with_context(written(lista.table)),
        mimetype=mimetype,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _record(lista: Lista, formato: str) -> None:
    # A search term names a person, so the audit records only that there was one.
    pairs = {name: value if name != FIELD else "…" for name, value in write_filter(lista.filtro).items()}
    with transaction() as session:
        audit.record(
            session,
            acao=f"{lista.nome}.{'imprimir' if formato == 'imprimir' else 'exportar'}",
            depois={
                "formato": formato,
                "filtro": pairs,
                "linhas": lista.linhas,
                "nucleo_id": current_scope().nucleo_id,
            },
            usuario_id=current_author_id(),
            agora=utc_now(),
        )
