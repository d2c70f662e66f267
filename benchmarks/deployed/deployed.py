#!/usr/bin/env python3
"""What a saved model says of itself, against what comes: the coverage of its intervals on test data, and its backtests.

    benchmarks/deployed/deployed.py --spat build/release/spat --data FOLDER --out docs/deployed.md

trains small models on ETTh1, exchange_rate and national_illness and compares nominal with measured coverage, then backtests a
TimeXer with and without known covariates on NP and a PatchTST on national_illness. Models are in --work and are not trained
again; the page is made anew. Seeds are fixed: the figures do not depend on the machine's speed, only on its instruction set.
"""
import argparse
import csv
import datetime
import math
import pathlib
import platform
import subprocess
import sys

TRAINING = ["--epochs", "10", "--patience", "3", "--rate", "1e-3", "--latency-seconds", "0", "--quiet", "--finetune-epochs", "1"]
ITRANSFORMER = ["--model", "itransformer", "--layers", "2", "--width", "128", "--ffn", "128", "--heads", "8"]
PATCHTST = ["--model", "patchtst", "--layers", "2", "--width", "64", "--ffn", "128", "--heads", "4"]
TIMEXER = ["--model", "timexer", "--features", "MS", "--lookback", "168", "--horizon", "24", "--set", "patch=24", "--layers", "1",
           "--width", "128", "--ffn", "256", "--heads", "8", "--window-stride", "2"]
COVERED = [("ETTh1", ["--protocol", "ett-hourly", "--lookback", "96", "--horizon", "96", *ITRANSFORMER]),
           ("ETTh1", ["--protocol", "ett-hourly", "--lookback", "96", "--horizon", "24", *ITRANSFORMER]),
           ("exchange_rate", ["--lookback", "96", "--horizon", "96", *ITRANSFORMER]),
           ("exchange_rate", ["--lookback", "96", "--horizon", "24", *ITRANSFORMER]),
           ("national_illness", ["--lookback", "36", "--horizon", "24", "--set", "patch=6", "--set", "stride=2", *PATCHTST]),
           ("national_illness", ["--lookback", "36", "--horizon", "4", "--set", "patch=6", "--set", "stride=2", *PATCHTST])]
BACKTESTS = [("NP", TIMEXER, "TimeXer, history of the covariates"),
             ("NP", [*TIMEXER, "--known-covariates"], "TimeXer, known covariates"),
             ("national_illness", ["--lookback", "36", "--horizon", "24", "--set", "patch=6", "--set", "stride=2", *PATCHTST],
              "PatchTST, 24 weeks"),
             ("national_illness", ["--lookback", "36", "--horizon", "4", "--set", "patch=6", "--set", "stride=2", *PATCHTST],
              "PatchTST, 4 weeks")]


def call(*command):
    """The output of a command; ends the program with its errors if it fails."""
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def shown(name, options):
    """The command that trains a model, for readers."""
    return f"spat run --data {name}.csv {' '.join(options)} {' '.join(TRAINING)}"


def trained(o, name, options):
    """The folder of a trained and pruned model."""
    folder = o.work / "_".join([name, *options]).replace("-", "").replace("=", "")
    if not (folder / "report.json").exists():
        call(o.spat, "run", "--data", o.data / f"{name}.csv", *options, *TRAINING, "--out", folder)
    return folder / "pruned.safetensors"


def coverage_rows(o):
    """Lines of the table of coverage: nominal beside measured."""
    for name, options in COVERED:
        model = trained(o, name, options)
        found = call(o.spat, "evaluate", "--model", model, "--data", o.data / f"{name}.csv", "--quiet")
        windows = int(next(line for line in found.splitlines() if line.startswith("test windows")).split()[-1])
        horizon = int(options[options.index("--horizon") + 1])
        levels = {float(line.split()[0]): (float(line.split()[2]), line.split()[4]) for line in found.splitlines()
                  if len(line.split()) == 5 and line.split()[1] == "%" and line.split()[3] == "%"}
        cells = []
        for level in (80.0, 95.0):
            share = level / 100
            error = [100 * math.sqrt(share * (1 - share) / n) for n in (windows, max(1, windows // horizon))]
            cells.append(f"{levels[level][0]:.1f} % | {error[0]:.1f} / {error[1]:.1f} | {levels[level][1]}")
        yield f"| {name} | {options[options.index('--model') + 1]} | {horizon} | {windows} | " + " | ".join(cells) + " |"


def backtest_tables(o):
    """A table of methods for each backtest, with the tool's first sentence."""
    for name, options, title in BACKTESTS:
        model, folder = trained(o, name, options), o.work / "backtest"
        text = call(o.spat, "backtest", "--model", model, "--data", o.data / f"{name}.csv", "--quiet", "--out", folder)
        with open(folder / "backtest.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["step"] == "all"]
        yield f"### {name}: {title}\n\n{text.splitlines()[0]}\n\n    {shown(name, options)}\n    spat backtest --model pruned.safetensors --data {name}.csv\n"
        origins = next(line for line in text.splitlines() if line.startswith("origins"))
        yield f"Origins: {' '.join(origins.split()[1:])}.\n"
        yield "| method | channel | MASE | sMAPE, % | MAE | RMSE | covered by 80 % | by 95 % |\n|---|---|---|---|---|---|---|---|"
        channels = list(dict.fromkeys(row["channel"] for row in rows))
        if len(channels) == 2:  # one channel and "all"
            rows = [row for row in rows if row["channel"] == "all"]
        for row in rows:
            covered = [f"{100 * float(row[key]):.1f} %" if row.get(key) else "" for key in ("coverage_80", "coverage_95")]
            numbers = [f"{float(row[key]):.4g}" if row[key] else "" for key in ("mase", "smape", "mae", "rmse")]
            yield f"| {row['method']} | {row['channel']} | " + " | ".join(numbers + covered) + " |"
        yield ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spat", type=pathlib.Path, default=pathlib.Path("build/release/spat"))
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/deployed"))
    parser.add_argument("--out", type=pathlib.Path, required=True)
    o = parser.parse_args()
    cpu = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    page = ["# Deployed models against what came", "",
            "Made by `benchmarks/deployed/deployed.py` (`--help` says how),",
            f"{datetime.date.today()}, {cpu}, {call(o.spat, '--version').strip()}, seed 1.", "",
            "## Coverage of conformal intervals", "",
            "Nominal 80 % and 95 %, calibrated on the validation part, measured on the test part, over all",
            "steps and channels, for the pruned model. The binomial error is one standard deviation of the",
            "coverage of one step of one channel in percentage points: first as if all test windows were",
            "independent, then for as many windows as there are without shared rows. Widths are in scaled",
            "units.", "",
            "| series | model | horizon | windows | covered by 80 % | binomial error | width | by 95 % | binomial error | width |",
            "|---|---|---|---|---|---|---|---|---|---|", *coverage_rows(o), "",
            "What follows from it: [data.md](data.md#intervals).", "", "## Backtests", "", *backtest_tables(o)]
    o.out.write_text("\n".join(page).rstrip() + "\n")


if __name__ == "__main__":
    main()
