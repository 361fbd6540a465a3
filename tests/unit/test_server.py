"""The parts of the gateway's server, each by itself: admission, turns, stalled readers, hosts and prefixes."""

import asyncio
import functools
from ipaddress import IPv4Network, ip_network
from typing import Any

import pytest
import uvicorn
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from api.http.routes import events, files, health, images, jobs, results
from api.server.admission import Admission, as_told
from api.server.edge import API_POLICY, Edge
from api.server.entrance import listening_socket
from api.server.hosts import answers_for
from api.server.protocol import GuardedProtocol, Limits
from api.server.stalled import Stalled
from api.server.turns import AT_ONCE, BEGINNING_SECONDS, Turns
from shared.jobs.worker_names import public_name
from shared.runtime.settings import Settings

OK: list[Message] = [{"type": "http.response.start", "status": 200, "headers": []}, {"type": "http.response.body"}]


def test_doors_have_an_end_in_all_and_for_each() -> None:
    """Nobody has more than his share, all together no more than there are, and who leaves makes room."""
    admission = Admission(5, 3)
    inside = [admission.enter("192.0.2.1") for _ in range(3)]
    assert inside == ["192.0.2.1"] * 3
    assert admission.enter("192.0.2.1") is None
    assert admission.enter("192.0.2.2") is not None
    assert admission.enter("192.0.2.3") is not None
    assert admission.enter("192.0.2.4") is None
    admission.leave("192.0.2.1")
    assert admission.enter("192.0.2.4") is not None
    assert (admission.count, admission.most_lately) == (5, 5)


def test_an_ipv6_host_has_many_addresses() -> None:
    """A network of 64 bits is one host's own; the next one is another's."""
    admission = Admission(100, 2)
    assert admission.enter("2001:db8:0:1::1")
    assert admission.enter("2001:db8:0:1:ffff::2%eth0")
    assert admission.enter("2001:db8:0:1::3") is None
    assert admission.enter("2001:db8:0:2::1")


def test_ipv4_at_a_socket_for_both_kinds() -> None:
    """Each address is its own host there too, and a trusted proxy is one."""
    admission = Admission(100, 1, [ip_network("10.0.0.0/8")])
    assert [admission.enter(f"::ffff:192.0.2.{last}") for last in (1, 2, 1)] == ["192.0.2.1", "192.0.2.2", None]
    assert [admission.enter("::ffff:10.1.2.3") for _ in range(3)] == [""] * 3
    assert as_told([ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]) == [
        "10.0.0.0/8",
        "2001:db8::/32",
        "::ffff:10.0.0.0/104",
    ]


@pytest.mark.parametrize("proxies", [[], [ip_network("10.0.0.0/8")]])
def test_who_was_gone_before_he_was_let_in(proxies: list[IPv4Network]) -> None:
    """A connection that was reset has no address; it counts for the whole alone."""
    admission = Admission(2, 1, proxies)
    assert [admission.enter("") for _ in range(3)] == ["", "", None]
    admission.leave("")
    assert admission.enter("192.0.2.1") == "192.0.2.1"


