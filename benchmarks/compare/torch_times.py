"""Times PyTorch for compare.py: a child process that reads one JSON request a line and answers each with one line.

The environment it is started in says threads and malloc; both must stand before torch is loaded.
  {"setup": {"config": {...}, "batch": B, "task": "predict" or "train"}}   answers {"about": {...}, "missing": [...]}
  {"slice": {"peer": "eager" or "jit", "prune": "none" or "all", "seconds": S}}   answers {"times_us": [...]}
"""
import json
import math
import os
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.head = heads, width // heads
        self.scale = 1.0 / math.sqrt(self.head)
        self.query_projection = nn.Linear(width, width)
        self.key_projection = nn.Linear(width, width)
        self.value_projection = nn.Linear(width, width)
        self.out_projection = nn.Linear(width, width)

    def forward(self, x):  # [B, N, D]
        B, N, D = x.shape
        q = self.query_projection(x).view(B, N, self.heads, self.head).transpose(1, 2)
        k = self.key_projection(x).view(B, N, self.heads, self.head).permute(0, 2, 3, 1)
        v = self.value_projection(x).view(B, N, self.heads, self.head).transpose(1, 2)
        A = torch.softmax(torch.matmul(q, k) * self.scale, dim=-1)
        return self.out_projection(torch.matmul(A, v).transpose(1, 2).reshape(B, N, D))


class Layer(nn.Module):
    """Pruned: the whole attention module is gone; the norm behind it and the feed-forward layer stay."""

    def __init__(self, width, ffn_width, heads, keep):
        super().__init__()
        self.attention = Attention(width, heads) if keep else None
        self.linear1, self.linear2 = nn.Linear(width, ffn_width), nn.Linear(ffn_width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        if self.attention is not None:
            x = x + self.attention(x)
        x = self.norm1(x)
        return self.norm2(x + self.linear2(F.gelu(self.linear1(x))))


class ITransformer(nn.Module):
    def __init__(self, c, keep):
        super().__init__()
        self.embedding = nn.Linear(c["lookback"], c["width"])
        self.layers = nn.ModuleList(Layer(c["width"], c["ffn_width"], c["heads"], keep) for _ in range(c["depth"]))
        self.norm = nn.LayerNorm(c["width"])
        self.projection = nn.Linear(c["width"], c["horizon"])

    def forward(self, x):  # [B, L, C] -> [B, T, C]
        mean = x.mean(1, keepdim=True).detach()
        centred = x - mean
        deviation = torch.sqrt((centred * centred).mean(1, keepdim=True) + 1e-5)
        tokens = self.embedding((centred / deviation).transpose(1, 2))
        for layer in self.layers:
            tokens = layer(tokens)
        return self.projection(self.norm(tokens)).transpose(1, 2) * deviation + mean


def predict_eager(model, x):
    model.eval()

    def call():
        with torch.inference_mode():
            return model(x)
    return call


def predict_jit(model, x):
    model.eval()
    with torch.no_grad():
        expected = model(x)
        traced = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))
        for _ in range(4):  # the first calls profile and compile
            found = traced(x)
    error = (found - expected).abs().max().item()
    if not error < 1e-3:
        raise RuntimeError(f"TorchScript's forecast differs by {error}")

    def call():
        with torch.no_grad():
            return traced(x)
    return call


def train_eager(model, x, target):
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)

    def call():
        optimizer.zero_grad(set_to_none=True)
        F.mse_loss(model(x), target).backward()
        optimizer.step()
    return call


def blas():
    """The library that this process has loaded, not the one that was recommended."""
    with open("/proc/self/maps") as maps:
        files = sorted({line.split()[-1] for line in maps if "/" in line and "blas" in line.rsplit("/", 1)[-1].lower()})
    text = " ".join(files)
    if "openmp" in text:
        return "OpenBLAS, OpenMP build", True
    if "openblas" in text.lower():
        return "OpenBLAS, " + ("pthread build" if "pthread" in text else "build unknown"), False
    if torch.backends.mkl.is_available():
        return "MKL", True
    return ", ".join(os.path.basename(f) for f in files) or "unknown", False


def about():
    a = torch.randn(64, 64)
    a.mm(a)
    name, fair = blas()
    return {"torch": torch.__version__, "blas": name, "fair_blas": fair, "threads": torch.get_num_threads()}


def setup(config, batch, task):
    assert config["marks"] == 0 and config["instance_norm"]
    torch.manual_seed(7)
    x = torch.randn(batch, config["lookback"], config["channels"])
    target = torch.randn(batch, config["horizon"], config["channels"])
    calls, missing = {}, []
    for prune in ("none", "all"):
        def model():
            return ITransformer(config, prune == "none")
        if task == "train":
            calls["eager", prune] = train_eager(model(), x, target)
            continue
        calls["eager", prune] = predict_eager(model(), x)
        try:
            calls["jit", prune] = predict_jit(model(), x)
        except Exception as problem:
            missing.append(f"TorchScript, {prune} pruned: {str(problem).splitlines()[0]}")
    return calls, missing


def times(call, seconds):
    """As bench_times does it: warm up, then at least three calls."""
    clock = time.perf_counter
    end = clock() + min(0.2, seconds / 4)
    while True:
        call()
        if clock() >= end:
            break
    result, end = [], clock() + seconds
    while len(result) < 3 or clock() < end:
        start = clock()
        call()
        result.append(round((clock() - start) * 1e6, 2))
    return result


def main():
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    calls = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "setup" in request:
            calls, missing = setup(**request["setup"])
            answer = {"about": about(), "missing": missing}
        else:
            call = calls.get((request["slice"]["peer"], request["slice"]["prune"]))
            answer = {"times_us": times(call, request["slice"]["seconds"]) if call else []}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
