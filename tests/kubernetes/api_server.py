"""Stands in for a cluster's API, as far as kubectl needs it to apply, wait and delete.

Objects are kept as they are sent. A Deployment is rolled out, and a Job complete, as soon as it is
there; what was asked, and in which order, is in :attr:`ApiServer.asked`. Nothing is told later: a
watch ends at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from tests.kubernetes.kustomize import Object

_PATH: Final = re.compile(
    r"(?P<group>/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"(?:/(?P<plural>\w+)(?:/(?P<name>[^/]+))?)?"
)
_CLUSTER_WIDE: Final = {"Namespace"}
_NOT_FOUND: Final = {"kind": "Status", "apiVersion": "v1", "code": 404, "reason": "NotFound"}


class Asked(NamedTuple):
    """One change: ``POST``, ``PATCH`` or ``DELETE``, of what."""

    method: str
    kind: str
    name: str


class ApiServer:
    """Serves the kinds of some objects.

    Args:
        kinds: objects of each kind that it shall know.
        jobs_fail: no Job becomes complete.

    Attributes:
        asked: every change, in order.
        url: where it listens.
    """

    def __init__(self, kinds: Iterable[Object], *, jobs_fail: bool = False) -> None:
        self._jobs_fail = jobs_fail
        self._kinds = {(each["apiVersion"], each["kind"]) for each in kinds}
        self.objects: dict[str, Object] = {}
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, name="api-server", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def configuration(self, folder: Path) -> Path:
        """A file for ``KUBECONFIG`` that leads here."""
        file = folder / "kubeconfig"
        here = [{"name": "here", "cluster": {"server": self.url}}]
        context = [{"name": "here", "context": {"cluster": "here", "user": "nobody"}}]
        users = [{"name": "nobody", "user": {}}]
        config = {"clusters": here, "contexts": context, "users": users, "current-context": "here"}
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **config}))
        return file

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Object]:
        """What is said to one request."""
        parts = urlsplit(path)
        if parts.path in _DISCOVERY:
            return 200, self._discovered(parts.path)
        if parts.path.startswith("/openapi/v3/"):
            return 200, self._described()
        match = _PATH.fullmatch(parts.path)
        if match is None:
            return 404, _NOT_FOUND
        if match["plural"] is None and match["namespace"] is None:
            return 200, self._resources(_version(match["group"]))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return self._of_objects(method, parts.path, query, body)

    def _of_objects(
        self, method: str, path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, Object]:
        if method == "POST":
            made = self._settled(json.loads(body))
            key = f"{path}/{made['metadata']['name']}"
            self.objects[key] = made
            return 201, self._noted(method, made)
        if method == "GET" and path not in self.objects:
            return self._listed(path, query)
        found = self.objects.get(path)
        if found is None:
            return 404, _NOT_FOUND
        if method == "DELETE":
            del self.objects[path]
        return 200, found if method == "GET" else self._noted(method, found)

    def _listed(self, path: str, query: dict[str, str]) -> tuple[int, Object]:
        """A collection, or nothing: a name that is not there looks like one of many."""
        if path.rsplit("/", 1)[-1] not in {_plural(kind) for _, kind in self._kinds}:
            return 404, _NOT_FOUND
        name = query.get("fieldSelector", "").removeprefix("metadata.name=")
        label = dict([query["labelSelector"].split("=")]) if "labelSelector" in query else {}
        items = [
            each
            for key, each in self.objects.items()
            if key.rsplit("/", 1)[0] == path
            and (not name or each["metadata"]["name"] == name)
            and label.items() <= each["metadata"].get("labels", {}).items()
        ]
        metadata = {"resourceVersion": "1"}
        return 200, {"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": items}

    def _settled(self, made: Object) -> Object:
        """An object, as it is when controllers have done their part."""
        name = made["metadata"]["name"]
        made["metadata"] |= {"uid": name, "resourceVersion": "1", "generation": 1}
        if made["kind"] == "Job" and not self._jobs_fail:
            made["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
        if made["kind"] == "Deployment":
            replicas = made["spec"].get("replicas", 1)
            counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
            made["status"] = {"observedGeneration": 1, **dict.fromkeys(counts, replicas)}
        return made

    def _noted(self, method: str, each: Object) -> Object:
        self.asked.append(Asked(method, each["kind"], each["metadata"]["name"]))
        return each

    def _discovered(self, path: str) -> Object:
        versions = sorted({version for version, _ in self._kinds if "/" in version})
        if path == "/version":
            return {"major": "1", "minor": "35", "gitVersion": "v1.35.0"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/openapi/v3":
            paths = ["api/v1", *(f"apis/{each}" for each in versions)]
            urls = {each: {"serverRelativeURL": f"/openapi/v3/{each}"} for each in paths}
            return {"paths": urls}
        groups = [
            {
                "name": each.split("/")[0],
                "versions": [{"groupVersion": each, "version": each.split("/")[1]}],
                "preferredVersion": {"groupVersion": each, "version": each.split("/")[1]},
            }
            for each in versions
        ]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _resources(self, version: str) -> Object:
        found = [
            {
                "name": _plural(kind),
                "singularName": kind.lower(),
                "kind": kind,
                "namespaced": kind not in _CLUSTER_WIDE,
                "verbs": ["create", "delete", "get", "list", "patch", "watch"],
            }
            for of, kind in sorted(self._kinds)
            if of == version
        ]
        return {"kind": "APIResourceList", "groupVersion": version, "resources": found}

    def _described(self) -> Object:
        """Enough for kubectl to leave the validation to the server."""
        names = ("dryRun", "fieldValidation", "fieldManager")
        parameters = [{"name": each, "in": "query"} for each in names]
        paths = {
            f"/{kind}": {
                "patch": {
                    "parameters": parameters,
                    "x-kubernetes-group-version-kind": _group_version_kind(version, kind),
                }
            }
            for version, kind in self._kinds
        }
        return {"openapi": "3.0.0", "info": {"title": "Kubernetes"}, "paths": paths}


_DISCOVERY: Final = {"/version", "/api", "/apis", "/openapi/v3"}


def _version(path: str) -> str:
    return path.removeprefix("/apis/").removeprefix("/api/")


def _plural(kind: str) -> str:
    name = kind.lower()
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


def _group_version_kind(version: str, kind: str) -> Object:
    group, _, number = version.rpartition("/")
    return {"group": group, "version": number, "kind": kind}


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, found = server.answer(self.command, self.path, body)
            text = b"" if "watch=" in self.path else json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base's

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base's
            """Say nothing."""

    return Handler
