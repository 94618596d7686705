"""The simulated world as tables: sites and what they serve, hosts, shares.

Shares and weights are guesses that make logs look like those of a busy small company; addresses are of the
ranges for documentation and benchmarks.
"""

from dataclasses import dataclass

CLIENTS = 5000
HTTP_PORT = 80
HTTPS_PORT = 443
SHARE_IPV6 = 0.28
SHARE_PLAIN_HTTP = 0.03
SHARE_REUSED_BACKEND = 0.88
SHARE_BLOCKED = 0.06
SHARE_LOGGED = 0.12

SHARE_BENCHMARK_IPV4 = 0.6
DOCUMENTATION_IPV4 = ("203.0.113", "198.51.100", "192.0.2")
BENCHMARK_IPV4 = ("198.18", "198.19")
# Below it are the edge's own addresses.
FIRST_CLIENT_OCTET = 64
EDGES_IPV4 = ("198.51.100.4", "198.51.100.5", "198.51.100.20", "198.51.100.21", "198.51.100.36")
EDGES_IPV6 = ("2001:db8:e:1::4", "2001:db8:e:1::5", "2001:db8:e:2::20")


# How many requests a connection of each kind of client carries, each count as likely as it is often listed.
REQUESTS = {
    "browser": (1, 1, 2, 3, 3, 4, 5, 6, 8, 10, 14, 22),
    "program": (1, 1, 1, 2, 2, 3, 5, 12),
    "terminal": (1, 2, 2, 3),
    "hook": (1, 1, 1, 2),
    "monitor": (1,),
    "crawler": (1, 1, 2, 3, 6),
    "scanner": (1, 2, 4, 9),
}

# Status codes and how often, in thousandths or so.
STATUSES = {
    "page": ((200, 800), (304, 100), (302, 25), (301, 10), (404, 25), (403, 4), (429, 3), (500, 6), (502, 3), (503, 3)),
    "asset": ((200, 640), (304, 330), (206, 6), (404, 24)),
    "read": ((200, 890), (304, 20), (404, 42), (401, 14), (403, 8), (429, 12), (500, 5), (502, 3), (504, 3)),
    "write": (
        (201, 560),
        (200, 310),
        (204, 30),
        (400, 24),
        (401, 10),
        (403, 6),
        (409, 12),
        (422, 24),
        (429, 10),
        (500, 7),
        (503, 4),
    ),
    "remove": ((204, 860), (404, 90), (403, 20), (409, 20), (500, 6)),
    "hook": ((200, 900), (202, 60), (400, 12), (500, 18), (503, 6)),
    "probe": ((200, 985), (503, 12), (500, 3)),
    "scan": ((404, 800), (403, 140), (301, 35), (400, 20)),
}


@dataclass(frozen=True, slots=True)
class Route:
    """What a site serves. `{id}` in the path stands for one of `ids` numbers; sizes are medians."""

    weight: int
    method: str
    path: str
    statuses: str
    media: str
    response_bytes: int
    request_bytes: int = 0
    ids: int = 0
    queries: tuple[str, ...] = ("",)


_PAGE, _JSON = "text/html; charset=utf-8", "application/json; charset=utf-8"
_PAGED = ("", "page=2", "page=3", "limit=50", "limit=100&page=2")

