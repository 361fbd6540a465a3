"""What an operator can set."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from shared.contract.params import MODELS, parse_params
from shared.runtime.connections import WrongServer, check_server
from shared.runtime.settings import Settings, WrongSettings, check_openness, read_settings
from tests import settings_page
from tests.support.params import least

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"


@pytest.mark.parametrize("service", ["gateway", "worker"])
def test_compose_passes_on_every_setting(service: str) -> None:
    """Whatever is set in the environment or in .env reaches the containers, and nothing is passed on that is none."""
    environment = yaml.safe_load(COMPOSE.read_text())["services"][service]["environment"]
    passed = {name for name in environment if name.startswith("HUEMILL_")}
    assert passed == {f"HUEMILL_{name.upper()}" for name in Settings.model_fields}


def test_compose_is_open_on_its_own_machine_only() -> None:
    """Without keys whoever reaches the gateway may use it: what compose publishes, it publishes on loopback."""
    gateway = yaml.safe_load(COMPOSE.read_text())["services"]["gateway"]
    assert gateway["environment"]["HUEMILL_ALLOW_OPEN"] == "${HUEMILL_ALLOW_OPEN:-true}"
    assert [port.split(":")[0] for port in gateway["ports"]] == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_who_is_on_this_machine(host: str) -> None:
    """A gateway without keys may listen at any address of loopback."""
    check_openness(Settings(), host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "192.168.0.1", "2001:db8::1", "localhost.example", "colors", "*"]
)
def test_who_is_not(host: str) -> None:
    """At any other address, or name that may lead to one, it may not: unless it asks for keys, or is told to."""
    with pytest.raises(WrongSettings, match="HUEMILL_AUTH=keys"):
        check_openness(Settings(), host)
    check_openness(Settings(auth="keys"), host)
    check_openness(Settings(allow_open=True), host)


def test_the_page_of_settings() -> None:
    """docs/settings.md is made from them: `python -m tests.settings_page`."""
    assert settings_page.PAGE.read_text() == settings_page.page()


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line such as `HUEMILL_THREADS=` in a file of variables says nothing."""
    monkeypatch.setenv("HUEMILL_THREADS", "")
    monkeypatch.setenv("HUEMILL_ALLOWED_HOSTS", "")
    assert Settings() == Settings(threads=None, allowed_hosts=())


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        ({b"version": b"6.2.14", b"mode": b"standalone"}, "version 6.2.14"),
        ({b"version": b"7.0.15", b"mode": b"cluster"}, "cluster mode"),
        ({b"version": b"8.1.3", b"mode": b"sentinel"}, "leads to a Sentinel"),
    ],
)
def test_servers_that_cannot_be_used(hello: dict[bytes, bytes], words: str) -> None:
    """By what they say of themselves; Redis from 7.0 on and Valkey can."""
    with pytest.raises(WrongServer, match=words):
        check_server(hello)
    for version in (b"7.0.15", b"8.1.3", b"10.0.0", b"unknown"):
        check_server({b"version": version, b"mode": b"standalone"})


def test_every_setting_is_explained() -> None:
    """The file of the settings is their documentation: each has a sentence."""
    assert [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")] == []


@pytest.mark.parametrize("algorithm", MODELS)
def test_each_method_has_a_time_limit(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what the method declares, until the operator sets another one; a client can lower it."""
    params, patient = (parse_params(least(algorithm, **more)) for more in ({}, {"timeout": 1e6}))
    assert Settings().timeout_of(params) == params.method.timeout_seconds
    monkeypatch.setenv(f"HUEMILL_{algorithm.upper()}_TIMEOUT_SECONDS", "7.5")
    assert Settings().timeout_of(params) == Settings().timeout_of(patient) == 7.5
    assert Settings().timeout_of(params.model_copy(update={"timeout": 2})) == 2
    assert Settings().timeout_of(params.model_copy(update={"engine": "reference"})) == 900


@pytest.mark.parametrize("wrong", [{"kmeans_timeout_seconds": 0}, {"threads": 0}, {"fetch_ports": "80,x"}])
def test_a_wrong_setting_is_refused(wrong: dict[str, Any]) -> None:
    """A process does not start with a setting that means nothing."""
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("name", "wrong", "right", "words"),
    [
        ("cors_origins", "https://shop.example/", "https://shop.example,*", "and no slash after them"),
        ("cors_origins", "shop.example", "http://localhost:3000", "such as https://shop.example"),
        ("allowed_hosts", "https://colors.example", "colors.example,[::1]", "such as colors.example"),
        ("allowed_hosts", "colors.example:443", "localhost", "such as colors.example"),
        ("root_path", "colors", "/colors", "such as /colors"),
        ("root_path", "/colors/", "", "ends without"),
        ("fetch_allow", "10.1.0.0/33", "10.1.0.0/16,fd00:1::/64", "such as 10.1.0.0/16"),
        ("fetch_allow", "ten", "10.1.2.3", "such as 10.1.0.0/16"),
        ("max_pixels", "many", "1", "should be a valid integer"),
        ("max_pixels", "0", "1", "should be greater than 0"),
        ("auth", "key", "keys", "should be 'keys' or 'none'"),
    ],
)
def test_an_operator_is_told_what_to_write(
    name: str, wrong: str, right: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the variable and what it should be: once, without a pattern, and without the value."""
    variable = f"HUEMILL_{name.upper()}"
    monkeypatch.setenv(variable, right)
    read_settings()
    monkeypatch.setenv(variable, wrong)
    with pytest.raises(WrongSettings) as raised:
        read_settings()
    told = str(raised.value)
    assert told.startswith(f"{variable}: should be ")
    assert words in told
    assert told.count(variable) == 1
    assert "pattern" not in told


def test_settings_do_not_change() -> None:
    """What a process was started with holds for its life, a method's time limit included."""
    for name in ("threads", "kmeans_timeout_seconds"):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(Settings(), name, 1)
