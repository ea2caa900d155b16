"""A program with the Python module `kubernetes`: what it does, one line each. Run by test_api_clients.py.

    python_client.py basics          everything that is done with objects once
    python_client.py follow NAME     keeps a list of quotas until NAME is in it, over restarts of the server
"""

import json
import os
import sys

import kubernetes
import urllib3
from kubernetes.client.exceptions import ApiException

GROUP, VERSION, SPACE = "reeve.dev", "v1", "default"
PATIENCE_SECONDS = 60


def say(*words):
    print(*words, flush=True)


def quota(name):
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "BudgetQuota",
        "metadata": {"name": name},
        "spec": {"limits": {"maxTotalTokens": 1}},
    }


def names(items):
    return ",".join(item["metadata"]["name"] for item in items)


def typed(client):
    """CustomObjectsApi, whose answers are plain values."""
    api = kubernetes.client.CustomObjectsApi(client)
    at = {"group": GROUP, "version": VERSION, "namespace": SPACE, "plural": "budgetquotas"}
    for name in "abc":
        api.create_namespaced_custom_object(**at, body=quota(name))
    page = api.list_namespaced_custom_object(**at, limit=2)
    rest = api.list_namespaced_custom_object(**at, limit=2, _continue=page["metadata"]["continue"])
    say("listed", names(page["items"] + rest["items"]))
    patched = api.patch_namespaced_custom_object(
        **at, name="a", body={"metadata": {"labels": {"x": "y"}}}
    )
    say("patched", patched["metadata"]["labels"]["x"])
    patched["spec"]["limits"]["maxTotalTokens"] = 2
    replaced = api.replace_namespaced_custom_object(**at, name="a", body=patched)
    say("replaced", replaced["spec"]["limits"]["maxTotalTokens"])
    try:
        api.replace_namespaced_custom_object(**at, name="a", body=patched)
    except ApiException as error:
        say("stale", error.status, error.reason)
    watch = kubernetes.watch.Watch()
    api.delete_namespaced_custom_object(**at, name="b")
    since = rest["metadata"]["resourceVersion"]
    for event in watch.stream(
        api.list_namespaced_custom_object, **at, resource_version=since, timeout_seconds=PATIENCE_SECONDS
    ):
        if event["type"] == "DELETED":
            say("watched", event["object"]["metadata"]["name"])
            watch.stop()
    try:
        api.get_namespaced_custom_object(**at, name="b")
    except ApiException as error:
        say("missing", error.status)


def dynamic(client, cache):
    """DynamicClient, which lives off discovery."""
    found = kubernetes.dynamic.DynamicClient(client, cache_file=cache)
    quotas = found.resources.get(api_version=f"{GROUP}/{VERSION}", kind="BudgetQuota")
    say("discovered", quotas.name, quotas.namespaced)
    # The library sends bodies of this type only if they are text.
    applied = quotas.server_side_apply(
        body=json.dumps(quota("d")), name="d", namespace=SPACE, field_manager="python"
    )
    say("applied", applied.metadata.name)


def run_and_logs(client):
    """A mission, its run as a Pod, and what that has written."""
    api = kubernetes.client.CustomObjectsApi(client)
    at = {"group": GROUP, "version": VERSION, "namespace": SPACE}
    core = kubernetes.client.CoreV1Api(client)
    mission = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Mission",
        "metadata": {"name": "m"},
        "spec": {"workflow": {"name": "w"}},
    }
    api.create_namespaced_custom_object(**at, plural="missions", body=mission)
    watch = kubernetes.watch.Watch()
    for event in watch.stream(
        api.list_namespaced_custom_object, **at, plural="missions", timeout_seconds=PATIENCE_SECONDS
    ):
        if event["object"].get("status", {}).get("state") == "COMPLETE":
            say("complete", event["object"]["metadata"]["name"])
            watch.stop()
    for pod in core.list_namespaced_pod(SPACE).items:
        say("pod", pod.metadata.name, pod.status.phase)
        say("log", core.read_namespaced_pod_log(pod.metadata.name, SPACE).strip())
    say("events", bool(core.list_namespaced_event(SPACE).items))


def follow(client, wanted):
    """As informers do: a list, a watch from there, and both again when that ends."""
    api = kubernetes.client.CustomObjectsApi(client)
    at = {"group": GROUP, "version": VERSION, "namespace": SPACE, "plural": "budgetquotas"}
    known = set()
    while wanted not in known:
        try:
            listed = api.list_namespaced_custom_object(**at)
            known = {item["metadata"]["name"] for item in listed["items"]}
            say("synced", names(listed["items"]))
            for event in kubernetes.watch.Watch().stream(
                api.list_namespaced_custom_object, **at,
                resource_version=listed["metadata"]["resourceVersion"], timeout_seconds=PATIENCE_SECONDS,
            ):  # fmt: skip
                known.add(event["object"]["metadata"]["name"])
                if wanted in known:
                    break
        except (ApiException, urllib3.exceptions.HTTPError):
            # The server is away; the client itself waits before it connects again.
            continue
    say("has", wanted)


def main():
    client = kubernetes.config.new_client_from_config(os.environ["KUBECONFIG"])
    if sys.argv[1] == "follow":
        follow(client, sys.argv[2])
        return
    typed(client)
    dynamic(client, os.environ["DISCOVERY_CACHE"])
    run_and_logs(client)


if __name__ == "__main__":
    main()
