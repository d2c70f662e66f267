#!/usr/bin/env python3
"""Mutation testing: breaks headers in small ways, one at a time, and tells which breaks no unit test notices.

  scripts/mutate.py --folder train --count 40 --results build/mutation.jsonl     judges 40 mutants of include/spat/train
  scripts/mutate.py --summary --results build/mutation.jsonl                     prints kill rates and survivors

The operators are comparison (< becomes <=), sign (+ becomes -), constant (n becomes n + 1), index (i becomes i + 1), eps
(1e-5 becomes 0 or larger) and removal of a statement. The sample is a function of --seed. A mutant is killed if a test of
its folder fails, crashes or takes far too long.

Compiling costs most, so all mutants of a folder are compiled together, each behind a switch (tests/mutation/switch.hpp): a
test file is compiled once, runs once without a mutant, which shows what code it reaches, and then once for each mutant that
it reaches, the nearest file first. Mutants of constant expressions have no switch at run time, and mutants that would not
compile spoil the others; both are compiled alone. All this happens in a copy of the source tree.

A result is one line of JSON in --results, and what is in there is not judged again: an interrupted run goes on.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

import mutants as finder

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLAGS = ["-std=c++20", "-O1", "-w", "-D_GLIBCXX_ASSERTIONS"]  # -O0 compiles hardly faster, and runs for minutes
INCLUDE = re.compile(r"^#include <((?:spat|tests)/[^>]+)>", re.M)
ERROR_LINE = re.compile(r"include/spat/([\w/]+\.hpp):(\d+):")
# The kernels know the instruction set that they are compiled for: see tests/kernels/CMakeLists.txt.
CPU = pathlib.Path("/proc/cpuinfo")
SETS = {"": [], "avx2": ["-march=x86-64-v3"], "scalar": ["-march=x86-64", "-DSPAT_SCALAR"]}


class Program:
    """One test file as a program of its own."""
    def __init__(self, source, instructions):
        self.source, self.flags = source, SETS[instructions]
        self.name = f"{source.parent.name}/{source.stem}" + (f" {instructions}" if instructions else "")
        self.distances = distances(source)
        self.seconds, self.reached = 0, set()
        self.headers = collections.Counter()  # how many of the mutants that it reaches are in a header

    def distance(self, mutant):
        """How many includes away the mutant's header is; a file of the same name is nearest."""
        return 0 if self.source.stem == pathlib.Path(mutant.file).stem else self.distances.get(f"spat/{mutant.file}", 99)


def distances(source):
    found, queue = {}, collections.deque([(source, 0)])
    while queue:
        path, distance = queue.popleft()
        for name in INCLUDE.findall(path.read_text()):
            if name not in found:
                found[name] = distance + 1
                queue.append((ROOT / ("include" if name.startswith("spat") else ".") / name, distance + 1))
    return found


class Workshop:
    """A copy of the source tree in which headers are broken, and its compiler."""
    def __init__(self, folder, compiler, texts):
        self.folder, self.compiler, self.texts = folder, compiler, texts  # of the headers: the tree may change meanwhile
        for name in ("include", "tests"):
            shutil.rmtree(folder / name, ignore_errors=True)
            shutil.copytree(ROOT / name, folder / name)
        eigen = subprocess.run(["pkg-config", "--cflags-only-I", "eigen3"], capture_output=True, text=True).stdout.split()
        self.flags = FLAGS + ["-I", "include", "-I", "."] + [flag.replace("-I", "-isystem") for flag in eigen]
        for kind in ("fixtures", "data"):
            self.flags.append(f'-DSPAT_DEFAULT_{kind.upper()}="{ROOT.parent}/shared/{kind}"')
        self.launcher = [ccache] if (ccache := shutil.which("ccache")) else []
        self.call(self.launcher + [compiler, *self.flags, "-c", "tests/main.cpp", "-o", "main.o"], check=True)

    def call(self, command, **options):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, errors="replace", **options)

    def write(self, file, mutants=(), numbers=None):
        (self.folder / "include/spat" / file).write_text(finder.broken(self.texts[file], mutants, numbers))

    def build(self, program, switched):
        """Compiles a test program. Returns what the compiler said if it failed."""
        path = self.folder / (program.name.replace("/", ".").replace(" ", ".") + ("" if switched else ".alone"))
        include = ["-include", "tests/mutation/switch.hpp"] if switched else []
        source = program.source.relative_to(ROOT)
        compiled = self.call([*self.launcher, self.compiler, *self.flags, *program.flags, *include, "-c", str(source), "-o",
                              f"{path}.o"])
        if compiled.returncode:
            return compiled.stderr
        self.call([self.compiler, f"{path}.o", "main.o", "-pthread", "-o", str(path)], check=True)
        program.path = path
        return ""

    def run(self, program, limit=600, **variables):
        """Whether the program's unit tests pass, up to the first one that does not."""
        gigabytes = 8 << 30
        try:
            return self.call([program.path, "~[parity]~[.]", "--abort"], timeout=limit, env={**os.environ, **variables},
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (gigabytes, gigabytes))).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def limit(self, program):
        return 10 + 5 * program.seconds


