"""The caller's place in a trace, in both spellings."""

import pytest

from utils.trace_context import TraceContext, trace_of

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01", TraceContext(TRACE, "b7ad6b7169203331", True)),
        ("traceparent", f"00-{TRACE}-b7ad6b7169203331-02", TraceContext(TRACE, "b7ad6b7169203331", False)),
        ("x-cloud-trace-context", f"{TRACE}/255;o=1", TraceContext(TRACE, "00000000000000ff", True)),
        ("x-cloud-trace-context", f"{TRACE}/1", TraceContext(TRACE, "0000000000000001", False)),
        ("traceparent", f"00-{'0' * 32}-b7ad6b7169203331-01", None),
        ("traceparent", f"00-{TRACE}-{'0' * 16}-01", None),
        ("traceparent", f"ff-{TRACE}-b7ad6b7169203331-01", None),
        ("traceparent", f'00-{TRACE}-b7ad6b7169203331-01", "severity": "ALERT', None),
        ("x-cloud-trace-context", f"{TRACE}/x;o=1", None),
    ],
)
def test_headers(header: str, value: str, expected: TraceContext | None) -> None:
    assert trace_of({header: value}) == expected


def test_traceparent_counts_before_the_older_header() -> None:
    both = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "x-cloud-trace-context": f"{TRACE}/1"}
    found = trace_of(both)
    assert found is not None and found.span_id == "b7ad6b7169203331"
