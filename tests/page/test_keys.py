"""Where the service wants keys, the page asks for one, and keeps it to itself."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from shared.access.model import Made
from tests.page.conftest import Heard
from tests.page.hands import button, choose, file, found_wrong, is_finished, make_slow, slow_file, start
from tests.support.keys import Operator
from tests.support.processes import Service, StoreServer


def test_a_key_is_asked_for(
    opened: Callable[..., Page],
    own_store: Callable[..., StoreServer],
    own_service: Callable[..., Service],
    heard: Heard,
) -> None:
    """A wrong key is refused, a right one does everything: posting, following, files, a reload. It is in no address,
    and kept no longer than the tab.
    """
    store = own_store()
    service = own_service(store, auth="keys").start_gateway()
    service.start_worker()
    service.wait_for_workers()
    key = str(Operator(store).make().text)
    page = opened(url=service.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert found_wrong(page) == []
    expect(dialog.locator("code").last).to_have_text("X-API-Key")
    dialog.get_by_label("Key").fill("hm_…")
    button(dialog, "Use it").click()
    expect(dialog.get_by_label("Key")).to_have_value("hm_…")
    dialog.get_by_label("Key").fill("hm_wrong")
    button(dialog, "Use it").click()
    expect(dialog.get_by_label("Key")).to_have_value("")
    dialog.get_by_label("Key").fill(key)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    choose(page, file())
    start(page)
    is_finished(page)
    page.reload()
    is_finished(page)
    expect(dialog).to_have_count(0)
    assert not any(key in url for url in [*asked, page.url])
    assert page.evaluate("JSON.stringify(localStorage)") == "{}"
    elsewhere = opened(page.url[len(service.url) :], url=service.url)
    button(elsewhere.get_by_role("dialog"), "Cancel").click()
    expect(elsewhere.locator("#lost .trouble")).to_be_visible()
    heard.forgive("401")


def test_another_key_is_asked_for(
    opened: Callable[..., Page],
    own_store: Callable[..., StoreServer],
    own_service: Callable[..., Service],
    heard: Heard,
) -> None:
    """A key that may look and not post, and one that is revoked in mid-job, can be replaced by one that will do."""
    store = own_store()
    service = own_service(store, auth="keys").start_gateway()
    service.start_worker()
    service.wait_for_workers()
    operator = Operator(store)
    looking, working, last = operator.make("looks", "jobs:read"), operator.make("works"), operator.make("lasts")
    page = opened(url=service.url)
    dialog = page.get_by_role("dialog")

    def give(made: Made) -> None:
        dialog.get_by_label("Key").fill(str(made.text))
        button(dialog, "Use it").click()
        expect(dialog).to_have_count(0)

    give(looking)
    choose(page, slow_file())
    make_slow(page)
    start(page)
    expect(dialog).to_contain_text("jobs:write")
    give(working)
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")
    operator.revoke(working)
    expect(dialog).to_be_visible()
    give(last)
    expect(page.locator("#stage .trouble")).to_contain_text("not_found")
    heard.forgive("401", "403", "404")
