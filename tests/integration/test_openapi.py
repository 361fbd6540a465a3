"""The OpenAPI document: valid, true, and enough to make a client from, which then does everything."""

import base64
import importlib
import io
import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from tests.conftest import ONE_STORE
from tests.support.images import SMALL_PNG, encoded, noise
from tests.support.processes import Service, StoreServer
from tests.support.web import Web, gives

pytestmark = ONE_STORE

MASK = encoded(noise(6, 8))
IDS = {
    *("create_job", "get_job", "get_result", "get_labels", "get_file", "get_palette", "get_events", "cancel_job"),
    *(
        "delete_job",
        "store_image",
        "get_image",
        "delete_image",
        "list_algorithms",
        "get_limits",
        "healthz",
        "readyz",
        "metrics",
    ),
    *("list_jobs", "get_socket", "list_errors", "get_error", "get_callbacks", "replay_callbacks", "get_limits"),
}


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """The document is valid OpenAPI, every operation has a short name and a summary, and nothing unsent is in it."""
    validate(document)
    assert {operation["operationId"] for operation in operations(document)} == IDS
    assert all(operation["summary"] for operation in operations(document))
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    assert "itemSchema" not in text


def test_what_is_sent_is_described(document: dict[str, Any]) -> None:
    """The operation that takes a job says how to ask for a callback in each form, and what is then sent."""
    submit = document["paths"]["/v1/jobs"]["post"]
    (address,) = submit["callbacks"]["job"].values()
    message = address["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "job.succeeded" in message["properties"]["type"]["enum"]
    assert {each["name"] for each in address["post"]["parameters"]} == {
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
    content = submit["requestBody"]["content"]
    form = content["multipart/form-data"]["schema"]["properties"]
    variants = [form["params"]["oneOf"][0], *content["application/json"]["schema"]["oneOf"]]
    for properties in (form, *(variant["properties"] for variant in variants)):
        assert {"callback_url", "callback_events"} <= set(properties)
    assert {"callback_url", "callback_events"} <= {each["name"] for each in submit["parameters"]}


def test_problems_are_one_schema(document: dict[str, Any]) -> None:
    """Each operation may answer 405 and 500; problems are of one schema, and name their fields."""
    for operation in operations(document):
        answers = operation["responses"]
        assert {"405", "500"} <= set(answers), operation["operationId"]
        for status, answer in answers.items():
            if int(status) >= 400:
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, operation["operationId"]
        assert "Allow" in answers["405"]["headers"]
    submit = document["paths"]["/v1/jobs"]["post"]["responses"]
    told = {"Location", "Preference-Applied", "Idempotent-Replayed"}
    assert set(submit["202"]["headers"]) == {*told, "Retry-After"}
    assert set(submit["200"]["headers"]) == told
    assert "Retry-After" in submit["409"]["headers"]
    assert "Retry-After" in submit["503"]["headers"]


def test_the_first_examples_run(document: dict[str, Any], client: httpx.Client) -> None:
    """What the console fills in at first can be sent; the stored image's example runs when the first one is stored."""
    links: set[str] = set()
    for path in ("/v1/images", "/v1/jobs"):
        examples = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]
        assert next(iter(examples)) == "base64"
        made = [client.post(path, json=examples[name]["value"]) for name in ("base64", "sha256")]
        assert all(answer.is_success for answer in made)
        links |= {answer.json()["links"]["self"] for answer in made}
        assert "only where" in examples["url"]["summary"]
    for link in links:
        client.delete(link)  # the service is for other tests too


@pytest.fixture(scope="module")
def made(service: Service, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """A client made from the document alone."""
    folder = tmp_path_factory.mktemp("made")
    with service.client() as http:
        (folder / "openapi.json").write_bytes(http.get("/openapi.json").content)
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none"]
    config = folder / "config.yml"
    config.write_text("post_hooks: []\n")
    subprocess.run(
        [*command, "--config", str(config), "--output-path", str(folder / "made_client")],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("made_client")
    finally:
        sys.path.remove(str(folder))


def part(made: ModuleType, name: str) -> Any:
    sys.path.insert(0, str(Path(made.__path__[0]).parent))
    try:
        return importlib.import_module(f"made_client.{name}")
    finally:
        del sys.path[0]


def test_all_of_a_made_client_can_be_imported(made: ModuleType) -> None:
    """Every module of it is Python that runs: those of operations, too, of which no test makes use."""
    names = [module.name.partition(".")[2] for module in pkgutil.walk_packages(made.__path__, "made_client.")]
    assert {f"api.jobs.{name}" for name in ("create_job", "get_job", "cancel_job", "delete_job")} < set(names)
    for name in names:
        part(made, name)


def test_a_client_that_is_made_from_it(made: ModuleType, service: Service) -> None:
    """It posts an image as a file, in a form and as JSON, none of them untyped, and reads the job, its result, its
    labels, its files and a problem.
    """
    models, types = part(made, "models"), part(made, "types")
    create = part(made, "api.jobs.create_job")
    with made.Client(base_url=service.url, headers={"Accept": "application/json"}) as client:

        def file() -> Any:
            return types.File(payload=io.BytesIO(SMALL_PNG), file_name="a.png", mime_type="image/png")

        bodies = [
            file(),
            models.CreateJobFilesBody(image=file()),
            models.CreateJobJsonJobOfImage(image_base64=base64.b64encode(SMALL_PNG).decode()),
        ]
        jobs = [create.sync(client=client, body=body, prefer="wait=30") for body in bodies]
        assert [str(job.status) for job in jobs] == ["succeeded"] * 3
        assert len({job.result.digest for job in jobs}) == 1

        job = jobs[0]
        assert part(made, "api.jobs.get_job").sync(job.id, client=client).to_dict() == job.to_dict()
        result = part(made, "api.results.get_result").sync(job.id, client=client)
        assert result.digest == job.result.digest
        bare = part(made, "api.results.get_result").sync(job.id, client=client, labels=models.GetResultLabels.NONE)
        assert bare.palette[0].hex_ == result.palette[0].hex_
        labels = part(made, "api.results.get_labels").sync(job.id, client=client)
        assert labels.data == result.labels.data
        png = part(made, "api.results.get_file").sync(job.id, "labels.png", client=client)
        assert png.payload.read().startswith(b"\x89PNG")
        missing = part(made, "api.jobs.get_job").sync("0" * 32, client=client)
        assert (type(missing).__name__, missing.code) == ("Problem", "not_found")


def test_a_made_client_names_images(
    made: ModuleType, own_service: Callable[..., Service], own_store: Callable[..., StoreServer]
) -> None:
    """It stores an image and clusters it by its hash, and has one fetched from its address, masks likewise; what is not
    there it reads as a problem.
    """
    models, types = part(made, "models"), part(made, "types")
    create, store = part(made, "api.jobs.create_job"), part(made, "api.images.store_image")
    with closing(Web("127.0.0.2")) as web:
        web.answers |= {"/a.png": gives(SMALL_PNG), "/mask.png": gives(MASK)}
        service = own_service(own_store(), fetch_urls=True, fetch_allow="127.0.0.2", fetch_ports=web.port)
        service.start_gateway().start_worker()
        service.wait_for_workers()
        with made.Client(base_url=service.url) as client:
            kept, mask = (
                store.sync(client=client, body=models.StoreImageFilesBody(image=types.File(io.BytesIO(data), "a.png")))
                for data in (SMALL_PNG, MASK)
            )
            bodies = [
                models.CreateJobJsonJobOfStoredImage(image_sha256=kept.sha256),
                models.CreateJobJsonJobOfStoredImage(image_sha256=kept.sha256, mask_url=web.url("/mask.png")),
                models.CreateJobJsonJobOfUrl(image_url=web.url("/a.png"), mask_sha256=mask.sha256),
                models.CreateJobJsonJobOfUrl(image_url=web.url("/a.png")),
            ]
            jobs = [create.sync(client=client, body=body, prefer="wait=30") for body in bodies]
            assert [str(job.status) for job in jobs] == ["succeeded"] * 4
            assert jobs[0].result.digest == jobs[3].result.digest != jobs[1].result.digest == jobs[2].result.digest
            assert [job.mask is None for job in jobs] == [True, False, False, True]
            again = models.StoreImageJsonUrlToStore(image_url=web.url("/a.png"))
            assert store.sync(client=client, body=again).sha256 == kept.sha256
            assert part(made, "api.images.get_image").sync(kept.sha256, client=client).width == 8
            part(made, "api.images.delete_image").sync_detailed(kept.sha256, client=client)
            gone = create.sync(client=client, body=bodies[0])
            assert (type(gone).__name__, gone.code) == ("Problem", "unknown_image")
            nowhere = create.sync(client=client, body=models.CreateJobJsonJobOfUrl(image_url=web.url("/b.png")))
            assert (type(nowhere).__name__, nowhere.code) == ("Problem", "fetch_failed")
