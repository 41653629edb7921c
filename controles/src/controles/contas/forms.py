"""The forms of logging in."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField, ValidationError
from wtforms.validators import EqualTo, InputRequired, Length

from controles.contas.passwords import LONGEST
from controles.contas.totp import DIGITS
from controles.settings.config_values import SHORTEST_PASSWORD, password_everybody_knows
from controles.settings.published import is_published_password

CODE_LENGTH = DIGITS


class LoginForm(FlaskForm):  # type: ignore[misc]
    email = EmailField(
        "E-mail",
        [InputRequired("Escreva o seu e-mail."), Length(max=254)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    senha = PasswordField(
        "Senha",
        [InputRequired("Escreva a sua senha."), Length(max=LONGEST, message="A senha é longa demais.")],
        render_kw={"autocomplete": "current-password"},
    )


class CodeForm(FlaskForm):  # type: ignore[misc]
    codigo = StringField(
        "Código de 6 algarismos",
        [InputRequired("Escreva o código que o aplicativo mostra.")],
        # Some apps show the code in two groups, and people type it so.
        filters=[lambda raw: "".join((raw or "").split()).replace("-", "")],
        render_kw={
            "autocomplete": "one-time-code",
            "inputmode": "numeric",
            "maxlength": "8",
            "autofocus": True,
            "class": "code",
        },
    )

    def validate_codigo(self, field: StringField) -> None:
        code = field.data or ""
        if not (code.isascii() and code.isdigit() and len(code) == CODE_LENGTH):
            raise ValidationError("O código tem 6 algarismos.")


class RecoveryForm(FlaskForm):  # type: ignore[misc]
    codigo = StringField(
        "Código de recuperação",
        [InputRequired("Escreva um dos códigos que você guardou."), Length(max=40)],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "autofocus": True},
    )


class BothFactorsForm(FlaskForm):  # type: ignore[misc]
    """Both factors, which a logged-in user has to show again before anything that a stolen session must not do."""

    senha = PasswordField(
        "Sua senha",
        [InputRequired("Confirme a sua senha."), Length(max=LONGEST, message="A senha é longa demais.")],
        render_kw={"autocomplete": "current-password"},
    )
    codigo = StringField(
        "Código",
        [InputRequired("Escreva o código que o aplicativo mostra."), Length(max=40)],
        filters=[lambda raw: (raw or "").strip()],
        render_kw={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"},
    )

    def code(self) -> str:
        """The code in the form used to compare it; an authenticator's may be typed in groups."""
        plain = "".join((self.codigo.data or "").split()).replace("-", "")
        return plain if len(plain) == CODE_LENGTH else self.codigo.data or ""


class _ChosenPassword(FlaskForm):  # type: ignore[misc]
    """A password, typed twice."""

    nova = PasswordField(
        "Nova senha",
        [
            InputRequired("Escreva a nova senha."),
            Length(min=SHORTEST_PASSWORD, message=f"Use {SHORTEST_PASSWORD} caracteres ou mais."),
            Length(max=LONGEST, message="A senha é longa demais."),
        ],
        render_kw={"autocomplete": "new-password"},
    )
    repetida = PasswordField(
        "Nova senha, de novo",
        [InputRequired("Repita a nova senha."), EqualTo("nova", message="As duas não são iguais.")],
        render_kw={"autocomplete": "new-password"},
    )

    def validate_nova(self, field: PasswordField) -> None:
        if password_everybody_knows(field.data or "") or is_published_password(field.data or ""):
            raise ValidationError("Esta senha é uma das que todos conhecem; escolha outra.")


class NewPasswordForm(BothFactorsForm, _ChosenPassword):
    """Another password, of somebody who shows both factors."""


class AcceptForm(_ChosenPassword):
    """Who accepts an invitation: the name is offered, the password is theirs alone."""

    nome = StringField(
        "Seu nome",
        [InputRequired("Escreva o seu nome."), Length(max=160, message="Use no máximo 160 caracteres.")],
        render_kw={"autocomplete": "name"},
    )
