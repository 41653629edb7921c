"""An amount in words, as receipts write it: "mil e duzentos reais e cinquenta centavos"."""

_SMALL = (
    *("zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove"),
    *("dez", "onze", "doze", "treze", "quatorze", "quinze", "dezesseis", "dezessete", "dezoito", "dezenove"),
)
_TENS = ("", "", "vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa")
_HUNDREDS = (
    *("", "cento", "duzentos", "trezentos", "quatrocentos"),
    *("quinhentos", "seiscentos", "setecentos", "oitocentos", "novecentos"),
)
_MILLIONS = (("milhão", "milhões"), ("bilhão", "bilhões"), ("trilhão", "trilhões"))


def in_words(centavos: int) -> str:
    """`123050` → "mil, duzentos e trinta reais e cinquenta centavos". ValueError for less than one centavo."""
    if centavos < 1:
        raise ValueError("an amount in words is more than zero")
    reais, cents = divmod(centavos, 100)
    parts = []
    if reais:
        # "um milhão de reais", but "um milhão e um reais".
        of = " de" if reais >= 1_000_000 and reais % 1_000_000 == 0 else ""
        parts.append(f"{_number(reais)}{of} {'real' if reais == 1 else 'reais'}")
    if cents:
        parts.append(f"{_number(cents)} {'centavo' if cents == 1 else 'centavos'}")
    return " e ".join(parts)


def _number(number: int) -> str:
    groups = []
    for power in range(len(_MILLIONS) + 1, -1, -1):
        group = number // 1000**power % 1000
        if group:
            groups.append((group, _group(group, power)))
    *before, last = (words for _, words in groups)
    if not before:
        return last
    # The last group follows "e" if it is below a hundred or a multiple of a hundred; other groups follow a comma.
    smallest = groups[-1][0]
    joined = " e " if smallest < 100 or smallest % 100 == 0 else ", "
    return ", ".join(before) + joined + last


def _group(group: int, power: int) -> str:
    if power == 0:
        return _below_thousand(group)
    if power == 1:
        return "mil" if group == 1 else f"{_below_thousand(group)} mil"
    return f"{_below_thousand(group)} {_MILLIONS[power - 2][group > 1]}"


def _below_thousand(number: int) -> str:
    if number == 100:
        return "cem"
    hundreds, rest = divmod(number, 100)
    parts = [_HUNDREDS[hundreds]] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        parts.append(_TENS[tens])
        rest = ones
    if rest:
        parts.append(_SMALL[rest])
    return " e ".join(parts)