SITES = {
    "shop": (
        Route(10, "get", "/", "page", _PAGE, 38_000, queries=("", "", "utm_source=newsletter", "ref=partner")),
        Route(12, "get", "/products/{id}", "page", _PAGE, 52_000, ids=800),
        Route(
            5,
            "get",
            "/search",
            "page",
            _PAGE,
            44_000,
            queries=("q=lamp", "q=desk+chair", "q=rug&sort=price", "q=oak+table"),
        ),
        Route(4, "get", "/basket", "page", _PAGE, 21_000),
        Route(30, "get", "/assets/app-{id}.js", "asset", "text/javascript", 186_000, ids=3),
        Route(22, "get", "/assets/app-{id}.css", "asset", "text/css", 41_000, ids=3),
        Route(40, "get", "/images/products/{id}.webp", "asset", "image/webp", 64_000, ids=2400),
        Route(3, "post", "/api/basket/items", "write", _JSON, 640, 120),
        Route(2, "post", "/api/orders", "write", _JSON, 1_900, 900),
        Route(4, "get", "/api/orders/{id}", "read", _JSON, 1_700, ids=90_000),
    ),
    "api": (
        Route(30, "get", "/v1/orders/{id}", "read", _JSON, 1_800, ids=90_000),
        Route(14, "get", "/v1/orders", "read", _JSON, 22_000, queries=_PAGED),
        Route(12, "get", "/v1/stock", "read", _JSON, 9_000, queries=("sku=A-1108", "sku=B-2040", "warehouse=ams")),
        Route(10, "post", "/v1/orders", "write", _JSON, 1_900, 1_100),
        Route(6, "patch", "/v1/orders/{id}", "write", _JSON, 1_800, 220, ids=90_000),
        Route(4, "put", "/v1/customers/{id}", "write", _JSON, 1_200, 700, ids=20_000),
        Route(3, "delete", "/v1/baskets/{id}", "remove", _JSON, 0, ids=40_000),
        Route(2, "options", "/v1/orders", "remove", _JSON, 0),
    ),
    "hooks": (
        Route(5, "post", "/github", "hook", _JSON, 34, 9_800),
        Route(6, "post", "/payments", "hook", _JSON, 28, 2_900),
    ),
    "docs": (
        Route(10, "get", "/", "page", _PAGE, 24_000),
        Route(18, "get", "/guides/{id}", "page", _PAGE, 33_000, ids=60),
        Route(12, "get", "/assets/docs-{id}.js", "asset", "text/javascript", 92_000, ids=2),
        Route(2, "head", "/", "page", _PAGE, 0),
    ),
    "status": (
        Route(10, "get", "/healthz", "probe", "text/plain; charset=utf-8", 3),
        Route(5, "get", "/api/summary.json", "probe", _JSON, 2_400),
        Route(4, "get", "/", "page", _PAGE, 12_000),
    ),
    "dashboard": (
        Route(8, "get", "/", "page", _PAGE, 18_000),
        Route(
            20,
            "get",
            "/api/queries/{id}",
            "read",
            _JSON,
            14_000,
            ids=300,
            queries=("range=1h", "range=24h", "range=7d"),
        ),
        Route(12, "get", "/public/build/app.{id}.js", "asset", "text/javascript", 410_000, ids=2),
        Route(3, "post", "/api/annotations", "write", _JSON, 90, 300),
    ),
    "scan": (
        Route(6, "get", "/.env", "scan", _PAGE, 320),
        Route(5, "get", "/wp-login.php", "scan", _PAGE, 320),
        Route(4, "get", "/.git/config", "scan", _PAGE, 320),
        Route(3, "post", "/cgi-bin/luci", "scan", _PAGE, 320, 180),
        Route(2, "get", "/actuator/health", "scan", _PAGE, 320),
    ),
}

# Name, site, port, weight, and what guards it. Names of the long tail are made of WORDS.
HOSTS = (
    ("checkout.acme.app", "shop", 443, 260, ("compression", "breaker", "logs")),
    ("api.acme.app", "api", 443, 240, ("compression", "logs")),
    ("www.acme.app", "shop", 443, 160, ("compression",)),
    ("docs.acme.dev", "docs", 443, 60, ("compression",)),
    ("status.acme.dev", "status", 443, 90, ()),
    ("hooks.acme.app", "hooks", 443, 90, ("webhook",)),
    ("admin.acme.app", "dashboard", 443, 40, ("oauth", "ip_policy")),
    ("grafana.acme.dev", "dashboard", 443, 25, ("oauth",)),
    ("partners.acme.app", "api", 443, 35, ("basic_auth", "ip_policy", "breaker")),
    ("terminals.acme.app", "api", 8443, 45, ("client_cert",)),
    ("x.ngrok.dev", "docs", 443, 14, ()),
    ("ssh.acme.dev", "raw", 22, 14, ("ip_policy",)),
    ("reports.acme.dev", "raw", 5432, 10, ("ip_policy", "logs")),
)
LONG_TAIL_HOSTS = 80
LONG_TAIL_WEIGHT = 90
LONG_TAIL_FLATNESS = 2
WORDS = (
    "amber",
    "brisk",
    "cedar",
    "delta",
    "ember",
    "fern",
    "grove",
    "harbor",
    "iris",
    "juniper",
    "kite",
    "lunar",
    "maple",
    "north",
    "opal",
    "pine",
    "quartz",
    "river",
    "slate",
    "tundra",
)
LONG_TAIL_DOMAINS = ("ngrok.dev", "ngrok.app", "preview.acme.dev")

# The sites that each kind of client visits.
VISITS = {
    "browser": ("shop", "docs", "dashboard", "status"),
    "program": ("api",),
    "terminal": ("api",),
    "hook": ("hooks",),
    "monitor": ("status", "shop", "api"),
    "crawler": ("shop", "docs"),
    "scanner": ("shop", "api", "docs", "dashboard"),
    "tunnel": ("raw",),
}

PEOPLE = (
    "Mina Okafor",
    "Jonas Lindqvist",
    "Aiko Tanaka",
    "Luis Ferreira",
    "Priya Nair",
    "Tom de Wit",
    "Sara Haddad",
    "Emil Novak",
)
PARTNERS = ("northwind", "contoso", "fabrikam", "tailspin")
LOG_ENTRIES = (
    {"rule": "large-orders", "level": "info"},
    {"rule": "new-country", "level": "warning"},
    {"rule": "slow-upstream", "level": "warning"},
    {"rule": "old-client", "level": "info"},
)
