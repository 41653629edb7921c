"""The forms of an import."""

from wtforms.validators import InputRequired

from controles.importing.models import Tipo
from controles.web.form_fields import ChipsField, PageForm, TextField, at_most, choice, required

TIPO_NAMES = {
    Tipo.MILITANTES: "Militantes",
}


class ArquivoForm(PageForm):
    """A file and what it holds."""

    tipo = ChipsField("O que há no arquivo", [InputRequired("Diga o que há no arquivo.")], coerce=Tipo)
    # What the file's own field is called, for what is wrong with it.
    arquivo = TextField("Arquivo")

    def offer(self, tipos: tuple[Tipo, ...]) -> None:
        self.tipo.choices = [choice(tipo.value, TIPO_NAMES[tipo]) for tipo in tipos]


class DesfazerForm(PageForm):
    """Why a batch is undone."""

    motivo = TextField("Motivo", [required("Escreva o motivo."), at_most(200)], render_kw={"autocomplete": "off"})
