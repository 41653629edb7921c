"""Writes to the organisation's own data and to its núcleos."""

import dataclasses
import datetime as dt
import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.db import MAX_ID, serialise
from controles.domain import cpf
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.field_checks import one_line
from controles.domain.money import MAX_CENTAVOS, format_brl
from controles.domain.periods import month_of
from controles.domain.text import search_form
from controles.militantes.models import Nucleo
from controles.organizacao.models import Organizacao, OrganizacaoLogo
from controles.organizacao.records import OPTIONAL_STEPS, DadosNucleo, DadosOrganizacao
from controles.services.transaction import transaction

UFS = (
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ",
    "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
)  # fmt: skip
FIRST_YEAR, LAST_YEAR = 1990, 2100
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_EMAIL = re.compile(r"[a-zA-Z0-9.!#$&'*+/=?^_`{|}~-]+@[a-zA-Z0-9-]+([.][a-zA-Z0-9-]+)+")
_PHONE = re.compile(r"[+]55[1-9][0-9]{9,10}")
_RANDOM = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


LARGEST_LOGO = 300 * 1024
# By how it begins: what a file calls itself is anybody's to write.
_LOGOS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def save_organizacao(dados: DadosOrganizacao, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Write the organisation's data. Conflict if it was changed after `dados.versao` was read."""
    checked = _checked(dados)
    with transaction() as session:
        serialise(session.connection(), "organizacao")
        found = session.get(Organizacao, 1, populate_existing=True)
        if (0 if found is None else found.versao) != dados.versao:
            raise Conflict("Estes dados mudaram depois que você abriu a página; confira e salve de novo.")
        fields = [field.name for field in dataclasses.fields(DadosOrganizacao) if field.name != "versao"]
        before = {} if found is None else {name: getattr(found, name) for name in fields}
        row = found or Organizacao(id=1)
        for name in fields:
            setattr(row, name, getattr(checked, name))
        session.add(row)
        session.flush()
        changed = [name for name in fields if before.get(name) != getattr(row, name)]
        if changed:
            audit.record(
                session,
                acao="organizacao.alterar",
                tabela="organizacao",
                registro_id=1,
                antes={name: before.get(name) for name in changed},
                depois={name: getattr(row, name) for name in changed} | {"versao": row.versao},
                usuario_id=autor_id,
                agora=agora,
            )


def usual_amounts(session: Session) -> dict[str, int]:
    """What the organisation asks of who is new, by the names that a militante has for it; centavos, and a day."""
    row = session.execute(select(Organizacao.valor_cota, Organizacao.dia_vencimento)).one_or_none()
    return {"valor_cota": row[0], "dia_vencimento": row[1]} if row is not None else {}


def save_logo(conteudo: bytes, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Keep the picture in place of the present one. Invalid, with a sentence, for what is no small PNG or JPEG."""
    if not conteudo:
        raise Invalid("logo", "Escolha o arquivo do logotipo: uma imagem PNG ou JPEG.")
    if len(conteudo) > LARGEST_LOGO:
        raise Invalid("logo", f"A imagem tem mais de {LARGEST_LOGO // 1024} kB; reduza-a antes de enviar.")
    kind = next((name for start, name in _LOGOS.items() if conteudo.startswith(start)), None)
    if kind is None:
        raise Invalid("logo", "O logotipo precisa ser uma imagem PNG ou JPEG; abra o arquivo e exporte-o assim.")
    with transaction() as session:
        serialise(session.connection(), "organizacao")
        session.merge(OrganizacaoLogo(id=1, tipo=kind, conteudo=conteudo, enviado_em=agora))
        _record_logo(session, "organizacao.logo", {"tipo": kind, "bytes": len(conteudo)}, autor_id, agora)


def remove_logo(*, autor_id: int | None, agora: dt.datetime) -> None:
    """Keep no picture any more."""
    with transaction() as session:
        serialise(session.connection(), "organizacao")
        found = session.get(OrganizacaoLogo, 1)
        if found is not None:
            session.delete(found)
            _record_logo(session, "organizacao.remover_logo", {}, autor_id, agora)


def skip_step(passo: str, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Say that a first step is not needed here. Conflict before the organisation has a name; Invalid else."""
    if passo not in OPTIONAL_STEPS:
        raise Invalid("passo", "Este passo não se pula.")
    with transaction() as session:
        serialise(session.connection(), "organizacao")
        found = session.get(Organizacao, 1, populate_existing=True)
        if found is None:
            raise Conflict("Comece pelos dados da organização.")
        skipped = set(filter(None, found.passos_pulados.split(",")))
        if passo not in skipped:
            found.passos_pulados = ",".join(sorted({*skipped, passo}))
            session.flush()
            audit.record(
                session,
                acao="organizacao.pular_passo",
                tabela="organizacao",
                registro_id=1,
                depois={"passo": passo, "versao": found.versao},
                usuario_id=autor_id,
                agora=agora,
            )


def _record_logo(
    session: Session, acao: str, depois: dict[str, object], autor_id: int | None, agora: dt.datetime
) -> None:
    session.flush()
    audit.record(
        session,
        acao=acao,
        tabela="organizacao",
        registro_id=1,
        depois=depois,
        usuario_id=autor_id,
        agora=agora,
    )


def create_nucleo(dados: DadosNucleo, *, autor_id: int | None, agora: dt.datetime) -> int:
    """Write a new núcleo; returns its id. Invalid names the field."""
    checked = _checked_nucleo(dados)
    with transaction() as session:
        serialise(session.connection(), "nucleo")
        _check_name(session, checked.nome, other_than=0)
        nucleo = Nucleo(nome=checked.nome, uf=checked.uf, municipio=checked.municipio, ativo=checked.ativo)
        session.add(nucleo)
        session.flush()
        audit.record(
            session,
            acao="nucleo.criar",
            tabela="nucleo",
            registro_id=nucleo.id,
            depois=dataclasses.asdict(checked),
            usuario_id=autor_id,
            agora=agora,
        )
        return nucleo.id


def update_nucleo(nucleo_id: int, dados: DadosNucleo, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Change the fields that differ. An inactive núcleo keeps its militantes but gets no new ones."""
    checked = _checked_nucleo(dados)
    with transaction() as session:
        serialise(session.connection(), "nucleo")
        nucleo = session.get(Nucleo, nucleo_id, populate_existing=True) if 0 < nucleo_id <= MAX_ID else None
        if nucleo is None:
            raise NotFound("Núcleo não encontrado.")
        _check_name(session, checked.nome, other_than=nucleo_id)
        before = DadosNucleo(nome=nucleo.nome, uf=nucleo.uf, municipio=nucleo.municipio, ativo=nucleo.ativo)
        if before == checked:
            return
        nucleo.nome, nucleo.uf = checked.nome, checked.uf
        nucleo.municipio, nucleo.ativo = checked.municipio, checked.ativo
        session.flush()
        audit.record(
            session,
            acao="nucleo.alterar",
            tabela="nucleo",
            registro_id=nucleo_id,
            antes=dataclasses.asdict(before),
            depois=dataclasses.asdict(checked),
            usuario_id=autor_id,
            agora=agora,
        )


def _checked(dados: DadosOrganizacao) -> DadosOrganizacao:
    nome = one_line("nome", dados.nome, longest=160)
    if nome is None:
        raise Invalid("nome", "Informe o nome da organização.")
    if not 0 < dados.valor_cota <= MAX_CENTAVOS:
        raise Invalid("valor_cota", f"O valor da cota vai de R$ 0,01 a {format_brl(MAX_CENTAVOS)}.")
    if not 1 <= dados.dia_vencimento <= 28:
        raise Invalid("dia_vencimento", "O dia de vencimento vai de 1 a 28, para existir em todos os meses.")
    if dados.inicio is not None and not FIRST_YEAR <= dados.inicio.year <= LAST_YEAR:
        raise Invalid("inicio", f"O começo precisa estar entre {FIRST_YEAR} e {LAST_YEAR}; confira o ano.")
    uf = (dados.uf or "").strip().upper() or None
    if uf is not None and uf not in UFS:
        raise Invalid("uf", "Escolha um estado da lista.")
    return dataclasses.replace(
        dados,
        nome=nome,
        inicio=month_of(dados.inicio) if dados.inicio is not None else None,
        cnpj=check_cnpj(dados.cnpj),
        endereco=one_line("endereco", dados.endereco, longest=200),
        municipio=one_line("municipio", dados.municipio, longest=120),
        uf=uf,
        email=one_line("email", dados.email, longest=254),
        telefone=one_line("telefone", dados.telefone, longest=20),
        pix_chave=check_pix_key(dados.pix_chave),
    )


def check_cnpj(text: str | None) -> str | None:
    """The fourteen characters of a CNPJ, which may contain letters since July 2026; Invalid if the check digits are
    wrong."""
    plain = re.sub(r"[.\-/\s]", "", text or "").upper()
    if not plain:
        return None
    if not _CNPJ.fullmatch(plain) or _cnpj_digits(plain[:12]) != plain[12:]:
        raise Invalid("cnpj", "Este CNPJ não existe; confira os 14 caracteres.")
    return plain


def check_pix_key(text: str | None) -> str | None:
    """A PIX key in the central bank's form; Invalid if it is none of the five kinds."""
    key = one_line("pix_chave", text, longest=77)
    if key is None:
        return None
    if "@" in key:
        if _EMAIL.fullmatch(key):
            return key.lower()
    elif key.startswith("+"):
        phone = "+" + re.sub(r"[^0-9]", "", key)
        if _PHONE.fullmatch(phone):
            return phone
    elif _RANDOM.fullmatch(key):
        return key.lower()
    else:
        number = re.sub(r"[.\-/\s]", "", key).upper()
        if cpf.is_valid(number):
            return number
        if _CNPJ.fullmatch(number) and _cnpj_digits(number[:12]) == number[12:]:
            return number
    raise Invalid(
        "pix_chave",
        "Esta chave PIX não é um CNPJ, um CPF, um e-mail, um telefone com +55 ou uma chave aleatória; copie do banco.",
    )


def _cnpj_digits(base: str) -> str:
    """The check digits; each character counts as its code minus the code of 0."""
    values = [ord(character) - 48 for character in base]
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
        values.append(0 if rest < 2 else 11 - rest)
    return f"{values[12]}{values[13]}"


def _checked_nucleo(dados: DadosNucleo) -> DadosNucleo:
    nome = one_line("nome", dados.nome, longest=120)
    if nome is None or not search_form(nome):
        raise Invalid("nome", "Informe o nome do núcleo.")
    municipio = one_line("municipio", dados.municipio, longest=120)
    if municipio is None:
        raise Invalid("municipio", "Informe o município.")
    if dados.uf not in UFS:
        raise Invalid("uf", "Escolha um estado da lista.")
    return dataclasses.replace(dados, nome=nome, municipio=municipio)


def _check_name(session: Session, nome: str, *, other_than: int) -> None:
    others = session.execute(select(Nucleo.nome).where(Nucleo.id != other_than)).scalars()
    if any(search_form(other) == search_form(nome) for other in others):
        raise Invalid("nome", "Já há um núcleo com este nome.")
