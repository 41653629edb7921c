"""The choice of a núcleo in a list's filter.

With a thousand núcleos, rendering the options takes longer than everything else on a list that comes from the cache. So
they are rendered once for each list of núcleos.
"""

from collections.abc import Sequence
from functools import lru_cache

from flask import Flask
from markupsafe import Markup, escape

from controles.militantes.records import NucleoItem


def options(nucleos: Sequence[NucleoItem], chosen: int | None) -> Markup:
    """An `<option>` for each; `chosen` is the one that is selected, if it is among them."""
    drawn = _drawn(tuple(nucleos))
    if chosen is None:
        return drawn
    start = f'<option value="{chosen:d}"'
    return Markup(str(drawn).replace(start, f"{start} selected", 1))  # noqa: S704 - drawn by the function below


@lru_cache(maxsize=32)
def _drawn(nucleos: tuple[NucleoItem, ...]) -> Markup:
    return Markup("").join(
        Markup('<option value="{}">{} · {}</option>').format(nucleo.id, escape(nucleo.nome), nucleo.uf)
        for nucleo in nucleos
    )


def init_app(app: Flask) -> None:
    """Give the templates of `app` the filter `opcoes_de_nucleos`."""
    app.jinja_env.filters["opcoes_de_nucleos"] = options
