"""Names in the form in which they are compared and searched."""

import re
import unicodedata
from functools import lru_cache

# Letters in Brazilian names that Unicode does not decompose into a letter and a mark.
_WHOLE_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
# D'Ávila, D’Ávila and DÁvila count as the same name, and so do Ana-Clara and Ana Clara.
_PUNCTUATION = str.maketrans(dict.fromkeys("'’‘´`ʼ", "") | dict.fromkeys("-‐‑–—.,", " "))

# What nearly all accents of names become once they are taken apart.
_MARKS = re.compile("[\u0300-\u036f]+")


# An import compares each name several times.
@lru_cache(maxsize=4096)
def search_form(nome: str) -> str:
    """`nome` without accents, in lower case, with single spaces: equal for two spellings of one name.

    Both stored names and search terms go through this function, so they can be compared byte by byte.
    """
    if nome.isascii():
        return " ".join(nome.translate(_PUNCTUATION).lower().split())
    # Punctuation is removed first, because decomposition turns a lone acute accent into a space and a mark; and again
    # last, because it turns full-width letters and signs into plain ones. Case folding can create new marks, so it runs
    # twice.
    form = nome.translate(_PUNCTUATION)
    for _ in range(2):
        form = unicodedata.normalize("NFKD", form).casefold()
    letters = _MARKS.sub("", form)
    if not letters.isascii():
        letters = "".join(character for character in letters if not unicodedata.combining(character))
    return " ".join(letters.translate(_WHOLE_LETTERS).translate(_PUNCTUATION).split())
