"""Published weights are read in safe forms only, and a failure says what to do."""

import urllib.error

import huggingface_hub
import pytest
import timm
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file
from torchvision.models import ResNet101_Weights, VGG16_Weights

from mien.core.errors import ChecksumError, DownloadError, ModelError
from mien.models.published import timm_weights, torchvision_weights

MODEL = "mobilenetv3_small_050"


@pytest.fixture
def from_torchvision(monkeypatch):
    """Returns a function that decides what torchvision's download answers, and what it was told."""
    import torchvision.models._api as api

    told = []

    def answer(given):
        def load(url, **options):
            told.append((url, options))
            if isinstance(given, Exception):
                raise given
            return given

        monkeypatch.setattr(api, "load_state_dict_from_url", load)
        return told

    return answer


@pytest.mark.parametrize("weights", [VGG16_Weights.IMAGENET1K_V1, ResNet101_Weights.IMAGENET1K_V1])
def test_torchvisions_are_checked_and_never_unpickled(from_torchvision, weights):
    told = from_torchvision({"a": torch.ones(1)})
    assert torchvision_weights(weights).keys() == {"a"}
    ((url, options),) = told
    assert url == weights.url
    assert options["weights_only"] is True
    assert options["check_hash"] is True


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (urllib.error.URLError("no route"), DownloadError, "no route.*checkpoints"),
        (RuntimeError('invalid hash value (expected "3", got "4")'), ChecksumError, "Remove"),
        (RuntimeError("out of memory"), RuntimeError, "^out of memory$"),
    ],
)
def test_a_failed_download_is_explained(from_torchvision, given, error, says):
    from_torchvision(given)
    with pytest.raises(error, match=says):
        torchvision_weights(VGG16_Weights.IMAGENET1K_V1)


@pytest.fixture
def hub(monkeypatch):
    """Returns a function that decides what the hub answers; asking torch to load is an error."""

    def never(*_, **__):
        raise AssertionError("torch.load was called")

    def answer(given):
        asked = []

        def download(repository, filename, **_):
            asked.append((repository, filename))
            if isinstance(given, Exception):
                raise given
            return str(given)

        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
        monkeypatch.setattr(torch, "load", never)
        return asked

    return answer


def test_timms_come_from_safetensors_alone(hub, tmp_path):
    state = timm.create_model(MODEL).state_dict()
    state["classifier.bias"] = torch.full((1000,), 3.5)
    save_file(state, tmp_path / "model.safetensors")
    asked = hub(tmp_path / "model.safetensors")
    found = timm_weights(MODEL)
    assert asked == [(f"timm/{MODEL}.lamb_in1k", "model.safetensors")]
    assert found.keys() == state.keys()
    assert (found["classifier.bias"] == 3.5).all()


def test_weights_that_are_pickled_only_are_refused(hub):
    from huggingface_hub.errors import EntryNotFoundError

    class Missing(EntryNotFoundError):
        def __init__(self):
            Exception.__init__(self, "404")

    hub(Missing())
    with pytest.raises(ModelError, match="not published as model.safetensors"):
        timm_weights(MODEL)


def test_no_connection_is_explained(hub):
    hub(LocalEntryNotFoundError("cannot find the file in the cache"))
    with pytest.raises(DownloadError, match="Connect this machine once"):
        timm_weights(MODEL)


def test_only_weights_of_imagenet_are_called_so(hub):
    asked = hub(AssertionError("nothing is fetched"))
    with pytest.raises(ModelError, match="publishes no weights"):
        timm_weights("botnet50ts_256")
    with pytest.raises(ModelError, match="'laion2b', which were not trained on ImageNet"):
        timm_weights("eva02_enormous_patch14_clip_224")
    assert asked == []
