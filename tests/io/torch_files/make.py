#!/usr/bin/env python3
"""Makes the files beside this script with PyTorch (1.13 or later), and what PyTorch reads in them.

NAME.pth and NAME.ckpt are files of torch.save. NAME.safetensors holds the tensors that torch.load
gives, contiguous, and in its metadata the numbers and texts; several files of one content share it.
"""
import argparse
import collections
import json
import os
import struct
import sys
import types

import torch
from torch import nn

os.chdir(os.path.dirname(os.path.abspath(__file__)))
DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
          torch.int8: "I8", torch.uint8: "U8", torch.int16: "I16", torch.int32: "I32",
          torch.int64: "I64", torch.bool: "BOOL"}


def values(value, path=""):
    """The tensors, numbers and texts in an object, with their paths."""
    if isinstance(value, (argparse.Namespace, types.SimpleNamespace)):
        value = vars(value)
    if isinstance(value, (torch.Tensor, bool, int, float, str)):
        yield path or "tensor", value
        return
    items = value.items() if isinstance(value, dict) else \
        enumerate(value) if type(value) in (list, tuple) else ()
    for key, item in items:
        if key != "":
            yield from values(item, f"{path}.{key}" if path else str(key))


def expect(name, value):
    """Writes what comes out of an object."""
    header, data = {"__metadata__": {}}, b""
    for path, found in values(value):
        if isinstance(found, torch.Tensor):
            if found.dtype not in DTYPES or found.layout is not torch.strided:
                continue
            flat = found.detach().contiguous().flatten()
            if flat.dtype is torch.bfloat16:
                flat = flat.view(torch.int16)
            raw = flat.numpy().tobytes()
            header[path] = {"dtype": DTYPES[found.dtype], "shape": list(found.shape),
                            "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        elif not isinstance(found, int) or abs(found) < 2**63:
            text = str(found).lower() if isinstance(found, (bool, float)) else str(found)
            header["__metadata__"][path] = text
    text = json.dumps(header, separators=(",", ":")).encode()
    with open(name + ".safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def save(name, value, **options):
    torch.save(value, name, **options)
    return torch.load(name)


class Attention(nn.Module):
    def __init__(self, d):
        super().__init__()
        for name in ("query", "key", "value", "out"):
            setattr(self, name + "_projection", nn.Linear(d, d))


class Layer(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.attention = Attention(d)
        self.conv1, self.conv2 = nn.Conv1d(d, d, 1), nn.Conv1d(d, d, 1)
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)


class Encoder(nn.Module):
    def __init__(self, d, norm):
        super().__init__()
        self.attn_layers = nn.ModuleList([Layer(d)])
        self.norm = norm


class Embedding(nn.Module):
    def __init__(self, inputs, d, bias):
        super().__init__()
        self.value_embedding = nn.Linear(inputs, d, bias=bias)


class ITransformer(nn.Module):
    def __init__(self, d=2):
        super().__init__()
        self.enc_embedding = Embedding(4, d, True)
        self.encoder = Encoder(d, nn.LayerNorm(d))
        self.projection = nn.Linear(d, 2)


class Positions(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.register_buffer("pe", torch.randn(1, 5, d))


class PatchTST(nn.Module):
    def __init__(self, d=2):
        super().__init__()
        self.patch_embedding = Embedding(2, d, False)
        self.patch_embedding.position_embedding = Positions(d)
        self.encoder = Encoder(d, nn.Sequential(nn.Identity(), nn.BatchNorm1d(d), nn.Identity()))
        self.head = nn.Sequential(collections.OrderedDict(linear=nn.Linear(6, 2)))


class Loss(nn.Module):
    """A module inside hyperparameters, as neuralforecast has it."""


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)


class Opaque:
    """An object of a class that only Python knows."""
    def __init__(self):
        self.secret = torch.ones(1)


def odd():
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 7
    wide = torch.arange(24, dtype=torch.float64).reshape(2, 3, 4)
    return collections.OrderedDict(
        plain=base, transposed=base.t(), column=base[:, 1], strided=base[::2, ::3], rows=base[1:],
        permuted=wide.permute(2, 0, 1), scalar=torch.tensor(-0.0), empty=torch.zeros(0, 3),
        half=torch.tensor([1.5, -65504.0, float("nan")]).half(),
        bf16=torch.tensor([1.5, 3e38, float("-inf")]).bfloat16(),
        i8=torch.tensor([-128, 127], dtype=torch.int8), u8=torch.tensor([0, 255], dtype=torch.uint8),
        i16=torch.tensor([-32768, 32767], dtype=torch.int16),
        i32=torch.tensor([[-2**31], [2**31 - 1]], dtype=torch.int32),
        i64=torch.tensor(-2**63), boolean=torch.tensor([True, False, True]),
        once=torch.tensor([7.0]).expand(1, 1), complex=torch.tensor([1 + 2j]))


def lightning():
    model = Small()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(2):
        adam.zero_grad()
        model.linear(torch.tensor([[1.0, 2.0]])).sum().backward()
        adam.step()
    return {"epoch": 3, "global_step": 1200, "pytorch-lightning_version": "1.9.5",
            "state_dict": model.state_dict(), "loops": None,
            "callbacks": {"EarlyStopping{'monitor': 'val_loss', 'mode': 'min'}":
                          {"wait_count": 0, "best_score": torch.tensor(0.25), "patience": 3}},
            "optimizer_states": [adam.state_dict()], "lr_schedulers": [],
            "hparams_name": "kwargs", "hyper_parameters":
            {"n_heads": 8, "dropout": 0.1, "learning_rate": 1e-05, "name": "Gr\u00fc\u00dfe",
             "marks": True, "layers": [2, 3], "size": (4, 5), "nothing": None, "big": 2**70,
             "worst": float("inf")}}


def main():
    torch.manual_seed(1)
    legacy = {"_use_new_zipfile_serialization": False}
    model = ITransformer().state_dict()
    expect("itransformer", save("itransformer.pth", model))
    save("itransformer_legacy.pth", model, **legacy)
    save("itransformer_legacy4.pth", model, pickle_protocol=4, **legacy)
    model = PatchTST().state_dict()
    expect("patchtst", save("patchtst_legacy.pth", model, **legacy))
    parameters = {"weight": nn.Parameter(torch.randn(2, 2)),
                  "nested": [nn.Parameter(torch.randn(2), requires_grad=False), (torch.ones(1),)],
                  5: torch.zeros(1)}
    parameters["again"] = parameters["weight"]
    parameters["weight"].note = "an attribute"
    expect("parameters", save("parameters.pth", parameters))
    save("parameters_protocol4.pth", parameters, pickle_protocol=4)
    expect("odd", save("odd.pth", odd()))
    save("odd_legacy.pth", odd(), **legacy)
    expect("lightning", save("lightning.ckpt", lightning()))
    model = Small()
    forecast = {"hyper_parameters": {"h": 12, "input_size": 24, "loss": Loss(), "alias": None},
                "state_dict": model.state_dict()}
    expected = save("neuralforecast.ckpt", forecast)
    expect("neuralforecast", expected)
    args = argparse.Namespace(d_model=512, model="iTransformer", lr=0.0001, use_gpu=False)
    expect("args", save("args.pth", {"args": args, "model": model.state_dict()}))
    expect("tensor", save("tensor.pth", torch.arange(3)))

    mixed = {"kept": torch.ones(1), "sparse": torch.eye(2).to_sparse(), "object": Opaque(),
             "quantized": torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.qint8),
             "complex": torch.ones(2, dtype=torch.complex128), "module": Loss(),
             ("a", "tuple"): torch.ones(1), "conjugate": torch.ones(1, dtype=torch.complex64).conj()}
    torch.save(mixed, "skipped.pth")
    torch.save(model, "module.pth")
    torch.save({"model": model}, "module_inside.pth")
    torch.save({"expanded": torch.ones(1).expand(9)}, "expanded.pth")
    torch.jit.save(torch.jit.script(model.linear), "script.pt")


if __name__ == "__main__":
    sys.exit(main())
