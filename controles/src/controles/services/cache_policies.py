"""All cache policies of the application.

Time to live by class: dashboards 5 minutes, user data 30 minutes, static data 1 hour, configuration 24 hours, each ± 10
% so that entries made together do not expire together. This is how long an entry may be kept, not how long it may be
wrong: each depends on the tables and rows that its query read, and a commit that changes them invalidates it. So
nothing here says what invalidates what.

Who is logged in is not cached: it is read from the database at every request (`contas/queries.py`), since anyone with
the cache server's password can restore what it held before. Whatever names a person is sealed, so the cache server
reveals nothing about people; aggregates are not sealed. Arguments, including the reader's núcleo and the local date,
are part of every key, as a keyed digest.
"""

from controles.services.cache_service import CacheKeys
from frescor import Policy

# Dashboards: 5 minutes. Arrears change at midnight without a write, so the date is an argument of each query.
DASHBOARD_STATS = Policy.dashboard(CacheKeys.DASHBOARD_STATS)
PREVISTO_REALIZADO = Policy.dashboard("previsto-realizado")
# The pieces from which the panel and the lists' totals are added up: each is invalidated only by changes to what it
# read. Those of past months hardly ever are.
FIGURES = Policy.static("figures")

# Lists, and one person's page: user data, 30 minutes.
MILITANTES_LIST = Policy.user(CacheKeys.MILITANTES_LIST, sealed=True)
MILITANTES_SEARCH = Policy.user("militantes:search", sealed=True)
MILITANTES_COUNT = Policy.user("militantes:count")
MILITANTE = Policy.user("militantes:ficha", sealed=True)
PAGAMENTOS_LIST = Policy.user(CacheKeys.PAGAMENTOS_LIST, sealed=True)
PAGAMENTOS_TOTALS = Policy.user("pagamentos:totals")
PAGADOR = Policy.user("pagamentos:pagador", sealed=True)
PAGAMENTO = Policy.user("pagamentos:detail", sealed=True)
RECIBO_DO_PAGAMENTO = Policy.user("recibos:do-pagamento", sealed=True)
COTAS_LIST = Policy.user("cotas:list", sealed=True)
COTAS_TOTALS = Policy.user("cotas:totals")
COTAS_MILITANTE = Policy.user("cotas:militante", sealed=True)
INADIMPLENCIA_LIST = Policy.user("inadimplencia:list", sealed=True)
INADIMPLENCIA_TOTALS = Policy.dashboard("inadimplencia:totals")
INADIMPLENCIA_MATRIZ = Policy.user("inadimplencia:matriz", sealed=True)
LEMBRETES_PREVIEW = Policy.user("lembretes:preview", sealed=True)
LEMBRETES_LIST = Policy.user("lembretes:list", sealed=True)
LEMBRETES_MES = Policy.user("lembretes:mes", sealed=True)

EXTRATO_LINHAS = Policy.user("banco:linhas", sealed=True)
EXTRATO_SUGESTOES = Policy.user("banco:sugestoes", sealed=True)
EXTRATO_PARTES = Policy.user("banco:partes", sealed=True)

RECEBIMENTOS = Policy.user("recebimentos", sealed=True)
CAIXA_LIST = Policy.user("caixa:list", sealed=True)
FECHAMENTO_BALANCETE = Policy.dashboard("fechamento:balancete", sealed=True)
FECHAMENTO_MESES = Policy.user("fechamento:meses", sealed=True)
FECHAMENTO_PENDENCIAS = Policy.user("fechamento:pendencias")

# Static data: 1 hour.
CONTAS_LIST = Policy.static("banco:contas", sealed=True)
NUCLEOS_LIST = Policy.static("nucleos:list")
ORGANIZACAO = Policy.static("organizacao", sealed=True)
LOGO = Policy.static("organizacao:logo")
PRIMEIROS_PASSOS = Policy.static("organizacao:passos")
