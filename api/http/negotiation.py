"""Which representation a client wants, by its Accept and Accept-Encoding (RFC 9110, sections 12.5.1 and 12.5.3)."""

import re
from collections.abc import Sequence

from shared.contract.errors import NotAcceptable

# Section 12.4.2, with as many digits as one likes. Python's numbers are more: nan, which is neither more nor less.
_QUALITY = re.compile(r"[01](\.[0-9]*)?")


def choose(accept: str | None, offers: Sequence[str]) -> str:
    """The offer that the client likes best, ours first among equals. Raises NotAcceptable if it takes none."""
    ranges = [_parse(part) for part in (accept or "").split(",") if part.strip()] or [("*/*", 1.0)]
    quality = {offer: _quality(offer, ranges) for offer in offers}
    best = max(offers, key=lambda offer: quality[offer])
    if quality[best] <= 0:
        raise NotAcceptable(f"Nothing here is of a type that Accept allows; there is {', '.join(offers)}.")
    return best


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client that sent this Accept-Encoding takes gzip, and would not rather have bytes as they are.

    One that sent none gets those. So does one that refuses them and takes no gzip either: section 12.4.1 has it that
    a wish which cannot be met may be passed over.
    """
    codings = dict(_parse(part) for part in accept_encoding.split(",") if part.strip())
    gzip = next((codings[name] for name in ("gzip", "x-gzip", "*") if name in codings), 0.0)
    return gzip > 0 and gzip >= codings.get("identity", 0.0)


def _parse(part: str) -> tuple[str, float]:
    """A media range, or a coding, and its quality."""
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return media_range, min(float(value), 1.0) if _QUALITY.fullmatch(value.strip()) else 0.0
    return media_range, 1.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality of the most specific range that covers the offer; 0 where none does."""
    kind = offer.partition("/")[0]
    for covering in (offer, f"{kind}/*", "*/*"):
        found = [quality for media_range, quality in ranges if media_range == covering]
        if found:
            return found[0]
    return 0.0
