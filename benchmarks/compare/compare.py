#!/usr/bin/env python3
"""spat beside PyTorch and ONNX Runtime on one machine, as Markdown: forecasts, training steps and the cost of SEND; or
(--masks) what each pruned form costs; or (--memory) the peak memory of a training step. Peers that are not
installed are left out and named.

Slices of spat (one bench_times process each) and of the peers (one process per setting) alternate in rounds, so that
clock-frequency drift affects all of them equally. A number is the median over the calls of all slices. Slices taken while
other work slows the machine down are repeated. To be fair to the peers:
  - After a slice we wait until the threads of its process sleep.
  - PyTorch needs an optimized BLAS; of OpenBLAS the OpenMP build (Debian: libopenblas0-openmp), because the pools of the
    pthread build and of torch fight for the cores. The header says what was loaded. OPENBLAS_CORETYPE is removed.
  - If batch * tokens is large, glibc's malloc is set to keep its memory; eager is up to 1.6 times slower without.
  - ONNX Runtime (npm install --ignore-scripts onnxruntime-node, in the current folder or beside this file, or in what
    ORT_MODULES names) runs files that PyTorch wrote of the same weights; its forecasts are first compared with PyTorch's.
"""
import argparse
import dataclasses
import os
import pathlib
import statistics
import sys
import time

from peers import HERE, Ort, Spat, SpatSlices, Torch, present
from tables import PEERS, label, markdown

MODEL = {"none": "dense", "all": "pruned"}
TASKS = {"predict": 1, "train": 3}  # and how often a step does the products of a forecast


@dataclasses.dataclass
class Result:
    notes: set = dataclasses.field(default_factory=set)
    rows: list = dataclasses.field(default_factory=list)
    costs: list = dataclasses.field(default_factory=list)
    masks: list = dataclasses.field(default_factory=list)
    memory: list = dataclasses.field(default_factory=list)
    peaks: dict = dataclasses.field(default_factory=dict)  # GFLOP/s around each slice, by threads
    again: int = 0  # slices that did not count
    worst: dict = dataclasses.field(default_factory=dict)  # how far medians of slices lie apart, by who was timed


def words(text):
    return text.split(",")


def numbers(text):
    return [int(one) for one in words(text)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=HERE.parents[1] / "build/release/benchmarks/bench_times", type=pathlib.Path,
                        help="bench_times [build/release/benchmarks/bench_times]")
    parser.add_argument("--peers", default="torch,ort", type=words, help="torch, ort, both or none [torch,ort]")
    parser.add_argument("--configs", type=words, help="[itr_etth1,itr_weather,itr_ecl,itr_traffic; --memory: itr_traffic]")
    parser.add_argument("--batches", type=numbers, help="[1,32; of itr_traffic 1,16; --memory: the larger]")
    parser.add_argument("--threads", type=numbers, help="[1,2; --memory: 2]")
    parser.add_argument("--tasks", default=list(TASKS), type=words, help="predict, train or both [predict,train]")
    parser.add_argument("--masks", nargs="?", const=["itr_weather", "itr_ecl"], type=words, metavar="CONFIGS",
                        help="instead: forecasts of every mask of these [itr_weather,itr_ecl]")
    parser.add_argument("--memory", action="store_true", help="instead: peak memory of a training step")
    parser.add_argument("--rounds", type=int, help="slices of each kind a setting [5; quick: 2]")
    parser.add_argument("--seconds", type=float, help="of a slice; each has at least three calls [1; quick: 0.2]")
    parser.add_argument("--malloc", choices=["auto", "default", "tuned"], default="auto", help="of PyTorch [auto]")
    parser.add_argument("--quick", action="store_true", help="a few small settings: does everything run?")
    parser.add_argument("--out", type=pathlib.Path, help="write the tables to this file, too")
    a = parser.parse_args()
    for given, known in ((a.tasks, TASKS), (a.peers, ("torch", "ort", "none"))):
        if unknown := set(given) - set(known):
            parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
    if a.quick:
        a.configs, a.threads, a.masks = ["itr_etth1"], [1], a.masks and ["itr_etth1"]
    a.configs = a.configs or (["itr_traffic"] if a.memory else ["itr_etth1", "itr_weather", "itr_ecl", "itr_traffic"])
    a.threads = a.threads or ([2] if a.memory and not a.masks else [1, 2])
    a.rounds = a.rounds or (2 if a.quick else 5)
    a.seconds = a.seconds or (0.2 if a.quick else 1.0)
    return a


def settings(a, configs, tasks, largest=False):
    for task in tasks:
        for threads in a.threads:
            for config in configs:
                batches = a.batches or ([1, 16] if config == "itr_traffic" else [1, 32])[largest:]
                yield from ({"config": config, "batch": batch, "threads": threads, "task": task} for batch in batches)


class Calm:
    """Slices of a machine at its full speed: the FMA peak is measured before and after each, and where one of them is more
    than a tenth below the best one seen, the slice does not count and is taken again."""

    PATIENCE = 30  # slices taken again before one is let pass, with a note

    def __init__(self, spat, threads, result):
        self.spat, self.threads, self.result = spat, threads, result
        self.peaks = result.peaks.setdefault(threads, [])
        self.before = max(self.measure() for _ in range(3))

    def measure(self):
        self.peaks.append(self.spat.peak(self.threads, 0.05))
        return self.peaks[-1]

    def slice(self, take):
        for _ in range(self.PATIENCE):
            answer, before = take(), self.before
            self.before = self.measure()
            if min(before, self.before) > 0.9 * max(self.peaks):
                return answer
            self.result.again += 1
            time.sleep(0.5)
            self.before = self.measure()
        self.result.notes.add("A slice was let pass though the machine never came to its full speed")
        return answer


