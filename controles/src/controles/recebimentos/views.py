"""Payroll lists and banks' return files: uploaded, checked line by line, accepted and undone as a whole."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.validators import ValidationError

from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.formularios.page import again, show_errors, typed
from controles.militantes.queries import find_matriculas
from controles.recebimentos.cnab import LARGEST, read_return
from controles.recebimentos.forms import ListaForm, Tipo
from controles.recebimentos.models import Estado, Fonte
from controles.recebimentos.payroll import read_payroll
from controles.recebimentos.queries import get_recebimento, list_empregadores, list_recebimentos
from controles.recebimentos.services import accept, assign_line, create_recebimento, discard, undo

blueprint = Blueprint("recebimentos", __name__, url_prefix="/recebimentos", template_folder="templates")
FONTE_NAMES = {Fonte.FOLHA: "Folha", Fonte.CNAB240: "Retorno CNAB 240", Fonte.CNAB400: "Retorno CNAB 400"}
ESTADO_NAMES = {
    Estado.CONFERIR: "A conferir",
    Estado.ACEITO: "Aceita",
    Estado.DESFEITO: "Desfeita",
    Estado.DESCARTADO: "Descartada",
}
# The most lines without a question that one page shows.
MOST_SHOWN = 300


@blueprint.get("")
@require(Permission.CONCILIAR)
def index() -> str:
    return render_template(
        "recebimentos/index.html", listas=list_recebimentos(), fontes=FONTE_NAMES, estados=ESTADO_NAMES
    )


@blueprint.route("/nova", methods=["GET", "POST"])
@require(Permission.CONCILIAR)
def new() -> str | Response:
    """Upload a file; it is read at once, and nothing is paid before it is accepted."""
    form = ListaForm(typed(), tipo=Tipo.FOLHA, dia=today())
    if request.method != "POST":
        show_errors(form)
        return render_template("recebimentos/new.html", form=form, empregadores=list_empregadores())
    upload = request.files.get("arquivo")
    if not upload:
        form.add_error(Invalid("arquivo", "Escolha o arquivo."))
    elif form.validate():
        try:
            made = _read(form, upload.stream.read(LARGEST + 1), upload.filename or "")
        except Invalid as error:
            form.add_error(error)
        except ValidationError:
            # The form's fields already say what is missing.
            pass
        else:
            return redirect(url_for("recebimentos.show", recebimento_id=made), 303)
    return again(form)


def _read(form: ListaForm, content: bytes, name: str) -> int:
    folha = form.folha() if form.tipo.data is Tipo.FOLHA else None
    if folha is not None:
        fonte, lines = Fonte.FOLHA, read_payroll(content, folha)
    else:
        fonte, lines = read_return(content, hoje=today())
    return create_recebimento(
        fonte, lines, arquivo=name, folha=folha, autor_id=current_author_id(), agora=utc_now(), hoje=today()
    )


@blueprint.route("/<int:recebimento_id>", methods=["GET", "POST"])
@require(Permission.CONCILIAR)
def show(recebimento_id: int) -> str | Response:
    """One list: what is unclear, what differs, who is missing; and what to do with it."""
    found = get_recebimento(recebimento_id)
    if found is None:
        abort(404)
    if request.method == "POST":
        return _done(recebimento_id)
    asked = [line for line in found.linhas if line.militante_id is None and not line.repetida]
    sure = [line for line in found.linhas if line not in asked]
    fresh = [line for line in found.linhas if not line.repetida]
    return render_template(
        "recebimentos/show.html",
        lista=found.lista,
        perguntas=asked if found.lista.estado is Estado.CONFERIR else [],
        linhas=(sure if found.lista.estado is Estado.CONFERIR else list(found.linhas))[:MOST_SHOWN],
        quantas=len(sure) if found.lista.estado is Estado.CONFERIR else len(found.linhas),
        diferentes=[line for line in fresh if line.difere],
        repetidas=len(found.linhas) - len(fresh),
        novas=len(fresh),
        total_novas=sum(line.valor for line in fresh),
        faltam=found.faltam if found.lista.estado is Estado.CONFERIR else (),
        fontes=FONTE_NAMES,
        estados=ESTADO_NAMES,
    )


def _done(recebimento_id: int) -> Response:
    here = url_for("recebimentos.show", recebimento_id=recebimento_id)
    actions: dict[str, Callable[[], str]] = {
        "linha": lambda: _assigned(recebimento_id),
        "aceitar": lambda: _accepted(recebimento_id),
        "desfazer": lambda: _undone(recebimento_id),
        "descartar": lambda: _discarded(recebimento_id),
    }
    action = actions.get(request.form.get("etapa", ""))
    if action is None:
        abort(400)
    try:
        flash(action(), "success")
    except (Conflict, Invalid, NotFound) as error:
        flash(error.message, "warn")
    return redirect(here, 303)


def _assigned(recebimento_id: int) -> str:
    number, matricula = request.form.get("linha", ""), request.form.get("matricula", "").strip()
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Invalid("", "Escolha a linha de novo.")
    known = find_matriculas(current_scope(), [matricula]) if matricula else {}
    if matricula and matricula not in known:
        raise Invalid("", f"Linha {number}: ninguém tem a matrícula {matricula[:20]}.")
    militante_id, nome = known.get(matricula, (None, "sem identificação"))
    assign_line(recebimento_id, int(number), militante_id, autor_id=current_author_id(), agora=utc_now())
    return f"Linha {number}: {nome if militante_id is None else 'a pessoa foi escolhida'}."


def _accepted(recebimento_id: int) -> str:
    count = accept(recebimento_id, autor_id=current_author_id(), agora=utc_now(), hoje=today())
    return f"{count} pagamentos registrados. Se algo está errado, a lista pode ser desfeita inteira."


def _undone(recebimento_id: int) -> str:
    motivo = request.form.get("motivo", "")
    count = undo(recebimento_id, motivo=motivo, autor_id=current_author_id(), agora=utc_now())
    return f"Lista desfeita: {count} pagamentos estornados com a data de hoje."


def _discarded(recebimento_id: int) -> str:
    discard(recebimento_id, autor_id=current_author_id(), agora=utc_now())
    return "Lista descartada; nada foi registrado."
