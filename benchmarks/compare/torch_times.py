"""Times PyTorch for compare.py: a child process that reads one JSON request per line and answers each with one line.

Its environment sets threads and malloc; both must be set before torch is loaded.
  {"setup": {"config": {...}, "batch": B, "task": "predict" or "train", "prunes": ["none", "all"]}}
      answers {"missing": [...]}
  {"slice": {"peer": "eager" or "jit", "prune": "none" or "all", "seconds": S}}
      answers {"times_us": [...], "base_rss_mib": before the models were built, "peak_rss_mib": so far}
  {"export": {"config": {...}, "batch": B, "folder": "..."}}   writes the ONNX files; answers {}
  {"about": {}}   answers {"torch": ..., "blas": ..., "fair_blas": ...}
"""
import contextlib
import json
import os
import sys
import time
import warnings

import torch
import torch.nn.functional as F

from torch_model import export, seeded


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


def memory_mib(key):
    """A line of /proc/self/status; None where there is none."""
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        for line in status:
            if line.startswith(key):
                return int(line.split()[1]) / 1024
    return None


def times_of(call, seconds):
    """As bench_times does it: warm up, then at least three calls."""
    clock = time.perf_counter
    end = clock() + min(0.2, seconds / 4)
    while clock() < end:
        call()
    result, end = [], clock() + seconds
    while len(result) < 3 or clock() < end:
        start = clock()
        call()
        result.append((clock() - start) * 1e6)
    return result


class Answers:
    def __init__(self):
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
        self.calls, self.base = {}, None

    def about(self):
        a = torch.randn(64, 64)
        a.mm(a)
        name, fair = blas()
        return {"torch": torch.__version__, "blas": name, "fair_blas": fair}

    def setup(self, config, batch, task, prunes):
        assert config.get("marks", 0) == 0 and config["instance_norm"]
        self.about()  # the BLAS and its threads belong to no model
        self.base, missing = memory_mib("VmRSS"), []
        for prune in prunes:
            model, x = seeded(config, prune, batch)
            if task == "train":
                target = torch.randn(batch, config["horizon"], config["channels"])
                self.calls["eager", prune] = train_eager(model, x, target)
                continue
            self.calls["eager", prune] = predict_eager(model, x)
            try:
                self.calls["jit", prune] = predict_jit(seeded(config, prune, batch)[0], x)
            except Exception as problem:
                missing.append(f"TorchScript, {prune} pruned: {str(problem).splitlines()[0]}")
        return {"missing": missing}

    def slice(self, peer, prune, seconds):
        call = self.calls.get((peer, prune))
        times = times_of(call, seconds) if call else []
        return {"times_us": times, "base_rss_mib": self.base, "peak_rss_mib": memory_mib("VmHWM")}

    def export(self, config, batch, folder):
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():  # some versions talk
            warnings.simplefilter("ignore")
            export(config, batch, folder)
        return {}


def main():
    answers = Answers()
    for line in sys.stdin:
        (kind, request), = json.loads(line).items()
        print(json.dumps(getattr(answers, kind)(**request)), flush=True)


if __name__ == "__main__":
    main()
