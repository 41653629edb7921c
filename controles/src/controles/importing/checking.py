"""Checks each row and compares it with the database, some hundred at a time. Writes nothing."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from typing import Any, cast

from sqlalchemy.orm import Session

from controles.domain import cpf
from controles.domain.domain_errors import Invalid
from controles.domain.text import search_form
from controles.importing.cells import Decisao, reader
from controles.importing.columns import Columns
from controles.importing.matching import Ambiguous, Conflito, Identity, Known, known_among
from controles.importing.nucleos import NucleoNames
from controles.importing.repetition import Repetition
from controles.importing.spreadsheet import Record
from controles.militantes.checks import DadosMilitante, checked
from controles.militantes.models import Militante, Situacao
from controles.militantes.writing import STORED, is_another_cpf
from controles.organizacao.services import usual_amounts

ROWS_AT_ONCE = 500

# The value of a field after its own was refused, so that the other fields of the row can be checked, too.
_HARMLESS: Mapping[str, Any] = {
    "matricula": None,
    "nome": "Nome",
    "nome_social": None,
    "cpf": None,
    "nascimento": None,
    "email": None,
    "telefone": None,
    "nucleo_id": None,
    "dia_vencimento": 10,
    "isento": False,
    "valor_cota": 2000,
}


_ANSWERS = tuple((decisao.value, decisao.value.capitalize()) for decisao in Decisao)
_NOT_DADOS = ("situacao", "decisao")
# The first word of a line that adds up a sheet.
_SUMS = ("total", "subtotal", "soma", "quantidade")


class Acao(StrEnum):
    NOVO = "novo"
    ATUALIZADO = "atualizado"
    IGUAL = "igual"
    ERRO = "erro"
    # It could be about another person than it seems: nothing is written until somebody decides.
    CONFLITO = "conflito"
    # A line with the totals of the others.
    TOTAL = "total"
    # Somebody decided that it is not written.
    PULADO = "pulado"
    # The state of a written row after its batch was undone.
    DESFEITO = "desfeito"
    MANTIDO = "mantido"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell, with the sheet's own name of its column; None: with the row as a whole."""

    column: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Alteracao:
    """What a row would change: the sheet's name of the column, the stored value, and the row's value."""

    column: str
    antes: object
    depois: object


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """The result for a row. `militante_id`: the existing militante that it is about; `de`: their name."""

    record: Record
    acao: Acao
    militante_id: int | None = None
    faults: tuple[Fault, ...] = ()
    de: str = ""
    alteracoes: tuple[Alteracao, ...] = ()
    # The answers that a conflict can have: what is stored, and what the page says.
    opcoes: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class ParsedRow:
    """A row's cells as values; empty or unreadable cells are missing."""

    record: Record
    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        values = self.values
        return Identity(
            matricula=values.get("matricula"),
            cpf=values.get("cpf"),
            nome=values.get("nome"),
            nome_social=values.get("nome_social"),
            data_filiacao=values.get("data_filiacao"),
            nascimento=values.get("nascimento"),
            email=values.get("email"),
            decisao=values.get("decisao"),
        )

    @property
    def matricula_kept(self) -> bool:
        """Whether the row's matrícula is the militante's own, instead of another militante's."""
        return self.values.get("decisao") is not Decisao.OUTRA


def chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    iterator = iter(records)
    while chunk := list(islice(iterator, ROWS_AT_ONCE)):
        yield chunk


def parse(
    record: Record, columns: Columns, nucleos: NucleoNames, hoje: dt.date, decisoes: Mapping[int, str]
) -> ParsedRow:
    """Read a row's cells one by one; a decision made about the row replaces its own column."""
    parsed = ParsedRow(record)
    if record.fault is not None:
        return parsed
    for name, text in columns.cells(record.cells).items():
        try:
            if name == "nucleo":
                parsed.values["nucleo_id"] = nucleos.id_of(text)
                continue
            value = reader(name, hoje)(text)
            if value is not None:
                parsed.values[name] = value
        except ValueError as error:
            parsed.faults[name] = str(error)
    if record.number in decisoes:
        parsed.faults.pop("decisao", None)
        parsed.values["decisao"] = Decisao(decisoes[record.number])
    return parsed


