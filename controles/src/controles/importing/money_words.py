"""The words for each field in spreadsheets of payments and of opening balances."""

import re

from controles.importing.vocabulary import Vocabulary

# The words for the person, the same in both kinds of sheet.
_WHO: dict[str, tuple[str, ...]] = {
    "matricula": ("matricula", "numero de matricula", "n matricula", "codigo", "inscricao", "registro", "mat"),
    "nome": (
        "nome",
        "nome completo",
        "militante",
        "associado",
        "filiado",
        "socio",
        "contribuinte",
        "pagador",
        "nome do pagador",
        "favorecido",
        "quem pagou",
        "name",
    ),
    "cpf": ("cpf", "numero do cpf", "n cpf", "cpf do pagador", "cpf do contribuinte", "cpf cnpj"),
}
_WHO_ASKED = (
    ("cpf", re.compile(r"\bcpf\b")),
    ("nome", re.compile(r"^(seu |o )?nome\b")),
)
_ONE_OF_WHO = (("matricula", "cpf", "nome"),)

PAYMENTS = Vocabulary(
    names={
        **_WHO,
        "data": (
            "data",
            "data do pagamento",
            "data de pagamento",
            "data pagamento",
            "dt pagamento",
            "data pgto",
            "dt pgto",
            "pago em",
            "data de credito",
            "data credito",
            "data do credito",
            "data da contribuicao",
            "data do deposito",
            "data da baixa",
            "dia",
            "date",
        ),
        "valor": (
            "valor",
            "valor pago",
            "valor do pagamento",
            "valor r",
            "valor recebido",
            "valor da contribuicao",
            "pago",
            "quantia",
            "contribuicao",
            "mensalidade",
            "amount",
        ),
        "metodo": ("forma", "forma de pagamento", "forma pgto", "metodo", "meio", "meio de pagamento", "tipo", "como"),
        "competencia": (
            "competencia",
            "mes",
            "mes de referencia",
            "mes referencia",
            "referencia",
            "ref",
            "referente a",
            "mes ano",
            "parcela",
        ),
        "situacao": ("situacao", "status", "situacao do pagamento", "status do pagamento"),
        "e2eid": ("e2eid", "id pix", "id da transacao", "identificador", "end to end id", "endtoendid", "id"),
        "observacao": ("observacao", "observacoes", "obs", "historico", "descricao", "nota"),
    },
    asked=(
        *_WHO_ASKED,
        ("data", re.compile(r"\b(data|dia|dt) (d[oae] )?(pagamento|pgto|credito|deposito|contribuicao)\b")),
        ("valor", re.compile(r"\bvalor\b")),
        ("metodo", re.compile(r"\b(forma|meio) de (pagamento|pgto)\b")),
        ("competencia", re.compile(r"\b(mes|competencia|referencia)\b")),
    ),
    mandatory={"data": "data", "valor": "valor"},
    one_of=_ONE_OF_WHO,
    filled_in="data",
    filled_in_sentence="Não há coluna com a data do pagamento: “{}” será essa data.",
)

BALANCES = Vocabulary(
    names={
        **_WHO,
        "devido": (
            "saldo devedor",
            "devedor",
            "devido",
            "valor devido",
            "debito",
            "debitos",
            "em atraso",
            "atrasado",
            "valor em atraso",
            "em aberto",
            "valor em aberto",
            "divida",
            "deve",
            "pendente",
        ),
        "credito": (
            "saldo credor",
            "credor",
            "credito",
            "creditos",
            "adiantado",
            "valor adiantado",
            "adiantamento",
            "a favor",
        ),
        "saldo": ("saldo", "saldo inicial", "saldo anterior", "saldo de abertura"),
    },
    asked=(
        *_WHO_ASKED,
        # How many months, not how much.
        (
            "devido",
            re.compile(
                r"^(?!.*\b(mes|meses|dias|qtd|quantas|quantidade|parcelas|desde)\b).*"
                r"\b(dev(e|edor|ido|ida)|debito|atras\w+|aberto|pendente)\b"
            ),
        ),
        ("credito", re.compile(r"\b(credor|credito|adiantad\w+|a favor)\b")),
        ("saldo", re.compile(r"\bsaldo\b")),
    ),
    one_of=(*_ONE_OF_WHO, ("devido", "credito", "saldo")),
)

# The name of each field on a page.
_WHO_FIELDS = {"matricula": "Matrícula", "nome": "Nome", "cpf": "CPF"}
PAYMENT_FIELDS = {
    **_WHO_FIELDS,
    "data": "Data do pagamento",
    "valor": "Valor",
    "metodo": "Forma de pagamento",
    "competencia": "Mês a que se refere",
    "situacao": "Situação do pagamento",
    "e2eid": "Identificador do PIX",
    "observacao": "Observação",
}
BALANCE_FIELDS = {
    **_WHO_FIELDS,
    "devido": "Quanto deve",
    "credito": "Quanto tem a favor",
    "saldo": "Saldo (negativo: deve)",
}
