"""Two núcleos that must not learn of each other, and every page of the application, found in its own map."""

import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, Request
from flask.testing import FlaskClient
from pypdf import PdfReader
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from controles.assembleias.records import NovaAssembleia
from controles.assembleias.services import issue_assembleia
from controles.banco.models import Formato, LinhaExtrato
from controles.banco.records import ExtratoLido, LinhaLida
from controles.banco.services import import_statement
from controles.caixa.models import Comprovante, TipoLancamento
from controles.caixa.records import Arquivo, NovoLancamento
from controles.caixa.services import register_lancamento
from controles.contas.inviting import invite
from controles.contas.models import Convite, Papel, Usuario
from controles.contas.permissions import Permission
from controles.contas.records import NovoConvite
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.escopo import Escopo
from controles.importing.batch_work import work_on
from controles.importing.batches import create_importacao
from controles.importing.models import Tipo
from controles.lembretes.models import Canal
from controles.lembretes.records import FiltroLembretes, Pedido
from controles.lembretes.services import mark_month, register_lembretes
from controles.militantes.models import Militante
from controles.privacidade.models import TipoSolicitacao
from controles.privacidade.records import NovaSolicitacao
from controles.privacidade.services import register_solicitacao
from controles.recebimentos.models import Fonte
from controles.recebimentos.records import Lida, NovaFolha
from controles.recebimentos.services import create_recebimento
from controles.recibos.services import issue_recibos
from controles.schema.tables import metadata
from controles.services import running

# Pages that somebody who is not logged in may ask for.
PUBLIC = {
    "static",
    "health_alive",
    "health_ready",
    "contas.login",
    "contas.logout",
    "contas.second_factor",
    "contas.recover",
    "contas.first_access",
    "convites.accept",
    # Whoever holds a receipt may check it.
    "recibos.check",
    "recibos.checked",
    "carteiras.checked",
}
ORGANISATION = Escopo()
# What no page of one núcleo may show to the other.
MARK = "Zulmira"
CPF = "529.982.247-25"
PIX_ID = "E1234567820260301120000000000001"
_INVITED = "convida"
_EVERY = "*"


class Noted(ImmutableMultiDict[str, str]):
    """The parameters of an address or a form, which notes in `names` what was read of any of them."""

    names: set[str]

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)

    def getlist(self, key: str, *args: Any, **options: Any) -> Any:
        self.names.add(key)
        return super().getlist(key, *args, **options)

    def __iter__(self) -> Iterator[str]:
        self.names.add(_EVERY)
        return super().__iter__()

    def items(self, *args: Any, **options: Any) -> Any:
        self.names.add(_EVERY)
        return super().items(*args, **options)

    def lists(self) -> Any:
        self.names.add(_EVERY)
        return super().lists()

    # A view's own functions for dicts go by these.
    keys = __iter__  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Side:
    """What one núcleo has; `ids` by the name under which an address or a form carries each."""

    nucleo_id: int
    ids: dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    app: Flask
    near: Side
    far: Side
    # What the page that was asked for last has read of its address and form.
    names_read: set[str]

    def read_by(self, client: FlaskClient, path: str, names: list[str]) -> list[str]:
        """Those of these parameters at which the page looks, given none of them or all; no other can change it."""
        found: set[str] = set()
        for query in ({}, dict.fromkeys(names, "1")):
            client.get(path, query_string=query)
            found |= self.names_read
        return names if _EVERY in found else [name for name in names if name in found]

    def sent_and_read(self, client: FlaskClient, path: str, data: dict[str, Any]) -> list[str]:
        """Those of the form's fields at which the page looks when it is sent as it is."""
        client.post(path, data=data)
        return [name for name in data if name in self.names_read or _EVERY in self.names_read]

    def rules(self) -> Iterator[tuple[Rule, str]]:
        """Each page and each method that it takes."""
        for rule in sorted(self.app.url_map.iter_rules(), key=lambda one: one.rule):
            # What the API answers is tried in test_api.py: no login leads there.
            if rule.endpoint == "static" or rule.rule.startswith(("/teste/", "/api/")):
                continue
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method

    def permission(self, rule: Rule) -> Permission | None:
        found: Permission | None = getattr(self.app.view_functions[rule.endpoint], "permission", None)
        return found

    def address(self, rule: Rule, ids: dict[str, Any]) -> str:
        unknown = rule.arguments - set(ids)
        assert not unknown, f"{rule.rule}: add {unknown} to the ids of `_side` in {__file__}"
        with self.app.test_request_context():
            built = self.app.url_map.bind("localhost").build(
                rule.endpoint, {name: ids[name] for name in rule.arguments}
            )
        return str(built)

    def rows(self) -> dict[str, list[Any]]:
        """All that is in the database, but for the outbox and forms that wait to be sent again."""
        with self.app.app_context(), db.engine.connect() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(sa.select(table))))
                for table in metadata.sorted_tables
                if table.name not in {"frescor_outbox", "formulario_guardado"}
            }


