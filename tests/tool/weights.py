#!/usr/bin/env python3
"""Checks `spat export --weights`: files of bf16, f16 and int8 weights, which every command reads.

  weights.py SPAT [MODEL...]

A small model of every architecture is trained, and written with each type of weights. Its file has the bytes that the table
says, and fewer than before; its forecasts are close to those of the float weights; every command reads it; what cannot be
written or read is refused in words.
"""
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from foreign_files import dated, hours, two, wave

LOOKBACK, HORIZON, ROWS = 24, 8, 400
SIZES = {"width": 16, "ffn_width": 16, "heads": 2, "depth": 2, "patch": 8, "stride": 4, "segment": 8, "label": 12, "state": 4,
         "kernel": 5, "routers": 2}
WITHOUT_MODULES, UNSCORED = {"dlinear", "rlinear", "tsmixer"}, {"smamba"}
SMALL = {"bf16": "BF16", "f16": "F16", "int8": "I8"}
# The largest difference of a forecast, as a share of the range of all; and the error of a weight by its rounding, in percent.
CLOSE = {"bf16": 0.005, "f16": 0.0015, "int8": 0.005}
ROUNDING = {"bf16": 0.391, "f16": 0.0489, "int8": 0.3942}  # half of 2^-7, 2^-10 and 1 / 127


