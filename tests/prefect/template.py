"""Tries every way out of rendered base job templates on Prefect's own code.

Usage: template.py TEMPLATE NAMESPACE ACCOUNT

The server is asked first (the real API in this process, with a database of its own): it must take the template and
refuse what a deployment or a flow run may not set. What it takes is given to the worker's library, whose Job must have
namespace, account and label as the template says. The last line counts what was tried.
"""

import asyncio
import copy
import json
import logging
import os
import sys
import tempfile
import uuid

HOME = tempfile.mkdtemp()
os.environ.update(
    PREFECT_HOME=HOME,
    PREFECT_API_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{HOME}/prefect.db",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_LOGGING_LEVEL="CRITICAL",
    PREFECT_KUBERNETES_CLUSTER_UID="test",
    DO_NOT_TRACK="1",
)
os.environ.pop("PREFECT_API_URL", None)

import httpx  # noqa: E402
from prefect.client.schemas.objects import FlowRun  # noqa: E402
from prefect.server.api.server import create_app  # noqa: E402
from prefect.server.database import provide_database_interface  # noqa: E402
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration  # noqa: E402

logging.disable(logging.CRITICAL)

USE = "azure.workload.identity/use"
OTHER = "somebody-else"
CLIENT = "00000000-0000-4000-8000-00000000dead"
WEBHOOK = [
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
]


def nested(path, value):
    """The value below keys."""
    for key in reversed(path):
        value = {key: value}
    return value


def ways_out():
    """Job variables by which somebody might change who a flow run is."""
    names = ["service_account_name", "serviceAccountName", "service_account", "serviceAccount"]
    for name in names:
        yield {name: OTHER}
        yield {name: None}
    for name in ["namespace", "job_namespace"]:
        yield {name: OTHER}
        yield {name: None}
    marks = [{USE: "false"}, {USE: ""}, {USE: None}, {"team": "x"}, {}, None, {USE.upper(): "true"}]
    for marks_of in ["labels", "pod_labels", "annotations", "pod_annotations"]:
        for value in marks:
            yield {marks_of: value}
    skipped = "azure.workload.identity/skip-containers"
    expiration = "azure.workload.identity/service-account-token-expiration"
    for annotation, value in [(skipped, "prefect-job"), (expiration, "86400"), (skipped, "")]:
        yield {"annotations": {annotation: value}}
        yield {"labels": {annotation: value}}
    yield {"cluster_config": {"config": {}, "context_name": "other"}}
    yield {"cluster_config": "{{ prefect.blocks.kubernetes-cluster-config.other }}"}
    yield {"cluster_config": None}
    for name in WEBHOOK:
        yield {"env": {name: CLIENT}}
        yield {"env": {name: ""}}
        yield {"env": {name: None}}
        yield {f"env.{name}": CLIENT}
        yield {"env": [{"name": name, "value": CLIENT}]}
        reference = {"fieldRef": {"fieldPath": "metadata.name"}}
        yield {"env": [{"name": name, "valueFrom": reference}]}
        yield {"env": {"OTHER": "x", name: CLIENT}}
        yield {"env": {"OTHER": "x"}, f"env.{name}": CLIENT}
    places = {
        ("job_manifest", "spec", "template", "spec", "serviceAccountName"): OTHER,
        ("job_manifest", "spec", "template", "metadata", "labels", USE): "false",
        ("job_manifest", "metadata", "namespace"): OTHER,
        ("job_manifest", "metadata", "labels", USE): "false",
        ("spec", "template", "spec", "serviceAccountName"): OTHER,
        ("job_configuration", "namespace"): OTHER,
        ("job_configuration", "labels", USE): "false",
        ("variables", "namespace"): OTHER,
        ("metadata", "namespace"): OTHER,
    }
    for path, value in places.items():
        yield nested(path, value)
        yield {".".join(path): value}
        yield {path[0]: json.dumps(nested(path[1:], value))}
    for name in ["customizations", "job", "pod_spec", "pod_template", "job_spec", "volumes"]:
        yield {name: [{"op": "replace", "path": "/metadata/namespace", "value": OTHER}]}
        yield {name: {"serviceAccountName": OTHER}}
    texts = ["{{ namespace }}", "{{ prefect.variables.x }}", '", "namespace": "other']
    for name in ["name", "image", "command"]:
        for text in texts:
            yield {name: text}
    for name in ["image", "command", "cpu_limit", "stream_output", "backoff_limit"]:
        yield {name: {"serviceAccountName": OTHER}}
        yield {name: [{"serviceAccountName": OTHER}]}


HARMLESS = [{}, {"image": "x:1"}, {"env": {"OTHER": "x"}}, {"name": "run"}, {"stream_output": False}]


