"""Expenses, other receipts, transfers and repasses by hand: for the treasury of the whole organisation."""

from urllib.parse import quote

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as WerkzeugResponse

from controles.banco.queries import list_contas
from controles.caixa import refund_pages
from controles.caixa.forms import TIPO_NAMES, EstornoLancamentoForm, LancamentoForm
from controles.caixa.models import TipoLancamento
from controles.caixa.queries import get_file, get_lancamento, list_categories, list_lancamentos
from controles.caixa.receipt_files import LARGEST
from controles.caixa.records import Arquivo, FiltroLancamentos
from controles.caixa.services import attach_to_lancamento, find_by_key, register_lancamento, reverse_lancamento
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.db import db
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import PARAMETER, again, keep_sent, show_errors, typed
from controles.formularios.services import forget, new_token
from controles.militantes.queries import list_nucleos
from controles.web.form_fields import choice
from controles.web.query_string import ListLinks, read_filter

blueprint = Blueprint("caixa", __name__, url_prefix="/caixa", template_folder="templates")
_BOTH = ("GET", "POST")
blueprint.add_url_rule("/devolver/credito/<int:militante_id>", "refund_credit", refund_pages.of_credit, methods=_BOTH)
blueprint.add_url_rule(
    "/devolver/pagamento/<int:pagamento_id>", "refund_payment", refund_pages.of_unidentified, methods=_BOTH
)


@blueprint.get("")
@require(Permission.CONCILIAR)
def index() -> str:
    filtro = read_filter(FiltroLancamentos, request.args)
    return render_template(
        "caixa/index.html",
        filtro=filtro,
        links=ListLinks("caixa.index", filtro),
        pagina=list_lancamentos(filtro, cursor=request.args.get("cursor")),
        contas=list_contas(),
        tipos=TIPO_NAMES,
    )


@blueprint.route("/novo", methods=["GET", "POST"])
@require(Permission.CONCILIAR)
def new() -> str | WerkzeugResponse:
    """The form. Its key is in the address, so a form sent twice is written once."""
    contas = [conta for conta in list_contas() if conta.ativa]
    token = request.form.get("chave_idempotencia", "") or request.args.get(PARAMETER, "")
    if request.method != "POST" and not token:
        return redirect(url_for("caixa.new", f=new_token(), tipo=request.args.get("tipo")), 302)
    if request.method != "POST":
        saved = find_by_key(db.session, token)
        if saved is not None:
            flash(f"Este formulário já foi salvo: é o movimento nº {saved}.", "warn")
            return redirect(url_for("caixa.show", lancamento_id=saved))
    form = LancamentoForm(
        typed(), tipo=read_filter(FiltroLancamentos, request.args).tipo or TipoLancamento.DESPESA, dia=today()
    )
    form.conta_id.choices = [choice(conta.id, conta.nome) for conta in contas]
    form.outra_conta_id.choices = [choice("", "Nenhuma"), *form.conta_id.choices]
    form.nucleo_id.choices = [
        choice("", "Toda a organização"),
        *(choice(nucleo.id, f"{nucleo.nome} · {nucleo.uf}") for nucleo in list_nucleos(current_scope())),
    ]
    if request.method == "POST":
        return _saved(form, token)
    show_errors(form)
    form.chave_idempotencia.data = token
    return render_template("caixa/new.html", form=form, contas=contas, categorias=list_categories())


def _saved(form: LancamentoForm, token: str) -> WerkzeugResponse:
    if form.validate():
        try:
            new_id = register_lancamento(
                form.novo(),
                sent_file(request.files.get("arquivo")),
                autor_id=current_author_id(),
                agora=utc_now(),
                hoje=today(),
            )
        except Invalid as error:
            form.add_error(error)
        else:
            forget(token, usuario_id=current_author_id())
            flash(f"Movimento nº {new_id} registrado.", "success")
            return redirect(url_for("caixa.show", lancamento_id=new_id), 303)
    if request.files.get("arquivo"):
        form.arquivo.errors = [*form.arquivo.errors, "Escolha o comprovante de novo: um arquivo não fica guardado."]
    return redirect(url_for("caixa.new", f=keep_sent(form, token=token or new_token())), 303)


@blueprint.get("/<int:lancamento_id>")
@require(Permission.CONCILIAR)
def show(lancamento_id: int) -> str:
    found = get_lancamento(lancamento_id)
    if found is None:
        abort(404)
    return render_template("caixa/show.html", m=found, tipos=TIPO_NAMES)


@blueprint.route("/<int:lancamento_id>/estornar", methods=["GET", "POST"])
@require(Permission.CONCILIAR)
def reverse(lancamento_id: int) -> str | WerkzeugResponse:
    found = get_lancamento(lancamento_id)
    if found is None:
        abort(404)
    here = url_for("caixa.show", lancamento_id=lancamento_id)
    if found.linha.estorno_de is not None or found.linha.estornado or found.linha_id is not None:
        flash("Este movimento já foi estornado, ou é desfeito no lançamento do extrato.", "warn")
        return redirect(here, 303)
    form = EstornoLancamentoForm(typed(), dia=today())
    if request.method == "POST":
        if form.validate():
            try:
                reverse_lancamento(
                    lancamento_id,
                    motivo=form.motivo.data or "",
                    data=form.day(),
                    autor_id=current_author_id(),
                    agora=utc_now(),
                )
            except Invalid as error:
                form.add_error(error)
            except Conflict as error:
                flash(error.message, "warn")
                return redirect(here, 303)
            else:
                flash("Movimento estornado.", "success")
                return redirect(here, 303)
        return again(form)
    show_errors(form)
    return render_template("caixa/reverse.html", form=form, m=found, tipos=TIPO_NAMES)


@blueprint.post("/<int:lancamento_id>/comprovante")
@require(Permission.CONCILIAR)
def attach(lancamento_id: int) -> WerkzeugResponse:
    """Attach one more file to a movement."""
    if get_lancamento(lancamento_id) is None:
        abort(404)
    try:
        attach_to_lancamento(lancamento_id, chosen_file(), autor_id=current_author_id(), agora=utc_now())
    except Invalid as error:
        flash(error.message, "warn")
    else:
        flash("Comprovante guardado.", "success")
    return redirect(url_for("caixa.show", lancamento_id=lancamento_id), 303)


@blueprint.get("/comprovantes/<int:comprovante_id>")
@require(Permission.CONCILIAR)
def file(comprovante_id: int) -> Response:
    """The file itself, as a download: never shown as a page of this site."""
    found = get_file(comprovante_id)
    if found is None:
        abort(404)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.nome, safe='')}"}
    return Response(found.conteudo, mimetype=found.tipo, headers=headers)


def sent_file(upload: FileStorage | None) -> Arquivo | None:
    """What was uploaded, at most one byte more than is allowed; None if no file was chosen."""
    return Arquivo(upload.filename or "", upload.stream.read(LARGEST + 1)) if upload else None


def chosen_file() -> Arquivo:
    """The file of a form that has no other fields."""
    found = sent_file(request.files.get("arquivo"))
    if found is None:
        raise Invalid("arquivo", "Escolha o arquivo do comprovante.")
    return found
