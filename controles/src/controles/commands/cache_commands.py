"""`flask --app controles cache …`: Frescor's commands, for the cache that the running application uses."""

from collections.abc import Iterator

import click
from flask import current_app

from controles.domain.clock import today
from controles.domain.escopo import Escopo
from controles.militantes.queries import FiltroMilitantes, count_militantes, list_militantes, list_nucleos
from controles.pagamentos.queries import FiltroPagamentos, list_pagamentos, totals_pagamentos
from controles.painel.queries import get_dashboard_stats
from controles.services.cache_service import running_cache
from frescor import Cache
from frescor.cli import Warmup, cache_commands


def _cache() -> Cache:
    cache = running_cache(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way
    if cache is None:
        raise click.ClickException(
            "Nenhum Controles está em execução com esta pasta de dados, então não há cache para ver. Inicie-o "
            "(make run), ou informe em CONTROLES_DATA ou em REDIS_URL o que o outro processo usa."
        )
    return cache


def _warmups() -> Iterator[Warmup]:
    """The pages that a national reader opens first."""
    everywhere, hoje = Escopo(None), today()
    members, payments = FiltroMilitantes(), FiltroPagamentos()
    yield Warmup("painel", lambda: get_dashboard_stats(everywhere, hoje=hoje))
    yield Warmup("militantes: primeira página", lambda: list_militantes(everywhere, members, hoje=hoje))
    yield Warmup("militantes: total", lambda: count_militantes(everywhere, members, hoje=hoje))
    yield Warmup("pagamentos: primeira página", lambda: list_pagamentos(everywhere, payments))
    yield Warmup("pagamentos: totais", lambda: totals_pagamentos(everywhere, payments))
    yield Warmup("núcleos", lambda: list_nucleos(everywhere))


group = cache_commands(_cache, warmups=_warmups)
