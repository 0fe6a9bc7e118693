"""Makes ``src/mien/assets/quality/occlusion.onnx``: the network that says what covers a face.

    python benchmarks/occlusion.py ferplus runs/default/split/roles.parquet src/mien/assets/quality

FER+ faces of the role ``train`` are partly covered with random shapes (discs, blocks, polygons,
bars as fingers are) of random textures (plain, ramps, noise, stripes, pieces of this or another
face); the network learns the covered share of each cell of a grid. Faces on which a first network
sees the most without any of it, such as those behind hands, are then left out, and a second one is
trained without them. One thread and one seed: the same machine makes the same bytes again.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import polars as pl
import torch
from onnx import helper, numpy_helper
from torch import nn

from mien.core.artifact import atomic, digest, versions, write_json
from mien.core.images import decode
from mien.core.spec import CHIP_MARGIN
from mien.core.types import Floats
from mien.faces.align import FivePointAligner
from mien.faces.quality import CELLS, SEEN, ellipse
from mien.faces.yunet import YuNet

Random = np.random.Generator
SETTINGS = {
    "seed": 0,
    "epochs": [2, 7],  # of the first network and of the one that ships
    "batch": 128,
    "rate": 4e-3,
    "decay": 1e-3,
    "left_out": 0.05,  # the share of faces that the first network takes for the most covered
}
WIDE = round(SEEN * (1 + CHIP_MARGIN))
"""The side of a whole chip in the network's resolution."""
WIDTHS = ((1, 16, 2), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 48, 2), (48, 48, 1), (48, 48, 1))
"""Channels in, channels out and stride of each 3x3 convolution."""
FINE = 4
"""Shapes are drawn this many times as large, and shrunk to smooth their borders."""
Y, X = (np.mgrid[:SEEN, :SEEN] + 0.5) / SEEN - 0.5


def chips(ferplus: Path, roles: Path, yunet: Path | None) -> npt.NDArray[np.uint8]:
    """Returns the training faces' chips, (n, 70, 70) grey; those without a found face are left out.

    Args:
        ferplus: the data set's folder.
        roles: the table of `stages.split`.
        yunet: the detector's weights; None looks for them.
    """
    rows = pl.read_parquet(roles).filter(dataset="ferplus", role="train")
    detector, aligner, found = YuNet(yunet), FivePointAligner(), []
    for path in sorted(rows["path"]):
        image = decode(ferplus / path)
        faces = detector.detect(image)
        if faces:
            chip = cv2.cvtColor(aligner.align(image, faces[0]), cv2.COLOR_RGB2GRAY)
            found.append(cv2.resize(chip, (WIDE, WIDE), interpolation=cv2.INTER_AREA))
    return np.array(found, np.uint8)


def shape(random: Random) -> Floats:
    """Returns how much of each pixel a random shape covers, (40, 40), 0 to 1."""
    side = FINE * SEEN
    mask = np.zeros((side, side), np.uint8)
    centre = random.uniform(-0.05, 1.05, 2) * side
    stretch = math.exp(random.uniform(-0.5, 0.5))
    radius = side * math.sqrt(random.uniform(0.03, 0.5) / math.pi)
    radii = radius * np.array([stretch, 1 / stretch])
    angle = random.uniform(0, 180)
    place = tuple(map(float, centre))
    kind = random.integers(4)
    if kind == 0:
        cv2.ellipse(mask, (place, tuple(map(float, 2 * radii)), angle), 1, -1)
    elif kind == 1:
        corners = cv2.boxPoints((place, tuple(map(float, 1.8 * radii)), angle))
        cv2.fillPoly(mask, [corners.astype(int)], 1)
    elif kind == 2:
        turns = np.sort(random.uniform(0, 2 * math.pi, random.integers(4, 9)))
        rim = np.stack([np.cos(turns), np.sin(turns)], 1) * radii
        corners = centre + rim * random.uniform(0.6, 1.3, (len(turns), 1))
        cv2.fillPoly(mask, [corners.astype(int)], 1)
    else:
        width = random.uniform(0.05, 0.12) * side
        along = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
        across = np.array([-along[1], along[0]])
        for finger in range(random.integers(1, 5)):
            start = centre + across * finger * width * random.uniform(1, 1.15)
            end = start + along * random.uniform(0.3, 0.9) * side
            cv2.line(mask, start.astype(int).tolist(), end.astype(int).tolist(), 1, int(width))
    return cv2.resize(mask.astype(np.float32), (SEEN, SEEN), interpolation=cv2.INTER_AREA)


