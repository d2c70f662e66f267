#!/usr/bin/env python3
"""The reader of CSV files beside the C reader of pandas: megabytes of the file a second, and peak memory.

Makes a file of dates a minute apart and 20 columns of numbers of several lengths in a temporary folder. Then bench_read_csv
and pandas.read_csv(engine="c", parse_dates=[0]) read it in turn, each time in a new process. A figure is the median of all
repeats. Neither the start of a process nor an import counts. pandas rounds its numbers less exactly than spat. The Python
of pandas is the system's, or what PYTHON names. Without pandas, spat is measured alone.

Fails if the peak memory of spat is above 2.5 times the size of the numbers (rows x columns x 8 bytes). Below 20 megabytes
that says nothing, because the program itself counts.
"""
import argparse
import datetime
import json
import math
import os
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST = 2.5  # times the numbers
COLUMNS = 20
CYCLE = 10_000  # rows, after which the numbers repeat; the dates go on
PANDAS = """
import json, sys, time, pandas
start = time.perf_counter()
table = pandas.read_csv(sys.argv[1], engine="c", parse_dates=[0])
seconds = time.perf_counter() - start
assert table.dtypes.iloc[0].kind == "M" and all(kind.kind in "fi" for kind in table.dtypes.iloc[1:])
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"rows": len(table), "columns": table.shape[1] - 1, "seconds": seconds, "peak_mb": int(peak) * 1024 / 1e6}))
"""


def number(column, row, noise):
    """A number as sensors write it: whole, with one to three decimals, or a float with all its digits."""
    value = 10 * (column + 1) * math.sin(2 * math.pi * row / 1440 + column) + column * noise.gauss(5, 2)
    if column % 5 == 4:
        return repr(struct.unpack("f", struct.pack("f", value))[0])
    return f"{value:.{column % 5}f}"


def write(path, size):
    """Writes whole rows until the file has at least `size` bytes."""
    noise = random.Random(1)
    numbers = [",".join(number(c, row, noise) for c in range(COLUMNS)) for row in range(CYCLE)]
    with open(path, "w", newline="") as file:
        written = file.write("date," + ",".join(f"c{c}" for c in range(COLUMNS)) + "\n")
        time = datetime.datetime(2000, 1, 1)
        while written < size:
            rows = []
            for one in numbers:
                rows.append(f"{time},{one}\n")
                time += datetime.timedelta(minutes=1)
                written += len(rows[-1])
                if written >= size:
                    break
            file.writelines(rows)


def run(command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"read_csv.py: {command[0]} failed with code {done.returncode}")
    return json.loads(done.stdout)


def has_pandas(python):
    try:
        return subprocess.run([python, "-c", "import pandas"], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def medians(name, runs, megabytes):
    """The median speed and the median peak, which it prints as well."""
    seconds = statistics.median(one["seconds"] for one in runs)
    peak = statistics.median(one["peak_mb"] for one in runs)
    spread = f"{min(one['seconds'] for one in runs):.2f} to {max(one['seconds'] for one in runs):.2f} s"
    print(f"{name:7} {megabytes / seconds:7.1f} MB/s ({seconds:.2f} s, {spread}), peak {peak:.0f} MB")
    return megabytes / seconds, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/release/benchmarks/bench_read_csv", type=pathlib.Path,
                        help="bench_read_csv [build/release/benchmarks/bench_read_csv]")
    parser.add_argument("--megabytes", default=1000, type=int, help="of the file, 10^6 bytes each [1000]")
    parser.add_argument("--repeats", default=3, type=int, help="[3]")
    a = parser.parse_args()
    if a.megabytes < 1 or a.repeats < 1:
        parser.error("--megabytes and --repeats are at least 1")
    python = os.environ.get("PYTHON", "/usr/bin/python3")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.csv"
        write(path, a.megabytes * 10**6)
        megabytes = path.stat().st_size / 1e6
        with_pandas = has_pandas(python)
        spat, pandas = [], []
        for _ in range(a.repeats):
            spat.append(run([a.program, path]))
            if with_pandas:
                pandas.append(run([python, "-c", PANDAS, path]))
    numbers, shape = spat[0]["numbers_mb"], (spat[0]["rows"], spat[0]["columns"])
    print(f"{megabytes:.0f} MB, {shape[0]} rows, {shape[1]} columns: {numbers:.0f} MB of numbers; {a.repeats} repeats")
    speed, peak = medians("spat", spat, megabytes)
    if with_pandas:
        if any((one["rows"], one["columns"]) != shape for one in pandas):
            sys.exit(f"read_csv.py: spat found {shape} rows and columns, pandas {pandas[0]['rows'], pandas[0]['columns']}")
        other, other_peak = medians("pandas", pandas, megabytes)
        print(f"spat reads {speed / other:.2f} times as fast, with {peak / other_peak:.2f} times the peak memory")
    else:
        print(f"PANDAS IS MISSING ({python}): spat was measured alone. Debian: apt-get install python3-pandas")
    print(f"peak memory of spat: {peak / numbers:.2f} times the numbers, at most {MOST} allowed")
    return 0 if peak <= MOST * numbers else 1


if __name__ == "__main__":
    sys.exit(main())
