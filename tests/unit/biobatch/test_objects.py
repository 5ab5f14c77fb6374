"""Many objects are looked up in few calls."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from biobatch import objects
from biobatch.aws import Aws
from biobatch.uris import S3Uri


@pytest.fixture
def asked(clients: Aws) -> Iterator[list[str]]:
    """The operations of S3 that the client has called since the test began."""
    calls: list[str] = []

    def note(model: object, **_: object) -> None:
        calls.append(model.name)  # type: ignore[attr-defined]

    for number in range(120):
        clients.s3.put_object(Bucket="data", Key=f"reads/{number:03}.fq", Body=b"x" * number)
    clients.s3.meta.events.register("before-call.s3", note)
    yield calls
    clients.s3.meta.events.unregister("before-call.s3", note)


def wanted(count: int) -> list[S3Uri]:
    return [S3Uri("data", f"reads/{number:03}.fq") for number in range(count)]


def test_a_folder_of_many_objects_is_listed(clients: Aws, asked: list[str]) -> None:
    found, faults = objects.look_up(clients.s3, wanted(120))
    assert asked == ["ListObjectsV2"]
    assert {uri.name: each.size for uri, each in found.items()} == {f"{n:03}.fq": n for n in range(120)}
    assert faults == []
    assert found == objects._ask(clients.s3, wanted(120))[0]


def test_few_objects_are_asked_for_one_by_one(clients: Aws, asked: list[str]) -> None:
    assert len(objects.look_up(clients.s3, wanted(49))[0]) == 49
    assert asked == ["HeadObject"] * 49


def test_objects_that_the_listing_does_not_show_have_their_fault(clients: Aws, asked: list[str]) -> None:
    clients.s3.put_object(Bucket="data", Key="reads/archived.fq", Body=b"x", StorageClass="GLACIER")
    asked.clear()
    others = [S3Uri("data", f"reads/{name}.fq") for name in ("archived", "none")]
    found, faults = objects.look_up(clients.s3, [*wanted(60), *others])
    assert len(found) == 60
    assert sorted(fault.split(": ")[1].split(".")[0] for fault in faults) == [
        "the object does not exist",
        "the object is archived",
    ]
    assert sorted(asked) == ["HeadObject", "HeadObject", "ListObjectsV2"]


def test_the_listing_ends_where_the_folder_holds_much_more(
    clients: Aws, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_MANY", 20)
    paginator = clients.s3.get_paginator("list_objects_v2")
    pages = [next(iter(paginator.paginate(Bucket="data", Prefix="reads/"))) for _ in range(50)]
    read = []

    def paginate(**_: object) -> Iterator[object]:
        for page in pages:
            read.append(page)
            yield {**page, "Contents": []}

    monkeypatch.setattr(clients.s3, "get_paginator", lambda _: type("P", (), {"paginate": staticmethod(paginate)}))
    assert len(objects.look_up(clients.s3, wanted(60))[0]) == 60
    assert len(read) == 3


def test_a_user_who_may_not_list_still_finds_the_objects(
    clients: Aws, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def paginate(**_: object) -> Iterator[object]:
        yield from ()
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")

    monkeypatch.setattr(clients.s3, "get_paginator", lambda _: type("P", (), {"paginate": staticmethod(paginate)}))
    found, faults = objects.look_up(clients.s3, wanted(120))
    assert len(found) == 120
    assert faults == []
    assert asked == ["HeadObject"] * 120
