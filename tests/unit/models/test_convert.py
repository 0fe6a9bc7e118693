"""Foreign weights: what is read, what it comes to, and that nothing in them runs."""

import io
import json
import pickle
import struct
import tarfile
import zipfile

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mien.core import registry
from mien.core.errors import ModelError
from mien.core.spec import Preprocess, normalise
from mien.models import caffe, foreign, known_weights
from mien.models.convert import convert
from tests.unit.models.foreign_files import (
    PROTOTXT,
    SIDE,
    Small,
    layers,
    message,
    shaped_blob,
    write_caffe,
    write_old_caffe,
)

MEAN_BGR = (100.0, 110.0, 120.0)
"""The mean of `Small`'s input, as Caffe orders it."""


@pytest.fixture(autouse=True)
def _small(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_registered", {"networks": {"small": Small}})
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))


def pictures() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)


def caffe_answers(path, rgb: np.ndarray, mean=MEAN_BGR, layer: str = "fc6") -> np.ndarray:
    """OpenCV's own forward pass, fed as Caffe feeds: blue, green, red minus a mean."""
    network = cv2.dnn.readNetFromCaffe(str(path.with_suffix(".prototxt")), str(path))
    answers = []
    for picture in rgb:
        bgr = picture[..., ::-1].astype(np.float32) - np.float32(mean)
        network.setInput(bgr.transpose(2, 0, 1)[None])
        answers.append(network.forward(layer)[0])
    return np.stack(answers)


def our_answers(kind, path, rgb: np.ndarray) -> np.ndarray:
    """The output of the layer before the classifier, fed as mien feeds."""
    network = kind.build(7)
    network.load_state_dict(load_file(path), strict=False)
    with torch.inference_mode():
        fed = torch.from_numpy(normalise(rgb, kind.preprocess))
        return network.eval()[:-1](fed).numpy()


def test_a_caffe_network_answers_as_it_did(tmp_path):
    path = write_caffe(tmp_path / "a.caffemodel")
    out, loaded = convert(path, "small", tmp_path / "out.safetensors", quiet=True)
    assert loaded.share == 1
    assert loaded.new == ("fc8.0.weight", "fc8.0.bias")
    assert loaded.unfit == (("fc8.0.weight", (7, 5), (10, 5)), ("fc8.0.bias", (7,), (10,)))
    assert loaded.unused == ()
    rgb = pictures()
    expected = caffe_answers(path, rgb)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(our_answers(Small(), out, rgb), expected, rtol=1e-3, atol=1e-3)


def test_the_first_convolution_takes_mien_s_colours_and_scale(tmp_path):
    path = write_caffe(tmp_path / "a.caffemodel")
    out, _ = convert(path, "small", tmp_path / "out.safetensors", quiet=True)
    weight = layers()["conv1"][1][0]
    turned = weight[:, ::-1] * np.float32(Small.preprocess.std)[:, None, None]
    np.testing.assert_allclose(load_file(out)["conv.0.weight"].numpy(), turned, rtol=1e-6)


def test_another_mean_goes_into_the_bias(tmp_path, monkeypatch):
    path = write_caffe(tmp_path / "a.caffemodel")
    other = known_weights.Input((90.0, 80.0, 70.0), (1.0, 1.0, 1.0), "bgr")
    monkeypatch.setattr(foreign, "CAFFE_INPUT", other)
    out, _ = convert(path, "small", tmp_path / "out.safetensors", quiet=True)
    rgb = pictures()
    expected = caffe_answers(path, rgb, mean=(70.0, 80.0, 90.0))
    np.testing.assert_allclose(our_answers(Small(), out, rgb), expected, rtol=1e-3, atol=1e-3)


def test_torch_weights_keep_their_first_convolution(tmp_path):
    state = Small().build(7).state_dict()
    torch.save(state, tmp_path / "a.pth")
    out, loaded = convert(tmp_path / "a.pth", "small", tmp_path / "o.safetensors", quiet=True)
    assert torch.equal(load_file(out)["conv.0.weight"], state["conv.0.weight"])
    assert loaded.new == ()


