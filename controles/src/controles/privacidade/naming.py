"""Finding and replacing one person's name in texts that other people wrote, whatever its accents and capitals."""

import re
import unicodedata
from collections.abc import Iterable

from controles.domain.text import search_form

# With fewer words than this a name is anybody's.
FEWEST_WORDS = 2
# The search form of a name has none; a text may, and banks write a space instead.
_APOSTROPHES = "['’‘´`ʼ ]?"


class Names:
    """What one person is called: the civil name, the nome social, the e-mail address."""

    def __init__(self, names: Iterable[str | None], *, email: str | None) -> None:
        spelled = {tuple(search_form(name).split()) for name in names if name}
        self._words = sorted((words for words in spelled if len(words) >= FEWEST_WORDS), key=len, reverse=True)
        alternatives = [r"\W+".join(_APOSTROPHES.join(word) for word in words) for words in self._words]
        if email:
            alternatives.append(re.escape(email.lower()))
        self._email = email
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)") if alternatives else None

    def likes(self) -> list[str]:
        """Patterns for LIKE, in lower case, that match every text in which `replaced` finds something, and others.

        Vowels, c and n are left open, because only Python compares them without accents; in JSON, several characters
        may stand for one of them.
        """
        patterns = ["%".join(_open(word) for word in words) for words in self._words]
        if self._email:
            patterns.append(self._email.lower().replace("!", "!!").replace("_", "!_").replace("%", "!%"))
        return [f"%{pattern}%" for pattern in patterns]

    def replaced(self, text: str, label: str) -> str:
        """`text` with `label` in the place of the person's names."""
        if self._pattern is None:
            return text
        folded = "".join(_folded(character) for character in text)
        pieces, end = [], 0
        for match in self._pattern.finditer(folded):
            pieces += [text[end : match.start()], label]
            end = match.end()
        return "".join([*pieces, text[end:]])


def _folded(character: str) -> str:
    """One character for one, so that places in the folded text are places in the text."""
    base = unicodedata.normalize("NFD", character)[0].lower()
    return base if len(base) == 1 else character


def _open(word: str) -> str:
    return "".join("%" if letter in "aeioucny" else letter for letter in word if letter.isalnum())
