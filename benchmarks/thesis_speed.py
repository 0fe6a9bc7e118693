"""The thesis's table of inference: 742 pictures through each network, from file to answer.

    python benchmarks/thesis_speed.py PHOTOS [--count 742] [--runs 3] [--runtime openvino]
        [--precision int8] [--detector yunet] [--model FOLDER]... [--networks alexnet vgg16 ...]

What `mien bench --networks` measures, with other networks, models and numbers of pictures. PHOTOS
is a folder of photographs; where it holds fewer than --count, they are taken again. Networks
without a trained model folder (--model) get random weights, which take the same time; their 8-bit
form is calibrated on the photos. Prints pictures a second with detection beside the thesis's on
four virtual cores, the network alone, and how often 8 bits give the floats' top class.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mien.chains.bench_machine import described, machine_markdown
from mien.chains.bench_networks import (
    COUNT,
    THESIS,
    NetworksBench,
    bench_networks,
    networks_markdown,
)
from mien.core.images import find_images


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--runtime", default="openvino")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--detector", default="yunet")
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--networks", nargs="*", default=list(THESIS))
    told = parser.parse_args()
    wanted = NetworksBench(
        models=tuple(told.model),
        networks=tuple(told.networks),
        runtime=told.runtime,
        precision=told.precision,
        detector=told.detector,
        count=told.count,
        runs=told.runs,
    )
    result = bench_networks(sorted(find_images(told.photos)), wanted)
    print(f"{machine_markdown(described())}\n\n{networks_markdown(result)}")


if __name__ == "__main__":
    main()
