#!/usr/bin/env python3
"""Compares the errors that `spat evaluate` prints with those of forecasts of files that end before each test window.

  round_trip.py SPAT [MODEL...]

For every model, with and without time marks, of all columns and of the last one, and for twelve kinds of file: a model is
trained on one file and meets it again, and another file of the kind, of other rows and another level, with its columns in
another order and a column of text. The files are cut off before each test window. The forecasts, scaled by mean and deviation
of the training rows, have the mean squared and absolute errors of `evaluate`, within 1e-5 and half a printed digit. The times
of a forecast are those of the rows that were cut off.
"""
import collections
import datetime
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from foreign_files import DAY, HOUR, dated, months, steps, table, texts, wave
from tool_check import scaler_of

LOOKBACK, HORIZON, STRIDE = 12, 4, 11
ROWS, OTHER_ROWS = 243, 261
SIZES = {"width": 8, "ffn_width": 8, "heads": 2, "depth": 1, "patch": 4, "stride": 2, "segment": 4, "label": 6, "state": 4,
         "kernel": 5, "routers": 2}
NEEDS_MARKS = {"transformer"}
UNSCORED = {"dlinear", "rlinear", "tsmixer", "smamba"}
DAYS_OF_BUSINESS = [day for day in steps(datetime.date(2019, 1, 1), DAY, 900) if day.weekday() < 5]

# A kind: its name, the name of its times, a function from their number and a shift to the times, and how the file is written.
Kind = collections.namedtuple("Kind", "name time times form", defaults=[{}])


def hourly(form):
    return lambda count, shift: texts(steps(datetime.datetime(2022, 2, 25, 5) + shift * HOUR, HOUR, count), form)


def monthly(step, day, form="%Y-%m-%d"):
    return lambda count, shift: texts(months(1700 + shift, 12, step, count, day), form)


KINDS = [
    Kind("comma", "date", hourly("%Y-%m-%d %H:%M:%S")),
    Kind("semicolon, decimal comma", "Datum", hourly("%Y-%m-%d %H:%M"),
         {"separator": ";", "write": lambda value: str(value).replace(".", ",")}),
    Kind("month starts", "date", monthly(1, 1)),
    Kind("month ends", "date", monthly(1, None)),
    Kind("quarters", "date", monthly(3, 1)),
    Kind("years", "date", monthly(12, 1)),
    Kind("business days", "date", lambda count, shift: texts(DAYS_OF_BUSINESS[shift:shift + count], "%Y-%m-%d")),
    Kind("epoch seconds", "ts", lambda count, shift: [str(1672531200 + 900 * (i + shift)) for i in range(count)]),
    Kind("ISO with offset", "date", hourly("%Y-%m-%dT%H:%M:%S+02:00")),
    Kind("day first", "date", lambda count, shift: texts(steps(datetime.date(2020, 2, 11) + shift * DAY, DAY, count),
                                                         "%d/%m/%Y")),
    Kind("index", "index", lambda count, shift: [str(10 * (i + shift)) for i in range(count)]),
    Kind("no times", None, None),
]


class File:
    """A file of a kind, with the files that end before its test windows."""

    def __init__(self, kind, folder, columns, order, shift, text_at=None):
        self.columns, self.rows = columns, len(next(iter(columns.values())))
        self.times = kind.times(self.rows, shift) if kind.times else None
        self.begin = self.rows - int(0.2 * self.rows)
        self.starts = list(range(self.begin, self.rows - HORIZON + 1, STRIDE))
        self.kind, self.order, self.text_at = kind, order, text_at
        self.whole = self.write(folder / "whole.csv", self.rows)
        self.cut = [self.write(folder / f"until_{start}.csv", start) for start in self.starts]

    def write(self, path, rows):
        items = [(name, self.columns[name][:rows]) for name in self.order]
        if self.text_at is not None:
            items.insert(self.text_at, ("site", ["North"] * rows))
        content = dated(self.times, dict(items), self.kind.time, **self.kind.form) if self.times else table(dict(items),
                                                                                                            **self.kind.form)
        path.write_text(content)
        return path