def test_proxies_have_no_share() -> None:
    """A trusted proxy's connections are many clients': only the whole counts for them."""
    admission = Admission(10, 2, [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")])
    assert [admission.enter("10.1.2.3") for _ in range(5)] == [""] * 5
    assert admission.enter("2001:db8::1") == ""
    assert [admission.enter("192.0.2.1") for _ in range(3)] == ["192.0.2.1", "192.0.2.1", None]
    assert [admission.enter("10.1.2.3") for _ in range(3)] == ["", "", None]


class Reader:
    def __init__(self, stalled: Stalled) -> None:
        self.stalled, self.was_cut = stalled, False

    def cut(self) -> None:
        self.was_cut = True
        self.stalled.remove(self)


def test_the_longest_stalled_reader_goes_first() -> None:
    """Of too many who take nothing the one goes that has taken nothing for longest; who reads on is young again."""
    stalled = Stalled(2)
    readers = [Reader(stalled) for _ in range(4)]
    for reader in readers[:2]:
        stalled.add(reader)
    stalled.remove(readers[0])
    stalled.add(readers[0])
    stalled.add(readers[2])
    assert [reader.was_cut for reader in readers] == [False, True, False, False]
    stalled.add(readers[3])
    assert [reader.was_cut for reader in readers] == [True, True, False, False]


async def nothing() -> Message:
    raise AssertionError("nobody asks for it")


async def ignore(message: Message) -> None:
    """A client who takes any answer."""


def test_requests_begin_in_turns() -> None:
    """No more than so many work before their first answer, all get their turn, in order; one path never waits."""
    begun: list[str] = []
    most = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal most
        working.add(scope["path"])
        most = max(most, len(working))
        begun.append(scope["path"])
        await asyncio.sleep(0.001)
        working.discard(scope["path"])
        for message in OK:
            await send(message)

    async def run() -> None:
        turns = Turns(app, frozenset({"/healthz"}))
        paths = [*(f"/{number}" for number in range(100)), "/healthz"]
        await asyncio.gather(*(turns({"type": "http", "path": path}, nothing, ignore) for path in paths))

    working: set[str] = set()
    asyncio.run(run())
    assert most == AT_ONCE + 1
    assert begun.index("/healthz") == AT_ONCE
    begun.remove("/healthz")
    assert begun == [f"/{number}" for number in range(100)]


def test_who_waits_for_something_keeps_no_turn() -> None:
    """Requests that answer nothing for a while let others begin; so do those that fail."""
    done: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/waits":
            await asyncio.sleep(20 * BEGINNING_SECONDS)
        if scope["path"] == "/fails":
            raise ValueError("on purpose")
        done.append(scope["path"])

    async def run() -> None:
        turns = Turns(app, frozenset())
        waiting = [turns({"type": "http", "path": "/waits"}, nothing, nothing) for _ in range(AT_ONCE)]  # type: ignore[arg-type]
        tasks = [asyncio.create_task(each) for each in waiting]
        await asyncio.sleep(0)
        for _ in range(AT_ONCE + 1):
            with pytest.raises(ValueError, match="on purpose"):
                await turns({"type": "http", "path": "/fails"}, nothing, ignore)
        await turns({"type": "http", "path": "/goes"}, nothing, ignore)
        assert done == ["/goes"]
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_some_have_turns_of_their_own() -> None:
    """Whatever keeps all turns, paths that are apart begin at once; and no more of them than may at the same time."""
    begun: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])
        await asyncio.Event().wait()

    async def run() -> None:
        turns = Turns(app, frozenset(), apart=frozenset({"/readyz"}))
        paths = [*["/keeps"] * (AT_ONCE + 1), *["/readyz"] * (AT_ONCE + 1)]
        tasks = [asyncio.create_task(turns({"type": "http", "path": path}, nothing, ignore)) for path in paths]  # type: ignore[arg-type]
        await asyncio.sleep(BEGINNING_SECONDS / 4)
        assert begun == [*["/keeps"] * AT_ONCE, *["/readyz"] * AT_ONCE]
        for task in tasks:
            task.cancel()

    asyncio.run(run())


def asked(prefix: str, hosts: str, path: str, host: str) -> tuple[Scope, list[Message]]:
    """What an application behind an edge is asked, and what the client gets, where an operator names such hosts."""
    answers = answers_for(Settings(allowed_hosts=hosts), "127.0.0.1")  # type: ignore[arg-type]
    seen: list[Scope] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        for message in OK:
            await send(dict(message))

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "raw_path": path.encode(), "headers": [(b"host", host.encode())]}
    asyncio.run(Edge(app, prefix, answers)(scope, nothing, send))
    return (seen[0] if seen else {}), sent


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/v1/jobs", "/colors/v1/jobs"),
        ("/colors/v1/jobs", "/colors/v1/jobs"),
        ("/colors", "/colors"),
        ("/colors/", "/colors/"),
        ("/colorsandmore", "/colors/colorsandmore"),
        ("/", "/colors/"),
    ],
)
def test_a_prefix_may_be_cut_off_or_not(path: str, inside: str) -> None:
    """However a proxy passes a path on, the application sees it under the prefix."""
    scope, _ = asked("/colors", "", path, "x")
    assert (scope["path"], scope["raw_path"], scope["root_path"]) == (inside, inside.encode(), "/colors")


@pytest.mark.parametrize("host", ["a.example", "A.Example", "a.example:8000", "[::1]", "[::1]:80"])
def test_hosts_that_are_answered_for(host: str) -> None:
    """A host is the same in any case and with any port."""
    scope, _ = asked("", "a.example,[::1]", "/v1/jobs", host)
    assert scope["path"] == "/v1/jobs"


@pytest.mark.parametrize("host", ["", "b.example", "a.example.b.example", "xa.example", "[::2]", "127.0.0.1"])
def test_hosts_that_are_not(host: str) -> None:
    """Any other host is refused, but to those who ask whether the gateway lives."""
    hosts = "a.example,[::1]"
    assert asked("", hosts, "/v1/jobs", host)[1][0]["status"] == 421
    assert asked("", hosts, "/v1/jobs/healthz", host)[1][0]["status"] == 421
    assert asked("", hosts, "/healthz", host)[1][0]["status"] == 200
    assert asked("/c", hosts, "/c/readyz", host)[1][0]["status"] == 200


