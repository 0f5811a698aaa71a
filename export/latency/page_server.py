"""Serves a fixed set of files and takes one answer; nothing else."""

import http.server
import mimetypes
import secrets
import threading

MAX_ANSWER_BYTES = 4 * 2**20
_TYPES = {".js": "text/javascript", ".wasm": "application/wasm"}


class PageServer(http.server.ThreadingHTTPServer):
    """A server whose addresses all begin with a random token.

    Without the token there is nothing to be had, neither by others in the
    network nor by other pages of a browser on this machine.

    Args:
        host: str. Address to listen on.
        port: int. 0: a free one.
        pages: dict of name -> bytes. What may be fetched.
        accept: callable of bytes. Makes of the answer what `wait` returns;
            its `ValueError` is told to the browser, which may try again.

    Raises:
        ValueError: the address cannot be listened on.
    """

    daemon_threads = True

    def __init__(self, host, port, pages, accept):
        self.token = secrets.token_urlsafe(16)
        self.pages = pages
        self._accept = accept
        self._answer = None
        self._lock = threading.Lock()
        self._answered = threading.Event()
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise ValueError(
                f"Cannot listen on {host}, port {port}: {error}"
            ) from error

    def take(self, body):
        """Takes the answer; returns whether it is the first."""
        answer = self._accept(body)
        with self._lock:
            first = not self._answered.is_set()
            if first:
                self._answer = answer
                self._answered.set()
        return first

    def wait(self):
        """Serves until there is an answer, and returns it."""
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            self._answered.wait()
        finally:
            self.shutdown()
            thread.join()
            self.server_close()
        return self._answer


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = 30  # seconds that a silent connection may last
    server_version = "keras_mvit"
    sys_version = ""

    def do_GET(self):
        name = self._name()
        page = None if name is None else self.server.pages.get(name)
        if page is None:
            return self._reply(404, b"not found")
        return self._reply(200, page, name or "index.html")

    def do_POST(self):
        if self._name() != "results":
            return self._reply(404, b"not found")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return self._reply(411, b"a length is needed")
        if int(length) > MAX_ANSWER_BYTES:
            return self._reply(413, b"too long")
        try:
            first = self.server.take(self.rfile.read(int(length)))
        except ValueError as error:
            return self._reply(400, str(error).encode())
        if not first:
            return self._reply(409, b"there already is an answer")
        return self._reply(200, b"thank you")

    def _name(self):
        """The path below the token, or None without the token."""
        token, slash, name = self.path.partition("?")[0][1:].partition("/")
        known = secrets.compare_digest(
            token.encode(), self.server.token.encode()
        )
        return name if known and slash else None

    def _reply(self, status, content, name="answer.txt"):
        suffix = name[name.rindex(".") :]
        kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0]
        self.send_response(status)
        self.send_header("Content-Type", kind or "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        # A page may use threads if nothing of another origin is in it.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        """Says nothing: the terminal belongs to the measurement."""
