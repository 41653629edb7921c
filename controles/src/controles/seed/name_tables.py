"""Brazilian given names and surnames, with how many of 10,000 people have them (IBGE, censuses of 2010 and 2022).

A name without a number is a rarer one. The format is compact on purpose: one word, one weight.
"""

# The share of all people, men and women together, whose first given name it is.
FEMALE = """
Maria 605 Ana 194 Francisca 36 Antônia 30 Adriana 28 Juliana 28 Márcia 27 Fernanda 27 Patrícia 26 Aline 25 Sandra 25
Camila 24 Amanda 24 Bruna 24 Jéssica 23 Letícia 26 Júlia 28 Luciana 22 Vanessa 22 Mariana 22 Gabriela 22 Vera 20
Vitória 22 Larissa 22 Cláudia 19 Beatriz 22 Luana 17 Rita 17 Sônia 16 Renata 16 Eliane 16 Josefa 16 Simone 15 Natália
15 Cristiane 15 Carla 14 Débora 14 Rosângela 14 Helena 15 Alice 18 Laura 14 Isabela 15 Rafaela 14 Tereza 13 Raimunda
12 Daniela 13 Tatiane 12 Marlene 11 Lúcia 12 Rosa 12 Andréia 11 Sabrina 10 Bianca 11 Priscila 11 Cristina 10 Sophia 12
Valentina 9 Carolina 10 Eduarda 9 Lívia 9 Regina 9 Michele 9 Joana 9 Viviane 9 Paula 9 Elaine 9 Marta 8 Luiza 9 Thaís
9 Aparecida 8 Daiane 8 Milena 8 Fabiana 8 Mônica 8 Kelly 8 Lorena 7 Rosana 7 Yasmin 8 Silvana 7 Tânia 7 Cecília 7 Edna
7 Neusa 6 Elisângela 6 Terezinha 6 Roseli 6 Clara 7 Manuela 6 Lara 7 Nair Ivone Solange Marina Rebeca Esther Karina
Emanuelle Eliana Jaqueline Marcela Gisele Ângela Alessandra Raquel Sueli Cleide Luzia Alícia Elisa Flávia Denise
Roberta Teresa Benedita Zilda Ivanilda Geralda Sebastiana Irene Lourdes Conceição Izabel Célia Cíntia Elza Iara Ester
Dandara Olga Margarida Quitéria Severina Tainá Jurema Zuleide Marilene Edileuza Josiane Nádia Noemi Agatha Melissa
Isadora Stella Graziela Glória Odete Valéria Leila Rute Dalva Dirce Ilda Nilza Norma Socorro Penha Graça Fátima
"""
MALE = """
José 254 João 169 Antônio 110 Francisco 82 Pedro 80 Carlos 73 Lucas 66 Luiz 66 Paulo 65 Gabriel 60 Marcos 54 Rafael 48
Daniel 45 Marcelo 37 Bruno 36 Eduardo 36 Felipe 38 Raimundo 32 Rodrigo 33 Manoel 29 Mateus 33 Miguel 40 Arthur 38
André 28 Fernando 29 Fábio 27 Leonardo 29 Gustavo 31 Guilherme 30 Leandro 26 Tiago 26 Anderson 25 Ricardo 25 Márcio 24
Jorge 24 Sebastião 22 Alexandre 23 Roberto 23 Edson 22 Diego 22 Vitor 24 Sérgio 21 Cláudio 20 Matheus 20 Davi 28
Thiago 20 Geraldo 19 Adriano 18 Luciano 17 Júlio 17 Renato 17 Alex 17 Vinícius 17 Rogério 16 Samuel 19 Ronaldo 15
Mário 15 Flávio 15 Douglas 15 Igor 14 Manuel 13 Breno 12 Jeferson 13 Cícero 12 Victor 12 Iago 10 Robson 12 Mauro 11
Bernardo 13 Heitor 13 Henrique 14 Danilo 11 Domingos 10 Caio 11 Wellington 11 Reginaldo 10 Joaquim 11 Benedito 10
Gilberto 10 Marco 10 Alan 9 Nelson 9 Cristiano 9 Elias 9 Wilson 9 Valdir 8 Emerson 8 Luan 8 David 8 Renan 8 Severino 8
Fabrício 8 Mauricio 8 Gilson 7 Jonas 7 Ivan 7 Israel 7 Enzo 8 Lorenzo 7 Théo 7 Nicolas 7 Isaac 7 Otávio 6 Murilo 6
Vicente Osvaldo Wagner Jair Ademir Hélio Cauã Kaique Yuri Hugo Augusto Everton William Wesley Rui Raul Rubens Ramon
Gerson Genival Josué Abel Celso César Edmilson Edvaldo Eliseu Ernesto Eurico Evandro Ezequiel Gaspar Getúlio Gregório
Heleno Inácio Itamar Ivo Jailson Jaime Jonathan Juarez Lauro Lázaro Levi Moacir Moisés Nivaldo Norberto Orlando
Oswaldo Osmar Patrick Rômulo Romário Sandro Saulo Silvio Tarcísio Tomás Ubiratan Valter Waldemar Zacarias Ailton Amaro
"""
# The share of all people who have this surname, alone or with others, with the particle that usually precedes it.
SURNAMES = """
da.Silva 1676 dos.Santos 1052 de.Oliveira 577 de.Souza 453 Pereira 339 Ferreira 307 de.Lima 300 Alves 283 Rodrigues
267 da.Costa 239 de.Sousa 210 Gomes 190 Ribeiro 186 Martins 165 do.Nascimento 162 de.Carvalho 160 de.Almeida 156 Lopes
138 de.Araújo 140 Soares 132 Barbosa 131 Fernandes 127 da.Rocha 121 de.Jesus 120 Vieira 115 Dias 112 Gonçalves 112
de.Andrade 100 Moreira 96 Nunes 95 Batista 92 dos.Reis 78 de.Freitas 82 Marques 80 Mendes 80 Machado 76 Cardoso 76
Ramos 75 Teixeira 75 de.Santana 90 da.Conceição 66 Melo 65 de.Barros 65 da.Cruz 62 Pinto 61 de.Castro 60 Campos 57
de.Moura 56 Monteiro 55 da.Cunha 50 Borges 50 Correia 46 de.Azevedo 45 Cavalcante 45 Bezerra 45 de.Miranda 45 de.Brito
44 Farias 41 de.Medeiros 38 de.Macedo 36 Coelho 36 Tavares 35 Guimarães 34 Fonseca 33 Pires 33 Nogueira 33 Xavier 32
Duarte 32 Figueiredo 31 de.Paula 31 Leite 30 Viana 30 Moraes 40 Morais 28 de.Queiroz 26 Rosa 27 Sales 27 da.Luz 24
Peixoto 22 Aguiar 22 Rezende 20 Matos 30 Siqueira 24 Franco 20 Amorim 24 das.Neves 26 Bastos 20 Domingues 16 de.Abreu
24 do.Amaral 22 Antunes 18 Caetano de.Assis Evangelista Camargo das.Chagas Pacheco Prado Porto Paiva Magalhães Maia
Menezes Furtado Galvão Garcia Godoy Guedes Holanda Leal Leão Lemos Lira Lobo Lucena Luna Maciel Marinho Mattos Mello
Mesquita Mota Motta Muniz Novaes Pessoa Pinheiro Pimentel Pontes Proença Quintino Rangel Rabelo Rego Salgado Sampaio
Sena Serafim Simões Sá Severo Toledo Torres Trindade Valadares Valente Vargas Vasconcelos Vaz Veiga Veloso Ventura
Vidal Vilela Zanetti Zago Bittencourt Albuquerque Alencar Aragão Arruda Avelar D'Ávila Barreto Barroso Bispo
Boaventura Bonfim Braga Brandão Brasil Bueno Cabral Câmara Carneiro do.Carmo Carrasco Cerqueira Chaves Cintra Cordeiro
Couto Custódio Damasceno Dantas Diniz Dutra Esteves Fagundes Falcão Faria Feitosa Felix Feitoza Flores Fontes Fraga
Freire Frota Gama de.Gouveia Gusmão Inácio Jardim Junqueira Lacerda Lisboa Liberato Linhares Loureiro Macena Madeira
Malta Medina Meireles Moita Nakamura Negreiros Noronha Ornelas Osório Padilha da.Paixão Palmeira Parente dos.Passos
Patrício Pedrosa da.Penha Pestana Quadros Queiroga Ramalho Rocco Rossi Saldanha Saraiva Schmidt Seixas Serra Silveira
Tanaka Taveira Telles Tenório Uchôa do.Vale Varela Viegas Werneck Yamada Zimmermann Becker Müller Bianchi Conti
Ferrari Klein Kuhn Lang Sato Suzuki Weber
"""
