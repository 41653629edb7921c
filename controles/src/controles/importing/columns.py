"""Which column of a spreadsheet is which field of a militante."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from controles.domain.domain_errors import Invalid
from controles.domain.text import search_form
from controles.importing.merged import split_cell

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
        "data da filiacao",
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
    "decisao": ("decisao",),
}
MANDATORY = {"nome": "nome", "data_filiacao": "data de filiação"}

_PREFERENCE = {name: (field, rank) for field, names in _NAMES.items() for rank, name in enumerate(names)}
# A question of a form, or a title of many words: what it asks for is said by one of them. The first that fits counts.
_ASKED = tuple(
    (field, re.compile(pattern))
    for field, pattern in (
        ("nome_social", r"nome social|chamad[oa]"),
        ("nome", r"^(seu |o )?nome (completo|civil|inteiro)|^nome d[oae] (militante|filiad|associad|soci|pessoa)"),
        ("cpf", r"\bcpf\b"),
        ("nascimento", r"\b(data|dia|dt) (de |do |da )?(seu )?nasc"),
        ("email", r"\be ?mail\b"),
        ("telefone", r"\b(telefone|celular|whatsapp|whats|fone)\b"),
        ("nucleo", r"\b(nucleo|celula de base|diretorio)\b"),
        ("data_filiacao", r"\b(data|dia|dt) (de |da |do )?(filiacao|ingresso|admissao|entrada)\b"),
        ("valor_cota", r"\b(contribuir|contribuicao|mensalidade)\b"),
        ("situacao", r"^situacao d[oa] (registro|filiacao|filiad|militante|associad)"),
    )
)
# When a form was filled in: the day of joining, where the sheet has no better one.
_FILLED_IN = frozenset({"carimbo de data hora", "timestamp", "data de envio", "submitted at"})
# The electoral court calls the título de eleitor so.
_VOTER_NUMBER = frozenset(
    {"numero da inscricao", "numero de inscricao", "titulo de eleitor", "titulo eleitoral", "titulo"}
)

_RANK_ASKED, _RANK_FILLED_IN = 100, 200
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_BETWEEN_NAMES = re.compile(r"\s+(?:e|ou|com)\s+|\s*[/,;|+&]\s*|\s+[-–]\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, and what the header says that nobody will read.

    `merged`: columns that hold several fields in one cell, with these in the header's order.
    """

    header: tuple[str, ...]
    positions: dict[str, int]
    warnings: tuple[str, ...]
    merged: tuple[tuple[int, tuple[str, ...]], ...] = ()

    def name(self, field: str) -> str:
        """The header's own word for a field; the field's, if the sheet has no such column."""
        position = self.positions.get(field)
        return field if position is None else self.header[position]

    def cells(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells by field, tidied; the empty ones, and those that the row is too short for, are left out."""
        found = {}
        apart = {position: split_cell(_cell(cells, position), fields) for position, fields in self.merged}
        for field, position in self.positions.items():
            text = apart[position].get(field, "") if position in apart else _cell(cells, position)
            if text:
                found[field] = text
        return found


def _cell(cells: Sequence[str], position: int) -> str:
    return cells[position].strip() if position < len(cells) else ""


def is_known(header: str) -> bool:
    return bool(_fields_of(header))


def is_reasons(header: str) -> bool:
    """Whether this is the column that an earlier import put there."""
    return _plain(header) == REASONS


def columns_of(header: tuple[str, ...]) -> Columns:
    """Match a header. Invalid when a mandatory column is missing or one stands twice; the rest is a warning."""
    chosen: dict[str, tuple[int, int]] = {}
    warnings: list[str] = []
    merged: dict[int, tuple[str, ...]] = {}
    for position, title in enumerate(header):
        if not _plain(title) or is_reasons(title):
            continue
        fields = _fields_of(title)
        if not fields:
            warnings.append(_unread(title))
        if len(fields) > 1:
            merged[position] = tuple(field for field, _ in fields)
        for field, rank in fields:
            _choose(header, chosen, warnings, field, (rank, position))
    missing = [name for field, name in MANDATORY.items() if field not in chosen]
    if missing:
        words = ("Falta a coluna", "obrigatória") if len(missing) == 1 else ("Faltam as colunas", "obrigatórias")
        raise Invalid(
            "",
            f"{words[0]} {' e '.join(f'“{name}”' for name in missing)}, {words[1]}. "
            f"O arquivo tem: {', '.join(title for title in header if title)}.",
        )
    rank, position = chosen["data_filiacao"]
    if rank == _RANK_FILLED_IN:
        warnings.append(f"Não há coluna de filiação: “{header[position]}” será a data de filiação.")
    positions = {field: position for field, (_, position) in chosen.items()}
    return Columns(header, positions, tuple(warnings), tuple(merged.items()))


def _choose(
    header: tuple[str, ...],
    chosen: dict[str, tuple[int, int]],
    warnings: list[str],
    field: str,
    found: tuple[int, int],
) -> None:
    """Of two columns for one field, the plainer one."""
    if field not in chosen:
        chosen[field] = found
        return
    title, other = header[found[1]], header[chosen[field][1]]
    if chosen[field][0] == found[0] and _plain(title) == _plain(other):
        raise Invalid("", f"A coluna “{title}” aparece duas vezes; deixe só uma, para não haver dúvida.")
    used, ignored = (title, other) if found < chosen[field] else (other, title)
    chosen[field] = min(found, chosen[field])
    if _RANK_FILLED_IN not in (found[0], chosen[field][0]):
        warnings.append(f"As colunas “{used}” e “{ignored}” dizem o mesmo; só “{used}” será importada.")


def _fields_of(title: str) -> tuple[tuple[str, int], ...]:
    """The fields that a column holds, each with how plain a name for it this is; none if nobody knows it."""
    plain = _plain(title)
    if plain in _PREFERENCE:
        return (_PREFERENCE[plain],)
    if plain in _VOTER_NUMBER:
        return ()
    if plain in _FILLED_IN:
        return (("data_filiacao", _RANK_FILLED_IN),)
    without_asides = _ASIDE.sub(" ", title)
    plain = _plain(without_asides)
    if plain in _PREFERENCE:
        return (_PREFERENCE[plain],)
    parts = [_plain(part) for part in _BETWEEN_NAMES.split(title.strip()) if _plain(part)]
    if len(parts) > 1 and all(part in _PREFERENCE for part in parts):
        return tuple(dict([_PREFERENCE[part] for part in parts]).items())
    asked = next((field for field, pattern in _ASKED if pattern.search(plain)), None)
    return () if asked is None else ((asked, _RANK_ASKED),)


def _unread(title: str) -> str:
    if _plain(title) in _VOTER_NUMBER:
        return f"A coluna “{title}” é o título de eleitor, para o qual a ficha não tem campo; não será importada."
    return f"A coluna “{title}” não é conhecida e não será importada."


def _plain(header: str) -> str:
    return _NOT_A_WORD.sub(" ", search_form(header)).strip()
