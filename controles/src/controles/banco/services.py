"""Writes to accounts, and the import of statements: lines in overlapping statements are imported once."""

import dataclasses
import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.banco.models import ContaBancaria, Extrato, LinhaExtrato, TipoConta
from controles.banco.records import DadosConta, ExtratoLido, Importado, LinhaLida
from controles.caixa.cash_accounts import entered_by_hand, is_used
from controles.db import MAX_ID, serialise
from controles.domain import cpf
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.field_checks import one_line, past_date
from controles.fechamento.closed_months import closed_words, hold_months, is_closed, refuse_closed
from controles.militantes.models import Militante
from controles.services.transaction import transaction

_CPF = re.compile(r"(?<![0-9])[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}(?![0-9])")
# The payer's bank, the minute, and eleven letters or digits.
_E2EID = re.compile(r"(?<![A-Za-z0-9])[ED][0-9]{20}[A-Za-z0-9]{11}(?![A-Za-z0-9])")
_AT_ONCE = 500


def save_conta(
    conta_id: int | None, dados: DadosConta, *, autor_id: int | None, agora: dt.datetime, hoje: dt.date
) -> int:
    """Write a new account, or change one; returns its id.

    Conflict if it was changed after `dados.versao` was read; Invalid names the field. Once the account has movements,
    its first day is fixed, because earlier lines were left out, and a caixa stays a caixa.
    """
    checked = _checked(dados, hoje)
    with transaction() as session:
        closed = hold_months(session)
        serialise(session.connection(), "conta_bancaria")
        row = None
        if conta_id is not None:
            row = session.get(ContaBancaria, conta_id, populate_existing=True) if 0 < conta_id <= MAX_ID else None
            if row is None:
                raise NotFound("Conta não encontrada.")
            if row.versao != dados.versao:
                raise Conflict("Outra pessoa alterou esta conta depois que você abriu a página; confira e salve.")
            if checked.inicio != row.inicio and is_used(session, row.id):
                raise Invalid("inicio", "Já há movimento nesta conta; o dia em que ela começa não muda mais.")
            if (checked.tipo is TipoConta.CAIXA) is not (row.tipo is TipoConta.CAIXA) and is_used(session, row.id):
                raise Invalid("tipo", "Já há movimento nesta conta; um caixa não vira conta do banco, nem o contrário.")
        if row is None or (row.inicio, row.saldo_inicial) != (checked.inicio, checked.saldo_inicial):
            # The initial balance is part of every later month.
            refuse_closed(closed, checked.inicio, "inicio")
            if row is not None:
                refuse_closed(closed, row.inicio, "saldo_inicial")
        _refuse_same(session, checked, row.id if row else 0)
        fields = [field.name for field in dataclasses.fields(DadosConta) if field.name != "versao"]
        before = {} if row is None else {name: getattr(row, name) for name in fields}
        row = row or ContaBancaria()
        for name in fields:
            setattr(row, name, getattr(checked, name))
        session.add(row)
        session.flush()
        changed = [name for name in fields if name not in before or before[name] != getattr(row, name)]
        if changed:
            audit.record(
                session,
                acao="conta_bancaria.alterar" if before else "conta_bancaria.criar",
                tabela="conta_bancaria",
                registro_id=row.id,
                antes={name: before[name] for name in changed} if before else None,
                depois={name: getattr(row, name) for name in changed},
                usuario_id=autor_id,
                agora=agora,
            )
        return row.id


def import_statement(
    lidos: Sequence[ExtratoLido], *, conta_id: int | None, arquivo: str, autor_id: int | None, agora: dt.datetime
) -> tuple[Importado, ...]:
    """Write the lines that are new, of all accounts in a file or of none.

    `conta_id` is the chosen account; None: the one whose number is in the file. A line is the same if account, day,
    amount, description and the bank's number (FITID) are equal. Banks give the same FITID to different lines, and two
    equal lines in one file are two lines. Invalid says which account is missing or does not match.
    """
    with transaction() as session:
        closed = hold_months(session)
        serialise(session.connection(), "extrato")
        pairs = [(_account_of(session, lido, conta_id, alone=len(lidos) == 1), lido) for lido in lidos]
        done = []
        for conta, lido in pairs:
            if not conta.ativa:
                raise Invalid("conta_id", f"A conta “{conta.nome}” está inativa; reative-a antes de importar.")
            if conta.tipo is TipoConta.CAIXA:
                raise Invalid("conta_id", f"“{conta.nome}” é um caixa e não tem extrato; registre nele à mão.")
            if lido.linhas:
                done.append(_import_one(session, conta, lido, arquivo, closed, autor_id=autor_id, agora=agora))
        if not done:
            raise Invalid("arquivo", "O arquivo não tem nenhum lançamento; confira o período que pediu ao banco.")
        for extrato, imported in done:
            audit.record(
                session,
                acao="extrato.importar",
                tabela="extrato",
                registro_id=extrato.id,
                depois={
                    **dataclasses.asdict(imported),
                    "formato": extrato.formato,
                    "de": extrato.de,
                    "ate": extrato.ate,
                },
                usuario_id=autor_id,
                agora=agora,
            )
        return tuple(imported for _, imported in done)


