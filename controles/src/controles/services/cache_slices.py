"""The parts of tables that the cache distinguishes: a commit invalidates only what was read from the parts that it
changed.

By table and column, in addition to the foreign keys that are not listed here, of which each value is a part. A page of
one militante depends on that militante's rows. Figures for everybody are sums of pieces, and each piece depends on a
range of militantes, a month or a day. For a column that is listed here, all its kinds have to be listed.
"""

from collections.abc import Mapping
from typing import Final

# The number of militantes in a piece: a payment invalidates the figures of one piece, which takes some milliseconds to
# add up again, and the panel of 200,000 is the sum of fifty pieces.
PEOPLE_IN_A_PIECE: Final = 4000
_PIECE: Final = f"range({PEOPLE_IN_A_PIECE})"

SLICES: Final[Mapping[str, Mapping[str, str | list[str]]]] = {
    "militante": {"id": _PIECE, "nucleo_id": "value"},
    "cota": {"militante_id": ["value", _PIECE], "competencia": "value"},
    "pagamento": {"militante_id": "value", "data_credito": ["day", "month"], "registrado_por_id": []},
    # No cached query reads a part of these by their foreign key.
    "auditoria": {"usuario_id": []},
    "formulario_guardado": {"usuario_id": []},
    "sessao": {"usuario_id": []},
}
