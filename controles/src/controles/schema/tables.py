"""Imports every module with tables: the metadata contains only tables of imported modules."""

from controles.api import models as _api
from controles.assembleias import models as _assembleias
from controles.auditoria import models as _admin
from controles.banco import models as _banco
from controles.caixa import models as _caixa
from controles.carteiras import models as _carteiras
from controles.contas import models as _contas
from controles.cotas import models as _cotas
from controles.db import Base
from controles.fechamento import models as _fechamento
from controles.formularios import models as _formularios
from controles.importing import models as _importing
from controles.lembretes import models as _lembretes
from controles.militantes import models as _militantes
from controles.organizacao import models as _organizacao
from controles.pagamentos import models as _pagamentos
from controles.privacidade import models as _privacidade
from controles.recebimentos import models as _recebimentos
from controles.recibos import models as _recibos
from frescor.sqlalchemy._outbox.outbox import outbox_table

_MODULES = (
    _api,
    _assembleias,
    _admin,
    _banco,
    _caixa,
    _carteiras,
    _contas,
    _cotas,
    _fechamento,
    _formularios,
    _importing,
    _lembretes,
    _militantes,
    _organizacao,
    _pagamentos,
    _recebimentos,
    _privacidade,
    _recibos,
)

metadata = Base.metadata
# Transactions record here what they invalidate in the cache.
OUTBOX = outbox_table(metadata)