def said(answer: TestResponse) -> str:
    """What somebody reads of an answer: a page's text, or what stands in a PDF."""
    content = answer.get_data()
    # A file that somebody sent may be called a PDF and be none.
    if answer.mimetype != "application/pdf" or b"%%EOF" not in content:
        return content.decode(errors="replace")
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def fields_of(page: str) -> dict[str, str]:
    """The name and the value of each field of the page's forms, as a browser would send them."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<(?:input|select|button|textarea)\b[^>]*>", page):
        name, value = (re.search(rf'\b{part}="([^"]*)"', tag) for part in ("name", "value"))
        if name is not None:
            found.setdefault(name[1], value[1] if value else "")
    return found


@pytest.fixture
def world(any_web: Flask, org: Any) -> World:
    names: set[str] = set()

    class NotingRequest(Request):
        parameter_storage_class = type("Noting", (Noted,), {"names": names})

    any_web.request_class = NotingRequest
    # After the checks that look at all parameters of every request alike.
    any_web.before_request(names.clear)
    with any_web.app_context():
        return World(any_web, _side(org, "Perto", "Amália", None), _side(org, "Longe", MARK, CPF), names)


def _side(org: Any, nucleo: str, nome: str, cpf: str | None) -> Side:
    nucleo_id = org.nucleo(nucleo)
    militante_id = org.militante(f"{nome} Prado", nucleo_id=nucleo_id, cpf=cpf, email=f"{nome.lower()}@exemplo.org")
    # In the same month on both sides: the second time writes what the first one could not know.
    org.cotas("2026-02", "2026-03")
    e2eid = PIX_ID if cpf else None
    pagamento_id = org.pay(militante_id, 1000, data_credito=dt.date(2026, 3, 1), e2eid=e2eid, observacao=f"de {nome}")
    cota_id = db.session.scalars(sa.select(sa.func.max(Cota.id)).where(Cota.militante_id == militante_id)).one()
    when = {"autor_id": None, "agora": org.clock.now}
    mark_month(ORGANISATION, dt.date(2026, 2, 1), completo=True, **when)
    pedido = Pedido(
        filtro=FiltroLembretes(competencia=dt.date(2026, 2, 1)), militante_ids=(militante_id,), canal=Canal.EMAIL
    )
    (lembrete_id,) = register_lembretes(ORGANISATION, pedido, hoje=org.clock.today, **when)
    versao = db.session.scalars(sa.select(Militante.versao).where(Militante.id == militante_id)).one()
    conta_id, linha_id = _statement(org, nucleo)
    lancamento_id, comprovante_id = _expense(org, conta_id)
    nova = NovaAssembleia(nome=f"Assembleia de {nome}", data=org.clock.today, nucleo_id=nucleo_id)
    assembleia_id = issue_assembleia(ORGANISATION, nova, hoje=org.clock.today, **when)
    (recibo_id,) = issue_recibos(ORGANISATION, (pagamento_id,), **when).ids
    ids = {
        "conta_id": conta_id,
        "linha_id": linha_id,
        "outra_conta_id": conta_id,
        "lancamento_id": lancamento_id,
        "comprovante_id": comprovante_id,
        "recibo_id": recibo_id,
        "assembleia_id": assembleia_id,
        # What a stranger may ask for, and learns nobody's name by.
        "codigo": "AAAAAAAAAA",
        "militante_id": militante_id,
        "pagamento_id": pagamento_id,
        "cota_ids": cota_id,
        "cota_id": cota_id,
        "lembrete_id": lembrete_id,
        "militante_ids": militante_id,
        "nucleo_id": nucleo_id,
        "usuario_id": 1,
        "pedido_id": 1,
        "importacao_id": _batch(org),
        "recebimento_id": _payroll(org),
        "convite_id": _invitation(org),
        # Nobody's: whose tokens they are is tried in api/test_token_pages.py.
        "token_id": 1,
        # The link of nobody's invitation.
        "token": "x" * 43,
        "solicitacao_id": _request(org, militante_id),
        # What is past its term everywhere.
        "acao": "recibos",
        "versao": versao,
        # No number, and nobody's: what a list is written as.
        "formato": "csv",
        "area": "cotas",
        "mes": "2026-02",
    }
    return Side(nucleo_id, ids)


def _invitation(org: Any) -> int:
    """One that waits, of an administrator who may invite: the whole organisation's, on either side."""
    name = f"{_INVITED}{db.session.scalars(sa.select(sa.func.count()).select_from(Convite)).one()}"
    boss = Usuario(email=f"{name}@exemplo.org", nome=name, papel=Papel.ADMIN, fs_uniquifier=name)
    db.session.add(boss)
    db.session.commit()
    novo = NovoConvite(nome="Nova", email=f"nova-{name}@exemplo.org", papel=Papel.LEITURA, nucleo_id=None)
    return invite(novo, autor_id=boss.id, agora=org.clock.now)[0]


