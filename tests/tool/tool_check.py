"""Calls the tool on files, and compares what it makes of them with what is right."""
import json
import math
import pathlib
import re
import struct
import subprocess

from foreign_files import HORIZON, LOOKBACK

R = f"--model rlinear --lookback {LOOKBACK} --horizon {HORIZON} --epochs 1 --quiet --latency-seconds 0".split()
T = "--lookback 24 --horizon 8 --layers 2 --width 16 --ffn 16 --heads 2 --quiet --latency-seconds 0".split()
KINDS = []


def kind(function):
    KINDS.append(function)
    return function


class Count:
    """Counts what is wrong, under the name of what is being checked."""

    def __init__(self):
        self.failures, self.name = 0, ""

    def fail(self, what):
        print(f"FAIL {self.name}: {what}", flush=True)
        self.failures += 1

    def that(self, holds, what):
        if not holds:
            self.fail(what)
        return holds


class Check(Count):
    """Each check of a file has a folder of its own."""

    def __init__(self, spat, work):
        super().__init__()
        self.spat, self.work, self.number = spat, work, 0

    def place(self):
        self.number += 1
        place = self.work / f"{self.name} {self.number}"
        place.mkdir()
        return place

    def write(self, content, name="data.csv"):
        path = self.place() / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def call(self, *arguments):
        return subprocess.run([self.spat, *map(str, arguments)], capture_output=True, text=True, errors="replace", timeout=120)

    def said(self, done, said, what):
        """Standard error has these texts, each in a line of its own, and no other line."""
        lines = [line for line in done.stderr.splitlines() if line]
        for text in said:
            if self.that(any(text in line for line in lines), f"{what}: does not say \"{text}\": {done.stderr[:400]}"):
                lines.remove(next(line for line in lines if text in line))
        self.that(not lines, f"{what}: says {lines[:3]}")

    def refused(self, content, *expected, extra=(), name="data.csv", command=None):
        """The file, or the command, is refused in these words before anything is written."""
        path = content if isinstance(content, pathlib.Path) else self.write(content, name)
        out = self.place() / "out"
        done = self.call(*(command or ["run", "--data", path, *R]), *extra, "--out", out)
        what = f"refused {extra or ''}".strip()
        if self.that(done.returncode == 2, f"{what}: exit code {done.returncode}, {done.stderr[:300]}"):
            for text in expected:
                self.that(text in done.stderr, f"{what}: no \"{text}\" in {done.stderr[:300]!r}")
        self.that(not out.exists() or out.is_dir() and not any(out.iterdir()), f"{what}: wrote a file")
        self.that("MSE" not in done.stdout, f"{what}: printed results")
        return done.stderr

    def train(self, path, *extra, said=(), model=R):
        """Trains on a file. Returns the model's file, or none."""
        out = self.place() / "out"
        done = self.call("run", "--data", path, *model, *extra, "--out", out)
        if not self.that(done.returncode == 0, f"run: exit code {done.returncode}, {done.stderr[:300]}"):
            return None
        self.said(done, said, "run")
        self.that(not list(out.glob("*.part.*")), "run: left a part of a file")
        return out / "dense.safetensors"

    def read(self, content, columns, times, time="date", extra=(), said=(), later=None, there=None):
        """Trains on a file and forecasts it. `times` are those after its end, `there` the columns without filled cells.

        Returns the model's file.
        """
        path = content if isinstance(content, pathlib.Path) else self.write(content)
        model = self.train(path, *extra, said=said)
        if model is None:
            return None
        _, data, _ = header_of(model)
        self.that(data["columns"] == list(columns), f"columns {data['columns']} instead of {list(columns)}")
        rows = len(next(iter(columns.values())))
        self.that(data["rows"] == rows, f"{data['rows']} rows instead of {rows}")
        for name, values, mean, deviation in zip(columns, (there or columns).values(), data["mean"], data["deviation"]):
            right = scaler_of(values)
            self.that(near(mean, right[0], right[1]) and near(deviation, right[1], right[1]),
                      f"{name}: mean and deviation {mean}, {deviation} instead of {right}")
        self.forecast(model, path, columns, times, time, said=said if later is None else later)
        done = self.call("evaluate", "--model", model, "--data", path)
        self.that(done.returncode == 0 and re.search(r"^MSE +\d", done.stdout, re.M),
                  f"evaluate: exit code {done.returncode}, {done.stderr[:300]}")
        return model

    def forecast(self, model, path, columns, times, time="date", said=(), extra=()):
        """Forecasts a file and compares names, times and numbers."""
        done = self.call("forecast", "--model", model, "--data", path, *extra)
        if not self.that(done.returncode == 0, f"forecast: exit code {done.returncode}, {done.stderr[:300]}"):
            return
        self.said(done, said, "forecast")
        rows = [line.split(",") for line in done.stdout.splitlines()]
        self.that(rows[0] == [time, *columns], f"forecast: header {rows[0]}")
        found = [row[0] for row in rows[1:]]
        self.that(found == list(times[-HORIZON:]), f"forecast: times {found} instead of {list(times[-HORIZON:])}")
        right, loose = rlinear(model, columns)
        for i, row in enumerate(rows[1:]):
            for j, cell in enumerate(row[1:]):
                if not near(float(cell), right[j][i], loose[j], 1e-5):
                    return self.fail(f"forecast: row {i + 1}, column {rows[0][j + 1]}: {cell} instead of {right[j][i]}")
                if digits(cell) > digits(repr(float(cell))):
                    return self.fail(f"forecast: {cell} has more digits than it needs")


