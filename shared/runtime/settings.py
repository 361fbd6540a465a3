"""One frozen Settings for all processes, read from HUEMILL_* variables."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, create_model
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.contract.params import MODELS, AnyParams, plain
from shared.contract.webhooks import Secret
from shared.formats import Limits
from shared.runtime.logs import LogFormat
from shared.runtime.redis_address import RedisAddress

Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _split_words(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _like(pattern: str, words: str) -> AfterValidator:
    """Text that matches; else `words` are what is told, as nobody should have to read a pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(words)
        return text

    return AfterValidator(check)


def _network(text: Any) -> Any:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError("should be networks such as 10.1.0.0/16, with commas between them") from None


# In the environment: separated by commas.
_LIST = (NoDecode, BeforeValidator(_split))
# What is secret has no comma in it, nor white space: either may separate.
Secrets = Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_split_words)]
Networks = Annotated[tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)], ...], *_LIST]
_HOST = _like(r"[^:/@\s]+|\[[0-9A-Fa-f:.]+\]", "should be names of hosts alone, such as colors.example")
Hosts = Annotated[tuple[Annotated[str, _HOST], ...], *_LIST]
# As browsers name them: scheme and host, with a port where it is not the scheme's own.
_ORIGIN = _like(
    r"\*|[a-z][a-z0-9+.-]*://[^/@\s]+",
    "should be * or origins such as https://shop.example: scheme and host, and no slash after them",
)
Origins = Annotated[tuple[Annotated[str, _ORIGIN], ...], *_LIST]


def _address(url: SecretStr) -> SecretStr:
    RedisAddress.parse(url.get_secret_value())
    return url


RedisUrl = Annotated[SecretStr, AfterValidator(_address)]
_PREFIX = _like(r"(/[A-Za-z0-9._~-]+)*", "should be a path such as /colors, that begins with a slash and ends without")
Prefix = Annotated[str, _PREFIX]

if TYPE_CHECKING:
    TimeLimits = BaseSettings
else:
    # A field for each method, of what it declares: HUEMILL_KMEANS_TIMEOUT_SECONDS and so on.
    TimeLimits = create_model(
        "TimeLimits",
        __base__=BaseSettings,
        **{
            f"{algorithm}_timeout_seconds": (
                Seconds,
                Field(model.method.timeout_seconds, description=f"A job of {algorithm} that runs longer fails."),
            )
            for algorithm, model in MODELS.items()
        },
    )


