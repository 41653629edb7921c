"""Signed amounts, as bank statements write them."""

import re

from controles.domain.money import parse_brl

_ENGLISH = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]{2}")


def parse_signed(text: str) -> int:
    """Centavos of "-1.234,56", "1.234,56-", "(12,00)", "12,00 D", "12,00 C", "+12.00" or "1,234.56".

    ValueError, with a sentence in Portuguese, for anything else.
    """
    written = "".join(text.split()).replace("−", "-").upper()
    sign = 1
    if written.startswith("(") and written.endswith(")"):
        written, sign = written[1:-1], -1
    elif written.endswith(("D", "C")):
        written, sign = written[:-1], -1 if written[-1] == "D" else 1
    written = written.replace("R$", "", 1)
    for end in (written[:1], written[-1:]):
        if end in {"-", "+"}:
            written = written.strip("-+")
            # “-10,00 D” is one withdrawal, not a doubly negated amount.
            sign = -1 if end == "-" else sign
            break
    if _ENGLISH.fullmatch(written):
        written = written.replace(",", "")
    return sign * parse_brl(written)