class Trip:
    def __init__(self, spat, work):
        self.spat, self.work, self.failures, self.trips, self.name = spat, work, 0, 0, ""

    def fail(self, what):
        print(f"FAIL {self.name}: {what}", flush=True)
        self.failures += 1

    def call(self, *arguments, code=0):
        done = subprocess.run([self.spat, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        if done.returncode != code:
            self.fail(f"exit code {done.returncode} of spat {' '.join(map(str, arguments))}: {done.stderr[:300]}")
            return None
        return done

    def train(self, model, marks, features, fields, file, code=0):
        """Trains a model. Returns its file and standard error."""
        sizes = [part for field, size in SIZES.items() if field in fields for part in ("--set", f"{field}={size}")]
        done = self.call("run", "--data", file.whole, "--model", model, *sizes, "--marks", marks, "--features", features,
                         *f"--lookback {LOOKBACK} --horizon {HORIZON} --epochs 1 --window-stride 4".split(),
                         *([] if model in UNSCORED else ["--drop", 0]),
                         *"--quiet --latency-seconds 0 --out".split(), self.work / "out", code=code)
        return done and (self.work / "out" / "dense.safetensors", done.stderr)

    def forecast(self, model, file, names, start, path):
        """The forecast from a row on: by column the values. Its times must be those of the file."""
        done = self.call("forecast", "--model", model, "--data", path)
        if not done:
            return None
        rows = [line.split(",") for line in done.stdout.splitlines()]
        right = file.times[start:start + HORIZON] if file.times else [str(1 + i) for i in range(HORIZON)]
        if [row[0] for row in rows] != [file.kind.time or "step", *right]:
            self.fail(f"{path.name}: times {[row[0] for row in rows]} instead of {right}")
        if sorted(rows[0][1:]) != sorted(names):
            self.fail(f"{path.name}: columns {rows[0]}")
            return None
        return {name: [float(row[1 + j]) for row in rows[1:]] for j, name in enumerate(rows[0][1:])}

    def compare(self, model, file, scaler, what):
        """The errors of `evaluate` and those of the forecasts."""
        printed = self.call("evaluate", "--model", model, "--data", file.whole, "--test-stride", STRIDE)
        forecasts = [self.forecast(model, file, scaler, start, path) for start, path in zip(file.starts, file.cut)]
        if not printed or None in forecasts:
            return
        errors = [(value - file.columns[name][start + i]) / scaler[name][1] for start, each in zip(file.starts, forecasts)
                  for name, values in each.items() for i, value in enumerate(values)]
        windows = re.search(r"^test windows +(\d+)$", printed.stdout, re.M)
        if not windows or int(windows[1]) != len(file.starts):
            self.fail(f"{what}: {windows and windows[1]} test windows instead of {len(file.starts)}")
        for label, right in ("MSE", sum(e * e for e in errors) / len(errors)), ("MAE", sum(map(abs, errors)) / len(errors)):
            found = float(re.search(rf"^{label} +(\S+)$", printed.stdout, re.M)[1])
            if not abs(found - right) <= 1e-5 * right + 0.5e-6:
                self.fail(f"{what}: evaluate has {label} {found}, the forecasts have {right:.7f}")
            if right < 0.1:
                self.fail(f"{what}: {label} {right} is too small to compare it by printed digits")
        self.trips += 1


def files_of(folder):
    """For each kind a file and another one, of values that no model forecasts well."""
    same = {"load": wave(ROWS, 10.0, 3.0), "rain": wave(ROWS, 0.1, 0.09), "temp": wave(ROWS, -40.0, 900.0)}
    other = {"load": wave(OTHER_ROWS, 22.0, 6.0), "rain": wave(OTHER_ROWS, 0.3, 0.2), "temp": wave(OTHER_ROWS, 800.0, 500.0)}
    for columns in same, other:
        for j, values in enumerate(columns.values()):
            values[:] = [round(value * (1 + (i * i * 31 + j * 17) % 53 / 60), 4) for i, value in enumerate(values)]
    for kind in KINDS:
        places = [folder / f"{kind.name} {i}" for i in range(2)]
        for place in places:
            place.mkdir()
        yield (File(kind, places[0], same, ["load", "rain", "temp"], 0),
               File(kind, places[1], other, ["temp", "load", "rain"], 37, text_at=1))


def main():
    with tempfile.TemporaryDirectory() as folder:
        trip = Trip(os.path.abspath(sys.argv[1]), pathlib.Path(folder))
        pairs, models = list(files_of(trip.work)), re.findall(r"^(\w+) +[\d,]+ +[\d,]+ ", trip.call("models").stdout, re.M)
        if len(models) < 10:
            trip.fail(f"spat models lists {models}")
        for model in sys.argv[2:] or models:
            fields = set(re.findall(r"^(\w+)[ :]", trip.call("models", model).stdout, re.M))
            for marks, features, (same, other) in itertools.product(["h", "none"], ["M", "S", "MS"], pairs):
                if features == "MS" and "targets" not in fields:
                    continue
                trip.name = f"{model}, marks {marks}, features {features}, {same.kind.name}"
                dates = same.times and same.kind.time != "index"
                if marks == "h" and (not dates or "marks" not in fields) or marks == "none" and model in NEEDS_MARKS:
                    done = trip.train(model, marks, features, fields, same, code=2)
                    if done and "marks" not in done[1]:
                        trip.fail(f"refused in these words: {done[1]}")
                    continue
                done = trip.train(model, marks, features, fields, same)
                if done:
                    scaler = {name: scaler_of(values) for name, values in same.columns.items() if features == "M"
                              or name == "temp"}
                    trip.compare(done[0], same, scaler, "its own file")
                    trip.compare(done[0], other, scaler, "another file")
        if not trip.failures:
            print(f"round trip: {trip.trips} errors of evaluate are those of the forecasts")
        sys.exit(trip.failures != 0)


if __name__ == "__main__":
    main()