def new_dados(parsed: ParsedRow, usual: Mapping[str, int]) -> DadosMilitante:
    """The data of a new militante; `data_filiacao` must be among the row's values.

    `usual`: the organisation's values for new militantes, used where the row has none.
    """
    values = {name: value for name, value in parsed.values.items() if name not in _NOT_DADOS}
    if not parsed.matricula_kept:
        values["matricula"] = None
    return DadosMilitante(**{"nome": "", **usual, **values})


def merged_dados(militante: Militante, parsed: ParsedRow) -> DadosMilitante:
    """The data of `militante`, updated from the row. An empty cell changes nothing."""
    known: dict[str, Any] = {name: getattr(militante, name) for name in STORED}
    values = {name: value for name, value in parsed.values.items() if name not in (*_NOT_DADOS, "matricula")}
    for name in ("nome", "nome_social"):
        if name in values and _says_less(values[name], known[name]):
            del values[name]
    return DadosMilitante(**{**known, **values})


class Checker:
    """Checks the rows of one file in order, and remembers them to find repetitions."""

    def __init__(
        self,
        session: Session,
        columns: Columns,
        nucleos: NucleoNames,
        hoje: dt.date,
        decisoes: Mapping[int, str],
    ) -> None:
        self._session = session
        self._columns = columns
        self._nucleos = nucleos
        self._hoje = hoje
        self._decisoes = decisoes
        self._usual = usual_amounts(session)
        self.repetition = Repetition()

    def check(self, records: list[Record]) -> list[CheckedRow]:
        rows = [parse(record, self._columns, self._nucleos, self._hoje, self._decisoes) for record in records]
        readable = [row.identity for row in rows if row.record.fault is None]
        known = known_among(self._session, readable)
        return [self._check(row, known) for row in rows]

    def _check(self, row: ParsedRow, known: Known) -> CheckedRow:
        if row.record.fault is not None:
            return CheckedRow(row.record, Acao.ERRO, faults=(Fault(None, row.record.fault),))
        if _sums_up(row):
            return CheckedRow(row.record, Acao.TOTAL)
        faults = row.faults
        militante, undecided = None, False
        try:
            militante = known.find(row.identity)
        except Conflito as error:
            undecided = not isinstance(error, Ambiguous) and not faults
            faults.setdefault(error.field, error.message)
        identity = row.identity if row.matricula_kept else replace(row.identity, matricula=None)
        for name, message in self.repetition.of(row.record.number, identity, militante).items():
            undecided = undecided and name in faults
            faults.setdefault(name, message)
        if undecided:
            # Whether its values are valid depends on who it is about.
            return CheckedRow(row.record, Acao.CONFLITO, faults=self._in_order(faults), opcoes=_ANSWERS)
        self._check_situacao(row, militante)
        dados = self._check_values(row, militante)
        if faults:
            return CheckedRow(row.record, Acao.ERRO, faults=self._in_order(faults))
        if militante is None:
            return CheckedRow(row.record, Acao.NOVO, de=dados.nome_social or dados.nome)
        alteracoes = self._alteracoes(militante, dados)
        acao = Acao.ATUALIZADO if alteracoes else Acao.IGUAL
        de = f"{militante.nome_exibido}, matrícula {militante.matricula}"
        return CheckedRow(row.record, acao, militante.id, de=de, alteracoes=alteracoes)

    def _alteracoes(self, militante: Militante, dados: DadosMilitante) -> tuple[Alteracao, ...]:
        names = self._columns.name
        found = [
            Alteracao(
                names("nucleo"), self._nucleos.name_of(militante.nucleo_id), self._nucleos.name_of(dados.nucleo_id)
            )
            if name == "nucleo_id"
            else Alteracao(names(name), getattr(militante, name), getattr(dados, name))
            for name in STORED
            if getattr(militante, name) != getattr(dados, name)
        ]
        if dados.cpf and is_another_cpf(militante.cpf_hmac, dados.cpf):
            stored = militante.cpf_cifrado
            before = cpf.mask(cpf.vault().decrypt(stored)) if stored else None
            found.append(Alteracao(names("cpf"), before, cpf.mask(dados.cpf)))
        return tuple(found)

    def _in_order(self, faults: Mapping[str, str]) -> tuple[Fault, ...]:
        """From left to right, in the order of the sheet's columns; faults without a column come last."""
        positions = self._columns.positions
        names = sorted(faults, key=lambda name: positions.get(name, len(positions) + 1000))
        return tuple(Fault(self._columns.name(name), faults[name]) for name in names)

    def _check_values(self, row: ParsedRow, militante: Militante | None) -> DadosMilitante:
        """The values in the form that the services expect; what these would refuse becomes a fault."""
        faults, values = row.faults, row.values
        harmless = {**_HARMLESS, "data_filiacao": self._hoje}
        if militante is None:
            if "data_filiacao" not in values:
                faults.setdefault("data_filiacao", "Informe a data de filiação, dd/mm/aaaa.")
            refused = {name: harmless[name] for name in faults if name in harmless}
            dados = new_dados(replace(row, values={**values, **refused}), self._usual)
        else:
            dados = merged_dados(militante, row)
            ended = militante.data_desligamento
            if ended is not None and dados.data_filiacao > ended:
                faults.setdefault(
                    "data_filiacao", f"A filiação não pode ser posterior ao desligamento, {ended:%d/%m/%Y}."
                )
        moved = dados.nucleo_id is not None and (militante is None or dados.nucleo_id != militante.nucleo_id)
        if moved and not self._nucleos.is_active(dados.nucleo_id):
            faults.setdefault("nucleo", "Este núcleo está inativo; escolha outro.")
        while True:
            try:
                return checked(dados, hoje=self._hoje)
            except Invalid as error:
                faults.setdefault(error.field, error.message)
                if getattr(dados, error.field) == harmless[error.field]:
                    raise
                dados = replace(dados, **{error.field: harmless[error.field]})

    @staticmethod
    def _check_situacao(row: ParsedRow, militante: Militante | None) -> None:
        situacao = cast(Situacao | None, row.values.get("situacao"))
        if situacao is None:
            return
        if militante is None and situacao is not Situacao.ATIVO:
            row.faults["situacao"] = (
                f"A importação cadastra militantes ativos, e esta linha diz {situacao.value}; "
                "retire a linha, ou cadastre a pessoa como ativa e registre a saída ou a licença na ficha."
            )
        elif militante is not None and situacao is not militante.situacao:
            row.faults["situacao"] = (
                f"Este militante está {militante.situacao.value} e a linha diz {situacao.value}; "
                "a importação não muda a situação: registre a mudança na ficha, ou apague a célula."
            )


def _sums_up(row: ParsedRow) -> bool:
    """Whether this is a line at the end of a list that counts it or adds it up."""
    if any(name in row.values for name in ("cpf", "data_filiacao", "nascimento", "email")):
        return False
    return is_sum(row.record)


def is_sum(record: Record) -> bool:
    """Whether one of the cells begins as the foot of a list does."""
    return any(search_form(cell).startswith(_SUMS) for cell in record.cells)


def _says_less(written: str, known: str | None) -> bool:
    """Whether it is the same name in capitals or without accents, and so corrects nothing."""
    if known is None or search_form(written) != search_form(known):
        return False
    return written.isupper() or written.islower() or search_form(written) == search_form(known) == _folded(written)


def _folded(text: str) -> str:
    """`text` in lower case: equal to its search form if it has no accents or punctuation."""
    return " ".join(text.casefold().split())
