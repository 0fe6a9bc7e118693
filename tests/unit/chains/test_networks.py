"""The networks are listed with their sizes, and one of them block by block."""

import builtins
import sys

import pytest

from mien.chains.networks import listing, page
from mien.core import registry
from mien.core.errors import MissingExtraError, UnknownNameError

pytest.importorskip("torch")


def test_every_network_has_a_line() -> None:
    lines = listing().splitlines()
    assert max(map(len, lines)) <= 100
    cells = {words[0]: words for line in lines if (words := line.split())}
    for name in registry.names("networks"):
        assert name.endswith("/") or name in cells
    assert cells["alexnet"][1] == "56,896,903"
    assert cells["vgg16"][1] == "134,289,223"
    assert cells["resnet101"][1:3] == ["42,514,503", "105,344"]
    assert cells["resnet101"][6:8] == ["8", "layer4_2"]
    assert "start = 'imagenet': alexnet" in "\n".join(lines)


def test_one_network_tells_of_each_block() -> None:
    text = page("vgg16")
    assert text.startswith("vgg16: 134,289,223 parameters at 7 classes\n")
    assert "input: 224 px rgb" in text
    assert "last-conv+fc 121,934,343; head 28,679" in text
    (conv,) = (line.split() for line in text.splitlines() if line.startswith("conv5_3"))
    assert conv == ["conv5_3", "512", "x", "7", "x", "7", "2,359,808", "0"]


def test_any_model_of_timm_has_a_page() -> None:
    assert "layer4_1" in page("timm/resnet18")
    text = page("timm/vit_tiny_patch16_224")
    assert "no chain of blocks" in text
    assert "last-conv+fc" not in text


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'vgg16'"):
        page("vgg61")


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: object, **options: object) -> object:
        if name == "torch" or name.startswith("torch."):
            raise ModuleNotFoundError(f"No module named {name!r}", name="torch")
        return real(name, *arguments, **options)  # type: ignore[arg-type]

    for module in [m for m in sys.modules if m == "mien.models.anatomy"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[train\]'"):
        page("mienet")
