"""HUEMILL_REDIS_URL: what it may say, what both libraries then hear, and what is refused in one sentence."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kombu.utils.url import url_to_parts
from pydantic import ValidationError
from redis.connection import parse_url

from shared.runtime import connections
from shared.runtime.redis_address import RedisAddress
from shared.runtime.settings import Settings, WrongSettings, read_settings

SECRET = "s3cr3t-of-the-operator"
words = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1, max_size=20)
hosts = st.one_of(st.from_regex(r"[a-z][a-z0-9.-]{0,20}[a-z]", fullmatch=True), st.just("::1"), st.just("10.1.2.3"))
ports = st.integers(1, 65535)


def written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@given(user=st.none() | words, password=words, host=hosts, port=ports, db=st.integers(0, 15))
def test_one_server(user: str | None, password: str, host: str, port: int, db: int) -> None:
    """Whatever user and password are made of, the store and the broker hear the same as redis-py reads by itself."""
    url = f"redis://{quote(user or '', '')}:{quote(password, '')}@{written(host)}:{port}/{db}"
    address, witness = RedisAddress.parse(url), parse_url(url)
    assert (address.hosts, address.db) == (((witness["host"], witness["port"]),), witness["db"])
    assert (address.username, address.password) == (witness.get("username"), witness["password"])
    heard = url_to_parts(address.broker_url)
    assert (heard.hostname, heard.port, heard.path) == (host, port, str(db))
    assert (heard.username, heard.password) == (address.username, address.password)


@given(
    several=st.lists(st.tuples(hosts, st.none() | ports), min_size=1, max_size=5), password=words, name=words, own=words
)
def test_sentinels(several: list[tuple[str, int | None]], password: str, name: str, own: str) -> None:
    """Sentinels stand in a list, as ours or as Celery's; both libraries are told of each, with two sorts of secrets."""
    each = [written(host) + ("" if port is None else f":{port}") for host, port in several]
    query = f"master_name={quote(name, '')}&sentinel_password={quote(own, '')}"
    login = f":{quote(password, '')}@"
    ours = RedisAddress.parse(f"sentinel://{login}{','.join(each)}/3?{query}")
    celerys = RedisAddress.parse(";".join(f"sentinel://{login}{one}" for one in each) + f"/3?{query}")
    assert ours == celerys
    assert ours.hosts == tuple((host, port or 26379) for host, port in several)
    assert (ours.db, ours.password, ours.master_name, ours.sentinel_password) == (3, password, name, own)
    heard = [url_to_parts(url) for url in ours.broker_url.split(";")]
    assert [(one.scheme, one.hostname, one.port, one.password, one.path) for one in heard] == [
        ("sentinel", host, port, password, "3") for host, port in ours.hosts
    ]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+cluster://:%s@a:1,b:2/0", "Redis Cluster cannot be used"),
        ("rediss-cluster://:%s@a:1/0", "Redis Cluster cannot be used"),
        ("redis://:%s@a:1,b:2/0", "Redis Cluster cannot be used"),
        ("http://:%s@a:1/0", "must begin with one of redis://, rediss://, sentinel://, sentinels://"),
        ("unix:///run/%s.sock", "must begin with"),
        ("%s", "must begin with"),
        ("redis://:%s@a:1/zero", "a database's number"),
        ("redis://:%s/x@a:1/0", "The hosts cannot be read"),
        ("redis://:%s#x@a:1/0", "The hosts cannot be read"),
        ("redis://:%s@a:70000/0", "The hosts cannot be read"),
        ("redis://:%s@a:1:2/0", "The hosts cannot be read"),
        ("redis://:%s@a:1/0?ssl_ca_certs=x", "nothing may follow"),
        ("redis://:%s@a:1/0?health", "NAME=VALUE"),
        ("rediss://:%s@a:1/0?ssl_cert_reqs=none", "only ssl_ca_certs, ssl_certfile, ssl_keyfile may follow"),
        ("rediss://:%s@a:1/0?ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs: there is no such file"),
        (f"rediss://:%s@a:1/0?ssl_keyfile={__file__}", "give ssl_certfile too"),
        ("sentinel://:%s@a:1,b:2/0", r"add \?master_name=NAME"),
        ("sentinel://:%s@a:1,,b:2/0?master_name=m", "The hosts cannot be read"),
        ("sentinel://:p@a:1/0?master_name=m&sentinel_pasword=%s", "only master_name, sentinel_username"),
    ],
)
def test_what_is_refused(url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that means nothing here is refused in words that say what to write, and that hold no secret of it."""
    monkeypatch.setenv("HUEMILL_REDIS_URL", url % SECRET)
    with pytest.raises(WrongSettings, match=words) as told:
        read_settings()
    assert str(told.value).startswith("HUEMILL_REDIS_URL: ")
    assert SECRET not in str(told.value)
    with pytest.raises(ValidationError) as raw:
        Settings()
    assert SECRET not in str(raw.value)


@given(st.text(max_size=60), st.sampled_from(["", "redis://", "rediss://", "sentinel://"]))
@example("@[" + SECRET, "redis://")
@example(SECRET + "\u2100@a", "redis://")
def test_whatever_stands_there(text: str, scheme: str) -> None:
    """Any text is an address or a ValueError in our words, never another failure, and nothing of it is repeated."""
    told = "The "
    try:
        RedisAddress.parse(scheme + text)
    except ValueError as error:
        told = str(error)
    assert re.match("The |What|With |One |After |Redis Cluster|ssl_", told)
    assert SECRET not in told


def test_celery_is_told_the_same(tmp_path: Path) -> None:
    """TLS goes to the servers and to their Sentinels, with a certificate of our own; each has its own password."""
    files = {name: tmp_path / name for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")}
    for file in files.values():
        file.touch()
    query = "&".join(f"{name}={file}" for name, file in files.items())
    url = f"sentinels://me:one@a,b/0?master_name=mill&sentinel_password=two&ssl_cert_reqs=required&{query}"
    told = connections.broker(Settings(redis_url=url))
    assert told.url == "sentinel://me:one@a:26379/0;sentinel://me:one@b:26379/0"
    assert told.transport_options["master_name"] == "mill"
    to_sentinels = told.transport_options["sentinel_kwargs"]
    assert (to_sentinels["username"], to_sentinels["password"], to_sentinels["ssl"]) == (None, "two", True)
    assert isinstance(told.use_ssl, dict)
    assert told.use_ssl.items() <= to_sentinels.items()
    assert told.use_ssl == {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        **{name: str(file) for name, file in files.items()},
    }
