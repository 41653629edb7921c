"""Writes to lists of receipts: read one, say whose a line is, accept, undo or discard the whole."""

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.db import MAX_ID, serialise
from controles.domain import cpf
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.field_checks import one_line, past_date
from controles.domain.text import search_form
from controles.fechamento.closed_months import hold_months, refuse_closed
from controles.importing.payers import Doubt, Payers, Said, new_budget, payers_among
from controles.militantes.models import Militante
from controles.pagamentos.many import Entrada, keep_others_out, register_many, reverse_many
from controles.pagamentos.models import Metodo, Pagamento
from controles.pagamentos.services import NovoPagamento
from controles.recebimentos.models import Estado, Fonte, Recebimento, RecebimentoLinha
from controles.recebimentos.records import Lida, NovaFolha
from controles.services.transaction import transaction

LOCK = "recebimento"
_AT_ONCE = 500
_ELEVEN = re.compile(r"(?<![0-9])[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}[-/ ]?[0-9]{2}(?![0-9])")


def create_recebimento(
    fonte: Fonte,
    linhas: Sequence[Lida],
    *,
    arquivo: str,
    folha: NovaFolha | None = None,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> int:
    """Write a list that was read, with whose each line may be; nothing is paid by it. Returns its id.

    Invalid for a day that has not come yet or is in a closed month, and for a list without an employer's name.
    """
    empregador = None
    if folha is not None:
        past_date("data", folha.data, hoje=hoje)
        empregador = one_line("empregador", folha.empregador, longest=120)
        if empregador is None:
            raise Invalid("empregador", "Escreva de que empregador é a folha.")
    with transaction() as session:
        closed = hold_months(session)
        for line in linhas:
            past_date("data", line.data, hoje=hoje)
            refuse_closed(closed, line.data, "data")
        serialise(session.connection(), LOCK)
        row = Recebimento(
            fonte=fonte,
            estado=Estado.CONFERIR,
            arquivo=(one_line("arquivo", arquivo, longest=1000) or "arquivo")[-120:],
            empregador=empregador,
            competencia=folha.competencia if folha else None,
            criado_em=agora,
            criado_por_id=autor_id,
        )
        session.add(row)
        session.flush()
        written = _matched(session, linhas, row)
        for start in range(0, len(written), _AT_ONCE):
            batch = [{**one, "recebimento_id": row.id} for one in written[start : start + _AT_ONCE]]
            session.execute(insert(RecebimentoLinha), batch)
        _record(session, "recebimento.criar", row, {"linhas": len(linhas)}, autor_id, agora)
        return row.id


def assign_line(
    recebimento_id: int, numero: int, militante_id: int | None, *, autor_id: int | None, agora: dt.datetime
) -> None:
    """Say whose a line is; None: nobody's known, so it becomes unidentified. Conflict once the list was decided."""
    with transaction() as session:
        row = _lock(session, recebimento_id, Estado.CONFERIR)
        wanted = select(RecebimentoLinha).where(
            RecebimentoLinha.recebimento_id == recebimento_id, RecebimentoLinha.numero == numero
        )
        line = session.scalars(wanted).one_or_none()
        if line is None:
            raise NotFound("Linha não encontrada.")
        before, line.militante_id = line.militante_id, militante_id
        if militante_id is not None and row.fonte is Fonte.FOLHA:
            same = select(func.count()).where(
                RecebimentoLinha.recebimento_id == recebimento_id,
                RecebimentoLinha.militante_id == militante_id,
                RecebimentoLinha.id != line.id,
            )
            line.chave = _person_key(row, militante_id, session.scalars(same).one() + 1)
        session.flush()
        change = {"linha": numero, "militante_id": militante_id, "antes": before}
        _record(session, "recebimento.atribuir", row, change, autor_id, agora)


def accept(recebimento_id: int, *, autor_id: int | None, agora: dt.datetime, hoje: dt.date) -> int:
    """Register a payment for each line that was not accepted before, from this or another file; returns how many.

    Conflict if the list was decided meanwhile, or if nothing in it is new. Invalid if a day is in a closed month.
    """
    with transaction() as session:
        closed = hold_months(session)
        row = _lock(session, recebimento_id, Estado.CONFERIR)
        keep_others_out(session)
        lines = session.scalars(
            select(RecebimentoLinha)
            .where(RecebimentoLinha.recebimento_id == row.id)
            .order_by(RecebimentoLinha.numero, RecebimentoLinha.id)
        ).all()
        known = known_keys(session, [line.chave for line in lines])
        fresh = [line for line in lines if line.chave not in known]
        if not fresh:
            raise Conflict("Tudo o que está neste arquivo já foi registrado por outro; descarte-o.")
        for line in fresh:
            refuse_closed(closed, line.data)
        ids: list[int] = []
        entries = [_entry(row, line) for line in fresh]
        numbers = [line.id for line in fresh]
        for some in register_many(session, entries, autor_id=autor_id, agora=agora, hoje=hoje):
            ids.extend(some)
        paid = [
            {"id": line_id, "pagamento_id": pagamento_id, "aceita": True}
            for line_id, pagamento_id in zip(numbers, ids, strict=True)
        ]
        session.execute(update(RecebimentoLinha), paid)
        row = session.get_one(Recebimento, recebimento_id)
        total = sum(entry.novo.valor for entry in entries)
        _decide(session, row, Estado.ACEITO, {"pagamentos": len(ids), "total": total}, autor_id, agora)
        return len(ids)


def undo(recebimento_id: int, *, motivo: str, autor_id: int | None, agora: dt.datetime) -> int:
    """Reverse, today, every payment of an accepted list that was not reversed yet; returns how many.

    All or none: Conflict, with the payment's number, if one of them was given back.
    """
    reason = one_line("motivo", motivo, longest=150)
    if reason is None:
        raise Invalid("motivo", "Informe por que a lista é desfeita.")
    hoje = agora.astimezone(LOCAL_ZONE).date()
    with transaction() as session:
        refuse_closed(hold_months(session), hoje)
        _lock(session, recebimento_id, Estado.ACEITO)
        keep_others_out(session)
        wanted = (
            select(Pagamento.id)
            .join(RecebimentoLinha, RecebimentoLinha.pagamento_id == Pagamento.id)
            .where(RecebimentoLinha.recebimento_id == recebimento_id, Pagamento.estornado.is_(False))
            .order_by(Pagamento.militante_id, Pagamento.id)
        )
        ids = session.scalars(wanted).all()
        why = f"lista nº {recebimento_id} desfeita: {reason}"
        count = reverse_many(session, ids, motivo=why, data=hoje, autor_id=autor_id, agora=agora)
        session.execute(
            update(RecebimentoLinha).where(RecebimentoLinha.recebimento_id == recebimento_id).values(aceita=False)
        )
        row = session.get_one(Recebimento, recebimento_id, populate_existing=True)
        _decide(session, row, Estado.DESFEITO, {"estornados": count, "motivo": reason}, autor_id, agora)
        return count


def discard(recebimento_id: int, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Put away a list that will not be accepted; the same file can be sent again."""
    with transaction() as session:
        row = _lock(session, recebimento_id, Estado.CONFERIR)
        _decide(session, row, Estado.DESCARTADO, {}, autor_id, agora)


def known_keys(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of these keys that an accepted list has."""
    found: set[str] = set()
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        wanted = select(RecebimentoLinha.chave).where(RecebimentoLinha.chave.in_(some), RecebimentoLinha.aceita)
        found.update(session.scalars(wanted))
    return found


def _lock(session: Session, recebimento_id: int, estado: Estado) -> Recebimento:
    serialise(session.connection(), LOCK)
    row = session.get(Recebimento, recebimento_id, populate_existing=True) if 0 < recebimento_id <= MAX_ID else None
    if row is None:
        raise NotFound("Lista não encontrada.")
    if row.estado is not estado:
        raise Conflict("Outra pessoa já decidiu esta lista; confira o que ficou dela.")
    return row


def _entry(row: Recebimento, line: RecebimentoLinha) -> Entrada:
    what = f"folha de {row.empregador}" if row.fonte is Fonte.FOLHA else "retorno do banco"
    novo = NovoPagamento(
        militante_id=line.militante_id,
        data_credito=line.data,
        valor=line.valor,
        metodo=Metodo.FOLHA if row.fonte is Fonte.FOLHA else Metodo.BOLETO,
        observacao=f"{what}, linha {line.numero}"[:200],
        # A bank credits the titles of one day together, and an employer the whole list.
        grupo=f"lista-{row.id}-{line.data.isoformat()}",
    )
    return Entrada(novo, line.competencia)


def _person_key(row: Recebimento, militante_id: int, nth: int) -> str:
    """The key of a payroll list's line, the same whether it named the person by matrícula, CPF or name."""
    assert row.competencia is not None
    same = f"{search_form(row.empregador or '')}|{row.competencia.isoformat()}|militante {militante_id}|{nth}"
    return hashlib.sha256(f"folha|{same}".encode()).hexdigest()


def _matched(session: Session, linhas: Sequence[Lida], row: Recebimento) -> list[dict[str, object]]:
    ways = {id(line): _ways(line, row.fonte) for line in linhas}
    payers = payers_among(session, [said for several in ways.values() for said in several], new_budget())
    hinted = {line.militante_id for line in linhas if line.militante_id is not None and line.militante_id <= MAX_ID}
    ours = set(session.scalars(select(Militante.id).where(Militante.id.in_(hinted)))) if hinted else set()
    written = []
    seen: Counter[int] = Counter()
    for line in linhas:
        militante_id, doubt = line.militante_id if line.militante_id in ours else None, None
        if militante_id is None:
            militante_id, doubt = _owner(payers, ways[id(line)])
        known, chave = militante_id is not None, line.chave
        if militante_id is not None and row.fonte is Fonte.FOLHA:
            seen[militante_id] += 1
            chave = _person_key(row, militante_id, seen[militante_id])
        written.append(
            {
                "numero": line.numero,
                "texto": "" if known else _without_cpf(line.nome or line.matricula or "sem nome")[:160],
                "militante_id": militante_id,
                "data": line.data,
                "valor": line.valor,
                "competencia": line.competencia,
                "duvida": None if known else _without_cpf(doubt or "")[:300],
                "chave": chave,
                "aceita": False,
                "pagamento_id": None,
            }
        )
    return written


def _without_cpf(text: str) -> str:
    """People write numbers into names, and the column is not encrypted."""
    return _ELEVEN.sub(lambda match: cpf.mask(match[0]), text)


def _ways(line: Lida, fonte: Fonte) -> list[Said]:
    """What the line says about the person: all of it for a payroll list; for a title, whose number is often not a
    matrícula, one thing after the other."""
    if fonte is Fonte.FOLHA:
        return [Said(line.matricula, line.cpf, line.nome)]
    ways = [Said(cpf=line.cpf, nome=line.nome)] if line.cpf else []
    if line.matricula:
        ways.append(Said(matricula=line.matricula, nome=line.nome))
    if line.nome and not line.cpf:
        ways.append(Said(nome=line.nome))
    return ways


def _owner(payers: Payers, ways: Sequence[Said]) -> tuple[int | None, str | None]:
    doubt = None
    for said in ways:
        try:
            payer = payers.find(said, nobodys=True)
        except Doubt as error:
            doubt = doubt or error.message
        else:
            if payer is not None:
                return payer.id, None
    return None, doubt or "O arquivo não diz de quem é."


def _decide(
    session: Session,
    row: Recebimento,
    estado: Estado,
    depois: Mapping[str, object],
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    row.estado, row.decidido_em, row.decidido_por_id = estado, agora, autor_id
    session.flush()
    acao = {Estado.ACEITO: "aceitar", Estado.DESFEITO: "desfazer", Estado.DESCARTADO: "descartar"}[estado]
    _record(session, f"recebimento.{acao}", row, depois, autor_id, agora)


def _record(
    session: Session,
    acao: str,
    row: Recebimento,
    depois: Mapping[str, object],
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    audit.record(
        session,
        acao=acao,
        tabela="recebimento",
        registro_id=row.id,
        depois={
            "fonte": row.fonte,
            "empregador": row.empregador,
            "competencia": row.competencia,
            "estado": row.estado,
            **depois,
        },
        usuario_id=autor_id,
        agora=agora,
    )
