"""Receipts: the list, one receipt, its PDF, many at once; annual statements; and the public page that checks a code."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from controles.auditoria import audit
from controles.contas.own_account import ask_again
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import LOCAL_ZONE, today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.periods import add_months, last_day, month_of
from controles.formularios.page import again, show_errors, typed
from controles.impressos.paper import PDF_TYPE
from controles.listas.page import Lista, check_may_take, sent
from controles.listas.tables import Cell, Column, Kind, Table
from controles.militantes.queries import get_militante, list_nucleos
from controles.organizacao.queries import get_organizacao
from controles.pagamentos.models import Metodo
from controles.pagamentos.records import FiltroPagamentos
from controles.recibos.forms import CancelarForm
from controles.recibos.printing import receipts_pdf, statements_pdf, written_code
from controles.recibos.queries import (
    all_recibos,
    count_recibos,
    demonstrativos,
    find_by_code,
    get_recibo,
    get_recibos,
    ids_of_recibos,
    list_recibos,
    payments_for_recibos,
    recibos_of_payments,
    years_with_recibos,
)
from controles.recibos.records import DetalheRecibo, FiltroRecibos, LinhaRecibo
from controles.recibos.services import MOST_AT_ONCE, cancel_recibo, issue_recibos
from controles.services.transaction import transaction
from controles.web.query_string import ListLinks, address, read_filter, write_filter

blueprint = Blueprint("recibos", __name__, url_prefix="/recibos", template_folder="templates")

FIRST_YEAR = 1990
MOST_STATEMENTS = 500


@blueprint.get("")
@require(Permission.REGISTRAR_PAGAMENTOS)
def index() -> str:
    escopo = current_scope()
    filtro = read_filter(FiltroRecibos, request.args)
    return render_template(
        "recibos/index.html",
        filtro=filtro,
        links=ListLinks("recibos.index", filtro),
        pares=write_filter(filtro),
        pagina=list_recibos(escopo, filtro, cursor=request.args.get("cursor")),
        anos=years_with_recibos(escopo),
    )


@blueprint.get("/lista/<formato>")
@require(Permission.REGISTRAR_PAGAMENTOS)
def whole(formato: str) -> WerkzeugResponse:
    """All that the list shows on all its pages, to print or as a file."""
    check_may_take(formato)
    escopo = current_scope()
    filtro = read_filter(FiltroRecibos, request.args)
    table = Table("Recibos", WHOLE_COLUMNS, map(_whole_row, all_recibos(escopo, filtro)), _words(filtro))
    return sent(Lista("recibos", table, filtro, count_recibos(escopo, filtro)), formato)


WHOLE_COLUMNS = (
    Column("Recibo"),
    Column("Militante"),
    Column("Emitido", Kind.DATE),
    Column("Valor", Kind.MONEY),
    Column("Pagamento", Kind.NUMBER),
    Column("Cancelado", Kind.DATE),
)


def _whole_row(line: LinhaRecibo) -> tuple[Cell, ...]:
    issued, cancelled = line.emitido_em.astimezone(LOCAL_ZONE), line.cancelado_em
    last_day = None if cancelled is None else cancelled.astimezone(LOCAL_ZONE).date()
    return (line.nome, line.militante, issued.date(), line.valor, line.pagamento_id, last_day)


def _words(filtro: FiltroRecibos) -> tuple[str, ...]:
    words = [f"ano {filtro.ano}"] if filtro.ano is not None else []
    if filtro.de_numero is not None:
        words.append(f"do número {filtro.de_numero}")
    if filtro.ate_numero is not None:
        words.append(f"até o número {filtro.ate_numero}")
    if filtro.cancelados is not None:
        words.append("cancelados" if filtro.cancelados else "válidos")
    if filtro.militante_id is not None:
        words.append("de um militante")
    return tuple(words)


@blueprint.get("/pdf")
@require(Permission.REGISTRAR_PAGAMENTOS)
def many() -> WerkzeugResponse:
    """All receipts of the list as one file; audited before it is sent, and only after a recent login with both
    factors."""
    escopo = current_scope()
    filtro = read_filter(FiltroRecibos, request.args)
    ids = ids_of_recibos(escopo, filtro, limit=MOST_AT_ONCE + 1)
    if not ids or len(ids) > MOST_AT_ONCE:
        flash(
            f"São mais de {MOST_AT_ONCE} recibos: escolha os números de um ao outro."
            if ids
            else "Nenhum recibo com este filtro.",
            "warn",
        )
        return redirect(address(url_for("recibos.index"), write_filter(filtro)), 303)
    asked = ask_again()
    if asked is not None:
        return asked
    _record_export("recibo.exportar", {"filtro": write_filter(filtro), "recibos": len(ids)})
    return _receipts_file(get_recibos(escopo, ids), f"recibos-{today():%Y-%m-%d}.pdf")


@blueprint.get("/<int:recibo_id>")
@require(Permission.REGISTRAR_PAGAMENTOS)
def show(recibo_id: int) -> str:
    return render_template("recibos/show.html", recibo=_found(recibo_id), written_code=written_code)


@blueprint.get("/<int:recibo_id>/pdf")
@require(Permission.REGISTRAR_PAGAMENTOS)
def file(recibo_id: int) -> WerkzeugResponse:
    recibo = _found(recibo_id)
    return _receipts_file((recibo,), f"recibo-{recibo.ano}-{recibo.numero:06d}.pdf")


@blueprint.post("/de-pagamento/<int:pagamento_id>")
@require(Permission.REGISTRAR_PAGAMENTOS)
def issue(pagamento_id: int) -> WerkzeugResponse:
    """The receipt of a payment; issues it if there is none yet."""
    try:
        issued = issue_recibos(current_scope(), (pagamento_id,), autor_id=current_author_id(), agora=utc_now())
    except (Conflict, Invalid) as error:
        flash(error.message, "warn")
        return redirect(url_for("pagamentos.show", pagamento_id=pagamento_id), 303)
    if not issued.ids:
        flash("Diga primeiro de quem é o pagamento: um recibo é dado a alguém.", "warn")
        return redirect(url_for("pagamentos.show", pagamento_id=pagamento_id), 303)
    return redirect(url_for("recibos.show", recibo_id=issued.ids[0]), 303)


@blueprint.route("/emitir", methods=["GET", "POST"])
@require(Permission.REGISTRAR_PAGAMENTOS)
def issue_many() -> str | WerkzeugResponse:
    """Receipts of all payments between two days, of a núcleo or of a method: shows how many, then issues them."""
    escopo, hoje = current_scope(), today()
    filtro = read_filter(FiltroPagamentos, request.values)
    if filtro.de is None and filtro.ate is None:
        month = add_months(month_of(hoje), -1)
        filtro = FiltroPagamentos(de=month, ate=last_day(month), nucleo_id=filtro.nucleo_id, metodo=filtro.metodo)
    ids = payments_for_recibos(escopo, filtro, limit=MOST_AT_ONCE + 1)
    if request.method == "POST":
        try:
            issued = issue_recibos(escopo, ids, autor_id=current_author_id(), agora=utc_now())
        except (Conflict, Invalid) as error:
            flash(error.message, "warn")
            return redirect(address(url_for("recibos.issue_many"), write_filter(filtro)), 303)
        if not issued.novos:
            flash("Todos estes pagamentos já têm recibo.", "warn")
            return redirect(url_for("recibos.index"), 303)
        made = get_recibos(escopo, issued.novos)
        flash(f"{len(made)} recibos emitidos, de {made[0].nome} a {made[-1].nome}.", "success")
        return redirect(
            url_for("recibos.index", ano=made[0].ano, de_numero=made[0].numero, ate_numero=made[-1].numero), 303
        )
    return render_template(
        "recibos/emitir.html",
        filtro=filtro,
        pares=write_filter(filtro),
        quantos=len(ids),
        com_recibo=len(recibos_of_payments(ids)) if len(ids) <= MOST_AT_ONCE else 0,
        most=MOST_AT_ONCE,
        nucleos=list_nucleos(escopo),
        metodos=Metodo,
    )


@blueprint.route("/<int:recibo_id>/cancelar", methods=["GET", "POST"])
@require(Permission.ESTORNAR)
def cancel(recibo_id: int) -> str | WerkzeugResponse:
    recibo = _found(recibo_id)
    here = url_for("recibos.show", recibo_id=recibo_id)
    if recibo.cancelado_em is not None:
        flash("Este recibo já foi cancelado.", "warn")
        return redirect(here, 303)
    form = CancelarForm(typed())
    if request.method != "POST":
        show_errors(form)
        return render_template("recibos/cancelar.html", form=form, recibo=recibo)
    if not form.validate():
        return again(form)
    try:
        cancel_recibo(
            current_scope(), recibo_id, motivo=form.motivo.data or "", autor_id=current_author_id(), agora=utc_now()
        )
    except Invalid as error:
        form.add_error(error)
        return again(form)
    except Conflict as error:
        flash(error.message, "warn")
    else:
        flash(f"Recibo {recibo.nome} cancelado: o número fica, e o pagamento pode ter outro recibo.", "success")
    return redirect(here, 303)


@blueprint.get("/contribuicoes/<int:militante_id>")
@require(Permission.REGISTRAR_PAGAMENTOS)
def statement(militante_id: int) -> WerkzeugResponse:
    """A person's payments of a year, as a file."""
    ano = _year()
    if get_militante(current_scope(), militante_id, hoje=today()) is None:
        abort(404)
    found = demonstrativos(current_scope(), ano, militante_id=militante_id, limit=1)
    if not found:
        flash(f"Nenhum pagamento recebido em {ano}: não há demonstrativo.", "warn")
        return redirect(url_for("militantes.show", militante_id=militante_id), 303)
    pdf = statements_pdf(found, get_organizacao(), made_at=utc_now())
    return _file(pdf, f"contribuicoes-{ano}-{militante_id}.pdf")


