"""The same layer in ONNX Runtime: a graph of one operator, with the weights of a `torch.nn` layer.

ONNX names the gates in another order than PyTorch: LSTM i, o, f, g for PyTorch's i, f, g, o; GRU z, r, n for r, z, n.
Its GRU resets before the product unless `linear_before_reset` says otherwise; PyTorch's resets after it.
Introduced in the chapter `performance/cost`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
"""Version of the operators and of the file format; fixed, so that a newer library makes the same graph."""

ORDERS = {torch.nn.LSTM: ("LSTM", (0, 3, 1, 2)), torch.nn.GRU: ("GRU", (1, 0, 2))}
"""Layer → operator, and for each of ONNX's gate blocks the place it has in PyTorch's weights."""


def graph(module: torch.nn.RNNBase) -> onnx.ModelProto:
    """Make the ONNX graph of one layer: `x` (T, B, I) in, `outputs` (T, 1, B, H) out, zero initial state.

    Raises:
        ValueError: not an LSTM or a GRU, or more than one plain layer.
    """
    if type(module) not in ORDERS:
        raise ValueError(f"module = {type(module).__name__} is not allowed: LSTM and GRU")
    if module.num_layers != 1 or module.bidirectional or module.batch_first or not module.bias:
        raise ValueError("module: only one layer, one direction, time first, with biases is allowed")
    operator, order = ORDERS[type(module)]
    w, u, b, b2 = (_reordered(each.detach().numpy(), order) for each in module.parameters())
    weights = {"W": w[None], "R": u[None], "B": np.concatenate([b, b2])[None]}
    extra: dict[str, Any] = {"linear_before_reset": 1} if operator == "GRU" else {}
    node = helper.make_node(operator, ["x", *weights], ["outputs"], hidden_size=module.hidden_size, **extra)
    made = helper.make_graph(
        [node],
        operator,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["T", "B", module.input_size])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["T", 1, "B", module.hidden_size])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def product() -> onnx.ModelProto:
    """Make the ONNX graph of one matrix product: `a` (M, K) and `b` (K, N) in, `out` (M, N) out."""
    shapes = {"a": ["M", "K"], "b": ["K", "N"], "out": ["M", "N"]}
    a, b, out = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items())
    made = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["out"])], "product", [a, b], [out])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def session(model: onnx.ModelProto, threads: int = 1) -> onnxruntime.InferenceSession:
    """Load a graph for the CPU with a number of threads within an operator."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # its threads stop waiting for work when a call ends, or they would slow whoever is timed next
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class OnnxLayer:
    """A layer in ONNX Runtime, called as a layer of torch is: (T, B, I) in, outputs (T, B, H) and None out."""

    def __init__(self, module: torch.nn.RNNBase, threads: int = 1) -> None:
        self.session = session(graph(module), threads)

    def __call__(self, inputs: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Run over sequences; the state at the end is the last output, no other is asked for."""
        (outputs,) = self.session.run(None, {"x": inputs.numpy()})
        return torch.from_numpy(outputs[:, 0]), None


def _reordered(rows: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    blocks = np.split(rows, len(order))
    return np.concatenate([blocks[place] for place in order])
