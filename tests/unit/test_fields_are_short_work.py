"""What reads a request's fields takes no longer than they are long, whatever they are made of.

The gateway reads them between all others' requests. What takes quadratically long is at work for minutes here, and is
ended by the test's time limit.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import product

import pytest
from python_multipart.multipart import parse_options_header

from api.http.caching import Conditions, is_known, wanted_part
from api.http.negotiation import choose, takes_gzip
from api.http.preferences import wait_seconds
from api.intake.filenames import clean_filename
from shared.contract.errors import HuemillError
from shared.contract.params.json_text import read_value

# Twice a head's limit, so that twice the limit would still do.
SIZE = 2 * 2**15
BEGINNINGS = ["", "wait", 'form-data; name="']
RUNS = ["a", " ", "\t", ",", ";", "=", '"', "\\", "wait=1 ", "*/*,", "a;q=0.1,", 'W/"x",', "0-1,", "é", "[", '{"a":']
ENDS = ["", "!", '"']

READERS: dict[str, Callable[[str], object]] = {
    "Prefer": lambda text: wait_seconds(text, 60),
    "Accept": lambda text: choose(text, ["application/json"]),
    "Accept-Encoding": takes_gzip,
    "If-None-Match": lambda text: is_known(Conditions(if_none_match=text), '"e"'),
    "If-Match": lambda text: is_known(Conditions(if_match=text), '"e"'),
    "Range": lambda text: wanted_part(Conditions(range=f"bytes={text}"), '"e"', 100),
    "Content-Type": lambda text: parse_options_header(text.encode()),
    "filename": clean_filename,
    "query": lambda text: read_value("region", text),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("field", READERS)
def test_any_field_is_short_work(field: str) -> None:
    """Long runs of whatever means something in some field, after what may begin it, and before what may not end it."""
    read = READERS[field]
    for beginning, run, end in product(BEGINNINGS, RUNS, ENDS):
        text = beginning + run * (SIZE // len(run)) + end
        with suppress(HuemillError):
            read(text)
