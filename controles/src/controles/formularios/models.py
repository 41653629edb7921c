"""What somebody typed and has not saved yet."""

import datetime as dt

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base


class FormularioGuardado(Base):
    """One form as it was sent, encrypted, for its user only. Rows are deleted after a day."""

    __tablename__ = "formulario_guardado"
    __table_args__ = (Index("ix_formulario_guardado_guardado_em", "guardado_em"),)

    # The digest of the number in the address; the number itself is not stored.
    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    usuario_id: Mapped[int] = mapped_column(ForeignKey("usuario.id"))
    conteudo: Mapped[bytes] = mapped_column(LargeBinary)
    guardado_em: Mapped[dt.datetime]
