"""Fetching an image from a URL: what is dialled, what never is, and what servers may do to who fetches from them."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from api.dialling.dialler import Resolve
from api.intake.fetch import Fetcher
from shared.contract.errors import (
    FetchDisabled,
    FetchFailed,
    HuemillError,
    UploadTooLarge,
    UrlRefused,
)
from shared.runtime.settings import Settings
from tests.support.images import SMALL_PNG
from tests.support.processes import free_port
from tests.support.tls import Authority
from tests.support.web import Web, breaks_tls, gives, raw, redirects

ALLOWED, BLOCKED = "127.0.0.2", "127.0.0.1"
LIMIT = 100_000


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Web]]:
    """Servers at one port of three addresses."""
    with closing(Web(ALLOWED)) as web, closing(Web(BLOCKED, web.port)) as trap, closing(Web("::1", web.port)) as trap_6:
        yield [web, trap, trap_6]


@pytest.fixture
def web(servers: list[Web]) -> Web:
    """A server at the one address that may be fetched from."""
    servers[0].reset()
    servers[0].answers["/a.png"] = gives(SMALL_PNG)
    return servers[0]


@pytest.fixture
def traps(servers: list[Web]) -> Iterator[None]:
    """Servers at the same port of addresses that may not; after the test, none has seen a connection."""
    for trap in servers[1:]:
        trap.reset()
    yield
    time.sleep(0.01)  # a connection that was made is seen by then
    assert [trap.connections for trap in servers[1:]] == [0, 0]


def fetch(url: str, port: int, resolve: Resolve | None = None, **settings: object) -> bytes:
    """The bytes at `url`, fetched by a gateway that is allowed one loopback address and `port`."""
    options = {"fetch_urls": True, "fetch_allow": ALLOWED, "fetch_ports": (port,), "max_upload_bytes": LIMIT}

    async def run() -> bytes:
        fetcher = Fetcher(Settings(**{**options, **settings}), resolve)
        try:
            async with fetcher.open(url) as chunks:
                return b"".join([chunk async for chunk in chunks])
        finally:
            fetcher.close()

    return asyncio.run(run())


class Names:
    """A name server: each name's addresses, one set for each time that it is asked; the last one stays."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self.answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


LOOPBACKS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "127.1",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:127.0.0.2]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "①②⑦.0.0.1",
    "127。0。0。1",
]


@pytest.mark.usefixtures("traps")
@pytest.mark.parametrize("host", LOOPBACKS)
def test_no_notation_reaches_a_blocked_address(web: Web, host: str) -> None:
    """Neither at once nor by a redirect does a blocked address get one packet, however it is written."""
    url = f"http://{host}:{web.port}/a.png"
    with pytest.raises(UrlRefused, match="no address on the public Internet"):
        fetch(url, web.port)
    web.answers["/there"] = redirects(url.encode("idna").decode() if url.isascii() else url.translate(_WIDE))
    with pytest.raises(UrlRefused, match="no address on the public Internet"):
        fetch(web.url("/there"), web.port)


_WIDE = str.maketrans("①②⑦。", "127.")  # headers are ASCII


@pytest.mark.usefixtures("traps")
@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "192.168.1.1",
        "172.20.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "224.0.0.1",
        "[fe80::1]",
        "[fd00::1]",
    ],
)
def test_private_addresses_are_refused_before_dialling(web: Web, host: str) -> None:
    """Private, link-local, shared and multicast addresses are refused at once: nobody waits for them to answer."""
    begin = time.monotonic()
    with pytest.raises(UrlRefused):
        fetch(f"http://{host}:{web.port}/latest/meta-data/", web.port)
    assert time.monotonic() - begin < 10


@pytest.mark.usefixtures("traps")
def test_a_name_that_changes_its_address(web: Web) -> None:
    """Each connection dials the address that was checked for it: the name server's next answer is checked anew."""
    names = Names(images_example=[[ALLOWED], [BLOCKED]])
    url = f"http://images.example:{web.port}"
    assert fetch(f"{url}/a.png", web.port, names) == SMALL_PNG
    assert (names.asked, web.hosts) == (["images.example"], [f"images.example:{web.port}"])
    names = Names(images_example=[[ALLOWED], [BLOCKED]])
    web.answers["/back"] = redirects("/a.png")
    with pytest.raises(UrlRefused):
        fetch(f"{url}/back", web.port, names)
    assert names.asked == ["images.example"] * 2