@blueprint.get("/contribuicoes")
@require(Permission.REGISTRAR_PAGAMENTOS)
def statements() -> str | WerkzeugResponse:
    """The year's statements of everybody, or of a núcleo, as one file with `pdf=1`; without it, the form."""
    escopo, ano = current_scope(), _year()
    filtro = read_filter(FiltroPagamentos, request.args)
    if request.args.get("pdf") != "1":
        return render_template(
            "recibos/contribuicoes.html",
            ano=ano,
            anos=range(today().year, max(FIRST_YEAR, today().year - 10), -1),
            nucleo_id=filtro.nucleo_id,
            nucleos=list_nucleos(escopo),
            most=MOST_STATEMENTS,
        )
    asked = ask_again()
    if asked is not None:
        return asked
    found = demonstrativos(escopo, ano, nucleo_id=filtro.nucleo_id, limit=MOST_STATEMENTS + 1)
    if not found or len(found) > MOST_STATEMENTS:
        flash(
            f"São mais de {MOST_STATEMENTS} pessoas: escolha um núcleo." if found else f"Ninguém pagou em {ano}.",
            "warn",
        )
        return redirect(url_for("recibos.statements", ano=ano, nucleo_id=filtro.nucleo_id), 303)
    _record_export("demonstrativo.exportar", {"ano": ano, "nucleo_id": filtro.nucleo_id, "pessoas": len(found)})
    pdf = statements_pdf(found, get_organizacao(), made_at=utc_now())
    return _file(pdf, f"contribuicoes-{ano}.pdf")