def test_grey_networks_and_contrasts_of_their_own_are_left_or_said(tmp_path, monkeypatch):
    class Contrasted(Small):
        preprocess = Preprocess(input_size=SIDE, colour="rgb", normalisation="per-image")

    monkeypatch.setattr(registry, "_registered", {"networks": {"small": Contrasted}})
    path = write_caffe(tmp_path / "a.caffemodel")
    out, loaded = convert(path, "small", tmp_path / "out.safetensors", quiet=True)
    assert "own contrast" in loaded.notes[0]
    flipped = layers()["conv1"][1][0][:, ::-1]
    np.testing.assert_allclose(load_file(out)["conv.0.weight"].numpy(), flipped, rtol=1e-6)


def test_a_converted_file_says_what_it_is(tmp_path):
    path = write_caffe(tmp_path / "a.caffemodel")
    out, loaded = convert(path, "small", start="face", quiet=True)
    assert out == tmp_path / "cache" / "small-face.safetensors"
    with safe_open(str(out), framework="pt") as file:
        header = file.metadata()
        assert set(file.keys()) == set(loaded.came)
    assert (header["network"], header["start"], header["source"]) == (
        "small", "face", "a.caffemodel")  # fmt: skip
    assert header["sha256"] == loaded.sha256 == known_weights.fingerprints(path)["sha256"]
    hints = json.loads(header["preprocess"])
    assert hints["learned"] == {"colour": "bgr", "mean": None, "std": [1.0, 1.0, 1.0]}
    assert hints["feed"]["std"] == [60.0, 50.0, 40.0]


def test_a_listed_file_brings_its_start_and_licence(tmp_path, monkeypatch, capsys):
    torch.save(Small().build(7).state_dict(), tmp_path / "a.pth")
    digits = known_weights.fingerprints(tmp_path / "a.pth")["sha256"]
    row = known_weights.Published(
        "small", "face", "w", "https://example.org", "a.pth", "torch", "CC0", "yes",
        f"sha256:{digits[:8]}",
    )  # fmt: skip
    monkeypatch.setattr(known_weights, "PUBLISHED", (row,))
    out, loaded = convert(tmp_path / "a.pth", "small")
    assert out.name == "small-face.safetensors"
    assert loaded.licence == "CC0"
    assert foreign.read(out).licence == "CC0"
    assert "listed" not in capsys.readouterr().err
    _, loaded = convert(tmp_path / "a.pth", "small", start="imagenet", quiet=True)
    assert loaded.notes == ("The file is listed as the start 'face' of small.",)
    torch.save(Small().build(7).state_dict(), tmp_path / "b.pth")
    convert(tmp_path / "b.pth", "small", start="face")
    said = capsys.readouterr()
    assert "The file is not a.pth of https://example.org" in said.err
    assert not said.out


def test_an_unlisted_file_must_say_its_start(tmp_path):
    torch.save(Small().build(7).state_dict(), tmp_path / "a.pth")
    with pytest.raises(ModelError, match="--start imagenet or face"):
        convert(tmp_path / "a.pth", "small")
    with pytest.raises(ModelError, match=r"ending in \.safetensors"):
        convert(tmp_path / "a.pth", "small", tmp_path / "a.onnx")


@pytest.mark.parametrize("name", ["deploy.prototxt", "a_deploy.prototxt", "a.prototxt"])
def test_the_description_is_found_beside_the_weights(tmp_path, name):
    path = write_caffe(tmp_path / "a.caffemodel", prototxt=None)
    with pytest.raises(ModelError, match="no description beside it"):
        foreign.read(path)
    (tmp_path / name).write_text(PROTOTXT)
    assert foreign.read(path).tensors["fc6.weight"].shape == (5, 196)


def test_caffe_s_form_of_2014_is_read(tmp_path):
    read = foreign.read(write_old_caffe(tmp_path / "a.caffemodel")).tensors
    for name in ("conv1", "fc6"):
        weight, bias = layers()[name][1]
        assert np.array_equal(read[f"{name}.weight"].numpy(), weight)
        assert np.array_equal(read[f"{name}.bias"].numpy(), bias)
    assert len(read) == 4


