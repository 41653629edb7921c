"""The titles that spreadsheets of members use for each field."""

import re

from controles.importing.vocabulary import Vocabulary

_NAMES: dict[str, tuple[str, ...]] = {
    "matricula": ("matricula", "numero de matricula", "n matricula", "codigo", "inscricao", "registro"),
    "nome": ("nome", "nome completo", "nome civil", "nome do militante", "militante", "associado", "filiado", "name"),
    "nome_social": ("nome social",),
    "cpf": ("cpf", "numero do cpf", "n cpf", "cpf do militante"),
    "nascimento": ("nascimento", "data de nascimento", "data nascimento", "dt nascimento", "nasc"),
    "email": ("email", "e mail", "endereco de e mail", "endereco de email", "correio eletronico"),
    "telefone": ("telefone", "celular", "telefone celular", "fone", "tel", "whatsapp"),
    "nucleo": ("nucleo", "nucleo de base", "celula", "diretorio", "secao", "base", "grupo"),
    "data_filiacao": (
        "data filiacao",
        "data de filiacao",
        "data da filiacao",
        "filiacao",
        "dt filiacao",
        "filiado em",
        "filiado desde",
        "data de ingresso",
        "ingresso",
        "data de admissao",
        "admissao",
        "data de entrada",
        "associado desde",
        "membro desde",
    ),
    "dia_vencimento": ("dia vencimento", "dia de vencimento", "dia do vencimento", "vencimento", "dia"),
    "isento": ("isento", "isencao", "isento de cota"),
    "valor_cota": (
        "valor cota",
        "valor da cota",
        "cota",
        "cota mensal",
        "mensalidade",
        "valor da mensalidade",
        "valor mensal",
        "contribuicao",
        "valor da contribuicao",
        "valor",
    ),
    "situacao": ("situacao", "status"),
    "decisao": ("decisao",),
}
_ASKED = tuple(
    (field, re.compile(pattern))
    for field, pattern in (
        ("nome_social", r"nome social|chamad[oa]"),
        ("nome", r"^(seu |o )?nome (completo|civil|inteiro)|^nome d[oae] (militante|filiad|associad|soci|pessoa)"),
        ("cpf", r"\bcpf\b"),
        ("nascimento", r"\b(data|dia|dt) (de |do |da )?(seu )?nasc"),
        ("email", r"\be ?mail\b"),
        ("telefone", r"\b(telefone|celular|whatsapp|whats|fone)\b"),
        ("nucleo", r"\b(nucleo|celula de base|diretorio)\b"),
        ("data_filiacao", r"\b(data|dia|dt) (de |da |do )?(filiacao|ingresso|admissao|entrada)\b"),
        ("valor_cota", r"\b(contribuir|contribuicao|mensalidade)\b"),
        ("situacao", r"^situacao d[oa] (registro|filiacao|filiad|militante|associad)"),
    )
)
_VOTER = "A coluna “{}” é o título de eleitor, para o qual a ficha não tem campo; não será importada."

PEOPLE = Vocabulary(
    names=_NAMES,
    asked=_ASKED,
    mandatory={"nome": "nome", "data_filiacao": "data de filiação"},
    filled_in="data_filiacao",
    # The electoral court's names for the título de eleitor.
    unread=dict.fromkeys(
        ("numero da inscricao", "numero de inscricao", "titulo de eleitor", "titulo eleitoral", "titulo"), _VOTER
    ),
)

# The names of the fields on the page.
PEOPLE_FIELDS = {
    "matricula": "Matrícula",
    "nome": "Nome",
    "nome_social": "Nome social",
    "cpf": "CPF",
    "nascimento": "Nascimento",
    "email": "E-mail",
    "telefone": "Telefone",
    "nucleo": "Núcleo",
    "data_filiacao": "Data de filiação",
    "dia_vencimento": "Dia do vencimento",
    "isento": "Isento",
    "valor_cota": "Valor da cota",
    "situacao": "Situação",
    "decisao": "Decisão",
}
