"""Registering a pagamento in three steps: who, what, check. Each step is a page that works without JavaScript."""

from dataclasses import dataclass, replace

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.cotas.queries import open_cotas
from controles.cotas.records import CotaAberta
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.domain.money import format_brl
from controles.formularios.page import PARAMETER, keep_pairs, keep_sent, sent_pairs, show_errors, typed
from controles.formularios.services import forget, new_token
from controles.militantes.queries import search_militantes
from controles.pagamentos.forms import PagamentoForm, first_choice
from controles.pagamentos.models import Metodo
from controles.pagamentos.queries import find_by_key, get_alike, get_pagador
from controles.pagamentos.records import Pagador
from controles.pagamentos.services import Alike, KeyUsed, check_pagamento, plan_allocation, register_pagamento
from controles.web.query_string import MAX_TEXT, sealed_address, search_lost
from controles.web.search_seal import FIELD, opened

# In place of a militante's id, if it is unknown whose money it is.
NOBODY = "nenhum"
# The most search results that are shown.
MOST_FOUND = 10


@dataclass(frozen=True, slots=True)
class Payer:
    """Who paid: a militante with their open cotas, or nobody yet."""

    ficha: Pagador | None
    cotas: tuple[CotaAberta, ...]

    @property
    def militante_id(self) -> int | None:
        return self.ficha.id if self.ficha else None


@require(Permission.REGISTRAR_PAGAMENTOS)
def new() -> str | Response:
    """The form. Its key is in the address, so returning to it restores what was typed."""
    escopo = current_scope()
    payer = _payer(escopo)
    if payer is None:
        return _find(escopo)
    if request.method == "POST":
        return _sent(escopo, payer)
    token = request.args.get(PARAMETER, "")
    if not token:
        return redirect(_form_address(payer, new_token()))
    data = typed()
    if data is None:
        saved = _saved_with(escopo, token)
        if saved is not None:
            return saved
        return _form_page(payer, _empty_form(payer, token), tuple(cota.id for cota in first_choice(payer.cotas)))
    form = PagamentoForm(data)
    show_errors(form)
    return _form_page(payer, form, _picked(data))


@require(Permission.REGISTRAR_PAGAMENTOS)
def check() -> str | Response:
    """What would be saved, from the typed form that is kept under the address's number."""
    escopo = current_scope()
    token = request.args.get(PARAMETER, "")
    data = typed()
    saved = _saved_with(escopo, token) if data is None else None
    if saved is not None:
        return saved
    payer = None if data is None else _payer(escopo, data.get("militante_id", ""))
    if data is None or payer is None:
        flash("Este formulário não está mais guardado; comece de novo.", "warn")
        return redirect(url_for("pagamentos.new"))
    form = PagamentoForm(data)
    if not form.validate():
        return redirect(_form_address(payer, token))
    show_errors(form)
    return _preview_page(payer, form, _picked(data))


def _sent(escopo: Escopo, payer: Payer) -> Response:
    form, picked = PagamentoForm(request.form), _picked(request.form)
    token = form.chave_idempotencia.data or new_token()
    etapa = request.form.get("etapa")
    if etapa == "corrigir":
        return redirect(_form_address(payer, keep_sent(token=token)), 303)
    if not form.validate():
        return redirect(_form_address(payer, keep_sent(form, token=token)), 303)
    if etapa == "conferir":
        try:
            check_pagamento(escopo, form.novo(payer.militante_id, picked), hoje=today())
        except Invalid as error:
            form.add_error(error)
        except KeyUsed as error:
            return _with_another_key(payer, error)
        except Conflict as error:
            form.add_error(Invalid("", error.message))
        target = _form_address if form.errors else _check_address
        return redirect(target(payer, keep_sent(form, token=token)), 303)
    return _save(escopo, payer, form, picked, token)


def _picked(data: MultiDict[str, str]) -> tuple[int, ...]:
    return tuple(data.getlist("cota_ids", type=int))


def _form_address(payer: Payer, token: str) -> str:
    return url_for("pagamentos.new", militante_id=payer.militante_id or NOBODY, f=token)


def _check_address(_payer: Payer, token: str) -> str:
    return url_for("pagamentos.check", f=token)


def _saved_with(escopo: Escopo, token: str) -> Response | None:
    """A redirect to the payment, if a form was already saved: it must not become a second one."""
    pagamento_id = find_by_key(escopo, token)
    if pagamento_id is None:
        return None
    flash(f"Este formulário já foi salvo: é o pagamento nº {pagamento_id}.", "warn")
    return redirect(url_for("pagamentos.show", pagamento_id=pagamento_id))