def texture(random: Random, own: Floats, other: Floats) -> Floats:
    """Returns what covers a face, (40, 40), 0 to 255: nothing that is drawn has a colour.

    Args:
        random: where chance comes from.
        own: the chip of the face, (70, 70).
        other: the chip of another one.
    """
    kind = random.integers(6)
    turn = random.uniform(0, 2 * math.pi)
    ramp = X * math.cos(turn) + Y * math.sin(turn)
    if kind == 0:
        made = np.full((SEEN, SEEN), random.uniform(0, 255))
    elif kind == 1:
        made = random.uniform(20, 235) + random.uniform(0, 120) * ramp
    elif kind == 2:
        made, grain = random.normal(0, 1, (SEEN, SEEN)), random.uniform(0, 6)
        if grain > 0.4:
            made = cv2.GaussianBlur(made, (0, 0), grain)
        made = random.uniform(30, 225) + made / max(made.std(), 1e-3) * random.uniform(3, 60)
    elif kind == 3:
        stripes = np.sign(np.sin(random.uniform(0.2, 1.5) * SEEN * ramp))
        made = random.uniform(40, 215) + random.uniform(5, 90) * stripes
    else:
        place = tuple(map(float, random.uniform(10, WIDE - 10, 2)))
        matrix = cv2.getRotationMatrix2D(place, math.degrees(turn), random.uniform(0.5, 2))
        matrix[:, 2] += random.uniform(-30, 10, 2)
        source = own if kind == 4 else other
        made = cv2.warpAffine(source, matrix, (SEEN, SEEN), borderMode=cv2.BORDER_REFLECT)
        if random.random() < 0.5:
            made = (made - made.mean()) * random.uniform(0.3, 1.2) + random.uniform(40, 215)
    return np.clip(made, 0, 255).astype(np.float32)


