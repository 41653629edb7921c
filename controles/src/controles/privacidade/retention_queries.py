"""What personal data is stored, and how much of it is past its term. Not cached: read a few times a year."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select

from controles.auditoria.models import Auditoria
from controles.banco.models import LinhaExtrato
from controles.db import db
from controles.importing.models import ImportacaoArquivo
from controles.lembretes.models import Lembrete
from controles.militantes.models import Militante, Situacao
from controles.privacidade.models import SolicitacaoTitular
from controles.privacidade.records import ItemRetencao
from controles.privacidade.retention import YEARS_KEPT, old_files, past_term, years_before
from controles.recibos.models import Recibo


def retention(*, hoje: dt.date) -> tuple[ItemRetencao, ...]:
    """Every kind of personal data that is stored."""
    return tuple(_items(hoje))


def _items(hoje: dt.date) -> Iterator[ItemRetencao]:
    limit = years_before(hoje, YEARS_KEPT)
    years = f"{YEARS_KEPT} anos"
    named = Militante.anonimizado_em.is_(None)
    yield ItemRetencao(
        "Fichas de quem é membro",
        "enquanto for membro",
        "relação com a organização (art. 7º, V, e art. 11)",
        _count(Militante.id, Militante.situacao != Situacao.DESLIGADO),
    )
    yield ItemRetencao(
        "Fichas de quem saiu",
        f"{years} depois da saída",
        "exercício de direitos (art. 7º, VI)",
        _count(Militante.id, Militante.situacao == Situacao.DESLIGADO, named),
        _count(Militante.id, Militante.situacao == Situacao.DESLIGADO, named, Militante.data_desligamento < limit),
        "fichas",
    )
    yield ItemRetencao(
        "Fichas anonimizadas", "sem prazo", "não identificam ninguém (art. 12)", _count(Militante.id, ~named)
    )
    yield ItemRetencao(
        "Nomes em recibos de quem foi anonimizado",
        f"{years} depois do ano do recibo",
        "obrigação legal (art. 7º, II, e art. 16, I)",
        _count(Recibo.id),
        _count(Recibo.id, *past_term(hoje)),
        "recibos",
    )
    yield ItemRetencao(
        "Arquivos importados, cifrados",
        "1 ano",
        "corrigir enganos da importação",
        _count(ImportacaoArquivo.importacao_id),
        _count(ImportacaoArquivo.importacao_id, old_files(hoje)),
        "importacoes",
    )
    yield ItemRetencao(
        "Textos de extratos bancários",
        "com a prestação de contas",
        "obrigação legal (art. 7º, II)",
        _count(LinhaExtrato.id),
    )
    yield ItemRetencao(
        "Lembretes enviados", "com as cotas", "provar que ninguém foi cobrado duas vezes", _count(Lembrete.id)
    )
    yield ItemRetencao(
        "Solicitações de titulares",
        "sem prazo",
        "provar que foram respondidas (art. 37)",
        _count(SolicitacaoTitular.id),
    )
    yield ItemRetencao(
        "Auditoria",
        "sem prazo",
        "segurança e prova (art. 37 e art. 46); as telas não mostram os dados de quem foi anonimizado",
        _count(Auditoria.id),
    )


def _count(column: Any, *conditions: Any) -> int:
    return db.session.scalars(select(func.count(column)).where(*conditions)).one()
