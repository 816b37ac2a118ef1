"""An issuer with pages of its own, as OpenID Connect has it: for one client, without a password."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

CLIENT, SECRET = "ringmaster-pages", "a secret:of the client"


@dataclass(eq=False)
class IssuerPages:
    """Whoever comes is ``person``, unless ``denies`` is set. A code works once."""

    person: dict[str, Any] = field(default_factory=lambda: {"sub": "hana", "roles": ["dispatcher"]})
    denies: str = ""
    changes: dict[str, Any] = field(default_factory=dict)  # of each ID token's claims
    secret: str | None = SECRET
    address: str = ""
    document: dict[str, Any] = field(default_factory=dict)  # changed in what is said of itself
    asked: int = 0  # requests of whatever kind
    refused: list[str] = field(default_factory=list)  # why codes were not exchanged
    key: ECKey = field(
        default_factory=lambda: ECKey.generate_key("P-256", parameters={"kid": "one"})
    )
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def get(self, path: str, asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked += 1
        if path == "/.well-known/openid-configuration":
            described = {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize?realm=city",
                "token_endpoint": f"{self.address}/token",
                **self.document,
            }
            return 200, {}, json.dumps(described).encode()
        if path == "/keys":
            return 200, {}, json.dumps(KeySet([self.key]).as_dict(private=False)).encode()
        if path == "/authorize":
            assert asked["client_id"] == CLIENT
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            assert asked["realm"] == "city"
            assert "openid" in asked["scope"].split()
            back = {"state": asked["state"], "iss": self.address, "session_state": "x"}
            if self.denies:
                back["error"] = self.denies
            else:
                back["code"] = secrets.token_urlsafe(16)
                self._codes[back["code"]] = asked
            return 303, {"Location": f"{asked['redirect_uri']}?{urlencode(back)}"}, b""
        return 404, {}, b""

    def exchange(self, form: dict[str, str], shown: str) -> tuple[int, dict[str, str], bytes]:
        why = self._why_not(form, shown)
        if why:
            self.refused.append(why)
            return 400, {}, json.dumps({"error": "invalid_grant"}).encode()
        asked = self._codes.pop(form["code"])
        claims = {
            "iss": self.address,
            "aud": CLIENT,
            "exp": int(time.time()) + 60,
            "nonce": asked["nonce"],
            **self.person,
            **self.changes,
        }
        token = jwt.encode({"alg": "ES256", "kid": "one"}, claims, self.key)
        return 200, {}, json.dumps({"id_token": token, "access_token": "opaque"}).encode()

    def _why_not(self, form: dict[str, str], shown: str) -> str:
        asked = self._codes.get(form.get("code", ""))
        if asked is None or form["grant_type"] != "authorization_code":
            return "code"
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return "verifier"
        if form["redirect_uri"] != asked["redirect_uri"]:
            return "redirect_uri"
        if self.secret is not None:
            name, _, secret = base64.b64decode(shown.removeprefix("Basic ")).decode().partition(":")
            if (unquote(name), unquote(secret)) != (CLIENT, self.secret):
                return "secret"
        return ""


@contextmanager
def issuer_pages() -> Iterator[IssuerPages]:
    """Served on loopback until the context ends."""
    pages = IssuerPages()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(*pages.get(parts.path, dict(parse_qsl(parts.query))))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            shown = self.headers.get("Authorization", "")
            self._answer(*pages.exchange(dict(parse_qsl(body)), shown))

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *about: Any) -> None:
            """Tests' output is for what fails."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pages.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
