"""Every table of the application: a module that is not imported has no tables in the metadata."""

from controles.admin import models as _admin
from controles.contas import models as _contas
from controles.cotas import models as _cotas
from controles.db import Base
from controles.militantes import models as _militantes
from controles.pagamentos import models as _pagamentos

_MODULES = (_admin, _contas, _cotas, _militantes, _pagamentos)

metadata = Base.metadata
