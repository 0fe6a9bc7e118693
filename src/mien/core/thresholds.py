"""When a model does not stand behind its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from mien.core.catalogue import polars_or_error
from mien.core.types import Face

if TYPE_CHECKING:
    import polars

Share = Annotated[float, Field(ge=0, le=1)]
Angle = Annotated[float, Field(ge=0, le=180)]
_QUALITY: Final = (
    # what is measured, the field of its limit, and whether that is the least or the most
    ("size", "min_size", True),
    ("sharpness", "min_sharpness", True),
    ("exposure", "min_exposure", True),
    ("exposure", "max_exposure", False),
    ("contrast", "min_contrast", True),
    ("occlusion", "max_occlusion", False),
)


class Thresholds(BaseModel):
    """When a model abstains; what is None sets no limit.

    Attributes:
        low_confidence: below this confidence (0 to 1) it does not stand behind its answer.
        risk: the share of wrong answers above that threshold that it was chosen for, on ``dev``.
        max_yaw: the largest turn of the head to either side, degrees; likewise ``max_pitch``.
        min_size: the least side of the face in its picture, pixels.
        min_sharpness: see `core.quality.Quality`, as for the four that follow.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low_confidence: Share = 0.0
    risk: Share | None = None
    max_yaw: Angle | None = None
    max_pitch: Angle | None = None
    min_size: float | None = Field(default=None, ge=0)
    min_sharpness: float | None = Field(default=None, ge=0)
    min_exposure: Share | None = None
    max_exposure: Share | None = None
    min_contrast: Share | None = None
    max_occlusion: Share | None = None

    def limits(self) -> dict[str, float]:
        """Returns the limits of pose and quality that are set, by name."""
        told = self.model_dump(exclude={"low_confidence", "risk"})
        return {name: value for name, value in told.items() if value is not None}

    def refusal(self, face: Face) -> tuple[str, str] | None:
        """Tells why the model should not answer for a face, whatever its network says.

        Args:
            face: with pose and quality; what was not measured is not refused.

        Returns:
            ``extreme_pose`` or ``low_quality``, and a sentence; None where nothing is wrong.
        """
        for name, angle, most in (
            ("yaw", face.yaw, self.max_yaw),
            ("pitch", face.pitch, self.max_pitch),
        ):
            if angle is not None and most is not None and abs(angle) > most:
                return "extreme_pose", f"{name} {angle:.0f} degrees, the most is {most:g}"
        for name, field, least in _QUALITY if face.quality else ():
            value, limit = getattr(face.quality, name), getattr(self, field)
            if limit is not None and (value < limit if least else value > limit):
                word = "least" if least else "most"
                return "low_quality", f"{name} {value:.3g}, the {word} is {limit:g}"
        return None

    def reason(self) -> polars.Expr:
        """Returns why the model abstains in each row of a table of predictions, as a column.

        The same rules as `refusal` and the threshold of confidence, for tables: ``extreme_pose``,
        ``low_quality``, ``low_confidence``, or null where it stands behind its answer.

        Raises:
            MissingExtraError: Polars is not installed.
        """
        pl = polars_or_error("Abstaining in tables")
        posed, seen = pl.lit(value=False), pl.lit(value=False)
        for name, most in (("yaw", self.max_yaw), ("pitch", self.max_pitch)):
            if most is not None:
                posed |= (pl.col(name).abs() > most).fill_null(value=False)
        for name, field, least in _QUALITY:
            limit = getattr(self, field)
            if limit is not None:
                beyond = pl.col(name) < limit if least else pl.col(name) > limit
                seen |= beyond.fill_null(value=False)
        unsure = (pl.col("confidence") < self.low_confidence).fill_null(value=False)
        return (  # type: ignore[no-any-return]  # Polars is a late import
            pl.when(posed)
            .then(pl.lit("extreme_pose"))
            .when(seen)
            .then(pl.lit("low_quality"))
            .when(unsure)
            .then(pl.lit("low_confidence"))
            .otherwise(pl.lit(None, pl.String))
        )
