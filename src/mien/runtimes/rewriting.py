"""An exported network in the forms that are quick, and what of it is better left in floats."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from onnx import helper, numpy_helper

_FEW: Final = 64
"""Products in one place of a convolution: VGG16's first has 27, ResNet's 147, AlexNet's 363."""
_POWER: Final = 0.75
"""The power of AlexNet's normalisation."""


def rewritten(model: Any) -> Any:
    """Puts operators, in place, into forms that are quick; the function stays the same.

    A mean over height and width becomes ``GlobalAveragePool``. An average whose only reader is a
    1x1 convolution becomes part of it: the integer average of ONNX Runtime takes longer than the
    whole convolution of its window. The power 0.75 of AlexNet's normalisation becomes two square
    roots, which take a sixth of its time.
    """
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    readers = Counter(name for node in graph.node for name in node.input)
    makers = {name: node for node in graph.node for name in node.output}
    for node in list(graph.node):
        if node.op_type == "ReduceMean" and _is_over_the_map(node, weights):
            node.op_type = "GlobalAveragePool"
            del node.attribute[:]
            del node.input[1:]
        pool = makers.get(node.input[0]) if node.op_type == "Conv" else None
        if pool is not None and readers[pool.output[0]] == 1 and _joins(pool, node, weights):
            _join(pool, node, weights)
            graph.node.remove(pool)
    _root_powers(graph, weights)
    used = {name for node in graph.node for name in node.input}
    for tensor in list(graph.initializer):
        if tensor.name not in used:
            graph.initializer.remove(tensor)
    del graph.value_info[:]  # the shapes changed; the quantiser infers them again
    return model


def float_nodes(model: Any) -> list[str]:
    """Returns the nodes that stay float: they cost accuracy and gain no time.

    These are the first convolution, where few products do not pay for the rounding of its input;
    the gates, which see one number a channel and steer all of them; what divides, such as the sums
    of squares of a normalisation, with a pooling right after it; and what makes the logits.
    """
    sizes = {tensor.name: math.prod(tensor.dims[1:]) for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    first = [node.name for node in convolutions[:1] if sizes.get(node.input[1], 0) < _FEW]
    last = [n.name for n in model.graph.node if n.output[0] == model.graph.output[0].name]
    pooled: set[str] = set()
    gates: list[str] = []
    for node in model.graph.node:
        if node.op_type in ("GlobalAveragePool", "ReduceMean"):
            pooled.update(node.output)
        elif node.input[0] in pooled and node.op_type not in ("Mul", "Add"):
            pooled.update(node.output)
            gates += [node.name] if node.op_type in ("Conv", "Relu") else []
    return [*first, *gates, *_dividing(model.graph), *last]


def _dividing(graph: Any) -> list[str]:
    """Returns what lies between a quantity and what it is divided by, and poolings that follow."""
    makers = {name: node for node in graph.node for name in node.output}
    found: list[str] = []
    for division in [node for node in graph.node if node.op_type == "Div"]:
        ways = [division.input[1]]
        while ways:
            node = makers.get(ways.pop())
            if node is not None and node.name not in found:
                found.append(node.name)
                ways += [name for name in node.input if name != division.input[0]]
        after = [node for node in graph.node if division.output[0] in node.input]
        found += [node.name for node in after if node.op_type == "MaxPool"]
    return found


def _root_powers(graph: Any, weights: Mapping[str, Any]) -> None:
    for place, node in reversed(list(enumerate(graph.node))):
        power = weights.get(node.input[1]) if node.op_type == "Pow" else None
        if power is None or power.dims or float(numpy_helper.to_array(power)) != _POWER:
            continue
        (given, _), (out,) = node.input, node.output
        half, quarter = f"{out}_half", f"{out}_quarter"
        steps = [("Sqrt", [given], half), ("Sqrt", [half], quarter), ("Mul", [half, quarter], out)]
        graph.node.remove(node)
        for step, (kind, inputs, output) in enumerate(steps):
            made = helper.make_node(kind, inputs, [output], name=f"{node.name}_{step}")
            graph.node.insert(place + step, made)


def _is_over_the_map(node: Any, weights: Mapping[str, Any]) -> bool:
    """Whether a mean is over height and width and keeps them as sides of 1."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    axes = values.get("axes")
    if len(node.input) > 1 and node.input[1] in weights:
        axes = numpy_helper.to_array(weights[node.input[1]]).tolist()
    return bool(values.get("keepdims", 1)) and sorted(a % 4 for a in axes or ()) == [2, 3]


def _joins(pool: Any, node: Any, weights: Mapping[str, Any]) -> bool:
    """Whether an average has windows side by side, and a plain 1x1 convolution after it."""
    if pool.op_type != "AveragePool" or node.input[1] not in weights:
        return False
    window = {a.name: helper.get_attribute_value(a) for a in pool.attribute}
    own = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return (
        window["kernel_shape"] == window.get("strides")
        and not any(window.get("pads", ()))
        and not window.get("ceil_mode", 0)
        and window.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
        and list(weights[node.input[1]].dims[2:]) == [1, 1]
        and set(own.get("strides", (1,))) == {1}
        and not any(own.get("pads", ()))
        and own.get("group", 1) == 1
    )


def _join(pool: Any, node: Any, weights: Mapping[str, Any]) -> None:
    """Makes a 1x1 convolution average its input itself, by a share of its weight for each pixel."""
    (side,) = (list(a.ints) for a in pool.attribute if a.name == "kernel_shape")
    weight = numpy_helper.to_array(weights[node.input[1]])
    shape = (*weight.shape[:2], *side)
    share = np.ascontiguousarray(np.broadcast_to(weight / np.float32(np.prod(side)), shape))
    weights[node.input[1]].CopyFrom(numpy_helper.from_array(share, node.input[1]))
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("kernel_shape", side))
    node.attribute.append(helper.make_attribute("strides", side))
    node.input[0] = pool.input[0]
