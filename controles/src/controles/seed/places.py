"""Núcleos of an invented organisation: neighbourhoods of real municípios, largest first."""

from dataclasses import dataclass

# UF, area code, municípios.
_MUNICIPIOS = """
SP 11 São Paulo|RJ 21 Rio de Janeiro|DF 61 Brasília|CE 85 Fortaleza|BA 71 Salvador|MG 31 Belo Horizonte|AM 92 Manaus
PR 41 Curitiba|PE 81 Recife|GO 62 Goiânia|PA 91 Belém|RS 51 Porto Alegre|SP 11 Guarulhos|SP 19 Campinas|MA 98 São Luís
AL 82 Maceió|MS 67 Campo Grande|RJ 21 São Gonçalo|PI 86 Teresina|PB 83 João Pessoa|SP 11 São Bernardo do Campo
RJ 21 Duque de Caxias|RJ 21 Nova Iguaçu|RN 84 Natal|SP 11 Santo André|SP 11 Osasco|SP 15 Sorocaba|MG 34 Uberlândia
SP 16 Ribeirão Preto|SP 12 São José dos Campos|MT 65 Cuiabá|PE 81 Jaboatão dos Guararapes|MG 31 Contagem|SC 47 Joinville
BA 75 Feira de Santana|SE 79 Aracaju|PR 43 Londrina|MG 32 Juiz de Fora|SC 48 Florianópolis|GO 62 Aparecida de Goiânia
ES 27 Serra|RJ 22 Campos dos Goytacazes|RJ 21 Belford Roxo|RJ 21 Niterói|SP 17 São José do Rio Preto|PA 91 Ananindeua
ES 27 Vila Velha|RS 54 Caxias do Sul|RO 69 Porto Velho|SP 11 Mogi das Cruzes|RJ 21 São João de Meriti|SP 11 Jundiaí
AP 96 Macapá|SP 19 Piracicaba|PB 83 Campina Grande|SP 11 Mauá|SP 13 Santos|MG 38 Montes Claros|RR 95 Boa Vista
MG 31 Betim|PR 44 Maringá|GO 62 Anápolis|SP 11 Diadema|SP 11 Carapicuíba|PE 87 Petrolina|SP 14 Bauru|PE 81 Caruaru
BA 77 Vitória da Conquista|SC 47 Blumenau|AC 68 Rio Branco|PR 42 Ponta Grossa|SP 11 Itaquaquecetuba|ES 28 Cariacica
PR 45 Cascavel|CE 85 Caucaia|SP 16 Franca|PE 81 Olinda|SP 13 Praia Grande|RS 51 Canoas|PE 81 Paulista|ES 27 Vitória
RN 84 Mossoró|MG 34 Uberaba|PA 93 Santarém|SP 13 São Vicente|RS 53 Pelotas|SP 13 Guarujá|SP 12 Taubaté|TO 63 Palmas
BA 71 Camaçari|RJ 24 Petrópolis|MT 65 Várzea Grande|SP 19 Limeira|MG 33 Governador Valadares|PA 94 Marabá
RJ 24 Volta Redonda|CE 88 Juazeiro do Norte|BA 74 Juazeiro|MG 31 Ipatinga|SC 49 Chapecó|RS 55 Santa Maria|BA 73 Itabuna
MA 99 Imperatriz
"""
_PLACES = """
Centro|Zona Norte|Zona Sul|Zona Leste|Zona Oeste|Universitário|Vila Operária|Jardim Esperança|Distrito Industrial
Cidade Alta|Boa Vista|Nova Esperança|Rural
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A núcleo to be created: `id` counts from 1; the parent is the first núcleo of the same município."""

    id: int
    nome: str
    uf: str
    municipio: str
    ddd: str
    pai_id: int | None


def _split(table: str) -> list[str]:
    return [item.strip() for line in table.strip().splitlines() for item in line.split("|")]


_CITIES = tuple(tuple(item.split(" ", 2)) for item in _split(_MUNICIPIOS))
_NEIGHBOURHOODS = tuple(_split(_PLACES))

MOST_PLACES = len(_CITIES) * len(_NEIGHBOURHOODS)


def places(count: int) -> tuple[Place, ...]:
    """The `count` largest núcleos; those of a smaller organisation are the first ones of a larger one."""
    if not 1 <= count <= MOST_PLACES:
        raise ValueError(f"{count} núcleos were asked for; the tables name from 1 to {MOST_PLACES}")
    made = []
    for index in range(count):
        turn, city = divmod(index, len(_CITIES))
        uf, ddd, municipio = _CITIES[city]
        made.append(
            Place(
                id=index + 1,
                nome=f"{municipio} – {_NEIGHBOURHOODS[turn]}",
                uf=uf,
                municipio=municipio,
                ddd=ddd,
                pai_id=city + 1 if turn else None,
            )
        )
    return tuple(made)
