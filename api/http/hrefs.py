"""The addresses that clients are told: paths from the root, under the prefix that a proxy serves the gateway at.

Never a host or a scheme: whoever asks names those, and could name any.
"""

_prefix = ""


def serve_under(prefix: str) -> None:
    """Let all addresses of this process begin with `prefix`: "" or "/some/path"."""
    global _prefix
    _prefix = prefix


def href(path: str) -> str:
    """`path`, such as /v1/jobs, as a client reaches it."""
    return _prefix + path
