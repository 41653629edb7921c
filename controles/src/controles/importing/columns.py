"""Finds out which column of a spreadsheet is which field."""

from collections.abc import Sequence
from dataclasses import dataclass

from controles.domain.domain_errors import Invalid
from controles.importing.merged import split_cell
from controles.importing.vocabulary import RANK_FILLED_IN, Vocabulary, is_reasons, plain


@dataclass(frozen=True, slots=True)
class Columns:
    """The position of each field, and sentences about titles that will not be read.

    `merged`: columns that hold several fields in one cell, with these fields in the order of the title.
    """

    header: tuple[str, ...]
    positions: dict[str, int]
    warnings: tuple[str, ...]
    merged: tuple[tuple[int, tuple[str, ...]], ...] = ()
    # Required fields that the sheet does not have, as words for a sentence.
    missing: tuple[str, ...] = ()

    def name(self, field: str) -> str:
        """The sheet's own title for a field; the field's name if the sheet has no such column."""
        position = self.positions.get(field)
        return field if position is None else self.header[position]

    def cells(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells by field, tidied; empty ones are left out, and those beyond the end of a short row."""
        found = {}
        apart = {position: split_cell(_cell(cells, position), fields) for position, fields in self.merged}
        for field, position in self.positions.items():
            text = apart[position].get(field, "") if position in apart else _cell(cells, position)
            if text:
                found[field] = text
        return found


def _cell(cells: Sequence[str], position: int) -> str:
    return cells[position].strip() if position < len(cells) else ""


def columns_of(header: tuple[str, ...], words: Vocabulary) -> Columns:
    """Match a header. Invalid if a required column is missing or occurs twice; anything else is a warning."""
    columns = match_columns(header, words)
    if columns.missing:
        raise Invalid("", missing_columns(columns))
    return columns


def missing_columns(columns: Columns) -> str:
    """The sentence that names the required columns that a sheet does not have."""
    one = len(columns.missing) == 1
    names = " e ".join(columns.missing)
    return (
        f"{'Falta a coluna' if one else 'Faltam as colunas'} {names}, {'obrigatória' if one else 'obrigatórias'}. "
        f"O arquivo tem: {', '.join(title for title in columns.header if title)}."
    )


def match_columns(header: tuple[str, ...], words: Vocabulary) -> Columns:
    """`columns_of` that reports missing columns in the result. Invalid if a column occurs twice."""
    chosen: dict[str, tuple[int, int]] = {}
    warnings: list[str] = []
    merged: dict[int, tuple[str, ...]] = {}
    for position, title in enumerate(header):
        if not plain(title) or is_reasons(title) or words.is_ignored(title):
            continue
        fields = words.fields_of(title)
        if not fields:
            warnings.append(words.sentence_of_unread(title))
        if len(fields) > 1:
            merged[position] = tuple(field for field, _ in fields)
        for field, rank in fields:
            _choose(header, chosen, warnings, field, (rank, position))
    missing = [f"“{name}”" for field, name in words.mandatory.items() if field not in chosen]
    missing += [
        " ou ".join(f"“{words.names[field][0]}”" for field in fields)
        for fields in words.one_of
        if not any(field in chosen for field in fields)
    ]
    if words.filled_in in chosen and chosen[words.filled_in][0] == RANK_FILLED_IN:
        title = header[chosen[words.filled_in][1]]
        warnings.append(words.filled_in_sentence.format(title))
    positions = {field: position for field, (_, position) in chosen.items()}
    return Columns(header, positions, tuple(warnings), tuple(merged.items()), tuple(missing))


def _choose(
    header: tuple[str, ...],
    chosen: dict[str, tuple[int, int]],
    warnings: list[str],
    field: str,
    found: tuple[int, int],
) -> None:
    """Of two columns for one field, use the one with the plainer title."""
    if field not in chosen:
        chosen[field] = found
        return
    title, other = header[found[1]], header[chosen[field][1]]
    if chosen[field][0] == found[0] and plain(title) == plain(other):
        raise Invalid("", f"A coluna “{title}” aparece duas vezes; deixe só uma, para não haver dúvida.")
    used, ignored = (title, other) if found < chosen[field] else (other, title)
    chosen[field] = min(found, chosen[field])
    if RANK_FILLED_IN not in (found[0], chosen[field][0]):
        warnings.append(f"As colunas “{used}” e “{ignored}” dizem o mesmo; só “{used}” será importada.")
