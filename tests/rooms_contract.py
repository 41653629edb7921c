"""An import contract for Controles that covers every module, a new subject's too: `.importlinter` lists the layers.

A folder that is no room is a subject, and each of its modules belongs to a layer by its name: `views`, `forms`, `cli`,
`queries`, `records`, `models` (or a name that ends so: `users_cli`). Every other one is logic, which knows neither
Flask nor pages. What may do more is named in the contract.
"""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

FLASK = frozenset({"flask", "flask_login", "flask_wtf", "flask_limiter", "werkzeug", "wtforms"})
BY_NAME = ("pages", "forms", "cli", "queries", "records", "models")
LOGIC = "subject.logic"
KNOW_FLASK = frozenset({"subject.pages", "subject.forms", "subject.cli"})


class RoomsContract(Contract):
    """`layers`, from the top: rooms by name, and `subject.<layer>` for that layer of every subject.

    `pages`: modules of subjects that are pages though their names do not say so. `bound`: logic that may ask Flask
    which application runs.
    """

    type_name = "rooms"

    package = fields.StringField()
    layers = fields.ListField(subfield=fields.StringField())
    pages = fields.ListField(subfield=fields.StringField())
    bound = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        package = str(self.package)
        ranks = {name: rank for rank, name in enumerate(reversed(_names(self.layers)))}
        pages, bound = frozenset(_names(self.pages)), frozenset(_names(self.bound))
        modules = {package, *graph.find_descendants(package)}
        layer = {one: _layer(one, ranks, pages, is_folder=bool(graph.find_children(one))) for one in sorted(modules)}
        faults = [f"{one} is in no room and no subject." for one, its in layer.items() if its not in ranks]
        faults += [f"{one}, which the contract names, does not exist." for one in sorted((pages | bound) - modules)]
        below: dict[str, set[str]] = {}
        for one, its in layer.items():
            imported = graph.find_modules_directly_imported_by(one)
            below[one] = imported & modules
            faults += [
                f"{one} ({its}) imports {other} ({layer[other]}), which is above it."
                for other in sorted(below[one])
                if ranks.get(its, 0) < ranks.get(layer[other], 0)
            ]
            if its.startswith("subject.") and its not in KNOW_FLASK and one not in bound and imported & FLASK:
                faults.append(f"{one} ({its}) imports Flask, which only pages, forms and commands know.")
        faults += _circle(below)
        return ContractCheck(kept=not faults, metadata={"faults": faults})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for fault in check.metadata["faults"]:
            output.print_error(fault)


def _layer(module: str, ranks: dict[str, int], pages: frozenset[str], *, is_folder: bool) -> str:
    parts = module.split(".")
    room = parts[min(1, len(parts) - 1)]
    if room in ranks:
        return room
    if len(parts) == 2:
        # A subject's folder holds nothing but what says so.
        return "subject.models" if is_folder else "none"
    last = parts[2].rpartition("_")[2]
    if module in pages or last in {"views", "pages"}:
        return "subject.pages"
    return f"subject.{last}" if last in BY_NAME else LOGIC


def _circle(below: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        return [f"Modules that import each other in a circle: {' ← '.join(error.args[1])}"]
    return []


def _names(field: object) -> Sequence[str]:
    assert isinstance(field, list)
    return [str(one) for one in field]
