"""The form about cancelling a receipt."""

from controles.web.form_fields import PageForm, TextField, at_most, required


class CancelarForm(PageForm):
    """Why a receipt is cancelled."""

    motivo = TextField("Motivo", [required("Escreva por que o recibo é cancelado."), at_most(200)])
