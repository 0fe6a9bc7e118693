"""Price lists: read strictly, and reckoned with."""

from pathlib import Path

import pytest

from mien.chains import prices
from mien.chains.prices import Machine
from mien.core.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "examples" / "prices.toml"


def test_the_example_has_the_thesis_s_machines():
    listed = prices.read(EXAMPLE)
    there = {machine.name: machine for machine in listed.paid("thesis")}
    assert there["P100"].cost(3.75) == pytest.approx(6.0)
    assert there["K80"].cost(0.62) == pytest.approx(0.45)
    assert there["K80"].text() == (
        "K80: 0.45 USD an hour, 2018-04; 2.91 TFLOPS; 0.62 times as fast; the thesis says that "
        "the P100 is 1.6 times as fast"
    )
    assert listed.paid("here") == ()


def test_a_machine_without_speed_takes_the_measured_hours():
    machine = Machine(name="mine", price=0.5, currency="EUR", date="2026-01")
    assert machine.cost(4) == 2
    assert machine.text() == "mine: 0.5 EUR an hour, 2026-01"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[machine]]\nname = 'a'\ncurrency = 'EUR'\ndate = '2026'", "price: Field required"),
        ("[[machine]]\nname = 'a'\nprice = -1\ncurrency = 'EUR'\ndate = '2026'", "price"),
        ("", "machine: Field required"),
        ("machine = []", "machine"),
        ("[[machines]]", "machines: unknown key"),
        ("[[machine", "is not TOML"),
    ],
)
def test_wrong_lists_are_told(tmp_path, text, message):
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        prices.read(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        prices.read(tmp_path / "none.toml")
