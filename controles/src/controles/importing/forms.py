"""The forms of an import."""

from wtforms.validators import InputRequired

from controles.importing.models import Tipo
from controles.web.form_fields import ChipsField, PageForm, TextField, at_most, choice, required

TIPO_NAMES = {
    Tipo.MILITANTES: "Militantes",
    Tipo.PAGAMENTOS: "Pagamentos já feitos",
    Tipo.SALDOS: "Saldos de abertura",
}


class ArquivoForm(PageForm):
    """A file, and the kind of its content."""

    tipo = ChipsField("O que há no arquivo", [InputRequired("Diga o que há no arquivo.")], coerce=Tipo)
    # The name of the file's field, for its errors.
    arquivo = TextField("Arquivo")

    def offer(self, tipos: tuple[Tipo, ...]) -> None:
        self.tipo.choices = [choice(tipo.value, TIPO_NAMES[tipo]) for tipo in tipos]


class DesfazerForm(PageForm):
    """The reason for undoing a batch."""

    motivo = TextField("Motivo", [required("Escreva o motivo."), at_most(200)], render_kw={"autocomplete": "off"})
