"""A job is followed to its end, whatever happens to the page, the connection and the gateway meanwhile."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from tests.page.conftest import Heard
from tests.page.hands import button, choose, file, is_finished, job_of, make_slow, slow_file, start, thumbs
from tests.support.calls import post
from tests.support.images import encoded, noise
from tests.support.jobs import now_of
from tests.support.processes import Service
from tests.support.proxy import Proxy
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def idle(service: Service) -> Iterator[None]:
    """A test leaves the worker free to the next one, also where it has failed."""
    yield
    with service.client() as client:
        for status in ("queued", "running"):
            for job in client.get("/v1/jobs", params={"status": status}).json()["jobs"]:
                client.post(job["links"]["cancel"])


def begin_slow_job(page: Page) -> str:
    choose(page, slow_file())
    make_slow(page)
    start(page)
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")
    return job_of(page)


def test_stage_by_stage(page: Page) -> None:
    """Sending, reading, counting and clustering are told by their names, with a bar that grows and a clock."""
    page.evaluate(
        """() => {
            window.stages = [];
            new MutationObserver(() => {
                const words = document.querySelector('.progress .words')?.textContent;
                if (words && words !== window.stages.at(-1)) window.stages.push(words);
            }).observe(document.getElementById('stage'), {subtree: true, childList: true, characterData: true});
        }"""
    )
    begin_slow_job(page)
    until(lambda: page.locator("progress").evaluate("bar => bar.value") > 0.2, "the bar grows", 20)
    assert re.fullmatch(r"\d+(\.\d)?\sm?s", page.locator(".progress .clock").inner_text())
    button(page, "Cancel").click()
    expect(button(page, "Find colours")).to_be_visible()
    stages = page.evaluate("window.stages")
    assert stages[0] == "Sending the picture"
    assert "Finding clusters" in stages
    assert not {"queued", "running", ""} & set(stages)


def test_cancelling(page: Page, service: Service) -> None:
    """Cancel stands where Start was, ends the job at the service, and leaves the picture ready to be tried again."""
    job = begin_slow_job(page)
    where = button(page, "Cancel").bounding_box()
    button(page, "Cancel").click()
    expect(page.locator("#said")).to_have_text("Cancelled.")
    assert button(page, "Find colours").bounding_box() == where
    expect(page.locator(".progress")).to_have_count(0)
    with service.client() as client:
        assert client.get(f"/v1/jobs/{job}").json()["status"] == "cancelled"


def test_cancelled_by_somebody_else(page: Page, service: Service) -> None:
    """Who has not cancelled a job sees that it was, and can do it again."""
    job = begin_slow_job(page)
    with service.client() as client:
        client.post(f"/v1/jobs/{job}/cancel")
    expect(page.locator("#stage .trouble")).to_contain_text("The job was cancelled.")
    button(page, "Try again").click()
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")


def test_looking_away(page: Page) -> None:
    """The time goes on while another picture is looked at; at the beginning nobody is called back to the job."""
    begin_slow_job(page)
    choose(page, file("other.png"))
    expect(button(page, "Find colours")).to_be_enabled()
    page.wait_for_timeout(1500)
    thumbs(page).first.click()
    assert re.fullmatch(r"\d+\.\d\ss", page.locator(".progress .clock").inner_text())
    button(page, "Remove other.png").click()
    page.go_back()
    expect(page.locator("#begin")).to_be_visible()
    page.wait_for_timeout(1500)
    assert "#" not in page.url
    page.go_forward()
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")


def test_what_does_not_cancel(page: Page) -> None:
    """A double click on Start starts, and Enter in a field lets the job go on that is under way."""
    choose(page, slow_file())
    make_slow(page)
    button(page, "Find colours").dblclick()
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")
    page.locator("[data-name=n_clusters] input[type=number]").press("Enter")
    until(lambda: page.locator("progress").evaluate("bar => bar.value") > 0.1, "it goes on", 20)
    button(page, "Cancel").click()
    expect(page.locator("#said")).to_have_text("Cancelled.")


def test_a_reload_in_mid_job(page: Page, service: Service) -> None:
    """After a reload the same job is followed on, beside its picture and what was asked for."""
    job = begin_slow_job(page)
    page.reload()
    expect(page.locator("#stage .title")).to_contain_text("slow.png")
    expect(page.locator("#stage canvas")).to_be_visible()
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")
    assert job_of(page) == job
    expect(page.locator("[data-name=n_clusters] input[type=number]")).to_have_value("256")
    expect(page.locator("#said")).to_have_text("Finding clusters")
    button(page, "Cancel").click()
    expect(button(page, "Find colours")).to_be_visible()


def test_a_reload_after_the_end(page: Page, opened: Callable[..., Page]) -> None:
    """A result's address leads to it: here with the picture, in a browser that has none with a word on that."""
    choose(page, file("noise.png"))
    start(page)
    is_finished(page)
    page.reload()
    is_finished(page)
    expect(thumbs(page)).to_have_count(1)
    elsewhere = opened(f"/#/jobs/{job_of(page)}")
    is_finished(elsewhere)
    expect(elsewhere.locator("#stage .title")).to_contain_text("noise.png")
    expect(button(elsewhere, "Find colours")).to_be_disabled()