class Weights:
    def __init__(self, spat, work):
        self.spat, self.work, self.failures, self.name = spat, work, 0, ""

    def that(self, holds, what):
        if not holds:
            print(f"FAIL {self.name}: {what}", flush=True)
            self.failures += 1
        return holds

    def call(self, *arguments, code=0):
        done = subprocess.run([self.spat, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        self.that(done.returncode == code, f"spat {' '.join(map(str, arguments))}: exit code {done.returncode}: "
                                           f"{done.stderr[:300]}")
        return done

    def train(self, model, data):
        fields = set(re.findall(r"^(\w+)[ :]", self.call("models", model).stdout, re.M))
        sizes = [part for field, size in SIZES.items() if field in fields for part in ("--set", f"{field}={size}")]
        out = self.work / model
        self.call("run", "--data", data, "--model", model, *sizes, "--lookback", LOOKBACK, "--horizon", HORIZON,
                  *([] if model in WITHOUT_MODULES else ["--keep", "11"] if model in UNSCORED else ["--drop", 0]),
                  *"--epochs 2 --window-stride 4 --quiet --latency-seconds 0 --out".split(), out)
        return out / "dense.safetensors"

    def export(self, model, kind, out):
        """Writes the model. Returns the bytes of the table, and the largest error of a weight in percent."""
        printed = self.call("export", model, "--weights", kind, "--out", out).stdout
        rows = {row[0]: (int(row[1]), int(row[2])) for row in re.findall(r"^(\w+) +(\d+) +(\d+)$", printed, re.M)}
        for i, path in enumerate((model, out)):
            size, sizes = path.stat().st_size, [bytes[i] for what, bytes in rows.items() if what != "file"]
            self.that(rows["file"][i] == size and sum(sizes) == size, f"{kind}: {path.name} has {size} bytes, printed:\n{printed}")
            header = json.loads(path.read_bytes()[8:8 + struct.unpack("<Q", path.read_bytes()[:8])[0]])
            for what in "F32", "BF16", "F16", "I8", "I64":
                right = sum(t["data_offsets"][1] - t["data_offsets"][0] for name, t in header.items()
                            if name != "__metadata__" and t["dtype"] == what)
                self.that(rows.get(what, (0, 0))[i] == right, f"{kind}: {right} bytes of {what}, printed:\n{printed}")
        error = re.search(r"^largest error of a weight: (\S+) % of the largest of its row, in (\S+)$", printed, re.M)
        self.that(bool(error) != ("no weight has changed\n" in printed), f"{kind}: printed:\n{printed}")
        return rows, float(error[1]) if error else 0.0

    def forecast(self, model, data):
        lines = self.call("forecast", "--model", model, "--data", data, "--quiet").stdout.splitlines()
        return [float(cell) for line in lines[1:] for cell in line.split(",")[1:3]]

    def error_of(self, model, data):
        printed = self.call("evaluate", "--model", model, "--data", data, "--quiet").stdout
        return float(re.search(r"^MSE +(\S+)$", printed, re.M)[1])

    def commands(self, small, kind, data):
        """Every command that reads a model's file."""
        errors = self.error_of(small, data)
        shown = self.call("inspect", small).stdout
        self.that(f"\nweights      {kind}\n" in shown and f" {SMALL[kind]} " in shown, f"{kind}: inspect: {shown[:600]}")
        self.call("backtest", "--model", small, "--data", data, "--origins", 2, "--quiet")
        newer = small.with_name("newer.safetensors")
        self.call("update", "--model", small, "--data", data, "--epochs", 1, "--window-stride", 8, "--quiet", "--out", newer)
        shown = self.call("inspect", newer).stdout
        self.that("\nweights " not in shown and f" {SMALL[kind]} " not in shown, f"{kind}: an updated model: {shown[:600]}")
        if self.name not in WITHOUT_MODULES:
            self.call("prune", "--model", small, "--data", data,
                      *(["--keep", "01"] if self.name in UNSCORED else "--drop 1 --scoring-batches 2".split()),
                      *"--finetune-epochs 0 --latency-seconds 0 --quiet --out".split(), small.with_name("pruning"))
            shown = self.call("inspect", small.with_name("pruning") / "pruned.safetensors").stdout
            self.that("\nweights " not in shown, f"{kind}: a pruned model: {shown[:600]}")
        return errors

    def check(self, model, data):
        self.name = model
        dense = self.train(model, data)
        right = self.forecast(dense, data)
        spread = max(right) - min(right)
        errors = self.error_of(dense, data)
        same = dense.with_name("f32.safetensors")
        _, error = self.export(dense, "f32", same)
        self.that(same.read_bytes() == dense.read_bytes() and error == 0, "f32: another file")
        for kind in SMALL:
            small = dense.with_name(f"{kind}.safetensors")
            rows, error = self.export(dense, kind, small)
            numbers = [sum(bytes[i] for what, bytes in rows.items() if what not in ("header", "file")) for i in (0, 1)]
            learned = 4 * int(re.search(r"^parameters +(\d+)$", self.call("inspect", dense).stdout, re.M)[1])
            self.that(numbers[1] < (0.45 if kind == "int8" and learned > 8000 else 0.65) * learned + 200,
                      f"{kind}: {numbers[1]} bytes of numbers in place of {learned}")
            self.that(0 < error <= ROUNDING[kind], f"{kind}: the largest error of a weight is {error} %")
            found = self.forecast(small, data)
            difference = max(abs(a - b) for a, b in zip(found, right)) / spread
            self.that(len(found) == len(right) and 0 < difference <= CLOSE[kind], f"{kind}: a difference of {difference:.2%}")
            other = self.commands(small, kind, data)
            self.that(abs(other - errors) <= 0.005 * errors, f"{kind}: MSE {other} in place of {errors}")
            wide = dense.with_name("wide.safetensors")
            _, error = self.export(small, "f32", wide)
            self.that(error == 0 and self.forecast(wide, data) == found, f"{kind}: other forecasts after it was widened")
            _, error = self.export(small, kind, wide)
            integers = [self.tensors(path, "I8") for path in (small, wide)]
            self.that(error < 1e-4 and integers[0] == integers[1], f"{kind}: other numbers after it was written again, {error} %")
            print(f"  {model:18} {kind:5} {difference:9.4%} {rows['file']}", flush=True)

    def tensors(self, path, dtype):
        content = path.read_bytes()
        length = struct.unpack("<Q", content[:8])[0]
        return {name: content[8 + length + one["data_offsets"][0]:8 + length + one["data_offsets"][1]]
                for name, one in json.loads(content[8:8 + length]).items() if name != "__metadata__" and one["dtype"] == dtype}

    def refusals(self, data):
        """What cannot be written or read: an error in words, and no file."""
        self.name = "refusals"
        dense = self.train("rlinear", data)
        out = dense.with_name("out.safetensors")

        def refused(model, *arguments, said, command="export"):
            done = self.call(command, *([model] if command == "export" else ["--model", model]), *arguments, code=2)
            self.that(all(text in done.stderr for text in said), f"{arguments}: says {done.stderr!r}, not {said}")
            self.that(not out.exists(), f"{arguments}: wrote a file")

        def changed(name, change):
            content = dense.read_bytes()
            path = dense.with_name(name)
            path.write_bytes(change(content))
            return path

        def with_weight(number):
            def change(content):
                length = struct.unpack("<Q", content[:8])[0]
                header = json.loads(content[8:8 + length])
                place = 8 + length + next(one["data_offsets"][0] for name, one in header.items() if name.endswith("weight"))
                return content[:place] + struct.pack("<f", number) + content[place + 4:]
            return change

        large = changed("large.safetensors", with_weight(70000.0))
        refused(large, "--weights", "f16", "--out", out, said=["weight", "number 0 is 70000", "65504", "bf16"])
        refused(dense, "--weights", "int4", "--out", out, said=["int4", "bf16"])
        refused(dense, "--weights", "bf16", said=["nothing to write"])
        refused(changed("nan.safetensors", with_weight(float("nan"))), "--weights", "bf16", "--out", out,
                said=["weight", "not finite"])
        self.call("export", dense, "--weights", "int8", "--out", out)
        content = out.read_bytes()
        out.unlink()
        for name, old, new, said in [("scale.safetensors", b'.scale"', b'.scalf"', [".scale", "its scales are missing"]),
                                     ("type.safetensors", b'"int8"', b'"bf16"', ["I8", "bf16"]),
                                     ("unknown.safetensors", b'"int8"', b'"int9"', ["int9", "int8"])]:
            self.that(old in content, f"no {old} in the file")
            path = dense.with_name(name)
            path.write_bytes(content.replace(old, new))
            refused(path, "--data", data, command="forecast", said=said)
        done = self.call("export", dense, "--weights", "int8", "--out", out, "--quiet")
        self.that(done.stdout == "" and done.stderr == "", f"--quiet prints {done.stdout!r} {done.stderr!r}")
        written = out.read_bytes()
        done = self.call("export", out, "--weights", "bf16", "--out", out, code=2)
        self.that("is the model file" in done.stderr and out.read_bytes() == written, f"over itself: {done.stderr!r}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        weights = Weights(os.path.abspath(sys.argv[1]), pathlib.Path(folder))
        data = weights.work / "data.csv"
        columns = two(ROWS)
        columns["flow"] = wave(ROWS, -3.0, 40.0)
        data.write_text(dated(hours(ROWS), columns))
        models = re.findall(r"^(\w+) +[\d,]+ +[\d,]+ ", weights.call("models").stdout, re.M)
        weights.that(len(models) >= 10, f"spat models lists {models}")
        for model in sys.argv[2:] or models:
            weights.check(model, data)
        weights.refusals(data)
        if not weights.failures:
            print("weights: each type of every model is read by every command")
        sys.exit(weights.failures != 0)


if __name__ == "__main__":
    main()