def slices_of(spat, setting, a, peers, result):
    """{(who, prune): [times of a slice, ...]}, the MACs of a forecast by prune, and whether PyTorch's malloc was tuned."""
    sources, slices, macs, tuned = [SpatSlices(spat, setting)], {}, {}, False

    def without(problem):
        result.notes.add(f"{label(setting)}: {problem}")

    makers = [lambda: Torch(spat, setting, a.malloc)] if "torch" in peers else []
    makers += [lambda: Ort(spat, setting)] if "ort" in peers and setting["task"] == "predict" else []
    try:
        for make in makers:
            try:
                sources.append(make())
                result.notes.update(f"{label(setting)}: {one}" for one in sources[-1].missing)
                tuned |= getattr(sources[-1], "tuned", False)
            except RuntimeError as problem:
                without(problem)
        calm = Calm(spat, setting["threads"], result)
        for _ in range(a.rounds):
            for prune in MODEL:
                for source in list(sources):
                    try:
                        for who in source.names:
                            answer = calm.slice(lambda: source.slice(who, prune, a.seconds))
                            if answer["times_us"]:
                                slices.setdefault((who, prune), []).append(answer["times_us"])
                            macs[prune] = answer.get("macs", macs.get(prune))
                    except RuntimeError as problem:
                        without(problem)
                        source.close()
                        sources.remove(source)
    finally:
        for source in sources:
            source.close()
    return slices, macs, tuned


def median_ms(slices):
    return statistics.median(t for one in slices for t in one) / 1e3


def measure_times(spat, setting, a, peers, result):
    slices, macs, tuned = slices_of(spat, setting, a, peers, result)
    peak = max(result.peaks[setting["threads"]])
    for (who, _), lists in slices.items():
        medians = [statistics.median(times) for times in lists]
        result.worst[who] = max(result.worst.get(who, 0), max(medians) / min(medians) - 1)
    for prune, model in MODEL.items():
        ms = {who: median_ms(lists) for (who, one), lists in slices.items() if one == prune}
        best = min((ms[who] for who in PEERS if who in ms), default=None)
        roof = 2 * macs[prune] * TASKS[setting["task"]] / peak / 1e6
        row = {**setting, **ms, "model": model, "mark": "*" * tuned,
               "gain": best and best / ms["spat"], "most": best and best / roof}
        result.rows.append(row)
        if "scored" in ms:
            result.costs.append(row)


def measure_masks(spat, setting, a, peers, result):
    forms = spat.ask("masks", setting["config"], setting["batch"], setting["threads"], a.seconds)["masks"]
    dense = forms[-1]
    for form in forms:
        result.masks.append({**setting, "mask": form["mask"], "ms": form["median_us"] / 1e3,
                             "time": form["median_us"] / dense["median_us"], "macs": form["macs"] / dense["macs"]})


def measure_memory(spat, setting, a, peers, result):
    row, makers = dict(setting), {"spat": lambda: SpatSlices(spat, setting)}
    if "torch" in peers:
        for malloc in ("default", "tuned"):
            makers[malloc] = lambda malloc=malloc: Torch(spat, setting, malloc, ["none"])
    for who, make in makers.items():
        source = None
        try:
            source = make()
            answer = source.slice("spat" if who == "spat" else "eager", "none", 0)
            peak = answer["peak_rss_mib"]
            row[who] = {"peak": peak, "own": peak - answer["base_rss_mib"]}
        except RuntimeError as problem:
            result.notes.add(f"{label(setting)}: {problem}")
        finally:
            if source:
                source.close()
    result.memory.append(row)


def main():
    a = arguments()
    if not a.program.exists():
        sys.exit(f"compare.py: no {a.program}: build the target bench_times first (benchmarks/compare.sh does)")
    spat, result, load = Spat(a.program), Result(), os.getloadavg()[0]
    if unknown := [name for name in a.configs + (a.masks or []) if name not in spat.configs]:
        sys.exit(f"compare.py: no such configuration: {', '.join(unknown)}; there are {', '.join(spat.configs)}")
    jobs = [(measure_masks, one) for one in settings(a, a.masks or [], ["predict"])]
    jobs += [(measure_memory, one) for one in settings(a, a.configs, ["train"], largest=True) if a.memory]
    if not (a.masks or a.memory):
        jobs = [(measure_times, one) for one in settings(a, a.configs, a.tasks)]
    wanted = a.peers if not a.memory else ["torch"] if "torch" in a.peers else []
    peers = present([] if a.masks and not a.memory else wanted, result.notes)
    text = ""
    for i, (measure, setting) in enumerate(jobs):
        print(f"[{i + 1}/{len(jobs)}] {label(setting)}", file=sys.stderr, flush=True)
        measure(spat, setting, a, peers, result)
        text = markdown(spat, a, load, peers, result)
        if a.out:  # after each setting: a long run that is stopped leaves what it has
            a.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
