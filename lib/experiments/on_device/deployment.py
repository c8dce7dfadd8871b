"""A trained classifier as it is shipped: an ONNX file with float32 or 8-bit weights, run by ONNX Runtime.

Three formats. `float32`: the weights as they were trained. `int8 weights`: each row of a weight matrix is kept as 8-bit
integers and one scale, and multiplied out when the file is loaded; it runs as before. `int8 dynamic`: what
`onnxruntime.quantization.quantize_dynamic` makes of the file, which multiplies in 8-bit integers where it knows how.
Introduced in the chapter *applications/on_device*.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from experiments.shared import runtimes
from gatedrnn.checks import require
from gatedrnn.layers import STOCK, Recurrent
from gatedrnn.models import Classifier

FORMATS = ("float32", "int8 weights", "int8 dynamic")
LEAST = 64
"""Arrays of fewer numbers, such as biases, stay as they are in the format of 8-bit weights."""


class Convolution(nn.Module):
    """Three layers of one-dimensional convolution and a linear head (the network of Greydanus and Kobak 2024).

    Args:
        points: of a curve. channels: of each layer. classes: K.
    """

    def __init__(self, points: int, channels: int, classes: int) -> None:
        super().__init__()
        sizes = [(1, 5), (channels, 3), (channels, 3)]
        self.layers = nn.ModuleList(nn.Conv1d(a, channels, kernel, stride=2, padding=1) for a, kernel in sizes)
        self.head = nn.Linear(self.features(torch.zeros(1, 1, points)).shape[1], classes)

    def features(self, x: Tensor) -> Tensor:
        """(1, B, points) → (B, F)."""
        hidden = x.transpose(0, 1)
        for layer in self.layers:
            hidden = layer(hidden).relu()
        return hidden.flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """(1, B, points) → (B, K) logits."""
        return self.head(self.features(x))


def exported(model: Classifier | Convolution) -> onnx.ModelProto:
    """The float32 graph of a classifier: `x` (T, B, I) in, `y` (B, K) out.

    Raises:
        ValueError: a recurrent core that is no LSTM and no GRU of one layer.
    """
    if isinstance(model, Convolution):
        nodes, weights, shape = _convolution(model)
    else:
        nodes, weights, shape = _recurrent(model.core)
    weights |= {"head": model.head.weight.detach().numpy(), "shift": model.head.bias.detach().numpy()}
    nodes.append(helper.make_node("Gemm", ["features", "head", "shift"], ["y"], transB=1))
    made = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", len(model.head.bias)])],
        [numpy_helper.from_array(np.asarray(value, order="C"), name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", runtimes.OPSET)]
    done = helper.make_model(made, opset_imports=opsets, ir_version=runtimes.IR_VERSION)
    onnx.checker.check_model(done)
    return done


def in_format(model: onnx.ModelProto, form: str) -> onnx.ModelProto:
    """A float32 graph in another of `FORMATS`.

    Raises:
        ValueError: unknown format.
    """
    require("form", form, FORMATS)
    return {"float32": lambda each: each, "int8 weights": weights_only, "int8 dynamic": dynamic}[form](model)


def weights_only(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with each weight matrix as 8-bit integers and a scale a row (the last axis is summed over)."""
    graph = onnx.ModelProto.FromString(model.SerializeToString())
    kept, nodes = [], []
    for each in graph.graph.initializer:
        value = numpy_helper.to_array(each)
        if value.size < LEAST or value.ndim < 2 or each.name == "B":
            kept.append(each)
            continue
        axis = 1 if each.name in ("W", "R") else 0  # ONNX's recurrent weights are (directions, rows, columns)
        rows, scale = quantised(value, axis)
        kept += [numpy_helper.from_array(rows, f"{each.name}8"), numpy_helper.from_array(scale, f"{each.name}s")]
        nodes.append(helper.make_node("DequantizeLinear", [f"{each.name}8", f"{each.name}s"], [each.name], axis=axis))
    nodes += graph.graph.node
    for field, values in (("initializer", kept), ("node", nodes)):
        graph.graph.ClearField(field)
        getattr(graph.graph, field).extend(values)
    onnx.checker.check_model(graph)
    return graph


def quantised(value: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """8-bit integers from −127 to 127, and the scale of each slice along an axis, so that value ≈ integers × scale."""
    others = tuple(place for place in range(value.ndim) if place != axis)
    scale = np.maximum(np.abs(value).max(axis=others) / 127, 1e-12).astype("float32")
    wide = np.expand_dims(scale, others)
    return np.round(value / wide).astype("int8"), scale


def dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    """What ONNX Runtime's own dynamic quantisation makes of a graph; operators that it does not know stay float32."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)  # it advises a pre-processing that changes nothing here
        try:
            quantize_dynamic(source, target, weight_type=QuantType.QInt8)
        finally:
            logging.disable(before)
        return onnx.load(target)


def size(model: onnx.ModelProto) -> int:
    """Bytes of the file."""
    return model.ByteSize()


def share_of_integers(model: onnx.ModelProto) -> float:
    """Share of a graph's stored numbers that are 8-bit integers."""
    counts = [(int(np.prod(each.dims)), each.data_type) for each in model.graph.initializer]
    return sum(count for count, kind in counts if kind == TensorProto.INT8) / sum(count for count, _ in counts)


def answers(model: onnx.ModelProto, x: Tensor) -> Tensor:
    """Logits (B, K) that ONNX Runtime gives for sequences (T, B, I), with one thread."""
    return torch.from_numpy(runtimes.session(model).run(None, {"x": x.numpy()})[0])


def _recurrent(core: nn.Module) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray], list[str | int]]:
    if not isinstance(core, Recurrent) or core.cell not in ("lstm", "gru") or len(core.layers) != 1:
        raise ValueError("model: only one layer of LSTM or GRU with a linear head is allowed")
    layer = core.layers[0]
    stock = STOCK[core.cell](layer.input_size, core.hidden_size)  # type: ignore[call-arg, arg-type]
    with torch.no_grad():
        for own, trained in zip(stock.parameters(), layer.parameters(), strict=True):
            own.copy_(trained)
    graph = runtimes.graph(stock).graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    weights |= {"last": np.array(-1), "direction": np.array([0])}
    nodes = list(graph.node)
    nodes.append(helper.make_node("Gather", ["outputs", "last"], ["end"], axis=0))
    nodes.append(helper.make_node("Squeeze", ["end", "direction"], ["features"]))
    return nodes, weights, ["T", "B", layer.input_size]  # type: ignore[list-item]


def _convolution(model: Convolution) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray], list[str | int]]:
    nodes = [helper.make_node("Transpose", ["x"], ["h0"], perm=[1, 0, 2])]
    weights: dict[str, np.ndarray] = {}
    for place, layer in enumerate(model.layers):
        weights |= {f"w{place}": layer.weight.detach().numpy(), f"b{place}": layer.bias.detach().numpy()}  # type: ignore[operator]
        given = [f"h{place}", f"w{place}", f"b{place}"]
        nodes.append(helper.make_node("Conv", given, [f"c{place}"], strides=[2], pads=[1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{place}"], [f"h{place + 1}"]))
    nodes.append(helper.make_node("Flatten", [f"h{len(model.layers)}"], ["features"]))
    return nodes, weights, [1, "B", "points"]
