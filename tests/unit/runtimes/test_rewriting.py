"""Rewriting changes no answer; what is better left in floats is named."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.runtimes.rewriting import float_nodes, rewritten


def normalising(power: float = 0.75) -> Any:
    """A convolution, AlexNet's normalisation after it, a pooling, and logits."""
    weights = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["input", "w"], ["c"], name="conv"),
        helper.make_node("Mul", ["c", "c"], ["squares"], name="square"),
        helper.make_node(
            "AveragePool", ["squares"], ["means"], name="mean", kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
        ),
        helper.make_node("Add", ["means", "one"], ["sums"], name="add"),
        helper.make_node("Pow", ["sums", "power"], ["powers"], name="power"),
        helper.make_node("Div", ["c", "powers"], ["normal"], name="divide"),
        helper.make_node("MaxPool", ["normal"], ["pooled"], name="pool", kernel_shape=[2, 2]),
        helper.make_node("GlobalAveragePool", ["pooled"], ["seen"], name="global"),
        helper.make_node("Flatten", ["seen"], ["logits"], name="flatten"),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "normal",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.float32(1), "one"),
            numpy_helper.from_array(np.float32(power), "power"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_a_power_of_three_quarters_becomes_roots() -> None:
    inputs = np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype(np.float32)

    def answers(model: Any) -> Any:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return session.run(None, {"input": inputs})[0]

    before = answers(normalising())
    model = rewritten(normalising())
    kinds = [node.op_type for node in model.graph.node]
    assert "Pow" not in kinds
    assert kinds.count("Sqrt") == 2
    assert answers(model) == pytest.approx(before, abs=1e-6)
    assert "Pow" in [node.op_type for node in rewritten(normalising(0.5)).graph.node]


def test_what_divides_stays_float() -> None:
    left = float_nodes(normalising())
    assert {"square", "mean", "add", "power", "pool"} <= set(left)
    assert "divide" not in left


def test_a_wide_first_convolution_becomes_integers_and_a_narrow_one_stays() -> None:
    model = normalising()
    assert "conv" in float_nodes(model)  # 27 products a place
    wide = np.zeros((4, 3, 7, 7), np.float32)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(wide, "w"))
    assert "conv" not in float_nodes(model)
