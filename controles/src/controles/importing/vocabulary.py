"""What a title says about its column: the field's own name, or words of a question that asks for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controles.domain.text import search_form

# The column that the file of faulty rows has in front; a corrected file may still contain it.
REASONS = "erros"

RANK_ASKED, RANK_FILLED_IN = 100, 200
# Ranks before all built-in names, because a user defined it.
_RANK_LEARNT = -1
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_BETWEEN_NAMES = re.compile(r"\s+(?:e|ou|com)\s+|\s*[/,;|+&]\s*|\s+[-–]\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The fields of one kind of spreadsheet, and the names that people use for each, plainest first.

    Names are compared without accents, case and punctuation.
    """

    names: Mapping[str, tuple[str, ...]]
    # For a form's question, or a title of many words: one of the words tells the field. The first match counts.
    asked: tuple[tuple[str, re.Pattern[str]], ...] = ()
    # Each required field, with its name for sentences.
    mandatory: Mapping[str, str] = field(default_factory=dict)
    # At least one column of each group is required.
    one_of: tuple[tuple[str, ...], ...] = ()
    # Titles for the time at which a form was filled in: the field that it stands for if the sheet has no better column.
    filled_in: str | None = None
    filled_in_sentence: str = "Não há coluna de filiação: “{}” será a data de filiação."
    # Other known titles, each with the sentence that says why it is not read; “{}” is the title.
    unread: Mapping[str, str] = field(default_factory=dict)
    # The meanings of titles that users have defined, by their plain form; "": not read.
    learnt: Mapping[str, str] = field(default_factory=dict)

    def with_learnt(self, learnt: Mapping[str, str]) -> "Vocabulary":
        """This vocabulary with the definitions of users, except for fields that no longer exist."""
        return replace(self, learnt={title: name for title, name in learnt.items() if not name or name in self.names})

    def knows(self, title: str) -> bool:
        return bool(self.fields_of(title))

    def is_ignored(self, title: str) -> bool:
        """Whether a user has defined that this column is not read."""
        return self.learnt.get(plain(title)) == ""

    def fields_of(self, title: str) -> tuple[tuple[str, int], ...]:
        """The fields that a column contains, each with how plain this name is for it; none if the title is unknown."""
        short = plain(title)
        if short in self.learnt:
            said = self.learnt[short]
            return ((said, _RANK_LEARNT),) if said else ()
        preference = {
            name: (field_name, rank) for field_name, names in self.names.items() for rank, name in enumerate(names)
        }
        if short in preference:
            return (preference[short],)
        if short in self.unread:
            return ()
        if self.filled_in is not None and short in _FILLED_IN:
            return ((self.filled_in, RANK_FILLED_IN),)
        short = plain(_ASIDE.sub(" ", title))
        if short in preference:
            return (preference[short],)
        parts = [plain(part) for part in _BETWEEN_NAMES.split(title.strip()) if plain(part)]
        if len(parts) > 1 and all(part in preference for part in parts):
            return tuple(dict([preference[part] for part in parts]).items())
        asked = next((field_name for field_name, pattern in self.asked if pattern.search(short)), None)
        return () if asked is None else ((asked, RANK_ASKED),)

    def sentence_of_unread(self, title: str) -> str:
        """The sentence that says why a column is not read."""
        return self.unread.get(plain(title), "A coluna “{}” não é conhecida e não será importada.").format(title)


_FILLED_IN = frozenset({"carimbo de data hora", "timestamp", "data de envio", "submitted at"})


def plain(title: str) -> str:
    """A title without accents, case and punctuation."""
    return _NOT_A_WORD.sub(" ", search_form(title)).strip()


def is_reasons(title: str) -> bool:
    """Whether this is the column of reasons that an earlier import has added."""
    return plain(title) == REASONS