def example(random: Random, own: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Returns a face as it may be seen, (40, 40), and how much of each pixel is covered.

    Seven in ten are covered. Aligned not quite exactly, blurred, lit from a side, brightened and
    made noisy are covered and clean faces alike: none of this tells them apart.
    """
    middle = (WIDE - 1) / 2
    matrix = cv2.getRotationMatrix2D(
        (middle, middle), random.normal(0, 4), math.exp(random.normal(0, 0.06))
    )
    matrix[:, 2] += random.normal(0, 1, 2) - (WIDE - SEEN) / 2
    face = cv2.warpAffine(own, matrix, (SEEN, SEEN), borderMode=cv2.BORDER_REPLICATE)
    if random.random() < 0.5:
        face = face[:, ::-1]
    mask = np.zeros((SEEN, SEEN), np.float32)
    if random.random() < 0.7:
        for _ in range(1 + (random.random() < 0.25)):
            cover = shape(random)
            if random.random() < 0.3:
                cover = cv2.GaussianBlur(cover, (0, 0), random.uniform(0.4, 1))
            opaque = cover * (1 if random.random() < 0.85 else random.uniform(0.75, 1))
            face = face * (1 - opaque) + texture(random, own, other) * opaque
            mask = np.maximum(mask, cover)
    if random.random() < 0.5:
        face = cv2.GaussianBlur(face, (0, 0), random.uniform(0.3, 1.6))
    if random.random() < 0.5:
        turn = random.uniform(0, 2 * math.pi)
        light = 1 + random.uniform(0, 1.3) * (X * math.cos(turn) + Y * math.sin(turn))
        face = face * np.maximum(light, 0.05)
    if random.random() < 0.5:
        face = 255 * (np.clip(face, 0, 255) / 255) ** math.exp(random.normal(0, 0.4))
    if random.random() < 0.4:
        face = face + random.normal(0, random.uniform(0, 12), face.shape)
    return face.astype(np.float32), mask


def stretched(faces: Floats) -> torch.Tensor:
    """Returns faces (n, 40, 40) as the network sees them, as `quality.network_input` does."""
    spread = np.maximum(faces.std((1, 2), keepdims=True), 8.0)
    return torch.from_numpy((faces - faces.mean((1, 2), keepdims=True)) / spread)[:, None]


def quarters(masks: Floats) -> torch.Tensor:
    """Returns the covered shares of the 10x10 cells as the network gives them, (n, 4, 5, 5)."""
    half = CELLS // 2
    cells = masks.reshape(-1, CELLS, SEEN // CELLS, CELLS, SEEN // CELLS).mean((2, 4))
    split = cells.reshape(-1, half, 2, half, 2).transpose(0, 2, 4, 1, 3)
    return torch.from_numpy(np.ascontiguousarray(split).reshape(-1, 4, half, half))


def network() -> nn.Sequential:
    """Returns the untrained network: (n, 1, 40, 40) to (n, 4, 5, 5) log odds."""
    layers: list[nn.Module] = []
    for channels, out, stride in WIDTHS:
        layers += [nn.Conv2d(channels, out, 3, stride, 1), nn.BatchNorm2d(out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(WIDTHS[-1][1], 4, 1))


def train(faces: npt.NDArray[np.uint8], epochs: int) -> nn.Sequential:
    """Returns a network that has seen each of the chips (n, 70, 70) ``epochs`` times."""
    torch.manual_seed(SETTINGS["seed"])
    random = np.random.default_rng(SETTINGS["seed"])
    model, batch = network(), SETTINGS["batch"]
    steps = len(faces) // batch
    best = torch.optim.AdamW(model.parameters(), SETTINGS["rate"],
                             weight_decay=SETTINGS["decay"])  # fmt: skip
    pace = torch.optim.lr_scheduler.OneCycleLR(best, SETTINGS["rate"], total_steps=epochs * steps)
    for epoch in range(epochs):
        order, total = random.permutation(len(faces)), 0.0
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            others = random.integers(0, len(faces), batch)
            made = [example(random, faces[i].astype(np.float32), faces[j].astype(np.float32))
                    for i, j in zip(rows, others, strict=True)]  # fmt: skip
            scores = model(stretched(np.array([face for face, _ in made])))
            wanted = quarters(np.array([mask for _, mask in made]))
            loss = nn.functional.binary_cross_entropy_with_logits(scores, wanted)
            best.zero_grad()
            loss.backward()
            best.step()
            pace.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {epochs}: loss {total / steps:.4f}", flush=True)
    return model.eval()


def seen(model: nn.Sequential, faces: npt.NDArray[np.uint8]) -> Floats:
    """Returns the mean covered share that a network sees in chips as they are, (n,)."""
    low = (WIDE - SEEN) // 2
    inner = faces[:, low : low + SEEN, low : low + SEEN]
    weight = quarters(ellipse(CELLS).repeat(SEEN // CELLS, 0).repeat(SEEN // CELLS, 1)[None] * 1.0)
    found = []
    with torch.no_grad():
        for start in range(0, len(inner), 512):
            shares = model(stretched(inner[start : start + 512].astype(np.float32))).sigmoid()
            found.append(((shares * weight).sum((1, 2, 3)) / weight.sum()).numpy())
    return np.concatenate(found)


def to_onnx(model: nn.Sequential) -> onnx.ModelProto:
    """Returns a network as ONNX, its norms folded into the convolutions."""
    nodes, weights, name = [], [], "face"
    convolutions = [layer for layer in model if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in model if isinstance(layer, nn.BatchNorm2d)]
    for index, layer in enumerate(convolutions):
        kernel, bias = layer.weight.detach().double(), layer.bias.detach().double()
        last = index == len(norms)
        if not last:
            norm = norms[index]
            gain = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double()
            kernel = kernel * gain[:, None, None, None]
            bias = (bias - norm.running_mean) * gain + norm.bias.detach()
        for what, values in (("weight", kernel), ("bias", bias)):
            array = values.numpy().astype(np.float32)
            weights.append(numpy_helper.from_array(array, f"{what}{index}"))
        out = "scores" if last else f"sum{index}"
        side = layer.kernel_size[0]
        nodes.append(helper.make_node("Conv", [name, f"weight{index}", f"bias{index}"], [out],
                                      kernel_shape=[side, side], strides=list(layer.stride),
                                      pads=[side // 2] * 4))  # fmt: skip
        if not last:
            name = f"seen{index}"
            nodes.append(helper.make_node("Relu", [out], [name]))
    kind, half = onnx.TensorProto.FLOAT, CELLS // 2
    taken = helper.make_tensor_value_info("face", kind, [1, 1, SEEN, SEEN])
    given = helper.make_tensor_value_info("scores", kind, [1, 4, half, half])
    graph = helper.make_graph(nodes, "occlusion", [taken], [given], weights)
    model_proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model_proto.ir_version = 9
    model_proto.producer_name = "mien"
    onnx.checker.check_model(model_proto)
    return model_proto


def main() -> None:
    """Trains twice, writes the network and what it was made from."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ferplus", type=Path)
    parser.add_argument("roles", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--yunet", type=Path, default=None, help="the detector's weights")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    cv2.setNumThreads(1)
    faces = chips(given.ferplus, given.roles, given.yunet)
    first = train(faces, SETTINGS["epochs"][0])
    doubt = seen(first, faces)
    clean = faces[doubt <= np.quantile(doubt, 1 - SETTINGS["left_out"])]
    path = given.out / "occlusion.onnx"
    with atomic(path) as file:
        file.write(to_onnx(train(clean, SETTINGS["epochs"][1])).SerializeToString())
    counts = {"faces": len(faces), "taught": len(clean)}
    write_json(given.out / "occlusion.onnx.json", {
        "bytes": path.stat().st_size, "sha256": digest(path), "config": SETTINGS,
        "counts": counts, "versions": versions(),
    })  # fmt: skip


if __name__ == "__main__":
    main()
