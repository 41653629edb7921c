"""The refused rows of a batch as a file to be corrected: complete, with the reasons in the first column."""

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from controles.db import db
from controles.domain.domain_errors import Conflict
from controles.domain.spreadsheet import quoted_row
from controles.importing.batches import words_of
from controles.importing.checking import Acao
from controles.importing.models import Importacao, ImportacaoArquivo, ImportacaoLinha
from controles.importing.reading import open_sheet
from controles.importing.sealing import file_seal
from controles.importing.vocabulary import REASONS, is_reasons
from controles.settings.private_files import open_private_bytes

_FLUSHED_AT = 32_768


def errors_csv(importacao_id: int) -> Iterator[bytes]:
    """A CSV with the columns of the original; Conflict if the original is no longer stored.

    Errors are raised before the first piece is requested.
    """
    importacao = db.session.get_one(Importacao, importacao_id)
    sealed = db.session.scalars(
        select(ImportacaoArquivo.conteudo).where(ImportacaoArquivo.importacao_id == importacao_id)
    ).one_or_none()
    if sealed is None:
        raise Conflict("O arquivo desta importação não está mais guardado.")
    refused = select(ImportacaoLinha.numero, ImportacaoLinha.falhas).where(
        ImportacaoLinha.importacao_id == importacao_id, ImportacaoLinha.acao.in_((Acao.ERRO, Acao.CONFLITO))
    )
    reasons = {numero: _sentence(numero, falhas or []) for numero, falhas in db.session.execute(refused)}
    words = words_of(db.session, importacao.tipo)
    content = file_seal().open(sealed, importacao_id)

    def pieces() -> Iterator[bytes]:
        with tempfile.TemporaryDirectory(prefix="controles-") as folder:
            path = Path(folder) / "arquivo"
            with open_private_bytes(path) as file:
                file.write(content)
            with open_sheet(path, words.knows) as sheet:
                kept = [place for place, title in enumerate(sheet.header) if not is_reasons(title)]
                buffer = io.StringIO()
                write = csv.writer(buffer, delimiter=";").writerow
                # With a byte order mark, without which spreadsheets do not recognise UTF-8.
                buffer.write("\ufeff")
                write([REASONS, *quoted_row(sheet.header[place] for place in kept)])
                for record in sheet.records:
                    if record.number not in reasons:
                        continue
                    cells = [record.cells[place] for place in kept if place < len(record.cells)]
                    write([reasons[record.number], *quoted_row([*cells, *record.cells[len(sheet.header) :]])])
                    if buffer.tell() > _FLUSHED_AT:
                        yield buffer.getvalue().encode()
                        buffer.seek(0)
                        buffer.truncate()
                yield buffer.getvalue().encode()

    return pieces()


def _sentence(numero: int, falhas: list[list[str | None]]) -> str:
    parts = [f"{column}: {sentence}" if column else str(sentence) for column, sentence in falhas]
    return f"linha {numero}: {' | '.join(parts)}"
