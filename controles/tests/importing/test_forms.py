import pytest
from werkzeug.datastructures import MultiDict

from controles.importing.forms import ArquivoForm
from controles.importing.models import Tipo


@pytest.mark.parametrize("offered", [(Tipo.MILITANTES,), ()])
def test_only_the_kinds_that_are_offered_are_accepted(offered: tuple[Tipo, ...]) -> None:
    form = ArquivoForm(MultiDict({"tipo": "militantes"}))
    form.offer(offered)
    assert form.validate() is bool(offered)
