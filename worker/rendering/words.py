"""Numbers as pictures write them."""


def share_text(proportion: float) -> str:
    """A share as a person reads it: one decimal, and what is smaller in words."""
    return "< 0.1 %" if 0 < proportion < 0.001 else f"{100 * proportion:.1f} %"
