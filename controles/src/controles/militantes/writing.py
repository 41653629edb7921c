"""What every writer of militantes does alike, one by one or by the thousand."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles import cpf
from controles.db import serialise
from controles.militantes.checks import DadosMilitante
from controles.militantes.models import Militante
from controles.militantes.searching import MATRICULA_DIGITS
from controles.text import search_form

# How many numbers are tried at once for the next free matrícula.
_CANDIDATES = 200


def fill(militante: Militante, dados: DadosMilitante) -> None:
    """Set everything but the matrícula and the standing. `dados` has been checked."""
    militante.nome = dados.nome
    militante.nome_social = dados.nome_social
    militante.nome_busca = search_form(militante.nome_exibido)[:160]
    militante.nascimento = dados.nascimento
    militante.email = dados.email
    militante.telefone = dados.telefone
    militante.nucleo_id = dados.nucleo_id
    militante.data_filiacao = dados.data_filiacao
    militante.dia_vencimento = dados.dia_vencimento
    militante.isento = dados.isento
    militante.valor_cota = dados.valor_cota
    if dados.cpf is not None:
        militante.cpf_cifrado = cpf.vault().encrypt(dados.cpf) if dados.cpf else None
        militante.cpf_hmac = cpf.vault().digest(dados.cpf) if dados.cpf else None


def free_matriculas(session: Session) -> Iterator[str]:
    """Free numbers from the newest id on. Held until the commit, so that two authors get two numbers."""
    serialise(session.connection(), "matricula")
    first = (session.scalars(select(func.max(Militante.id))).one() or 0) + 1
    while True:
        candidates = [f"{number:0{MATRICULA_DIGITS}d}" for number in range(first, first + _CANDIDATES)]
        taken = set(session.scalars(select(Militante.matricula).where(Militante.matricula.in_(candidates))))
        yield from (candidate for candidate in candidates if candidate not in taken)
        first += _CANDIDATES


def snapshot(militante: Militante) -> dict[str, object]:
    """What the audit keeps of a militante. The CPF is masked before it leaves this module."""
    number = militante.cpf_cifrado
    return {
        "matricula": militante.matricula,
        "nome": militante.nome,
        "nome_social": militante.nome_social,
        "cpf": cpf.mask(cpf.vault().decrypt(number)) if number is not None else None,
        "nascimento": militante.nascimento,
        "email": militante.email,
        "telefone": militante.telefone,
        "nucleo_id": militante.nucleo_id,
        "data_filiacao": militante.data_filiacao,
        "dia_vencimento": militante.dia_vencimento,
        "isento": militante.isento,
        "valor_cota": militante.valor_cota,
    }