def test_where_the_browser_keeps_nothing(page: Page) -> None:
    """Without a store for pictures, as in some private windows, a reload shows the result alone and says so."""
    page.add_init_script("Object.defineProperty(window, 'indexedDB', {value: undefined})")
    page.reload()
    choose(page, file("private.png"))
    start(page)
    is_finished(page)
    page.reload()
    is_finished(page)
    expect(page.locator("#stage .note").first).to_contain_text("not in this browser any more")


def test_the_way_back(page: Page) -> None:
    """The browser's way back leads to the job before."""
    choose(page, file("noise.png"))
    start(page)
    is_finished(page)
    first = job_of(page)
    button(page, "Density: HDBSCAN").click()
    start(page)
    expect(page.locator("#stage .title")).to_contain_text("hdbscan")
    assert job_of(page) != first
    page.go_back()
    expect(page.locator("#stage .title")).to_contain_text("kmeans")
    assert job_of(page) == first


def test_the_way_back_from_another_picture(page: Page) -> None:
    """The way back leads from one picture's job to the other's, and to a picture that has none yet; never to the
    beginning between them.
    """
    titles = page.locator("#stage .title")
    for name in ("one.png", "two.png"):
        choose(page, file(name))
        expect(titles).to_contain_text(name)
        start(page)
        is_finished(page)
    page.go_back()
    expect(titles).to_contain_text("one.png kmeans")
    choose(page, file("three.png"))
    expect(titles).to_contain_text("three.png")
    thumbs(page).nth(1).click()
    expect(titles).to_contain_text("two.png kmeans")
    page.go_back()
    expect(titles).to_contain_text("three.png")
    expect(page.locator("#begin")).to_be_hidden()
    page.go_back()
    expect(titles).to_contain_text("one.png kmeans")
    page.go_back()
    expect(page.locator("#begin")).to_be_visible()


@pytest.fixture
def wire(service: Service) -> Iterator[Proxy]:
    """What is between the browser and the gateway."""
    proxy = Proxy(service.port)
    yield proxy
    proxy.close()


def test_a_cut_connection(opened: Callable[..., Page], wire: Proxy, heard: Heard) -> None:
    """A connection that breaks off is said to be lost, is made anew, and the job goes on being followed."""
    page = opened(url=f"http://127.0.0.1:{wire.port}")
    begin_slow_job(page)
    assert wire.reset() > 0
    expect(page.locator(".progress .words")).to_have_text("The connection was lost. Trying again")
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")
    button(page, "Cancel").click()
    expect(page.locator("#said")).to_have_text("Cancelled.")
    heard.forgive("ERR_")


def test_a_gateway_restarts(page: Page, service: Service, heard: Heard) -> None:
    """While the gateway is away the page waits; when it is back the job is followed to its end."""
    job = begin_slow_job(page)
    assert service.gateway is not None
    service.gateway.stop()
    expect(page.locator(".progress .words")).to_have_text("The connection was lost. Trying again")
    service.start_gateway()
    expect(page.locator(".progress .words")).to_have_text("Finding clusters")
    with service.client() as client:
        client.post(f"/v1/jobs/{job}/cancel")
    expect(page.locator("#said")).to_have_text("Cancelled.")
    heard.forgive("ERR_")


def test_nobody_answers(page: Page, service: Service, heard: Heard) -> None:
    """A picture that cannot be sent is kept, with a word on why and a button to try again, which works."""
    choose(page, file("noise.png"))
    assert service.gateway is not None
    service.gateway.stop()
    start(page)
    expect(page.locator("#stage .trouble")).to_contain_text("does not answer")
    service.start_gateway()
    button(page, "Try again").click()
    is_finished(page)
    heard.forgive("ERR_CONNECTION_REFUSED")


def test_place_in_the_queue(page: Page, service: Service) -> None:
    """A job that waits tells how many are before it."""
    (worker,) = service.workers
    worker.stop()
    service.workers.clear()
    with service.client() as client:
        before = [post(client, wait=None).json() for _ in range(2)]
        choose(page, file("other.png", encoded(noise(41, 61))))  # not one whose result is there already
        start(page)
        expect(page.locator(".progress .words")).to_have_text("Waiting: 2 jobs are before it")
        client.post(before[0]["links"]["cancel"])
        expect(page.locator(".progress .words")).to_have_text("Waiting: 1 job is before it")
        service.start_worker()
        is_finished(page)
        until(lambda: now_of(client, before[1])["status"] == "succeeded", "the other one is done", 20)
    service.wait_for_workers()


