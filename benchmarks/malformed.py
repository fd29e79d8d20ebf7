"""HTTP as no client writes it: request lines, headers, lengths, chunks, forms, JSON, each wrong in one way."""

POST = b"POST /optimize HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def body(data: bytes, kind: str = "application/octet-stream", *headers: bytes) -> bytes:
    """A well-formed POST of a body that is not."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return POST + f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n".encode() + lines + b"\r\n" + data


def chunked(data: bytes) -> bytes:
    """A POST whose chunks are as given."""
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + data


def form(data: bytes, boundary: str = "b") -> bytes:
    """A POST of a form as given."""
    return body(data, f"multipart/form-data; boundary={boundary}")


PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'

ANSWERED = {
    "not HTTP": b"\x00\x01\x02\x03\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/3.0": b"GET / HTTP/3.0\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "blanks in the path": b"GET / / HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the path": GET.replace(b"/health/live", b"/\x00") + b"\r\n",
    "letters beyond ASCII in the path": GET.replace(b"/health/live", b"/\xff\xfe") + b"\r\n",
    "bad percents": GET.replace(b"/health/live", b"/%zz%ff%00") + b"\r\n",
    "dots": GET.replace(b"/health/live", b"/../../etc/passwd") + b"\r\n",
    "encoded dots": GET.replace(b"/health/live", b"/%2e%2e/%2e%2e/etc/passwd") + b"\r\n",
    "another's address": GET.replace(b"/health/live", b"http://evil.example/") + b"\r\n",
    "a path of 100 kB": GET.replace(b"/health/live", b"/" + b"a" * 100_000) + b"\r\n",
    "a query of 60 kB": POST.replace(b"/optimize", b"/optimize?" + b"a=1&" * 15_000) + b"Content-Length: 0\r\n\r\n",
    "unknown method": GET.replace(b"GET", b"BREW") + b"\r\n",
    "method of 10 kB": GET.replace(b"GET", b"G" * 10_000) + b"\r\n",
    "TRACE": GET.replace(b"GET", b"TRACE") + b"\r\n",
    "CONNECT": GET.replace(b"GET /health/live", b"CONNECT x:443") + b"\r\n",
    "OPTIONS *": GET.replace(b"GET /health/live", b"OPTIONS *") + b"\r\n",
    "a header without a colon": GET + b"nonsense\r\n\r\n",
    "a header without a name": GET + b": value\r\n\r\n",
    "blanks before the colon": GET + b"X-A : b\r\n\r\n",
    "a folded header": GET + b"X-A: b\r\n c\r\n\r\n",
    "NUL in a header": GET + b"X-A: \x00\r\n\r\n",
    "bare line feeds": GET.replace(b"\r\n", b"\n") + b"\n",
    "a header of 200 kB": GET + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n",
    "20,000 headers": GET + b"".join(b"X-%d: a\r\n" % n for n in range(20_000)) + b"\r\n",
    "an upgrade to websocket": GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\n\r\n",
    "an upgrade to h2c": GET + b"Upgrade: h2c\r\nHTTP2-Settings: AAAA\r\n\r\n",
    "a request id of 10 kB": GET + b"X-Request-ID: " + b"a" * 10_000 + b"\r\n\r\n",
    "a request id that is no id": GET + b"X-Request-ID: \xff<script>\r\n\r\n",
    "a traceparent that is none": GET + b"traceparent: 00-" + b"z" * 32 + b"-1-1\r\n\r\n",
    "a key that is not ASCII": POST + b"Authorization: Bearer \xff\xfe\r\nContent-Length: 0\r\n\r\n",
    "Basic that is not base64": POST + b"Authorization: Basic !!!\r\nContent-Length: 0\r\n\r\n",
    "a length that is no number": POST + b"Content-Length: many\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a length of 30 digits": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a chunk size that is none": chunked(b"zz\r\nab\r\n0\r\n\r\n"),
    "a negative chunk": chunked(b"-1\r\nab\r\n0\r\n\r\n"),
    "a chunk longer than it says": chunked(b"1\r\nabcdef\r\n0\r\n\r\n"),
    "a chunk extension of 100 kB": chunked(b"1;" + b"a" * 100_000 + b"\r\na\r\n0\r\n\r\n"),
    "trailers of 100 kB": chunked(b"1\r\na\r\n0\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"),
    "no body": body(b""),
    "packed": body(b"\x1f\x8b\x08", "image/png", b"Content-Encoding: gzip"),
    "an unknown type": body(b"x", "text/html; charset=" + "x" * 5000),
    "a form without a boundary": body(PART, "multipart/form-data"),
    "a form with another boundary": form(PART, "c"),
    "a boundary of 10 kB": form(PART, "b" * 10_000),
    "a form without an end": form(PART),
    "a form without parts": form(b"--b--\r\n"),
    "a part without headers": form(b"--b\r\n\r\nx\r\n--b--\r\n"),
    "a part without a name": form(b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
    "a part header of 100 kB": form(b"--b\r\nX: " + b"a" * 100_000 + b"\r\n\r\nx\r\n--b--\r\n"),
    "5,000 part headers": form(b"--b\r\n" + b"X: a\r\n" * 5000 + b"\r\nx\r\n--b--\r\n"),
    "5,000 files": form(PART * 5000 + b"--b--\r\n"),
    "5,000 fields": form(b'--b\r\nContent-Disposition: form-data; name="options"\r\n\r\n{}\r\n' * 5000 + b"--b--\r\n"),
    "a charset that is none": form(b"--b\r\nContent-Disposition: form-data; name*=x''%ff\r\n\r\nx\r\n--b--\r\n"),
    "JSON cut off": body(b'{"url": "http', "application/json"),
    "JSON 30,000 deep": body(b"[" * 30_000, "application/json"),
    "JSON of numbers that are none": body(b'{"url": NaN, "optimization": 1e999}', "application/json"),
    "JSON that is not UTF-8": body(b'{"url": "\xff\xfe"}', "application/json"),
    "JSON with half a character": body(b'{"url": "\\ud800"}', "application/json"),
    "a number of 60,000 digits": body(b'{"url": ' + b"9" * 60_000 + b"}", "application/json"),
    "JSON past its limit": body(b'{"url": "' + b"a" * 200_000 + b'"}', "application/json"),
    "more than it says": body(b"x").replace(b"Content-Length: 1", b"Content-Length: 0"),
}
"""Complete requests: something has to come back, and be it that the connection is closed."""

BROKEN_OFF = {
    "nothing": b"",
    "half a request line": b"POST /opt",
    "half a header": POST + b"Content-Le",
    "headers alone": POST + b"Content-Length: 1000\r\n\r\n",
    "half a body": POST + b"Content-Length: 1000\r\n\r\nabc",
    "half a chunk": chunked(b"ff\r\nabc"),
    "a chunk of 2^64": chunked(b"ffffffffffffffffff\r\nab"),
    "half a form": form(PART)[:-20],
    "waiting to be told to continue": POST + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
}
"""Clients that say so much and hang up."""
