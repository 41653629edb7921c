"""All that is stored about one person, for a copy that is given to them (LGPD, art. 18, II). Not cached."""

from collections.abc import Iterable
from enum import Enum
from typing import Any

from sqlalchemy import or_, select

from controles.assembleias.models import Assembleia, Convocado
from controles.auditoria.models import Auditoria
from controles.banco.models import Conciliacao, LinhaExtrato
from controles.carteiras.models import Carteira
from controles.cotas.models import Cota, Dispensa
from controles.db import MAX_ID, db
from controles.domain import cpf
from controles.domain.escopo import Escopo
from controles.importing.models import Importacao, ImportacaoLinha
from controles.importing.models import Tipo as TipoImportacao
from controles.lembretes.models import Lembrete, SemLembrete
from controles.militantes.models import Militante, Nucleo, SituacaoHistorico, ValorCota
from controles.militantes.scope import in_scope
from controles.pagamentos.models import Alocacao, Devolucao, Pagamento
from controles.privacidade.models import SolicitacaoTitular
from controles.privacidade.records import Campo, Celula, DadosPessoais, Secao, Tipo
from controles.recebimentos.models import RecebimentoLinha
from controles.recibos.models import Recibo

DINHEIRO = Tipo.DINHEIRO


def personal_data(escopo: Escopo, militante_id: int) -> DadosPessoais | None:
    """None if there is no such militante, or not in this escopo."""
    if not 0 < militante_id <= MAX_ID:
        return None
    row = db.session.execute(
        select(Militante, Nucleo.nome)
        .outerjoin(Nucleo, Nucleo.id == Militante.nucleo_id)
        .where(Militante.id == militante_id, in_scope(escopo))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    militante, nucleo = row
    return DadosPessoais(
        militante_id=militante.id,
        nome=militante.nome_exibido,
        matricula=militante.matricula,
        secoes=(
            _register(militante, nucleo),
            *_standing(militante_id),
            *_money(militante_id),
            *_received(militante_id),
            *_papers(militante_id),
            *_reminders(militante_id),
            *_elsewhere(militante_id),
        ),
    )


def _register(militante: Militante, nucleo: str | None) -> Secao:
    number = cpf.vault().decrypt(militante.cpf_cifrado) if militante.cpf_cifrado else None
    facts: tuple[tuple[Campo, Celula], ...] = (
        (Campo("matricula", "Matrícula"), militante.matricula),
        (Campo("nome", "Nome"), militante.nome),
        (Campo("nome_social", "Nome social"), militante.nome_social),
        (Campo("cpf", "CPF"), number),
        (Campo("nascimento", "Nascimento"), militante.nascimento),
        (Campo("email", "E-mail"), militante.email),
        (Campo("telefone", "Telefone"), militante.telefone),
        (Campo("nucleo", "Núcleo"), nucleo),
        (Campo("situacao", "Situação"), militante.situacao.value),
        (Campo("data_filiacao", "Filiação"), militante.data_filiacao),
        (Campo("data_desligamento", "Desligamento"), militante.data_desligamento),
        (Campo("dia_vencimento", "Dia de vencimento"), militante.dia_vencimento),
        (Campo("isento", "Isento de cota"), militante.isento),
        (Campo("valor_cota", "Valor da cota", DINHEIRO), militante.valor_cota),
        (Campo("anonimizado_em", "Anonimizado"), militante.anonimizado_em),
    )
    return Secao("cadastro", "Cadastro", tuple(one for one, _ in facts), (tuple(value for _, value in facts),))


def _standing(own: int) -> Iterable[Secao]:
    yield _section(
        "situacao",
        "Histórico da situação",
        select(
            SituacaoHistorico.desde,
            SituacaoHistorico.situacao,
            SituacaoHistorico.prevista_ate,
            SituacaoHistorico.motivo,
        )
        .where(SituacaoHistorico.militante_id == own)
        .order_by(SituacaoHistorico.desde, SituacaoHistorico.id),
        Campo("desde", "Desde"),
        Campo("situacao", "Situação"),
        Campo("prevista_ate", "Volta prevista"),
        Campo("motivo", "Motivo"),
    )
    yield _section(
        "valores_anteriores",
        "Valores anteriores da cota",
        select(ValorCota.ate, ValorCota.valor, ValorCota.isento)
        .where(ValorCota.militante_id == own)
        .order_by(ValorCota.ate),
        Campo("ate", "Até antes de"),
        Campo("valor", "Valor", DINHEIRO),
        Campo("isento", "Isento"),
    )


def _money(own: int) -> Iterable[Secao]:
    yield _section(
        "cotas",
        "Cotas",
        select(Cota.competencia, Cota.vencimento, Cota.valor, Cota.pago, Cota.dispensada_em, Cota.dispensa_motivo)
        .where(Cota.militante_id == own)
        .order_by(Cota.competencia),
        Campo("competencia", "Competência"),
        Campo("vencimento", "Vencimento"),
        Campo("valor", "Valor", DINHEIRO),
        Campo("pago", "Pago", DINHEIRO),
        Campo("dispensada_em", "Dispensada"),
        Campo("dispensa_motivo", "Motivo da dispensa"),
    )
    yield _section(
        "dispensas",
        "Dispensas",
        select(Dispensa.criada_em, Dispensa.tipo, Dispensa.motivo, Dispensa.total, Dispensa.desfeita_em)
        .where(Dispensa.militante_id == own)
        .order_by(Dispensa.id),
        Campo("criada_em", "Quando"),
        Campo("tipo", "Tipo"),
        Campo("motivo", "Motivo"),
        Campo("total", "Total", DINHEIRO),
        Campo("desfeita_em", "Desfeita"),
    )
    yield _section(
        "pagamentos",
        "Pagamentos",
        select(
            Pagamento.id,
            Pagamento.data_credito,
            Pagamento.valor,
            Pagamento.metodo,
            Pagamento.e2eid,
            Pagamento.estorna_id,
            Pagamento.motivo,
            Pagamento.observacao,
            Pagamento.pagador_nome,
            Pagamento.registrado_em,
        )
        .where(Pagamento.militante_id == own)
        .order_by(Pagamento.data_credito, Pagamento.id),
        Campo("numero", "Número"),
        Campo("data_credito", "Data"),
        Campo("valor", "Valor", DINHEIRO),
        Campo("metodo", "Método"),
        Campo("e2eid", "Código do PIX"),
        Campo("estorno_de", "Estorno de"),
        Campo("motivo", "Motivo"),
        Campo("observacao", "Observação"),
        Campo("pagador", "Pago por"),
        Campo("registrado_em", "Registrado"),
    )
    yield _section(
        "alocacoes",
        "Divisão dos pagamentos pelas cotas",
        select(Alocacao.pagamento_id, Cota.competencia, Alocacao.centavos)
        .join(Cota, Cota.id == Alocacao.cota_id)
        .where(Cota.militante_id == own)
        .order_by(Alocacao.id),
        Campo("pagamento", "Pagamento"),
        Campo("competencia", "Competência"),
        Campo("valor", "Valor", DINHEIRO),
    )


def _received(own: int) -> Iterable[Secao]:
    yield _section(
        "devolucoes",
        "Devoluções",
        select(Devolucao.pagamento_id, Devolucao.centavos).where(Devolucao.militante_id == own).order_by(Devolucao.id),
        Campo("pagamento", "Pagamento"),
        Campo("valor", "Valor", DINHEIRO),
    )
    yield _section(
        "recebimentos",
        "Linhas de folhas e retornos bancários",
        select(
            RecebimentoLinha.data,
            RecebimentoLinha.valor,
            RecebimentoLinha.competencia,
            RecebimentoLinha.texto,
            RecebimentoLinha.pagamento_id,
        )
        .where(RecebimentoLinha.militante_id == own)
        .order_by(RecebimentoLinha.id),
        Campo("data", "Data"),
        Campo("valor", "Valor", DINHEIRO),
        Campo("competencia", "Competência"),
        Campo("texto", "Texto do arquivo"),
        Campo("pagamento", "Pagamento"),
    )


def _papers(own: int) -> Iterable[Secao]:
    paid = select(Pagamento.id).where(Pagamento.militante_id == own)
    yield _section(
        "recibos",
        "Recibos",
        select(
            Recibo.ano,
            Recibo.numero,
            Recibo.valor,
            Recibo.pagamento_id,
            Recibo.conteudo["militante"].as_string(),
            Recibo.emitido_em,
            Recibo.cancelado_em,
            Recibo.motivo,
        )
        .where(Recibo.pagamento_id.in_(paid))
        .order_by(Recibo.ano, Recibo.numero),
        Campo("ano", "Ano"),
        Campo("numero", "Número"),
        Campo("valor", "Valor", DINHEIRO),
        Campo("pagamento", "Pagamento"),
        Campo("nome", "Em nome de"),
        Campo("emitido_em", "Emitido"),
        Campo("cancelado_em", "Cancelado"),
        Campo("motivo", "Motivo"),
    )
    yield _section(
        "carteiras",
        "Carteirinhas",
        select(Carteira.emitida_em, Carteira.valida_ate, Carteira.codigo, Carteira.revogada_em, Carteira.motivo)
        .where(Carteira.militante_id == own)
        .order_by(Carteira.id),
        Campo("emitida_em", "Emitida"),
        Campo("valida_ate", "Válida até"),
        Campo("codigo", "Código"),
        Campo("revogada_em", "Revogada"),
        Campo("motivo", "Motivo"),
    )
    yield _section(
        "assembleias",
        "Listas de assembleias",
        select(
            Assembleia.data,
            Assembleia.nome,
            Convocado.nome,
            Convocado.matricula,
            Convocado.nucleo,
            Convocado.impedimento,
        )
        .join(Assembleia, Assembleia.id == Convocado.assembleia_id)
        .where(Convocado.militante_id == own)
        .order_by(Assembleia.data, Assembleia.id),
        Campo("data", "Data"),
        Campo("assembleia", "Assembleia"),
        Campo("nome", "Nome na lista"),
        Campo("matricula", "Matrícula"),
        Campo("nucleo", "Núcleo"),
        Campo("impedimento", "Impedimento"),
    )


def _reminders(own: int) -> Iterable[Secao]:
    yield _section(
        "lembretes",
        "Lembretes",
        select(
            Lembrete.criado_em,
            Lembrete.competencia,
            Lembrete.canal,
            Lembrete.estado,
            Lembrete.valor,
            Lembrete.enviado_em,
            Lembrete.erro,
        )
        .where(Lembrete.militante_id == own)
        .order_by(Lembrete.id),
        Campo("criado_em", "Quando"),
        Campo("competencia", "Competência"),
        Campo("canal", "Canal"),
        Campo("estado", "Estado"),
        Campo("valor", "Valor", DINHEIRO),
        Campo("enviado_em", "Enviado"),
        Campo("erro", "Erro"),
    )
    yield _section(
        "sem_lembrete",
        "Pedido de não receber lembretes",
        select(SemLembrete.desde, SemLembrete.ativo, SemLembrete.motivo).where(SemLembrete.militante_id == own),
        Campo("desde", "Desde"),
        Campo("ativo", "Vale"),
        Campo("motivo", "Motivo"),
    )


def _elsewhere(own: int) -> Iterable[Secao]:
    paid = select(Pagamento.id).where(Pagamento.militante_id == own)
    matched = select(Conciliacao.linha_id).where(Conciliacao.pagamento_id.in_(paid))
    yield _section(
        "extratos",
        "Linhas de extratos bancários",
        select(LinhaExtrato.data, LinhaExtrato.valor, LinhaExtrato.descricao, LinhaExtrato.e2eid)
        .where(or_(LinhaExtrato.militante_id == own, LinhaExtrato.id.in_(matched)))
        .order_by(LinhaExtrato.data, LinhaExtrato.id),
        Campo("data", "Data"),
        Campo("valor", "Valor", DINHEIRO),
        Campo("descricao", "Texto do banco"),
        Campo("e2eid", "Código do PIX"),
    )
    yield _section(
        "importacoes",
        "Importações de planilhas",
        select(Importacao.criada_em, Importacao.arquivo, ImportacaoLinha.numero, ImportacaoLinha.acao)
        .join(Importacao, Importacao.id == ImportacaoLinha.importacao_id)
        .where(Importacao.tipo == TipoImportacao.MILITANTES, ImportacaoLinha.registro_id == own)
        .order_by(Importacao.id),
        Campo("quando", "Quando"),
        Campo("arquivo", "Arquivo"),
        Campo("linha", "Linha"),
        Campo("acao", "O que foi feito"),
    )
    yield _section(
        "solicitacoes",
        "Solicitações sobre os próprios dados",
        select(
            SolicitacaoTitular.recebida_em,
            SolicitacaoTitular.tipo,
            SolicitacaoTitular.pedido,
            SolicitacaoTitular.prazo,
            SolicitacaoTitular.concluida_em,
            SolicitacaoTitular.atendida,
            SolicitacaoTitular.resposta,
        )
        .where(SolicitacaoTitular.militante_id == own)
        .order_by(SolicitacaoTitular.id),
        Campo("recebida_em", "Recebida"),
        Campo("tipo", "Tipo"),
        Campo("pedido", "Pedido"),
        Campo("prazo", "Prazo"),
        Campo("concluida_em", "Concluída"),
        Campo("atendida", "Atendida"),
        Campo("resposta", "Resposta"),
    )
    # What was done, not by whom: the names of those who work with the data are theirs.
    yield _section(
        "alteracoes",
        "Alterações registradas na auditoria",
        select(Auditoria.quando, Auditoria.acao)
        .where(Auditoria.tabela == Militante.__tablename__, Auditoria.registro_id == own)
        .order_by(Auditoria.id),
        Campo("quando", "Quando"),
        Campo("acao", "Ação"),
    )


def _section(nome: str, titulo: str, statement: Any, *campos: Campo) -> Secao:
    rows = db.session.execute(statement).all()
    return Secao(nome, titulo, campos, tuple(tuple(_plain(cell) for cell in row) for row in rows))


def _plain(cell: Any) -> Celula:
    found: Celula = cell.value if isinstance(cell, Enum) else cell
    return found