def _with_another_key(payer: Payer, error: KeyUsed) -> Response:
    """The same form again, with a new key, so that it can be saved as another payment."""
    token = new_token()
    pairs = tuple((name, value if name != "chave_idempotencia" else token) for name, value in sent_pairs())
    return redirect(_form_address(payer, keep_pairs(pairs, token=token, geral=(error.message,))), 303)


def _payer(escopo: Escopo, chosen: str | None = None) -> Payer | None:
    """None if nobody was chosen yet. The service decides whether unidentified money may be registered."""
    chosen = request.values.get("militante_id", "") if chosen is None else chosen
    if chosen == NOBODY:
        return Payer(None, ())
    if not (chosen.isascii() and chosen.isdigit()):
        return None
    hoje = today()
    ficha = get_pagador(escopo, int(chosen[:10]))
    if ficha is None:
        abort(404)
    return Payer(ficha, open_cotas(escopo, ficha.id, hoje=hoje))


@require(Permission.REGISTRAR_PAGAMENTOS)
def find() -> Response:
    """Puts the search term, encrypted, into the address, so that the page of results can be reloaded."""
    return _found_at(request.form.get(FIELD, ""))


def _found_at(termo: str) -> Response:
    return redirect(sealed_address(url_for("pagamentos.new"), {FIELD: termo.strip()[:MAX_TEXT]}), 303)


def _find(escopo: Escopo) -> str | Response:
    if request.args.get(FIELD):
        return _found_at(request.args[FIELD])
    termo = opened(request.args, usuario_id=current_author_id()).get(FIELD, "")
    found = search_militantes(escopo, termo, hoje=today(), limit=MOST_FOUND + 1) if termo else ()
    return render_template(
        "pagamentos/find.html",
        termo=termo,
        linhas=found[:MOST_FOUND],
        ha_mais=len(found) > MOST_FOUND,
        escopo=escopo,
        busca_perdida=search_lost(),
    )


def _empty_form(payer: Payer, token: str) -> PagamentoForm:
    total = sum(cota.em_aberto for cota in first_choice(payer.cotas))
    return PagamentoForm(
        None, valor=total or None, data_credito=today(), metodo=Metodo.PIX.value, chave_idempotencia=token
    )


def _form_page(payer: Payer, form: PagamentoForm, picked: tuple[int, ...]) -> str:
    chosen_sum = sum(cota.em_aberto for cota in payer.cotas if cota.id in picked)
    return render_template(
        "pagamentos/new.html", form=form, ficha=payer.ficha, cotas=payer.cotas, picked=picked, chosen_sum=chosen_sum
    )


def _preview_page(payer: Payer, form: PagamentoForm, picked: tuple[int, ...]) -> str | Response:
    chosen = tuple(cota for cota in payer.cotas if cota.id in picked)
    if len(chosen) != len(set(picked)):
        # A cota was paid or waived since the form was sent: the page says so.
        form.add_error(
            Invalid("", "Uma das cotas marcadas foi paga ou dispensada neste meio-tempo; confira as marcadas.")
        )
        return _form_page(payer, form, tuple(cota.id for cota in chosen))
    assert form.data_credito.data is not None
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
        igual=get_alike(payer.militante_id, form.data_credito.data, valor, form.e2eid.data or None),
    )


def _save(escopo: Escopo, payer: Payer, form: PagamentoForm, picked: tuple[int, ...], token: str) -> Response:
    novo = replace(form.novo(payer.militante_id, picked), ask_if_alike=not request.form.get("outro"))
    try:
        new_id = register_pagamento(escopo, novo, autor_id=current_author_id(), agora=utc_now(), hoje=today())
    except Alike:
        # The page asks, with a checkbox.
        asked = "Marque que é outro pagamento, ou não salve de novo."
        return redirect(_check_address(payer, keep_sent(token=token, geral=(asked,))), 303)
    except KeyUsed as error:
        return _with_another_key(payer, error)
    except Invalid as error:
        form.add_error(error)
        return redirect(_form_address(payer, keep_sent(form, token=token)), 303)
    except Conflict as error:
        return redirect(_form_address(payer, keep_sent(token=token, geral=(error.message,))), 303)
    forget(token, usuario_id=current_author_id())
    # The message waits in a cookie, so it names nobody.
    flash(f"Pagamento nº {new_id} registrado: {format_brl(novo.valor)}.", "success")
    if request.form.get("etapa") == "proximo":
        return redirect(url_for("pagamentos.new"), 303)
    return redirect(url_for("pagamentos.show", pagamento_id=new_id), 303)
