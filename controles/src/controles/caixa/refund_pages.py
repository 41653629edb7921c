"""Giving back a militante's credit, or an unidentified payment."""

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controles.banco.queries import list_contas
from controles.caixa.forms import DevolucaoForm
from controles.caixa.refunding import refund
from controles.caixa.services import find_by_key
from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.db import db
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid
from controles.formularios.page import PARAMETER, here, keep_sent, show_errors, typed
from controles.formularios.services import forget, new_token
from controles.pagamentos.queries import get_pagador, get_pagamento
from controles.web.form_fields import choice


@require(Permission.CONCILIAR)
def of_credit(militante_id: int) -> str | Response:
    """A militante's credit, or a part of it."""
    payer = get_pagador(current_scope(), militante_id)
    if payer is None:
        abort(404)
    back = url_for("militantes.show", militante_id=militante_id)
    what = f"Crédito de {payer.nome_exibido}"
    return _page(what, payer.credito, back, militante_id=militante_id)


@require(Permission.CONCILIAR)
def of_unidentified(pagamento_id: int) -> str | Response:
    """A payment of which nobody knows whose it is, whole."""
    pagamento = get_pagamento(current_scope(), pagamento_id)
    if pagamento is None:
        abort(404)
    back = url_for("pagamentos.show", pagamento_id=pagamento_id)
    if pagamento.militante_id is not None or pagamento.estorno_de or pagamento.estornado_por or pagamento.devolvido:
        flash("Este pagamento já foi identificado, estornado ou devolvido.", "warn")
        return redirect(back, 303)
    what = f"Pagamento nº {pagamento_id}, sem identificação"
    return _page(what, pagamento.valor, back, pagamento_id=pagamento_id)


def _page(
    what: str, most: int, back: str, *, militante_id: int | None = None, pagamento_id: int | None = None
) -> str | Response:
    token = request.form.get("chave_idempotencia", "") or request.args.get(PARAMETER, "")
    if request.method != "POST":
        if not token:
            return redirect(here(**{PARAMETER: new_token()}))
        saved = find_by_key(db.session, token)
        if saved is not None:
            flash(f"Este formulário já foi salvo: é o movimento nº {saved}.", "warn")
            return redirect(url_for("caixa.show", lancamento_id=saved))
        if not most:
            flash("Não há crédito a devolver.", "warn")
            return redirect(back)
    contas = [conta for conta in list_contas() if conta.ativa]
    form = DevolucaoForm(typed(), valor=most, dia=today())
    form.conta_id.choices = [choice(conta.id, conta.nome) for conta in contas]
    if request.method != "POST":
        show_errors(form)
        form.chave_idempotencia.data = token
        return render_template("caixa/refund.html", form=form, contas=contas, what=what, most=most, voltar=back)
    if form.validate():
        try:
            made = refund(
                form.nova(militante_id=militante_id, pagamento_id=pagamento_id),
                autor_id=current_author_id(),
                agora=utc_now(),
                hoje=today(),
            )
        except Invalid as error:
            form.add_error(error)
        except Conflict as error:
            flash(error.message, "warn")
            return redirect(back, 303)
        else:
            forget(token, usuario_id=current_author_id())
            flash(f"Devolução registrada: é o movimento nº {made}.", "success")
            return redirect(url_for("caixa.show", lancamento_id=made), 303)
    return redirect(here(**{PARAMETER: keep_sent(form, token=token or new_token())}), 303)
