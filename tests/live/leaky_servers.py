"""Whole answers by which web servers, proxies and resizers show themselves. Data only; see `leaky_storage.py`."""

import json

from leaky_headers import HEX, PATH, URL
from leaky_storage import LeakyAnswer, answer, page, says, text, xml
from origin import BASE, CANARY, HOST
from upstream import png

SERVERS: dict[str, LeakyAnswer] = {
    "nginx: not found": page(
        "404 Not Found", f"<center>nginx/1.28 on {HOST}</center>", ("Server", f"nginx ({HOST})")
    ),
    "nginx: a directory without its slash": page(
        "301 Moved Permanently", f"<center>nginx {CANARY}</center>", ("Location", f"http://{HOST}:8080{BASE}")
    ),
    "nginx: a listing": page("200 OK", f"<h1>Index of {BASE}</h1><a href='{URL}'>landscape.jpg</a>"),
    "nginx: its upstream is away": page("502 Bad Gateway", f"<center>nginx/{CANARY}</center>"),
    "nginx: too large": page("413 Request Entity Too Large", f"<center>nginx/{CANARY}</center>"),
    "Apache: forbidden": page(
        "403 Forbidden", f"<address>Apache/2.4 (Debian) Server at {HOST} Port 8080</address>"
    ),
    "Apache: moved": page("302 Found", f'<a href="{URL}">here</a>', ("Location", URL)),
    "Apache: similar names": page("300 Multiple Choices", f'<a href="{PATH}">{PATH}</a>', ("TCN", "list")),
    "Apache: whom to write to": page("500 Internal Server Error", f"<p>webmaster@{HOST}</p>"),
    "Apache: a listing": page("200 OK", f"<h1>Index of {BASE}</h1><address>Apache at {HOST}</address>"),
    "IIS: the file on its disk": page(
        "500 Internal Server Error", f"<th>Physical Path</th><td>C:\\{CANARY}\\a.jpg</td>"
    ),
    "Tomcat: a stack trace": page(
        "500 Internal Server Error", f"<pre>java.io.IOException: /srv{PATH}\n\tat {HOST}</pre>"
    ),
    "PHP: a warning with 200": page(
        "200 OK", f"<b>Warning</b>: file_get_contents({URL}): failed in /srv{PATH}.php"
    ),
    "Django: debugging": page("404 Not Found", f"<pre>Request URL: {URL}\nSECRET_KEY {CANARY}</pre>"),
    "Node: a stack trace": text(
        "500 Internal Server Error", f"Error: ENOENT, open '/srv{PATH}'\n    at {HOST}"
    ),
    "a page of its own for every path": page("200 OK", f"<link rel=canonical href={URL}>"),
    "a video list": answer("200 OK", "application/vnd.apple.mpegurl", f"#EXTM3U\n{URL}\n"),
    "a drawing that may hold scripts": answer("200 OK", "image/svg+xml", f'<svg><image href="{URL}"/></svg>'),
    "gRPC": LeakyAnswer(
        "200 OK", [("Content-Type", "application/grpc"), ("grpc-message", f"{HOST}: {CANARY}")], b""
    ),
    "Varnish: guru meditation": page(
        "503 Backend fetch failed", f"<p>XID: {CANARY}</p>", ("X-Varnish", CANARY)
    ),
    "Squid: cannot connect": page(
        "504 Gateway Timeout", f"<a href='{URL}'>{URL}</a> (10.0.0.1)", ("X-Squid-Error", CANARY)
    ),
    "CloudFront: signed URLs": xml(
        "403 Forbidden", "Error", ("X-Amz-Cf-Id", CANARY), Code="MissingKey", KeyId=CANARY
    ),
    "Cloudflare: the origin is down": page(
        "521 <none>", f"<p>Ray ID: {CANARY}, host {HOST}</p>", ("CF-Ray", CANARY)
    ),
    "Envoy: cannot connect": text(
        "503 Service Unavailable",
        f"upstream connect error or disconnect/reset before headers. remote address:10.0.0.1:443, SAN of {HOST}",
        ("x-envoy-overloaded", "true"),
    ),
    "Envoy: no healthy upstream": text(
        "503 Service Unavailable", "no healthy upstream", ("x-envoy-cluster", "photos")
    ),
}

