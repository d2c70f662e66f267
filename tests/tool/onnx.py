#!/usr/bin/env python3
"""Compares the forecasts of exported ONNX files with those of `spat forecast`.

  onnx.py SPAT [MODEL...]

Every model that can be exported is trained, and pruned to several masks: all of three layers for iTransformer and PatchTST. Each
file is exported in the units of the series and in scaled ones. The onnx package checks the files; they are computed by numpy,
operator by operator, and by ONNX Runtime for Node, at batch 1 and 5. No forecast is further from that of `spat forecast` than
1e-5 of the range of its column. A pruned file has as many products of matrices fewer as its mask says. The parts whose programs
are not installed are skipped aloud: python3 with numpy and onnx, and node with onnxruntime-node.
"""
import datetime
import itertools
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from foreign_files import HOUR, dated, steps, texts, wave
from onnx_words import check_verified, check_words
from tool_check import Check, header_of

HERE = pathlib.Path(__file__).resolve().parent
LOOKBACK, HORIZON, ROWS, BATCH = 24, 8, 300, 5
SIZES = {"width": 16, "ffn_width": 24, "heads": 2, "depth": 2, "patch": 8, "stride": 4, "segment": 4, "label": 12, "kernel": 5}
COLUMNS = {name: [round(value * (1 + (i * i * 31 + j * 17) % (47 + 6 * j) / 60), 4) for i, value in enumerate(wave(ROWS, *of))]
           for j, (name, of) in enumerate({"load": (10, 3), "rain": (0.2, 0.1), "temp": (-40, 90), "price": (5000, 800)}.items())}
ALL_OF_THREE = ["".join(mask) for mask in itertools.product("10", repeat=3)]

# A model, its options, the masks, and the products of matrices of each module. Those of an attention are Q, K, V and output
# projections, scores and weighted sum; of two attentions through Crossformer's routers one less, because the routers' Q is a
# constant; of its first two in the decoder none, because they read constants. A mask is followed by the number of further products
# that have no effect without its modules.
CASES = [
    ("itransformer", ["--set", "depth=3"], ALL_OF_THREE, [6, 6, 6]),
    ("itransformer", ["--marks", "none", "--no-instance-norm"], ["11", "01"], [6, 6]),
    ("patchtst", ["--set", "depth=3"], ALL_OF_THREE, [6, 6, 6]),
    ("patchtst", ["--features", "S"], ["11", "10"], [6, 6]),
    ("patchtst_official", [], ["11", "01", "00"], [6, 6]),
    ("timexer", [], ["1111", "0101", "1001"], [6, 6, 6, 6]),
    ("timexer", ["--features", "MS"], ["1111", "1010 1"], [6, 6, 6, 6]),  # 1: the embedding of the other columns
    ("timexer", ["--features", "MS", "--known-covariates"], ["1111"], []),
    ("crossformer", [], ["1" * 13, "0101011101101", "1010101011011", "1111111110111"],
     [6, 11, 6, 11, 0, 0, 30, 6, 11, 6, 6, 11, 28]),
    ("transformer", [], ["1111", "0101", "1011"], [6, 6, 6, 6]),
    ("dlinear", [], [""], []), ("rlinear", [], [""], []), ("tsmixer", [], [""], []),
]


class Export:
    """An ONNX file, the forecasts of five windows that it has to give, and what is known of it."""

    def __init__(self, name, path, histories, right, marks):
        self.name, self.path, self.right = name, path, right
        self.inputs = {"history": histories, **marks}
        self.columns = len(right[0][0])
        self.ranges = []
        for column in range(self.columns):
            seen = [row[column - self.columns] for window in [*histories, *right] for row in window]
            self.ranges.append(max(seen) - min(seen))


