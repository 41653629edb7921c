"""Importing in the browser: upload a file, see what it would do, decide, write it, undo it."""

from collections.abc import Callable, Mapping

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as WerkzeugResponse

from controles.auditoria import audit
from controles.contas.own_account import ask_again
from controles.contas.permissions import Permission, allowed, current_author_id, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import again, show_errors, typed
from controles.importing import batches
from controles.importing.batch_work import waiting_batches, work_on
from controles.importing.batches import LARGEST
from controles.importing.errors_file import errors_csv
from controles.importing.forms import TIPO_NAMES, ArquivoForm, DesfazerForm
from controles.importing.kinds import KINDS
from controles.importing.models import Estado, Tipo
from controles.importing.progress import progress_of
from controles.importing.queries import (
    get_importacao,
    list_importacoes,
    list_linhas,
    lists_with_rows,
    read_columns,
)
from controles.importing.records import Lote, Ver
from controles.listas.files import CSV_TYPE
from controles.services import running
from controles.services.background import background, background_of
from controles.services.transaction import transaction

blueprint = Blueprint("importing", __name__, url_prefix="/importar", template_folder="templates")

# After this many seconds a page that waits for work reloads, without JavaScript.
LOOK_AGAIN = 2
# Choices for a column in addition to the fields: as its title says, or not read.
AS_TITLED, UNREAD = "", "-"

# The permission for doing by hand what a file of this kind does.
PERMISSION_OF = {
    Tipo.MILITANTES: Permission.EDITAR_MILITANTES,
    Tipo.PAGAMENTOS: Permission.REGISTRAR_PAGAMENTOS,
    Tipo.SALDOS: Permission.GERAR_COTAS,
}
ESTADO_NAMES = {
    Estado.COLUNAS: ("Falta dizer as colunas", "warn"),
    Estado.A_CONFERIR: ("Conferindo", ""),
    Estado.CONFERIDA: ("Conferida, não gravada", "warn"),
    Estado.A_GRAVAR: ("Gravando", ""),
    Estado.GRAVADA: ("Gravada", "ok"),
    Estado.A_DESFAZER: ("Desfazendo", ""),
    Estado.DESFEITA: ("Desfeita", ""),
    Estado.RECUSADA: ("Recusada", "danger"),
    Estado.DESCARTADA: ("Descartada", ""),
}


@blueprint.route("", methods=["GET", "POST"])
@require(Permission.IMPORTAR)
def index() -> str | WerkzeugResponse:
    """The batches so far, and a form for another file."""
    tipos = _tipos()
    form = ArquivoForm(typed(), tipo=_wanted(tipos))
    form.offer(tipos)
    if request.method != "POST":
        show_errors(form)
        pagina = list_importacoes(tipos, cursor=request.args.get("cursor"))
        return render_template(
            "importing/index.html",
            form=form,
            pagina=pagina,
            tipos=TIPO_NAMES,
            oferecidos=tipos,
            estados=ESTADO_NAMES,
            maior=LARGEST >> 20,
        )
    upload = request.files.get("arquivo")
    if not upload:
        form.add_error(Invalid("arquivo", "Escolha o arquivo, em CSV ou XLSX."))
    elif form.validate():
        try:
            importacao_id = batches.create_importacao(
                form.tipo.data,
                upload.filename or "",
                upload.stream.read(LARGEST + 1),
                autor_id=current_author_id(),
                agora=utc_now(),
            )
        except Invalid as error:
            form.add_error(error)
        else:
            start_work(importacao_id)
            return redirect(url_for("importing.show", importacao_id=importacao_id), 303)
    return again(form)


@blueprint.route("/<int:importacao_id>", methods=["GET", "POST"])
@require(Permission.IMPORTAR)
def show(importacao_id: int) -> ResponseReturnValue:
    """One batch: its progress, what it would do or has done, and what can be done with it."""
    lote = _lote(importacao_id)
    form = DesfazerForm(typed())
    if request.method == "POST":
        return _act(lote, form)
    show_errors(form)
    if lote.trabalhando:
        # Restarts the work if its process has ended.
        start_work(lote.id)
    kind = KINDS[lote.tipo]
    lists = lists_with_rows(lote)
    ver = _ver(lists)
    page = render_template(
        "importing/show.html",
        lote=lote,
        form=form,
        estado=ESTADO_NAMES[lote.estado],
        tipo=TIPO_NAMES[lote.tipo],
        progresso=progress_of(running.settings().imports, lote.id) if lote.trabalhando else None,
        colunas=read_columns(lote),
        campos=kind.fields,
        listas=[one for one, there in lists.items() if there],
        ver=ver,
        pagina=list_linhas(lote.id, ver, cursor=request.args.get("cursor")) if lists[ver] else None,
        pode_mexer=lote.estado in {Estado.COLUNAS, Estado.CONFERIDA},
    )
    answer = Response(page)
    if lote.trabalhando:
        answer.headers["Refresh"] = str(LOOK_AGAIN)
    return answer


