"""The OpenAPI document, made from the operations and from the types of their answers."""

from functools import cache
from typing import Any

import msgspec

from controles.api.operations import OPERACOES, PREFIX, Operacao
from controles.api.records import Problema
from controles.db import MAX_ID

_REFERENCE = "#/components/schemas/{name}"
_PROBLEMS = {
    "400": "Um parâmetro que não existe, que veio mais de uma vez, ou cujo valor não serve",
    "401": "Sem um token que valha",
    "403": "O token não deixa ler isto",
    "404": "Não existe, ou não está ao alcance do token",
    "409": "O cursor não serve mais: comece de novo, sem ele",
    "429": "Pedidos demais; `Retry-After` diz quantos segundos esperar",
    "503": "O banco de dados não respondeu; tente de novo em um minuto",
}


@cache
def openapi() -> bytes:
    """The document as JSON."""
    answers, schemas = msgspec.json.schema_components(
        [*(operation.resposta for operation in OPERACOES), Problema], ref_template=_REFERENCE
    )
    problem = answers[-1]
    paths = {
        PREFIX + operation.caminho: {"get": _operation(operation, answer, problem)}
        for operation, answer in zip(OPERACOES, answers, strict=False)
    }
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Controles",
                "version": "1",
                "description": "Só leitura. Dinheiro em centavos de real; dias em America/Sao_Paulo. Cada token lê "
                "o que a pessoa que o fez pode ver, e só as coisas marcadas nele.",
            },
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "Um token de “Sua conta”, “Tokens da API”.",
                    }
                },
            },
        }
    )


def _operation(operation: Operacao, answer: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": one.nome, "in": "query", "description": one.texto, "schema": one.esquema}
        for one in operation.parametros
    ]
    if operation.id_no_caminho:
        schema = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
        parameters.append({"name": "id", "in": "path", "required": True, "schema": schema})
    problems = {
        status: {"description": text, "content": {"application/problem+json": {"schema": problem}}}
        for status, text in _PROBLEMS.items()
    }
    return {
        "operationId": operation.recurso + ("-um" if operation.id_no_caminho else ""),
        "summary": operation.resumo,
        "description": f"O token precisa de: {operation.acesso}.",
        "parameters": parameters,
        "responses": {
            "200": {
                "description": operation.resumo,
                "headers": {"ETag": {"description": "Mande-o em `If-None-Match`.", "schema": {"type": "string"}}},
                "content": {"application/json": {"schema": answer}},
            },
            "304": {"description": "Nada mudou desde o `ETag` de `If-None-Match`"},
            **problems,
        },
    }
