"""Every cache policy of the application, on one page.

Time to live by class: dashboards 5 minutes, a user's data 30 minutes, static data 1 hour, configuration 24 hours, each
± 10 % so that entries made together do not end together. That is how long an entry may lie about, not how long it may
be wrong: every write invalidates the tags of what it changed, after its commit.

What names a person is sealed: whoever reads the cache's server reads nothing. Aggregates are not. Arguments, and with
them the reader's núcleo and the local date, are part of every key, as a keyed digest.
"""

from controles.services.cache_service import CacheKeys
from frescor import Policy

# What a query reads, as tags; the services name the same ones when they write (`services/transaction.py`).
MILITANTES = "militantes"
NUCLEOS = "nucleos"
COTAS = "cotas"
PAGAMENTOS = "pagamentos"
USUARIOS = "usuarios"
AUDITORIA = "auditoria"
# Every panel figure depends on people and on money.
PAINEL = "painel"

# Dashboards: 5 minutes. Arrears change at midnight without a write: the date is an argument of each of these.
DASHBOARD_STATS = Policy.dashboard(CacheKeys.DASHBOARD_STATS, tags=(PAINEL,))
MILITANTE_STATS = Policy.dashboard(CacheKeys.MILITANTE_STATS, tags=(PAINEL,))
FINANCIAL_STATS = Policy.dashboard(CacheKeys.FINANCIAL_STATS, tags=(PAINEL,))

# Lists, and one person's page: a user's data, 30 minutes.
MILITANTES_LIST = Policy.user(CacheKeys.MILITANTES_LIST, tags=(MILITANTES, NUCLEOS, COTAS, PAGAMENTOS), sealed=True)
MILITANTES_COUNT = Policy.user("militantes:count", tags=(MILITANTES, NUCLEOS, COTAS))
MILITANTE = Policy.user("militantes:ficha", tags=(MILITANTES, NUCLEOS, COTAS, PAGAMENTOS), sealed=True)
PAGAMENTOS_LIST = Policy.user(CacheKeys.PAGAMENTOS_LIST, tags=(PAGAMENTOS, MILITANTES, NUCLEOS, COTAS), sealed=True)
PAGAMENTOS_TOTALS = Policy.user("pagamentos:totals", tags=(PAGAMENTOS, MILITANTES, NUCLEOS))
PAGAMENTO = Policy.user("pagamentos:detail", tags=(PAGAMENTOS, MILITANTES, COTAS, USUARIOS), sealed=True)
COTAS_LIST = Policy.user("cotas:list", tags=(COTAS, MILITANTES, NUCLEOS), sealed=True)
COTAS_TOTALS = Policy.user("cotas:totals", tags=(COTAS, MILITANTES, NUCLEOS))
COTAS_MILITANTE = Policy.user("cotas:militante", tags=(COTAS, MILITANTES), sealed=True)

# Static data: 1 hour.
NUCLEOS_LIST = Policy.static("nucleos:list", tags=(NUCLEOS,))
