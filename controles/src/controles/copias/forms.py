"""The forms about copies. Passphrases are neither kept nor shown again."""

from wtforms import BooleanField, FileField, PasswordField

from controles.web.form_fields import PageForm, required


class CopiaForm(PageForm):
    """The passphrase of a new copy, twice."""

    senha = PasswordField("Frase", [required("Escreva uma frase.")], render_kw={"autocomplete": "new-password"})
    de_novo = PasswordField("De novo", [required("Repita a frase.")], render_kw={"autocomplete": "new-password"})


class RestaurarForm(PageForm):
    """A copy and its passphrase."""

    arquivo = FileField("Arquivo da cópia")
    senha = PasswordField("Frase da cópia", [required("Escreva a frase.")], render_kw={"autocomplete": "off"})
    certeza = BooleanField("Troque tudo o que há nesta instalação", [required("Marque para confirmar.")])
