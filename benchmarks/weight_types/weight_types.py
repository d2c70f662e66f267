#!/usr/bin/env python3
"""What weights of 16 and 8 bits cost: the errors of forecasts and the sizes of files, of every model on two series.

    benchmarks/weight_types/weight_types.py build/release/spat --results runs/weight_types.jsonl --out docs/weight_types.md

trains each model, writes it with each type of weights, and evaluates all on the test part. The series are in --data, by default
in the folder that SPAT_DATA names, or in ../shared/data. Results are added to --results as they come, so that an interrupted
run goes on where it was. Seeds are fixed: the figures depend on the instruction set, not on the machine's speed.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = ["f32", "bf16", "f16", "int8"]
SIZES = {"depth": 2, "width": 64, "ffn_width": 64, "heads": 4, "segment": 24}
TRAINING = "--lookback 96 --horizon 96 --epochs 2 --rate 1e-3 --seed 1 --threads 1 --latency-seconds 0".split()
SERIES = {"ETTh1": ["--protocol", "ett-hourly", "--window-stride", "8", "--test-stride", "4"],
          "weather": ["--window-stride", "48", "--test-stride", "24"]}
# The slowest training comes last.
MODELS = ["rlinear", "dlinear", "tsmixer", "itransformer", "timexer", "smamba", "patchtst_official", "patchtst", "transformer",
          "crossformer"]
WITHOUT_MODULES, UNSCORED = {"dlinear", "rlinear", "tsmixer"}, {"smamba"}


def call(*command):
    """The output of a command; ends the program with its errors if it fails."""
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def options(o, series, model):
    """The options that train a model."""
    fields = set(re.findall(r"^(\w+)[ :]", call(o.spat, "models", model), re.M))
    sizes = [part for field, size in SIZES.items() if field in fields for part in ("--set", f"{field}={size}")]
    kept = [] if model in WITHOUT_MODULES else ["--keep", "11"] if model in UNSCORED else ["--drop", "0"]
    return ["--model", model, *sizes, *SERIES[series], *TRAINING, *kept]


def measured(o, series, model):
    """Trains a model, and has the errors and the sizes of each type."""
    data = o.data / f"{series}.csv"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        call(o.spat, "run", "--data", data, *options(o, series, model), "--quiet", "--out", folder)
        found = {"series": series, "model": model}
        for kind in TYPES:
            file = folder / f"{kind}.safetensors"
            printed = call(o.spat, "export", folder / "dense.safetensors", "--weights", kind, "--out", file)
            errors = call(o.spat, "evaluate", "--model", file, "--data", data, *SERIES[series][-2:], "--quiet")
            rows = {row[0]: int(row[1]) for row in re.findall(r"^(\w+) +\d+ +(\d+)$", printed, re.M)}
            found[kind] = {"mse": float(re.search(r"^MSE +(\S+)$", errors, re.M)[1]), "bytes": rows["file"],
                           "weights": rows["file"] - rows["header"]}
            if kind == "f32":
                found["parameters"] = int(re.search(r"^parameters +(\d+)$", call(o.spat, "inspect", file), re.M)[1])
        return found


def changes(row):
    return [100 * (row[kind]["mse"] / row["f32"]["mse"] - 1) for kind in TYPES[1:]]


def paragraph(text):
    return textwrap.fill(text, 100)


def page(o, rows):
    known = pathlib.Path("/proc/cpuinfo").read_text()
    cpu = re.search(r"^model name\s*: (.*)$", known, re.M)[1] + "".join(
        f", {flag.upper()}" for flag in ("avx2", "fma", "avx512f") if re.search(rf"^flags.* {flag}\b", known, re.M))
    text = ["# Weights of 16 and 8 bits", "",
            paragraph(f"The error of every model on the test part of two series, with weights of each type; "
                      f"{datetime.date.today()}, {cpu}, one thread. A change is that of the mean squared error. Sizes are KiB of "
                      "numbers without the header; the tables that every model computes for itself, which are in files of f32 "
                      "alone, are not counted. How numbers are rounded: [export.md](export.md)."), "",
            "| series | model | MSE f32 | bf16 | f16 | int8 | f32 KiB | bf16 | f16 | int8 |",
            "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        sizes = [4 * row["parameters"], *(row[kind]["weights"] for kind in TYPES[1:])]
        text.append(f"| {row['series']} | {row['model']} | {row['f32']['mse']:.6f} | "
                    + " | ".join(f"{change:+.4f} %" for change in changes(row)) + " | "
                    + " | ".join(f"{size / 1024:.1f}" for size in sizes) + " |")
    most = [max(abs(changes(row)[i]) for row in rows) for i in range(3)]
    large = [f"{row['series']} {row['model']} {change:+.3f} % ({kind})" for row in rows
             for kind, change in zip(TYPES[1:], changes(row)) if abs(change) > 0.1]
    fell = sum(change < 0 for row in rows for change in changes(row))
    text += ["", paragraph(f"The largest change of the error is {most[0]:.3f} % of bf16, {most[1]:.3f} % of f16 and "
                           f"{most[2]:.3f} % of int8. {fell} of {3 * len(rows)} errors fell. Beyond 0.1 %: "
                           f"{', '.join(large) or 'none'}."), "", "Made by", "",
             "    benchmarks/weight_types/weight_types.py build/release/spat --out docs/weight_types.md", "",
             "which trains, writes and evaluates each model as here the iTransformer:", ""]
    for series in SERIES:
        line = f"spat run --data {series}.csv {' '.join(options(o, series, 'itransformer'))}"
        text += ["    " + part + " \\" * (part is not parts[-1]) for parts in [wrapped(line)] for part in parts]
    text += ["    spat export dense.safetensors --weights int8 --out int8.safetensors",
             f"    spat evaluate --model int8.safetensors --data ETTh1.csv {' '.join(SERIES['ETTh1'][-2:])}", "",
             paragraph("The models are small and trained for two epochs of few windows: their errors are no benchmark of them.")]
    return "\n".join(text) + "\n"


def wrapped(line, most=92):
    """The options of a command in lines of at most so many characters."""
    lines = [""]
    for word in re.split(r" (?=--)", line):
        if len(lines[-1]) + len(word) > most:
            lines.append(" ")
        lines[-1] += (" " if lines[-1].strip() else "") + word if lines[-1] != " " else " " + word
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spat", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("SPAT_DATA", ROOT.parent / "shared" / "data")))
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "runs" / "weight_types.jsonl")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--only-page", action="store_true", help="measure nothing, make the page of the results there are")
    o = parser.parse_args()
    o.spat = o.spat.resolve()
    o.results.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in o.results.read_text().splitlines()] if o.results.exists() else []
    models = re.findall(r"^(\w+) +[\d,]+ +[\d,]+ ", call(o.spat, "models"), re.M)
    if set(models) != set(MODELS):
        sys.exit(f"the tool has {models}, and not {MODELS}")
    for model in MODELS:
        for series in SERIES:
            if o.only_page or any(row["series"] == series and row["model"] == model for row in rows):
                continue
            rows.append(measured(o, series, model))
            with o.results.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            print(series, model, *(f"{change:+.4f} %" for change in changes(rows[-1])), flush=True)
    order = [(series, model) for series in SERIES for model in models]
    rows.sort(key=lambda row: order.index((row["series"], row["model"])))
    if o.out and rows:
        o.out.write_text(page(o, rows))


if __name__ == "__main__":
    main()