@blueprint.get("/conferir")
def check() -> str | WerkzeugResponse:
    """The public page on which a receipt's code is typed."""
    codigo = request.args.get("codigo", "").strip()[:40]
    if codigo:
        plain = "".join(char for char in codigo if char.isascii() and char.isalnum()).upper()
        return redirect(url_for("recibos.checked", codigo=plain or "-"), 303)
    return render_template("recibos/conferir.html", codigo="", situacao=None)


@blueprint.get("/conferir/<codigo>")
def checked(codigo: str) -> str:
    """Whether a receipt is genuine and valid: its number, amount and day, and no name."""
    return render_template("recibos/conferir.html", codigo=codigo[:40], situacao=find_by_code(codigo))


def _found(recibo_id: int) -> DetalheRecibo:
    recibo = get_recibo(current_scope(), recibo_id)
    if recibo is None:
        abort(404)
    return recibo


def _year() -> int:
    text = request.args.get("ano", "")
    ano = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else today().year
    return min(max(ano, FIRST_YEAR), today().year)


def _receipts_file(recibos: tuple[DetalheRecibo, ...], name: str) -> Response:
    return _file(receipts_pdf(recibos, url_for("recibos.check", _external=True)), name)


def _file(content: bytes, name: str) -> Response:
    return Response(content, mimetype=PDF_TYPE, headers={"Content-Disposition": f'inline; filename="{name}"'})


def _record_export(acao: str, depois: dict[str, object]) -> None:
    with transaction() as session:
        audit.record(session, acao=acao, depois=depois, usuario_id=current_author_id(), agora=utc_now())
