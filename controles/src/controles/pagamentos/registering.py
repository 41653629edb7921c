"""Registering a pagamento in three steps: who, what, check. Each step is a page that works without a script."""

from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.clock import today, utc_now
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.cotas.queries import open_cotas
from controles.cotas.records import CotaAberta
from controles.domain_errors import Conflict, Invalid
from controles.escopo import Escopo
from controles.militantes.queries import get_militante, search_militantes
from controles.militantes.records import FichaMilitante
from controles.money import format_brl
from controles.pagamentos.forms import PagamentoForm, first_choice, new_key
from controles.pagamentos.models import Metodo
from controles.pagamentos.services import plan_allocation, register_pagamento
from controles.query_string import MAX_TEXT, sealed_address, search_lost
from controles.search_seal import FIELD, opened


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose payment it is: a militante with their open cotas, or nobody yet."""

    ficha: FichaMilitante | None
    cotas: tuple[CotaAberta, ...]

    @property
    def militante_id(self) -> int | None:
        return self.ficha.id if self.ficha else None


@require(Permission.REGISTRAR_PAGAMENTOS)
def new() -> str | Response:
    escopo = current_scope()
    payer = _payer(escopo)
    if payer is None:
        return _find(escopo)
    if request.method == "GET":
        return _form_page(payer, _empty_form(payer), tuple(cota.id for cota in first_choice(payer.cotas)))
    form = PagamentoForm(request.form)
    picked = tuple(request.form.getlist("cota_ids", type=int))
    if request.form.get("etapa") == "corrigir" or not form.validate():
        return _form_page(payer, form, picked)
    if request.form.get("etapa") == "conferir":
        return _preview_page(payer, form, picked)
    return _save(escopo, payer, form, picked)


def _payer(escopo: Escopo) -> Payer | None:
    """None while nobody was chosen. Whether money without a name may be registered is the service's to say."""
    chosen = request.values.get("militante_id", "")
    if chosen == "nenhum":
        return Payer(None, ())
    if not (chosen.isascii() and chosen.isdigit()):
        return None
    hoje = today()
    ficha = get_militante(escopo, int(chosen[:10]), hoje=hoje)
    if ficha is None:
        abort(404)
    return Payer(ficha, open_cotas(escopo, ficha.id, hoje=hoje))


@require(Permission.REGISTRAR_PAGAMENTOS)
def find() -> Response:
    """Who is looked for goes sealed into the address, and the answer is a page that can be loaded again."""
    return _found_at(request.form.get(FIELD, ""))


def _found_at(termo: str) -> Response:
    return redirect(sealed_address(url_for("pagamentos.new"), {FIELD: termo.strip()[:MAX_TEXT]}), 303)


def _find(escopo: Escopo) -> str | Response:
    if request.args.get(FIELD):
        return _found_at(request.args[FIELD])
    termo = opened(request.args, usuario_id=current_author_id()).get(FIELD, "")
    linhas = search_militantes(escopo, termo, hoje=today()) if termo else ()
    return render_template(
        "pagamentos/find.html", termo=termo, linhas=linhas, escopo=escopo, busca_perdida=search_lost()
    )


def _empty_form(payer: Payer) -> PagamentoForm:
    total = sum(cota.em_aberto for cota in first_choice(payer.cotas))
    return PagamentoForm(
        None, valor=total or None, data_credito=today(), metodo=Metodo.PIX.value, chave_idempotencia=new_key()
    )


def _form_page(payer: Payer, form: PagamentoForm, picked: tuple[int, ...]) -> str:
    chosen_sum = sum(cota.em_aberto for cota in payer.cotas if cota.id in picked)
    return render_template(
        "pagamentos/new.html", form=form, ficha=payer.ficha, cotas=payer.cotas, picked=picked, chosen_sum=chosen_sum
    )


def _preview_page(payer: Payer, form: PagamentoForm, picked: tuple[int, ...]) -> str:
    chosen = tuple(cota for cota in payer.cotas if cota.id in picked)
    if len(chosen) != len(set(picked)):
        return _changed_meanwhile(payer, form, tuple(cota.id for cota in chosen))
    valor = form.valor.data or 0
    partes = plan_allocation(chosen, valor)
    paid = {parte.cota_id: parte.centavos for parte in partes}
    return render_template(
        "pagamentos/preview.html",
        form=form,
        ficha=payer.ficha,
        chosen=chosen,
        paid=paid,
        credito=valor - sum(paid.values()),
        picked=picked,
    )


def _changed_meanwhile(payer: Payer, form: PagamentoForm, picked: tuple[int, ...]) -> str:
    form.add_error(Invalid("", "Uma das cotas marcadas foi paga ou dispensada neste meio-tempo; confira as marcadas."))
    return _form_page(payer, form, picked)


def _save(escopo: Escopo, payer: Payer, form: PagamentoForm, picked: tuple[int, ...]) -> str | Response:
    try:
        new_id = register_pagamento(
            escopo,
            form.novo(payer.militante_id, picked),
            autor_id=current_author_id(),
            agora=utc_now(),
            hoje=today(),
        )
    except Invalid as error:
        form.add_error(error)
        return _form_page(payer, form, picked)
    except Conflict as error:
        form.add_error(Invalid("", error.message))
        fresh = _payer(escopo) or payer
        still_open = {cota.id for cota in fresh.cotas}
        return _form_page(fresh, form, tuple(cota_id for cota_id in picked if cota_id in still_open))
    unnamed = "" if payer.ficha else ", sem identificação"
    flash(f"Pagamento nº {new_id} registrado: {format_brl(form.valor.data or 0)}{unnamed}.", "success")
    if request.form.get("etapa") == "proximo":
        return redirect(url_for("pagamentos.new"))
    return redirect(url_for("pagamentos.show", pagamento_id=new_id))
