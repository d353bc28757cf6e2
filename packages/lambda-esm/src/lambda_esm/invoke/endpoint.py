"""Functions behind a Lambda Invoke API: AWS, ``sam local start-lambda``, moto, or the runtime
interface emulator.

Source: Lambda API reference, ``Invoke``. Connections are kept alive, one for each invocation that
is out. The emulator serves one invocation at a time and knows one name, ``function``; its whole URL
is given then, once for each container.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
import urllib3

from lambda_esm.errors import EsmError
from lambda_esm.model.account import region
from lambda_esm.model.event import Rows
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import VERSION, Outcome, new_request_id

log = logging.getLogger(__name__)

_PATH: Final = "/2015-03-31/functions/{}/invocations"
_CONNECT_S: Final = 5.0
_AWS_HOST: Final = ".amazonaws.com"
# What a function that raised answers with; the emulator marks it in no other way.
_ERROR_MEMBERS: Final = {"errorMessage", "errorType", "requestId", "stackTrace"}


class Endpoint:
    """Invokes functions over HTTP.

    Args:
        urls: of the Invoke API. One that ends in ``/invocations`` is a container of the emulator,
            and takes one invocation at a time; there may be several of those.
        connections: how many to keep.
        grace_s: seconds an answer may come after the function's timeout.

    Raises:
        EsmError: a URL is not one, or AWS is meant and there are no credentials.
    """

    def __init__(self, urls: Iterable[str], connections: int, grace_s: float) -> None:
        self._containers: SimpleQueue[str] = SimpleQueue()
        self._base = ""
        for url in urls:
            self._add(url)
        self._grace_s = grace_s
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False)
        self._sign = _signer(self._base)

    def invoke(self, mapping: Mapping, rows: Rows) -> Outcome:
        """POST the event and read the answer."""
        body = msgspec.json.encode(mapping.source.event(rows))
        timeout = mapping.function.timeout_s + self._grace_s
        if self._base:
            path = _PATH.format(quote(mapping.function.name))
            return self._post(self._base + path, body, timeout)
        container = self._containers.get()
        try:
            return self._post(container, body, timeout)
        finally:
            self._containers.put(container)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _add(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EsmError(f"The endpoint {url!r} is not a URL such as http://127.0.0.1:3001.")
        if parts.path.endswith("/invocations"):
            self._containers.put(url)
        else:
            self._base = url.rstrip("/")

    def _post(self, url: str, body: bytes, timeout_s: float) -> Outcome:
        request_id = new_request_id()
        headers = {
            "Content-Type": "application/json",
            "X-Amz-Invocation-Type": "RequestResponse",
            "X-Amz-Log-Type": "None",
        }
        try:
            answer = self._pool.request(
                "POST",
                url,
                body=body,
                headers=self._sign(url, body, headers),
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=timeout_s),
            )
        except urllib3.exceptions.ReadTimeoutError:
            reason = f"no answer within {timeout_s:g} s"
            return Outcome(kind="timeout", request_id=request_id, reason=reason)
        except urllib3.exceptions.HTTPError as error:
            return Outcome(kind="unreachable", request_id=request_id, reason=str(error))
        return _outcome(answer, request_id)


def _outcome(answer: urllib3.BaseHTTPResponse, request_id: str) -> Outcome:
    named = answer.headers.get("x-amzn-RequestId", request_id)
    version = answer.headers.get("X-Amz-Executed-Version", VERSION)
    error = answer.headers.get("X-Amz-Function-Error")
    if answer.status == 429:
        return Outcome(
            kind="throttled", request_id=named, status=answer.status, reason=_text(answer)
        )
    if answer.status >= 300:
        reason = f"HTTP {answer.status}: {_text(answer)}"
        return Outcome(kind="unreachable", request_id=named, status=answer.status, reason=reason)
    value = _value(answer)
    if error or _is_error(value):
        return Outcome(
            kind="timeout" if "timed out" in _reason(value) else "error",
            request_id=named,
            status=answer.status,
            version=version,
            reason=_reason(value),
            function_error=error or "Unhandled",
        )
    return Outcome(
        kind="success", request_id=named, status=answer.status, version=version, answer=value
    )


def _value(answer: urllib3.BaseHTTPResponse) -> Any:
    """The answer; what is not JSON, as Lambda's would be, is taken for a string."""
    try:
        return json.loads(answer.data) if answer.data.strip() else None
    except ValueError:
        return _text(answer)


def _is_error(value: Any) -> bool:
    if isinstance(value, str):  # how the emulator reports a timeout
        return value.startswith("Task timed out")
    return isinstance(value, dict) and "errorMessage" in value and not set(value) - _ERROR_MEMBERS


def _reason(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    kind = value.get("errorType")
    message = str(value.get("errorMessage", ""))
    return f"{kind}: {message}" if kind else message


def _text(answer: urllib3.BaseHTTPResponse) -> str:
    return " ".join(answer.data[:200].decode(errors="replace").split())


def _unsigned(_url: str, _body: bytes, headers: dict[str, str]) -> dict[str, str]:
    return headers


def _signer(url: str) -> Callable[[str, bytes, dict[str, str]], dict[str, str]]:
    """AWS wants a signature, moto reads one; an emulator on this machine ignores it."""
    is_aws = (urlsplit(url).hostname or "").endswith(_AWS_HOST)
    if not is_aws and not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & set(os.environ):
        return _unsigned
    from lambda_esm.connect.aws import signer  # boto3 takes long to import

    return signer("lambda", region())
