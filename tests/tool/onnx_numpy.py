#!/usr/bin/env python3
"""Checks ONNX files by the onnx package, and computes their forecasts with numpy, operator by operator.

  onnx_numpy.py JOBS

JOBS is a JSON file: a list of {model, inputs: {name: {file, shape}}, output}. Files are of float32 numbers. Each model is
checked once, with shape inference; writing what was read must give the same bytes; all operators are those of the table below.
Prints a line of JSON per model: its path, and how often each operator occurs. Needs numpy and onnx.
"""
import json
import math
import sys

del sys.path[0]  # onnx.py beside this file is not the package
import numpy
import onnx
import onnx.checker
import onnx.numpy_helper
import onnx.shape_inference


def softmax(x, axis):
    e = numpy.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def reshape(x, shape):
    return x.reshape([x.shape[i] if extent == 0 else extent for i, extent in enumerate(shape)])


def cut(x, starts, ends, axes):
    where = [slice(None)] * x.ndim
    for start, end, axis in zip(starts, ends, axes):
        where[axis] = slice(start, end)
    return x[tuple(where)]


ERF = numpy.vectorize(math.erf, otypes=[numpy.float64])
OPERATORS = {
    "Add": numpy.add, "Sub": numpy.subtract, "Mul": numpy.multiply, "Div": numpy.divide, "MatMul": numpy.matmul,
    "Pow": numpy.power, "Sqrt": numpy.sqrt, "Erf": ERF, "Relu": lambda x: numpy.maximum(x, 0),
    "ReduceMean": lambda x, axes, keepdims: x.mean(axis=tuple(axes), keepdims=bool(keepdims)),
    "Transpose": lambda x, perm: x.transpose(perm), "Reshape": reshape, "Softmax": softmax, "Slice": cut,
    "Gather": lambda x, indices, axis: numpy.take(x, indices, axis=axis),
    "Concat": lambda *parts, axis: numpy.concatenate(parts, axis=axis),
    "Shape": lambda x: numpy.array(x.shape, dtype=numpy.int64), "Expand": lambda x, shape: numpy.broadcast_to(x, shape),
}


def run(graph, values):
    """The output, computed in double."""
    values = {name: value.astype(numpy.float64) for name, value in values.items()}
    for constant in graph.initializer:
        array = onnx.numpy_helper.to_array(constant)
        values[constant.name] = array.astype(numpy.float64) if array.dtype == numpy.float32 else array
    for node in graph.node:
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        values[node.output[0]] = OPERATORS[node.op_type](*(values[name] for name in node.input), **attributes)
    return values[graph.output[0].name]


def read(path):
    """The model of a file that is right."""
    with open(path, "rb") as file:
        content = file.read()
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    if model.SerializeToString() != content:
        raise SystemExit(f"{path}: onnx writes other bytes than it reads")
    for value in [*model.graph.input, *model.graph.output]:
        if value.type.tensor_type.shape.dim[0].dim_param != "batch":
            raise SystemExit(f"{path}: {value.name} has no batch")
    return model


def main():
    models = {}
    with open(sys.argv[1]) as file:
        jobs = json.load(file)
    for job in jobs:
        if job["model"] not in models:
            model = models[job["model"]] = read(job["model"])
            types = [node.op_type for node in model.graph.node]
            print(json.dumps({"model": job["model"], "operators": {one: types.count(one) for one in sorted(set(types))},
                              "opset": model.opset_import[0].version, "inputs": [one.name for one in model.graph.input],
                              "metadata": {one.key: one.value for one in model.metadata_props},
                              "constants": [one.name for one in model.graph.initializer]}))
        inputs = {name: numpy.fromfile(one["file"], "<f4").reshape(one["shape"]) for name, one in job["inputs"].items()}
        run(models[job["model"]].graph, inputs).astype("<f4").tofile(job["output"])


if __name__ == "__main__":
    main()
