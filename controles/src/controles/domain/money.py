"""Amounts in reais as people write them, to and from integer centavos, which the application uses everywhere."""

import re

# The largest amount in a form or file: 999.999.999,99. A larger number is a typing error.
MAX_CENTAVOS = 99_999_999_999

# Groups of three after a dot, or no dots at all, then perhaps a comma and one or two digits.
_BRAZILIAN = re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,([0-9]{1,2}))?")
# The format of English spreadsheets. Three digits after the dot are still thousands: 1.234 is R$ 1.234,00.
_DOT_DECIMAL = re.compile(r"([0-9]+)\.([0-9]{1,2})")


def format_brl(centavos: int) -> str:
    """`123456` → "R$ 1.234,56"; a negative amount is "-R$ 1.234,56"."""
    reais, cents = divmod(abs(centavos), 100)
    grouped = f"{reais:,}".replace(",", ".")
    sign = "-" if centavos < 0 else ""
    return f"{sign}R$ {grouped},{cents:02d}"


def parse_brl(text: str) -> int:
    """Centavos of an amount such as "1.234,56", "R$ 1.234,56", "1234", "12,5" or "12.50".

    Raises ValueError with a sentence in Portuguese for anything else, including negative amounts.
    """
    written = "".join(text.split())
    amount = re.sub(r"^R\$", "", written, count=1, flags=re.IGNORECASE)
    if not amount:
        raise ValueError("Informe um valor, por exemplo 1.234,56.")
    if amount.startswith(("-", "−", "(")):
        raise ValueError(f"O valor {_shown(text)} é negativo; informe um valor sem sinal, por exemplo 25,00.")
    match = _BRAZILIAN.fullmatch(amount) or _DOT_DECIMAL.fullmatch(amount)
    if match is None:
        raise ValueError(
            f"{_shown(text)} não é um valor em reais; use ponto para os milhares e vírgula para os centavos, "
            "por exemplo 1.234,56."
        )
    reais, cents = match.groups()
    digits = reais.replace(".", "").lstrip("0")
    # Checked before int(), so that a cell with a million digits does not take a second.
    if len(digits) > len(str(MAX_CENTAVOS)) - 2:
        raise ValueError(f"O valor {_shown(text)} é maior que o máximo, {format_brl(MAX_CENTAVOS)}; confira os zeros.")
    return int(digits or "0") * 100 + int((cents or "0").ljust(2, "0"))


def _shown(text: str) -> str:
    """The text as it is quoted in error messages."""
    stripped = text.strip()
    return f"“{stripped if len(stripped) <= 30 else stripped[:30] + '…'}”"
