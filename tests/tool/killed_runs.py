#!/usr/bin/env python3
"""Kills runs of the tool at random moments, half of them with SIGTERM, half with SIGKILL, and goes on with them.

  killed_runs.py SPAT [--moments N] [--seed S]

After each kill every file is whole: a version that an uninterrupted run has written, or the older file that was there. What
a write left behind has another name, is no model unless it is whole, and disturbs nobody. The same command, with --resume
once there is a state, then ends with the files of the uninterrupted run, byte for byte, and with its report but for times.

Half of the moments are spread evenly over a run, half of them wait for a file that is being written. Beside them there are
cuts, runs that end within a file, at a certain byte of it; and chains, runs that are killed again and again until one comes
through. Moments are a function of the seed, but where they hit a run depends on the machine.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

STATE = "training.safetensors"
MODELS = ["dense.safetensors", "pruned.safetensors"]
REPORTS = ["report.json", "report.html"]
TEMPORARY = re.compile(r"(.+)\.part\.\d+\.\d+")
SIGNALS = [signal.SIGTERM, signal.SIGKILL]
PHASES = ["first epoch", "later epochs", "scoring", "pruning", "fine-tuning", "measuring", "writing", "after the end"]
NOT_COMPARED = {"command", "processor_seconds", "latency_ms"}
LONGEST_CHAIN = 12

COMMON = "--data ../series.csv --window-stride 4 --latency-seconds 0".split()
TUNING = ["--finetune-epochs", "3"]
TRAINING = ["run", *COMMON, *"--lookback 24 --horizon 6 --layers 3 --width 32 --ffn 32 --heads 2 --epochs 3".split()]
PRUNING = ["prune", *COMMON, *"--model model --criterion leave_one_out --drop 1".split(), *TUNING]


def write_series(path):
    """Three columns, each hour, of whole numbers and eighths."""
    start = datetime.datetime(2020, 1, 1)
    rows = [(start + datetime.timedelta(hours=i), i % 24 + i % 5, i * i % 97 / 8, i * 7 % 31 - i / 128) for i in range(500)]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in [("date", "a", "b", "c"), *rows]))


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in NOT_COMPARED}
    return [without_times(one) for one in value] if isinstance(value, list) else value


class Job:
    """A command with the files of its uninterrupted run. `versions` are the contents that a file may have at any moment."""

    def __init__(self, spat, work, name, command, input_model=None, over_seed=None):
        self.spat, self.name, self.command, self.input_model = spat, name, command, input_model
        self.resumes = command[0] == "run"
        self.failures = self.refused = 0
        self.left, self.older = set(), {}  # the temporary files of the run that was killed last, and the inodes before it
        self.before = {}
        self.before = self.files_of(work / f"{name} before", ["--seed", over_seed]) if over_seed else {}
        begin = time.perf_counter()
        self.final = self.files_of(work / f"{name} whole")
        self.seconds = time.perf_counter() - begin
        self.versions = {file: [self.final[file]] for file in self.final}
        if self.resumes:
            # Each epoch's state is that of a fresh run that stops there: no resume has a part in it.
            stopped = {epoch: self.files_of(work / f"{name} {epoch}", ["--stop-after", str(epoch)]) for epoch in (1, 2, 3)}
            self.versions[STATE] = [files[STATE] for files in stopped.values()]
            if self.versions[STATE][-1] != self.final[STATE]:
                self.fail("the state of the last epoch is another one in a run that stops after it")
        self.writes = sum(len(contents) for contents in self.versions.values())
        for file, content in self.before.items():
            self.versions[file] = [content, *self.versions.get(file, [])]

    def fail(self, text):
        print(f"FAIL {self.name}: {text}", flush=True)
        self.failures += 1

    def files_of(self, place, more=()):
        self.prepare(place)
        process = self.start(place, more)
        if process.wait(timeout=300) != 0:
            sys.exit(f"{self.name}: {(place / 'log').read_text()}")
        return {file.name: file.read_bytes() for file in (place / "out").iterdir()}

    def prepare(self, place):
        place.mkdir()
        (place / "out").mkdir()
        for file, content in self.before.items():
            (place / "out" / file).write_bytes(content)
        if self.input_model:
            (place / "model").write_bytes(self.input_model)

    def start(self, place, more=(), limit=None):
        """Starts the command. It dies within the first file of more bytes than the limit, when it has written them."""
        def limited():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        with open(place / "log", "wb") as log:
            return subprocess.Popen([self.spat, *self.command, *more, "--out", "out"], cwd=place, stdout=log, stderr=log,
                                    preexec_fn=None if limit is None else limited)

    def inspect(self, path):
        return subprocess.run([self.spat, "inspect", path], capture_output=True, text=True, timeout=60)

    def present(self, place, file):
        """The file's content, unless it is missing or older than the run."""
        path = place / "out" / file
        content = path.read_bytes() if path.exists() else None
        return None if content == self.before.get(file) else content

    def phase(self, place):
        """What a killed run was doing, as its files and its progress show it. Measuring fine-tunes the reference, too."""
        written = {file for file, inode in self.inodes(place).items() if inode != self.older.get(file)}
        if self.left:
            return "writing"
        if "report.html" in written:
            return "after the end"
        if written & set(MODELS):
            return "measuring"
        log = (place / "log").read_text()
        if "tune " in log:
            return "fine-tuning"
        if not self.resumes:
            return "scoring"
        state = self.present(place, STATE)
        if state == self.final[STATE]:
            return "pruning"
        return "later epochs" if state else "first epoch"

    def check(self, place, moment):
        """Checks each file after a kill. Returns for each temporary file that the kill left whether it is whole."""
        are_whole = []
        for path in sorted((place / "out").iterdir()):
            content, temporary = path.read_bytes(), TEMPORARY.fullmatch(path.name)
            name = temporary[1] if temporary else path.name
            if name not in self.versions:
                self.fail(f"{moment}: there is {path.name}")
            elif temporary:
                if path.suffix in (".safetensors", ".json", ".html"):
                    self.fail(f"{moment}: {path.name} has the name of a result")
                wholes = [whole for whole in self.versions[name] if whole.startswith(content)]
                if name not in REPORTS and not wholes:
                    self.fail(f"{moment}: {path.name} is no part of a file that the run writes")
                if path.name in self.left and name not in REPORTS:
                    are_whole.append(content in wholes)
                if name not in REPORTS:
                    found = self.inspect(path)
                    if found.returncode != 2 and not (found.returncode == 0 and content in wholes):
                        self.fail(f"{moment}: {path.name} is taken for a whole file: {found}")
                    if found.returncode == 2 and path.name not in found.stderr:
                        self.fail(f"{moment}: {path.name} is not named: {found.stderr}")
            elif name == "report.json":
                reports = [without_times(json.loads(whole)) for whole in self.versions[name]]
                try:
                    if without_times(json.loads(content)) not in reports:
                        self.fail(f"{moment}: {name} has other numbers")
                except ValueError as error:
                    self.fail(f"{moment}: {name}: {error}")
            elif name == "report.html":
                if not content.rstrip().endswith(b"</html>"):
                    self.fail(f"{moment}: {name} is cut off")
            else:
                if content not in self.versions[name]:
                    self.fail(f"{moment}: {name} is no version of an uninterrupted run")
                if self.inspect(path).returncode != 0:
                    self.fail(f"{moment}: {name} cannot be inspected")
        if self.input_model and (place / "model").read_bytes() != self.input_model:
            self.fail(f"{moment}: the model that is pruned is changed")
        return are_whole

    def go_on(self, place, moment):
        """The arguments that continue the run. The state of an older one is refused."""
        if not self.resumes or not (place / "out" / STATE).exists():
            return []
        if self.present(place, STATE):
            return ["--resume"]
        process = self.start(place, ["--resume"])
        said = "" if process.wait(timeout=300) != 2 else (place / "log").read_text()
        if "training.seed" not in said:
            self.fail(f"{moment}: the state of another seed is resumed: {said}")
        self.refused += 1
        self.check(place, moment)
        return []

    def finish(self, place, moment):
        """Lets a killed run end and compares its files with those of the uninterrupted one."""
        left = self.temporaries(place)
        more = self.go_on(place, moment)
        if self.start(place, more).wait(timeout=300) != 0:
            self.fail(f"{moment}: does not go on: {(place / 'log').read_text()}")
            return bool(more)
        found = {file.name: file.read_bytes() for file in (place / "out").iterdir() if file.name not in left}
        if set(found) != set(self.final) | set(self.before):
            self.fail(f"{moment}: other files: {sorted(found)}")
        for file in sorted(set(found) & set(self.final) - set(REPORTS)):
            if found[file] != self.final[file]:
                self.fail(f"{moment}: {file} has other bytes")
        if without_times(json.loads(found["report.json"])) != without_times(json.loads(self.final["report.json"])):
            self.fail(f"{moment}: report.json has other numbers")
        return bool(more)

    @staticmethod
    def inodes(place):
        return {file.name: file.stat().st_ino for file in (place / "out").iterdir()}

    @staticmethod
    def temporaries(place):
        try:
            return {file for file in os.listdir(place / "out") if TEMPORARY.fullmatch(file)}
        except FileNotFoundError:
            return set()

    def kill(self, place, more, which, moment, seconds=None, write=None, pause=0.0):
        """Kills a run after these seconds, or while it writes for the write-th time. Returns whether it was alive."""
        begin, old, self.older = time.perf_counter(), self.temporaries(place), self.inodes(place)
        process = self.start(place, more)
        if seconds is not None:
            try:
                process.wait(timeout=max(0.0, begin + seconds - time.perf_counter()))
            except subprocess.TimeoutExpired:
                pass
        writes, latest = 0, set()
        while write is not None and process.poll() is None:
            now = self.temporaries(place) - old
            writes += len(now - latest)
            latest = now
            if writes >= write:
                until = time.perf_counter() + pause
                while time.perf_counter() < until:
                    pass
                break
        process.send_signal(which)
        status = process.wait(timeout=300)
        self.left = self.temporaries(place) - old
        if status not in (0, -which):
            self.fail(f"{moment}: ended with {status}: {(place / 'log').read_text()}")
        return status == -which


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("spat")
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    spat = os.path.abspath(options.spat)
    draw = random.Random(options.seed)
    phases, temporaries, counts = collections.Counter(), collections.Counter(), collections.Counter()

    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        write_series(work / "series.csv")
        jobs = [Job(spat, work, "iterative, over an older run", [*TRAINING, *TUNING, "--when", "iterative", "--drop", "2"],
                    over_seed="2"),
                Job(spat, work, "in training", [*TRAINING, "--when", "in-training", "--drop", "2"])]
        jobs.append(Job(spat, work, "prune", PRUNING, input_model=jobs[0].final["dense.safetensors"]))
        place = work / "moment"

        def after_kill(job, moment, killed):
            if killed:
                phases[job.phase(place)] += 1
            for whole in job.check(place, moment):
                temporaries["whole" if whole else "half"] += 1

        def ends(job, moment):
            counts["resumed" if job.finish(place, moment) else "started again"] += 1

        for number in range(options.moments):
            job, which = jobs[number // 4 % len(jobs)], SIGNALS[number % 2]
            for attempt in range(10):  # a run that ended before its moment does not count
                job.prepare(place)
                if number // 2 % 2 == 0:
                    when = {"seconds": draw.uniform(0, job.seconds)}
                else:
                    when = {"write": draw.randint(1, job.writes), "pause": draw.choice([0, 0.0003, 0.003]) * draw.random()}
                moment = f"moment {number}, {which.name}, {when}"
                killed = job.kill(place, [], which, moment, **when)
                after_kill(job, moment, killed)
                if killed:
                    counts[which.name] += 1
                    ends(job, moment)
                shutil.rmtree(place)
                if killed:
                    break
            else:
                job.fail(f"moment {number}: no run was alive at its moment")

        for number in range(max(3, options.moments // 4)):
            job = jobs[number % len(jobs)]
            job.prepare(place)
            states = job.versions.get(STATE, [])[-3:]
            epochs = draw.randint(0, len(states))
            if epochs:
                (place / "out" / STATE).write_bytes(states[epochs - 1])
            file = STATE if epochs < len(states) else next(model for model in MODELS if model in job.final)
            limit = draw.randrange(len(job.final[file]) * 2 // 3)  # a state of fewer epochs is shorter
            moment = f"cut {number}, {file} after epoch {epochs}, byte {limit}"
            job.older = job.inodes(place)
            status = job.start(place, ["--quiet", "--resume"] if epochs else ["--quiet"], limit).wait(timeout=300)
            job.left = job.temporaries(place)
            sizes = [(place / "out" / name).stat().st_size for name in job.left]
            if status != -signal.SIGXFSZ or sizes != [limit]:
                job.fail(f"{moment}: ended with {status}, with files of {sizes} bytes: {(place / 'log').read_text()}")
            after_kill(job, moment, True)
            counts["cuts"] += 1
            ends(job, moment)
            shutil.rmtree(place)

        for number in range(max(1, options.moments // 10)):
            job, more = jobs[number % len(jobs)], []
            job.prepare(place)
            for link in range(LONGEST_CHAIN):
                moment, which = f"chain {number}, link {link}", SIGNALS[link % 2]
                if draw.random() < 0.7:
                    when = {"seconds": draw.uniform(0.2, 0.7) * job.seconds}
                else:
                    when = {"write": draw.randint(1, 3)}
                killed = job.kill(place, more, which, moment, **when)
                after_kill(job, moment, killed)
                if not killed:
                    break
                counts["links"] += 1
                more = job.go_on(place, moment)
                counts["resumed" if more else "started again"] += 1
            job.finish(place, moment)
            counts["chains"] += 1
            shutil.rmtree(place)

    kills = ", ".join(f"{counts[which.name]} {which.name}" for which in SIGNALS)
    print(f"killed: {kills}, {counts['cuts']} within a file, {counts['links']} in {counts['chains']} chains")
    print("while:  " + ", ".join(f"{phase} {phases[phase]}" for phase in PHASES if phases[phase]))
    print(f"left:   {temporaries['half']} half-written and {temporaries['whole']} whole temporary files")
    print(f"went on: {counts['resumed']} resumed, {counts['started again']} started again, "
          f"{sum(job.refused for job in jobs)} refused the state of an older run")
    failures = sum(job.failures for job in jobs)
    print(f"{failures} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
