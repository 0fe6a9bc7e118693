"""Quantising: the rewriting is exact, the integers are safe everywhere, the bytes are the same."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.core.errors import ModelError
from mien.runtimes.onnx import OnnxRuntime
from mien.runtimes.quantise import Recipe, quantise, race
from mien.runtimes.rewriting import float_nodes, rewritten


def network() -> onnx.ModelProto:
    """A stem, a block with a gate, a halving shortcut and a classifier, as the exporter writes."""
    random = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}
    nodes: list[onnx.NodeProto] = []

    def add(kind: str, inputs: str, output: str, *shape: int, **attributes: object) -> None:
        names = inputs.split()
        if shape:
            scale = 1.5 / np.sqrt(np.prod(shape[1:]))
            weights[f"{output}.w"] = random.normal(0, scale, shape).astype(np.float32)
            weights[f"{output}.b"] = random.normal(0, 0.1, shape[0]).astype(np.float32)
            names += [f"{output}.w", f"{output}.b"]
        nodes.append(helper.make_node(kind, names, [output], f"make {output}", **attributes))

    three = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    weights["axes"] = np.array([2, 3])
    weights["flat"] = np.array([-1, 8])
    add("Conv", "input", "stem", 8, 1, 3, 3, strides=[2, 2], **three)
    add("Relu", "stem", "start")
    add("Conv", "start", "body", 8, 8, 3, 3, **three)
    add("ReduceMean", "body axes", "mean", keepdims=1)
    add("Conv", "mean", "squeeze", 2, 8, 1, 1)
    add("Relu", "squeeze", "squeezed")
    add("Conv", "squeezed", "excite", 8, 2, 1, 1)
    add("Sigmoid", "excite", "gate")
    add("Mul", "body gate", "scaled")
    add("Add", "scaled start", "sum")
    add("Relu", "sum", "block")
    add("AveragePool", "block", "halved", kernel_shape=[2, 2], strides=[2, 2])
    add("Conv", "halved", "shortcut", 8, 8, 1, 1)
    add("ReduceMean", "shortcut axes", "pooled", keepdims=1)
    add("Reshape", "pooled flat", "features")
    add("Gemm", "features", "logits", 7, 8, transB=1)
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 1, 16, 16])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 7])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture(scope="module")
def floats():
    return network().SerializeToString()


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(1).standard_normal((70, 1, 16, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def integers(floats, inputs):
    return quantise(floats, inputs)


def answers(tmp_path, network, inputs):
    (tmp_path / "some.onnx").write_bytes(network)
    return OnnxRuntime(tmp_path / "some.onnx", threads=1).infer(inputs)


def test_the_rewriting_changes_no_answer(tmp_path, floats, inputs):
    model = rewritten(network())
    kinds = [node.op_type for node in model.graph.node]
    assert "AveragePool" not in kinds
    assert "ReduceMean" not in kinds
    assert kinds.count("GlobalAveragePool") == 2
    found = answers(tmp_path, model.SerializeToString(), inputs)
    np.testing.assert_allclose(found, answers(tmp_path, floats, inputs), atol=1e-5)


def test_other_pooling_is_left_alone():
    model = network()
    (pool,) = (node for node in model.graph.node if node.op_type == "AveragePool")
    pool.attribute[1].ints[:] = [1, 1]  # windows that overlap
    for node in model.graph.node:
        if node.op_type == "ReduceMean":
            node.attribute[0].i = 0  # no map of 1x1 is left
    kinds = [node.op_type for node in rewritten(model).graph.node]
    assert kinds.count("AveragePool") == 1
    assert kinds.count("ReduceMean") == 2


def test_the_answers_stay_close(tmp_path, floats, integers, inputs):
    wanted = answers(tmp_path, floats, inputs)
    found = answers(tmp_path, integers, inputs)
    assert np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()
    assert (found.argmax(1) == wanted.argmax(1)).mean() > 0.9


def test_weights_of_seven_bits_a_scale_a_channel(integers):
    model = onnx.load_model_from_string(integers)
    onnx.checker.check_model(model)
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    bodies = [v for v in tensors.values() if v.dtype == np.int8 and v.ndim == 4]
    assert len(bodies) == 2
    for weight in bodies:  # 2 * 255 * 64 fits 16 bits: no processor overflows
        assert np.abs(weight.astype(int)).max(axis=(1, 2, 3)).tolist() == [64] * 8


def test_the_first_convolution_the_gates_and_the_logits_stay_float(integers):
    model = onnx.load_model_from_string(integers)
    assert float_nodes(network()) == [
        *("make stem", "make squeeze", "make squeezed", "make excite", "make logits")
    ]
    names = {t.name for t in model.graph.initializer}
    floating = {
        node.name
        for node in model.graph.node
        if node.op_type in ("Conv", "Gemm") and node.input[1] in names
    }
    assert floating == {"make stem", "make squeeze", "make excite", "make logits"}


def test_the_same_bytes_and_nothing_of_this_machine(floats, inputs, integers, capsys):
    assert quantise(floats, inputs) == integers
    model = onnx.load_model_from_string(integers)
    assert not model.metadata_props
    assert [entry.domain for entry in model.opset_import] == [""]
    for private in (b"/tmp", b"/home", b"ort.quant", b"/site-packages/"):
        assert private not in integers
    assert capsys.readouterr() == ("", "")


def test_ranges_come_from_the_inputs(floats, inputs, integers):
    assert quantise(floats, inputs * 2) != integers


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"operators": "qoperator"}, "QLinearConv"),
        ({"whole": True, "weights": "uint8"}, "QuantizeLinear"),
        ({"calibration": "percentile", "rewrite": False}, "AveragePool"),
        ({"activations": "int8", "per_channel": False}, "QuantizeLinear"),
    ],
)
def test_other_recipes(floats, inputs, changes, expected):
    model = onnx.load_model_from_string(quantise(floats, inputs, replace(Recipe(), **changes)))
    assert expected in {node.op_type for node in model.graph.node}


def test_what_cannot_be_quantised_is_named(floats, inputs):
    with pytest.raises(ModelError, match=r"cannot be quantised.*int8 = false"):
        quantise(floats[:200], inputs)
    with pytest.raises(ValueError, match="at least one input"):
        quantise(floats, inputs[:0])


def test_a_race_times_each_in_every_round(tmp_path, floats, inputs):
    (tmp_path / "some.onnx").write_bytes(floats)
    runtime = OnnxRuntime(tmp_path / "some.onnx", threads=1)
    times = race({"one": runtime, "other": runtime}, inputs[:2], rounds=3, seconds=0.001)
    assert list(times) == ["one", "other"]
    assert all(t.shape == (3,) and t.min() > 0 for t in times.values())