FETCH = f"error fetching remote http image: (status=404) (url={URL})"
RESIZERS: dict[str, LeakyAnswer] = {
    "imgproxy: with errors for developers": page(
        "404 Not Found", f"<h1>{URL}</h1><pre>dial tcp 10.0.0.1:443\n{HOST}</pre>"
    ),
    "imgproxy: an invalid source": text(
        "422 Unprocessable Entity", "Invalid source image\n", ("X-Request-ID", CANARY)
    ),
    "imgproxy: the queue is full": text(
        "429 Too Many Requests", "Too many requests", ("Server", f"imgproxy {CANARY}")
    ),
    "imgproxy: the visitor left": text("499 <none>", f"Client cancelled {URL}"),
    "imgproxy: not modified": LeakyAnswer(
        "304 Not Modified", [("ETag", f'"{CANARY}"'), ("Last-Modified", CANARY)], b""
    ),
    "imagor: cannot connect": says(
        "404 Not Found", {"message": f"dial tcp 10.0.0.1:443: {URL}", "status": 404}
    ),
    "imagor: unauthorized": says("403 Forbidden", {"message": f"unauthorized request: {URL}", "status": 403}),
    "imagor: cannot read": says(
        "406 Not Acceptable", {"message": f'Get "{URL}": unsupported format', "status": 406}
    ),
    "imagor: the original, with an error": answer(
        "500 Internal Server Error",
        "image/png",
        png(),
        ("Imagor-Error", CANARY),
        ("X-Amz-Meta-Owner", CANARY),
    ),
    "imagor: to its own form of a URL": LeakyAnswer(
        "307 Temporary Redirect", [("Location", f"/{HEX}/{HOST}")], b""
    ),
    "imaginary: cannot fetch": says("404 Not Found", {"message": FETCH, "status": 404}),
    "imaginary: a placeholder, and the error in a header": answer(
        "404 Not Found", "image/png", png(), ("Error", json.dumps({"message": FETCH}))
    ),
    "imaginary: a placeholder as if it were the picture": answer(
        "200 OK", "image/png", png(), ("Error", json.dumps({"message": FETCH}))
    ),
    "weserv: not found": says(
        "404 Not Found", {"status": "error", "code": 404, "message": f"The hostname {HOST} is unknown"}
    ),
    "weserv: not a picture, with 200": says("200 OK", {"status": "error", "message": f"{URL} is no image"}),
    "weserv: to the default": page("302 Found", f"<center>nginx {CANARY}</center>", ("Location", URL)),
    "ipx: the source in the reason phrase": says(
        f'404 [404] [Not Found] [GET] "{URL}"', {"error": {"message": f'[404] [Not Found] [GET] "{URL}"'}}
    ),
    "ipx: cannot read": says(
        f"500 Cannot parse {PATH}", {"error": {"message": f"Cannot parse image metadata: {URL}"}}
    ),
    "thumbor: what it knows of a picture": says(
        "200 OK", {"thumbor": {"source": {"url": URL, "width": 4000}}}
    ),
    "thumbor: the same for a script": answer(
        "200 OK", "application/javascript", f'cb({{"source":{{"url":"{URL}"}}}});'
    ),
    "thumbor: a method that it has not": page("405 Method Not Allowed", f"<body>405 of {CANARY}</body>"),
    "thumbor: its source is too slow": LeakyAnswer(
        "504 Gateway Timeout", [("Server", f"Thumbor/{CANARY}")], b""
    ),
    "Cloudflare: not an allowed origin": text(
        "403 Forbidden", f"ERROR 9401: {HOST} is not allowed", ("Cf-Resized", CANARY)
    ),
    "Cloudflare: no such file": text(
        "404 Not Found", f"ERROR 9404: {URL}", ("Cf-Resized", f"err=9404 {CANARY}")
    ),
    "Cloudflare: not a picture": text(
        "415 Unsupported Media Type", f"ERROR 9412: {URL}", ("Cf-Resized", CANARY)
    ),
    "Cloudflare: a loop": text("508 Loop Detected", f"ERROR 9403: {URL}", ("Cf-Resized", CANARY)),
    "Cloudflare: onerror=redirect": LeakyAnswer(
        "307 Temporary Redirect", [("Location", URL), ("Cf-Resized", CANARY)], b""
    ),
    "Next.js: its upstream's answer": text("400 Bad Request", f'"url" parameter is valid but {URL} is not'),
}
