"""The contents of a receipt as stored in its row, and the lines of its heading."""

import datetime as dt
from typing import Any

from controles.organizacao.models import Organizacao
from controles.organizacao.records import DadosOrganizacao
from controles.pagamentos.models import Metodo
from controles.recibos.records import ConteudoRecibo
from controles.web.formatting import phone


def as_stored(conteudo: ConteudoRecibo) -> dict[str, Any]:
    """`conteudo` as JSON; `as_read` is the inverse."""
    return {
        "organizacao": conteudo.organizacao,
        "linhas": list(conteudo.linhas),
        "municipio": conteudo.municipio,
        "militante": conteudo.militante,
        "matricula": conteudo.matricula,
        "pagamento_id": conteudo.pagamento_id,
        "valor": conteudo.valor,
        "data_credito": conteudo.data_credito.isoformat(),
        "metodo": conteudo.metodo.value,
        "partes": [[competencia.isoformat(), centavos] for competencia, centavos in conteudo.partes],
    }


def as_read(stored: dict[str, Any]) -> ConteudoRecibo:
    """What `as_stored` wrote."""
    known = dict(stored)
    known["linhas"] = tuple(known["linhas"])
    known["data_credito"] = dt.date.fromisoformat(known["data_credito"])
    known["metodo"] = Metodo(known["metodo"])
    known["partes"] = tuple((dt.date.fromisoformat(month), centavos) for month, centavos in known["partes"])
    return ConteudoRecibo(**known)


def heading_lines(organisation: Organizacao | DadosOrganizacao) -> tuple[str, ...]:
    """The lines below the organisation's name: the data that was filled in."""
    place = " · ".join(part for part in (organisation.municipio, organisation.uf) if part)
    address = ", ".join(part for part in (organisation.endereco, place) if part)
    number = phone(organisation.telefone) if organisation.telefone else ""
    reach = " · ".join(part for part in (organisation.email, number) if part)
    cnpj = f"CNPJ {_written_cnpj(organisation.cnpj)}" if organisation.cnpj else ""
    return tuple(line for line in (cnpj, address, reach) if line)


def _written_cnpj(cnpj: str) -> str:
    return f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"
