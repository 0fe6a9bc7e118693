"""Price lists: what an hour of a machine costs, and so what a training does."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from mien.core import config as settings
from mien.core.config import StageConfig


class Machine(StageConfig):
    """A machine that can be hired.

    Attributes:
        name: what it is called in tables.
        price: of an hour.
        currency: of the price.
        date: when that was the price.
        hours: whose hours are paid: those measured ``here``, or those that the ``thesis`` printed.
        speed: how many times as fast it is as the machine those hours were taken on.
        teraflops: what its maker states; told, not reckoned with.
        note: anything else.
    """

    name: str
    price: float = Field(ge=0)
    currency: str
    date: str
    hours: Literal["here", "thesis"] = "here"
    speed: float = Field(default=1.0, gt=0)
    teraflops: float | None = Field(default=None, gt=0)
    note: str = ""

    def cost(self, hours: float) -> float:
        """Returns what so many hours of the measuring machine would cost on this one."""
        return hours / self.speed * self.price

    def text(self) -> str:
        """Returns its terms in words."""
        parts = [f"{self.price:g} {self.currency} an hour, {self.date}"]
        parts += [f"{self.teraflops:g} TFLOPS"] if self.teraflops else []
        parts += [f"{self.speed:g} times as fast"] if self.speed != 1 else []
        parts += [self.note] if self.note else []
        return f"{self.name}: {'; '.join(parts)}"


class PriceList(StageConfig):
    """The machines of a price list, each a table ``[[machine]]``."""

    machine: tuple[Machine, ...] = Field(min_length=1)

    def paid(self, hours: Literal["here", "thesis"]) -> tuple[Machine, ...]:
        """Returns the machines that are paid by hours measured here, or by the thesis's."""
        return tuple(machine for machine in self.machine if machine.hours == hours)


def read(path: Path) -> PriceList:
    """Reads a price list.

    Args:
        path: the TOML file.

    Raises:
        ConfigError: it cannot be read, or a machine lacks its price.
    """
    return settings.check(PriceList, settings.read(path), str(path))