class Onnx(Check):
    def __init__(self, spat, work):
        super().__init__(spat, work)
        self.exports, self.models_to_verify = [], []
        self.times = steps(datetime.datetime(2022, 2, 25, 5), HOUR, ROWS)
        self.data = self.cut("data.csv", ROWS)
        self.ends = [ROWS - HORIZON - 37 * i for i in range(BATCH)]
        self.files = [self.cut(f"until_{end}.csv", end) for end in self.ends]

    def cut(self, name, rows):
        path = self.work / name
        path.write_text(dated(texts(self.times), {one: values[:rows] for one, values in COLUMNS.items()}))
        return path

    def made(self, *arguments, code=0):
        done = self.call(*arguments)
        self.that(done.returncode == code, f"exit code {done.returncode} of spat {' '.join(map(str, arguments))}: {done.stderr[:300]}")
        return done

    def models(self, model, options, masks):
        """The files of the trained model and of the masks, and the masks."""
        fields = set(re.findall(r"^(\w+)[ :]", self.made("models", model).stdout, re.M))
        given = {part.split("=")[0] for part in options}
        sizes = [part for field, size in SIZES.items() if field in fields and field not in given for part in ("--set", f"{field}={size}")]
        out = self.place()
        self.made("run", "--data", self.data, "--model", model, *sizes, *options, "--lookback", LOOKBACK, "--horizon", HORIZON,
                  *"--epochs 1 --quiet --latency-seconds 0 --window-stride 3 --out".split(), out,
                  *([] if masks == [""] else ["--drop", 0]))
        dense = out / "dense.safetensors"
        for mask in masks:
            if "0" not in mask:
                yield mask, dense
                continue
            out = self.place()
            self.made("prune", "--model", dense, "--data", self.data, "--keep", mask, *"--finetune-epochs 0 --quiet".split(),
                      *"--latency-seconds 0 --out".split(), out)
            yield mask, out / "pruned.safetensors"

    def forecasts(self, model, known):
        """The forecast of each window, as rows."""
        for file in self.files:
            more = ["--future", self.data] if known else []
            lines = self.made("forecast", "--model", model, "--data", file, *more).stdout.splitlines()
            yield [[float(cell) for cell in line.split(",")[1:]] for line in lines[1:]]

    def marks(self, first, count):
        """Hour, day of week, of month and of year, each from -0.5 to 0.5."""
        times = [self.times[0] + HOUR * (first + i) for i in range(count)]
        return [[at.hour / 23 - 0.5, at.weekday() / 6 - 0.5, (at.day - 1) / 30 - 0.5, (at.timetuple().tm_yday - 1) / 365 - 0.5]
                for at in times]

    def export(self, model, *options):
        """The ONNX file, which is the same the second time."""
        place = self.place()
        done = self.made("export", model, "--onnx", place / "a.onnx", *options)
        self.made("export", model, "--onnx", place / "b.onnx", "--quiet", *options)
        if not self.that((place / "a.onnx").exists(), "no ONNX file"):
            return None, ""
        self.that((place / "a.onnx").read_bytes() == (place / "b.onnx").read_bytes(), "another file the second time")
        return place / "a.onnx", done.stdout

    def take(self, name, model):
        """Exports a model's file in both units. Returns how many products of matrices the table has."""
        _, data, _ = header_of(model)
        columns, scaler = list(COLUMNS.values()), list(zip(data["mean"], data["deviation"]))
        if data["features"] == "S":
            columns, scaler = columns[-1:], scaler[-1:]
        known = data.get("known_covariates", False)  # all columns but the last have the rows a horizon later
        later = [HORIZON * known] * (len(columns) - 1) + [0]
        histories = [[[values[end - LOOKBACK + i + by] for values, by in zip(columns, later)] for i in range(LOOKBACK)]
                     for end in self.ends]
        right = list(self.forecasts(model, known))
        marks = {"history_marks": [self.marks(end - LOOKBACK, LOOKBACK) for end in self.ends],
                 "future_marks": [self.marks(end, HORIZON) for end in self.ends]}
        counts = set()
        for options in [], ["--scaled"]:
            self.name = " ".join([name, *options])
            path, table = self.export(model, *options)
            if path is None:
                return None
            of_targets = scaler[-len(right[0][0]):]
            turn = [lambda rows, scaler: rows, scaled][len(options)]
            self.exports.append(Export(self.name, path, [turn(one, scaler) for one in histories],
                                       [turn(one, of_targets) for one in right], marks))
            self.that(re.search(r"^output +forecast \[batch x 8 x \d\], in " + ("scaled units" if options else "the units"), table, re.M),
                      f"table: {table}")
            counts.add(int(re.search(r"MatMul (\d+)", table)[1]))
        self.that(len(counts) == 1, f"products {counts}")
        return counts.pop()

    def case(self, model, options, masks, products):
        dense = None
        further = dict((one + " 0").split()[:2] for one in masks if one)
        for mask, file in self.models(model, options, [one.split(" ")[0] for one in masks]):
            name = " ".join([model, *options, mask])
            self.name = name
            count = self.take(name, file)
            dense = count if dense is None else dense
            self.name = name
            fewer = int(further.get(mask, 0)) + sum(of for of, digit in zip(products, mask) if digit == "0")
            self.that(count == dense - fewer, f"{count} products, {dense} of the dense file minus {fewer}")
        self.models_to_verify.append((name, file))

    def jobs(self, folder, known):
        """A job for each file and batch. `known` are the inputs of each file."""
        folder.mkdir()
        for number, one in enumerate(self.exports):
            for batch in 1, BATCH:
                inputs = {}
                for name in known[str(one.path)]:
                    path, rows = folder / f"{number}.{batch}.{name}", one.inputs[name][:batch]
                    path.write_bytes(packed(rows))
                    inputs[name] = {"file": str(path), "shape": [batch, len(rows[0]), len(rows[0][0])]}
                yield one, batch, {"model": str(one.path), "inputs": inputs, "output": str(folder / f"{number}.{batch}")}

    def compare(self, what, command, known):
        """Runs all jobs by a program and compares. Returns what it printed, or none if it is not installed."""
        jobs = list(self.jobs(self.work / what, known))
        listed = self.work / f"{what}.json"
        listed.write_text(json.dumps([job for _, _, job in jobs]))
        done = subprocess.run([*command, listed], capture_output=True, text=True, timeout=600)
        if done.returncode == 3:
            return None
        self.name = what
        if not self.that(done.returncode == 0, f"{command[0]}: exit code {done.returncode}: {done.stderr[-600:]}"):
            return ""
        worst = 0.0
        for one, batch, job in jobs:
            content = pathlib.Path(job["output"]).read_bytes()
            found = struct.unpack(f"<{len(content) // 4}f", content)
            right = [value for window in one.right[:batch] for row in window for value in row]
            self.name = f"{one.name}, {what}, batch {batch}"
            if self.that(len(found) == len(right), f"{len(found)} numbers instead of {len(right)}"):
                off = max(abs(a - b) / one.ranges[i % one.columns] for i, (a, b) in enumerate(zip(found, right)))
                worst = max(worst, off)
                self.that(off <= 1e-5, f"{off:.1e} of the range away")
        print(f"{what}: {len(self.exports)} files at batch 1 and {BATCH}, at most {worst:.1e} of the range away")
        return done.stdout


