"""A small OpenID Connect provider on loopback: one person at a time, whose claims the test sets."""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "event-subscriptions", "sso-client-secret"


@dataclass
class Grant:
    """What an authorization code stands for."""

    challenge: str
    redirect_uri: str


@dataclass
class Provider:
    """`claims` are those of whoever signs in next; `refuses` sends them back without."""

    claims: dict[str, Any] = field(default_factory=dict)
    refuses: bool = False
    grants: dict[str, Grant] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.post(self)

            def log_message(self, *_: object) -> None:
                """Keep the tests' output quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        if url.path == "/.well-known/openid-configuration":
            _answer(handler, self._configuration())
        elif url.path == "/authorize":
            self._authorize(handler, {name: values[0] for name, values in parse_qs(url.query).items()})
        elif url.path == "/userinfo":
            _answer(handler, self.claims)
        else:
            handler.send_error(404)

    def post(self, handler: BaseHTTPRequestHandler) -> None:
        """The token endpoint: refuses a wrong secret, a code used twice, and a verifier that does not fit."""
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        grant = self.grants.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_ours = form.get("client_secret") == CLIENT_SECRET and form.get("client_id") == CLIENT_ID
        if grant is None or not is_ours or grant != Grant(challenge, form["redirect_uri"]):
            _answer(handler, {"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        token = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, **self.claims}
        id_token = jwt.encode(token, self._key, algorithm="RS256")
        _answer(handler, {"access_token": secrets.token_hex(8), "token_type": "Bearer", "id_token": id_token})

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def _authorize(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        answer = {"state": query["state"]}
        if self.refuses:
            answer["error"] = "access_denied"
        else:
            assert query["code_challenge_method"] == "S256"
            answer["code"] = secrets.token_urlsafe(16)
            self.grants[answer["code"]] = Grant(query["code_challenge"], query["redirect_uri"])
        handler.send_response(302)
        handler.send_header("Location", f"{query['redirect_uri']}?{urlencode(answer)}")
        handler.end_headers()


def _answer(handler: BaseHTTPRequestHandler, value: dict[str, Any], status: int = 200) -> None:
    body = json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
