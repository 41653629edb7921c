"""Reads a bank's return file of paid boletos: CNAB 240 (segments T and U), and CNAB 400 of the common banks.

Positions are those of the banks' manuals, minus one. Only paid titles are taken; confirmations and rejections are not.
"""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controles.domain import cpf
from controles.domain.domain_errors import Invalid
from controles.pix.txids import charged_in
from controles.recebimentos.models import Fonte
from controles.recebimentos.records import Lida

LARGEST = 8 * 1024 * 1024
_AGAIN = "Baixe o arquivo de retorno de novo no site do banco."
_PAID_240 = frozenset({"06", "17"})
# From, and up to, but not with.
_Part = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SegmentT:
    """Where a bank writes whose title it is."""

    nosso: _Part = (37, 57)
    seu: _Part = (58, 73)
    empresa: _Part = (105, 130)
    inscricao: _Part = (133, 148)
    nome: _Part = (148, 188)


_FEBRABAN = _SegmentT()
_SEGMENTS_T: Mapping[str, _SegmentT] = {
    "033": _SegmentT(
        nosso=(40, 53),
        seu=(54, 69),
        empresa=(100, 125),
        inscricao=(128, 143),
        nome=(143, 183),
    ),
    # Ten other digits follow thirty of the name.
    "341": _SegmentT(nome=(148, 178)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout400:
    """What differs between the banks' files of 400 positions."""

    detalhe: str = "1"
    pagos: frozenset[str]
    nosso: _Part
    credito: _Part = (295, 301)
    nome: _Part | None = None


_LAYOUTS_400: Mapping[str, _Layout400] = {
    "001": _Layout400(detalhe="7", pagos=frozenset({"05", "06", "07", "08", "15"}), nosso=(63, 80), credito=(175, 181)),
    "033": _Layout400(pagos=frozenset({"06", "07", "08", "17"}), nosso=(62, 70)),
    "237": _Layout400(pagos=frozenset({"06", "15", "17"}), nosso=(70, 82)),
    "341": _Layout400(pagos=frozenset({"06", "07", "08"}), nosso=(62, 70), nome=(324, 354)),
    "756": _Layout400(pagos=frozenset({"05", "06", "15"}), nosso=(62, 74), credito=(175, 181)),
}


def read_return(raw: bytes, *, hoje: dt.date) -> tuple[Fonte, tuple[Lida, ...]]:
    """The titles that were paid. Invalid, with a sentence, if the file is cut, changed, or no return file."""
    if len(raw) > LARGEST:
        raise Invalid("arquivo", "O arquivo passa de 8 MB; baixe um período menor.")
    records = _records(raw)
    width = len(records[0])
    if width not in {240, 400}:
        raise Invalid(
            "arquivo",
            f"A primeira linha tem {width} posições; um retorno de cobrança tem 240 ou 400 (CNAB). Escolha no site do "
            "banco “arquivo de retorno”, e não o extrato.",
        )
    for number, record in enumerate(records, start=1):
        if len(record) != width:
            raise Invalid(
                "arquivo",
                f"A linha {number} tem {len(record)} posições em vez de {width}: o arquivo foi cortado ou alterado. "
                f"{_AGAIN}",
            )
    lines = tuple(_read_240(records, hoje) if width == 240 else _read_400(records, hoje))
    if not lines:
        raise Invalid("arquivo", "O arquivo está inteiro, e nenhum título dele foi pago: não há o que registrar.")
    return (Fonte.CNAB240 if width == 240 else Fonte.CNAB400), lines


def _records(raw: bytes) -> list[str]:
    # The manuals ask for ASCII. What comes may be that of Windows, or was saved again as UTF-8, whose letters with
    # accents take two bytes.
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a\n")
    if not text.strip():
        raise Invalid("arquivo", "O arquivo está vazio.")
    return text.split("\n")


def _read_240(records: Sequence[str], hoje: dt.date) -> Iterator[Lida]:
    head, end = records[0], records[-1]
    if head[7] != "0":
        raise Invalid("arquivo", f"A primeira linha não é o cabeçalho do arquivo: falta o começo. {_AGAIN}")
    if head[142] != "2":
        raise Invalid("arquivo", "É um arquivo de remessa, que vai ao banco; escolha o de retorno, que vem dele.")
    if end[7] != "9":
        raise Invalid("arquivo", f"Falta o fim do arquivo: a última linha não é a de encerramento. {_AGAIN}")
    if _digits(end[23:29], len(records), "total de linhas") != len(records):
        raise Invalid("arquivo", f"O arquivo diz ter {int(end[23:29])} linhas e tem {len(records)}. {_AGAIN}")
    bank = head[0:3]
    seen: Counter[str] = Counter()
    billing, open_t, open_at = False, None, 0
    for number, record in enumerate(records, start=1):
        kind, segment = record[7], record[13]
        if open_t is not None and not (kind == "3" and segment == "U"):
            raise Invalid("arquivo", f"Linha {open_at}: falta o segmento U deste título. {_AGAIN}")
        if kind == "1":
            billing = record[9:11] == "01"
        elif kind == "3" and billing and segment == "T":
            open_t, open_at = record, number
        elif kind == "3" and billing and segment == "U":
            if open_t is None:
                raise Invalid("arquivo", f"Linha {number}: falta o segmento T deste título. {_AGAIN}")
            if open_t[15:17] != record[15:17]:
                raise Invalid("arquivo", f"Linha {number}: os segmentos T e U são de movimentos diferentes. {_AGAIN}")
            if record[15:17] in _PAID_240:
                yield _title_240(bank, open_t, record, open_at, seen, hoje)
            open_t = None
    if not any(record[7] == "1" and record[9:11] == "01" for record in records):
        raise Invalid("arquivo", "O arquivo não é de cobrança (boletos); escolha o retorno da cobrança.")


def _title_240(bank: str, t: str, u: str, number: int, seen: Counter[str], hoje: dt.date) -> Lida:
    where = _SEGMENTS_T.get(bank, _FEBRABAN)
    credited = u[145:153] if u[145:153].strip("0 ") else u[137:145]
    return _paid(
        number,
        valor=_digits(u[77:92], number, "valor pago"),
        data=_day(credited, number, hoje),
        title=(bank, t[17:37].strip(), _cut(t, where.nosso).strip()),
        seu=_cut(t, where.seu),
        empresa=_cut(t, where.empresa),
        inscricao=_cut(t, where.inscricao),
        nome=_cut(t, where.nome),
        seen=seen,
    )


def _read_400(records: Sequence[str], hoje: dt.date) -> Iterator[Lida]:
    head, end = records[0], records[-1]
    if head[0] != "0" or head[1] not in "12":
        raise Invalid("arquivo", f"A primeira linha não é o cabeçalho do arquivo: falta o começo. {_AGAIN}")
    if head[1] == "1":
        raise Invalid("arquivo", "É um arquivo de remessa, que vai ao banco; escolha o de retorno, que vem dele.")
    if end[0] != "9":
        raise Invalid("arquivo", f"Falta o fim do arquivo: a última linha não é a de encerramento. {_AGAIN}")
    bank = head[76:79]
    layout = _LAYOUTS_400.get(bank)
    if layout is None:
        raise Invalid(
            "arquivo",
            f"O formato de 400 posições do banco {bank.strip() or '?'} não é lido; peça o retorno em CNAB 240.",
        )
    seen: Counter[str] = Counter()
    for number, record in enumerate(records, start=1):
        sequence = record[394:400]
        if sequence.strip() and _digits(sequence, number, "número de sequência") != number:
            raise Invalid("arquivo", f"Linha {number}: o arquivo a numera {int(sequence)}; faltam linhas. {_AGAIN}")
        if record[0] != layout.detalhe or record[108:110] not in layout.pagos:
            continue
        credited = _cut(record, layout.credito)
        if not credited.strip("0 "):
            credited = record[110:116]
        yield _paid(
            number,
            valor=_digits(record[253:266], number, "valor pago"),
            data=_day(credited, number, hoje),
            title=(bank, record[1:31].strip(), _cut(record, layout.nosso).strip()),
            seu=record[116:126],
            empresa=record[37:62],
            inscricao="",
            nome=_cut(record, layout.nome) if layout.nome else "",
            seen=seen,
        )


def _paid(
    number: int,
    *,
    valor: int,
    data: dt.date,
    title: tuple[str, str, str],
    seu: str,
    empresa: str,
    inscricao: str,
    nome: str,
    seen: Counter[str],
) -> Lida:
    if valor == 0:
        raise Invalid("arquivo", f"Linha {number}: o título consta como pago, com valor zero; pergunte ao banco.")
    same = "|".join((*title, data.isoformat(), str(valor)))
    seen[same] += 1
    charged = charged_in(empresa) or charged_in(seu)
    digits = inscricao.strip()[-cpf.LENGTH :]
    written = seu.strip().lstrip("0") or empresa.strip()
    return Lida(
        numero=number,
        valor=valor,
        data=data,
        chave=hashlib.sha256(f"cnab|{same}|{seen[same]}".encode()).hexdigest(),
        matricula=written if written and charged is None else None,
        cpf=digits if cpf.is_valid(digits) else None,
        nome=" ".join(nome.split()) or None,
        militante_id=charged.militante_id if charged else None,
        competencia=charged.meses[0] if charged and len(charged.meses) == 1 else None,
    )


def _cut(record: str, part: _Part) -> str:
    return record[part[0] : part[1]]


def _digits(text: str, number: int, what: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Invalid("arquivo", f"Linha {number}: o {what} é “{text.strip()[:20]}”, e não um número. {_AGAIN}")
    return int(text)


def _day(text: str, number: int, hoje: dt.date) -> dt.date:
    """DDMMAAAA or DDMMAA."""
    try:
        year = int(text[4:]) + (2000 if len(text) == 6 else 0)
        day = dt.date(year, int(text[2:4]), int(text[:2]))
    except ValueError:
        raise Invalid("arquivo", f"Linha {number}: a data “{text}” não existe. {_AGAIN}") from None
    if not hoje.replace(year=hoje.year - 20, day=1) <= day:
        raise Invalid("arquivo", f"Linha {number}: a data {day:%d/%m/%Y} é antiga demais; confira o arquivo.")
    return day
