"""The files that prove a movement: which are accepted, and storing them."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.caixa.models import Comprovante
from controles.caixa.records import Arquivo
from controles.domain.domain_errors import Invalid
from controles.domain.field_checks import one_line

LARGEST = 5 * 1024 * 1024
MOST = 10
# Recognised by their first bytes, because a file can claim any type.
KINDS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def check_file(arquivo: Arquivo) -> str:
    """The type of an acceptable file; Invalid for `arquivo` says what is acceptable."""
    if not arquivo.conteudo:
        raise Invalid("arquivo", "O arquivo está vazio; escolha-o de novo.")
    if len(arquivo.conteudo) > LARGEST:
        raise Invalid("arquivo", f"O arquivo tem mais de {LARGEST // 1024 // 1024} MB; fotografe com menos pontos.")
    for start, kind in KINDS.items():
        if arquivo.conteudo.startswith(start):
            return kind
    raise Invalid("arquivo", "O comprovante precisa ser um PDF, uma foto JPEG ou uma imagem PNG.")


def attach_file(
    session: Session,
    arquivo: Arquivo,
    *,
    lancamento_id: int | None = None,
    linha_id: int | None = None,
    autor_id: int | None,
    agora: dt.datetime,
) -> int:
    """Attach a file to a movement that the caller has locked; returns its id."""
    kind = check_file(arquivo)
    mine = Comprovante.lancamento_id == lancamento_id if linha_id is None else Comprovante.linha_id == linha_id
    if session.scalars(select(func.count()).select_from(Comprovante).where(mine)).one() >= MOST:
        raise Invalid("arquivo", f"Já há {MOST} comprovantes aqui; junte-os num PDF.")
    row = Comprovante(
        lancamento_id=lancamento_id,
        linha_id=linha_id,
        nome=(one_line("arquivo", arquivo.nome, longest=1000) or "comprovante")[-120:],
        tipo=kind,
        tamanho=len(arquivo.conteudo),
        conteudo=arquivo.conteudo,
        enviado_em=agora,
        enviado_por_id=autor_id,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        acao="comprovante.anexar",
        tabela="comprovante",
        registro_id=row.id,
        depois={"lancamento_id": lancamento_id, "linha_id": linha_id, "tipo": kind, "tamanho": row.tamanho},
        usuario_id=autor_id,
        agora=agora,
    )
    return row.id