@blueprint.get("/<int:importacao_id>/lista/erros.csv")
@require(Permission.IMPORTAR)
def errors(importacao_id: int) -> ResponseReturnValue:
    """The refused rows, to be corrected and uploaded again."""
    lote = _lote(importacao_id)
    asked = ask_again()
    if asked is not None:
        return asked
    pieces = errors_csv(lote.id)
    with transaction() as session:
        audit.record(
            session,
            acao="importacao.exportar",
            tabela="importacao",
            registro_id=lote.id,
            depois={"linhas": lote.recusadas},
            usuario_id=current_author_id(),
            agora=utc_now(),
        )
    name = f"erros-{lote.id}-{today():%Y-%m-%d}.csv"
    return Response(
        stream_with_context(pieces),
        mimetype=CSV_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def start_work(importacao_id: int) -> None:
    """Let this process work on a batch, unless another worker on this machine does."""
    folder = running.settings().imports
    background().start(f"importacao-{importacao_id}", lambda: work_on(importacao_id, folder=folder, clock=utc_now))


def resume(app: Flask) -> None:
    """Continue the work that was interrupted when a process ended; called when a process begins to serve."""

    def look() -> None:
        for importacao_id in waiting_batches():
            start_work(importacao_id)

    background_of(app).start("importacoes", look)


def _act(lote: Lote, form: DesfazerForm) -> WerkzeugResponse:
    here = url_for("importing.show", importacao_id=lote.id)
    actions: Mapping[str, Callable[[Lote, DesfazerForm], None]] = {
        "colunas": _set_columns,
        "decidir": _decide,
        "gravar": lambda one, _form: _write(one, so_validas=False),
        "so_validas": lambda one, _form: _write(one, so_validas=True),
        "desfazer": _undo,
        "descartar": _discard,
    }
    action = actions.get(request.form.get("etapa", ""))
    if action is None:
        abort(400)
    try:
        action(lote, form)
    except Invalid as error:
        form.add_error(error)
        return again(form)
    except Conflict as error:
        flash(error.message, "warn")
        return redirect(here, 303)
    start_work(lote.id)
    return redirect(here, 303)


def _set_columns(lote: Lote, _form: DesfazerForm) -> None:
    said: dict[int, str | None] = {}
    for place in range(len(lote.cabecalho)):
        written = request.form.get(f"coluna_{place}")
        if written is not None:
            said[place] = None if written == AS_TITLED else "" if written == UNREAD else written
    batches.set_columns(lote.id, said, autor_id=current_author_id(), agora=utc_now())


def _decide(lote: Lote, _form: DesfazerForm) -> None:
    said = {
        int(number): value
        for name, value in request.form.items()
        if name.startswith("decisao_") and (number := name.removeprefix("decisao_")).isdecimal() and len(number) < 10
    }
    batches.decide(lote.id, said, autor_id=current_author_id(), agora=utc_now())


def _write(lote: Lote, *, so_validas: bool) -> None:
    batches.write_importacao(lote.id, so_validas=so_validas, autor_id=current_author_id(), agora=utc_now())


def _undo(lote: Lote, form: DesfazerForm) -> None:
    batches.undo_importacao(lote.id, motivo=form.motivo.data or "", autor_id=current_author_id(), agora=utc_now())


def _discard(lote: Lote, _form: DesfazerForm) -> None:
    batches.discard_importacao(lote.id, autor_id=current_author_id(), agora=utc_now())


def _tipos() -> tuple[Tipo, ...]:
    """What the person of this request may import."""
    return tuple(tipo for tipo in KINDS if allowed(PERMISSION_OF[tipo]))


def _wanted(tipos: tuple[Tipo, ...]) -> Tipo | None:
    asked = request.args.get("tipo", "")
    return next((tipo for tipo in tipos if tipo.value == asked), tipos[0] if tipos else None)


def _lote(importacao_id: int) -> Lote:
    lote = get_importacao(importacao_id)
    if lote is None or lote.tipo not in _tipos():
        abort(404)
    return lote


def _ver(lists: Mapping[Ver, bool]) -> Ver:
    """The list that the address asks for, else the first one that has rows: faults come first."""
    asked = request.args.get("ver", "")
    chosen = next((ver for ver in lists if ver.value == asked), None)
    return chosen or next((ver for ver, there in lists.items() if there), Ver.ERROS)
