"""`huemill callbacks`: for people who build a receiver."""

import click

from cli.exits import fail
from cli.listener import Listener
from shared.contract.webhooks import key_of


@click.group()
def callbacks() -> None:
    """For people who build a receiver of callbacks."""


@callbacks.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", required=True, type=click.IntRange(1, 65535))
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    envvar="HUEMILL_CALLBACK_SECRET",
    help="As the service has it, to verify what comes; repeated while secrets are rotated. Others on this machine see "
    "a command's options: the variable is for secrets in earnest.",
    show_envvar=True,
)
def listen(host: str, port: int, secrets: tuple[str, ...]) -> None:
    """Print what arrives, and whether it is signed as it should be, until Ctrl-C.

    What is verified is answered 204, what is not 401. Without a secret nothing is verified, and all is answered 204.
    """
    try:
        keys = [key_of(secret) for text in secrets for secret in text.replace(",", " ").split()]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        with Listener(host, port, keys, click.echo) as listener:
            click.echo(f"listening at {listener.url}; Ctrl-C stops it.")
            listener.serve_forever()
    except OSError as error:
        fail(f"cannot listen at {host}:{port}: {error.strerror}")
    except KeyboardInterrupt:
        click.echo("stopped")
