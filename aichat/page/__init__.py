"""The web page, served by the service (live, over WebSocket) and by the bridge (stateless, for tests).

Plain files without a build; `index.html` names the link that the page is to use.
"""

from __future__ import annotations

from importlib.resources import files

from twisted.web.iweb import IRequest

from aichat.protocol.errors import AichatError

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
}

FILE_TYPES = ("text/html", *(kind.partition(";")[0] for kind in TYPES.values()))
"""What a file of the page may be, `/test/` itself among them."""

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{more}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def serve_page(request: IRequest, root: bytes, link: str) -> bytes:
    """The page itself at `root`, or one of its files below it. `link` is server or bridge.

    Errors: AichatError not_found.
    """
    name = request.path.removeprefix(root).strip(b"/").decode("utf-8", "replace")
    request.setHeader("x-content-type-options", "nosniff")
    request.setHeader("referrer-policy", "no-referrer")
    request.setHeader("cache-control", "no-cache")
    if not name:
        html = (files(__name__) / "index.html").read_text(encoding="utf-8")
        host = request.getHeader("host") or ""
        more = f" ws://{host} wss://{host}" if link == "server" and '"' not in host and ";" not in host else ""
        request.setHeader("content-type", "text/html; charset=utf-8")
        request.setHeader("content-security-policy", CSP.format(more=more))
        return html.replace("@LINK@", link).replace("@ROOT@", root.decode()).encode()
    kind = TYPES.get(name.rpartition(".")[2])
    if kind is None or name not in {file.name for file in files(__name__).iterdir()}:
        raise AichatError("not_found", "The page has no such file.")
    request.setHeader("content-type", kind)
    data: bytes = (files(__name__) / name).read_bytes()
    return data
