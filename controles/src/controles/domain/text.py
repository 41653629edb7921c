"""Names in the form in which they are compared and searched."""

import unicodedata

# Letters of names in Brazil that Unicode does not take apart into a letter and a mark.
_WHOLE_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
# D'Ávila, D’Ávila and DÁvila are one name; Ana-Clara and Ana Clara too.
_PUNCTUATION = str.maketrans(dict.fromkeys("'’‘´`ʼ", "") | dict.fromkeys("-‐‑–—.,", " "))


def search_form(nome: str) -> str:
    """`nome` without accents, lower case, single spaces: equal for two spellings of one name.

    Both the stored name and what is searched for go through this function, so they can be compared byte by byte.
    """
    # The signs go first, because decomposition turns a lone acute accent into a space and a mark; and again last,
    # because it turns wide letters and signs into plain ones. Folding case can make marks anew, hence twice.
    form = nome.translate(_PUNCTUATION)
    for _ in range(2):
        form = unicodedata.normalize("NFKD", form).casefold()
    letters = "".join(character for character in form if not unicodedata.combining(character))
    return " ".join(letters.translate(_WHOLE_LETTERS).translate(_PUNCTUATION).split())
