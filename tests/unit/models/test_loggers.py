"""Loggers by name: TensorBoard's files hold each epoch once, others are built when asked for."""

import sys
import types

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mien.core.errors import ConfigError, UnknownNameError
from mien.models import loggers
from mien.models.log import Report

ROW = {"epoch": 1, "iterations": 5, "loss": 0.5, "images_per_second": 9.0, "seconds_left": 1.0}


def told(folder):
    events = EventAccumulator(str(folder / loggers.TENSORBOARD))
    events.Reload()
    return [(item.step, item.value) for item in events.Scalars("loss")]


def test_tensorboard_gets_every_epoch_once_after_a_stop(tmp_path):
    rows = [{**ROW, "epoch": e, "loss": e / 2} for e in (1, 2, 3)]
    first = Report(3, True, loggers.made(["tensorboard"], {}, tmp_path))
    with first:
        first.started([])
        for row in rows[:2]:
            first.epoch(row)
    assert told(tmp_path) == [(1, 0.5), (2, 1.0)]
    again = Report(3, True, loggers.made(["tensorboard"], {}, tmp_path))
    with again:
        again.started(rows[:2])
        again.epoch(rows[2])
    assert told(tmp_path) == [(1, 0.5), (2, 1.0), (3, 1.5)]


def test_others_are_built_by_name_with_their_options(tmp_path, monkeypatch):
    class MLFlowLogger:
        def __init__(self, **options):
            self.options = options
            self.rows = []

        def log_metrics(self, figures, step):
            self.rows.append((step, figures["loss"]))

        def finalize(self, status):
            self.rows.append(status)

    fake = types.ModuleType("lightning.pytorch.loggers")
    fake.MLFlowLogger = MLFlowLogger
    monkeypatch.setitem(sys.modules, "lightning.pytorch.loggers", fake)
    (logger,) = loggers.made(["mlflow"], {"mlflow": {"experiment_name": "faces"}}, tmp_path)
    assert logger.options == {"experiment_name": "faces"}
    with Report(1, True, [logger]) as report:
        report.started([ROW])  # a server still has what it was told
        report.epoch({**ROW, "epoch": 2})
    assert logger.rows == [(2, 0.5), "success"]


def test_unknown_and_missing_loggers_are_told(tmp_path, monkeypatch):
    with pytest.raises(UnknownNameError, match="tensorboard, mlflow"):
        loggers.made(["paper"], {}, tmp_path)

    def fails(**_):
        raise ModuleNotFoundError("no", name="mlflow")

    fake = types.ModuleType("lightning.pytorch.loggers")
    fake.MLFlowLogger = fails
    monkeypatch.setitem(sys.modules, "lightning.pytorch.loggers", fake)
    with pytest.raises(ConfigError, match="needs the package 'mlflow'"):
        loggers.made(["mlflow"], {}, tmp_path)