def test_waiting_goes_on_after_a_cut(opened: Callable[..., Page], service: Service, wire: Proxy, heard: Heard) -> None:
    """A job that waits is said to wait again as soon as there is a connection: its next event may be long in coming."""
    (worker,) = service.workers
    worker.stop()
    service.workers.clear()
    page = opened(url=f"http://127.0.0.1:{wire.port}")
    choose(page, file("waits.png", encoded(noise(43, 61))))
    with page.expect_response("**/events"):  # else it would be another connection that is cut
        start(page)
    expect(page.locator(".progress .words")).to_have_text("Waiting: it is the next")
    assert wire.reset() > 0
    expect(page.locator(".progress .words")).to_have_text("The connection was lost. Trying again")
    expect(page.locator(".progress .words")).to_have_text("Waiting: it is the next")
    service.start_worker()
    is_finished(page)
    service.wait_for_workers()
    heard.forgive("ERR_")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("path", ["/v1/jobs/*/events", "/v1/jobs/*"])
def test_what_passes_by_itself(page: Page, heard: Heard, path: str, status: int) -> None:
    """A job is followed to its end though the service will not tell of it for a while."""
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=status, json={"code": "busy", "detail": "Later."}, headers={"Retry-After": "1"})

    page.route(f"**{path}", refuse, times=2)
    choose(page, file("later.png", encoded(noise(44, status % 100 + len(path)))))
    start(page)
    is_finished(page)
    assert len(refused) == 2
    heard.forgive(str(status))


def test_a_job_that_is_gone(page: Page, opened: Callable[..., Page], service: Service, heard: Heard) -> None:
    """A job that somebody has deleted, or that never was, says so in the service's words."""
    job = begin_slow_job(page)
    with service.client() as client:
        client.delete(f"/v1/jobs/{job}")
        detail = client.get(f"/v1/jobs/{job}").json()["detail"]
    page.reload()
    expect(page.locator("#lost .trouble")).to_contain_text(detail)
    expect(page.locator("#begin")).to_be_visible()
    heard.forgive("404")


def test_a_job_that_fails(page: Page) -> None:
    """A job's own error is shown in its words, with the way out as a button, which leads out."""
    choose(page, file("white.png", encoded(np.full((9, 9, 3), 255, np.uint8))))
    page.get_by_label("Leave near-white out").check()
    start(page)
    expect(page.locator("#stage .trouble")).to_contain_text("nothing_to_cluster")
    button(page, "Count all pixels").click()
    is_finished(page)
    expect(page.get_by_label("Leave near-white out")).not_to_be_checked()


def test_a_picture_without_a_pixel(page: Page) -> None:
    """Where all is transparent the way out is a ground to lay it on; to count all pixels would fail again."""
    choose(page, file("clear.png", encoded(np.zeros((9, 9, 4), np.uint8))))
    start(page)
    expect(page.locator("#stage .trouble")).to_contain_text("nothing_to_cluster")
    button(page, "Lay it on white").click()
    is_finished(page)
    expect(page.locator("#stage .tiles li")).to_contain_text("#ffffff")


def test_a_result_outlives_a_run_that_fails(page: Page) -> None:
    """What was found before stays to be looked at, with what is wrong above, where it is seen, also after another
    picture; the way out leads to the next result.
    """
    choose(page, file("white.png", encoded(np.full((9, 9, 3), 255, np.uint8))))
    start(page)
    is_finished(page)
    found = job_of(page)
    page.get_by_label("Leave near-white out").check()
    start(page)
    trouble, swatches = page.locator("#stage .trouble"), page.locator("#stage .tiles li")
    for _ in range(2):
        expect(trouble).to_contain_text("nothing_to_cluster")
        expect(trouble).to_be_in_viewport()
        expect(swatches).to_have_count(1)
        choose(page, file("other.png"))
        expect(trouble).to_have_count(0)
        page.get_by_role("button", name="white.png: ").click()
    failed = job_of(page)
    button(page, "Count all pixels").press("Enter")
    expect(page.locator("#stage")).to_be_focused()
    page.wait_for_url(lambda url: not url.endswith((found, failed)))
    expect(page.get_by_role("button", name="white.png: finished")).to_be_visible()
    expect(trouble).to_have_count(0)
    expect(swatches).to_have_count(1)


def test_the_way_back_to_what_was_cancelled(page: Page) -> None:
    """A run that was cancelled gives way to the result before it; at its own address it has none."""
    choose(page, slow_file())
    start(page)
    is_finished(page)
    found = job_of(page)
    make_slow(page)
    start(page)
    page.wait_for_url(lambda url: not url.endswith(found))
    button(page, "Cancel").click()
    page.wait_for_url(f"**/{found}")
    tiles = page.locator("#stage .tiles li")
    expect(tiles.first).to_be_visible()
    page.go_back()
    expect(tiles).to_have_count(0)
    expect(page.locator("#stage .frame")).to_be_visible()
    page.go_back()
    expect(tiles.first).to_be_visible()
    assert job_of(page) == found


def test_one_after_the_other(page: Page) -> None:
    """Several pictures are worked on in their turn, by one click."""
    choose(page, *(file(f"{number}.png") for number in range(3)))
    button(page, "Find colours in all 3").click()
    for number in range(3):
        expect(page.get_by_role("button", name=f"{number}.png: finished", exact=True)).to_be_visible()
