"""What a client would like, by its fields Prefer (RFC 7240) and Cache-Control (RFC 9111).

What is not understood is passed over (RFC 7240, section 2).
"""

import re

# Section 2: name, an optional value, and parameters behind semicolons, which are the preference's own. None of the runs
# is given back once it is taken: 32 kB of spaces would be tried in every way that two runs can share them, for 41 s.
_PREFERENCE = re.compile(r'\s*+([\w-]++)\s*+(?:=\s*+(?:"([^"]*+)"|([^\s;"]*+)))?\s*+(?:;.*)?', re.ASCII)
# Commas within quotes part nothing; quotes that are never closed go to the end.
_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.?)*+(?:"|\Z))+')
# More seconds than anybody waits; and Python takes no text of thousands of digits for a number.
_DIGITS = 9


def wait_seconds(prefer: str, most: float) -> float | None:
    """The seconds of `wait=N` (section 4.3), at most `most`; None where it is not asked for, or is not understood.

    Of several, the first one counts (section 2).
    """
    for text in _ITEM.findall(prefer):
        match = _PREFERENCE.fullmatch(text)
        if match is not None and match[1].lower() == "wait":
            digits = match[2] if match[2] is not None else match[3] or ""
            if not (digits.isascii() and digits.isdecimal()):
                return None
            return most if len(digits) > _DIGITS else min(float(digits), most)
    return None


def wants_anew(cache_control: str) -> bool:
    """Whether a result of before is not wanted (RFC 9111, section 5.2.1.4)."""
    return any(text.strip().lower() == "no-cache" for text in cache_control.split(","))
