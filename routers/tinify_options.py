"""What programs that speak Tinify may wish for, and what that is in Pare's words."""

import re
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from optimizers.fit import Fit
from optimizers.policy import ORIGINAL, Metadata, Policy
from optimizers.rendering import Rendition
from optimizers.router import CHOICE, TARGETS
from schemas import AUTO, FromBody, OptimizationOptions, Quality, whole
from utils.exif_facts import Fact

MAX_SIDE = 16_383
ANY = "*/*"
TYPES = {f"image/{name}": spec.name for name, spec in TARGETS.items()}
COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}
FITS = {"scale": Fit.INSIDE, "fit": Fit.INSIDE, "cover": Fit.ATTENTION, "thumb": Fit.THUMB}
Side = Annotated[int, Field(ge=1, le=MAX_SIDE), BeforeValidator(whole)]
MediaType = Annotated[str, WithJsonSchema({"type": "string", "enum": [*TYPES, ANY]})]


class Model(BaseModel):
    """Wire models here know all their names."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Resize(Model):
    """Another size; a picture is never enlarged."""

    method: Literal["scale", "fit", "cover", "thumb"]
    width: Side | None = None
    height: Side | None = None

    @model_validator(mode="after")
    def _sides_of_the_method(self) -> Self:
        given = [side for side in (self.width, self.height) if side is not None]
        if self.method == "scale" and len(given) != 1:
            raise ValueError("'scale' takes either a width or a height")
        if self.method != "scale" and len(given) != 2:
            raise ValueError(f"'{self.method}' takes a width and a height")
        return self


class Convert(Model):
    """Another format: one media type, several to choose the smallest from, or `*/*`."""

    type: MediaType | Annotated[list[MediaType], Field(min_length=1)]

    @property
    def types(self) -> list[str]:
        """One or several, as a list."""
        return [self.type] if isinstance(self.type, str) else self.type

    @field_validator("type")
    @classmethod
    def _known(cls, value: str | list[str]) -> str | list[str]:
        types = [value] if isinstance(value, str) else value
        unknown = [name for name in types if name != ANY and name not in TYPES]
        if unknown:
            raise ValueError(f"{unknown[0][:40]!r} is none of {', '.join(TYPES)}, {ANY}")
        return value

    @property
    def format(self) -> str:
        """The wish as the option `format`."""
        return AUTO if ANY in self.types else ",".join(TYPES[name] for name in self.types)


class Transform(Model):
    """What is put behind transparent pixels."""

    background: str = Field(pattern="^(white|black|#[0-9A-Fa-f]{6})$")

    @property
    def colour(self) -> tuple[int, int, int]:
        """Red, green and blue, 0-255."""
        red, green, blue = COLOURS.get(self.background) or bytes.fromhex(self.background[1:])
        return red, green, blue


class Store(BaseModel):
    """A bucket that this service may write to. Credentials of the caller's are neither used nor kept."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    service: Literal["s3", "gcs"]
    path: str = Field(pattern="^[^/]+/.+$", description="The bucket and the object's key in it.")
    headers: dict[str, str] = Field(default_factory=dict, description="`Cache-Control`.")

    @field_validator("headers")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if name.lower() != "cache-control" or not re.fullmatch(r"[ -~]*", text):
                raise ValueError("only Cache-Control can be set")
        return value

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and key."""
        bucket, _, key = self.path.partition("/")
        return bucket, key

    @property
    def cache_control(self) -> str:
        """Empty where nothing is said."""
        return next(iter(self.headers.values()), "")


class Commands(FromBody):
    """What shall be done to a picture, and where the result goes."""

    resize: Resize | None = None
    convert: Convert | None = None
    transform: Transform | None = None
    preserve: list[Literal["copyright", "creation", "location"]] = Field(default_factory=list)
    store: Store | None = None

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The commands of a body, which may be empty. Raises InvalidOptions."""
        return super().from_json(text or b"{}")

    @property
    def changes(self) -> bool:
        """Whether another result is asked for than the one that waits."""
        return bool(self.resize or self.convert or self.transform or self.preserve)

    def policy(self, default_quality: Quality) -> Policy:
        """How the result is written."""
        options = OptimizationOptions(format=self.convert.format if self.convert else ORIGINAL, metadata=self._metadata)
        return options.to_policy(default_quality, tuple(CHOICE.values()))

    @property
    def rendition(self) -> Rendition | None:
        """What is drawn anew; None where the picture stays as it is."""
        chosen = self._facts - {Fact.COPYRIGHT}
        if not (self.resize or self.transform or chosen):
            return None
        return Rendition(
            width=self.resize.width if self.resize else None,
            height=self.resize.height if self.resize else None,
            fit=FITS[self.resize.method] if self.resize else Fit.INSIDE,
            background=self.transform.colour if self.transform else None,
            facts=self._facts if chosen else None,
        )

    @property
    def _facts(self) -> frozenset[Fact]:
        return frozenset(Fact(name) for name in self.preserve)

    @property
    def _metadata(self) -> Metadata:
        """Facts are chosen from all that there is; a copyright alone is what SAFE keeps."""
        if self._facts - {Fact.COPYRIGHT}:
            return Metadata.ALL
        return Metadata.SAFE if self._facts else Metadata.NONE


class SourceUrl(Model):
    """Where the picture is."""

    url: str = Field(
        description="http or https, on port 80 or 443, at a public address.", json_schema_extra={"format": "uri"}
    )


class SourceRequest(FromBody):
    """The JSON body of POST /shrink."""

    source: SourceUrl
