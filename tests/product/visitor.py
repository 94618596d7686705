"""A browser without a screen: cookies, forms and redirects."""

import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar


class Visitor:
    def __init__(self, url: str) -> None:
        self.url = url
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        self.address = url

    def get(self, path: str) -> str:
        return self._open(urllib.request.Request(urllib.parse.urljoin(self.url, path)))

    def post(self, path: str, **fields: object) -> str:
        """Post with the CSRF token that the last page gave."""
        token = next(cookie.value for cookie in self._cookies if cookie.name == "csrftoken")
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}, doseq=True).encode()
        headers = {"Referer": self.url, "Origin": self.url}
        return self._open(urllib.request.Request(urllib.parse.urljoin(self.url, path), body, headers))

    def _open(self, request: urllib.request.Request) -> str:
        try:
            with self._opener.open(request, timeout=30) as response:
                self.address = response.url
                return str(response.read().decode())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{request.full_url}: {error.code}\n{error.read().decode()[:3000]}") from error

    def sign_in(self, email: str, password: str) -> None:
        self.get("/sign-in/")
        self.post("/sign-in/", login=email, password=password)

    def choose_password(self, password: str) -> None:
        page = self.get("/")
        assert "choose" in self.address, f"Expected to be asked for a new password, got {self.address}\n{page[:500]}"
        self.post(self.address, new_password1=password, new_password2=password)

    def links(self, path: str, pattern: str) -> list[str]:
        """Addresses on a page that match, without repeats, in order."""
        return list(dict.fromkeys(re.findall(rf'href="({pattern})"', self.get(path))))
