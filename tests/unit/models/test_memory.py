"""A batch that does not fit: the size that does is named."""

import re

import pytest
import torch
from torch import nn

from mien.core.errors import StageError
from mien.models.log import Report
from mien.models.loop import Training
from mien.models.memory import is_out_of_memory, peak_bytes
from mien.models.recipe import Recipe
from tests.unit.models.synthetic import batches


class Greedy(nn.Module):
    """Runs out of memory with more than so many faces at a time."""

    def __init__(self, most):
        super().__init__()
        self.most = most
        self.layer = nn.Linear(24 * 24, 7)

    def forward(self, pictures):
        if len(pictures) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate much.\nDetails")
        return self.layer(pictures.flatten(1))


def training(folder, most, **recipe):
    settings = Recipe(epochs=1, balanced_epochs=0, batch_size=32, precision="32-true", **recipe)
    quiet = Report(1, quiet=True)
    return Training(Greedy(most), batches(64), settings, lambda _: {}, folder, None, quiet)


def test_the_size_that_fits_is_named_and_fits(tmp_path):
    with pytest.raises(StageError, match=r"Tried to allocate much") as caught:
        training(tmp_path, 10).run()
    assert "\n" not in str(caught.value)
    parts = int(re.search(r"accumulate = (\d+)", str(caught.value)).group(1))
    assert "8 fit" in str(caught.value)
    assert parts == 4
    training(tmp_path, 10, accumulate=parts).run()


def test_not_even_one_face_fits(tmp_path):
    with pytest.raises(StageError, match="Not even one face"):
        training(tmp_path, 0).run()


def test_other_failures_are_passed_on(tmp_path):
    run = training(tmp_path, 100)
    run.network.layer.weight.data = torch.zeros(7, 3)
    with pytest.raises(RuntimeError, match="shapes"):
        run.run()


def test_the_machines_own_words_are_known():
    told = "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you"
    assert is_out_of_memory(RuntimeError(told))
    assert not is_out_of_memory(RuntimeError("shapes differ"))


def test_this_process_has_taken_memory():
    assert peak_bytes(torch.device("cpu")) > 50_000_000
