"""Return files, record by record, as the banks' manuals describe them."""

import datetime as dt

DAY = dt.date(2026, 3, 10)


def placed(width: int, *parts: tuple[int, str]) -> str:
    """A record of this width with each text at its position, counted from 1 as in the manuals."""
    cells = [" "] * width
    for start, text in parts:
        cells[start - 1 : start - 1 + len(text)] = text
    assert len(cells) == width
    return "".join(cells)


def title_240(
    number: int,
    *,
    bank: str = "001",
    code: str = "06",
    paid: int = 2000,
    our: str = "",
    yours: str = "",
    cpf: str = "",
    name: str = "",
    company: str = "",
    day: dt.date = DAY,
    credited: str | None = None,
) -> list[str]:
    head = f"{bank}00013{number:05d}"
    spots = (41, 55, 101, 129, 144) if bank == "033" else (38, 59, 106, 134, 149)
    our_at, yours_at, company_at, cpf_at, name_at = spots
    t = placed(
        240,
        (1, head),
        (14, f"T {code}"),
        (18, "01234567890123456789"),
        (our_at, our or f"{1000 + number}"),
        (yours_at, yours),
        (company_at, company),
        (cpf_at, cpf.zfill(15)),
        (name_at, name[:40]),
    )
    u = placed(
        240,
        (1, f"{bank}00013{number + 1:05d}"),
        (14, f"U {code}"),
        (18, "0" * 60),
        (78, f"{paid:015d}{paid - 150:015d}"),
        (138, f"{day:%d%m%Y}"),
        (146, f"{day:%d%m%Y}" if credited is None else credited),
    )
    return [t, u]


def file_240(*titles: list[str], bank: str = "001", kind: str = "2", service: str = "01") -> list[str]:
    details = [record for title in titles for record in title]
    lot = len(details) + 2
    return [
        placed(240, (1, f"{bank}00000"), (143, kind)),
        placed(240, (1, f"{bank}00011T{service}")),
        *details,
        placed(240, (1, f"{bank}00015"), (18, f"{lot:06d}")),
        placed(240, (1, f"{bank}99999"), (18, f"000001{lot + 2:06d}")),
    ]


SPOTS_400 = {"001": (64, 176, None), "033": (63, 296, None), "237": (71, 296, None), "341": (63, 296, 325)}


def file_400(*titles: dict[str, str], bank: str = "341") -> list[str]:
    our_at, credit_at, name_at = SPOTS_400[bank]
    kind = "7" if bank == "001" else "1"
    records = [placed(400, (1, "02RETORNO01COBRANCA"), (77, bank), (395, "000001"))]
    for number, title in enumerate(titles, start=2):
        parts = [
            (1, kind),
            (our_at, title.get("our", f"{number:08d}")),
            (38, title.get("company", "")),
            (109, title.get("code", "06")),
            (111, title.get("day", "100326")),
            (117, title.get("yours", "")),
            (254, f"{int(title.get('paid', '2000')):013d}"),
            (credit_at, title.get("credited", "100326")),
            (395, f"{number:06d}"),
        ]
        if name_at is not None:
            parts.append((name_at, title.get("name", "")))
        records.append(placed(400, *parts))
    records.append(placed(400, (1, "9"), (395, f"{len(records) + 1:06d}")))
    return records


def written(records: list[str], end: str = "\r\n") -> bytes:
    return (end.join(records) + end).encode("cp1252")
