"""Where browsers find this API: which pages are its own, and what its cookies are called there."""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

# A browser takes such a cookie over TLS only, and from no host but this very one.
_PREFIX: Final = "__Host-"
_PORTS: Final = {"http": ":80", "https": ":443"}

_Origin = tuple[str, str]  # scheme, and host with its port where that is not the scheme's


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """``public_url`` is the settings'; empty where the address is as each request has it.

    A proxy may speak TLS for us and not say so: then only the settings know.
    """

    public_url: str = ""

    def is_secure(self, request: Request) -> bool:
        return request.url.scheme == "https" or self.public_url.lower().startswith("https://")

    def is_own_page(self, origin: str, request: Request) -> bool:
        """Whether a page with this ``Origin`` is ours: of the same scheme, host and port."""
        public = _origin_of(self.public_url)
        asked = _origin_of(f"{request.url.scheme}://{request.headers.get('host', '')}")
        if public is not None and asked is not None and asked[1] == public[1]:
            asked = public  # the same host with another scheme is not us
        found = _origin_of(origin)
        return found is not None and found in (public, asked)

    def cookie_name(self, name: str, request: Request) -> str:
        return f"{_PREFIX}{name}" if self.is_secure(request) else name

    def cookie(self, name: str, request: Request) -> str | None:
        return request.cookies.get(self.cookie_name(name, request))

    def set_cookie(
        self,
        answer: Response,
        name: str,
        value: str,
        request: Request,
        *,
        lasts_s: int,
        samesite: Literal["lax", "strict"] = "strict",
    ) -> None:
        answer.set_cookie(
            self.cookie_name(name, request),
            value,
            max_age=lasts_s,
            path="/",
            httponly=True,
            samesite=samesite,
            secure=self.is_secure(request),
        )

    def cookie_taken_back(self, name: str, request: Request) -> str:
        """A ``Set-Cookie`` after which the browser has it no more."""
        secure = "; Secure" if self.is_secure(request) else ""
        gone = f"{self.cookie_name(name, request)}=; Path=/; Max-Age=0; HttpOnly; SameSite=strict"
        return gone + secure


def _origin_of(url: str) -> _Origin | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if not parts.netloc or parts.scheme not in _PORTS:
        return None
    return parts.scheme, parts.netloc.lower().removesuffix(_PORTS[parts.scheme])
