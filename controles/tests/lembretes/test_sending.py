"""Sending: each reminder once, to whoever still owes, and what a mail server answers."""

import datetime as dt
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.db import db
from controles.domain.escopo import Escopo
from controles.lembretes.mail import Mailer
from controles.lembretes.models import Estado, Lembrete
from controles.lembretes.records import Envio
from controles.lembretes.sending import send_waiting
from controles.lembretes.services import send_again
from controles.organizacao.records import DadosOrganizacao

WHOLE = Escopo()
ORGANISATION = DadosOrganizacao(nome="Associação do Vale", pix_chave="tesouraria@vale.org.br")


@pytest.fixture
def people(app: Flask, org: Any, reminding: Any) -> list[int]:
    """Three with a reminder that waits."""
    ids = [org.militante(f"{name} Souza", email=f"{name.lower()}@exemplo.org") for name in ("Ana", "Bia", "Caio")]
    org.cotas("2026-01", "2026-02")
    reminding.complete()
    reminding.register(*ids)
    return ids


def send(mailer: Mailer, org: Any, **options: Any) -> Envio:
    return send_waiting(WHOLE, mailer, ORGANISATION, autor_id=None, clock=lambda: org.clock.now, **options)


def states() -> list[Estado]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Lembrete.estado).order_by(Lembrete.id)))


def test_without_a_server_each_letter_is_a_file_that_only_its_owner_reads(
    people: list[int], org: Any, tmp_path: Path
) -> None:
    done = send(Mailer(None, "tesouraria@vale.org.br", tmp_path / "emails"), org)
    assert (done.enviados, done.restantes, done.problema) == (3, 0, None)
    files = sorted((tmp_path / "emails").iterdir())
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    letters = [message_from_string(file.read_text(), policy=policy.default) for file in files]
    ana = next(letter for letter in letters if letter["To"] == "ana@exemplo.org")
    body = ana.get_content()
    assert ana["Subject"] == "Contribuição em aberto"
    assert "Olá, Ana." in body
    assert "jan a fev/2026" in body
    assert "R$ 40,00" in body
    assert "tesouraria@vale.org.br" in body
    assert "inadimpl" not in body.lower()


def test_a_server_is_given_each_letter_once(people: list[int], org: Any, mail_server: Any, tmp_path: Path) -> None:
    mailer = Mailer(mail_server.url, "tesouraria@vale.org.br", tmp_path)
    assert send(mailer, org).enviados == 3
    assert send(mailer, org) == Envio()
    assert len(mail_server.letters) == 3


def test_several_who_send_at_once_send_each_letter_once(
    at_once: Any, people: list[int], org: Any, mail_server: Any, tmp_path: Path
) -> None:
    mailer = Mailer(mail_server.url, "tesouraria@vale.org.br", tmp_path)
    results = at_once(*[lambda: send(mailer, org) for _ in range(4)])
    assert sum(result.enviados for result in results) == 3
    assert len(mail_server.letters) == 3


def test_who_pays_between_the_recording_and_the_sending_is_not_written_to(
    people: list[int], org: Any, mail_server: Any, tmp_path: Path
) -> None:
    org.pay(people[1], 4000)
    done = send(Mailer(mail_server.url, "tesouraria@vale.org.br", tmp_path), org)
    assert (done.enviados, done.cancelados) == (2, 1)
    assert not any("bia@exemplo.org" in letter for letter in mail_server.letters)
    assert states() == [Estado.ENVIADO, Estado.CANCELADO, Estado.ENVIADO]


def test_a_refused_address_fails_alone_and_can_be_sent_again(
    people: list[int], org: Any, mail_server: Any, tmp_path: Path
) -> None:
    mailer = Mailer(mail_server.url, "tesouraria@vale.org.br", tmp_path)
    mail_server.on_rcpt = lambda line: "550 no such box" if "bia@" in line else "250 ok"
    done = send(mailer, org)
    assert (done.enviados, done.falhas, done.problema) == (2, 1, None)
    assert states() == [Estado.ENVIADO, Estado.FALHOU, Estado.ENVIADO]
    refused = db.session.scalars(sa.select(Lembrete).where(Lembrete.estado == Estado.FALHOU)).one()
    assert "ficha" in str(refused.erro)
    mail_server.on_rcpt = lambda line: "250 ok"
    send_again(WHOLE, refused.id, autor_id=None, agora=org.clock.now)
    assert send(mailer, org).enviados == 1
    assert len(mail_server.letters) == 3


def test_a_server_that_hangs_up_in_the_middle_leaves_that_letter_uncertain_and_no_other(
    people: list[int], org: Any, mail_server: Any, tmp_path: Path
) -> None:
    mailer = Mailer(mail_server.url, "tesouraria@vale.org.br", tmp_path)
    mail_server.on_data = lambda letter: None
    done = send(mailer, org)
    assert done.problema is not None
    assert states() == [Estado.ENVIANDO, Estado.A_ENVIAR, Estado.A_ENVIAR]
    mail_server.on_data = lambda letter: "250 taken"
    assert send(mailer, org).enviados == 2
    assert states()[0] is Estado.ENVIANDO


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:1", "smtps://127.0.0.1:1"])
def test_a_server_that_is_away_loses_nothing(people: list[int], org: Any, tmp_path: Path, url: str) -> None:
    done = send(Mailer(url, "tesouraria@vale.org.br", tmp_path), org)
    assert (done.enviados, done.restantes) == (0, 3)
    assert done.problema is not None
    assert "MAIL_URL" in done.problema
    assert states() == [Estado.A_ENVIAR] * 3


def test_a_server_that_asks_for_a_login_it_refuses_is_told_apart(
    people: list[int], org: Any, mail_server: Any, tmp_path: Path
) -> None:
    url = mail_server.url.replace("smtp://", "smtp://ana:segredo@")
    done = send(Mailer(url, "tesouraria@vale.org.br", tmp_path), org)
    assert done.restantes == 3
    assert done.problema is not None
    assert "segredo" not in done.problema


def test_the_time_that_a_page_has_is_kept(people: list[int], org: Any, tmp_path: Path) -> None:
    done = send(Mailer(None, "a@b.org", tmp_path / "emails"), org, budget=dt.timedelta(0))
    assert (done.enviados, done.restantes) == (0, 3)


@pytest.mark.parametrize("address", ["a@b.org, c@d.org", "não é endereço", "a@b.org\nBcc: c@d.org"])
def test_an_address_that_is_not_one_address_is_written_to_by_nobody(
    people: list[int], org: Any, mail_server: Any, tmp_path: Path, address: str
) -> None:
    db.session.execute(
        sa.text("UPDATE militante SET email = :email WHERE id = :id"), {"email": address, "id": people[0]}
    )
    db.session.commit()
    assert send(Mailer(mail_server.url, "tesouraria@vale.org.br", tmp_path), org).falhas == 1
    assert len(mail_server.letters) == 2
