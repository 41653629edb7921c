"""Letters: as files where there is no server, and never to more than one address."""

from pathlib import Path

import pytest
from flask import Flask

from controles.lembretes.mail import Letter, Mailer, Refused


def test_a_letter_becomes_a_file_that_only_its_owner_reads(sqlite_app: Flask, tmp_path: Path) -> None:
    with Mailer(None, "tesouraria@vale.org.br", tmp_path / "emails").opened() as send:
        send(Letter("ana@exemplo.org", "Contribuição em aberto", "Olá, Ana."))
    (file,) = (tmp_path / "emails").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "To: ana@exemplo.org" in file.read_text()


@pytest.mark.parametrize("address", ["a@b.org, c@d.org", "a@b.org\nBcc: c@d.org", "não é endereço", ""])
def test_what_is_not_one_address_is_refused_and_leaves_nothing(sqlite_app: Flask, tmp_path: Path, address: str) -> None:
    mailer = Mailer(None, "tesouraria@vale.org.br", tmp_path / "emails")
    with mailer.opened() as send, pytest.raises(Refused, match="ficha"):
        send(Letter(address, "Contribuição em aberto", "Olá."))
    assert list((tmp_path / "emails").iterdir()) == []