class Settings(TimeLimits):
    """What an operator can set. Each field is the variable HUEMILL_<NAME>."""

    # What was wrong is told without what was given: that may be a password.
    model_config = SettingsConfigDict(
        env_prefix="HUEMILL_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    # All processes
    redis_url: RedisUrl = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description="Redis or Valkey, with user and password in the URL: redis://, rediss:// or sentinel://.",
    )
    blob_url: str = Field(
        "file:///var/lib/huemill/blobs",
        description="Where uploads and results are kept: file:///folder or s3://bucket/prefix.",
    )
    max_pixels: int = Field(100_000_000, gt=0, description="Largest image that is decoded, in pixels.")
    max_image_side: int = Field(65_535, gt=0, description="Longest side of an image that is decoded, in pixels.")
    max_image_frames: int = Field(
        1_000, ge=1, description="Most frames or pages of a file, though only the first is clustered."
    )
    result_ttl_seconds: Seconds = Field(24 * 3600, description="How long a finished job and its result are kept.")
    reference_timeout_seconds: Seconds = Field(900, description="A job of the reference engine that runs longer fails.")
    log_format: LogFormat = Field("json", description="`json`: an object a line; `text`: for a person.")

    # The gateway
    auth: Literal["keys", "none"] = Field(
        "none", description="`keys`: nearly every request wants an API key; `none`: who reaches the gateway may use it."
    )
    allow_open: bool = Field(
        False, description="Whether a gateway that asks for no keys may be reached from other machines."
    )
    max_connections: int = Field(10_000, ge=1, description="Connections that a gateway holds; more are 503.")
    max_connections_per_address: int = Field(
        3_000, ge=1, description="Of those, from one address (IPv6: one /64); trusted proxies are not counted so."
    )
    max_head_bytes: int = Field(2**15, ge=1024, description="Largest head of a request: its address and its fields.")
    max_address_bytes: int = Field(2**14, ge=256, description="Longest address of a request, with its query.")
    max_header_fields: int = Field(100, ge=10, description="Most header fields of a request.")
    head_seconds: Seconds = Field(10, description="A request whose head takes longer to come is refused (408).")
    idle_seconds: Seconds = Field(30, description="A connection that nobody uses for this long is closed.")
    reader_stall_seconds: Seconds = Field(30, description="Who takes nothing of an answer for this long is cut off.")
    allowed_hosts: Hosts = Field(
        (),
        description="Hosts that are answered for: colors.example,localhost; empty: all, but on a loopback address "
        "without keys no name with a dot.",
    )
    cors_origins: Origins = Field(
        (), description="Web pages that may use the gateway: https://shop.example,http://localhost:3000; *: all."
    )
    trusted_proxies: Networks = Field((), description="Networks of proxies whose X-Forwarded-For and -Proto count.")
    root_path: Prefix = Field("", description="Prefix that a proxy serves the gateway at, such as /colors.")
    max_upload_bytes: int = Field(64 * 2**20, gt=0, description="Largest image that is accepted, in bytes.")
    max_uploads: int = Field(256, ge=1, description="Uploads that a gateway takes at the same time; more are 503.")
    upload_stall_seconds: Seconds = Field(30, description="An upload that is too slow for this long is cut off.")
    upload_min_bytes_per_second: int = Field(1024, gt=0, description="What is slower than this is too slow.")
    max_wait_seconds: Seconds = Field(60, description="Longest time that `Prefer: wait` can hold a request.")
    image_ttl_seconds: Seconds = Field(24 * 3600, description="How long a stored image is kept after its last use.")
    fetch_urls: bool = Field(False, description="Whether jobs may name an image by its URL.")
    fetch_allow: Networks = Field(
        (), description="Networks that may be fetched from although they are not public: 10.1.0.0/16,fd00:1::/64."
    )
    fetch_ports: Annotated[tuple[Port, ...], *_LIST] = Field((80, 443), description="Ports to fetch from.")
    fetch_timeout_seconds: Seconds = Field(30, description="Longest time that fetching an image may take in all.")
    callback_secret: Secrets = Field(
        (),
        description="What callbacks are signed with: whsec_ and 24 to 64 bytes as base64; while they are rotated, "
        "several. Without it, and without keys, which have secrets of their own, no job may ask to be called back.",
    )
    callback_ports: Annotated[tuple[Port, ...], *_LIST] = Field((443,), description="Ports that may be called back.")
    callback_allow: Networks = Field(
        (), description="Networks that may be called back although they are not public: 10.1.0.0/16,fd00:1::/64."
    )
    callback_allow_http: bool = Field(False, description="Whether callbacks may go to http:// as well as https://.")
    max_queued: int = Field(10_000, ge=1, description="More queued jobs than these are not taken (503).")
    max_attempts: int = Field(3, ge=1, description="How often a job is tried when its workers are lost.")
    resend_seconds: Seconds = Field(60, description="A queued job that nobody claimed for this long is sent again.")
    sweep_seconds: Seconds = Field(1, description="How often the gateway looks for lost and expired jobs.")
    collect_seconds: Seconds = Field(3600, description="How often the gateway looks for blobs that belong to no job.")
    orphan_seconds: Seconds = Field(3600, description="A blob that belongs to no job is removed at this age.")

    # A worker
    lease_seconds: Seconds = Field(15, description="A running job whose worker is silent for this long is lost.")
    timeout_grace_seconds: Seconds = Field(5, description="A job that goes on for this long after that is killed.")
    max_memory_bytes: int | None = Field(
        None, gt=0, description="Memory of one job; unset: four fifths of the machine's or the container's."
    )
    drain_seconds: Seconds = Field(
        45, description="A worker that is stopped ends its job within this time, or gives it back."
    )
    threads: int | None = Field(None, ge=1, description="Threads of one job; unset: all processors it may use.")
    metrics_port: int | None = Field(None, ge=1, le=65535, description="Port of a worker's metrics; unset: none.")

    @property
    def image_limits(self) -> Limits:
        """What an image may be before it is decoded."""
        return Limits(self.max_pixels, self.max_image_side, self.max_image_frames)

    def timeout_of(self, params: AnyParams) -> float:
        """Seconds that a job may run: the operator's limit, or the client's where that is lower."""
        most = self.limit_of(params)
        return min(most, params.timeout or most)

    def limit_of(self, params: AnyParams) -> float:
        """Seconds that any job of this kind may run."""
        name = "reference" if params.engine == "reference" else params.algorithm
        most: float = getattr(self, f"{name}_timeout_seconds")
        return most


class WrongSettings(Exception):
    """Some variable means nothing; the message names each, and shows none of their values."""


def read_settings(**values: Any) -> Settings:
    """The HUEMILL_* variables, or `values` before them. Raises WrongSettings."""
    try:
        return Settings(**values)
    except ValidationError as error:
        wrong = [_told(item["loc"], item["msg"]) for item in error.errors(include_url=False, include_input=False)]
        raise WrongSettings("; ".join(wrong)) from None


def _told(location: tuple[int | str, ...], message: str) -> str:
    return f"HUEMILL_{str(location[0]).upper()}: {plain(message)}"


def check_openness(settings: Settings, host: str) -> None:
    """Raises WrongSettings where a gateway without keys would listen at an address that other machines can reach."""
    if settings.auth == "none" and not settings.allow_open and not is_loopback(host):
        raise WrongSettings(
            f"Without keys the gateway listens on this machine only, and {host or 'that address'} is for others too. "
            "Set HUEMILL_AUTH=keys, or HUEMILL_ALLOW_OPEN=true where everybody who reaches it may use it."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens at this address or name."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