@pytest.mark.usefixtures("traps")
@pytest.mark.parametrize("addresses", [[ALLOWED, BLOCKED], [BLOCKED, ALLOWED], [ALLOWED, "::1"], []])
def test_one_blocked_address_spoils_a_name(web: Web, addresses: list[str]) -> None:
    """A name of which one address may not be dialled is not dialled, and says no more than one that does not exist."""
    said = set()
    for names in (Names(images_example=[addresses]), Names()):
        with pytest.raises(UrlRefused) as refused:
            fetch(f"http://images.example:{web.port}/a.png", web.port, names)
        said.add(str(refused.value))
    assert len(said) == 1
    assert web.connections == 0


def test_the_next_address_is_dialled_when_the_first_is_silent(web: Web) -> None:
    """A host of which one address answers is reached, as a browser would."""
    names = Names(images_example=[["127.0.0.3", ALLOWED]])
    data = fetch(f"http://images.example:{web.port}/a.png", web.port, names, fetch_allow="127.0.0.2,127.0.0.3")
    assert data == SMALL_PNG


@pytest.mark.usefixtures("traps")
@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ftp://images.example/a.png", "begin with http"),
        ("file:///etc/passwd", "begin with http"),
        ("gopher://images.example:70/_x", "begin with http"),
        ("data:image/png;base64,AAAA", "begin with http"),
        ("//images.example/a.png", "begin with http"),
        ("images.example/a.png", "begin with http"),
        ("", "begin with http"),
        ("http://", "malformed"),
        ("http:///a.png", "malformed"),
        ("http://[::1/a.png", "malformed"),
        ("http://[2606:4700::1%lo]/a.png", "malformed"),
        ("http://[2606:4700::1%ü]/a.png", "malformed"),
        ("http://images.example:99999/a.png", "malformed"),
        ("http://images.example:x/a.png", "malformed"),
        ("http://images%2eexample/a.png", "malformed"),
        ("http://images.example\\@127.0.0.1/a.png", "password"),
        ("http://-._!/a.png", "malformed"),
        ("http://user@images.example:PORT/a.png", "password"),
        ("http://user:secret@images.example:PORT/a.png", "password"),
        ("http://images.example:22/a.png", "port"),
        ("http://images.example/a.png", "port"),
        ("http://images.example:PORT/a b.png", "white space"),
        ("http://images.example:PORT/a.png\r\nX: y", "white space"),
        ("http://images.example:PORT/" + "a" * 5000, "characters"),
    ],
)
def test_a_url_that_is_no_plain_one(web: Web, url: str, word: str) -> None:
    """Other schemes, credentials, other ports and damaged URLs are refused before a look-up, also in redirects."""
    names = Names(images_example=[[ALLOWED]])
    url = url.replace("PORT", str(web.port))
    with pytest.raises(UrlRefused, match=word) as refused:
        fetch(url, web.port, names)
    assert "secret" not in str(refused.value)
    assert names.asked == []
    if word in ("begin with http", "password", "port") and "://" in url:
        web.answers["/there"] = redirects(url)
        with pytest.raises(UrlRefused, match=f"redirects to another, which is refused.*{word}"):
            fetch(web.url("/there"), web.port)


@pytest.mark.parametrize("location", ["http://[", "//[", "https://[::1", "http://[x]/", "http://[2606:4700::1%x]/"])
def test_a_redirect_to_no_address(web: Web, location: str) -> None:
    """A redirect to what is no address at all is refused like one that leads to a bad one."""
    web.answers["/there"] = redirects(location)
    with pytest.raises(UrlRefused, match=r"redirects to another, which is refused.*(malformed|begin with http)"):
        fetch(web.url("/there"), web.port)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(web: Web, status: int) -> None:
    """Up to five redirects are followed, absolute or relative, and a sixth is not."""
    web.answers |= {f"/{n}": redirects(f"/{n + 1}" if n % 2 else web.url(f"/{n + 1}"), status) for n in range(6)}
    web.answers["/6"] = gives(SMALL_PNG)
    assert fetch(web.url("/1"), web.port) == SMALL_PNG
    with pytest.raises(FetchFailed, match="5 times"):
        fetch(web.url("/0"), web.port)


