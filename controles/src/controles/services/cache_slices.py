"""The parts of tables that the cache distinguishes: a commit invalidates only what was read from the parts that it
changed.

By table and column, in addition to the foreign keys that are not listed here, of which each value is a part. A page of
one militante depends on that militante's rows. Figures for everybody are sums of pieces, and each piece depends on a
range of militantes, a month or a day. For a column that is listed here, all its kinds have to be listed.
"""

from collections.abc import Mapping
from typing import Final

# A page of the open cotas shows those of some hundred militantes: it ends with payments of one or two of these ranges.
PEOPLE_IN_A_RANGE: Final = 512
# So many militantes in a piece: a payment ends the figures of one piece, whose sums take some milliseconds, and the
# panel of 200,000 is the sum of fifty. Of whole ranges: of two kinds of them the wider one would be taken.
PEOPLE_IN_A_PIECE: Final = 8 * PEOPLE_IN_A_RANGE
_RANGE: Final = f"range({PEOPLE_IN_A_RANGE})"

SLICES: Final[Mapping[str, Mapping[str, str | list[str]]]] = {
    "militante": {"id": _RANGE, "nucleo_id": "value"},
    "cota": {"militante_id": ["value", _RANGE], "competencia": "value"},
    "pagamento": {"militante_id": "value", "data_credito": ["day", "month"], "registrado_por_id": []},
    # No cached query reads a part of these by their foreign key.
    "auditoria": {"usuario_id": []},
    "formulario_guardado": {"usuario_id": []},
    "sessao": {"usuario_id": []},
    "token_api": {"usuario_id": []},
    "uso_api": {"token_id": []},
}

# What each payment writes: it ends what names this column of the cotas that it pays, and nothing that does not.
QUIET: Final[Mapping[str, list[str]]] = {"cota": ["pago"]}
