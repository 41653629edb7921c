"""Writes `docs/configuration.md` from the settings themselves: `flask --app controles settings --markdown`."""

from collections.abc import Iterable

from controles.settings.config import SettingInfo, setting_infos
from controles.settings.secret_files import SUFFIX

# Settings that only docker-compose.yml reads: name, default, purpose.
COMPOSE_ONLY = (
    ("POSTGRES_PASSWORD", "—", "Senha da aplicação no PostgreSQL dos contêineres: lê e escreve linhas, mais nada."),
    ("POSTGRES_OWNER_PASSWORD", "—", "Senha de `dono`, que cria e muda as tabelas, só enquanto elas são atualizadas."),
    ("POSTGRES_OPERATOR_PASSWORD", "—", "Senha de quem opera o PostgreSQL (`postgres`)."),
    ("REDIS_PASSWORD", "—", "Senha da aplicação no Redis dos contêineres, para o cache; 16 caracteres ou mais."),
    ("REDIS_LIMITS_PASSWORD", "—", "Senha de `limites`, que conta tentativas de entrada no Redis, mais nada; outra."),
    ("REDIS_OPERATOR_PASSWORD", "—", "Senha de quem opera o Redis (`operator`): cópias e diagnóstico; outra."),
    ("PYTHON_IMAGE", "`python:3.11-slim-bookworm`", "Imagem de base; `make pin-images` escreve o digest das três."),
    ("REDIS_IMAGE", "`redis:7-alpine`", "Imagem do Redis."),
    ("POSTGRES_IMAGE", "`postgres:17-alpine`", "Imagem do PostgreSQL."),
    ("CONTROLES_IMAGE", "`controles:local`", "Nome da imagem que é construída e usada."),
    ("COMPOSE_PROJECT_NAME", "`controles`", "Nome do conjunto de contêineres, redes e volumes."),
    ("PIP_OPTIONS", "nenhuma", "Opções a mais para o pip enquanto a imagem é construída."),
)

_PAGE = """\
# Configuração

<!-- Written by `flask --app controles settings --markdown`; a test compares. -->

Toda configuração vem do ambiente, com um nome, um padrão e um significado. Na inicialização, tudo o que está errado é
informado de uma vez, em frases, e nada começa antes de estar certo. Uma variável vazia conta como ausente.
`flask --app controles settings` mostra a mesma lista no terminal.

## A aplicação

{settings}

As marcadas com 🔑 são segredos. Cada uma também pode vir de um arquivo: `NOME{suffix}` diz o caminho e o arquivo tem o
valor, como fazem os *secrets* do Docker. As duas formas ao mesmo tempo são um erro. Em production, uma senha que todos
conhecem (`changeme`, `postgres`…) também é, assim como uma chave que não foi sorteada e um segundo fator de exemplo.
`CONTROLES_ENV` não tem padrão: sem ela nada começa, para que nenhuma instalação com dados de pessoas seja tomada por
uma de experimentos. Num banco em que production já começou, `demo`, `seed` e `seed-users` são recusados; e production é
recusada num banco com usuários de teste: `flask --app controles block-test-users` os bloqueia.

## Os contêineres

`make secrets` escreve um `.env` que só o dono lê, com segredos novos; um que já existe fica como está. O
`docker-compose.yml` lê dele as variáveis acima e mais estas. Faltando um segredo, `make dev-up` para e diz qual.

{compose}

Dentro do contêiner, `HOST` é `0.0.0.0`, `PORT` é 5000, `CONTROLES_DATA` é `/var/lib/controles` e `LOG_DIR` é
`/var/log/controles`; `DATABASE_URL`, `REDIS_URL` e `RATE_LIMIT_URL` são montadas com as senhas acima. `PORT` no `.env`
é a porta publicada nesta máquina, só em 127.0.0.1. Atrás de um proxy com HTTPS: `TRUSTED_PROXIES=1`. Do proxy valem
`X-Forwarded-For`, `-Proto` e `-Host`, mais nenhum. `make secrets` escreve `COOKIE_SECURE=auto`: os cookies só vão por
HTTPS, exceto os de um navegador que abre http://127.0.0.1 na própria máquina.

`SECRET_KEY`, `CPF_KEY`, `ADMIN_PASSWORD` e `ADMIN_OTP_SECRET` podem ficar fora do `.env`: ponha nele, por exemplo,
`ADMIN_OTP_SECRET_FILE=/run/secrets/otp` e, num `docker-compose.override.yml`, o arquivo, que o usuário 10001 precisa
poder ler:

```yaml
services:
  app:
    secrets: [otp]
secrets:
  otp:
    file: ./otp.txt
```
"""


def markdown() -> str:
    """The whole page."""
    return _PAGE.format(
        settings=_table(_row(info) for _, info in setting_infos()),
        compose=_table((f"`{name}`", default, meaning) for name, default, meaning in COMPOSE_ONLY),
        suffix=SUFFIX,
    )


def _row(info: SettingInfo) -> tuple[str, str, str]:
    default = f"`{info.default}`" if info.default else info.shown or "nenhum"
    return f"`{info.name}`{' 🔑' if info.secret else ''}", default, info.doc


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = [("variável", "padrão", "significado"), ("---", "---", "---"), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
