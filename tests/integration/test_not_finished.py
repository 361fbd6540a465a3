"""What is asked for too early."""

from collections.abc import Callable

from tests.support.calls import post, problem
from tests.support.processes import Service, StoreServer


def test_a_result_that_is_not_there_yet(
    own_service: Callable[..., Service], own_store: Callable[..., StoreServer]
) -> None:
    """409 says when to come back; of a job that has ended nothing changes any more, and it does not."""
    gateway = own_service(own_store()).start_gateway()  # no worker takes it
    with gateway.client() as client:
        job = post(client, wait=None).json()
        answer = client.get(job["links"]["result"])
        problem(answer, 409, "not_finished")
        assert answer.headers["retry-after"] == "1"
        assert client.delete(job["links"]["self"]).status_code == 204
