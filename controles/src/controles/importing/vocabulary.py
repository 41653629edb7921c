"""What a title says of its column: the field's own name, or words of a question that asks for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controles.domain.text import search_form

# The column that the file of broken rows has in front; a corrected file may still have it.
REASONS = "erros"

RANK_ASKED, RANK_FILLED_IN = 100, 200
# Before all that is known of itself: somebody said so.
_RANK_LEARNT = -1
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_BETWEEN_NAMES = re.compile(r"\s+(?:e|ou|com)\s+|\s*[/,;|+&]\s*|\s+[-–]\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The fields of one kind of spreadsheet and what people call each, the plainest first.

    Names are compared without accents, case and punctuation.
    """

    names: Mapping[str, tuple[str, ...]]
    # A question of a form, or a title of many words: what it asks for is said by one of them. The first fit counts.
    asked: tuple[tuple[str, re.Pattern[str]], ...] = ()
    # Each field that a sheet must have, and what a sentence calls it.
    mandatory: Mapping[str, str] = field(default_factory=dict)
    # Each of these needs one column at least, whichever.
    one_of: tuple[tuple[str, ...], ...] = ()
    # Titles that say when a form was filled in: the field for which that stands, where the sheet has no better one.
    filled_in: str | None = None
    # What else a title can be, and the sentence that says why it is not read; “{}” is the title.
    unread: Mapping[str, str] = field(default_factory=dict)
    # What somebody said a title means, by its plain form; "": that nobody is to read it.
    learnt: Mapping[str, str] = field(default_factory=dict)

    def with_learnt(self, learnt: Mapping[str, str]) -> "Vocabulary":
        """The same words, and what somebody said before; fields that there are no longer are left out."""
        return replace(self, learnt={title: name for title, name in learnt.items() if not name or name in self.names})

    def knows(self, title: str) -> bool:
        return bool(self.fields_of(title))

    def is_ignored(self, title: str) -> bool:
        """Whether somebody said that this column is not to be read."""
        return self.learnt.get(plain(title)) == ""

    def fields_of(self, title: str) -> tuple[tuple[str, int], ...]:
        """The fields that a column holds, each with how plain a name for it this is; none if nobody knows it."""
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
        """Why a column is not read."""
        return self.unread.get(plain(title), "A coluna “{}” não é conhecida e não será importada.").format(title)


_FILLED_IN = frozenset({"carimbo de data hora", "timestamp", "data de envio", "submitted at"})


def plain(title: str) -> str:
    """A title without accents, case, punctuation."""
    return _NOT_A_WORD.sub(" ", search_form(title)).strip()


def is_reasons(title: str) -> bool:
    """Whether this is the column that an earlier import put there."""
    return plain(title) == REASONS
