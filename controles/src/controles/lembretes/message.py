"""The text of a reminder, the same by e-mail and in WhatsApp; no subject names anybody."""

import datetime as dt
from urllib.parse import quote

from controles.domain.money import format_brl
from controles.organizacao.records import DadosOrganizacao
from controles.pix.brcode import copy_and_paste
from controles.pix.txids import txid_of
from controles.web.formatting import competencias

SUBJECT = "Contribuição em aberto"


def text(nome: str, meses: tuple[dt.date, ...], valor: int, organizacao: DadosOrganizacao, *, militante_id: int) -> str:
    """The whole message to one person, about everything that is overdue, with the PIX code for just that."""
    which = "A contribuição de" if len(meses) == 1 else "As contribuições de"
    stand = "está em aberto" if len(meses) == 1 else "estão em aberto"
    lines = [
        f"Olá, {nome.split()[0]}.",
        "",
        f"{which} {competencias(meses)} {stand}: {format_brl(valor)}.",
    ]
    if organizacao.pix_chave:
        lines += ["", f"Para contribuir por PIX, a chave é {organizacao.pix_chave}."]
    code = copy_and_paste(organizacao, centavos=valor, txid=txid_of(militante_id, meses)) if valor else None
    if code is not None:
        lines += ["", "Ou copie e cole este código no aplicativo do banco:", code]
    lines += ["", "Se já pagou nos últimos dias, desconsidere esta mensagem. Se algo mudou, responda e conversamos."]
    signed = " · ".join(filter(None, (organizacao.nome, organizacao.telefone)))
    return "\n".join((*lines, "", signed) if signed else lines)


def whatsapp_link(telefone: str | None, message: str) -> str | None:
    """Opens WhatsApp with the message to this person; None if the number cannot have WhatsApp."""
    digits = "".join(filter(str.isdigit, telefone or ""))
    if len(digits) in {12, 13} and digits.startswith("55"):
        digits = digits[2:]
    if len(digits) not in {10, 11}:
        return None
    return f"https://wa.me/55{digits}?text={quote(message)}"
