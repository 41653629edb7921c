"""A static BR Code, according to the central bank's manual (EMV QRCPS, merchant-presented mode)."""

import re
import unicodedata

from controles.organizacao.records import DadosOrganizacao

LONGEST_NAME = 25
LONGEST_CITY = 15


def copy_and_paste(organizacao: DadosOrganizacao, *, centavos: int | None, txid: str) -> str | None:
    """The text of the code; without an amount, the payer enters one. None if key, name or city is missing.

    ValueError if `txid` is not 1 to 25 letters and digits, or if the amount is not positive.
    """
    if not re.fullmatch(r"[A-Za-z0-9]{1,25}", txid):
        raise ValueError(f"txid is {txid!r}; it takes 1 to 25 letters and digits")
    if centavos is not None and not 0 < centavos < 10**12:
        raise ValueError(f"centavos is {centavos}; a code asks for a positive amount of at most 13 characters")
    name, city = plain(organizacao.nome, LONGEST_NAME), plain(organizacao.municipio or "", LONGEST_CITY)
    if not (organizacao.pix_chave and name and city):
        return None
    amount = "" if centavos is None else _field("54", f"{centavos // 100}.{centavos % 100:02d}")
    code = (
        _field("00", "01")
        + _field("26", _field("00", "br.gov.bcb.pix") + _field("01", organizacao.pix_chave))
        + _field("52", "0000")
        + _field("53", "986")
        + amount
        + _field("58", "BR")
        + _field("59", name)
        + _field("60", city)
        + _field("62", _field("05", txid))
        # The checksum includes its own tag and length.
        + "6304"
    )
    return f"{code}{crc16(code.encode('ascii')):04X}"


def plain(text: str, longest: int) -> str:
    """`text` in capitals, without accents or punctuation that some readers refuse, cut to `longest`."""
    decomposed = unicodedata.normalize("NFKD", text).upper()
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(re.sub(r"[^A-Z0-9 ]", " ", letters).split())[:longest].strip()


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, initial value 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"
