"""Requests to the Hub, which may lie: answers are bounded, waiting is too, and refusals say what they mean.

The session, its token and its addresses are those of huggingface_hub. Its own errors are not raised here: to
make one it reads the whole answer, however long.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from bigbird_pegasus.checkpoints.cache import hub_constants, hub_token
from bigbird_pegasus.errors import HubError, HubReason

MAX_ANSWER_BYTES = 50_000_000  # of the API
MIN_BYTES_PER_S = 100  # fewer are no progress
PASSING_STATUSES = (408, 429, 502, 503, 504)  # of HTTP: a moment later the answer may be another one


class RefusedError(Exception):
    """The Hub answers a status that is an error; `reason` is what its header says, or nothing."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.reason = reason


@contextmanager
def requested(url: str, user_agent: str, headers: Mapping[str, str]) -> Iterator[Any]:
    """Open the answer to a request; its content is read by `chunks_of`.

    Raises:
        RefusedError: its status is an error.
        HubError: the certificates of the environment cannot be read.
    """
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # its `__all__` is made at run time

    name, _, version = user_agent.partition("/")
    own = build_hf_headers(token=hub_token(), library_name=name, library_version=version or None)
    all_headers = {**own, "Accept-Encoding": "identity", **headers}
    timeout_s = hub_constants().HF_HUB_DOWNLOAD_TIMEOUT
    with _session().stream("GET", url, headers=all_headers, timeout=timeout_s) as response:
        if not 200 <= response.status_code < 300:
            raise RefusedError(response.status_code, response.headers.get("X-Error-Code", ""))
        yield response


def chunks_of(response: Any) -> Iterator[bytes]:
    """Yield the content of an answer as it arrives.

    Raises:
        ConnectionError: next to nothing has arrived in the time that a connection may be silent.
    """
    timeout_s = hub_constants().HF_HUB_DOWNLOAD_TIMEOUT
    since, arrived = time.monotonic(), 0
    for chunk in response.iter_bytes():
        arrived += len(chunk)
        now = time.monotonic()
        if now - since > timeout_s:
            if arrived < MIN_BYTES_PER_S * timeout_s:
                raise ConnectionError(f"only {arrived} bytes arrived in {now - since:.0f} s")
            since, arrived = now, 0
        yield chunk


def read_answer(url: str, user_agent: str) -> bytes:
    """Return the whole answer of the API.

    Raises:
        RefusedError, HubError: see `requested`.
        HubError: it is too long.
    """
    content = bytearray()
    with requested(url, user_agent, {}) as response:
        for chunk in chunks_of(response):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                message = f"the Hub answers with more than {MAX_ANSWER_BYTES / 1e6:.0f} MB"
                raise HubError(HubReason.NO_HUB, message)
    return bytes(content)


def transport_error() -> type[Exception]:
    """Return HTTPError of the HTTP library beneath: httpx until huggingface_hub 1, now httpx2."""
    from huggingface_hub.errors import HfHubHTTPError

    return cast(type[Exception], HfHubHTTPError.__bases__[0])


def connection_failure(error: Exception) -> HubError:
    """Return what an error of the transport means."""
    why = (str(error).strip() or type(error).__name__).splitlines()[0]
    endpoint = hub_constants().ENDPOINT
    if (
        type(error).__name__ == "UnsupportedProtocol"
    ):  # after a redirect: the address itself was one of the web
        return HubError(HubReason.NO_HUB, f"{endpoint} leads to an address that is not of the web: {why}")
    return HubError(HubReason.NO_CONNECTION, f"no connection to {endpoint}: {why}")


def refusal(error: RefusedError, repository: str, revision: str | None) -> HubError:
    """Return what a status that is an error means, as the Hub explains it in its headers."""
    if error.reason == "GatedRepo":
        place = f"{hub_constants().ENDPOINT}/{repository}"
        return HubError(HubReason.GATED, f"access to this model must be granted first, at {place}")
    if error.reason == "RevisionNotFound":
        return HubError(HubReason.NO_REVISION, f"the Hub has no revision {revision} of it")
    if error.reason == "RepoNotFound":
        return HubError(HubReason.NO_MODEL, "the Hub has no such model, or hides it")
    if error.status in (401, 403):
        return HubError(HubReason.DENIED, f"the Hub denies access (HTTP {error.status})")
    if error.status == 404:
        return HubError(HubReason.NO_FILE, "the Hub has no such model or file (HTTP 404)")
    return HubError(HubReason.REFUSED, f"the Hub answers HTTP {error.status}")


def _session() -> Any:
    """Return the session of huggingface_hub, which reads the certificates when it is made.

    Raises:
        HubError: they cannot be read.
    """
    from huggingface_hub import get_session

    try:
        return get_session()
    except OSError as error:  # ssl.SSLError is one
        names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
        named = next((f"{name}={os.environ[name]}" for name in names if os.environ.get(name)), "this system")
        message = f"the certificates of {named} cannot be read: {error.strerror or error}"
        raise HubError(HubReason.SETTINGS, message) from error
