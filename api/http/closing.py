"""How a WebSocket that has been opened is told what is wrong: by the code with which it is closed."""

from starlette.websockets import WebSocket

from shared.contract.errors import (
    Expired,
    HuemillError,
    InsufficientScope,
    InvalidRequest,
    NotFound,
    QuotaExceeded,
    Unauthorized,
    Unavailable,
)

# As HTTP has them, in the range that applications have for themselves; the last one is RFC 6455's own for a defect.
CODES: dict[type[HuemillError], int] = {
    InvalidRequest: 4400,
    Unauthorized: 4401,
    InsufficientScope: 4403,
    NotFound: 4404,
    Expired: 4410,
    QuotaExceeded: 4429,
    Unavailable: 1013,
}
FAILED = 1011
REASON_BYTES = 123  # RFC 6455, section 5.5.1


async def close(socket: WebSocket, error: HuemillError) -> None:
    """Close it, and say why."""
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), FAILED)
    await socket.close(code, str(error).encode()[:REASON_BYTES].decode(errors="ignore"))
