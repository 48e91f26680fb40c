"""onnx_run.py TOLERANCE MODEL.onnx DATA.npz ...: is each a model that ONNX accepts, and does it compute what is
expected?

The operators are computed here with NumPy alone, in double precision. An array of DATA has the name of an input or of
an output. Exit 77: no module onnx."""
import sys

import numpy as np

try:
    import onnx
    from onnx import numpy_helper
except ImportError:
    print("SKIP no Python module onnx (python3-onnx)")
    sys.exit(77)


def windows(x, kernel, stride, pads, fill):
    """(N, C, H, W) -> (N, C, OH, OW, kh, kw)"""
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=fill)
    w = np.lib.stride_tricks.sliding_window_view(x, tuple(kernel), (2, 3))
    return w[:, :, :: stride[0], :: stride[1]]


def conv(a, x, w):
    view = windows(x, a["kernel_shape"], a["strides"], a["pads"], 0)
    return np.tensordot(view, w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)


def max_pool(a, x):
    return windows(x, a["kernel_shape"], a["strides"], a.get("pads", [0] * 4), -np.inf).max((4, 5))


def batch_normalization(a, x, scale, bias, mean, variance):
    scale, bias, mean, variance = (v[None, :, None, None] for v in (scale, bias, mean, variance))
    return scale * (x - mean) / np.sqrt(variance + a["epsilon"]) + bias


operators = {
    "Conv": conv,
    "Relu": lambda a, x: np.maximum(x, 0),
    "BatchNormalization": batch_normalization,
    "MaxPool": max_pool,
    "GlobalMaxPool": lambda a, x: x.max((2, 3), keepdims=True),
    "Flatten": lambda a, x: x.reshape(len(x), -1),
    "Gemm": lambda a, x, w, c=0: x @ w + c,
    "Softmax": lambda a, x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "Reshape": lambda a, x, shape: x.reshape(shape.astype(int)),
    "Sub": lambda a, x, y: x - y,
    "ReduceL2": lambda a, x: np.sqrt((x * x).sum(tuple(a["axes"]), keepdims=True)),
    "ReduceMin": lambda a, x: x.min(tuple(a["axes"]), keepdims=True),
}


def evaluate(graph, inputs):
    values = {t.name: numpy_helper.to_array(t).astype(float) for t in graph.initializer} | inputs
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        values[node.output[0]] = operators[node.op_type](attributes, *(values[name] for name in node.input))
    return values


def worst(path, data):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 13)]
    arrays = np.load(data)
    values = evaluate(model.graph, {i.name: arrays[i.name].astype(float) for i in model.graph.input})
    errors = {}
    for output in model.graph.output:
        expected, found = arrays[output.name].astype(float), values[output.name]
        shape = [d.dim_value for d in output.type.tensor_type.shape.dim[1:]]
        assert list(found.shape[1:]) == shape and found.shape == expected.shape, (path, found.shape, expected.shape)
        errors[output.name] = np.abs(found - expected).max() / np.abs(expected).max()
    inputs, texts = {i.name for i in model.graph.input}, {p.key: p.value for p in model.metadata_props}
    numbers, names = ({n for n in arrays.files if n.startswith(kind)} for kind in ("number.", "text."))
    found = set(arrays.files) - numbers - names - {"__metadata__"}
    assert found == inputs | set(errors), (path, found, errors)
    for key in numbers:
        assert abs(float(texts[key[7:]]) / arrays[key][0] - 1) < 1e-6, (path, key, texts)
    for key in names:
        assert texts[key[5:]].encode() == bytes(arrays[key].astype("uint8")), (path, key, texts)
    return errors, len(expected)


failed = False
for path, data in zip(sys.argv[2::2], sys.argv[3::2]):
    errors, n = worst(path, data)
    print(f"{path}: {n} images", *(f"{name} {error:.1e}" for name, error in errors.items()))
    failed |= not max(errors.values()) < float(sys.argv[1])
sys.exit(failed)
