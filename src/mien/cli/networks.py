"""The command that shows which networks there are."""

from __future__ import annotations

from typing import Annotated

import typer


def networks(
    name: Annotated[
        str | None, typer.Argument(help="One network: its blocks. timm/NAME for one of timm's.")
    ] = None,
) -> None:
    """List the networks: their sizes, inputs, blocks, and what each policy trains of them."""
    from mien.chains.networks import listing, page

    print(page(name) if name else listing())
