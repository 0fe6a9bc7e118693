"""Checkpoints: what goes in comes out, and damage is noticed."""

import pytest
import torch

from mien.core.errors import ModelError
from mien.models import checkpoint
from mien.models.mienet import MienetTiny


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(3)}
    checkpoint.write(path, tensors, {"step": 4, "loss": 0.1 + 0.2, "rows": [{"epoch": 1}]})
    return path


def test_round_trip(written):
    tensors, state = checkpoint.read(written)
    torch.testing.assert_close(tensors["a"], torch.arange(6.0).reshape(2, 3))
    assert tensors["n"].item() == 3
    assert state == {"step": 4, "loss": 0.1 + 0.2, "rows": [{"epoch": 1}]}


def test_damage_is_refused(written):
    data = written.read_bytes()
    for bad in (b"", data[:-3], data[:-1] + bytes([data[-1] ^ 1]), b"PK" + data[2:]):
        written.write_bytes(bad)
        with pytest.raises(ModelError, match="start again"):
            checkpoint.read(written)
    written.unlink()
    with pytest.raises(ModelError):
        checkpoint.read(written)


def test_plain_weights_are_no_checkpoint(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="digest"):
        checkpoint.read(tmp_path / "w.safetensors")


def test_a_failed_write_leaves_the_old_one(written):
    before = written.read_bytes()
    with pytest.raises(TypeError):
        checkpoint.write(written, {"a": torch.zeros(1)}, {"bad": object()})
    assert written.read_bytes() == before
    assert [p.name for p in written.parent.iterdir()] == [written.name]


def test_weights_of_another_network_are_refused():
    network = MienetTiny().build(7)
    state = network.state_dict()
    checkpoint.load_weights(network, state, "here")
    with pytest.raises(ModelError, match="another network"):
        checkpoint.load_weights(network, {**state, "extra": torch.zeros(1)}, "here")
    wider = MienetTiny().build(8).state_dict()
    with pytest.raises(ModelError, match=r"classifier\.3"):
        checkpoint.load_weights(network, wider, "here")


def test_read_weights_needs_a_whole_file(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="cannot be read"):
        checkpoint.read_weights(tmp_path / "w.safetensors")
