"""Prefect's own server and worker with one flow run to start.

Usage: worker.py TEMPLATE KUBECONFIG NAMESPACE

The server has a work pool of the template; the worker signs in to the cluster by the kubeconfig, with the settings that
`widctl render` names. Prints a line of JSON when the flow run waits for the worker, and ends with its standard input.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import httpx


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def main(template, kubeconfig, namespace):
    home = tempfile.TemporaryDirectory()
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = dict(
        os.environ,
        DO_NOT_TRACK="1",
        KUBECONFIG=kubeconfig,
        PREFECT_HOME=home.name,
        PREFECT_API_DATABASE_CONNECTION_URL=f"sqlite+aiosqlite:///{home.name}/prefect.db",
        PREFECT_API_URL=url,
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT_WORKER_QUERY_SECONDS="1",
        PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES=namespace,
        PREFECT_KUBERNETES_CLUSTER_UID="test",
    )
    prefect = pathlib.Path(sys.executable).with_name("prefect")
    started = []

    def start(*arguments):
        quiet = {"stdout": sys.stderr, "stdin": subprocess.DEVNULL}
        started.append(subprocess.Popen([prefect, *arguments], env=environment, **quiet))

    try:
        start("server", "start", "--port", str(port))
        with httpx.Client(base_url=url) as client:
            prepare(client, json.loads(pathlib.Path(template).read_text()))
        start("worker", "start", "--pool", "pool", "--install-policy", "never")
        print(json.dumps({"ready": True}), flush=True)
        sys.stdin.read()
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def prepare(client, template):
    """A work pool, a deployment in it, and a run of that."""
    for _ in range(600):
        try:
            if client.get("/health").is_success:
                break
        except httpx.TransportError:
            pass
        time.sleep(0.2)

    def post(path, body):
        answer = client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    post("/work_pools/", {"name": "pool", "type": "kubernetes", "base_job_template": template})
    flow = post("/flows/", {"name": "flow"})["id"]
    deployment = {"name": "deployment", "flow_id": flow, "work_pool_name": "pool"}
    deployed = post("/deployments/", deployment)["id"]
    post(f"/deployments/{deployed}/create_flow_run", {"state": {"type": "SCHEDULED"}})


main(*sys.argv[1:])