def scaled(rows, scaler):
    return [[(value - mean) / deviation for value, (mean, deviation) in zip(row, scaler)] for row in rows]


def packed(windows):
    numbers = [value for rows in windows for row in rows for value in row]
    return struct.pack(f"<{len(numbers)}f", *numbers)


def has(python):
    try:
        return subprocess.run([python, "-c", "import numpy, onnx"], capture_output=True).returncode == 0
    except OSError:
        return False


def inputs_of(content):
    """The names of the inputs of an ONNX file's bytes: a model has its graph in field 7, a graph its inputs in field 11."""
    return [bytes(fields(one)[1][0]).decode() for one in fields(fields(content)[7][0])[11]]


def fields(content):
    """The fields of a message by number; varints are left out."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
            if byte < 128:
                return value

    while at < len(content):
        key = varint()
        size = varint()
        if key & 7 == 2:
            found.setdefault(key >> 3, []).append(content[at:at + size])
            at += size
    return found


def check_table(check, known):
    """What the onnx package read of each file."""
    for one in check.exports:
        found, check.name = known[str(one.path)], one.name
        check.that(found["opset"] == 13, f"opset {found['opset']}")
        metadata = found["metadata"]
        check.that({"spat.model", "spat.config", "spat.kept", "spat.data", "spat.version", "spat.units"} <= set(metadata),
                   f"metadata {sorted(metadata)}")
        check.that(metadata["spat.units"] == ("scaled" if "--scaled" in one.name else "series"), metadata["spat.units"])
        check.that(metadata["spat.model"] == one.name.split()[0], metadata["spat.model"])
        check.that(json.loads(metadata["spat.data"])["lookback"] == LOOKBACK, "spat.data")
        has_scaler = any(name.startswith("scaler.") for name in found["constants"])
        check.that(has_scaler == ("--scaled" not in one.name), f"constants {found['constants']}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        check = Onnx(os.path.abspath(sys.argv[1]), pathlib.Path(folder))
        for case in CASES:
            if case[0] in (sys.argv[2:] or case[0]):
                check.case(*case)
        if not sys.argv[2:]:
            check_words(check)
        known = {str(one.path): inputs_of(one.path.read_bytes()) for one in check.exports}
        python = next((one for one in (sys.executable, "python3", "/usr/bin/python3") if has(one)), None)
        if python is None:
            print("SKIPPED: no python3 with numpy and onnx: no file was checked or computed by them")
        else:
            said = check.compare("numpy", [python, HERE / "onnx_numpy.py"], known)
            lines = [json.loads(line) for line in said.splitlines()]
            check_table(check, {line["model"]: line for line in lines})
        if shutil.which("node") is None or check.compare("ONNX Runtime", ["node", HERE / "onnx_run.mjs"], known) is None:
            print("SKIPPED: no node with onnxruntime-node in NODE_PATH or node_modules: no file was run in ONNX Runtime")
        else:
            check_verified(check)
        sys.exit(check.failures != 0)


if __name__ == "__main__":
    main()
