"""What all writers of militantes have in common, for one or for thousands."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from controles.db import MAX_ID, serialise
from controles.domain import cpf
from controles.domain.contact import email_form, phone_form
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.periods import month_of
from controles.domain.text import search_form
from controles.militantes.checks import DadosMilitante
from controles.militantes.models import Militante, ValorCota
from controles.militantes.scope import in_scope
from controles.militantes.searching import MATRICULA_DIGITS

# How many numbers are tried at once to find the next free matrícula.
_CANDIDATES = 200


def fill(militante: Militante, dados: DadosMilitante) -> None:
    """Set everything except the matrícula and the standing. `dados` has been checked."""
    for name, value in columns_to_store(dados).items():
        setattr(militante, name, value)


def columns_to_store(dados: DadosMilitante) -> dict[str, Any]:
    """The columns for `dados`, which have been checked: everything except the matrícula and the standing.

    The two columns of the CPF are left out if `dados` say nothing about it.
    """
    number = {}
    if dados.cpf is not None:
        vault = cpf.vault()
        number = {
            "cpf_cifrado": vault.encrypt(dados.cpf) if dados.cpf else None,
            "cpf_hmac": vault.digest(dados.cpf) if dados.cpf else None,
        }
    return {
        **{name: getattr(dados, name) for name in STORED},
        "nome_busca": search_form(dados.nome_social or dados.nome)[:160],
        "telefone_busca": phone_form(dados.telefone),
        "email_busca": email_form(dados.email),
        **number,
    }


def locked_militante(session: Session, escopo: Escopo, militante_id: int, versao: int) -> Militante:
    """The militante, locked; Conflict if it is not the version that the author saw, or was anonymised."""
    found = None
    if 0 < militante_id <= MAX_ID:
        wanted = select(Militante).where(Militante.id == militante_id, in_scope(escopo)).with_for_update()
        found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("Militante não encontrado.")
    if found.anonimizado_em is not None:
        raise Conflict("Os dados desta pessoa foram anonimizados: a ficha não muda mais.")
    if found.versao != versao:
        raise Conflict(
            "Este militante mudou depois que você abriu a página. "
            "Confira os dados atuais e faça a sua alteração de novo."
        )
    return found


def flush_militante(session: Session) -> None:
    """Flush; a race that only the database noticed becomes the error that the check would have raised."""
    try:
        session.flush()
    except StaleDataError as error:
        raise Conflict("Outra pessoa alterou este militante neste momento; confira os dados atuais.") from error
    except IntegrityError as error:
        cause = str(error.orig)
        if "cpf_hmac" in cause:
            raise Invalid("cpf", "Este CPF já é de outro militante.") from error
        if "matricula" in cause:
            raise Invalid("matricula", "Esta matrícula já é de outro militante.") from error
        raise


def changed_fields(before: Mapping[str, object], after: Mapping[str, object], *, cpf_changed: bool) -> set[str]:
    """The names of the fields that differ. Two CPFs can look the same behind the mask."""
    changed = {name for name in after if after[name] != before[name]}
    return changed | {"cpf"} if cpf_changed else changed


def keep_former_amounts(
    session: Session,
    before: Mapping[int, Mapping[str, object]],
    after: Mapping[int, Mapping[str, object]],
    *,
    hoje: dt.date,
) -> None:
    """Keep the former cota amounts of these militantes until this month: earlier months are generated with them.

    If an amount changes twice in one month, the first former amount is the valid one.
    """
    rows = [
        {"militante_id": key, "ate": month_of(hoje), "valor": old["valor_cota"], "isento": old["isento"]}
        for key, old in before.items()
        if any(old[name] != after[key][name] for name in ("valor_cota", "isento"))
    ]
    if rows:
        table = ValorCota.__table__
        assert isinstance(table, Table)
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def is_another_cpf(known: bytes | None, new_cpf: str | None) -> bool:
    """Whether `new_cpf` differs from the one with the digest `known`, by any key. None means that the CPF is
    unchanged."""
    if new_cpf is None:
        return False
    return known is not None if not new_cpf else known not in cpf.vault().digests(new_cpf)


def free_matriculas(session: Session) -> Iterator[str]:
    """Free numbers, starting at the newest id. Locked until the commit, so two authors get different numbers."""
    serialise(session.connection(), "matricula")
    first = (session.scalars(select(func.max(Militante.id))).one() or 0) + 1
    while True:
        candidates = [f"{number:0{MATRICULA_DIGITS}d}" for number in range(first, first + _CANDIDATES)]
        taken = set(session.scalars(select(Militante.matricula).where(Militante.matricula.in_(candidates))))
        yield from (candidate for candidate in candidates if candidate not in taken)
        first += _CANDIDATES


def snapshot(militante: Militante) -> dict[str, object]:
    """What the audit records about a militante. The CPF is masked before it leaves this module."""
    number = militante.cpf_cifrado
    return {
        "matricula": militante.matricula,
        **{name: getattr(militante, name) for name in STORED},
        "cpf": cpf.mask(cpf.vault().decrypt(number)) if number is not None else None,
    }


def snapshot_of_new(matricula: str, dados: DadosMilitante) -> dict[str, object]:
    """The same of a militante who is being made of `dados`."""
    return {
        "matricula": matricula,
        **{name: getattr(dados, name) for name in STORED},
        "cpf": cpf.mask(dados.cpf) if dados.cpf else None,
    }


# The columns that a change of a militante may write.
STORED = (
    "nome",
    "nome_social",
    "nascimento",
    "email",
    "telefone",
    "nucleo_id",
    "data_filiacao",
    "dia_vencimento",
    "isento",
    "valor_cota",
)


def stored_fields(militante: Militante) -> dict[str, object]:
    """What `restore` needs: plain values, days as text, the CPF in its encrypted form."""
    values = {name: getattr(militante, name) for name in STORED}
    return {
        **{name: value.isoformat() if isinstance(value, dt.date) else value for name, value in values.items()},
        "cpf_cifrado": militante.cpf_cifrado.hex() if militante.cpf_cifrado else None,
        "versao": militante.versao,
    }


def restore(militante: Militante, stored: Mapping[str, Any]) -> None:
    """Restore what `stored_fields` returned; CpfUnreadableError if the CPF's key was given up meanwhile."""
    # First of all, and with the present key: if it cannot be read, nothing changes.
    number = cpf.vault().decrypt(bytes.fromhex(stored["cpf_cifrado"])) if stored["cpf_cifrado"] else None
    for name in STORED:
        value = stored[name]
        setattr(militante, name, dt.date.fromisoformat(value) if name in _DAYS and value else value)
    militante.nome_busca = search_form(militante.nome_exibido)[:160]
    militante.telefone_busca = phone_form(militante.telefone)
    militante.email_busca = email_form(militante.email)
    militante.cpf_cifrado = cpf.vault().encrypt(number) if number else None
    militante.cpf_hmac = cpf.vault().digest(number) if number else None


_DAYS = frozenset({"nascimento", "data_filiacao"})
