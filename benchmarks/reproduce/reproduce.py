#!/usr/bin/env python3
"""Runs the experiments of docs/reproduction.md, one `spat compare` per cell, and continues where it was interrupted.

    cmake --preset release && cmake --build --preset release --target spat -j2
    benchmarks/reproduce/reproduce.py --data DIR [--jobs 2] [--minutes 60] [--only base] ...   runs what is missing
    benchmarks/reproduce/reproduce.py --data DIR --schedules [--jobs 2] [--only long] ...      removal during training against after it
    benchmarks/reproduce/reproduce.py --data DIR --latency                                     latency of masks: alone on the machine
    benchmarks/reproduce/tables.py > docs/reproduction.md

A cell is a data set, model, horizon, seed and training options. Its rows go into results.csv (a row a mask, with the criteria
that choose it at its size) and criteria.csv (a row a criterion), or into schedules.csv (two rows), when it is done; a cell that has rows
is not run again.
"""
import argparse
import concurrent.futures
import contextlib
import csv
import fcntl
import json
import pathlib
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

MODELS = {  # sizes of the models, smaller than the published scripts' where those take hours
    "itransformer": "--layers 4 --width 128 --ffn 128 --heads 8",
    "patchtst": "--layers 3 --width 64 --ffn 128 --heads 4",
}
DATASETS = {  # file, protocol, how its windows are thinned out for each model and its learning rate, data sets to be tested on untrained
    "ETTh1": ("ETTh1.csv", "ett-hourly",
              {"itransformer": "--rate 1e-4", "patchtst": "--rate 5e-4"}, ["ETTh2", "ETTm1"]),
    "ETTh2": ("ETTh2.csv", "ett-hourly",
              {"itransformer": "--rate 1e-4", "patchtst": "--rate 5e-4"}, ["ETTh1"]),
    "ETTm1": ("ETTm1.csv", "ett-minute",
              {"itransformer": "--window-stride 4 --test-stride 4 --rate 5e-4",
               "patchtst": "--window-stride 4 --test-stride 4 --rate 5e-4"}, ["ETTm2"]),
    "ETTm2": ("ETTm2.csv", "ett-minute",
              {"itransformer": "--window-stride 4 --test-stride 4 --rate 5e-4",
               "patchtst": "--window-stride 4 --test-stride 4 --rate 5e-4"}, []),
    "Weather": ("weather.csv", "custom",
                {"itransformer": "--window-stride 8 --test-stride 4 --rate 1e-3",
                 "patchtst": "--window-stride 16 --test-stride 4 --rate 1e-3"}, []),
}
COMMON = "--epochs 5 --patience 2 --finetune-epochs 1 --latency-seconds 0"
OPTIONS = {  # of training, on top of or instead of the common ones; a dense model has the same
    "base": "",
    "layerdrop": "--layer-drop 0.2",
    "ema": "--averaging ema --average-decay 0.995",
    "swa": "--averaging swa --average-from 3",
    "layerdrop+ema": "--layer-drop 0.2 --averaging ema --average-decay 0.995",
    "distill": "--distill 0.5",
    "long": "--epochs 10 --patience 4 --schedule cosine --finetune-epochs 3",
    "windows": "--window-stride 4",  # of Weather: four times as many (iTransformer: twice)
    "long+layerdrop": "--epochs 10 --patience 4 --schedule cosine --finetune-epochs 3 --layer-drop 0.2",
}

RESULT = ["dataset", "test_dataset", "model", "horizon", "seed", "options", "criterion", "budget", "mask", "mse_dense", "mae_dense",
          "mse_pruned", "mae_pruned", "mse_dense_not_tuned", "mae_dense_not_tuned", "loss_dense", "loss_removed", "loss_pruned",
          "macs_dense", "macs_pruned", "latency_ms_dense", "latency_ms_pruned", "seconds"]
LATENCY = ["model", "channels", "horizon", "mask", "parameters", "macs", "latency_ms"]
SCHEDULE = ["dataset", "model", "horizon", "seed", "options", "when", "mask", "mse_dense", "mae_dense", "mse", "mae", "seconds"]
CRITERION = ["dataset", "model", "horizon", "seed", "options", "criterion", "regret", "spearman"]


def cells(arguments):
    for seed in arguments.seeds:
        for options in arguments.only:
            for horizon in arguments.horizons:
                for dataset in arguments.datasets:
                    for model in arguments.models:
                        yield dataset, model, horizon, seed, options


