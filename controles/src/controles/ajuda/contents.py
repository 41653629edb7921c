"""The texts of the help, by area."""

from controles.ajuda.records import Area, Pergunta, Termo

AREAS = (
    Area(
        "painel",
        "O painel",
        "O mês de relance. Cada número leva à lista de que ele é a soma.",
        ("painel",),
        (
            Pergunta(
                "Por que o recebido do mês difere do caixa do mês?",
                "O recebido soma o que foi pago das cotas daquela competência, em qualquer dia. O caixa soma o "
                "que entrou naquele mês, "
                "de qualquer competência, menos os estornos.",
            ),
            Pergunta(
                "Um número parece velho. O que faço?",
                "Ao lado dele está a hora dos dados. Um pagamento salvo já conta na página seguinte; "
                "“Atualizar” soma tudo de novo.",
                "painel.index",
                "Abrir o painel",
            ),
        ),
        (
            Termo(
                "inadimplente",
                "inadimplente",
                "Quem tem ao menos uma cota vencida e não paga por inteiro, na data de hoje.",
            ),
            Termo("quitadas", "quitadas", "As cotas pagas por inteiro, de todas as do mês que não foram dispensadas."),
        ),
    ),
    Area(
        "militantes",
        "Militantes",
        "Quem faz parte, com o que paga e como está.",
        ("militantes", "busca"),
        (
            Pergunta(
                "Como cadastro alguém que já foi militante?",
                "Procure pelo CPF ou pelo nome e abra a ficha: nela está “Readmitir”. O histórico e o que ficou "
                "em aberto continuam lá.",
                "militantes.index",
                "Procurar um militante",
            ),
            Pergunta(
                "Alguém vai se afastar por uns meses.",
                "Na ficha, registre a licença com a data em que começa. Enquanto ela dura não se geram cotas; a "
                "volta também se registra na ficha.",
            ),
            Pergunta(
                "Desliguei a pessoa errada.",
                "Na ficha, use “Desfazer desligamento”. As cotas que ele dispensou voltam a ficar em aberto.",
            ),
        ),
        (
            Termo(
                "matricula", "matrícula", "O número que a organização dá a cada militante; não muda e não se repete."
            ),
            Termo("isento", "isento", "Não paga cota: ao gerar as cotas do mês, fica de fora."),
            Termo(
                "licenciado",
                "licenciado",
                "Continua militante, mas afastado por um tempo, e nesse tempo não paga cota.",
            ),
        ),
    ),
    Area(
        "cotas",
        "Cotas",
        "O que cada militante deve em cada mês.",
        ("cotas", "previsto_realizado"),
        (
            Pergunta(
                "Como gero as cotas do mês?",
                "“Gerar cotas” mostra antes quantas serão feitas e de quanto. Gerar de novo não repete nenhuma: "
                "só faz as que faltam.",
                "cotas.generate",
                "Gerar cotas",
            ),
            Pergunta(
                "Uma cota não devia existir, ou não vai ser cobrada.",
                "Dispense-a, com o motivo: sozinha, na ficha do militante, ou todas as de um mês. A dispensa "
                "pode ser desfeita.",
                "cotas.waive_all",
                "Dispensar um mês",
            ),
            Pergunta(
                "Quanto se previa e quanto entrou, em cada núcleo?",
                "“Previsto × realizado” mostra um ano por mês e por núcleo; cada soma leva às suas cotas.",
                "previsto_realizado.index",
                "Previsto × realizado",
            ),
        ),
        (
            Termo("competencia", "competência", "O mês a que a cota se refere, seja qual for o dia em que é paga."),
            Termo("previsto", "previsto", "A soma das cotas do mês: o que se receberia se todas fossem pagas."),
            Termo(
                "dispensada",
                "dispensada",
                "Uma cota que não será cobrada, por um motivo que fica registrado. O que já se pagou dela "
                "continua pago.",
            ),
        ),
    ),
    Area(
        "pagamentos",
        "Pagamentos",
        "O dinheiro que entrou dos militantes, e a que cotas ele foi.",
        ("pagamentos", "recebimentos"),
        (
            Pergunta(
                "Como registro um pagamento?",
                "Procure quem pagou, confira os meses marcados e o valor, e salve. Nada é salvo antes da página "
                "que mostra para onde vai o dinheiro.",
                "pagamentos.new",
                "Registrar um pagamento",
            ),
            Pergunta(
                "Registrei errado.",
                "Abra o pagamento e estorne-o, com o motivo; depois registre o certo. Nada se apaga: os dois "
                "ficam na lista.",
                "pagamentos.index",
                "Ver os pagamentos",
            ),
            Pergunta(
                "Não sei de quem é o dinheiro.",
                "Registre-o sem identificação. Quando souber, abra o pagamento e identifique-o: ele vai às "
                "cotas dessa pessoa.",
            ),
        ),
        (
            Termo(
                "estorno",
                "estorno",
                "Desfaz um pagamento inteiro: o mesmo valor, ao contrário, com data e motivo. As cotas voltam a "
                "ficar em aberto.",
            ),
            Termo("credito", "crédito", "O que alguém pagou e que nenhuma cota levou; pode ser usado nas próximas."),
        ),
    ),
    Area(
        "cobranca",
        "Cobrança",
        "Quem tem contribuições em aberto, e os lembretes.",
        ("inadimplencia", "lembretes"),
        (
            Pergunta(
                "Quem não pagou qual mês?",
                "“Meses de todos” mostra cada militante e os doze meses do ano.",
                "inadimplencia.months",
                "Meses de todos",
            ),
            Pergunta(
                "Por que não consigo mandar lembretes de um mês?",
                "Antes, marque os pagamentos desse mês como completos: quem já pagou não pode receber um "
                "lembrete por engano.",
                "lembretes.index",
                "Lembretes",
            ),
        ),
    ),
    Area(
        "papeis",
        "Recibos, assembleias e carteirinhas",
        "O que se entrega às pessoas.",
        ("recibos", "assembleias", "carteiras"),
        (
            Pergunta(
                "Um recibo saiu errado.",
                "Cancele-o, com o motivo, e emita outro. O número do cancelado não se usa de novo, e ele "
                "continua na lista.",
                "recibos.index",
                "Recibos",
            ),
            Pergunta(
                "Quem pode votar na assembleia?",
                "A lista fica como era no dia em que foi emitida, pela regra que você escolheu; o que mudou "
                "depois não a muda.",
                "assembleias.index",
                "Assembleias",
            ),
        ),
        (
            Termo(
                "recibo",
                "número do recibo",
                "Os recibos de um ano têm números seguidos, sem falhas; por isso nenhum se apaga.",
            ),
        ),
    ),
    Area(
        "caixa",
        "Caixa, banco e fechamento",
        "As contas da organização, do extrato ao balancete.",
        ("banco", "caixa", "fechamento"),
        (
            Pergunta(
                "Como lanço o extrato do banco?",
                "Importe o arquivo OFX ou CSV que o banco oferece. Importar duas vezes o mesmo período não "
                "repete nenhuma linha.",
                "banco.index",
                "Contas e extratos",
            ),
            Pergunta(
                "Onde entram as despesas?",
                "As que estão no extrato são marcadas na própria linha; as pagas em dinheiro se registram à "
                "mão, com o comprovante.",
                "caixa.index",
                "Despesas e transferências",
            ),
            Pergunta(
                "Achei um erro num mês fechado.",
                "Faça um estorno com data de um mês aberto. Reabrir o mês só é preciso para incluir o que "
                "faltou, e só a administração reabre.",
                "fechamento.index",
                "Fechamento",
            ),
        ),
        (
            Termo(
                "conciliacao",
                "conciliação",
                "Dizer de cada linha do extrato o que ela é: de que pagamento, de que despesa, ou transferência.",
            ),
            Termo(
                "balancete",
                "balancete",
                "De cada conta, o saldo no começo do mês, o que entrou, o que saiu e o saldo no fim.",
            ),
            Termo("fechar", "fechar o mês", "Depois de fechado, nada com data daquele mês entra nem muda."),
        ),
    ),
    Area(
        "importar",
        "Importar",
        "Pessoas, pagamentos e saldos de uma planilha.",
        ("importing",),
        (
            Pergunta(
                "O que acontece quando envio o arquivo?",
                "Primeiro ele só é conferido: você vê o que mudaria, de que para que, e todos os erros. Nada é "
                "escrito antes de você confirmar.",
                "importing.index",
                "Importar",
            ),
            Pergunta(
                "Algumas linhas têm erro.",
                "Confirme as certas, baixe só as erradas, corrija-as e envie esse arquivo.",
            ),
            Pergunta(
                "Importei o arquivo errado.", "Abra a importação e desfaça-a: o que ela criou é desfeito de uma vez."
            ),
        ),
    ),
    Area(
        "privacidade",
        "Privacidade",
        "O que a lei (LGPD) dá a cada pessoa sobre os seus dados.",
        ("privacidade",),
        (
            Pergunta(
                "Alguém pede os seus dados, ou que sejam apagados.",
                "Registre o pedido e atenda-o na ficha da pessoa. Anonimizada a pessoa, nenhuma soma muda.",
                "privacidade.index",
                "Pedidos",
            ),
        ),
    ),
    Area(
        "administracao",
        "Administração",
        "A organização, os núcleos, quem entra e o que cada um fez.",
        ("organizacao", "usuarios", "convites", "auditoria", "copias"),
        (
            Pergunta(
                "Como dou acesso a alguém?",
                "Convide a pessoa: o link vale sete dias e uma vez. Ela escolhe a senha e cadastra o celular.",
                "convites.index",
                "Convites",
            ),
            Pergunta(
                "Alguém perdeu o celular.",
                "Com um código de recuperação a própria pessoa entra. Sem ele, refaça o acesso na página do "
                "usuário, com o motivo.",
                "usuarios.index",
                "Usuários",
            ),
            Pergunta(
                "Quem mudou isto?",
                "A auditoria diz quem, quando, e de que para que.",
                "auditoria.index",
                "Auditoria",
            ),
            Pergunta(
                "Como faço uma cópia de segurança?",
                "Escolha uma frase comprida e baixe o arquivo, cifrado com ela. Guarde a frase longe do arquivo.",
                "copias.index",
                "Cópia de segurança",
            ),
        ),
        (
            Termo("alcance", "alcance", "O que a pessoa vê: a organização toda, ou só os militantes de um núcleo."),
            Termo("papel", "papel", "O que a pessoa pode fazer: administração, tesouraria, secretaria ou leitura."),
        ),
    ),
    Area(
        "conta",
        "Sua conta",
        "A senha, o celular e os programas que leem por você.",
        ("conta", "tokens"),
        (
            Pergunta(
                "Perdi o celular.",
                "Entre com um dos códigos de recuperação e cadastre o novo. Sem códigos, peça à administração "
                "que refaça o seu acesso.",
                "conta.account",
                "Sua conta",
            ),
            Pergunta(
                "Quero ler os dados numa planilha ou num programa.",
                "Faça um token: o programa lê o que você pode ver, e não muda nada. Revogue-o quando não "
                "precisar mais.",
                "tokens.index",
                "Tokens da API",
            ),
        ),
        (
            Termo(
                "token",
                "token",
                "Uma senha para um programa: só lê, só o que você marcou, e deixa de valer na data marcada.",
            ),
        ),
    ),
)
TERMOS = {termo.chave: termo for area in AREAS for termo in area.termos}
AREA_OF_TERMO = {termo.chave: area for area in AREAS for termo in area.termos}
BY_KEY = {area.chave: area for area in AREAS}
BY_BLUEPRINT = {blueprint: area for area in AREAS for blueprint in area.blueprints}
