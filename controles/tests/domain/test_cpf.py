import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.domain.cpf import CpfUnreadableError, CpfVault, check_digits, is_valid, mask, normalise

KEY = b"a key for the tests, 32 bytes...."
CPF = "12345678909"


@pytest.mark.parametrize("cpf", [CPF, "123.456.789-09", " 123456789-09 ", "529.982.247-25", "00000000191"])
def test_accepts_numbers_whose_digits_check(cpf: str) -> None:
    assert is_valid(cpf)
    assert len(normalise(cpf)) == 11


@pytest.mark.parametrize(
    "cpf", ["", "123", "12345678900", "11111111111", "1234567890x", "1234567890９", "123456789099"]
)
def test_refuses_numbers_that_do_not_check(cpf: str) -> None:
    assert not is_valid(cpf)
    with pytest.raises(ValueError, match="CPF"):
        normalise(cpf)


@given(st.integers(min_value=0, max_value=999_999_999))
def test_every_base_has_check_digits(number: int) -> None:
    base = f"{number:09d}"
    cpf = base + check_digits(base)
    assert is_valid(cpf) == (len(set(cpf)) > 1)


def test_masks_the_ends() -> None:
    assert mask("123.456.789-09") == mask(CPF) == "***.456.789-**"


def test_opens_what_it_encrypted() -> None:
    vault = CpfVault(KEY)
    stored = vault.encrypt("123.456.789-09")
    assert vault.decrypt(stored) == CPF
    assert CPF.encode() not in stored


def test_the_digest_is_that_of_the_number_not_of_its_punctuation() -> None:
    vault = CpfVault(KEY)
    assert vault.digest("123.456.789-09") == vault.digest(CPF)
    assert len(vault.digest(CPF)) == 32
    assert vault.digest(CPF) != vault.digest("52998224725")


def test_another_key_gives_other_bytes() -> None:
    one, two = CpfVault(KEY), CpfVault(KEY + b"!")
    assert one.encrypt(CPF) != two.encrypt(CPF)
    assert one.digest(CPF) != two.digest(CPF)


def test_bytes_changed_anywhere_do_not_open() -> None:
    vault = CpfVault(KEY)
    stored = vault.encrypt(CPF)
    for position in range(len(stored)):
        changed = bytearray(stored)
        changed[position] ^= 1
        with pytest.raises(CpfUnreadableError):
            vault.decrypt(bytes(changed))
    for length in range(len(stored)):
        with pytest.raises(CpfUnreadableError):
            vault.decrypt(stored[:length])


def test_a_previous_key_still_opens_and_is_told_apart() -> None:
    stored = CpfVault(KEY).encrypt(CPF)
    rotated = CpfVault(b"another key, long enough", previous=(KEY,))
    assert rotated.decrypt(stored) == CPF
    assert not rotated.is_current(stored)
    assert rotated.is_current(rotated.encrypt(CPF))
    with pytest.raises(CpfUnreadableError, match="CPF_KEY"):
        CpfVault(b"another key, long enough").decrypt(stored)


def test_a_short_key_is_refused_with_the_way_to_make_one() -> None:
    with pytest.raises(ValueError, match="token_urlsafe"):
        CpfVault(b"short")
