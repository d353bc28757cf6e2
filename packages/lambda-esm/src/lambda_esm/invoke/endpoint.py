"""Functions behind a Lambda Invoke API.

That is AWS, ``sam local start-lambda``, moto, or the runtime interface emulator.

Source: Lambda API reference, ``Invoke``. Connections are kept alive, one for each invocation that
is out. The emulator serves one invocation at a time and knows one function name, ``function``;
there the whole URL is given, once for each container.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
import urllib3

from lambda_esm.errors import EsmError
from lambda_esm.model.account import region
from lambda_esm.model.event import Records
from lambda_esm.model.mapping import Mapping
from lambda_esm.model.outcome import VERSION, Outcome, Result, new_request_id

log = logging.getLogger(__name__)

_PATH: Final = "/2015-03-31/functions/{}/invocations"
_CONNECT_TIMEOUT_S: Final = 5.0
_AWS_HOST: Final = ".amazonaws.com"
# The members of a raised error; the emulator marks it in no other way.
_ERROR_MEMBERS: Final = {"errorMessage", "errorType", "requestId", "stackTrace"}


class EndpointInvoker:
    """Invokes functions over HTTP.

    Args:
        urls: of the Invoke API. One that ends in ``/invocations`` is a container of the emulator
            and takes one invocation at a time; there may be several.
        connections: how many to keep.
        grace_s: seconds an answer may come after the function's timeout.

    Raises:
        EsmError: a URL is not one, or it is AWS's and there are no credentials.
    """

    def __init__(self, urls: Iterable[str], connections: int, grace_s: float) -> None:
        self._containers: SimpleQueue[str] = SimpleQueue()
        self._base = ""
        for url in urls:
            self._add(url)
        self._grace_s = grace_s
        self._pool = urllib3.PoolManager(maxsize=connections, retries=False)
        self._sign = _signer(self._base)

    def invoke(self, mapping: Mapping, records: Records) -> Outcome:
        """POST the event and return what the answer says."""
        body = msgspec.json.encode(mapping.event_source.event(records))
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
            response = self._pool.request(
                "POST",
                url,
                body=body,
                headers=self._sign(url, body, headers),
                timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=timeout_s),
            )
        except urllib3.exceptions.ReadTimeoutError:
            reason = f"no answer within {timeout_s:g} s"
            return Outcome(result="timeout", request_id=request_id, reason=reason)
        except urllib3.exceptions.HTTPError as error:
            return Outcome(result="unreachable", request_id=request_id, reason=str(error))
        return _outcome(response, request_id)


def _outcome(response: urllib3.BaseHTTPResponse, request_id: str) -> Outcome:
    headers = response.headers
    outcome = partial(
        Outcome,
        request_id=headers.get("x-amzn-RequestId", request_id),
        status_code=response.status,
        executed_version=headers.get("X-Amz-Executed-Version", VERSION),
    )
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return outcome(result="throttled", reason=_text(response))
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        reason = f"HTTP {response.status}: {_text(response)}"
        return outcome(result="unreachable", reason=reason)
    payload, error = _payload(response), headers.get("X-Amz-Function-Error")
    if not error and not _is_error(payload):
        return outcome(result="success", response=payload)
    reason = _reason(payload)
    result: Result = "timeout" if "timed out" in reason else "error"
    return outcome(result=result, reason=reason, function_error=error or "Unhandled")


def _payload(response: urllib3.BaseHTTPResponse) -> Any:
    """Return the function's response; what is not JSON, as Lambda's would be, is a string."""
    try:
        return json.loads(response.data) if response.data.strip() else None
    except ValueError:
        return _text(response)


def _is_error(payload: Any) -> bool:
    if isinstance(payload, str):  # how the emulator reports a timeout
        return payload.startswith("Task timed out")
    return (
        isinstance(payload, dict)
        and "errorMessage" in payload
        and not set(payload) - _ERROR_MEMBERS
    )


def _reason(payload: Any) -> str:
    if not isinstance(payload, dict):
        return str(payload)
    error_type = payload.get("errorType")
    message = str(payload.get("errorMessage", ""))
    return f"{error_type}: {message}" if error_type else message


def _text(response: urllib3.BaseHTTPResponse) -> str:
    return " ".join(response.data[:200].decode(errors="replace").split())


def _unsigned(_url: str, _body: bytes, headers: dict[str, str]) -> dict[str, str]:
    return headers


def _signer(url: str) -> Callable[[str, bytes, dict[str, str]], dict[str, str]]:
    """Return what signs requests: for AWS, and where there are credentials, which moto reads."""
    is_aws = (urlsplit(url).hostname or "").endswith(_AWS_HOST)
    if not is_aws and not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & set(os.environ):
        return _unsigned
    from lambda_esm.connect.aws import signer  # boto3 takes long to import

    return signer("lambda", region())