def key(row):
    return row["dataset"], row["model"], int(row["horizon"]), int(row["seed"]), row["options"]


def read(path):
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path, names, rows):
    beside = path.with_suffix(".tmp")
    with beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    beside.replace(path)


@contextlib.contextmanager
def alone(folder):
    """No other runner reads and writes the folder's tables meanwhile."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ranks(values):
    return [sum((b < a) + 0.5 * (b == a) for b in values) for a in values]


def spearman(a, b):
    a, b = ranks(a), ranks(b)
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    product = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b))
    scale = (sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)) ** 0.5
    return product / scale if scale else float("nan")


def run(arguments, cell):
    """The JSON of one `spat compare`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [arguments.spat, "compare", "--refit-scaler"] + common(arguments, cell, folder)
        for other in DATASETS[cell[0]][3]:
            command += ["--test-data", f"{arguments.data / DATASETS[other][0]}:{DATASETS[other][1]}"]
        call(command)
        return json.loads((pathlib.Path(folder) / "compare.json").read_text())


def common(arguments, cell, folder):
    dataset, model, horizon, seed, options = cell
    file, protocol, how, _ = DATASETS[dataset]
    named = {}  # the last value of each option counts
    for text in (COMMON, MODELS[model], how[model], OPTIONS[options]):
        words = text.split()
        named.update(zip(words[::2], words[1::2]))
    return ["--data", arguments.data / file, "--protocol", protocol, "--model", model, "--horizon", horizon, "--seed", seed,
            "--out", folder, "--threads", arguments.threads, "--quiet"] + [word for pair in named.items() for word in pair]


