"""The month that an address names."""

import datetime as dt
import re

from controles.domain.clock import today
from controles.domain.domain_errors import NotFound
from controles.fechamento.services import FIRST_YEAR

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def month_in_path(mes: str) -> dt.date:
    """The competência in a path, as aaaa-mm; NotFound if it is not a possible month."""
    found = _MONTH.fullmatch(mes)
    if found is None or not FIRST_YEAR <= int(found[1]) <= today().year + 1:
        raise NotFound("Não há um mês com este endereço; escolha-o na lista.")
    return dt.date(int(found[1]), int(found[2]), 1)
