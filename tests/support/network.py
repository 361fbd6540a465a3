"""A network of its own for one server, whose packets can be dropped without a word."""

import subprocess

HOST, INSIDE = "10.213.77.1", "10.213.77.2"
NAME = "huemill-faults"
LINK = "hm-faults"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


class Network:
    """A network namespace joined to this host by a pair of virtual devices. Needs root, iproute2 and iptables."""

    under = ("ip", "netns", "exec", NAME)
    """Runs a command inside."""

    def __init__(self) -> None:
        _run("ip", "netns", "add", NAME)
        _run("ip", "link", "add", LINK, "type", "veth", "peer", "name", f"{LINK}-in", "netns", NAME)
        _run("ip", "address", "add", f"{HOST}/30", "dev", LINK)
        _run("ip", "link", "set", LINK, "up")
        _run(*self.under, "ip", "address", "add", f"{INSIDE}/30", "dev", f"{LINK}-in")
        _run(*self.under, "ip", "link", "set", f"{LINK}-in", "up")

    def drop(self) -> None:
        """From now on every packet is lost, in both directions; no connection hears of it."""
        for chain in ("INPUT", "OUTPUT"):
            _run(*self.under, "iptables", "--append", chain, "--jump", "DROP")

    def heal(self) -> None:
        _run(*self.under, "iptables", "--flush")

    def close(self) -> None:
        _run("ip", "netns", "delete", NAME)  # its devices go with it
