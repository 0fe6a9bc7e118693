"""What the routes of one worker share: engines, limits, the token, the counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from mien.core.errors import ConfigError
from mien.predictor import Predictor
from mien.serve.engine import Engine
from mien.serve.errors import ServiceError
from mien.serve.metrics import Metrics
from mien.serve.settings import ServeSettings
from mien.serve.tokens import read_token, same
from mien.serve.videos import Films

BEARER = HTTPBearer(auto_error=False, description="The token that 'mien serve' made.")


class Rate:
    """How many pictures one address sent in the last minute, in this worker."""

    def __init__(self, per_minute: int) -> None:
        self._item = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def check(self, address: str, pictures: int = 1) -> None:
        """Counts some pictures.

        Raises:
            ServiceError: ``too_many_requests``.
        """
        if self._item is None or self._limiter.hit(self._item, address, cost=pictures):
            return
        raise ServiceError(
            "too_many_requests",
            f"This address sent more than {self._item.amount:,} pictures in a minute. Slow down.",
            max(1, 60 * pictures // self._item.amount),
        )


@dataclass(slots=True)
class Shared:
    """What the routes of one worker share.

    Attributes:
        settings: the service's settings.
        metrics: its counts.
        token: that content is given for.
        engines: by model's name; empty until they are loaded, and again while they end.
        batches: how many requests for batches are under way.
        films: where videos are worked off.
    """

    settings: ServeSettings
    metrics: Metrics
    token: str
    rate: Rate
    engines: dict[str, Engine] = field(default_factory=dict)
    batches: int = 0
    films: Films = field(default_factory=Films)

    @classmethod
    def of(cls, settings: ServeSettings) -> Shared:
        """Returns what a worker starts with.

        Raises:
            ConfigError: the token's file is not as it should be.
        """
        rate = Rate(settings.limits.per_minute)
        return cls(settings, Metrics(), read_token(settings.token_file), rate)

    async def load(self) -> None:
        """Loads the models."""
        self.engines = await asyncio.to_thread(self._load)

    async def close(self) -> None:
        """Answers what was taken, then lets the models go."""
        engines, self.engines = self.engines, {}
        await asyncio.to_thread(self.films.close)
        for engine in engines.values():
            await asyncio.to_thread(engine.close)

    def engine(self, model: str | None) -> Engine:
        """Returns the engine of a model; the first where none is named.

        Raises:
            ServiceError: ``not_found``, or ``overloaded`` while the service starts or stops.
        """
        if not self.engines:
            raise ServiceError("overloaded", "The service starts or stops. Try again.", 1)
        if model is None:
            return next(iter(self.engines.values()))
        if model not in self.engines:
            raise ServiceError(
                "not_found", f"There is no such model here. There is: {', '.join(self.engines)}."
            )
        return self.engines[model]

    def held(self) -> int:
        """Returns how many pictures are waiting or in work."""
        return sum(engine.held for engine in self.engines.values())

    def _load(self) -> dict[str, Engine]:
        settings, limits, engines = self.settings, self.settings.limits, {}
        for name in settings.models:
            predictor = Predictor(
                name,
                detector=settings.detector,
                prior=settings.prior,  # type: ignore[arg-type]  # checked there, with a message
                jobs=settings.jobs,
                batch_size=settings.batch_size,
                max_pixels=limits.pixels,
            )
            called = predictor.model.spec.name
            if called in engines:
                raise ConfigError(
                    f"Two models are called {called!r}, so that none could ask for one of them. "
                    "Change the name in one folder's spec.json."
                )
            engines[called] = Engine(predictor, limits.queue, limits.faces)
        return engines


def shared(request: Request) -> Shared:
    """Returns what the routes share."""
    found: Shared = request.app.state.shared
    return found


async def authorised(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
) -> None:
    """Lets a request through that shows the token.

    Raises:
        ServiceError: ``unauthorised``.
    """
    if given is None or not same(given.credentials, shared(request).token):
        raise ServiceError(
            "unauthorised",
            "This needs the service's token: 'Authorization: Bearer TOKEN'. 'mien serve' prints "
            "the file that holds it.",
        )


def address(request: Request) -> str:
    """Returns the address that a request comes from."""
    return request.client.host if request.client else "unknown"
