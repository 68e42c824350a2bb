"""A Hub on the loopback interface: the part of its HTTP protocol that downloads use, and ways to misbehave.

Like the real one it lists files with their digests (`/api/models/…`, with `?blobs=true` or as `/tree/`),
serves small files itself, and sends those who want a large one (LFS) to another host, here another port,
that must not see their token. A test runs huggingface_hub's own `snapshot_download` against it: that keeps
it honest.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

LARGE = (".safetensors", ".bin", ".model")  # the endings of files that the Hub keeps as LFS
TELEMETRY = "events.data.microsoft.com"  # what onnxruntime asks for when it is imported
STATES = {  # statuses with the header that tells why, as the Hub sends them
    "gated": (403, "GatedRepo"),
    "gated_anonymous": (401, "GatedRepo"),
    "forbidden": (403, ""),
    "unauthorized": (401, ""),
    "bad": (400, ""),
    "broken": (500, ""),
    "busy": (503, ""),
}


@dataclass(frozen=True)
class Request:
    """What somebody asked: of the `hub`, of its `files` host, or of the `world` that is neither."""

    host: str
    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def file(self) -> str:
        """The name of the file that is asked for, or ``."""
        return unquote(self.path).partition("?")[0].rpartition("/")[2] if "/resolve/" in self.path else ""


@dataclass(frozen=True)
class Content:
    """A file of a repository."""

    name: str
    data: bytes

    @property
    def is_large(self) -> bool:
        return self.name.endswith(LARGE)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def git_sha1(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.data) + self.data).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_large else self.git_sha1


@dataclass
class Hub:
    """The state of the server; tests change it between runs of the command."""

    url: str
    files_url: str
    requests: list[Request] = field(default_factory=list)
    commits: dict[tuple[str, str], list[Content]] = field(default_factory=dict)
    branches: dict[tuple[str, str], str] = field(default_factory=dict)
    refuses_api: str | None = None  # one of STATES
    refuses_files: str | None = None
    cut: dict[str, int] = field(default_factory=dict)  # file: bytes after which the connection breaks
    cuts_left: int = 1
    hold: bool = False  # where it would break, nothing more comes
    held: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    endless: bool = False  # errors have a text that never ends
    trickle: bool = False  # a byte now and then
    silent: bool = False  # requests are taken, and never answered
    sends: dict[str, bytes] = field(default_factory=dict)  # file: other bytes than those that are listed
    lost: set[str] = field(default_factory=set)  # files that are listed and not there
    size_listed: dict[str, int] = field(default_factory=dict)  # file: another size than it has
    answer: bytes | None = None  # in place of what the API answers
    knows_ranges: bool = True

    def publish(self, repository: str, files: Path | Mapping[str, bytes], branch: str = "main") -> str:
        """Put a folder, or names with their bytes, into a repository; returns the new commit."""
        if isinstance(files, Path):
            files = {path.name: path.read_bytes() for path in files.iterdir()}
        contents = [Content(name, data) for name, data in sorted(files.items())]
        commit = hashlib.sha1("".join(file.name + file.etag for file in contents).encode()).hexdigest()
        self.commits[repository, commit] = contents
        self.branches[repository, branch] = commit
        return commit

    def asked_for(self, file: str, method: str = "GET") -> list[Request]:
        """The requests to the hub for a file."""
        return [r for r in self.requests if r.file == file and (r.method, r.host) == (method, "hub")]

    def asked_elsewhere(self) -> list[Request]:
        """The requests to others, but for those of onnxruntime, which a test of this process imports."""
        return [r for r in self.requests if r.host == "world" and TELEMETRY not in r.path]

    def ranges(self) -> list[str]:
        """What parts of large files were asked for: "all", or from which byte on."""
        return [r.headers.get("range", "all") for r in self.requests if r.host == "files"]

    @property
    def environment(self) -> dict[str, str]:
        """For the command: this is the Hub, and everything that goes elsewhere goes to the `world`."""
        proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        here = {"HF_ENDPOINT": self.url, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        return dict.fromkeys(proxies, self.url) | here


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    host: str

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_CONNECT(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def _answer(self, *, body: bool) -> None:
        hub = self.hub
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urlsplit(self.path)
        elsewhere = bool(path.netloc) or self.command == "CONNECT"  # how a proxy is asked
        hub.requests.append(Request("world" if elsewhere else self.host, self.command, self.path, headers))
        if hub.silent:
            hub.release.wait(60)
            return
        parts = [unquote(part) for part in path.path.split("/") if part]
        if elsewhere:
            self._send(502)
        elif self.host == "files":
            self._send_file(self._content(parts[0]), body=body)
        elif parts[:2] == ["api", "models"]:
            self._api(parts[2:], parse_qs(path.query))
        elif len(parts) >= 5 and parts[2] == "resolve":
            self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]), body=body)
        else:
            self._send(404)

    def _api(self, parts: list[str], query: Mapping[str, list[str]]) -> None:
        hub, repository = self.hub, "/".join(parts[:2])
        what, revision = (parts[2], parts[3]) if len(parts) > 3 else ("revision", "main")
        if hub.answer is not None:
            self._send(200, hub.answer)
        elif hub.refuses_api is not None:
            self._refuse(hub.refuses_api)
        elif not any(name == repository for name, _ in hub.branches):
            self._send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})
        elif (commit := self._commit(repository, revision)) is None:
            self._send(404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"})
        elif what == "tree":
            tree = [
                {"type": "file", "path": file.name, "size": len(file.data), "oid": file.git_sha1}
                | ({"lfs": self._lfs(file)} if file.is_large else {})
                for file in hub.commits[repository, commit]
            ]
            self._send(200, json.dumps(tree).encode())
        else:
            siblings = [self._sibling(file, "blobs" in query) for file in hub.commits[repository, commit]]
            info = {"id": repository, "modelId": repository, "sha": commit, "siblings": siblings, "tags": []}
            self._send(200, json.dumps(info).encode())

    def _sibling(self, file: Content, with_blobs: bool) -> dict[str, object]:
        if not with_blobs:
            return {"rfilename": file.name}
        size = self.hub.size_listed.get(file.name, len(file.data))
        sibling = {"rfilename": file.name, "size": size, "blobId": file.git_sha1}
        return sibling | ({"lfs": {**self._lfs(file), "size": size}} if file.is_large else {})

    def _lfs(self, file: Content) -> dict[str, object]:
        return {"sha256": file.sha256, "oid": file.sha256, "size": len(file.data), "pointerSize": 134}

    def _resolve(self, repository: str, revision: str, name: str, *, body: bool) -> None:
        commit = self._commit(repository, revision)
        if self.hub.refuses_files is not None:
            self._refuse(self.hub.refuses_files)
            return
        files = self.hub.commits.get((repository, commit or ""), [])
        file = next((file for file in files if file.name == name and name not in self.hub.lost), None)
        if file is None or commit is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit or ""})
            return
        told = {"X-Repo-Commit": commit}
        if file.is_large:
            told |= {
                "X-Linked-Etag": f'"{file.sha256}"',
                "X-Linked-Size": str(len(file.data)),
                "Location": f"{self.hub.files_url}/{file.sha256}?{quote('signed=yes')}",
            }
            self._send(302, b"", told)
        else:
            self._send_file(file, told, body=body)

    def _send_file(self, file: Content, told: Mapping[str, str] = {}, *, body: bool) -> None:
        hub = self.hub
        data = hub.sends.get(file.name, file.data)
        asked = self.headers.get("Range", "") if hub.knows_ranges else ""
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        headers = {**told, "ETag": f'"{file.etag}"'}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        rest, limit = data[start:], None
        if body and file.name in hub.cut and hub.cuts_left:
            limit = max(hub.cut[file.name] - start, 0)
            hub.cuts_left -= 1
        self._send(206 if asked else 200, rest, headers, body=body, limit=limit)

    def _send(
        self,
        status: int,
        data: bytes = b"",
        headers: Mapping[str, str] = {},
        *,
        body: bool = True,
        limit: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        endless = self.hub.endless and status >= 400
        if not endless:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        while endless or self.hub.trickle:
            try:
                self.wfile.write(b" " * (1 if self.hub.trickle else 1_000_000))
            except OSError:
                return
            if self.hub.release.wait(0.3 if self.hub.trickle else 0):
                return
        if body and self.command != "HEAD":
            self.wfile.write(data[:limit])
        if limit is not None and self.hub.hold:
            self.wfile.flush()
            self.hub.held.set()
            self.hub.release.wait(60)

    def _refuse(self, state: str) -> None:
        status, code = STATES[state]
        self._send(status, b'{"error": "no"}', {"X-Error-Code": code} if code else {})

    def _commit(self, repository: str, revision: str) -> str | None:
        if (repository, revision) in self.hub.commits:
            return revision
        return self.hub.branches.get((repository, revision))

    def _content(self, sha256: str) -> Content:
        return next(f for files in self.hub.commits.values() for f in files if f.sha256 == sha256)


@contextmanager
def serve() -> Iterator[Hub]:
    """A running hub."""
    handlers = [type("Handler", (_Handler,), {"host": host}) for host in ("hub", "files")]
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in handlers]
    urls = [f"http://127.0.0.1:{server.server_address[1]}" for server in servers]
    hub = Hub(urls[0], urls[1])
    threads = []
    for server, handler in zip(servers, handlers, strict=True):
        handler.hub = hub  # type: ignore[attr-defined]
        threads.append(threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True))
        threads[-1].start()
    try:
        yield hub
    finally:
        hub.release.set()
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()
