"""Which column of a spreadsheet is which field of a militante."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from controles.domain_errors import Invalid
from controles.text import search_form

# The column that the file of broken rows has in front; a corrected file may still have it.
REASONS = "erros"

# What people call each field, the plainest first. Compared without accents, case and punctuation.
_NAMES: dict[str, tuple[str, ...]] = {
    "matricula": ("matricula", "numero de matricula", "n matricula", "codigo", "inscricao", "registro"),
    "nome": ("nome", "nome completo", "nome civil", "nome do militante", "militante", "associado", "filiado", "name"),
    "nome_social": ("nome social",),
    "cpf": ("cpf", "numero do cpf", "n cpf", "cpf do militante"),
    "nascimento": ("nascimento", "data de nascimento", "data nascimento", "dt nascimento", "nasc"),
    "email": ("email", "e mail", "endereco de e mail", "endereco de email", "correio eletronico"),
    "telefone": ("telefone", "celular", "telefone celular", "fone", "tel", "whatsapp"),
    "nucleo": ("nucleo", "nucleo de base", "celula", "diretorio", "secao", "base", "grupo"),
    "data_filiacao": (
        "data filiacao",
        "data de filiacao",
        "filiacao",
        "dt filiacao",
        "filiado em",
        "filiado desde",
        "data de ingresso",
        "ingresso",
        "data de admissao",
        "admissao",
        "data de entrada",
        "associado desde",
        "membro desde",
    ),
    "dia_vencimento": ("dia vencimento", "dia de vencimento", "dia do vencimento", "vencimento", "dia"),
    "isento": ("isento", "isencao", "isento de cota"),
    "valor_cota": (
        "valor cota",
        "valor da cota",
        "cota",
        "cota mensal",
        "mensalidade",
        "valor da mensalidade",
        "valor mensal",
        "contribuicao",
        "valor da contribuicao",
        "valor",
    ),
    "situacao": ("situacao", "status"),
}
MANDATORY = {"nome": "nome", "data_filiacao": "data de filiação"}

_PREFERENCE = {name: (field, rank) for field, names in _NAMES.items() for rank, name in enumerate(names)}
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, and what the header says that nobody will read."""

    header: tuple[str, ...]
    positions: dict[str, int]
    warnings: tuple[str, ...]

    def name(self, field: str) -> str:
        """The header's own word for a field; the field's, if the sheet has no such column."""
        position = self.positions.get(field)
        return field if position is None else self.header[position]

    def cells(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells by field, tidied; the empty ones, and those that the row is too short for, are left out."""
        found = {}
        for field, position in self.positions.items():
            text = cells[position].strip() if position < len(cells) else ""
            if text:
                found[field] = text
        return found


def is_known(header: str) -> bool:
    return _plain(header) in _PREFERENCE


def is_reasons(header: str) -> bool:
    """Whether this is the column that an earlier import put there."""
    return _plain(header) == REASONS


def columns_of(header: tuple[str, ...]) -> Columns:
    """Match a header. Invalid when a mandatory column is missing or one stands twice; the rest is a warning."""
    chosen: dict[str, tuple[int, int]] = {}
    warnings = []
    for position, title in enumerate(header):
        plain = _plain(title)
        if not plain or is_reasons(title):
            continue
        if plain not in _PREFERENCE:
            warnings.append(f"A coluna “{title}” não é conhecida e não será importada.")
            continue
        field, rank = _PREFERENCE[plain]
        if field not in chosen:
            chosen[field] = (rank, position)
            continue
        other_rank, other = chosen[field]
        if other_rank == rank:
            raise Invalid("", f"A coluna “{title}” aparece duas vezes; deixe só uma, para não haver dúvida.")
        chosen[field] = min((rank, position), (other_rank, other))
        used, ignored = (title, header[other]) if rank < other_rank else (header[other], title)
        warnings.append(f"As colunas “{used}” e “{ignored}” dizem o mesmo; só “{used}” será importada.")
    missing = [name for field, name in MANDATORY.items() if field not in chosen]
    if missing:
        words = ("Falta a coluna", "obrigatória") if len(missing) == 1 else ("Faltam as colunas", "obrigatórias")
        raise Invalid(
            "",
            f"{words[0]} {' e '.join(f'“{name}”' for name in missing)}, {words[1]}. "
            f"O arquivo tem: {', '.join(title for title in header if title)}.",
        )
    return Columns(header, {field: position for field, (_, position) in chosen.items()}, tuple(warnings))


def _plain(header: str) -> str:
    return _NOT_A_WORD.sub(" ", search_form(header)).strip()
