"""The Markdown that compare.py writes."""
import datetime
import os
import pathlib
import re
import shlex
import statistics
import sys

PEERS = {"eager": "torch eager", "jit": "torch jit", "ort": "ort", "ort-mha": "ort-mha"}
GOAL = 1.5


def cell(ms):
    return "-" if ms is None else f"{ms:.0f}" if ms >= 999.5 else f"{ms:#.3g}".rstrip(".")


def ratio(value):
    return "-" if value is None else f"{value:.2f}"


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def place(row):
    return [row["config"], row["batch"], row["threads"]]


PLACE = ["config", "batch", "threads"]


def label(setting):
    return f"{setting['config']} batch {setting['batch']}, {setting['threads']} thread(s), {setting['task']}"


def times(rows):
    columns = PLACE + ["task", "model", "spat ms", *(f"{name} ms" for name in PEERS.values()),
                       "best peer / spat", "best peer / roofline"]
    return table(columns, [place(row) + [row["task"], row["model"], cell(row["spat"])]
                           + [cell(row.get(who)) + row["mark"] * (who == "eager" or who == "jit") * (who in row)
                              for who in PEERS]
                           + [ratio(row["gain"]), ratio(row["most"])] for row in rows])


def summary(rows):
    """Empty without peers."""
    compared = [row for row in rows if row["gain"]]
    if not compared:
        return ""
    lines = []
    for task in dict.fromkeys(row["task"] for row in compared):
        gains, most = ([row[key] for row in compared if row["task"] == task] for key in ("gain", "most"))
        lines.append((task, len(gains), ratio(statistics.geometric_mean(gains)), ratio(min(gains)),
                      ratio(statistics.geometric_mean(most)), ratio(min(most))))
    text = "\n" + table(["task", "rows", "best peer / spat: geometric mean", "least",
                         "best peer / roofline: geometric mean", "least"], lines)
    low = [f"- {label(row)}, {row['model']}: {row['gain']:.2f} of {row['most']:.2f} that the roofline allows"
           for row in sorted(compared, key=lambda row: row["gain"]) if row["gain"] < GOAL]
    return text + f"\nRows below {GOAL}: {len(low)} of {len(compared)}\n\n" + "".join(line + "\n" for line in low)


def costs(rows):
    if not rows:
        return ""
    return "\n## What computing SEND costs: a training step, dense\n\n" + table(
        PLACE + ["step ms", "with SEND ms", "scored / unscored - 1"],
        [place(row) + [cell(row["spat"]), cell(row["scored"]), f"{100 * (row['scored'] / row['spat'] - 1):+.1f} %"]
         for row in rows])


def masks(rows):
    """A 1 is a module that is kept, module 0 first."""
    if not rows:
        return ""
    text = "\n## Does pruning pay: time and MACs of a forecast beside the dense model's\n\n" + table(
        PLACE + ["kept", "ms", "time / dense", "MACs / dense", "time ratio / MAC ratio"],
        [place(row) + [row["mask"], cell(row["ms"]), f"{row['time']:.3f}", f"{row['macs']:.3f}",
                       f"{row['time'] / row['macs']:.3f}"] for row in rows])
    means = {}
    for row in rows:
        if "0" in row["mask"]:
            means.setdefault(tuple(place(row)), []).append(row["time"] / row["macs"])
    return text + "\n" + table(PLACE + ["mean of time ratio / MAC ratio, dense left out"],
                               [[*key, f"{statistics.mean(values):.3f}"] for key, values in means.items()])


def memory(rows):
    if not rows:
        return ""
    def line(row, what, key):
        ours, default, tuned = (row[who][key] if who in row else None for who in ("spat", "default", "tuned"))
        least = min((mib for mib in (default, tuned) if mib), default=None)
        return place(row) + [what, cell(ours), cell(default), cell(tuned), ratio(least / ours if least else None)]
    return "\n## Peak memory of three training steps, dense, MiB\n\n" + table(
        PLACE + ["of", "spat", "torch", "torch, malloc tuned", "least torch / spat"],
        [line(row, what, key) for row in rows
         for what, key in (("the process", "peak"), ("the steps: less what it had before the model", "own"))])


