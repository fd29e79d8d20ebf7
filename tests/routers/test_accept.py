"""Who gets the receipt and who gets the bytes."""

import pytest

from routers.accept import prefers


@pytest.mark.parametrize(
    ("accept", "receipt"),
    [
        ("application/json", True),
        ("application/json, */*;q=0.5", True),
        ("application/json, image/*;q=0.9", True),
        ("application/json, text/plain, */*", False),
        ("image/avif,image/webp,*/*", False),
        ("image/png, application/json", False),
        ("application/json;q=0.5, image/png", False),
        ("application/json;q=nonsense", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_json_has_to_be_preferred(accept: str, receipt: bool) -> None:
    assert prefers(accept, "application/json", over="image/*") is receipt
