"""Client of Pare, a self-hosted image optimization service: `Client`, and `AsyncClient` with the same methods."""

from pare_client.asynchronous import AsyncClient
from pare_client.errors import ApiError, Failed, PareError, TookTooLong, Unreachable
from pare_client.images import image_url
from pare_client.models import Estimate, Health, Job, JobResult, Optimized, Receipt, Stored, Ticket, Upload, Variant
from pare_client.retries import Retries
from pare_client.synchronous import Client

__all__ = [
    "ApiError",
    "AsyncClient",
    "Client",
    "Estimate",
    "Failed",
    "Health",
    "Job",
    "JobResult",
    "Optimized",
    "PareError",
    "Receipt",
    "Retries",
    "Stored",
    "Ticket",
    "TookTooLong",
    "Unreachable",
    "Upload",
    "Variant",
    "image_url",
]
