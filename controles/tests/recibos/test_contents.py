"""What a receipt says survives being stored, and the lines of the head are those that were filled in."""

import datetime as dt
import json

from controles.organizacao.records import DadosOrganizacao
from controles.pagamentos.models import Metodo
from controles.recibos.contents import as_read, as_stored, heading_lines
from controles.recibos.records import ConteudoRecibo


def test_what_is_stored_is_read_as_it_was() -> None:
    conteudo = ConteudoRecibo(
        organizacao="Associação",
        linhas=("CNPJ 1", "Rua"),
        municipio=None,
        militante="Mária Łukasz",
        matricula="A1",
        pagamento_id=7,
        valor=1234,
        data_credito=dt.date(2026, 3, 1),
        metodo=Metodo.FOLHA,
        partes=((dt.date(2026, 1, 1), 1000),),
    )
    assert as_read(json.loads(json.dumps(as_stored(conteudo)))) == conteudo


def test_the_head_has_a_line_for_each_thing_that_is_known() -> None:
    full = DadosOrganizacao(
        nome="A", cnpj="11222333000181", endereco="Rua 1", municipio="Recife", uf="PE", telefone="81987654321"
    )
    assert heading_lines(full) == ("CNPJ 11.222.333/0001-81", "Rua 1, Recife · PE", "(81) 98765-4321")
    assert heading_lines(DadosOrganizacao(nome="A")) == ()