def _request(org: Any, militante_id: int) -> int:
    nova = NovaSolicitacao(tipo=TipoSolicitacao.ACESSO, recebida_em=org.clock.today, militante_id=militante_id)
    return register_solicitacao(ORGANISATION, nova, autor_id=None, agora=org.clock.now)


def _expense(org: Any, conta_id: int) -> tuple[int, int]:
    """A movement that was entered by hand in the account, and the file that proves it."""
    novo = NovoLancamento(
        tipo=TipoLancamento.DESPESA, conta_id=conta_id, data=dt.date(2026, 3, 5), valor=300, categoria="aluguel"
    )
    arquivo = Arquivo("nota.pdf", b"%PDF-1.4")
    made = register_lancamento(novo, arquivo, autor_id=None, agora=org.clock.now, hoje=org.clock.today)
    file_id = db.session.scalars(sa.select(Comprovante.id).where(Comprovante.lancamento_id == made)).one()
    return made, file_id


def _batch(org: Any) -> int:
    """A file that was checked and waits to be written: the whole organisation's, on either side."""
    importacao_id = create_importacao(
        Tipo.MILITANTES, "x.csv", "nome;filiação\nNova;1/2/2020\n;\n".encode(), autor_id=None, agora=org.clock.now
    )
    assert work_on(importacao_id, folder=running.settings().imports, clock=org.clock)
    return importacao_id


def _payroll(org: Any) -> int:
    """A payroll list that waits to be accepted: the whole organisation's, on either side."""
    day = dt.date(2026, 3, 10)
    folha = NovaFolha(empregador="Empresa", competencia=dt.date(2026, 3, 1), data=day)
    line = Lida(numero=2, valor=100, data=day, chave=str(org.clock.now), nome="Ninguém Conhecido")
    return create_recebimento(
        Fonte.FOLHA,
        (line,),
        arquivo="x.csv",
        folha=folha,
        autor_id=None,
        agora=org.clock.now,
        hoje=org.clock.today,
    )


def _statement(org: Any, nome: str) -> tuple[int, int]:
    """An account and the one line of its statement: the whole organisation's, on either side."""
    agora = org.clock.now
    conta_id = org.conta(nome)
    lido = ExtratoLido(Formato.CSV, None, None, (LinhaLida(dt.date(2026, 3, 2), 700, "DEPOSITO"),))
    import_statement((lido,), conta_id=conta_id, arquivo="x.csv", autor_id=None, agora=agora)
    linha_id = db.session.scalars(sa.select(LinhaExtrato.id).where(LinhaExtrato.conta_id == conta_id)).one()
    return conta_id, linha_id
