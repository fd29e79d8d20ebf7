"""Wire models: what callers may say, and what they are told. Every door's options become a Policy here, once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from exceptions import InvalidOptions
from optimizers.jpeg import Jpeg
from optimizers.policy import ORIGINAL, Effort, Metadata, Policy
from optimizers.router import FORMATS, TARGETS

AUTO = "auto"
FIRST_GUESS = 80
ANY_TARGET = "|".join(TARGETS)
QUALITY_HEADER = "X-Compression-Quality"
READABLE = {name: f.spec.name for f in FORMATS for name in (f.spec.name, *f.spec.aliases)}
"""Every format's names and the one it goes by."""


def whole(value: object) -> object:
    """JSON knows one kind of number: 80.0 is 80."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _quality(value: Any, info: ValidationInfo) -> int | str:
    """Numbers may be spelled as strings where everything is one."""
    if value == AUTO:
        return AUTO
    number = int(value) if info.mode != "json" and isinstance(value, str) and value.isdecimal() else whole(value)
    if type(number) is not int or not 1 <= number <= 100:
        raise ValueError("has to be a whole number from 1 to 100, or 'auto'")
    return number


Quality = Annotated[
    int | Literal["auto"],
    PlainValidator(_quality),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 100}, {"const": AUTO}]}),
]


class OptimizationOptions(BaseModel):
    """How a picture may be made smaller."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    quality: Quality | None = Field(None, description="1-100, or `auto`: the smallest file that reaches `min_score`.")
    lossless: bool = Field(False, description="Pixels stay exactly equal.")
    min_score: float | None = Field(None, gt=0, le=100, description="SSIMULACRA2 that the result must reach.")
    max_bytes: Annotated[int | None, BeforeValidator(whole)] = Field(None, ge=1, description="Byte budget.")
    format: str = Field(
        ORIGINAL,
        description=f"`{ORIGINAL}`, `{AUTO}` (the smallest that `Accept` allows), or some of {', '.join(TARGETS)}.",
        json_schema_extra={"pattern": f"^({ORIGINAL}|{AUTO}|({ANY_TARGET})(,({ANY_TARGET}))*)$"},
    )
    metadata: Metadata = Field(Metadata.SAFE, description="What may stay beside the pixels.")
    effort: Effort = Field(Effort.BALANCED, description="How much CPU a smaller file may cost.")

    @field_validator("format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        names = value.split(",")
        if value not in (ORIGINAL, AUTO) and (unknown := [name for name in names if name not in TARGETS]):
            raise ValueError(f"{unknown[0][:20]!r} is none of {ORIGINAL}, {AUTO}, {', '.join(TARGETS)}")
        return value

    def overridden(self, by: Mapping[str, Any]) -> Self:
        """The same with other values for what `by` names. Raises InvalidOptions."""
        given = self.model_dump(mode="json", exclude_unset=True)
        try:
            return self.model_validate_json(json.dumps({**given, **by}))
        except ValidationError as error:
            raise invalid(error) from None

    def to_policy(self, default_quality: Quality, accepted: Sequence[str] = ()) -> Policy:
        """The wishes in the engine's words; `accepted` are the formats that `auto` may choose from."""
        quality = self.quality or default_quality
        wishes = (self.quality, self.min_score, self.max_bytes)
        return Policy(
            quality=quality if isinstance(quality, int) else FIRST_GUESS,
            auto=quality == AUTO,
            named=any(wish is not None for wish in wishes) or self.format != ORIGINAL,
            lossless=self.lossless,
            min_score=self.min_score,
            max_bytes=self.max_bytes,
            targets=self._targets(accepted),
            metadata=self.metadata,
            effort=self.effort,
        )

    def _targets(self, accepted: Sequence[str]) -> tuple[str, ...]:
        if self.format == ORIGINAL:
            return ()
        if self.format == AUTO:
            return (ORIGINAL, *accepted)
        return tuple(TARGETS[name].name for name in self.format.split(","))

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Options spelled as strings. Raises InvalidOptions."""
        try:
            return cls.model_validate_strings(dict(query), strict=False)
        except ValidationError as error:
            raise invalid(error) from None


def _number(value: Any, info: ValidationInfo) -> int | str:
    if value == AUTO:
        raise ValueError("has to be a whole number from 1 to 100")
    return _quality(value, info)


class CompressOptions(BaseModel):
    """How POST /compress makes a JPEG."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    quality: Annotated[int | None, PlainValidator(_number)] = Field(None, alias=QUALITY_HEADER)
    background: str = Field(
        "#fff",
        pattern="^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$",
        description="`#rgb` or `#rrggbb`: what transparent pixels are shown on.",
    )

    @classmethod
    def from_strings(cls, given: Mapping[str, str]) -> Self:
        """Options spelled as strings. Raises InvalidOptions."""
        try:
            return cls.model_validate_strings(dict(given), strict=False)
        except ValidationError as error:
            raise invalid(error) from None

    def to_policy(self, default_quality: Quality) -> Policy:
        """The wishes in the engine's words."""
        digits = self.background[1:]
        red, green, blue = bytes.fromhex(digits if len(digits) == 6 else "".join(2 * digit for digit in digits))
        policy = OptimizationOptions(quality=self.quality, format=Jpeg.spec.name).to_policy(default_quality)
        return replace(policy, background=(red, green, blue))


class FromBody(BaseModel):
    """A request's whole JSON body; every name in it is known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The body as it was sent. Raises InvalidOptions."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise invalid(error) from None


class TicketRequest(FromBody):
    """What an upload ticket shall allow."""

    max_bytes: Annotated[int | None, BeforeValidator(whole)] = Field(
        None, ge=1, description="Largest image; never more than MAX_FILE_SIZE_MB."
    )
    formats: list[str] | None = Field(
        None,
        min_length=1,
        max_length=len(READABLE),
        description="Formats that the image may have.",
        json_schema_extra={"items": {"type": "string", "enum": [*READABLE]}},
    )
    optimization: OptimizationOptions = Field(
        OptimizationOptions(), description="Options that hold whatever the bearer says."
    )
    expires_in: Annotated[int, BeforeValidator(whole)] = Field(300, ge=1, le=86_400, description="Seconds.")
    uses: Annotated[int, BeforeValidator(whole)] = Field(1, ge=1, le=10_000, description="How many images.")

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, value: list[str] | None) -> list[str] | None:
        if unknown := [name for name in value or () if name not in READABLE]:
            raise ValueError(f"{unknown[0][:20]!r} is none of {', '.join(READABLE)}")
        return value and [READABLE[name] for name in value]


class PurgeReceipt(BaseModel):
    """What was made of an image and left the cache, or would."""

    path: str = Field(examples=["shop/cup.jpg"])
    variants: list[str] = Field(
        description="What was asked for, in one spelling.", examples=[["fit=cover&format=auto-webp&h=200&q=80&w=200"]]
    )
    dry_run: bool = Field(examples=[False])
    cache_tag: str = Field(description="By which a CDN knows them.", examples=["pare-0123456789abcdef0123456789abcdef"])


class TicketReceipt(BaseModel):
    """An upload ticket."""

    ticket: str = Field(description="To be sent as `Authorization: Ticket …`.")
    expires_at: str = Field(description="ISO 8601.")
    url: str = Field(description="Where to POST the image; the ticket is in it.")


class StorageOptions(BaseModel):
    """Where the result is put instead of being sent back."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    provider: Literal["gcs", "s3", "supabase", "local"] | None = Field(None, description="The default store's own.")
    bucket: str | None = Field(None, description="The default bucket, or one that STORAGE_ALLOWED_BUCKETS has.")
    path: str = Field("{hash}.{ext}", description="Its key; may have `{hash}` (SHA-256), `{name}` and `{ext}`.")
    public: bool = Field(False, description="Say the public address, too; the bucket's own rules decide who may read.")


class RequestOptions(BaseModel):
    """The `options` document of POST /optimize."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    optimization: OptimizationOptions = OptimizationOptions()
    storage: StorageOptions | None = Field(None, description="Put the result into a store and answer with the receipt.")

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The document from its JSON text. Raises InvalidOptions."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise invalid(error) from None


class UrlRequest(RequestOptions):
    """The JSON body of POST /optimize: where the image is, and the options."""

    url: str = Field(
        description="http or https, on port 80 or 443, at a public address.", json_schema_extra={"format": "uri"}
    )


class EstimateRequest(RequestOptions):
    """The JSON body of POST /estimate: one URL or several, and the options."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["url"]}, {"required": ["urls"]}]})

    url: str | SkipJsonSchema[None] = Field(None, description="http or https, on port 80 or 443, at a public address.")
    urls: Annotated[list[str], Field(min_length=1, max_length=100)] | SkipJsonSchema[None] = Field(
        None, description="Up to 100 of them."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.url is None) == (self.urls is None):
            raise ValueError("has to name either url or urls")
        return self


def invalid(error: ValidationError) -> InvalidOptions:
    """What is wrong with options, in the service's own words."""
    errors = [{"pointer": "".join(f"/{part}" for part in e["loc"]), "detail": e["msg"]} for e in error.errors()]
    first = errors[0]
    return InvalidOptions(f"{first['pointer'] or 'options'}: {first['detail']}", errors=errors)


class CandidateReceipt(BaseModel):
    """One attempt at a smaller file."""

    method: str
    dial: int | None = Field(None, description="The encoder's own quality setting.")
    bytes: int
    score: float | None = Field(None, description="SSIMULACRA2 against the original, where measured.")
    lossless: bool
    milliseconds: float
    verdict: str = Field(description="`won`, `beaten`, `larger`, `not_worth_it`, or what it would have lost.")


class StoredReceipt(BaseModel):
    """Where the result is."""

    path: str = Field(description="Its key in the bucket.")
    url: str = Field(description="Signed; answers for STORAGE_SIGNED_URL_SECONDS.")
    public_url: str | None = Field(None, description="Where `public` was asked for.")


class TinifyProblem(BaseModel):
    """Errors as Tinify's clients expect them."""

    error: str
    message: str


class Receipt(BaseModel):
    """What was done to one picture, and why."""

    original_size: int
    optimized_size: int
    reduction_percent: float
    original_format: str
    optimized_format: str
    method: str
    reason: str
    quality_used: int | None = Field(None, description="Absent where nothing was encoded with loss.")
    score: float | None = Field(None, description="SSIMULACRA2 of the result, where measured.")
    width: int
    height: int
    frames: int
    animated: bool
    removed: list[str] = Field(description="Metadata that went.")
    kept: list[str] = Field(description="Metadata that should have gone and could not without loss.")
    candidates: list[CandidateReceipt]
    image: str | None = Field(None, description="The result as a `data:` URL, up to 1 MiB.")
    storage: StoredReceipt | None = Field(None, description="Where the result was put.")


class CompressReceipt(Receipt):
    """The receipt of a JPEG that was stored."""

    url: str = Field(description="Where it is; the same as `storage.url`.")


class IntervalAnswer(BaseModel):
    """Where the true reduction lies, in percent."""

    low: float
    high: float
    level: float = Field(description="Share of images for which that holds.")


class EstimateAnswer(BaseModel):
    """What POST /optimize would do to one image."""

    original_size: int
    original_format: str
    width: int | None = Field(description="As displayed; null where the header was out of reach.")
    height: int | None
    frames: int | None = Field(description="Null where more may follow than were looked at.")
    estimated_size: int
    estimated_format: str
    estimated_reduction_percent: float
    interval: IntervalAnswer
    confidence: str = Field(description="`high`, `medium` or `low`, by the width of the interval.")
    already_optimized: bool
    method: str = Field(description="What POST /optimize would do.")
    formats: dict[str, int] = Field(description="Bytes that a conversion would give.")


class UrlEstimate(BaseModel):
    """One of several URLs: its estimate, or why there is none."""

    url: str
    estimate: EstimateAnswer | None = None
    problem: "Problem | None" = None


class EstimateTotal(BaseModel):
    """All the images that could be estimated, together."""

    images: int
    failed: int
    original_size: int
    estimated_size: int
    estimated_reduction_percent: float
    interval: IntervalAnswer


class EstimatesAnswer(BaseModel):
    """One entry for each URL, in order, and their sum."""

    estimates: list[UrlEstimate]
    total: EstimateTotal


class Problem(BaseModel):
    """RFC 9457 problem details, the one shape of every error but those of the Tinify routes."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str | None = None


def to_json(model: BaseModel, *, only_given: bool = False) -> dict[str, Any]:
    """The model as JSON values, without absent ones, or without what nobody gave."""
    return model.model_dump(mode="json", exclude_none=True, exclude_unset=only_given)