def _import_one(
    session: Session,
    conta: ContaBancaria,
    lido: ExtratoLido,
    arquivo: str,
    closed: dt.date | None,
    *,
    autor_id: int | None,
    agora: dt.datetime,
) -> tuple[Extrato, Importado]:
    de, ate = min(line.data for line in lido.linhas), max(line.data for line in lido.linhas)
    _refuse_other_format(session, conta, lido, de, ate)
    by_hand = entered_by_hand(session, conta.id, de, ate)
    if by_hand:
        raise Invalid(
            "arquivo",
            f"A conta “{conta.nome}” tem movimentos escritos à mão neste período ({by_hand}): entrariam duas vezes. "
            "Estorne-os em Despesas e transferências, importe o extrato e diga nele o que cada lançamento foi.",
        )
    wanted = [line for line in lido.linhas if line.data >= conta.inicio]
    known = set(
        session.scalars(
            select(LinhaExtrato.chave).where(LinhaExtrato.conta_id == conta.id, LinhaExtrato.data.between(de, ate))
        )
    )
    owners = _owners(session, wanted)
    new = [row for row in _rows(wanted, owners) if row["chave"] not in known]
    _refuse_new_in_closed(closed, conta, new)
    extrato = Extrato(
        conta_id=conta.id,
        formato=lido.formato,
        arquivo=(one_line("arquivo", arquivo, longest=1000) or "extrato")[-120:],
        de=de,
        ate=ate,
        novas=len(new),
        repetidas=len(wanted) - len(new),
        anteriores=len(lido.linhas) - len(wanted),
        importado_em=agora,
        importado_por_id=autor_id,
    )
    session.add(extrato)
    session.flush()
    for start in range(0, len(new), _AT_ONCE):
        batch = [{**row, "conta_id": conta.id, "extrato_id": extrato.id} for row in new[start : start + _AT_ONCE]]
        session.execute(insert(LinhaExtrato), batch)
    return extrato, Importado(conta.id, conta.nome, extrato.novas, extrato.repetidas, extrato.anteriores)


def _refuse_new_in_closed(closed: dt.date | None, conta: ContaBancaria, new: Iterable[dict[str, object]]) -> None:
    late = sorted(row["data"] for row in new if isinstance(row["data"], dt.date) and is_closed(closed, row["data"]))
    if late:
        raise Invalid(
            "arquivo",
            f"{closed_words(late[0])} O arquivo traz lançamentos da conta “{conta.nome}” que não estavam aqui "
            f"({len(late)}, o primeiro de {late[0]:%d/%m/%Y}). Peça à administração que reabra o mês, ou baixe do "
            "banco só o período que vem depois.",
        )


def _rows(lines: Iterable[LinhaLida], owners: dict[str, int]) -> Iterable[dict[str, object]]:
    seen: Counter[str] = Counter()
    for line in lines:
        found = _cpfs(line.descricao)
        e2eid = _E2EID.search(line.descricao) or _E2EID.search(line.fitid)
        description = _CPF.sub(lambda match: f"***.{cpf_middle(match[0])}-**", line.descricao)[:255]
        same = "\x1f".join((line.data.isoformat(), str(line.valor), description, _CPF.sub("", line.fitid)))
        ordinal, seen[same] = seen[same], seen[same] + 1
        yield {
            "data": line.data,
            "valor": line.valor,
            "descricao": "".join(c if c.isprintable() else " " for c in description) or "(sem descrição)",
            "e2eid": e2eid[0] if e2eid else None,
            "militante_id": owners.get(found[0]) if len(found) == 1 else None,
            "chave": hashlib.sha256(f"{same}\x1f{ordinal}".encode()).hexdigest(),
            "destino": None,
        }


def cpf_middle(written: str) -> str:
    """The six digits in the middle, which receipts show."""
    digits = re.sub("[^0-9]", "", written)
    return f"{digits[3:6]}.{digits[6:9]}"


