"""The form about revoking a card."""

from controles.web.form_fields import PageForm, TextField, at_most, required


class RevogarForm(PageForm):
    """Why a card is revoked."""

    motivo = TextField("Motivo", [required("Escreva por que a carteirinha deixa de valer."), at_most(200)])
