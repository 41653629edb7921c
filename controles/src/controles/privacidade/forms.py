"""The forms about people's own data."""

from wtforms import BooleanField, HiddenField

from controles.privacidade.models import TipoSolicitacao
from controles.privacidade.records import NovaSolicitacao
from controles.web.form_fields import (
    ChipsField,
    ChoiceField,
    DayField,
    PageForm,
    TextField,
    at_most,
    choice,
    optional,
    required,
)

TIPO_NAMES = {
    TipoSolicitacao.ACESSO: "Cópia dos dados",
    TipoSolicitacao.CORRECAO: "Correção",
    TipoSolicitacao.ANONIMIZACAO: "Anonimização ou eliminação",
    TipoSolicitacao.OPOSICAO: "Oposição ou fim do consentimento",
    TipoSolicitacao.INFORMACAO: "Com quem os dados são partilhados",
}


class SolicitacaoForm(PageForm):
    """A request; the name is only for somebody who is not registered."""

    tipo = ChoiceField(
        "O que pede", coerce=TipoSolicitacao, choices=[choice(t.value, n) for t, n in TIPO_NAMES.items()]
    )
    recebida_em = DayField("Recebida em", [required("Informe o dia em que o pedido chegou.")])
    nome = TextField("Quem pede", [optional(), at_most(160)], render_kw={"autocomplete": "off"})
    pedido = TextField("O que foi pedido", [optional(), at_most(500)])

    def nova(self, militante_id: int | None) -> NovaSolicitacao:
        """What was typed; only after `validate()`."""
        assert self.recebida_em.data is not None
        return NovaSolicitacao(
            tipo=self.tipo.data,
            recebida_em=self.recebida_em.data,
            militante_id=militante_id,
            nome=self.nome.data,
            pedido=self.pedido.data,
        )


class ConclusaoForm(PageForm):
    """The answer to a request."""

    atendida = ChipsField(
        "Resultado", coerce=str, choices=[choice("sim", "Atendida"), choice("nao", "Não atendida")], default="sim"
    )
    resposta = TextField("Resposta", [required("Escreva o que foi respondido."), at_most(500)])


class AnonimizarForm(PageForm):
    """The confirmation of what cannot be undone."""

    motivo = TextField("Motivo", [required("Escreva por que os dados são retirados."), at_most(200)])
    matricula = TextField(
        "Matrícula desta pessoa", [required("Escreva a matrícula, como na ficha.")], render_kw={"autocomplete": "off"}
    )
    certeza = BooleanField("Sei que isto não pode ser desfeito", [required("Marque para confirmar.")])
    versao = HiddenField()