def test_what_a_request_tells(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request asks for plain bytes by GET, goes past any proxy of the environment, and carries no secrets."""
    proxy = Web(BLOCKED)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url())
    web.answers["/%C3%BC.png?a=%20b"] = gives(SMALL_PNG)
    assert fetch(web.url("/ü.png?a=%20b#part"), web.port) == SMALL_PNG
    assert proxy.connections == 0
    proxy.close()
    assert web.headers["Accept-Encoding"] == "identity"
    assert set(web.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


@pytest.mark.parametrize("name", ["images.example", "other.example"])
def test_tls_is_checked_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Over https the checked address is dialled, and the certificate is that of the name, or nothing is taken."""
    authority, seen = trustme.CA(), []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("images.example").configure_cert(context)
    context.sni_callback = lambda _, server_name, __: seen.append(server_name)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    web = Web(ALLOWED, tls=context)
    web.answers["/a.png"] = gives(SMALL_PNG)
    names = Names(images_example=[[ALLOWED]], other_example=[[ALLOWED]])
    try:
        if name == "images.example":
            assert fetch(f"https://{name}:{web.port}/a.png", web.port, names) == SMALL_PNG
        else:
            with pytest.raises(FetchFailed):
                fetch(f"https://{name}:{web.port}/a.png", web.port, names)
    finally:
        web.close()
    assert (seen, web.connections) == ([name], 1)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("said", [b"", HEAD[:9], HEAD + b"Content-Length: 9\r\n\r\nthan"], ids=len)
def test_tls_that_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    """A record that is none, before the answer or in its midst, is a server that broke off."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with closing(Web(ALLOWED, tls=authority.server("images.example"))) as web:
        web.answers["/a.png"] = breaks_tls(said)
        with pytest.raises(FetchFailed, match="broke off"):
            fetch(f"https://images.example:{web.port}/a.png", web.port, Names(images_example=[[ALLOWED]]))


@pytest.mark.parametrize(
    ("answer", "error", "word"),
    [
        (gives(SMALL_PNG, 404), FetchFailed, "404"),
        (gives(SMALL_PNG, 206), FetchFailed, "206"),
        (gives(b"", 304), FetchFailed, "304"),
        (gives(SMALL_PNG, 302), FetchFailed, "302"),
        (gives(SMALL_PNG, Content_Encoding="gzip"), FetchFailed, "Encoding"),
        (gives(bytes(LIMIT + 1)), UploadTooLarge, "limit"),
        (raw(HEAD + b"\r\n", *[bytes(20_000)] * 10), UploadTooLarge, "limit"),
        (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"4e20\r\n" + bytes(20_000) + b"\r\n"] * 10),
         UploadTooLarge, "limit"),
        (raw(HEAD + b"Content-Length: 100\r\n\r\n" + bytes(50)), FetchFailed, "broke off"),
        (raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"), FetchFailed, "broke off"),
        (raw(b""), FetchFailed, "broke off"),
        (raw(b"220 mail.example ESMTP\r\n"), FetchFailed, "HTTP"),
        (raw(HEAD, *[b"X: " + b"y" * 1000 + b"\r\n"] * 1000), FetchFailed, "broke off"),
        (raw(HEAD + b"Content-Length: -1\r\n\r\n"), FetchFailed, "HTTP"),
    ],
)  # fmt: skip
def test_servers_that_misbehave(web: Web, answer: object, error: type[HuemillError], word: str) -> None:
    """Whatever a server answers other than an image within the limits is an error that says what it was."""
    web.answers["/bad"] = answer  # type: ignore[assignment]
    with pytest.raises(error, match=word):
        fetch(web.url("/bad"), web.port)


@pytest.mark.parametrize("pieces", [[b""] * 100, [HEAD + b"\r\n", *[b"x"] * 100], [HEAD, *[b"X: y\r\n"] * 100]])
def test_slow_servers_are_left(web: Web, pieces: list[bytes]) -> None:
    """A server that says nothing, or a byte now and then, holds nobody for longer than the time in all."""
    over = threading.Event()
    web.answers["/slow"] = raw(*pieces, pause=0.1, stop=over)
    begin = time.monotonic()
    with pytest.raises(FetchFailed, match="did not come within"):
        fetch(web.url("/slow"), web.port, fetch_timeout_seconds=0.4)
    over.set()
    assert time.monotonic() - begin < 8


def test_a_name_server_that_is_silent(web: Web) -> None:
    """A look-up that does not end is given up with the rest."""

    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    with pytest.raises(FetchFailed, match="did not come"):
        fetch(web.url("/a.png"), web.port, never, fetch_timeout_seconds=0.2)


def test_off_unless_turned_on(web: Web) -> None:
    """Unless the operator turns it on, nothing is fetched."""
    with pytest.raises(FetchDisabled):
        fetch(web.url("/a.png"), web.port, fetch_urls=False)
    assert Settings().fetch_urls is False
    assert web.connections == 0


def test_a_server_that_is_not_there() -> None:
    """A connection that is refused is an error of its own, without the address."""
    port = free_port()
    with pytest.raises(FetchFailed, match="cannot be reached") as failed:
        fetch(f"http://{ALLOWED}:{port}/", port)
    assert ALLOWED not in str(failed.value)
