"""A value that cannot be cached is refused with what to write instead."""

import flask
import numpy as np
import pytest
import starlette.responses

from frescor import PolicyError
from frescor._values.codec import Codec


class Text(str):
    pass


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (flask.Response("a"), r"cache\.view"),
        (starlette.responses.JSONResponse({}), "cached_view"),
        (Text("a"), r"subclass of str .*register_codec"),
        (np.ma.masked_array([1], [True]), "its data and its mask"),
        (np.rec.array([(1,)], dtype=[("a", "i4")]), r"numpy\.asarray"),
        (object(), r"register_codec\(the type, encode, decode\)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_sentence_says_what_to_write_instead(value: object, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        Codec().encode({"a": [value]})
