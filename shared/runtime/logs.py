"""Logs as JSON, one object a line; whatever is bound stands on every line: `with bound(job_id=..., attempt=...)`.

All code logs through Python's `logging`, as libraries do; only the form is made here.
"""

import logging
import sys
from typing import Literal

import structlog
from structlog.contextvars import bound_contextvars
from structlog.types import Processor

LogFormat = Literal["json", "text"]
bound = bound_contextvars
"""`with bound(job_id=...)`: every line within, of this thread or task, has these fields."""


def formatter(log_format: LogFormat) -> logging.Formatter:
    """Makes the lines of any handler."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        # Where rich is installed structlog shows each frame's variables by default, passwords among them.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render]
    )


def set_up(log_format: LogFormat) -> None:
    """Let the whole process log to standard error in `log_format`, instead of what was set up before."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(log_format))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    # These come with handlers of their own. The log of accesses is left as it is: off, unless somebody wants it.
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
