"""Codes against the published vectors, and secrets at rest."""

import base64
import datetime as dt

import pytest

from controles.contas import totp
from controles.contas.totp import OtpSecretUnreadableError, OtpVault

# RFC 6238, appendix B, SHA-1; its codes have eight digits, ours are their last six.
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
]
NEW, OLD = b"n" * 32, b"o" * 32


def at(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


@pytest.mark.parametrize(("seconds", "code"), RFC_VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, at(seconds)) == code
    assert totp.matching_step(RFC_SECRET, code, agora=at(seconds)) == seconds // 30


def test_a_sixteen_character_secret_works() -> None:
    code = totp.code_at("JBSWY3DPEHPK3PXP", at(59))
    assert totp.matching_step("JBSWY3DPEHPK3PXP", code, agora=at(59)) == 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef"])
def test_something_that_is_no_code_matches_no_step(code: str) -> None:
    assert totp.matching_step(RFC_SECRET, code, agora=at(59)) is None


def test_the_secret_cannot_be_read_in_the_database() -> None:
    assert RFC_SECRET not in OtpVault([NEW]).seal(RFC_SECRET, usuario_id=1)


def test_a_former_key_still_opens() -> None:
    sealed = OtpVault([OLD]).seal(RFC_SECRET, usuario_id=1)
    assert OtpVault([NEW, OLD]).open(sealed, usuario_id=1) == RFC_SECRET


def test_a_lost_key_is_said_so() -> None:
    sealed = OtpVault([OLD]).seal(RFC_SECRET, usuario_id=1)
    with pytest.raises(OtpSecretUnreadableError, match="SECRET_KEY_FALLBACKS"):
        OtpVault([NEW]).open(sealed, usuario_id=1)


def test_a_secret_copied_to_another_user_is_refused() -> None:
    vault = OtpVault([NEW])
    with pytest.raises(OtpSecretUnreadableError, match="belongs to user 1"):
        vault.open(vault.seal(RFC_SECRET, usuario_id=1), usuario_id=2)


def test_the_address_in_the_qr_code_is_what_authenticators_read() -> None:
    uri = totp.otpauth_uri("JBSWY3DPEHPK3PXP", account="ana@exemplo.org")
    assert uri == (
        "otpauth://totp/Controles%3Aana@exemplo.org"
        "?secret=JBSWY3DPEHPK3PXP&issuer=Controles&algorithm=SHA1&digits=6&period=30"
    )
