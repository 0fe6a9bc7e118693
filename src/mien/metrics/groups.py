"""Figures by group: how well a model does for the people and pictures that data sets describe.

The rooms behind this door: `group_parts` says what a group is, `group_values` makes the figures,
`group_gaps` compares groups by the tests of `group_tests`, and `group_page` puts all into words.
"""

from __future__ import annotations

from mien.metrics.group_gaps import gaps
from mien.metrics.group_page import groups_page
from mien.metrics.group_parts import ATTRIBUTES, FIGURES, GroupSettings, age_band
from mien.metrics.group_values import groups, stated

__all__ = [
    "ATTRIBUTES",
    "FIGURES",
    "GroupSettings",
    "age_band",
    "gaps",
    "groups",
    "groups_page",
    "stated",
]