def programs_of(folder, instructions, mutants):
    """The programs of tests/<folder> that include a broken header."""
    every = [Program(source, instructions) for source in sorted((ROOT / "tests" / folder).glob("*.cpp"))]
    return [one for one in every if any(one.distance(mutant) < 99 for mutant in mutants)]


def nearest(programs, mutant):
    """Those that include the mutant's header, in the order in which they are worth a try."""
    return sorted((program for program in programs if program.distance(mutant) < 99),
                  key=lambda program: (program.distance(mutant), -program.headers[mutant.file], program.seconds))


def build_together(workshop, program, numbers):
    """Compiles a program with all these mutants. Those that the compiler rejects are removed from `numbers`."""
    while numbers:
        by_file = collections.defaultdict(list)
        for mutant in numbers:
            by_file[mutant.file].append(mutant)
        for file, here in by_file.items():
            workshop.write(file, here, numbers)
        errors = workshop.build(program, switched=True)
        if not errors:
            return
        lines = [line for line in errors.splitlines() if "error:" in line]
        for places in (lines, errors.splitlines()):  # an error in another file names the place that led to it
            named = {(file, int(line)) for place in places for file, line in ERROR_LINE.findall(place)}
            rejected = [m for m in numbers if any((m.file, line) in named for line in range(m.line, m.last_line + 1))]
            if rejected:
                break
        if not rejected:
            print(f"{program.name}: no mutant is to blame, all are compiled alone:\n{lines[0]}")
        for mutant in rejected or list(numbers):
            workshop.write(mutant.file)
            del numbers[mutant]


def judge_together(workshop, programs, mutants):
    """Yields (mutant, name of the program that kills it) or (mutant, None). What it does not yield has to be compiled alone."""
    numbers = {mutant: number for number, mutant in enumerate(mutants)}
    for program in programs:
        start = time.monotonic()
        build_together(workshop, program, numbers)
        compiled, reached = time.monotonic(), workshop.folder / "reached"
        if not numbers:
            return
        reached.unlink(missing_ok=True)
        if not workshop.run(program, SPAT_MUTANTS_REACHED=str(reached)):
            # It needs another file of its folder, such as an operator new, or the tests are red.
            print(f"{program.name}: left out, its tests fail without any mutant", flush=True)
            continue
        program.seconds = time.monotonic() - compiled
        program.reached = set(map(int, reached.read_text().split()))
        program.headers.update(mutant.file for mutant, number in numbers.items() if number in program.reached)
        print(f"{program.name}: compiled in {compiled - start:.1f} s, runs {program.seconds:.1f} s, "
              f"reaches {len(program.reached)} of {len(numbers)} mutants", flush=True)
    for mutant, number in list(numbers.items()):
        reaching = nearest([p for p in programs if number in p.reached], mutant)
        killers = (p.name for p in reaching if not workshop.run(p, workshop.limit(p), SPAT_MUTANT=str(number)))
        if reaching:
            yield mutant, next(killers, None)


def judge_alone(workshop, programs, mutant, most):
    """The name of the program that kills the mutant, "compiler", or None. Tries `most` programs."""
    workshop.write(mutant.file, [mutant])
    try:
        for program in nearest(programs, mutant)[:most]:
            if workshop.build(program, switched=False):
                return "compiler"
            if not workshop.run(program, workshop.limit(program)):
                return program.name
    finally:
        workshop.write(mutant.file)
    return None