def test_vectors_and_statistics_come_in_torch_s_shapes(tmp_path):
    read = foreign.read(write_caffe(tmp_path / "a.caffemodel")).tensors
    assert {name: tuple(t.shape) for name, t in read.items() if t.dim() == 1} == {
        "conv1.bias": (4,), "bn1.running_mean": (4,), "bn1.running_var": (4,),
        "scale1.weight": (4,), "scale1.bias": (4,), "prelu1.weight": (4,), "fc6.bias": (5,),
        "fc8.bias": (10,)}  # fmt: skip
    mean, _, factor = layers()["bn1"][1]
    np.testing.assert_allclose(read["bn1.running_mean"].numpy(), mean / factor, rtol=1e-6)
    zero = caffe.names("x", "BatchNorm", [mean, mean, np.zeros(1, np.float32)])
    assert not zero["x.running_mean"].any()


# Broken files of Caffe: OpenCV runs in another process, whose end is an error here.


def broken_caffe(kind: str, tmp_path):
    path = write_caffe(tmp_path / "a.caffemodel")
    beside = path.with_suffix(".prototxt")
    content = path.read_bytes()
    huge = message(100, message(1, b"conv1") + message(2, b"Convolution")
                   + message(7, shaped_blob((1 << 30, 1 << 10, 3, 3), np.ones(9))))  # fmt: skip
    match kind:
        case "cut short":
            path.write_bytes(content[: len(content) // 2])
        case "text":
            path.write_text("<html>please log in</html>")
        case "empty":
            path.write_bytes(b"")
        case "absurd size":
            path.write_bytes(huge)
        case "description of zeros":  # OpenCV divides by it and dies
            beside.write_text(PROTOTXT.replace("num_output: 5", "num_output: 0"))
        case "description cut short":
            beside.write_text(PROTOTXT[:300])
        case "description of another network":
            beside.write_text(PROTOTXT.replace("num_output: 5", "num_output: 7"))
        case "binary description":
            beside.write_bytes(bytes(range(256)))
        case "description is a folder":
            beside.unlink()
            beside.mkdir()
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "cut short",
        "text",
        "empty",
        "absurd size",
        "description of zeros",
        "description cut short",
        "description of another network",
        "binary description",
        "description is a folder",
    ],
)
def test_broken_caffe_files_are_errors(tmp_path, kind):
    path = broken_caffe(kind, tmp_path)
    with pytest.raises(ModelError, match=r"a\.caffemodel .*Expected") as caught:
        convert(path, "small", tmp_path / "out.safetensors")
    assert len(str(caught.value)) < 900
    assert not (tmp_path / "out.safetensors").exists()


def test_a_signal_in_the_importer_is_told(tmp_path):
    path = broken_caffe("description of zeros", tmp_path)
    with pytest.raises(ModelError, match="broke down with signal"):
        foreign.read(path)


def test_weights_of_two_gibibytes_are_not_read(tmp_path):
    path = write_caffe(tmp_path / "a.caffemodel")
    into = tmp_path / "into.safetensors"
    with path.open("r+b") as file:
        file.truncate(1 << 31)  # sparse: it takes no room
    with pytest.raises(ModelError, match="2 GiB"):
        caffe.read(path, path.with_suffix(".prototxt"), into)


# Files that carry code. That the payload works at all is checked first.


class Payload:
    """Unpickles to an opened file, which thereby exists."""

    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def poisoned(kind: str, path, payload: Payload) -> None:
    state = Small().build(7).state_dict() | {"extra": payload}
    match kind:
        case "pickle" | "old pickle":
            path.write_bytes(pickle.dumps(state, protocol=2 if kind == "old pickle" else 5))
        case "zip":
            torch.save(state, path)
        case "legacy":
            torch.save(state, path, _use_new_zipfile_serialization=False)
        case "tar":
            with tarfile.open(path, "w") as archive:
                for name in ("storages", "tensors", "pickle"):
                    data = pickle.dumps(payload)
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    archive.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize("kind", ["pickle", "old pickle", "zip", "legacy", "tar"])
@pytest.mark.parametrize("suffix", [".pth", ".tar", ".bin"])
def test_code_in_a_file_does_not_run(tmp_path, kind, suffix):
    mark = tmp_path / "it ran"
    payload = Payload(mark)
    pickle.loads(pickle.dumps(payload)).close()
    assert mark.exists(), "the payload does nothing"
    mark.unlink()
    path = tmp_path / f"a{suffix}"
    poisoned(kind, path, payload)
    with pytest.raises(ModelError, match="Expected") as caught:
        convert(path, "small", tmp_path / "out.safetensors")
    assert not mark.exists()
    assert "weights_only" not in str(caught.value)  # torch's advice is to switch that off
    if kind in ("old pickle", "zip", "legacy"):
        assert "nothing was run" in str(caught.value)


