"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Detector = Annotated[
    str, typer.Option(help="auto, yunet, hog, full-frame; or several: yunet,full-frame.")
]
Prior = Annotated[
    str | None, typer.Option(help="Operating point: natural or balanced; default the model's.")
]
Runtime = Annotated[str, typer.Option(help="What runs the network: onnx, openvino or torch.")]
Precision = Annotated[
    str, typer.Option(help="fp32, or int8 or bf16 where model and machine have it.")
]
Engine = Annotated[
    str | None, typer.Option(help="What spreads the work: local, or ray for a cluster.")
]


def names(text: str) -> list[str]:
    """Returns the names in a list with commas."""
    return [name.strip() for name in text.split(",")]
