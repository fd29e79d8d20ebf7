"""Wire models of /v1."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic.json_schema import SkipJsonSchema

from library.catalog import Found
from library.comparison import METRIC, Compared, recommended
from schemas import FromBody, invalid, whole

TENANT = "^[^\\x00-\\x1f\\x7f]{1,100}$"
TENANT = "^[A-Za-z0-9][A-Za-z0-9_.:@/ -]{0,99}$"
LARGEST = 2**31 - 1
MIN_SCORE = 80.0


class UseRequest(FromBody):
    """How often an asset is used."""

    in_use_count: Annotated[int, BeforeValidator(whole)] = Field(ge=0, le=LARGEST)


class CompareRequest(FromBody):
    """An asset whose original shall be compared."""

    id: str = Field(min_length=1, max_length=100)
    min_score: float = Field(MIN_SCORE, gt=0, le=100, description="SSIMULACRA2 that the recommended preset reaches.")


class FromForm(BaseModel):
    """The texts of a form of /v1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> Self:
        """The texts as they were sent. Raises InvalidOptions."""
        try:
            return cls.model_validate_strings(fields)
        except ValidationError as error:
            raise invalid(error) from None


class CompareForm(FromForm):
    """What goes with an image that shall be compared."""

    tenant: str = Field("", description="Taken and not needed: nothing is kept.")
    min_score: float = Field(MIN_SCORE, gt=0, le=100)


class UploadForm(FromForm):
    """Whose image it is."""

    tenant: str = Field(pattern=TENANT, description="Any name; tenants see nothing of each other.")


class PurgeRequest(FromBody):
    """What a purge shall do."""

    dry_run: bool = Field(True, description="Only tell what would be deleted.")
    confirm_token: SecretStr | SkipJsonSchema[None] = Field(None, description="`PURGE_CONFIRM_TOKEN`; to delete.")


class SimilarAnswer(BaseModel):
    """Another asset of the tenant that looks like it."""

    id: str
    distance: int = Field(description="Bits in which the perceptual hashes differ.")


class RenditionAnswer(BaseModel):
    """One picture made of the image."""

    id: str
    preset: str
    url: str
    size_bytes: int
    width: int
    height: int
    quality: int
    content_type: str


class AssetAnswer(BaseModel):
    """One image of a tenant."""

    id: str
    tenant_id: str
    content_hash: str = Field(description="SHA-256 of the bytes as they came, in hex.")
    original_filename: str
    original_size_bytes: int
    original_width: int
    original_height: int
    in_use_count: int
    dominant_color: str = Field(description="`#rrggbb`.")
    placeholder: str = Field(description="A ThumbHash, base64.")
    created_at: datetime
    renditions: list[RenditionAnswer]
    similar: list[SimilarAnswer]

    @classmethod
    def of(cls, found: Found) -> Self:
        """The asset as it is told of."""
        asset = found.asset
        return cls(
            id=asset.id,
            tenant_id=asset.tenant.name,
            content_hash=asset.content_hash,
            original_filename=asset.original_filename,
            original_size_bytes=asset.original_size_bytes,
            original_width=asset.original_width,
            original_height=asset.original_height,
            in_use_count=asset.in_use_count,
            dominant_color=asset.dominant_color,
            placeholder=asset.placeholder,
            created_at=asset.created_at,
            renditions=[
                RenditionAnswer(
                    id=row.id,
                    preset=row.preset,
                    url=found.urls[row.id],
                    size_bytes=row.size_bytes,
                    width=row.width,
                    height=row.height,
                    quality=row.quality,
                    content_type=row.mime,
                )
                for row in asset.renditions
            ],
            similar=[SimilarAnswer(id=other.asset_id, distance=other.distance) for other in found.similar],
        )


class ComparedAnswer(BaseModel):
    """One preset of an image."""

    preset: str
    size_bytes: int
    width: int
    height: int
    quality_metric: float = Field(description="The `metric`, against the image at this size.")


class CompareAnswer(BaseModel):
    """Every preset of one image."""

    metric: str
    min_score: float
    results: list[ComparedAnswer]
    recommended: str | None = Field(description="The smallest preset that reaches `min_score`; null where none does.")

    @classmethod
    def of(cls, compared: list[Compared], min_score: float) -> Self:
        """The comparison as it is told of."""
        results = [
            ComparedAnswer(
                preset=one.preset,
                size_bytes=one.size_bytes,
                width=one.width,
                height=one.height,
                quality_metric=round(one.score, 2),
            )
            for one in compared
        ]
        return cls(metric=METRIC, min_score=min_score, results=results, recommended=recommended(compared, min_score))


class PurgeAnswer(BaseModel):
    """What a purge did, or would do."""

    dry_run: bool
    candidates: list[str] = Field(description="Content hashes.")
    deleted_count: int


class MetricsAnswer(BaseModel):
    """What the catalog keeps."""

    tenant_counts: dict[str, int]
    bytes_per_preset: dict[str, int]
