"""Where Redis is: HUEMILL_REDIS_URL, taken apart. One URL says it for the job store and for Celery's broker.

redis://[user:password@]host[:port][/db]                                one server
rediss://…?ssl_ca_certs=FILE&ssl_certfile=FILE&ssl_keyfile=FILE         the same with TLS; each file may be left out
sentinel://[user:password@]host[:port],host[:port],…[/db]?master_name=NAME[&sentinel_username=…&sentinel_password=…]
                                                                        the one that these Sentinels name at the time
sentinels://…                                                           with TLS, to them and to it

The files' names are those of redis-py and Celery. User and password are Redis' own; the Sentinels have theirs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

PORT, SENTINEL_PORT = 6379, 26379
SCHEMES = ("redis", "rediss", "sentinel", "sentinels")
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OF_SENTINELS = ("master_name", "sentinel_username", "sentinel_password")
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]*)(?::(?P<port>\d{1,5}))?")
# As Celery writes several: each with its scheme and the same user and password again.
_AGAIN = re.compile(r";sentinels?://(?:[^@/?#;]*@)?")
_NO_HOSTS = (
    "The hosts cannot be read: HOST:PORT is wanted, for Sentinels separated by commas. "
    "In a password, write any of %:/?#[]@ as %XX."
)


@dataclass(frozen=True)
class RedisAddress:
    """A server's address, or its Sentinels' and its name there."""

    hosts: tuple[tuple[str, int], ...]
    db: int
    username: str | None
    password: str | None = field(repr=False)
    tls: Mapping[str, str | bool] | None
    """As redis-py and kombu name them; None: without TLS. Who answers must always prove its name."""
    master_name: str | None = None
    """What the Sentinels call it; None where there are none."""
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """Raises ValueError with one sentence, in which no part of the URL's user, password or query stands."""
        try:
            parts = urlsplit(_AGAIN.sub(",", url))
        except ValueError:  # Python's own words show the host with the password before it
            raise ValueError(_NO_HOSTS) from None
        if "cluster" in parts.scheme:
            raise ValueError(
                "Redis Cluster cannot be used: one move changes several keys, which must be on one server. "
                "Give one Redis (redis://, rediss://), or one with replicas behind Sentinels (sentinel://)."
            )
        if parts.scheme not in SCHEMES:
            raise ValueError(f"The URL must begin with one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}.")
        by_sentinels, with_tls = parts.scheme in SCHEMES[2:], parts.scheme in SCHEMES[1::2]
        userinfo, _, netloc = parts.netloc.rpartition("@")
        username, _, password = userinfo.partition(":")
        known = (*(_FILES if with_tls else ()), *(_OF_SENTINELS if by_sentinels else ()))
        query = _query(parts.query, parts.scheme, known)
        return cls(
            hosts=_hosts(netloc, SENTINEL_PORT if by_sentinels else PORT, several=by_sentinels),
            db=_db(parts.path + ("#" if parts.fragment else "")),
            username=unquote(username) or None,
            password=unquote(password) or None,
            tls=_tls(query) if with_tls else None,
            master_name=_master_name(query) if by_sentinels else None,
            sentinel_username=query.get("sentinel_username"),
            sentinel_password=query.get("sentinel_password"),
        )

    @property
    def broker_url(self) -> str:
        """As kombu reads it; what it says of TLS and of Sentinels' names and passwords it takes apart from it."""
        login = f"{quote(self.username or '', '')}:{quote(self.password or '', '')}@" if self.password else ""
        scheme = "sentinel" if self.master_name is not None else "redis"
        hosts = ((f"[{host}]" if ":" in host else host, port) for host, port in self.hosts)
        return ";".join(f"{scheme}://{login}{host}:{port}/{self.db}" for host, port in hosts)


def _query(text: str, scheme: str, known: tuple[str, ...]) -> dict[str, str]:
    try:
        query = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
    except ValueError:
        raise ValueError("What follows «?» must be NAME=VALUE&NAME=VALUE.") from None
    # Celery wants it said; it is always so.
    if query.get("ssl_cert_reqs", "").lower() in ("required", "cert_required"):
        del query["ssl_cert_reqs"]
    if not query.keys() <= set(known):
        what = f"only {', '.join(known)} may follow «?»" if known else "nothing may follow «?»"
        raise ValueError(f"With {scheme}://, {what}.")
    return query


def _hosts(netloc: str, default_port: int, *, several: bool) -> tuple[tuple[str, int], ...]:
    found = []
    for text in netloc.split(","):
        match = _HOST.fullmatch(text)
        if match is None or int(match["port"] or 1) not in range(1, 65536) or (several and not match["host"]):
            raise ValueError(_NO_HOSTS)
        host = unquote(match["host"].strip("[]")) or "127.0.0.1"
        found.append((host, int(match["port"] or default_port)))
    if len(found) > 1 and not several:
        raise ValueError("One host is wanted. For Sentinels, begin with sentinel://; Redis Cluster cannot be used.")
    return tuple(found)


def _db(path: str) -> int:
    number = path.removeprefix("/")
    if number and not re.fullmatch(r"[0-9]{1,5}", number):
        raise ValueError("After the host, a database's number may stand, such as /0. In a password, write / as %2F.")
    return int(number or 0)


def _tls(query: Mapping[str, str]) -> dict[str, str | bool]:
    files = {name: query[name] for name in _FILES if name in query}
    for name, path in files.items():
        if not Path(path).is_file():
            raise ValueError(f"{name}: there is no such file, or it may not be read.")
    if "ssl_keyfile" in files and "ssl_certfile" not in files:
        raise ValueError("ssl_keyfile is the key of a certificate: give ssl_certfile too.")
    return {"ssl_cert_reqs": "required", "ssl_check_hostname": True, **files}


def _master_name(query: Mapping[str, str]) -> str:
    if not query.get("master_name"):
        raise ValueError("What the Sentinels call the server is missing: add ?master_name=NAME.")
    return query["master_name"]
