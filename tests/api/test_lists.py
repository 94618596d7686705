from urllib.parse import urlsplit

import pytest

from tests.api.calling import Api

KINDS = ["event_destinations", "event_subscriptions"]


def make_some(api: Api, kind: str, count: int) -> list[str]:
    make = api.destination if kind == "event_destinations" else api.subscription
    made = [
        make(description=f"number {number}", metadata="even" if number % 2 == 0 else "odd") for number in range(count)
    ]
    return sorted((each["id"] for each in made), reverse=True)


def walk(api: Api, path: str, kind: str) -> list[list[str]]:
    pages = []
    address: str | None = path
    while address is not None:
        answer = api.get(address)
        assert answer.status_code == 200, answer.content
        page = answer.json()
        assert set(page) == {kind, "uri", "next_page_uri"}
        pages.append([each["id"] for each in page[kind]])
        following = page["next_page_uri"]
        parts = urlsplit(following) if following else None
        assert parts is None or (parts.scheme, parts.netloc) == ("http", "testserver")
        address = f"{parts.path.removeprefix('/api')}?{parts.query}" if parts else None
    return pages


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_newest_first_and_whole(api: Api, kind: str) -> None:
    ids = make_some(api, kind, 5)

    assert walk(api, f"/{kind}?limit=2", kind) == [ids[:2], ids[2:4], ids[4:]]
    assert walk(api, f"/{kind}?limit=5", kind) == [ids]
    assert walk(api, f"/{kind}", kind) == [ids]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["before_id", "beforeId"])
def test_a_page_begins_before_an_id(api: Api, kind: str, name: str) -> None:
    ids = make_some(api, kind, 3)

    assert walk(api, f"/{kind}?{name}={ids[0]}&limit=1", kind) == [[ids[1]], [ids[2]]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_holds_for_every_page(api: Api, kind: str) -> None:
    make_some(api, kind, 7)

    pages = walk(api, f'/{kind}?limit=2&filter=obj.metadata%20%3D%3D%20"even"', kind)

    assert [len(page) for page in pages] == [2, 2]
    assert walk(api, f'/{kind}?filter=obj.created_at%20<%20timestamp("2020-01-01T00:00:00Z")', kind) == [[]]
    assert len(walk(api, f'/{kind}?filter=obj.description.endsWith("3")', kind)[0]) == 1


def test_another_accounts_rows_are_not_listed(api: Api, stranger_api: Api) -> None:
    stranger_api.destination()
    stranger_api.subscription()

    for kind in KINDS:
        assert walk(api, f"/{kind}", kind) == [[]]
