#!/usr/bin/env python3
"""spat beside PyTorch on one machine: forecasts, training steps and the cost of SEND, as Markdown.

Slices of spat (one bench_times process each) and of PyTorch (one torch_times.py process a setting) alternate in rounds, so
that a clock that wanders meets all of them alike; a number is the median over the calls of all slices. To be fair to PyTorch:
  - It needs an optimized BLAS; of OpenBLAS the OpenMP build (Debian: libopenblas0-openmp), because the pools of the pthread
    build and of torch fight for the cores. The header says what was loaded.
  - Where batch * tokens is large, glibc's malloc is told to keep its memory; eager is up to 1.6 times slower without.
  - OPENBLAS_CORETYPE is removed from its environment.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
KEEPS_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(256 << 20)}
LARGE = 300  # tokens in a batch from which on PyTorch's malloc is tuned: all of ECL and Traffic
MODEL = {"none": "dense", "all": "pruned"}


def numbers(text):
    return [int(one) for one in text.split(",")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=HERE.parents[1] / "build/release/benchmarks/bench_times", type=pathlib.Path,
                        help="bench_times [build/release/benchmarks/bench_times]")
    parser.add_argument("--configs", default="itr_etth1,itr_weather,itr_ecl,itr_traffic", type=lambda t: t.split(","))
    parser.add_argument("--batches", type=numbers, help="[1,32; of itr_traffic 1 alone]")
    parser.add_argument("--threads", default="1,2", type=numbers)
    parser.add_argument("--tasks", default="predict,train", type=lambda t: t.split(","), help="predict, train or both")
    parser.add_argument("--rounds", type=int, help="slices of each kind a setting [5; quick: 2]")
    parser.add_argument("--seconds", type=float, help="of a slice; each has at least three calls [1; quick: 0.2]")
    parser.add_argument("--malloc", choices=["auto", "default", "tuned"], default="auto", help="of PyTorch [auto]")
    parser.add_argument("--no-torch", action="store_true", help="spat alone")
    parser.add_argument("--quick", action="store_true", help="a few small settings: does everything run?")
    parser.add_argument("--out", type=pathlib.Path, help="write the tables to this file, too")
    a = parser.parse_args()
    if unknown := set(a.tasks) - {"predict", "train"}:
        parser.error(f"no such task: {', '.join(sorted(unknown))}")
    if a.quick:
        a.configs, a.batches, a.threads = ["itr_etth1"], None, [1]
    a.rounds = a.rounds or (2 if a.quick else 5)
    a.seconds = a.seconds or (0.2 if a.quick else 1.0)
    return a


class Spat:
    def __init__(self, program):
        self.program, self.about = program, {}
        self.configs = json.loads(self.call("configs"))

    def call(self, *words):
        return subprocess.run([self.program, *map(str, words)], check=True, stdout=subprocess.PIPE, text=True).stdout

    def slice(self, setting, task, prune, seconds):
        result = json.loads(self.call(setting["config"], setting["batch"], setting["threads"], task, prune, seconds))
        self.about = {"compiler": result["compiler"], "vector_bits": result["vector_bits"]}
        return result["times_us"]


class Torch:
    """torch_times.py set up for one setting. A process of its own for each: what malloc keeps does not pile up."""

    def __init__(self, config, setting, malloc):
        environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(setting["threads"])
        tokens = setting["batch"] * (config["channels"] + config["marks"])
        self.tuned = malloc == "tuned" or (malloc == "auto" and tokens >= LARGE)
        environment.update(KEEPS_MEMORY if self.tuned else {})
        self.process = subprocess.Popen([sys.executable, HERE / "torch_times.py"], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        answer = self.ask({"setup": {"config": config, "batch": setting["batch"], "task": setting["task"]}})
        self.about, self.missing = answer["about"], answer["missing"]

    def ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError("torch_times.py ended; its message is above")
        return json.loads(line)

    def slice(self, peer, prune, seconds):
        times = self.ask({"slice": {"peer": peer, "prune": prune, "seconds": seconds}})["times_us"]
        time.sleep(0.05)  # until the threads of its pools stop spinning
        return times

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()


def measure(spat, setting, a, notes):
    """{(who, prune): [times of a slice, ...]}; who is spat, scored, eager or jit. And what PyTorch says about itself."""
    torch = None
    if a.torch:
        try:
            torch = Torch(spat.configs[setting["config"]], setting, a.malloc)
            notes.update(torch.missing)
        except RuntimeError as problem:
            notes.add(f"{label(setting)}: {problem}")
    try:
        slices = {}
        for _ in range(a.rounds):
            for prune in MODEL:
                kinds = {"spat": lambda: spat.slice(setting, setting["task"], prune, a.seconds)}
                if setting["task"] == "train" and prune == "none":
                    kinds["scored"] = lambda: spat.slice(setting, "train_scored", prune, a.seconds)
                if torch:
                    kinds["eager"] = lambda: torch.slice("eager", prune, a.seconds)
                    if setting["task"] == "predict":
                        kinds["jit"] = lambda: torch.slice("jit", prune, a.seconds)
                for who, take in kinds.items():
                    try:
                        times = take()
                    except RuntimeError as problem:
                        notes.add(f"{label(setting)}: {problem}")
                        torch.close()
                        torch = None
                        break
                    if times:
                        slices.setdefault((who, prune), []).append(times)
        return slices, torch and {**torch.about, "tuned": torch.tuned}
    finally:
        if torch:
            torch.close()


def label(setting):
    return f"{setting['config']} batch {setting['batch']}, {setting['threads']} thread(s), {setting['task']}"


def median_ms(slices, who, prune):
    times = [t for one in slices.get((who, prune), []) for t in one]
    return statistics.median(times) / 1e3 if times else None


def spread(slices, who):
    """How far the medians of the slices of one number lie apart, at worst."""
    ranges = []
    for (one, _), lists in slices.items():
        medians = [statistics.median(times) for times in lists]
        if one == who:
            ranges.append(max(medians) / min(medians) - 1)
    return max(ranges, default=0)


def cell(ms):
    return "-" if ms is None else f"{ms:.0f}" if ms >= 999.5 else f"{ms:#.3g}".rstrip(".")


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


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


def header(spat, a, load, torch, notes, worst):
    notes = set(notes)
    words, compiler = flags(a.program)
    lines = ["# spat beside PyTorch", "",
             f"- Date: {datetime.datetime.now():%Y-%m-%d %H:%M}",
             f"- Processor: {read('/proc/cpuinfo', r'^model name.*?: (.*)$')}, {len(os.sched_getaffinity(0))} cores for us; "
             f"load average {load:.2f} before the first slice",
             f"- spat: {compiler} {spat.about.get('compiler', '')}, {words}; vectors of {spat.about.get('vector_bits')} bits",
             f"- Rounds: {a.rounds}, slices of {a.seconds:g} s in turn; medians over the calls of all slices, in milliseconds"]
    if a.rounds > 1:
        lines.append("- Medians of the slices of one number lie apart by up to "
                     + ", ".join(f"{100 * worst[who]:.0f} % ({who})" for who in worst))
    if torch:
        lines.append(f"- PyTorch: {torch['torch']} over {torch['blas']}; malloc keeps its memory in settings marked *")
        if not torch["fair_blas"]:
            notes.add("**This BLAS is not fair to PyTorch**, the ratios are not worth quoting: install an optimized one "
                      "(Debian: libopenblas0-openmp)")
    if load > 0.5:
        notes.add(f"The machine was not idle (load average {load:.2f} before the first slice)")
    if most := [t for t in a.threads if t > len(os.sched_getaffinity(0))]:
        notes.add(f"More threads than cores: {max(most)}")
    return "\n".join(lines + [f"- Note: {note}" for note in sorted(notes)]) + "\n"


def main():
    a = arguments()
    if not a.program.exists():
        sys.exit(f"compare.py: no {a.program}: build the target bench_times first (benchmarks/compare.sh does)")
    spat, notes, load = Spat(a.program), set(), os.getloadavg()[0]
    if unknown := [name for name in a.configs if name not in spat.configs]:
        sys.exit(f"compare.py: no such configuration: {', '.join(unknown)}; there are {', '.join(spat.configs)}")
    a.torch = not a.no_torch
    if a.torch and subprocess.run([sys.executable, "-c", "import torch"], stderr=subprocess.DEVNULL).returncode:
        a.torch = False
        notes.add(f"{os.path.basename(sys.executable)} has no torch: spat alone (Debian: python3-torch, libopenblas0-openmp)")

    settings = [{"config": config, "batch": batch, "threads": threads, "task": task}
                for task in a.tasks for threads in a.threads for config in a.configs
                for batch in a.batches or ([1] if config == "itr_traffic" else [1, 32])]
    rows, costs, worst, about, text = [], [], {}, None, ""
    for i, setting in enumerate(settings):
        print(f"[{i + 1}/{len(settings)}] {label(setting)}", file=sys.stderr, flush=True)
        slices, torch = measure(spat, setting, a, notes)
        about = torch or about
        for who in {who: None for who, _ in slices}:
            worst[who] = max(worst.get(who, 0), spread(slices, who))
        for prune, model in MODEL.items():
            ours, eager, jit = (median_ms(slices, who, prune) for who in ("spat", "eager", "jit"))
            best = min((ms for ms in (eager, jit) if ms), default=None)
            mark = "*" if torch and torch["tuned"] else ""
            rows.append((setting["config"], setting["batch"], setting["threads"], setting["task"], model, cell(ours),
                         cell(eager) + mark * bool(eager), cell(jit) + mark * bool(jit),
                         f"{best / ours:.2f}" if best else "-"))
        if scored := median_ms(slices, "scored", "none"):
            plain = median_ms(slices, "spat", "none")
            costs.append((setting["config"], setting["batch"], setting["threads"], cell(plain), cell(scored),
                          f"{100 * (scored / plain - 1):+.1f} %"))
        text = header(spat, a, load, about, notes, worst) + "\n"
        text += table(["config", "batch", "threads", "task", "model", "spat ms", "torch eager ms", "torch jit ms",
                       "best peer / spat"], rows)
        if costs:
            text += "\n## What computing SEND costs: a training step, dense\n\n"
            text += table(["config", "batch", "threads", "step ms", "with SEND ms", "cost"], costs)
        if a.out:  # after each setting: a long run that is stopped leaves what it has
            a.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
