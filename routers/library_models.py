"""What /api/v1 answers, and what a batch is asked for, in the words of the wire."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from schemas import FromBody, IntervalAnswer, OptimizationOptions

JOB, IMAGE, BATCH = (f"{start}-7c3e-4a53-9d0e-6f1f2c5a8b11" for start in ("0b7d9a52", "5d8a1f3c", "91c2e4b7"))
STAMP = "2026-11-21T09:30:00Z"
URL = f"/storage/test-uploads/processed/medium/{IMAGE}_medium.webp"
MAX_ITEMS = 10_000
"""Images of one batch."""
BUCKET_PATTERN = "^([A-Za-z0-9][A-Za-z0-9._-]*)?$"
Status = Literal["pending", "processing", "retrying", "completed", "failed"]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": values})


class Accepted(BaseModel):
    """An upload that is kept and will be worked on."""

    model_config = _example(
        job_id=JOB, image_id=IMAGE, status_url=f"/api/v1/images/jobs/{JOB}", message="accepted; ask for its status"
    )

    job_id: str
    image_id: str = Field(description="The same bytes of a user in one bucket are the same image.")
    status_url: str
    message: str


class JobAnswer(BaseModel):
    """How far a job is."""

    job_id: str = Field(examples=[JOB])
    image_id: str = Field(examples=[IMAGE])
    status: Status
    created_at: str = Field(examples=[STAMP])
    completed_at: str | None
    error: str | None = Field(description="Why the last attempt failed.")
    attempts: int
    variants_done: list[str] = Field(description="Variants that are stored already.")


class VariantFacts(BaseModel):
    """One picture that was made of an image."""

    width: int
    height: int
    aspect_ratio: float
    format: str
    size_bytes: int


class Dimensions(BaseModel):
    """Pixels."""

    width: int
    height: int


class ImageMetadata(BaseModel):
    """What is known of an image."""

    dominant_color: str = Field(examples=["#3a7bd5"])
    original_dimensions: Dimensions
    placeholder: str = Field(description="A blurred preview, base64.")
    variants: dict[str, VariantFacts]


class ImageAnswer(BaseModel):
    """Everything of one image."""

    image_id: str
    urls: dict[str, str] = Field(examples=[{"medium": URL}])
    metadata: ImageMetadata
    context: dict[str, Any] = Field(description="What its sender said of it.")


class ResultAnswer(ImageAnswer):
    """What a job made."""

    status: Literal["completed"]
    completed_at: str


class VariantAnswer(BaseModel):
    """One picture and where it is."""

    image_id: str
    size: str
    url: str = Field(examples=[URL])
    width: int
    height: int
    format: str
    size_bytes: int


class VariantsAnswer(BaseModel):
    """One picture of each of several images."""

    images: list[VariantAnswer]
    missing: list[str] = Field(description="Ids of images that are not there, or not yet.")


class DeletedAnswer(BaseModel):
    """What is gone."""

    image_id: str
    deleted: bool
    variants: list[str]


class BatchRequest(FromBody):
    """Many images, by their URLs or by the folder that they are in, under one set of options."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["urls"]}, {"required": ["prefix"]}],
            "example": {"urls": ["https://example.com/a.jpg"], "optimization": {"quality": "auto"}, "bucket": "photos"},
        },
    )

    urls: Annotated[list[str], Field(min_length=1, max_length=MAX_ITEMS)] | SkipJsonSchema[None] = Field(
        None, description="http or https."
    )
    prefix: str | SkipJsonSchema[None] = Field(
        None,
        description="A folder of the bucket.",
        json_schema_extra={"pattern": r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*/?$", "maxLength": 200},
    )
    bucket: str = Field(
        "",
        description="Where `prefix` is and results go; empty = the default one.",
        json_schema_extra={"pattern": BUCKET_PATTERN, "maxLength": 222},
    )
    optimization: OptimizationOptions = OptimizationOptions()
    callback_url: str | SkipJsonSchema[None] = Field(
        None, description="Is told when the batch is done.", json_schema_extra={"format": "uri"}
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.urls is None) == (self.prefix is None):
            raise ValueError("either `urls` or `prefix` is needed")
        return self


class BatchEstimate(BaseModel):
    """What a batch will make of its images, by a look at some of them."""

    items: int
    sampled: int = Field(description="Images that were looked at.")
    failed: int = Field(description="Of these, how many cannot be read.")
    original_size: int = Field(description="Bytes of all images, as far as the sample tells.")
    estimated_size: int
    estimated_reduction_percent: float
    interval: IntervalAnswer


class BatchAccepted(BaseModel):
    """A batch that is kept and has begun."""

    batch_id: str = Field(examples=[BATCH])
    status_url: str = Field(examples=[f"/api/v1/batches/{BATCH}"])
    estimate: BatchEstimate


class BatchAnswer(BaseModel):
    """How far a batch is."""

    batch_id: str
    status: Literal["running", "paused", "cancelled", "completed"]
    total: int
    items: dict[str, int] = Field(description="How many images there are in each state.")
    done_percent: float
    estimate: BatchEstimate
    receipts_url: str
    created_at: str
    started_at: str | None
    completed_at: str | None
