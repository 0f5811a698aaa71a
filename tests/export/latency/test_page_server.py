import http.client
import threading

import pytest

from keras_mvit.export.latency.page_server import MAX_ANSWER_BYTES, PageServer


def _accept(body):
    if body == b"wrong":
        raise ValueError("it is wrong")
    return body.decode()


@pytest.fixture
def server():
    pages = {"": b"<html>", "page.js": b"1", "litertjs/wasm/a.wasm": b"\0asm"}
    server = PageServer("127.0.0.1", 0, pages, _accept)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _ask(server, method, path, body=None, headers=()):
    connection = http.client.HTTPConnection(*server.server_address, timeout=10)
    connection.request(method, path, body, dict(headers))
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    return reply, content


def test_pages(server):
    for name, kind, expected in [
        ("", "text/html", b"<html>"),
        ("page.js", "text/javascript", b"1"),
        ("litertjs/wasm/a.wasm", "application/wasm", b"\0asm"),
        ("page.js?again", "text/javascript", b"1"),
    ]:
        reply, content = _ask(server, "GET", f"/{server.token}/{name}")
        assert (reply.status, content) == (200, expected)
        assert reply.headers["Content-Type"] == kind
        # Without these two, a page gets no shared memory, so no threads.
        assert reply.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert reply.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/page.js", "/{}", "//page.js", "/{}x/page.js", "/x{}/page.js",
        "/{}/../page.js", "/{}//page.js", "/{}/etc/passwd", "/{}/%2e%2e/",
        "/{}/../../../../etc/passwd", "/{}/litertjs", "/{}/results",
        "/\u00e9/",
    ],
)  # fmt: skip
def test_nothing_else_is_served(server, path):
    path = path.format(server.token).encode().decode("latin-1")
    path = path.replace("\xc3\xa9", "%C3%A9")
    assert _ask(server, "GET", path)[0].status == 404


def test_other_methods(server):
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD"):
        reply, _ = _ask(server, method, f"/{server.token}/page.js")
        assert reply.status == 501


def test_answers(server):
    path = f"/{server.token}/results"
    assert _ask(server, "POST", "/results", b"x")[0].status == 404
    assert _ask(server, "POST", f"/{server.token}/", b"x")[0].status == 404
    reply, content = _ask(server, "POST", path, b"wrong")
    assert (reply.status, content) == (400, b"it is wrong")
    assert _ask(server, "POST", path, b"first")[0].status == 200
    assert _ask(server, "POST", path, b"second")[0].status == 409


@pytest.mark.parametrize(
    "length, status",
    [("-1", 411), ("many", 411), ("", 411), (MAX_ANSWER_BYTES + 1, 413)],
)
def test_lengths(server, length, status):
    headers = {"Content-Length": str(length)}
    path = f"/{server.token}/results"
    assert _ask(server, "POST", path, None, headers)[0].status == status


def test_waiting_ends_with_the_first_answer():
    server = PageServer("127.0.0.1", 0, {}, _accept)
    path = f"/{server.token}/results"
    post = threading.Thread(
        target=lambda: [
            _ask(server, "POST", path, body) for body in (b"wrong", b"right")
        ]
    )
    post.start()
    assert server.wait() == "right"
    post.join()


def test_tokens_differ():
    tokens = set()
    for _ in range(3):
        with PageServer("127.0.0.1", 0, {}, _accept) as server:
            tokens.add(server.token)
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 20


def test_an_address_that_is_taken(server):
    with pytest.raises(ValueError, match="Cannot listen on 127.0.0.1, port"):
        PageServer(*server.server_address, {}, _accept)


def test_a_port_that_is_none():
    with pytest.raises(ValueError, match="port 99999: .*0-65535"):
        PageServer("127.0.0.1", 99999, {}, _accept)