def digits(text):
    return len(re.sub(r"[eE].*|\D", "", text).strip("0"))


def near(found, right, size, tolerance=1e-9):
    return abs(found - right) <= tolerance * size + 1e-12 * abs(right)


def scaler_of(values, share=0.7):
    """Mean and deviation of the training part, 70 % of the rows, over the cells that are there."""
    part = [one for one in values[:int(share * len(values))] if one is not None]
    unit = max(map(abs, part))
    mean = math.fsum(one / unit for one in part) / len(part)
    return mean * unit, unit * math.sqrt(math.fsum((one / unit - mean) ** 2 for one in part) / len(part))


def header_of(model):
    """Tensors by name, the data description, and the bytes after the header of a model's file."""
    content = model.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    metadata = header.pop("__metadata__")
    return header, json.loads(metadata["spat.data"]), content[8 + size:]


def rlinear(model, columns, scalers=()):
    """RLinear from its file: y = W (x - m) / s + b, times s, plus m, with m and s of each window in scaled units.

    Mean and deviation of a column are those of the file, or of `scalers`. Returns per column the forecast, and the size of an
    error that is none.
    """
    tensors, data, content = header_of(model)
    scalers = {**dict(zip(data["columns"], zip(data["mean"], data["deviation"]))), **dict(scalers)}
    numbers = {name: struct.unpack(f"<{(end - begin) // 4}f", content[begin:end])
               for name, (begin, end) in ((name, one["data_offsets"]) for name, one in tensors.items())}
    weight, bias, results, sizes = numbers["Linear.weight"], numbers["Linear.bias"], [], []
    for name, values in columns.items():
        mean, deviation = scalers[name]
        scaled = [(one - mean) / deviation for one in values[-LOOKBACK:]]
        middle = math.fsum(scaled) / LOOKBACK
        spread = math.sqrt(math.fsum((one - middle) ** 2 for one in scaled) / LOOKBACK + 1e-5)
        results.append([(math.fsum(weight[i * LOOKBACK + k] * (scaled[k] - middle) / spread for k in range(LOOKBACK)) + bias[i])
                        * spread * deviation + middle * deviation + mean for i in range(HORIZON)])
        sizes.append(deviation * (1 + abs(middle)))
    return results, sizes


def notes_of(check, path, needed=()):
    """The notes of a file, which are free to say more than a test knows; all must name the file, and one each needed text."""
    done = check.call("run", "--data", path, *R, "--out", check.place() / "out")
    lines = [line for line in done.stderr.splitlines() if line]
    for line in lines:
        check.that(line.startswith(f"{path}: "), f"a note or warning that is none of the file's form: {line}")
    for text in needed:
        check.that(any(text in line for line in lines), f"no note has \"{text}\": {lines}")
    return lines
