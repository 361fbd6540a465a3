"""The palette of a finished job as files for design tools, over HTTP."""

import gzip
from typing import Any
from xml.etree import ElementTree

import httpx
import orjson
import pytest
import tinycss2

from tests.conftest import ONE_STORE
from tests.support.calls import finished, post, problem
from tests.support.images import encoded, noise, two_colors
from tests.support.jobs import LONGER, posted
from tests.support.processes import Service

pytestmark = ONE_STORE

FORMATS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "scss": "text/x-scss; charset=utf-8",
    "tailwind.css": "text/css; charset=utf-8",
    "tokens.json": "application/design-tokens+json",
    "gpl": "text/plain; charset=utf-8",
    "ase": "application/octet-stream",
    "aco": "application/octet-stream",
    "svg": "image/svg+xml",
}


@pytest.fixture(scope="module")
def job(service: Service) -> dict[str, Any]:
    """A finished job of an image that has a name."""
    with service.client() as client:
        files = {"image": ("été.png", encoded(noise(20, 30)), "image/png"), "params": (None, b'{"names": "xkcd"}')}
        found: dict[str, Any] = client.post("/v1/jobs", files=files, headers={"Prefer": "wait=30"}).json()
        assert found["status"] == "succeeded", found
        return found


def address(job: dict[str, Any], ending: str) -> str:
    return f"{job['links']['self']}/palette.{ending}"


@pytest.mark.parametrize(("ending", "media_type"), FORMATS.items())
def test_each_format_is_a_file_that_clients_keep(
    client: httpx.Client, job: dict[str, Any], ending: str, media_type: str
) -> None:
    """Its media type, a strong tag with 304 and 412, HEAD, a name after the image, compressed if it is text."""
    href = address(job, ending)
    plain = client.get(href, headers={"Accept-Encoding": "identity"})
    assert (plain.status_code, plain.headers["content-type"]) == (200, media_type)
    assert len(plain.content) == int(plain.headers["content-length"]) > 50
    etag = plain.headers["etag"]
    assert etag.startswith('"')
    assert plain.headers["cache-control"].startswith("private, immutable, max-age=")
    saved = f"filename=\"_t_-palette.{ending}\"; filename*=UTF-8''%C3%A9t%C3%A9-palette.{ending}"
    assert plain.headers["content-disposition"] == f"inline; {saved}"
    assert client.get(f"{href}?download").headers["content-disposition"] == f"attachment; {saved}"
    known = client.get(href, headers={"Accept-Encoding": "identity", "If-None-Match": f'"x", {etag}'})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    problem(client.get(href, headers={"If-Match": '"other"'}), 412, "precondition_failed")
    head = client.head(href, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    assert head.headers["content-type"] == media_type
    with client.stream("GET", href, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())
    if media_type == "application/octet-stream":
        assert "content-encoding" not in packed.headers
        assert (raw, packed.headers["etag"]) == (plain.content, etag)
    else:
        assert gzip.decompress(raw) == plain.content
        assert packed.headers["etag"] != etag
        assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_all_of_them_have_the_results_colours(client: httpx.Client, job: dict[str, Any]) -> None:
    """In the order of the labels, by readers of the formats' own; names are those of the result, each once."""
    hexes = [entry["hex"] for entry in job["result"]["palette"]]
    names = [entry["name"]["name"] for entry in job["result"]["palette"]]
    read = {ending: client.get(address(job, ending)).content for ending in FORMATS}
    colors = orjson.loads(read["json"])["colors"]
    assert [color["hex"] for color in colors] == hexes
    assert len({color["name"] for color in colors}) == len(hexes)
    assert all(color["name"].startswith(name) for color, name in zip(colors, names, strict=True))
    (root,) = tinycss2.parse_stylesheet(read["css"].decode(), skip_comments=True, skip_whitespace=True)
    declared = tinycss2.parse_declaration_list(root.content, skip_comments=True, skip_whitespace=True)
    assert [tinycss2.serialize(one.value).strip() for one in declared] == hexes
    tokens = orjson.loads(read["tokens.json"])["palette"]
    assert [token["$value"]["hex"] for name, token in tokens.items() if name[0] != "$"] == hexes
    rows = [line.split()[:3] for line in read["gpl"].decode().splitlines()[4:]]
    assert ["#" + bytes(map(int, row)).hex() for row in rows] == hexes
    fills = [part.get("fill") for part in ElementTree.fromstring(read["svg"]).iter() if part.get("height") == "120"]
    assert [fill for fill in fills if fill] == hexes


@pytest.mark.parametrize("ending", ["pdf", "CSS", "css.map", "tailwind", "x" * 2000, "%00"])
def test_an_unknown_format_is_404_with_those_that_there_are(
    client: httpx.Client, job: dict[str, Any], ending: str
) -> None:
    """Whatever the ending is; HEAD says so too."""
    detail = problem(client.get(address(job, ending)), 404, "not_found")["detail"]
    assert all(known in detail for known in FORMATS)
    assert len(detail) < 250
    assert client.head(address(job, ending)).status_code == 404


def test_two_jobs_do_not_share_a_tag(client: httpx.Client, job: dict[str, Any]) -> None:
    """Of another job, and in another format, the tag is another one: what is kept of one is not taken for the other."""
    other = finished(client, encoded(two_colors()))
    tags = {client.get(address(each, ending)).headers["etag"] for each in (job, other) for ending in FORMATS}
    assert len(tags) == 2 * len(FORMATS)


def test_a_job_without_a_result_has_no_palette(client: httpx.Client) -> None:
    """Unknown: 404; failed: the job's problem; not yet done: 409, and when to come back; all before the format."""
    problem(client.get(f"/v1/jobs/{'0' * 32}/palette.gpl"), 404, "not_found")
    failed = post(client, encoded(two_colors()), exclude=[{"color": "#000000", "tolerance": 100}]).json()
    assert failed["status"] == "failed"
    problem(client.get(address(failed, "gpl")), 422, "job_failed")
    running = posted(client, **LONGER)
    answered = client.get(address(running, "gpl"))
    problem(answered, 409, "not_finished")
    assert answered.headers["retry-after"] == "1"
    assert client.head(address(running, "gpl")).status_code == 409
    assert client.post(running["links"]["cancel"]).status_code in (200, 202)
    problem(client.get(address(running, "gpl")), 422, "job_cancelled")


def test_no_cluster_is_an_empty_palette(client: httpx.Client) -> None:
    """Where all is noise, each format is a file that its readers take."""
    job = finished(client, encoded(noise(8, 8)), algorithm="hdbscan", min_cluster_size=40)
    assert job["result"]["palette"] == []
    assert [note["note"] for note in job["result"]["notes"]] == ["all_noise"]
    for ending in FORMATS:
        assert client.get(address(job, ending)).status_code == 200
    assert orjson.loads(client.get(address(job, "json")).content)["colors"] == []
    ElementTree.fromstring(client.get(address(job, "svg")).content)