class EmptyWorkspace:
    """A client whose workspace has no variables and no blocks."""

    async def read_variable_by_name(self, name):
        return None

    async def read_block_document_by_name(self, name, block_type_slug):
        raise LookupError(f"there is no block {block_type_slug}/{name}")


async def manifest(template, variables):
    """The Job that a worker would make."""
    configuration = await KubernetesWorkerJobConfiguration.from_template_and_values(
        copy.deepcopy(template), copy.deepcopy(variables), client=EmptyWorkspace()
    )
    configuration.prepare_for_flow_run(FlowRun(flow_id=uuid.uuid4(), name="run"))
    return configuration


def differs(configuration, namespace, account):
    """What of the Job is not as the template says."""
    job = configuration.job_manifest
    pod = job["spec"]["template"]
    metadata = pod.get("metadata") or {}
    environment = {}
    for container in pod["spec"]["containers"]:
        for variable in container.get("env") or []:
            environment[variable["name"]] = variable
    found = {
        "namespace": configuration.namespace,
        "namespace of the Job": job["metadata"]["namespace"],
        "account": pod["spec"].get("serviceAccountName"),
        "label": (metadata.get("labels") or {}).get(USE),
        "cluster": configuration.cluster_config,
        "old account": pod["spec"].get("serviceAccount"),
        "annotations": [
            name
            for name in (metadata.get("annotations") or {})
            if name.startswith("azure.workload.identity")
        ],
        "environment": sorted(set(environment) & set(WEBHOOK)),
    }
    wanted = {
        "namespace": namespace,
        "namespace of the Job": namespace,
        "account": account,
        "label": "true",
        "cluster": None,
        "old account": None,
        "annotations": [],
        "environment": [],
    }
    return {what: value for what, value in found.items() if value != wanted[what]}


class Server:
    """The API, with a pool of the template and a deployment in it."""

    def __init__(self, client):
        self.client = client
        self.count = 0

    async def post(self, path, body, *codes):
        answer = await self.client.post(path, json=body)
        assert answer.status_code in codes, (path, answer.status_code, answer.text[:500])
        return answer

    async def prepare(self, template):
        pool = {"name": "pool", "type": "kubernetes", "base_job_template": template}
        await self.post("/work_pools/", pool, 201)
        stored = (await self.client.get("/work_pools/pool")).json()["base_job_template"]
        assert stored == template, "the server changed the template"
        self.flow = (await self.post("/flows/", {"name": "flow"}, 201)).json()["id"]
        made = await self.deployment("deployment", {})
        assert made.status_code == 201, made.text
        self.deployed = made.json()["id"]

    async def deployment(self, name, variables):
        body = {"name": name, "flow_id": self.flow, "work_pool_name": "pool", "job_variables": variables}
        return await self.post("/deployments/", body, 200, 201, 409, 422)

    async def takes(self, variables):
        """Whether a deployment, and whether a run of one, may have these variables."""
        self.count += 1
        deployment = await self.deployment(f"d{self.count}", variables)
        path = f"/deployments/{self.deployed}/create_flow_run"
        run = await self.post(path, {"job_variables": variables}, 201, 409, 422)
        return [answer.status_code < 300 for answer in (deployment, run)]


async def neutral_on_the_worker(template, variables, namespace, account):
    """The worker makes the Job that the template says, or none."""
    try:
        made = await manifest(template, variables)
    except Exception:  # What is no configuration of a Job.
        return
    found = differs(made, namespace, account)
    assert not found, f"{variables}: {found}"


async def main(path, namespace, account):
    with open(path) as file:
        template = json.load(file)
    await provide_database_interface().create_db()
    # Without its lifespan the API has no services in the background, which would lock the database.
    transport = httpx.ASGITransport(app=create_app(ephemeral=True))
    refused = neutral = 0
    # The API itself is mounted below /api.
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api") as client:
        server = Server(client)
        await server.prepare(template)
        for variables in HARMLESS:
            assert all(await server.takes(variables)), f"refused: {variables}"
            assert not differs(await manifest(template, variables), namespace, account), variables
        for variables in ways_out():
            if not any(await server.takes(variables)):
                refused += 1
                continue
            await neutral_on_the_worker(template, variables, namespace, account)
            neutral += 1
    # Nobody checks the variables of a run that names a pool without a deployment; `env` stays open there.
    for variables in ways_out():
        if not any(name.split(".")[0] == "env" for name in variables):
            await neutral_on_the_worker(template, variables, namespace, account)
    print(f"{refused} refused by the server, {neutral} without effect on the Job")


asyncio.run(main(*sys.argv[1:]))
