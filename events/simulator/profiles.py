"""Makes of clients: each says who it is, and shakes hands, in its own way."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """`kind` tells which sites it visits and how; without a `user_agent` it sends no such header."""

    weight: int
    kind: str
    user_agent: str | None
    ja4: str
    cipher: str = "TLS_AES_128_GCM_SHA256"
    tls_version: str = "TLS 1.3"
    accept: str = "*/*"
    encodings: str = "gzip, deflate"


_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0"
_CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome"
_HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_ALL = "gzip, deflate, br, zstd"
_SHA384 = "TLS_AES_256_GCM_SHA384"
_TLS12 = ("ECDHE-RSA-AES128-GCM-SHA256", "TLS 1.2")

PROFILES = (
    Profile(
        220,
        "browser",
        f"{_WINDOWS} {_CHROMIUM}/142.0.0.0 Safari/537.36",
        "t13d1516h2_8daaf6152771_02713d6af862",
        accept=_HTML,
        encodings=_ALL,
    ),
    Profile(
        110,
        "browser",
        f"{_MAC} {_CHROMIUM}/142.0.0.0 Safari/537.36",
        "t13d1516h2_8daaf6152771_02713d6af862",
        accept=_HTML,
        encodings=_ALL,
    ),
    Profile(
        120,
        "browser",
        f"Mozilla/5.0 (Linux; Android 10; K) {_CHROMIUM}/142.0.0.0 Mobile Safari/537.36",
        "t13d1517h2_8daaf6152771_b0da82dd1658",
        accept=_HTML,
        encodings=_ALL,
    ),
    Profile(
        150,
        "browser",
        f"{_IPHONE} {_SAFARI} Mobile/15E148 Safari/604.1",
        "t13d2014h2_a09f3c656075_14788d8d241b",
        accept=_HTML,
        encodings="gzip, deflate, br",
    ),
    Profile(
        60,
        "browser",
        f"{_MAC} {_SAFARI} Safari/605.1.15",
        "t13d2014h2_a09f3c656075_14788d8d241b",
        accept=_HTML,
        encodings="gzip, deflate, br",
    ),
    Profile(
        50,
        "browser",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "t13d1715h2_5b57614c22b0_5c2c66f702b0",
        accept=_HTML,
        encodings=_ALL,
    ),
    Profile(
        15,
        "browser",
        f"Mozilla/5.0 (Linux; Android 7.0; SM-G920F) {_CHROMIUM}/81.0.4044.138 Mobile Safari/537.36",
        "t12d1209h2_d34a8e72043a_b39be8c56a14",
        *_TLS12,
        accept=_HTML,
        encodings="gzip, deflate, br",
    ),
    Profile(70, "program", "okhttp/4.12.0", "t13d1613h2_46e7e9700bed_45f260be83e2", encodings="gzip"),
    Profile(60, "program", "python-requests/2.32.5", "t13d1812h1_85036bcba153_b26ce05bbdd6", _SHA384),
    Profile(50, "program", "Go-http-client/2.0", "t13d1312h2_f57a46bbacb6_ab7e3b40a677", encodings="gzip"),
    Profile(
        40,
        "program",
        "axios/1.12.2",
        "t13d521100_b262b3658495_8e6e362c5eac",
        _SHA384,
        encodings="gzip, compress, deflate, br",
    ),
    Profile(25, "program", "curl/8.14.1", "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6", _SHA384, encodings="identity"),
    Profile(
        15,
        "program",
        "Java/17.0.16",
        "t12d3710h1_b8a3f1c2e7d4_7c11e3a9d250",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS 1.2",
        encodings="gzip",
    ),
    Profile(10, "program", None, "t13d301000_1d37bd780c83_d339722ba4af", _SHA384, encodings="identity"),
    Profile(25, "terminal", "acme-terminal/4.2.1", "t13d0508h1_3f9a51c07d2b_18c93a7be04f", _SHA384, encodings="gzip"),
    Profile(25, "hook", "GitHub-Hookshot/7f1c2a9", "t13d1813h1_85036bcba153_2dae41c691ec", _SHA384),
    Profile(
        20, "hook", "Stripe/1.0 (+https://stripe.com/docs/webhooks)", "t13d1910h1_9dc949149365_e7c285222651", _SHA384
    ),
    Profile(
        30,
        "monitor",
        "UptimeProbe/2.0 (+https://probe.example.net/)",
        "t13d1310h1_f57a46bbacb6_3c8d51a7e094",
        encodings="gzip",
    ),
    Profile(
        25,
        "crawler",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "t13d1011h1_61a7ad8aa9b6_3a8073edd8ef",
        accept=_HTML,
    ),
    Profile(
        12,
        "crawler",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "t12d2209h1_2a284e3b0c56_f05fdf8c38a9",
        *_TLS12,
        accept=_HTML,
    ),
    Profile(
        18, "scanner", "Mozilla/5.0 zgrab/0.x", "t12d260500_2d14ea3a2d2e_9c1a6ef0b815", *_TLS12, encodings="identity"
    ),
    Profile(35, "tunnel", None, "", encodings=""),
)
