"""The rows that a seed writes, as plain values in the form in which both databases accept them.

Days and instants are text, which SQLite stores and PostgreSQL parses. Money is in centavos, truth values are 0 or 1.
"""

from dataclasses import dataclass, field

from controles.domain.contact import email_form, phone_form
from controles.domain.cpf import CpfVault
from controles.militantes.models import Situacao
from controles.seed.days import Calendar
from controles.seed.people import Person
from controles.seed.places import Place

Value = str | int | bytes | None
Row = tuple[Value, ...]

# In the order in which they can be written: referenced tables come first.
COLUMNS: dict[str, tuple[str, ...]] = {
    "nucleo": ("id", "nome", "uf", "municipio", "pai_id", "ativo"),
    "militante": (
        "id",
        "matricula",
        "nome",
        "nome_social",
        "nome_busca",
        "cpf_cifrado",
        "cpf_hmac",
        "nascimento",
        "email",
        "telefone",
        "telefone_busca",
        "email_busca",
        "nucleo_id",
        "situacao",
        "data_filiacao",
        "data_desligamento",
        "dia_vencimento",
        "isento",
        "valor_cota",
        "versao",
    ),
    "situacao_historico": ("id", "militante_id", "situacao", "desde", "motivo"),
    "cota": (
        "id",
        "militante_id",
        "competencia",
        "valor",
        "vencimento",
        "pago",
        "dispensada_em",
        "dispensa_motivo",
    ),
    "pagamento": (
        "id",
        "militante_id",
        "data_credito",
        "valor",
        "metodo",
        "e2eid",
        "estorna_id",
        "motivo",
        "observacao",
        "registrado_em",
    ),
    "alocacao": ("id", "pagamento_id", "cota_id", "centavos"),
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Some militantes with everything that belongs to them; their rows refer only to this batch or earlier ones."""

    militante: list[Row] = field(default_factory=list)
    situacao_historico: list[Row] = field(default_factory=list)
    cota: list[Row] = field(default_factory=list)
    pagamento: list[Row] = field(default_factory=list)
    alocacao: list[Row] = field(default_factory=list)

    def tables(self) -> tuple[tuple[str, list[Row]], ...]:
        return (
            ("militante", self.militante),
            ("situacao_historico", self.situacao_historico),
            ("cota", self.cota),
            ("pagamento", self.pagamento),
            ("alocacao", self.alocacao),
        )


def nucleo_row(place: Place) -> Row:
    return (place.id, place.nome, place.uf, place.municipio, place.pai_id, 1)


def militante_row(person: Person, calendar: Calendar, vault: CpfVault) -> Row:
    iso = calendar.iso
    name, cpf = person.name, person.cpf
    return (
        person.id,
        person.matricula,
        name.nome,
        name.nome_social,
        name.nome_busca,
        None if cpf is None else vault.encrypt(cpf),
        None if cpf is None else vault.digest(cpf),
        iso[person.born],
        person.email,
        person.telefone,
        phone_form(person.telefone),
        email_form(person.email),
        None if person.place is None else person.place.id,
        person.situacao.value,
        iso[person.joined],
        None if person.left is None else iso[person.left],
        person.due_day,
        int(person.exempt),
        person.valor,
        1,
    )


def situacao_rows(person: Person, calendar: Calendar, first_id: int) -> list[Row]:
    """The person's standing since joining, oldest first."""
    changes: list[tuple[Situacao, int, str | None]] = [(Situacao.ATIVO, person.joined, None)]
    for leave in person.leaves:
        changes.append((Situacao.LICENCIADO, leave.start, leave.reason))
        if leave.end is not None:
            changes.append((Situacao.ATIVO, leave.end, "Retorno de licença"))
    if person.left is not None:
        changes.append((Situacao.DESLIGADO, person.left, person.reason_to_leave))
    return [
        (first_id + position, person.id, situacao.value, calendar.iso[since], reason)
        for position, (situacao, since, reason) in enumerate(changes)
    ]
