"""The grid: which cells there are, and what each is trained with."""

from pathlib import Path

import pytest

from mien.chains import grid
from mien.chains.grid import Cell, ExperimentConfig, cells, laid
from mien.core.errors import ConfigError, UnknownNameError

EXAMPLE = Path(__file__).parents[3] / "examples" / "thesis-grid.toml"


def file(folder: Path, text: str) -> Path:
    path = folder / "grid.toml"
    path.write_text(text)
    return path


def test_the_cells_are_the_product_of_the_axes():
    config = ExperimentConfig(
        networks=("alexnet", "timm/resnet18", "alexnet"), starts=("scratch", "face"), seeds=(0, 1)
    )
    found = cells(config)
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 2
    assert found[0] == Cell("disjoint", "original", "alexnet", "scratch", 0)
    assert found[-1].place == Path("disjoint/augmented/timm_resnet18/face/seed-1")


def test_the_example_is_the_thesis_s_grid():
    config, data = grid.read(EXAMPLE)
    found = cells(config)
    assert len(found) == 3 * 2 * 2 * 2
    sizes = {c.network: grid.train_section(config, data, c, "imagenet")["recipe"] for c in found}
    assert {name: recipe["batch_size"] for name, recipe in sizes.items()} == {
        "alexnet": 128,
        "vgg16": 30,
        "resnet101": 20,
    }
    assert all(recipe["epochs"] == 30 for recipe in sizes.values())
    random = grid.split_section(config, data, "random")
    assert (random["by"], random["test"], random["test_share"]) == ("random", [], 0.15)
    disjoint = grid.split_section(config, data, "disjoint")
    assert (disjoint["by"], disjoint["test"]) == ("group", ["ferplus/valid"])
    assert disjoint["unseen"] == random["unseen"] == ["internet"]


def test_sections_are_laid_over_those_of_the_chain(tmp_path):
    path = file(
        tmp_path,
        """
        [train]
        name = "n"
        recipe = { epochs = 9, batch_size = 8 }
        [experiment]
        networks = ["alexnet"]
        starts = ["scratch", "mine"]
        [experiment.network.alexnet]
        recipe = { batch_size = 4 }
        [experiment.start.mine]
        weights = { alexnet = "a.pth" }
        train = { trainable = "head" }
        """,
    )
    config, data = grid.read(path)
    assert config.weights("alexnet", "mine") == "a.pth"
    assert config.weights("vgg16", "mine") is None
    assert config.weights("vgg16", "imagenet") == "imagenet"
    section = grid.train_section(
        config, data, Cell("random", "original", "alexnet", "mine", 3), "a"
    )
    assert section == {
        "name": "n-alexnet-mine-original-random-3",
        "recipe": {"epochs": 9, "batch_size": 4},
        "trainable": "head",
        "network": "alexnet",
        "start": "a",
        "seed": 3,
    }
    assert laid({"a": {"b": 1}}, {"a": 2}) == {"a": 2}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("[experiment]\nnetworks = []", ConfigError, r"\[experiment\](.|\n)*networks"),
        ("[experiment]", ConfigError, "networks"),
        ("[train]", ConfigError, r"lacks \[experiment\]"),
        ("[experiment]\nnetworks = ['alexnett']", UnknownNameError, "alexnet"),
        ("[experiment]\nnetworks = ['alexnet']\nseeds = []", ConfigError, "seeds"),
        ("[experiment]\nnetworks = ['alexnet']\nsplits = ['whole']", ConfigError, "'whole'"),
        ("[experiment]\nnetworks = ['alexnet']\nstarts = ['a/b.pth']", ConfigError, "gets a name"),
        ("[experiment]\nnetworks = ['alexnet']\nsets = ['more']", ConfigError, "sets"),
        ("[experiment]\nnetwork = ['alexnet']", ConfigError, "network"),
        ("[experiment]\nnetworks = ['alexnet']\n[experiment.network.vgg]", UnknownNameError, "vgg"),
        ("[experiment]\nnetworks = ['alexnet']\n[crp]", ConfigError, "knows no 'crp'"),
        (
            "[experiment]\nnetworks = ['alexnet']\nsplits = ['crop']\n[experiment.split.crop]",
            ConfigError,
            "no stage's",
        ),
    ],
)
def test_wrong_grids_are_told(tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        grid.read(file(tmp_path, text))
