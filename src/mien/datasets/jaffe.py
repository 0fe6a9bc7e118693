"""JAFFE (Lyons et al. 1998): 213 posed portraits of ten Japanese women, grey, 256x256.

How to get it: ask for restricted access on Zenodo (record 14974867); name ``jaffe.zip`` or its
unpacked folder as the root. Layout: ``jaffe/KA.AN1.39.tiff`` (person, expression and take, number).

The label is the expression that was posed. ``label_source = "rating"`` takes the one that raters
saw most instead, by the table in the README; neutral was not rated, so posed neutral stays neutral.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.errors import ConfigError, DataError
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"^(?P<subject>K[ALMR]|MK|N[AM]|TM|UY|YM)\.(?P<expr>AN|DI|FE|HA|NE|SA|SU)(?P<take>\d)"
    r"\.(?P<image>\d{1,3})(\.tiff?)?\.(tiff?|jpe?g|png|bmp)$",
    re.IGNORECASE,
)
_CODES: Final = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
_STEMS: Final = {
    "KA": "AN1.39 AN2.40 AN3.41 DI1.42 DI2.43 DI3.44 FE1.45 FE2.46 FE3.47 FE4.48 HA1.29 HA2.30 "
    "HA3.31 HA4.32 NE1.26 NE2.27 NE3.28 SA1.33 SA2.34 SA3.35 SU1.36 SU2.37 SU3.38",
    "KL": "AN1.167 AN2.168 AN3.169 DI1.170 DI2.171 DI3.172 DI4.173 FE1.174 FE2.175 FE3.176 "
    "HA1.158 HA2.159 HA3.160 NE1.155 NE2.156 NE3.157 SA1.161 SA2.162 SA3.163 SU1.164 "
    "SU2.165 SU3.166",
    "KM": "AN1.17 AN2.18 AN3.19 DI1.20 DI3.22 FE1.23 FE2.24 FE3.25 HA1.4 HA2.5 HA3.6 HA4.7 "
    "NE1.1 NE2.2 NE3.3 SA1.9 SA2.10 SA3.11 SA5.13 SU1.14 SU2.15 SU3.16",
    "KR": "AN1.83 AN2.84 AN3.85 DI1.86 DI2.87 DI3.88 FE1.89 FE2.90 FE3.91 HA1.74 HA2.75 NE1.71 "
    "NE2.72 NE3.73 SA1.77 SA2.78 SA3.79 SU1.80 SU2.81 SU3.82",
    "MK": "AN1.125 AN2.126 AN3.127 DI1.128 DI2.129 DI3.130 FE1.131 FE2.132 FE3.133 HA1.116 "
    "HA2.117 HA3.118 NE1.113 NE2.114 NE3.115 SA1.119 SA2.120 SA3.121 SU1.122 SU2.123 "
    "SU3.124",
    "NA": "AN1.211 AN2.212 AN3.213 DI1.214 DI2.215 DI3.216 FE1.217 FE2.218 FE3.219 HA1.202 "
    "HA2.203 HA3.204 NE1.199 NE2.200 NE3.201 SA1.205 SA2.206 SA3.207 SU1.208 SU2.209 "
    "SU3.210",
    "NM": "AN1.104 AN2.105 AN3.106 DI1.107 DI3.109 FE1.110 FE2.111 FE3.112 HA1.95 HA2.96 HA3.97 "
    "NE1.92 NE2.93 NE3.94 SA1.98 SA2.99 SA3.100 SU1.101 SU2.102 SU3.103",
    "TM": "AN1.190 AN2.191 AN3.192 DI1.193 DI2.194 DI3.195 FE1.196 FE2.197 FE3.198 HA1.180 "
    "HA2.181 HA3.182 NE1.177 NE2.178 NE3.179 SA1.184 SA2.185 SA3.186 SU1.187 SU2.188 "
    "SU3.189",
    "UY": "AN1.146 AN2.147 AN3.148 DI1.149 DI2.150 DI3.151 FE1.152 FE2.153 FE3.154 HA1.137 "
    "HA2.138 HA3.139 NE1.134 NE2.135 NE3.136 SA1.140 SA2.141 SA3.142 SU1.143 SU2.144 "
    "SU3.145",
    "YM": "AN1.61 AN2.62 AN3.63 DI1.64 DI2.65 DI3.66 FE1.67 FE2.68 FE3.69 FE4.70 HA1.52 HA2.53 "
    "HA3.54 NE1.49 NE2.50 NE3.51 SA1.55 SA2.56 SA3.57 SU1.58 SU2.59 SU3.60",
}
STEMS: Final = frozenset(f"{who}.{rest}" for who, rests in _STEMS.items() for rest in rests.split())
"""The names of all 213 pictures, without their ending."""
_READMES: Final = ("README", "README.txt", "README_FIRST.txt", "A_README_FIRST.txt")
_RATED: Final = ("happy", "sadness", "surprise", "anger", "disgust", "fear")
_RATING: Final = re.compile(
    r"^\s*\d+((?:\s+[1-5](?:\.\d+)?){6})\s+([A-Z]{2})[-.]([A-Z]{2}\d)\b", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class Jaffe:
    """Reads JAFFE.

    Args:
        label_source: ``posed``, or ``rating`` for the class that was rated highest.

    Raises:
        ConfigError: ``label_source`` is something else.
    """

    label_source: str = "posed"

    info: ClassVar[SourceInfo] = SourceInfo(
        name="jaffe",
        title="JAFFE",
        licence="non-commercial scientific research; no redistribution",
        commercial_use="no",
        url="https://zenodo.org/records/14974867",
        citation="M. Lyons, S. Akamatsu, M. Kamachi, J. Gyoba. Coding facial expressions with "
        "Gabor wavelets. FG 1998.",
        access="Ask for restricted access on Zenodo.",
        grammar="jaffe/KA.AN1.39.tiff: person, expression (AN DI FE HA NE SA SU), take, number",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        if self.label_source not in ("posed", "rating"):
            raise ConfigError(f"label_source is posed or rating; got {self.label_source!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture, then each of the 213 that is missing.

        Raises:
            DataError: ``root`` is not JAFFE, or holds no table of ratings where one is needed.
        """
        tree = Tree(root, self.info)
        rated = self._ratings(tree) if self.label_source == "rating" else {}
        seen = set()
        for path, found in reading.matches(tree, _NAME):
            if found is None:
                yield reading.unmatched(path)
                continue
            subject, code = found["subject"].upper(), found["expr"].upper()
            posed = f"{subject}.{code}{found['take']}"
            seen.add(f"{posed}.{found['image']}")
            label = _CODES[code] if code == "NE" else rated.get(posed, _CODES[code])
            yield reading.sample(
                tree,
                path,
                label=label,
                subject=subject,
                pose="frontal",
                gender="female",
                ethnicity="Japanese",
            )
        for missing in sorted(STEMS - seen):
            yield Rejection(f"{missing}.tiff", "no_file", "one of the 213 pictures is not here")

    def _ratings(self, tree: Tree) -> Mapping[str, str]:
        """Returns the class that was rated highest, by ``KA.AN1``."""
        rated: dict[str, str] = {}
        for path in tree.named(*_READMES):
            for numbers, who, take in _RATING.findall(tree.text(path)):
                values = [float(number) for number in numbers.split()]
                rated[f"{who}.{take}"] = _RATED[values.index(max(values))]
        if not rated:
            raise DataError(
                f"{tree.root} holds no table of ratings (README: N HAP SAD SUR ANG DIS FEA PIC), "
                'which label_source = "rating" needs. Add it, or take "posed".'
            )
        return rated
