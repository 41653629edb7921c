"""Which parts of tables the cache tells apart: a commit ends what was read of the parts that it changed.

By table and column, beside the foreign keys that are not named here, of which each value is a part. A page of one
militante depends on that militante's rows; figures over everybody are sums of pieces, and each piece depends on a range
of militantes, a month or a day. Who lists a column lists all its kinds.
"""

from collections.abc import Mapping
from typing import Final

# So many militantes in a piece: a payment ends the figures of one piece, whose sums take some milliseconds, and the
# panel of 200,000 is the sum of fifty.
PEOPLE_IN_A_PIECE: Final = 4000
_PIECE: Final = f"range({PEOPLE_IN_A_PIECE})"

SLICES: Final[Mapping[str, Mapping[str, str | list[str]]]] = {
    "militante": {"id": _PIECE, "nucleo_id": "value"},
    "cota": {"militante_id": ["value", _PIECE], "competencia": "value"},
    "pagamento": {"militante_id": "value", "data_credito": ["day", "month"], "registrado_por_id": []},
    # Of these no cached query reads a part.
    "auditoria": {"usuario_id": []},
    "formulario_guardado": {"usuario_id": []},
    "sessao": {"usuario_id": []},
}
