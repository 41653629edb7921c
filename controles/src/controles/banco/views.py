"""Accounts, the import of their statements, and conciliação: for the treasury of the whole organisation."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.banco import matching
from controles.banco.forms import DESTINO_NAMES, FINALIDADE_NAMES, TIPO_NAMES, ContaForm, ExtratoForm, MarcaForm
from controles.banco.models import Destino, Finalidade, TipoConta
from controles.banco.queries import get_conta, get_linha, get_partes, list_contas, list_linhas, suggest
from controles.banco.reading import LARGEST, read_statement
from controles.banco.records import Linha
from controles.banco.services import import_statement, save_conta
from controles.caixa.queries import files_of_line, given_back_by_line, list_categories
from controles.caixa.services import attach_to_line
from controles.caixa.views import chosen_file
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.money import parse_brl
from controles.formularios.page import again, show_errors, typed
from controles.militantes.queries import find_matriculas, list_nucleos, search_militantes
from controles.pagamentos.services import Alike
from controles.web.form_fields import choice
from controles.web.formatting import plural
from controles.web.query_string import MAX_TEXT, sealed_address, search_lost
from controles.web.search_seal import FIELD, opened

blueprint = Blueprint("banco", __name__, url_prefix="/banco", template_folder="templates")
# The most people who can share one line on its page; larger groups need a payroll list.
PARTS = 6
MOST_FOUND = 10


@blueprint.get("")
@require(Permission.CONCILIAR)
def index() -> str:
    contas = list_contas()
    return render_template("banco/index.html", contas=contas, tipos=TIPO_NAMES, finalidades=FINALIDADE_NAMES)


@blueprint.route("/contas/nova", methods=["GET", "POST"])
@require(Permission.CONCILIAR)
def new_conta() -> str | Response:
    form = ContaForm(
        typed(), tipo=TipoConta.CORRENTE, finalidade=Finalidade.GERAL, ativa=True, inicio=today().replace(day=1)
    )
    return _conta_page(form, None)


@blueprint.route("/contas/<int:conta_id>/editar", methods=["GET", "POST"])
@require(Permission.CONCILIAR)
def edit_conta(conta_id: int) -> str | Response:
    stored = get_conta(conta_id)
    if stored is None:
        abort(404)
    return _conta_page(ContaForm(typed(), obj=stored), conta_id)


def _conta_page(form: ContaForm, conta_id: int | None) -> str | Response:
    if request.method == "POST":
        if form.validate():
            versao = form.versao.data or ""
            read = int(versao) if versao.isascii() and versao.isdigit() and len(versao) < 10 else 0
            try:
                saved = save_conta(
                    conta_id, form.dados(read), autor_id=current_author_id(), agora=utc_now(), hoje=today()
                )
            except Invalid as error:
                form.add_error(error)
            except Conflict as error:
                form.add_error(Invalid("", error.message))
            else:
                flash("Conta salva.", "success")
                return redirect(url_for("banco.linhas", conta_id=saved), 303)
        return again(form)
    show_errors(form)
    return render_template("banco/conta.html", form=form, conta_id=conta_id)


@blueprint.route("/importar", methods=["GET", "POST"])
@require(Permission.CONCILIAR)
def import_file() -> str | Response:
    contas = [conta for conta in list_contas() if conta.ativa]
    form = ExtratoForm(typed())
    form.conta_id.choices = [choice("", "A que o arquivo diz"), *(choice(conta.id, conta.nome) for conta in contas)]
    if request.method != "POST":
        show_errors(form)
        return render_template("banco/import.html", form=form, contas=contas)
    upload = request.files.get("arquivo")
    if not upload:
        form.add_error(Invalid("arquivo", "Escolha o arquivo que baixou do banco."))
    elif form.validate():
        try:
            done = import_statement(
                read_statement(upload.stream.read(LARGEST + 1), hoje=today()),
                conta_id=form.conta_id.data,
                arquivo=upload.filename or "",
                autor_id=current_author_id(),
                agora=utc_now(),
            )
        except Invalid as error:
            form.add_error(error)
        else:
            for one in done:
                flash(_said(one.conta, one.novas, one.repetidas, one.anteriores), "success")
            alone = done[0].conta_id if len(done) == 1 else None
            there = url_for("banco.index") if alone is None else url_for("banco.linhas", conta_id=alone)
            return redirect(there, 303)
    return again(form)


def _said(conta: str, novas: int, repetidas: int, anteriores: int) -> str:
    said = f"{conta}: {plural(novas, 'lançamento novo', 'lançamentos novos')}"
    if repetidas:
        said += f", {plural(repetidas, 'já estava', 'já estavam')} aqui"
    if anteriores:
        said += f", {plural(anteriores, 'é anterior', 'são anteriores')} ao começo da conta e ficou de fora"
    return f"{said}."


@blueprint.get("/contas/<int:conta_id>")
@require(Permission.CONCILIAR)
def linhas(conta_id: int) -> str:
    """The lines that are still to be matched, or all lines."""
    conta = next((one for one in list_contas() if one.id == conta_id), None)
    if conta is None:
        abort(404)
    todas = request.args.get("ver") == "todas"
    pagina = list_linhas(conta_id, todas=todas, cursor=request.args.get("cursor"))
    offers = suggest(pagina.linhas)
    return render_template("banco/linhas.html", conta=conta, pagina=pagina, todas=todas, sugestoes=offers)


@blueprint.route("/lancamentos/<int:linha_id>", methods=["GET", "POST"])
@require(Permission.CONCILIAR)
def linha(linha_id: int) -> str | Response:
    """One line: what it may be, the ways to match it, and what it is matched to."""
    found = get_linha(linha_id)
    if found is None:
        abort(404)
    form = MarcaForm(typed())
    if found.valor > 0:
        form.destino.choices = [
            choice(kind.value, name) for kind, name in DESTINO_NAMES.items() if kind is not Destino.DESPESA
        ]
    others = [conta for conta in list_contas() if conta.ativa and conta.id != found.conta_id]
    form.outra_conta_id.choices = [choice("", "Nenhuma"), *(choice(conta.id, conta.nome) for conta in others)]
    form.nucleo_id.choices = [
        choice("", "Toda a organização"),
        *(choice(nucleo.id, f"{nucleo.nome} · {nucleo.uf}") for nucleo in list_nucleos(current_scope())),
    ]
    if request.method == "POST":
        return _done(found, form)
    show_errors(form)
    escopo, termo = current_scope(), opened(request.args, usuario_id=current_author_id()).get(FIELD, "")
    people = search_militantes(escopo, termo, hoje=today(), limit=MOST_FOUND + 1) if termo else ()
    return render_template(
        "banco/linha.html",
        linha=found,
        form=form,
        partes=get_partes(linha_id),
        sugestoes=suggest((found,)).get(linha_id, ()),
        termo=termo,
        pessoas=people[:MOST_FOUND],
        ha_mais=len(people) > MOST_FOUND,
        busca_perdida=search_lost(),
        kept=typed() or {},
        lugares=range(1, PARTS + 1),
        comprovantes=files_of_line(linha_id),
        devolvidos=given_back_by_line(linha_id) if found.valor < 0 else (),
        categorias=list_categories(),
    )


def _done(found: Linha, form: MarcaForm) -> Response:
    here = url_for("banco.linha", linha_id=found.id)
    actions: dict[str, Callable[[], str]] = {
        "pessoa": lambda: _to_militante(found),
        "pagamento": lambda: _to_pagamento(found),
        "dividir": lambda: _divided(found),
        "grupo": lambda: _to_grupo(found),
        "devolver": lambda: _given_back(found),
        "marcar": lambda: _marked(found, form),
        "desfazer": lambda: _undone(found),
        "anexar": lambda: _attached(found),
    }
    action = actions.get(request.form.get("etapa", ""))
    if action is None:
        termo = request.form.get(FIELD, "").strip()[:MAX_TEXT]
        return redirect(sealed_address(here, {FIELD: termo}), 303)
    try:
        said = action()
    except Alike as error:
        form.add_error(Invalid("", f"{error.message} Marque “É outro pagamento” para registrar."))
        return again(form)
    except Invalid as error:
        form.add_error(error)
        return again(form)
    except (Conflict, NotFound) as error:
        flash(error.message, "warn")
        return redirect(here, 303)
    flash(said, "success")
    # Go back to the next line that is still to be matched.
    back = (
        here
        if request.form.get("etapa") in {"desfazer", "anexar"}
        else url_for("banco.linhas", conta_id=found.conta_id)
    )
    return redirect(back, 303)


def _to_militante(found: Linha) -> str:
    ids = matching.match_militantes(
        found.id,
        ((_number("militante_id"), found.valor),),
        outro=bool(request.form.get("outro")),
        autor_id=current_author_id(),
        agora=utc_now(),
        hoje=today(),
    )
    return f"Lançamento conciliado: pagamento nº {ids[0]} registrado."


def _to_pagamento(found: Linha) -> str:
    pagamento_id = _number("pagamento_id")
    matching.match_pagamento(found.id, pagamento_id, autor_id=current_author_id(), agora=utc_now())
    return f"Lançamento conciliado com o pagamento nº {pagamento_id}."


def _to_grupo(found: Linha) -> str:
    grupo = request.form.get("grupo", "")[:64]
    count = matching.match_grupo(found.id, grupo, autor_id=current_author_id(), agora=utc_now())
    return f"Lançamento conciliado com {count} pagamentos."


def _given_back(found: Linha) -> str:
    matching.match_refund(
        found.id,
        militante_id=_number("militante_id") or None,
        pagamento_id=_number("pagamento_id") or None,
        autor_id=current_author_id(),
        agora=utc_now(),
    )
    return "Lançamento conciliado: é uma devolução."


def _divided(found: Linha) -> str:
    written = [
        (request.form.get(f"matricula_{place}", "").strip(), request.form.get(f"valor_{place}", "").strip())
        for place in range(1, PARTS + 1)
    ]
    pairs = [(matricula, valor) for matricula, valor in written if matricula or valor]
    if not all(matricula and valor for matricula, valor in pairs):
        raise Invalid("", "Cada parte precisa da matrícula e do valor.")
    known = find_matriculas(current_scope(), [matricula for matricula, _ in pairs])
    missing = [matricula for matricula, _ in pairs if matricula not in known]
    if missing:
        raise Invalid("", f"Ninguém tem a matrícula {missing[0][:20]}.")
    try:
        parts = [(known[matricula][0], parse_brl(valor)) for matricula, valor in pairs]
    except ValueError as error:
        raise Invalid("", str(error)) from None
    ids = matching.match_militantes(
        found.id,
        parts,
        outro=bool(request.form.get("outro")),
        autor_id=current_author_id(),
        agora=utc_now(),
        hoje=today(),
    )
    return f"Lançamento dividido: {plural(len(ids), 'pagamento registrado', 'pagamentos registrados')}."


def _marked(found: Linha, form: MarcaForm) -> str:
    if not form.validate():
        raise Invalid("", "Escolha o que foi e escreva a categoria.")
    matching.mark(
        found.id,
        form.destino.data,
        form.categoria.data,
        outra_conta_id=form.outra_conta_id.data,
        nucleo_id=form.nucleo_id.data,
        autor_id=current_author_id(),
        agora=utc_now(),
    )
    return "Lançamento conciliado."


def _attached(found: Linha) -> str:
    attach_to_line(found.id, chosen_file(), autor_id=current_author_id(), agora=utc_now())
    return "Comprovante guardado."


def _undone(found: Linha) -> str:
    matching.undo(found.id, autor_id=current_author_id(), agora=utc_now(), hoje=today())
    return "Conciliação desfeita: o lançamento está em aberto."


def _number(name: str) -> int:
    written = request.form.get(name, "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else 0