def _cpfs(text: str) -> list[str]:
    return sorted({cpf.normalise(match) for match in _CPF.findall(text) if cpf.is_valid(match)})


def _owners(session: Session, lines: Iterable[LinhaLida]) -> dict[str, int]:
    """The militantes whose CPF is in a line."""
    vault = cpf.vault()
    wanted = {digest: number for line in lines for number in _cpfs(line.descricao) for digest in vault.digests(number)}
    digests = list(wanted)
    owners = {}
    for start in range(0, len(digests), _AT_ONCE):
        rows = session.execute(
            select(Militante.cpf_hmac, Militante.id).where(Militante.cpf_hmac.in_(digests[start : start + _AT_ONCE]))
        )
        owners.update({wanted[bytes(digest)]: militante_id for digest, militante_id in rows if digest is not None})
    return owners


def _account_of(session: Session, lido: ExtratoLido, conta_id: int | None, *, alone: bool) -> ContaBancaria:
    contas = session.scalars(select(ContaBancaria).order_by(ContaBancaria.id)).all()
    chosen = next((conta for conta in contas if conta.id == conta_id), None)
    if conta_id is not None and chosen is None:
        raise Invalid("conta_id", "Escolha uma das contas da lista.")
    if lido.numero is None:
        if chosen is None:
            raise Invalid("conta_id", "Este arquivo não diz de que conta é; escolha a conta.")
        return chosen
    found = [conta for conta in contas if _is_account(conta, lido)]
    if len(found) > 1:
        raise Invalid("arquivo", f"Duas contas cadastradas têm o número {lido.numero}; corrija o banco delas.")
    if found and (chosen is None or not alone or found[0] is chosen):
        return found[0]
    if found:
        raise Invalid(
            "conta_id", f"O arquivo é da conta “{found[0].nome}”, e você escolheu “{chosen.nome if chosen else ''}”."
        )
    if alone and chosen is not None and chosen.numero is None:
        return chosen
    raise Invalid(
        "arquivo",
        f"O arquivo é da conta {lido.numero[:30]}, que não está cadastrada. Cadastre-a com este número, ou corrija o "
        "número da conta que é ela.",
    )


def _is_account(conta: ContaBancaria, lido: ExtratoLido) -> bool:
    if conta.banco and lido.banco and _number(conta.banco) != _number(lido.banco):
        return False
    return bool(conta.numero) and _number(lido.numero) in {
        _number(conta.numero),
        _number(f"{conta.agencia or ''}{conta.numero}"),
    }


def _number(written: str | None) -> str:
    """The number without punctuation and leading zeros, which banks add inconsistently."""
    return re.sub(r"[^0-9A-Z]", "", (written or "").upper()).lstrip("0")


def _refuse_other_format(session: Session, conta: ContaBancaria, lido: ExtratoLido, de: dt.date, ate: dt.date) -> None:
    other = session.scalars(
        select(Extrato.formato)
        .where(
            Extrato.conta_id == conta.id,
            Extrato.formato != lido.formato,
            Extrato.novas > 0,
            Extrato.de <= ate,
            Extrato.ate >= de,
        )
        .limit(1)
    ).one_or_none()
    if other is not None:
        raise Invalid(
            "arquivo",
            f"Parte deste período da conta “{conta.nome}” veio de um arquivo {other.value.upper()}, em que o banco "
            f"escreve os lançamentos de outro modo: entrariam duas vezes. Baixe este período em {other.value.upper()}.",
        )


def _checked(dados: DadosConta, hoje: dt.date) -> DadosConta:
    nome = one_line("nome", dados.nome, longest=80)
    if nome is None:
        raise Invalid("nome", "Informe o nome da conta.")
    past_date("inicio", dados.inicio, hoje=hoje)
    return dataclasses.replace(
        dados,
        nome=nome,
        banco=one_line("banco", dados.banco, longest=10),
        agencia=one_line("agencia", dados.agencia, longest=20),
        numero=one_line("numero", dados.numero, longest=30),
    )


def _refuse_same(session: Session, dados: DadosConta, other_than: int) -> None:
    for other in session.scalars(select(ContaBancaria).where(ContaBancaria.id != other_than)):
        if other.nome.casefold() == dados.nome.casefold():
            raise Invalid("nome", "Já há uma conta com este nome.")
        same_bank = _number(other.banco) == _number(dados.banco)
        if dados.numero and same_bank and _number(other.numero) == _number(dados.numero):
            raise Invalid("numero", f"A conta “{other.nome}” já tem este número.")