def read(path, pattern, otherwise="unknown"):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.M)
    except OSError:
        found = None
    return found.group(1).strip() if found else otherwise


def flags(program):
    """What CMake compiled bench_times with, from the cache of its build folder."""
    for folder in program.resolve().parents:
        cache = folder / "CMakeCache.txt"
        if cache.exists():
            kind = read(cache, r"^CMAKE_BUILD_TYPE:\w+=(.*)$", "")
            words = [read(cache, r"^CMAKE_CXX_FLAGS:\w+=(.*)$", ""),
                     read(cache, rf"^CMAKE_CXX_FLAGS_{kind.upper()}:\w+=(.*)$", "") if kind else "",
                     "-march=native" if read(cache, r"^SPAT_NATIVE:\w+=(.*)$", "OFF") == "ON" else ""]
            return " ".join(filter(None, words)) or "none", read(cache, r"^CMAKE_CXX_COMPILER:\w+=.*?([^/\n]+)$")
    return "unknown", "compiler"


def header(spat, a, load, peers, result):
    notes, cores = set(result.notes), len(os.sched_getaffinity(0))
    words, compiler = flags(a.program)
    lines = ["# spat beside its peers", "",
             f"- Command: `{shlex.join(['benchmarks/compare.sh', *sys.argv[1:]])}`",
             f"- Date: {datetime.datetime.now():%Y-%m-%d %H:%M}",
             f"- Processor: {read('/proc/cpuinfo', r'^model name.*?: (.*)$')}, {cores} cores for us; "
             f"load average {load:.2f} before the first slice",
             f"- spat: {compiler} {spat.about['compiler']}, {words}; vectors of {spat.about['vector_bits']} bits"]
    if "torch" in peers:
        lines.append(f"- PyTorch: {peers['torch']['torch']} over {peers['torch']['blas']}; malloc keeps its memory in "
                     "settings marked *")
        if not peers["torch"]["fair_blas"]:
            notes.add("**This BLAS is not fair to PyTorch**, the ratios are not worth quoting: install an optimized one "
                      "(Debian: libopenblas0-openmp)")
    if "ort" in peers:
        lines.append(f"- ONNX Runtime: {peers['ort']['onnxruntime']} from Node {peers['ort']['node']}, whose empty call of "
                     f"{peers['ort']['call_us']:.0f} us is part of its times; ort-mha: with its own attention node")
    if result.peaks:
        lines += [f"- Rounds: {a.rounds}, slices of {a.seconds:g} s in turn; medians over the calls of all slices",
                  "- Roofline: all multiply-adds of the products (three times as many in a training step) at the FMA peak: "
                  + "; ".join(f"{threads} thread(s) {max(peaks):.0f} GFLOP/s, around the slices {min(peaks):.0f} to "
                              f"{max(peaks):.0f}" for threads, peaks in result.peaks.items())
                  + f"; {result.again} slices were taken again, because it was a tenth lower around them"]
    if result.worst and a.rounds > 1:
        lines.append("- Medians of the slices of one number lie apart by up to "
                     + ", ".join(f"{100 * apart:.0f} % ({who})" for who, apart in result.worst.items()))
    if load > 0.5:
        notes.add(f"The machine was not idle (load average {load:.2f} before the first slice)")
    if max(a.threads) > cores:
        notes.add(f"More threads than cores: {max(a.threads)}")
    return "\n".join(lines + [f"- Note: {note}" for note in sorted(notes)]) + "\n"


def markdown(spat, a, load, peers, result):
    text = header(spat, a, load, peers, result)
    if result.rows:
        text += "\n" + times(result.rows) + summary(result.rows)
    return text + costs(result.costs) + masks(result.masks) + memory(result.memory)
