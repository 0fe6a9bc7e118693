"""What a service is for: declared at every start, and refused where the law forbids it."""

from __future__ import annotations

from typing import Final, Literal, get_args

from mien.core.errors import ConfigError

Purpose = Literal["research", "consumer", "workplace", "education", "medical-or-safety"]
PURPOSES: Final[tuple[str, ...]] = get_args(Purpose)
_FORBIDDEN: Final = {"workplace": "at work", "education": "in education"}

_WHAT: Final = (
    "This service looks for faces in the pictures that it is given and estimates the apparent "
    "expression of each: neutral, anger, disgust, fear, happy, sadness or surprise. An expression "
    "is what a face shows, not what a person feels, and the estimate is often wrong. Pictures and "
    "answers are not kept and not logged. Nobody is identified; age, gender and origin are not "
    "estimated."
)
_FOR: Final = {
    "research": "It is run for research. You may ask who runs it, and not take part.",
    "consumer": "It is run for your own use. Do not send pictures of others without asking them.",
    "medical-or-safety": (
        "It is run for a medical or safety purpose. No decision about a person may rest on it "
        "alone: ask who runs it, and have a person look."
    ),
}


def notice(purpose: str) -> str:
    """Returns the notice for people in the pictures; whoever runs the service shows it to them."""
    return f"{_WHAT} {_FOR[purpose]}"


def check_purpose(purpose: str) -> str:
    """Returns the purpose, if a service may be started for it.

    Raises:
        ConfigError: it is none that mien knows, or the law forbids it.
    """
    if purpose not in PURPOSES:
        raise ConfigError(
            f"--purpose {purpose!r} is not known. Say what the service is for: "
            f"{', '.join(PURPOSES)}."
        )
    if purpose in _FORBIDDEN:
        raise ConfigError(
            f"mien does not start to judge people {_FORBIDDEN[purpose]}. In the European Union, "
            "Article 5(1)(f) of the AI Act (Regulation 2024/1689) forbids AI systems that infer "
            "emotions of people in workplaces and education, except for medical or safety reasons, "
            "with fines of up to 35 million euros or 7 % of turnover; other places have laws of "
            "their own. If such a reason applies and you have it in writing, start with "
            "--purpose medical-or-safety. This is no legal advice."
        )
    return purpose
