"""The forms of logging in."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from controles.contas.passwords import LONGEST

CODE_LENGTH = 6


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
        # Some applications show the code in two groups, and people type it so.
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


class PasswordForm(FlaskForm):  # type: ignore[misc]
    senha = PasswordField(
        "Sua senha",
        [InputRequired("Confirme a sua senha."), Length(max=LONGEST, message="A senha é longa demais.")],
        render_kw={"autocomplete": "current-password"},
    )
