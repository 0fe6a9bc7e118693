"""Starts: where weights come from, what comes over, and what is said of it."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mien.core.artifact import digest, write_json
from mien.core.errors import ChecksumError, DownloadError, ModelError
from mien.core.spec import ModelSpec
from mien.models import known_weights, matching
from mien.models.starts import fill
from tests.unit.models.foreign_files import Small, write_caffe


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("MIEN_OFFLINE", raising=False)


def state(seed: int = 3, classes: int = 7) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    network = Small().build(classes)
    for tensor in network.state_dict().values():  # no two tensors alike, no zeros
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.5, 1.5)
    return network.state_dict()


def filled(start, kind: Small | None = None, classes: int = 7):
    kind = kind or Small()
    network = kind.build(classes)
    return network, fill(kind, network, str(start), quiet=True)


def row(**changes) -> known_weights.Published:
    told = {
        "network": "small", "start": "face", "what": "Faces by Somebody",
        "url": "https://example.org/weights", "file": "faces.pth", "form": "torch",
        "licence": "for research", "commercial": "no",
    }  # fmt: skip
    return known_weights.Published(**(told | changes))


def test_scratch_is_nothing():
    network = Small().build(7)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    assert fill(Small(), network, "scratch") is None
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".tar", ".bin", ".safetensors"])
def test_a_path_brings_its_weights(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    there = state(classes=10)
    save_file(there, path) if suffix == ".safetensors" else torch.save(there, path)
    network, loaded = filled(path)
    here = network.state_dict()
    assert loaded.new == ("fc8.0.weight", "fc8.0.bias")
    assert loaded.unfit[0] == ("fc8.0.weight", (7, 5), (10, 5))
    assert loaded.share == 1
    assert (loaded.origin, loaded.sha256) == (path.name, digest(path))
    assert len(loaded.came) == 9
    assert all(torch.equal(here[name], there[name]) for name in loaded.came)
    assert here["conv.1.num_batches_tracked"] == 0


def test_a_caffe_path_brings_its_weights(tmp_path):
    _, loaded = filled(write_caffe(tmp_path / "a.caffemodel"))
    assert loaded.share == 1
    assert "conv.1.running_var" in loaded.came


@pytest.mark.parametrize("prefix", ["module.", "model.", "backbone.", "module.body.encoder."])
def test_prefixes_are_dropped(tmp_path, prefix):
    there = state()
    torch.save({prefix + name: tensor for name, tensor in there.items()}, tmp_path / "a.pth")
    network, loaded = filled(tmp_path / "a.pth")
    assert loaded.new == loaded.unused == ()
    assert torch.equal(network.state_dict()["fc8.0.weight"], there["fc8.0.weight"])


def test_renames_come_last_and_see_through_prefixes(tmp_path):
    there = state()
    foreign = {
        "module.conv1.weight": there["conv.0.weight"],
        "module.fc6.weight": torch.zeros(5, 196),
    }
    whole = {k: v for k, v in there.items() if k != "conv.0.weight"} | foreign
    torch.save(whole, tmp_path / "a.pth")
    network, loaded = filled(tmp_path / "a.pth")
    assert torch.equal(network.state_dict()["conv.0.weight"], there["conv.0.weight"])
    # Its own name was there: the renamed one is left over.
    assert torch.equal(network.state_dict()["fc6.1.weight"], there["fc6.1.weight"])
    assert loaded.unused == ("module.fc6.weight",)


def test_the_first_rename_that_matches_wins():
    own = {"b.weight": torch.zeros(2), "c.weight": torch.zeros(2)}
    renames = ((r"^a\.", "b."), (r"^a\.", "c."))
    found = matching.match(own, {"a.weight": torch.ones(2)}, renames)
    assert list(found.fits) == ["b.weight"]
    assert not found.exact


def test_as_many_numbers_in_another_shape_do_not_fit(tmp_path):
    there = state()
    there["fc6.1.weight"] = there["fc6.1.weight"].reshape(5, 4, 7, 7)
    there["conv.2.weight"] = there["conv.2.weight"].reshape(2, 2)
    torch.save(there, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"fc6\.1\.weight \(5, 4, 7, 7\), expected \(5, 196\)"):
        filled(tmp_path / "a.pth")
    own = matching.counted(Small().build(7))
    assert matching.match(own, {"conv.2.weight": torch.ones(2, 2)}, ()).unfit == (
        ("conv.2.weight", (4,), (2, 2)),
    )


def test_half_precision_becomes_the_network_s(tmp_path):
    torch.save({k: v.half() for k, v in state().items()}, tmp_path / "a.pth")
    network, loaded = filled(tmp_path / "a.pth")
    assert loaded.new == ()
    assert {t.dtype for t in network.parameters()} == {torch.float32}


def test_the_share_leaves_the_last_layer_out():
    network = Small().build(1000)
    trunk = {k: v for k, v in matching.counted(network).items() if not k.startswith("fc8.")}
    numbers = sum(t.numel() for t in trunk.values())
    assert matching.share(network, "fc8", trunk) == 1
    assert matching.share(network, "fc8", {"fc6.1.weight": trunk["fc6.1.weight"]}) == 980 / numbers
    assert matching.share(network, "fc8", {"fc8.0.weight": network[2][0].weight}) == 0


def test_another_network_s_weights_are_refused(tmp_path):
    torch.save({"stem.weight": torch.ones(3), "conv.0.bias": torch.ones(4)}, tmp_path / "a.pth")
    with pytest.raises(ModelError) as caught:
        filled(tmp_path / "a.pth")
    for part in ("a.pth", "'small'", "0.4 %", "stem.weight", "fc6.1.weight", "another network"):
        assert part in str(caught.value)


def test_not_finite_is_refused_and_the_network_stays(tmp_path):
    there = state()
    there["conv.1.running_var"][2] = float("inf")
    torch.save(there, tmp_path / "a.pth")
    network = Small().build(7)
    before = network[0][0].weight.clone()
    with pytest.raises(ModelError, match=r"conv\.1\.running_var hold numbers that are not finite"):
        fill(Small(), network, str(tmp_path / "a.pth"))
    assert torch.equal(network[0][0].weight, before)


def test_every_load_is_told_on_standard_error(tmp_path, capsys):
    there = state(classes=10) | {f"head.{i}.weight": torch.ones(1) for i in range(20)}
    del there["conv.0.bias"]
    torch.save(there, tmp_path / "a.pth")
    fill(Small(), Small().build(7), str(tmp_path / "a.pth"))
    said = capsys.readouterr()
    assert not said.out
    assert said.err == (
        "start a.pth: 8 of 11 tensors came over (99.6 % of the weights before the classifier), "
        "new: conv.0.bias, fc8.0.weight, fc8.0.bias; did not fit: fc8.0.weight (10, 5), expected "
        "(7, 5), fc8.0.bias (10,), expected (7,); unused: head.0.weight, head.1.weight, "
        "head.2.weight, head.3.weight, head.4.weight, head.5.weight and 14 more\n"
    )
    fill(Small(), Small().build(7), str(tmp_path / "a.pth"), quiet=True)
    assert not capsys.readouterr().err


# The library, the cache folder, and neither.


class Librarian(Small):
    def __init__(self, answer) -> None:
        self.answer = answer

    def library_start(self, start):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if start == "imagenet" else None

    def adapt(self, tensors):
        return dict(tensors) | {"conv.0.bias": tensors["conv.0.bias"] + 1}


def cached(there, start: str = "imagenet", metadata=None) -> Path:
    place = known_weights.converted("small", start)
    place.parent.mkdir(exist_ok=True)
    save_file(there, place, metadata)
    return place


def test_the_library_is_asked_first_and_adapted():
    there = state()
    cached(state(4))
    network, loaded = filled("imagenet", Librarian(there))
    assert torch.equal(network.state_dict()["conv.0.weight"], there["conv.0.weight"])
    assert torch.equal(network.state_dict()["conv.0.bias"], there["conv.0.bias"] + 1)
    assert loaded.sha256 is None


@pytest.mark.parametrize("answer", [None, DownloadError("no network"), RuntimeError("broken")])
def test_the_cache_folder_is_asked_next_and_not_adapted(answer):
    there = state(4)
    place = cached(there, metadata={"format": "mien-start-1", "licence": "CC0"})
    network, loaded = filled("imagenet", Librarian(answer))
    assert torch.equal(network.state_dict()["conv.0.bias"], there["conv.0.bias"])
    assert (loaded.origin, loaded.sha256) == ("small-imagenet.safetensors", digest(place))
    assert loaded.licence == "CC0"


def test_published_names_are_adapted_and_a_network_s_own_are_not(tmp_path):
    there = state()
    torch.save({"module." + name: tensor for name, tensor in there.items()}, tmp_path / "a.pth")
    torch.save(there, tmp_path / "b.pth")
    network, _ = filled(tmp_path / "a.pth", Librarian(None))
    assert torch.equal(network.state_dict()["conv.0.bias"], there["conv.0.bias"] + 1)
    network, _ = filled(tmp_path / "b.pth", Librarian(None))
    assert torch.equal(network.state_dict()["conv.0.bias"], there["conv.0.bias"])


def test_what_is_nowhere_is_told_with_how_to_get_it(monkeypatch):
    monkeypatch.setattr(known_weights, "PUBLISHED", (row(),))
    with pytest.raises(ModelError) as caught:
        filled("face", Librarian(None))
    for part in (
        "https://example.org/weights",
        "faces.pth",
        "for research",
        "commercial use: no",
        "mien weights convert faces.pth --network small --start face",
        str(known_weights.converted("small", "face")),
    ):
        assert part in str(caught.value)
    monkeypatch.setattr(known_weights, "PUBLISHED", (row(start="imagenet"),))
    with pytest.raises(ModelError, match=r"could not be fetched \(no network\)"):
        filled("imagenet", Librarian(DownloadError("no network")))


def test_offline_the_library_is_not_asked(monkeypatch):
    monkeypatch.setenv("MIEN_OFFLINE", "1")
    listed = row(start="imagenet", library="torchvision")
    monkeypatch.setattr(known_weights, "PUBLISHED", (listed,))
    with pytest.raises(ModelError, match="MIEN_OFFLINE is set"):
        filled("imagenet", Librarian(state()))
    assert known_weights.here(listed) is None
    kept = Path(os.environ["TORCH_HOME"]) / "hub" / "checkpoints" / "faces.pth"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    assert known_weights.here(listed) == kept
    assert filled("imagenet", Librarian(state()))[1].share == 1


def test_starts_that_nobody_publishes_are_told_so(monkeypatch):
    with pytest.raises(ModelError, match=r"'small' has no start 'face'.*Expected 'scratch'"):
        filled("face")
    none = row(form="none", what="none that we know", url="", file="")
    monkeypatch.setattr(known_weights, "PUBLISHED", (none,))
    with pytest.raises(ModelError, match=r"no such weights are known \(none that we know\)"):
        filled("face")


def test_a_start_that_is_nothing_is_told_what_there_is():
    with pytest.raises(ModelError, match=r"'nowhere'.*'imagenet', 'face'.*mien-ferplus-1\.0"):
        filled("nowhere")


# Folders of mien's own models.


def model(folder: Path, there=None, **changes) -> Path:
    folder.mkdir()
    there = there or state()
    save_file(there, folder / "weights.safetensors")
    files = {"weights.safetensors": digest(folder / "weights.safetensors")}
    told = {"name": "mine", "network": "small", "weight_licence": "CC0", "commercial_use": "yes"}
    spec = ModelSpec(**told, files=files | changes)
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    return folder


def test_a_model_s_folder_brings_its_weights_with_the_classifier(tmp_path):
    there = state()
    network, loaded = filled(model(tmp_path / "m", there), Librarian(None))
    assert loaded.new == ()
    assert loaded.licence == "CC0"
    assert loaded.origin == "mine (weights.safetensors)"
    assert all(torch.equal(network.state_dict()[k], there[k]) for k in loaded.came)


def test_a_model_s_weights_are_held_against_its_description(tmp_path):
    folder = model(tmp_path / "m")
    content = bytearray((folder / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(ChecksumError, match="altered or cut short"):
        filled(folder)
    told = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(json.dumps(told | {"files": {}}))
    with pytest.raises(ChecksumError, match="names None"):
        filled(folder)


def test_folders_without_weights_are_told_so(tmp_path):
    folder = model(tmp_path / "m")
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no weights\.safetensors.*it holds spec\.json"):
        filled(folder)
    (folder / "spec.json").unlink()
    with pytest.raises(ModelError, match=r"spec\.json cannot be read"):
        filled(folder)


def test_the_shipped_model_only_predicts():
    with pytest.raises(ModelError, match=r"'mien-ferplus-1\.0'.*model\.onnx.*only predict"):
        filled("mien-ferplus-1.0")


# The list of published weights.


def test_the_list_says_what_it_must():
    seen = set()
    for listed in known_weights.PUBLISHED:
        assert (listed.network, listed.start) not in seen
        seen.add((listed.network, listed.start))
        assert listed.what
        assert listed.licence
        algorithm, _, digits = listed.checksum.partition(":")
        assert len(digits) in {"sha1": (40,), "sha256": (8, 64), "": (0,)}[algorithm]
        if listed.form != "none":
            assert listed.url.startswith(("https://", "http://"))
        if listed.library == "torchvision":
            assert digits in listed.file  # torchvision checks what its file's name says
    assert known_weights.known("timm/resnet18", "imagenet").network == "timm/"
    assert known_weights.known("timm", "imagenet") is None
    assert known_weights.known("timm/resnet18", "face") is None


def test_a_family_s_members_have_files_of_their_own(tmp_path):
    place = known_weights.converted("timm/resnet18", "imagenet")
    assert place == tmp_path / "cache" / "timm-resnet18-imagenet.safetensors"