def test_every_answer_has_a_policy() -> None:
    """An answer without a policy gets the one for data; one that has its own keeps it."""
    _, sent = asked("", "", "/", "x")
    assert (b"content-security-policy", API_POLICY.encode()) in sent[0]["headers"]


NOBODYS = ["localhost", "127.0.0.1", "[::1]", "192.0.2.1", "huemill.localhost", "a.localhost.", "localhost.", "api", ""]
SOMEBODYS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evillocalhost.example",
    "1.2.3",
    "a.b.",
]


@pytest.mark.parametrize(
    ("auth", "address", "refused"),
    [
        ("none", "127.0.0.1", True),
        ("none", "localhost", True),
        ("keys", "127.0.0.1", False),
        ("none", "0.0.0.0", False),
    ],
)
def test_names_of_the_web_lead_to_no_gateway_of_this_machine(auth: str, address: str, refused: bool) -> None:
    """Where only this machine can reach a gateway without keys, no page on the web has a name that it answers for."""
    answers = answers_for(Settings(auth=auth), address)  # type: ignore[arg-type]
    assert [host for host in NOBODYS if not answers(host)] == []
    assert [host for host in SOMEBODYS if not answers(host)] == (SOMEBODYS if refused else [])


@pytest.mark.parametrize("hosts", ["a b", "a.example:80", "http://a.example", "a@b", "::1"])
def test_hosts_that_are_none(hosts: str) -> None:
    """What is no host is refused when the gateway starts, not passed over for ever."""
    with pytest.raises(ValidationError):
        Settings(allowed_hosts=hosts)  # type: ignore[arg-type]
    assert Settings(allowed_hosts="a.example, [::1]").allowed_hosts == ("a.example", "[::1]")  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["colors", "/", "/colors/", "//colors", "/a b", "/é", "https://a.example/colors"])
def test_prefixes_that_are_none(prefix: str) -> None:
    """A prefix begins with a slash and does not end with one."""
    with pytest.raises(ValidationError):
        Settings(root_path=prefix)
    assert Settings(root_path="/a/b-c").root_path == "/a/b-c"


def test_a_workers_public_name() -> None:
    """All children of a worker have its name, another worker has another, and none tells host or process."""
    assert public_name("mill:7") == public_name("mill:7/19") == public_name("mill:7/20")
    assert len({public_name(f"mill:{pid}") for pid in range(50)}) > 45
    assert "mill" not in public_name("mill:7/19")


def test_no_dependency_takes_a_thread() -> None:
    """What routes ask for runs in the event loop: a thread for it takes longer than what it does."""

    def all_of(dependant: Dependant) -> list[Dependant]:
        return [dependant, *(more for each in dependant.dependencies for more in all_of(each))]

    routers = (jobs, results, files, events, images, health)
    routes = [route for module in routers for route in module.router.routes if isinstance(route, APIRoute)]
    calls = {each.call for route in routes for each in all_of(route.dependant)}
    assert len(calls) > 10
    assert [call for call in calls if not asyncio.iscoroutinefunction(call)] == []


class Socket(asyncio.Protocol):
    """Another protocol than HTTP: it answers whatever comes, and forgets."""

    def __init__(self, **_: object) -> None:
        """As uvicorn makes those of WebSockets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"upgraded")  # type: ignore[attr-defined]


def test_a_connection_that_becomes_a_socket_is_counted_to_its_end() -> None:
    """An upgrade that is known leads to the other protocol; its connection counts for as long as it lasts."""
    admission = Admission(10, 10)

    async def run() -> None:
        listening = listening_socket("127.0.0.1", 0, 30)
        more = {
            "limits": Limits(2**15, 2**14, 100, 0.2),
            "admission": admission,
            "stalled": Stalled(),
            "entrance": None,
        }
        http: Any = functools.partial(GuardedProtocol, **more)
        server = uvicorn.Server(
            uvicorn.Config(Edge(nowhere, "", bool), http=http, ws=Socket, lifespan="off", log_config=None)
        )
        serving = asyncio.create_task(server._serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(b"GET /v1/jobs/x/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert await reader.readexactly(8) == b"upgraded"
        await asyncio.sleep(0.5)  # longer than a head may take
        writer.write(b"more")
        assert await reader.readexactly(8) == b"upgraded"
        assert admission.count == 1
        writer.close()
        await asyncio.sleep(0.1)
        assert admission.count == 0
        server.should_exit = True
        await serving

    asyncio.run(run())


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("no request comes of it")