def call(command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def rows_of(cell, found):
    """Of results.csv and of criteria.csv."""
    dataset, model, horizon, seed, options = cell
    same = {"dataset": dataset, "model": model, "horizon": horizon, "seed": seed, "options": options}
    masks = {row["mask"]: row for row in found["masks"]}
    modules = len(found["modules"])
    dense = masks["1" * modules]
    results = []
    for test in [dataset] + list(dense["fine_tuned"]["others"]):
        def error(row, stage):
            return row[stage]["test"] if test == dataset else row[stage]["others"][test]
        for mask, row in masks.items():
            dropped = mask.count("0")
            names = [c["name"] for c in found["criteria"] if dropped and c["masks"][dropped - 1] == mask]
            results.append({**same, "test_dataset": test, "criterion": "+".join(names), "budget": f"drop {dropped}", "mask": mask,
                            "mse_dense": error(dense, "fine_tuned")["mse"], "mae_dense": error(dense, "fine_tuned")["mae"],
                            "mse_pruned": error(row, "fine_tuned")["mse"], "mae_pruned": error(row, "fine_tuned")["mae"],
                            "mse_dense_not_tuned": error(dense, "removed")["mse"],
                            "mae_dense_not_tuned": error(dense, "removed")["mae"],
                            "loss_dense": dense["removed"]["validation"]["mse"],
                            "loss_removed": row["removed"]["validation"]["mse"],
                            "loss_pruned": row["fine_tuned"]["validation"]["mse"],
                            "macs_dense": dense["macs"], "macs_pruned": row["macs"],
                            "seconds": round(found["seconds"] + row["seconds"], 1)})
            for name, value in results[-1].items():
                if isinstance(value, float) and name != "seconds":
                    results[-1][name] = f"{value:.6g}"
    best = {k: min(row["fine_tuned"]["test"]["mse"] for mask, row in masks.items() if mask.count("0") == k)
            for k in range(1, modules)}
    oracle = next(c["scores"] for c in found["criteria"] if c["name"] == "leave_one_out")
    criteria = []
    for one in found["criteria"]:
        regrets = [masks[one["masks"][k - 1]]["fine_tuned"]["test"]["mse"] / best[k] - 1 for k in range(1, modules)]
        criteria.append({**same, "criterion": one["name"], "regret": f"{sum(regrets) / len(regrets):.6f}",
                         "spearman": f"{spearman(one['scores'], oracle):.4f}"})
    return results, criteria


def with_latency(rows, latencies):
    """results.csv's rows, with what was measured of their masks."""
    known = {(l["model"], l["channels"], l["horizon"], l["mask"]): l["latency_ms"] for l in latencies}
    for row in rows:
        channels = "21" if row["dataset"] == "Weather" else "7"
        for column, mask in (("latency_ms_dense", "1" * len(row["mask"])), ("latency_ms_pruned", row["mask"])):
            row[column] = known.get((row["model"], channels, str(row["horizon"]), mask), "")
    return rows


def measure_latency(arguments):
    rows = []
    for model in arguments.models:
        for dataset, channels in (("ETTh1", 7), ("Weather", 21)):
            for horizon in arguments.horizons:
                file = DATASETS[dataset][0]
                text = call([arguments.spat, "latency", "--data", arguments.data / file, "--model", model,
                             "--horizon", horizon, "--seconds", 1, "--csv"] + MODELS[model].split())
                for row in csv.DictReader(text.splitlines()):
                    rows.append({"model": model, "channels": channels, "horizon": horizon, **row})
    place = lambda row: (row["model"], str(row["channels"]), str(row["horizon"]), row["mask"])
    with alone(arguments.out):
        kept = [row for row in read(arguments.out / "latency.csv") if place(row) not in map(place, rows)]
        write(arguments.out / "latency.csv", LATENCY, kept + rows)
        results = read(arguments.out / "results.csv")
        write(arguments.out / "results.csv", RESULT, with_latency(results, read(arguments.out / "latency.csv")))


def run_schedules(arguments, cell):
    """Two modules go: after training, with fine-tuning, and while training; processor seconds to the finished model."""
    dataset, model, horizon, seed, options = cell
    rows = []
    for when in ("one-shot", "in-training"):
        with tempfile.TemporaryDirectory() as folder:
            training = common(arguments, cell, folder)
            if when == "in-training":  # no fine-tuning follows it
                at = training.index("--finetune-epochs")
                del training[at:at + 2]
            call([arguments.spat, "run"] + training +
                 ["--when", when, "--drop", 2, "--send-variant", "absolute_mean", "--loss-reduction", "sum"])
            found = json.loads((pathlib.Path(folder) / "report.json").read_text())
        row = {"dataset": dataset, "model": model, "horizon": horizon, "seed": seed, "options": options, "when": when,
               "mask": "".join("1" if module["kept"] else "0" for module in found["modules"]),
               "mse": f"{found['pruned']['mse']:.6g}", "mae": f"{found['pruned']['mae']:.6g}",
               "seconds": f"{found['processor_seconds']:.1f}"}
        if when == "one-shot":
            dense = found[found["reference"]["model"]]
            row |= {"mse_dense": f"{dense['mse']:.6g}", "mae_dense": f"{dense['mae']:.6g}"}
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spat", type=pathlib.Path, default=ROOT / "build/release/spat")
    parser.add_argument("--data", type=pathlib.Path, help="folder of ETTh1.csv, ..., weather.csv")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder of results.csv and criteria.csv")
    parser.add_argument("--jobs", type=int, default=1, help="cells at a time")
    parser.add_argument("--threads", type=int, default=1, help="workers of a cell")
    parser.add_argument("--minutes", type=float, default=1e9, help="no cell is begun after that")
    parser.add_argument("--only", nargs="+", default=["base"], choices=OPTIONS, help="training options")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--horizons", nargs="+", type=int, default=[96, 192])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--schedules", action="store_true", help="write schedules.csv instead")
    parser.add_argument("--latency", action="store_true", help="write latency.csv and the latencies in results.csv instead")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.latency:
        return measure_latency(arguments)
    results_file, criteria_file = arguments.out / "results.csv", arguments.out / "criteria.csv"
    schedules_file = arguments.out / "schedules.csv"
    end = time.monotonic() + 60 * arguments.minutes
    lock = threading.Lock()  # of this runner's threads, in which a file lock counts once

    def work(cell):
        done = schedules_file if arguments.schedules else results_file
        if time.monotonic() > end or cell in {key(row) for row in read(done)}:
            return
        start = time.monotonic()
        if arguments.schedules:
            rows = run_schedules(arguments, cell)
            with lock, alone(arguments.out):
                write(schedules_file, SCHEDULE, read(schedules_file) + rows)
        else:
            results, criteria = rows_of(cell, run(arguments, cell))
            with lock, alone(arguments.out):  # results.csv last: a cell counts as done by its rows there
                others = [row for row in read(criteria_file) if key(row) != cell]
                write(criteria_file, CRITERION, others + criteria)
                write(results_file, RESULT, with_latency(read(results_file) + results, read(arguments.out / "latency.csv")))
        print(*cell, f"{time.monotonic() - start:.0f} s", flush=True)

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(work, cell) for cell in cells(arguments)]):
            if future.exception():
                pool.shutdown(cancel_futures=True)  # the others would fail alike
                raise future.exception()


if __name__ == "__main__":
    main()
