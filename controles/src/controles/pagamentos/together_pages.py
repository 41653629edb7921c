"""Registering one movement of money for several people, for example a family: typed, checked, then saved."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from controles.contas.permissions import Permission, current_author_id, current_scope, require
from controles.domain.clock import today, utc_now
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.money import format_brl, parse_brl
from controles.formularios.page import PARAMETER, keep_sent, show_errors, typed
from controles.formularios.services import forget, new_token
from controles.militantes.queries import find_matriculas
from controles.pagamentos.forms import VariosForm
from controles.pagamentos.models import Metodo
from controles.pagamentos.services import Alike
from controles.pagamentos.together import register_together

# The most people of one form; more come from a file, for example a payroll list.
PARTS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """One person's part: as it was typed, and whom it means."""

    matricula: str
    nome: str
    militante_id: int
    centavos: int


@require(Permission.REGISTRAR_PAGAMENTOS)
def several() -> str | Response:
    """The form; once it was checked, with everybody's name, the sum, and a button that saves."""
    token = request.form.get("chave_idempotencia", "") or request.args.get(PARAMETER, "")
    if request.method == "POST":
        return _sent(token or new_token())
    if not token:
        return redirect(url_for("pagamentos.several", f=new_token()))
    data = typed()
    form = VariosForm(data, data_credito=today(), metodo=Metodo.PIX.value, chave_idempotencia=token)
    show_errors(form)
    parts: tuple[Part, ...] = ()
    checked = data is not None and data.get("etapa") == "conferir" and not form.errors and not form.form_errors
    if data is not None and checked and form.validate():
        parts = _parts(data)
    return render_template(
        "pagamentos/several.html",
        form=form,
        kept=data or {},
        lugares=range(1, PARTS + 1),
        partes=parts,
        total=sum(part.centavos for part in parts),
    )


def _sent(token: str) -> Response:
    form = VariosForm(request.form)
    back = {"token": token}
    if not form.validate():
        return redirect(url_for("pagamentos.several", f=keep_sent(form, **back)), 303)
    try:
        parts = _parts(request.form)
        if request.form.get("etapa") != "salvar":
            return redirect(url_for("pagamentos.several", f=keep_sent(form, **back)), 303)
        ids = register_together(
            current_scope(),
            [(part.militante_id, part.centavos) for part in parts],
            form.comum(ask_if_alike=not request.form.get("outro")),
            autor_id=current_author_id(),
            agora=utc_now(),
            hoje=today(),
        )
    except Alike as error:
        form.add_error(Invalid("", f"{error.message} Marque “São outros pagamentos” para registrar."))
    except Invalid as error:
        form.add_error(error)
    except (Conflict, NotFound) as error:
        form.add_error(Invalid("", error.message))
    else:
        forget(token, usuario_id=current_author_id())
        flash(
            f"{len(ids)} pagamentos registrados, no total de {format_brl(sum(p.centavos for p in parts))}.", "success"
        )
        return redirect(url_for("pagamentos.show", pagamento_id=ids[0]), 303)
    return redirect(url_for("pagamentos.several", f=keep_sent(form, **back)), 303)


def _parts(data: MultiDict[str, str]) -> tuple[Part, ...]:
    """The filled lines of the form; Invalid, with its number, for one that cannot be."""
    written = [
        (place, data.get(f"matricula_{place}", "").strip(), data.get(f"valor_{place}", "").strip())
        for place in range(1, PARTS + 1)
    ]
    written = [line for line in written if line[1] or line[2]]
    known = find_matriculas(current_scope(), [matricula for _, matricula, _ in written])
    parts: list[Part] = []
    for place, matricula, valor in written:
        if not matricula or not valor:
            raise Invalid("", f"Linha {place}: escreva a matrícula e o valor.")
        if matricula not in known:
            raise Invalid("", f"Linha {place}: ninguém tem a matrícula {matricula[:20]}.")
        try:
            centavos = parse_brl(valor)
        except ValueError as error:
            raise Invalid("", f"Linha {place}: {error}") from None
        if not centavos:
            raise Invalid("", f"Linha {place}: o valor precisa ser maior que zero.")
        militante_id, nome = known[matricula]
        if militante_id in {part.militante_id for part in parts}:
            raise Invalid("", f"Linha {place}: {nome} já está em outra linha; some as duas.")
        parts.append(Part(matricula, nome, militante_id, centavos))
    if len(parts) < 2:
        raise Invalid("", "Escreva ao menos duas pessoas; para uma só, use “Registrar pagamento”.")
    return tuple(parts)
