"""`huemill jobs` and `huemill cancel`: what there is, and an end to what nobody wants any more."""

import sys
from collections.abc import Sequence
from itertools import islice

import click
import orjson
from rich.console import Console

from cli.client import Client, ServiceError
from cli.display import show_jobs
from cli.exits import EXIT_FAILED, EXIT_UNREACHABLE
from shared.contract.description import PRIORITIES

DEFAULT_URL = "http://127.0.0.1:8000"
STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")

url_option = click.option(
    "--url", default=DEFAULT_URL, show_default=True, envvar="HUEMILL_URL", help="Where the service is."
)


@click.command()
@url_option
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs in this state.")
@click.option("--algorithm", help="Only jobs of this algorithm.")
@click.option("--tag", "tags", multiple=True, help="Only jobs with this tag; repeated: with all of them.")
@click.option("--reference", help="Only jobs with this reference of yours.")
@click.option("--priority", type=click.Choice(PRIORITIES), help="Only jobs of this priority.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each job, one a line.")
def jobs(
    url: str,
    status: str | None,
    algorithm: str | None,
    tags: Sequence[str],
    reference: str | None,
    priority: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the jobs that the service keeps, the newest first.

    Exit code: 0, also where there are none; 1 when the service refuses, 3 when none answers.
    """
    wanted = {"status": status, "algorithm": algorithm, "tag": list(tags), "priority": priority}
    wanted["client_reference"] = reference
    try:
        with Client(url) as client:
            found = list(islice(client.jobs(**wanted, limit=min(limit, 100)), limit))
    except ServiceError as error:
        sys.exit(_told(error))
    if as_json:
        for job in found:
            click.echo(orjson.dumps(job))
    else:
        show_jobs(Console(), found)


@click.command()
@url_option
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def cancel(url: str, ids: Sequence[str]) -> None:
    """Cancel the jobs with these IDs. One that has ended otherwise, or is not there, is told of; the others go on.

    Exit code: 0 when all are cancelled, 1 when one is not, 3 when no service answers.
    """
    exits = {0}
    with Client(url) as client:
        for job_id in ids:
            try:
                client.cancelled(job_id)
                click.echo(f"{job_id}: cancelled")
            except ServiceError as error:
                exits.add(_told(error, job_id))
    sys.exit(max(exits))


def _told(error: ServiceError, job_id: str = "huemill") -> int:
    """The exit code for an error, which is said on standard error."""
    click.echo(f"{job_id}: {error}", err=True)
    return EXIT_UNREACHABLE if error.code == "unreachable" else EXIT_FAILED
