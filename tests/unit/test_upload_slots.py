"""How many uploads are taken at the same time, in all and of each key."""

from contextlib import ExitStack

import pytest

from api.intake.upload_slots import Slots
from shared.contract.errors import TooManyUploads


def test_all_slots_are_everybodys_where_there_are_no_keys() -> None:
    """So many uploads are taken, not one more, and another one when one has ended."""
    slots = Slots(3)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(slots.one())
        with slots.one(), pytest.raises(TooManyUploads, match="3 uploads"):
            held.enter_context(slots.one())
        held.enter_context(slots.one())


@pytest.mark.parametrize(("most", "of_one"), [(1, 1), (2, 1), (5, 3), (256, 128)])
def test_one_key_leaves_slots_for_others(most: int, of_one: int) -> None:
    """Whoever has half of them waits for his own; another one is taken, up to the most of all."""
    slots = Slots(most)
    with ExitStack() as held:
        for _ in range(of_one):
            held.enter_context(slots.one("a"))
        for _ in range(most - of_one):
            with pytest.raises(TooManyUploads, match="of this key"):
                held.enter_context(slots.one("a"))
            held.enter_context(slots.one("b"))
        with pytest.raises(TooManyUploads, match="the most here"):
            held.enter_context(slots.one("c"))
    with slots.one("a"):
        assert set(slots._taken) == {"a"}
    assert not slots._taken, "nobody is remembered"
