"""The forms about closing a month."""

from wtforms import BooleanField

from controles.web.form_fields import PageForm, TextField, at_most, required


class FecharForm(PageForm):
    """Closing a month."""

    com_pendencias = BooleanField("Fechar assim mesmo")


class ReabrirForm(PageForm):
    """Reopening a closed month: the reason."""

    motivo = TextField("Motivo", [required("Escreva por que o mês é reaberto."), at_most(200)])