def judge(workshop, folder, mutants, most):
    """Yields (mutant, killer, whether it was compiled with the others)."""
    programs, left, ran = {}, list(mutants), set()
    for instructions in SETS if folder == "kernels" and "avx2" in CPU.read_text() else [""]:
        programs[instructions] = programs_of(folder, instructions, left)
        for mutant, killer in judge_together(workshop, programs[instructions], list(left)):
            ran.add(mutant)
            if killer:
                left.remove(mutant)
                yield mutant, killer, True
    for file in {mutant.file for mutant in mutants}:
        workshop.write(file)
    for mutant in left:
        yield mutant, None if mutant in ran else judge_alone(workshop, programs[""], mutant, most), mutant in ran


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_results(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def record(path, mutant, killer, ran):
    verdict = "survived" if killer is None else "not compiled" if killer == "compiler" else "killed"
    print(f"{verdict:13}{mutant.file}:{mutant.line} {killer or ''}\n  - {mutant.before}\n  + {mutant.after}", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps({"file": mutant.file, "line": mutant.line, "kind": mutant.kind, "before": mutant.before,
                               "after": mutant.after, "occurrence": mutant.occurrence, "verdict": verdict, "by": killer,
                               "ran": ran}) + "\n")


def equivalent_keys(path):
    """{(file, before, after)} of a list of mutants that change nothing."""
    blocks = re.findall(r"^(\S+\.hpp)\n- (.*)\n\+ (.*)\n= \S", path.read_text(), re.M) if path.exists() else []
    return {(file, " ".join(before.split()), " ".join(after.split())) for file, before, after in blocks}


def summary(results, equivalent):
    results = [one for one in results if (one["file"], one["before"], one["after"]) not in equivalent]
    print(f"{'folder':10}{'killed':>8}{'survived':>10}{'not compiled':>14}{'kill rate':>11}")
    for folder in sorted({one["file"].split("/")[0] for one in results}):
        count = collections.Counter(one["verdict"] for one in results if one["file"].startswith(folder + "/"))
        judged = count["killed"] + count["survived"]
        print(f"{folder:10}{count['killed']:8}{count['survived']:10}{count['not compiled']:14}"
              f"{100 * count['killed'] / max(judged, 1):9.0f} %")
    for one in results:
        if one["verdict"] == "survived":
            note = "" if one["ran"] else ", a constant, or no test runs it"
            print(f"\ninclude/spat/{one['file']}:{one['line']} ({one['kind']}{note})")
            print(f"- {one['before']}\n+ {one['after']}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="kernels,nn,train,prune,data", help="with commas between (%(default)s)")
    parser.add_argument("--file", default="", help="only headers whose path in include/spat contains this")
    parser.add_argument("--count", type=int, default=20, help="mutants of each folder (20)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another sample (1)")
    parser.add_argument("--list", action="store_true", help="print the sample and stop")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "build/mutation.jsonl", help="build/mutation.jsonl")
    parser.add_argument("--summary", action="store_true", help="print what is in --results and stop")
    parser.add_argument("--also", default="", help="test folders that judge the survivors, too: pipeline,models")
    parser.add_argument("--alone", type=int, default=3, help="test files that a mutant compiled alone is tried with (3)")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/mutation", help="the copy (build/mutation)")
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--equivalent", type=pathlib.Path, default=ROOT / "tests/mutation/equivalent.txt")
    return parser.parse_args()


def main():
    options = arguments()
    equivalent = equivalent_keys(options.equivalent)
    if options.summary:
        return summary(read_results(options.results), equivalent)
    known = {(one["file"], one["before"], one["after"], one["occurrence"]) for one in read_results(options.results)}
    include = ROOT / "include/spat"
    texts = {str(path.relative_to(include)): path.read_text() for path in sorted(include.rglob("*.hpp"))}
    workshop = None if options.list else Workshop(options.work, options.compiler, texts)
    for folder in options.folder.split(","):
        files = [file for file in texts if file.startswith(folder + "/") and options.file in file]
        every = [mutant for file in files for mutant in finder.find(file, texts[file])]
        chosen = [m for m in finder.sample(every, options.count, options.seed) if m.key[:3] not in equivalent]
        if options.list:
            for mutant in chosen:
                print(f"include/spat/{mutant.file}:{mutant.line} ({mutant.kind})\n- {mutant.before}\n+ {mutant.after}")
            continue
        chosen = [mutant for mutant in chosen if mutant.key not in known]
        if not chosen:
            continue
        start, worked = time.monotonic(), processor_seconds()
        left = chosen
        for tests in [folder, *filter(None, options.also.split(","))]:
            last, survivors = tests == (options.also.split(",")[-1] or folder), []
            for mutant, killer, ran in judge(workshop, tests, left, options.alone):
                if killer or last:
                    record(options.results, mutant, killer, ran)
                else:
                    survivors.append(mutant)
            left = survivors
        seconds = (time.monotonic() - start) / len(chosen), (processor_seconds() - worked) / len(chosen)
        print(f"{folder}: {len(chosen)} mutants, {seconds[0]:.1f} s each, {seconds[1]:.1f} s of processor time")


if __name__ == "__main__":
    sys.exit(main())
