"""Where a request stands in a distributed trace, by its headers or by this process's own span."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from opentelemetry import trace

TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
"""https://www.w3.org/TR/trace-context/"""
CLOUD_TRACE = re.compile(r"([0-9a-f]{32})/([0-9]{1,20})(?:;o=([0-9]))?")
"""https://cloud.google.com/trace/docs/trace-context: the span is a decimal number."""


class TraceContext(NamedTuple):
    """Ids in hexadecimal, 32 and 16 digits."""

    trace_id: str
    span_id: str
    trace_sampled: bool


def trace_of(headers: Mapping[str, str]) -> TraceContext | None:
    """Our own span where tracing is on, else the caller's from `traceparent` or `X-Cloud-Trace-Context`."""
    own = trace.get_current_span().get_span_context()
    if own.is_valid:
        return TraceContext(
            trace.format_trace_id(own.trace_id), trace.format_span_id(own.span_id), own.trace_flags.sampled
        )
    if found := TRACEPARENT.fullmatch(headers.get("traceparent", "")):
        return TraceContext(found[1], found[2], bool(int(found[3], 16) & 1))
    if found := CLOUD_TRACE.fullmatch(headers.get("x-cloud-trace-context", "")):
        return TraceContext(found[1], f"{int(found[2]) % (1 << 64):016x}", found[3] == "1")
    return None
