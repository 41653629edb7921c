"""Where e-mails go: to an SMTP server or, without one, to a folder of files that somebody can read and send."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from urllib.parse import unquote, urlsplit

from controles.domain.clock import utc_now
from controles.settings.config import Settings
from controles.settings.private_files import open_private

FOLDER = "emails"
PATIENCE_SECONDS = 10


class Refused(Exception):
    """The server refused this message; sending it again unchanged is useless. The text is for a person."""


class MailUnavailable(Exception):
    """The server accepts no messages now, and this one was not sent. The text is for a person."""


@dataclass(frozen=True, slots=True)
class Letter:
    to: str
    subject: str
    text: str


Send = Callable[[Letter], None]


@dataclass(frozen=True, slots=True)
class Mailer:
    """`url` None: write files to `folder`."""

    url: str | None
    sender: str
    folder: Path

    @contextmanager
    def opened(self) -> Iterator[Send]:
        """Yield a function that sends one message; MailUnavailable if the server cannot be reached or refuses the
        login.

        The function raises Refused for a message that was refused. After any other error it is unknown whether it was
        sent.
        """
        if self.url is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            yield self._to_file
            return
        try:
            server = _connected(self.url)
        except smtplib.SMTPAuthenticationError:
            raise MailUnavailable("O servidor de e-mail não aceitou o usuário e a senha de MAIL_URL.") from None
        except (OSError, smtplib.SMTPException):
            raise MailUnavailable(
                "O servidor de e-mail de MAIL_URL não respondeu; tente de novo mais tarde, ou confira o endereço."
            ) from None
        with server:
            yield lambda letter: self._to_server(server, letter)

    def _to_server(self, server: smtplib.SMTP, letter: Letter) -> None:
        message = self._message(letter)
        try:
            server.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError):
            raise Refused("O servidor de e-mail recusou este endereço; confira-o na ficha.") from None
        except smtplib.SMTPSenderRefused:
            raise MailUnavailable("O servidor de e-mail não envia em nome de MAIL_FROM; confira o endereço.") from None

    def forget(self, address: str) -> int:
        """Delete the files in the folder that are addressed to `address`; returns how many."""
        gone = 0
        for path in self.folder.glob("*.eml"):
            head = path.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
            if _header(head, "To").lower() == address.lower():
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _to_file(self, letter: Letter) -> None:
        message = self._message(letter)
        name = message["Message-ID"].strip("<>").partition("@")[0]
        with open_private(self.folder / f"{name}.eml", encoding="utf-8", newline="") as file:
            file.write(message.as_string())

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        domain = self.sender.rpartition("@")[2]
        try:
            message["To"] = letter.to
            one = len(message["To"].addresses) == 1 and not message["To"].defects
        except (ValueError, IndexError):
            one = False
        if not one:
            raise Refused("O endereço de e-mail não está escrito como um; confira-o na ficha.")
        message["From"] = self.sender
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(utc_now())
        message["Message-ID"] = make_msgid(domain=domain)
        message.set_content(letter.text)
        return message


def mailer_of(settings: Settings) -> Mailer:
    """The mail of this installation."""
    return Mailer(settings.mail_url, settings.mail_from or settings.admin_email, settings.data / FOLDER)


def _header(head: str, name: str) -> str:
    return str(message_from_string(head, policy=SMTP).get(name, ""))


def _connected(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or ""
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        context = ssl.create_default_context()
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=PATIENCE_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=PATIENCE_SECONDS)
    try:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if parts.username:
            # A password is only sent over an encrypted connection, or to this machine.
            if not isinstance(server.sock, ssl.SSLSocket) and host not in {"127.0.0.1", "::1", "localhost"}:
                raise smtplib.SMTPNotSupportedError("no encryption is offered")
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server