# Other broken files.


def broken(kind: str, tmp_path):
    state = Small().build(7).state_dict()
    torch.save(state, tmp_path / "a.pth")
    save_file(state, tmp_path / "a.safetensors")
    whole = (tmp_path / "a.pth").read_bytes()
    safe = (tmp_path / "a.safetensors").read_bytes()
    files = {
        "cut.pth": whole[: len(whole) // 2],
        "text.pth": b"version https://git-lfs.github.com/spec/v1\n",
        "empty.pth": b"",
        "safe.pth": safe,
        "cut.safetensors": safe[: len(safe) // 2],
        "text.safetensors": b"<html>please log in</html>",
        "long.safetensors": struct.pack("<Q", 1 << 60) + safe[8:],
        "torch.safetensors": whole,
        "numbers.pth": _saved([1, 2, 3]),
        "epochs.pth": _saved({"epoch": 3, "optimizer": {"lr": 0.1}, "scheduler": {}}),
        "integers.pth": _saved({"weight": torch.ones(3, dtype=torch.int64)}),
        "sparse.pth": _saved({"weight": torch.eye(3).to_sparse()}),
    }
    path = tmp_path / kind
    path.write_bytes(files[kind])
    return path


def _saved(value) -> bytes:
    held = io.BytesIO()
    torch.save(value, held)
    return held.getvalue()


@pytest.mark.parametrize(
    "kind",
    [
        "cut.pth",
        "text.pth",
        "empty.pth",
        "safe.pth",
        "cut.safetensors",
        "text.safetensors",
        "long.safetensors",
        "torch.safetensors",
        "numbers.pth",
        "epochs.pth",
        "integers.pth",
        "sparse.pth",
    ],
)
def test_broken_files_are_errors(tmp_path, kind):
    path = broken(kind, tmp_path)
    with pytest.raises(ModelError, match="Expected") as caught:
        foreign.read(path)
    assert str(path) in str(caught.value)
    assert "weights_only" not in str(caught.value)


def test_every_cut_and_many_wrong_bytes_are_errors_or_weights(tmp_path):
    whole = _saved({"conv.0.weight": torch.ones(4, 3, 3, 3), "epoch": 3})
    random = np.random.default_rng(0)
    path = tmp_path / "a.pth"
    read = 0
    for trial in range(60):
        damaged = bytearray(whole)
        if trial % 2:
            damaged = damaged[: random.integers(len(whole))]
        for place in random.integers(0, len(damaged), 4) if damaged else []:
            damaged[place] = random.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            foreign.read(path)
            read += 1
        except ModelError:
            pass
    assert read < 60


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}))
        archive.writestr("a/data/0", bytes(50_000_000))
    with pytest.raises(ModelError, match="unpacks to 50,000"):
        foreign.read(path)


def test_unknown_forms_and_absent_files_are_errors(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"a\.onnx.*\.caffemodel"):
        foreign.read(tmp_path / "a.onnx")
    with pytest.raises(ModelError, match="No such file"):
        foreign.read(tmp_path / "gone.pth")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        foreign.read(tmp_path / "folder.pth")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    content = layers()
    content["fc6"][1][0][2, 3] = np.nan
    path = write_caffe(tmp_path / "a.caffemodel", content)
    with pytest.raises(ModelError, match=r"fc6\.1\.weight hold numbers that are not finite"):
        convert(path, "small", tmp_path / "out.safetensors")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3, "best": torch.ones(1)},
        lambda state: {"model": {"net_state_dict": state}},
        lambda state: {"epoch": 3, "ema": state},
    ],
    ids=["bare", "state_dict", "nested", "only one"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_are_found_below_a_checkpoint_s_wrappers(tmp_path, wrap, zipped):
    state = Small().build(7).state_dict()
    torch.save(wrap(state), tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped)
    found = foreign.read(tmp_path / "a.ckpt").tensors
    assert set(found) == {name for name in state if "num_batches" not in name}
    assert torch.equal(found["fc6.1.weight"], state["fc6.1.weight"])
