"""What views return comes back as it was, through plain data."""

import pytest
from flask import Response
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from frescor import PolicyError
from frescor.flask_caching.responses import from_kept, to_kept


def test_a_response_comes_back_with_status_headers_and_body() -> None:
    back = from_kept(to_kept((Response("text", 201, {"X-Own": "yes"}), 202)))
    assert (back[0].status_code, back[0].headers["X-Own"], back[0].data, back[1]) == (201, "yes", b"text", 202)


def test_an_http_error_and_markup_come_back_as_what_they_were() -> None:
    error = from_kept(to_kept(NotFound("gone")))
    assert (type(error), error.code, error.description) == (NotFound, 404, "gone")
    assert type(from_kept(to_kept(Markup("<b>")))) is Markup


def test_a_file_that_is_sent_as_it_is_is_refused() -> None:
    with pytest.raises(PolicyError, match="sent directly"):
        to_kept(Response(iter([b"a"]), direct_passthrough=True))
