#!/usr/bin/env python3
"""Requires that every option of every command has an effect, and is refused where it could have none.

  options.py SPAT [COMMAND...]

The options are those of `spat COMMAND --help`. Each has an entry below, and each entry is an option. An entry gives a command
twice, without the option and with it, and something has to differ: the exit code, what is printed, or what is written. Times
do not count, nor does what only repeats the command line. Combinations in which an option could have no effect are refused,
with exit code 2 and the option's name.
"""
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from options_files import make_checkpoints, make_files

# What the entries add to. An option of an entry takes the place of the same one here.
SIZES = "--lookback 8 --horizon 2 --layers 3 --width 8 --ffn 8 --heads 2"
TRAIN = f"--data ../plant.csv {SIZES} --epochs 1 --finetune-epochs 1 --latency-seconds 0 --quiet --out out"
SAVED = "--model ../dense.safetensors --data ../plant.csv --quiet"
BASE = {
    "": "", "models": "", "inspect": "../dense.safetensors", "run": TRAIN, "compare": TRAIN,
    "evaluate": SAVED, "forecast": SAVED, "backtest": f"{SAVED} --out out",
    "prune": f"{SAVED} --finetune-epochs 1 --latency-seconds 0 --out out",
    "update": f"{SAVED} --epochs 1 --rate 1e-3 --out out.safetensors",
    "import": "../checkpoint.safetensors --model itransformer --heads 2 --data ../plant.csv --quiet --out out.safetensors",
    "export": "../dense.safetensors --onnx out.onnx --c out.c --header out.hpp --out out.safetensors --quiet",
    "latency": f"--data ../plant.csv {SIZES} --seconds 0 --csv --quiet",
}
NEW, OLD = ["run", "compare", "latency"], ["prune", "evaluate", "forecast", "backtest", "update"]

# Entries are parted by " / " or stand on lines of their own: "more | option ! words", or the option alone. "more" is what the
# command has without the option as well; "--option -" in it leaves out an option of the base. Without words the option is
# taken and changes something. With words it is refused in these words, and the command without it is taken. "=" instead of
# "|": nothing changes. "<": the processor time at least doubles.
HELP = "--help / --help-all"
FORM = """--help / --help-all / --data ../other.csv / --no-header ! plant.csv
--data ../notes.csv | --separator , / --data ../quoted.csv | --decimal , / --data ../thousands.csv --decimal , | --thousands .
--data ../slashes.csv | --date-format mdy / --data ../gap.csv | --strict-times ! gap.csv:51
--data ../slashes.csv | --quiet / --data ../holes.csv | --missing linear"""
FORM_OF_NEW = """--time-column none / --frequency D / --marks t / --synthetic / --columns a,b / --ignore a / --features S
--data ../years.csv --columns 2021,2022 | --header / --data ../long.csv | --long id,date,load
--data ../codes.csv | --missing-code -9999 / --model timexer --set patch=4 / --model timexer | --set patch=4
--lookback 12 / --horizon 3 / --layers 2 / --width 16 / --ffn 16"""
FORM_OF_OLD = """--model ../pruned.safetensors / --time-column none ! dates / --data ../days.csv | --frequency D
--marks t ! contradicts / --long id,date,load ! contradicts / --target a ! contradicts / --missing-code -1 ! contradicts
--synthetic ! no column / --model ../synthetic.safetensors --synthetic | --rows 300
--model ../bare.safetensors --data ../bare.csv | --header ! no column"""
PARTS = "--protocol ett-hourly ! rows / --window-stride 3 / --test-stride 3"
RANGE = "--whole / --from 2024-01-07 / --to 2024-01-06"
TRAINING = """--synthetic | --rows 300 / --target a / --heads 4 / --no-instance-norm / --dropout 0.5 / --epochs 2
--batch 8 / --rate 1e-2 / --clip 1e-6 / --drop-last / --layer-drop 0.5 / --averaging ema / --seed 2 / = --threads 2
--epochs 3 | --schedule constant / --epochs 6 --rate 1 | --patience 1
--averaging ema | --average-decay 0.1 / --averaging swa --epochs 2 | --average-from 2
--model timexer --set patch=4 --features MS | --known-covariates"""
TUNING = """--finetune-epochs 2 / --finetune-rate 1e-2 / --distill 0.5 / --latency-seconds 0.05 / --out other
--finetune-epochs 8 --finetune-rate 0.03 | --finetune-patience 1
--test-data ../other.csv / --test-data ../other.csv | --refit-scaler"""
PRUNING = """--criterion random / --send-variant absolute_mean / --send-dynamics epoch / --loss-reduction sum
--send-normalized / --drop 2 / --drop-ratio 1 / --drop-below 1e9 / --reduce-macs 0.5 / --reduce-parameters 0.4
--latency-ms 1e6 / --loss-increase 1e3 / --loss-increase 0.03 | --origins 12 / --keep 001 / --drop 2 | --when iterative
--search / --search | --search-method greedy / --search --search-method beam | --beam-width 1"""
SIZES_IN_SHAPES = """--lookback 9 ! lookback / --horizon 9 ! horizon / --layers 4 ! layers / --width 6 ! width / --ffn 9 ! ffn
--heads 4 / --no-instance-norm / --set marks=4 ! marks / --dropout 1 ! dropout / = ../plain.safetensors / --features S"""
NAMES = """--prefix model. ! model. / ../mapped.safetensors | --map ../names.txt
../wide.safetensors | --narrow / ../more.safetensors | --allow-unused"""
UPDATING = """{0}| --epochs 2 / {0}| --rate 1e-2 / {0}| --batch 8 / {0}| --seed 2
{0}--epochs 8 --rate 0.03 --seed 2 | --patience 1"""
TABLE = [
    ([""], [HELP, "--version"]), (["inspect"], [HELP, "../pruned.safetensors"]),
    (["compare"], ["--layers 4 | --most-masks 1"]), (["models"], [HELP, "timexer / --markdown"]), (NEW, [FORM, FORM_OF_NEW]),
    (["run", "prune"], [PRUNING]), (OLD, [FORM, FORM_OF_OLD]), (["run", "compare"], [PARTS, TRAINING, TUNING]),
    (["run"], ["--finetune-epochs - --when in-training --epochs 4 | --latest-epoch 1 / --resume ! training.safetensors",
               "--epochs 2 | --stop-after 1 / --epochs 6 --rate 0.03 --patience 0 | --scores-of best"]),
    (["prune"], [PARTS, TUNING, "--when in-training --finetune-epochs 4 | --latest-epoch 1 / --scoring-batches 1",
                 "--rate 1e-2 / --finetune-epochs 0 | --batch 8 / --finetune-epochs 0 | --seed 2 / = --threads 2"]),
    (["evaluate"], [RANGE, "--protocol ett-hourly ! rows / --test-stride 3 / = --threads 2",
                    "--data ../other.csv | --refit-scaler"]),
    (["forecast"], ["--intervals 80 / --future ../future.csv / --out out.csv"]),
    (["backtest"], [RANGE, UPDATING.format("--retrain 4 "),
                    "--step 1 / --origins 1 / --season 3 / --retrain 4 / = --threads 2 / --out other"]),
    (["update"], [PARTS, UPDATING.format(""), "--data ../other.csv | --scaler keep / --out b.safetensors / = --threads 2"]),
    (["import"], [FORM, SIZES_IN_SHAPES, NAMES, "--time-column none / --frequency D / --columns a,b / --ignore a / --target a",
                  "--data ../codes.csv | --missing-code -9999 / --data ../long.csv | --long id,date,load / --no-scaler",
                  "--synthetic / --synthetic | --rows 300 / --data ../years.csv | --header / --protocol ett-hourly ! rows",
                  "--model transformer ! missing / --marks none / --out b.safetensors / --data - | --scaler-from ../pruned.safetensors"]),
    (["export"], [HELP, "../pruned.safetensors / --onnx b.onnx / --c b.c / --header b.hpp / --out b.safetensors / --weights int8",
                  "--name plant / --scaled / --quiet - | --quiet / --verify ! ONNX Runtime"]),
    (["latency"], ["< --batch 500 / < --seconds 0.3 / = --threads 2",
                   "--model crossformer --set segment=4 | --no-instance-norm ! no instance_norm",
                   "--heads 3 ! heads must divide / --csv"]),
]

POSITIONAL = {"inspect": "file", "models": "name", "import": "checkpoint", "export": "model"}

# Combinations without an effect, parted by " // ": "command,command more & more | option / option". The command is taken
# without the option. With it the exit code is 2, and the message has the option's name.
FILE_FORM = "--separator ; / --decimal , / --header / --time-column none / --date-format dmy / --strict-times"
PLAIN, UNTUNED = "--layers - --width - --ffn - --heads - --finetune-epochs -", "--finetune-epochs - --scoring-batches -"
TUNED = "--finetune-epochs 1 / --finetune-patience 1 / --finetune-rate 1e-2 / --distill 0.5"
SCORED = "--criterion random / --send-variant absolute_mean / --when iterative"
DRAWN = "--seed 2 / --batch 8 / --rate 1e-2 / --scoring-batches 1"
REFUSED = f"""export --onnx - --c - --header - | --onnx ../dense.safetensors / --scaled / --name a / --verify
export --c - --out - | --weights int8
run | --rows 300 / --date-format dmy / --quiet --quiet / --refit-scaler / --known-covariates
run --synthetic --rows 300 | {FILE_FORM} / --ignore oil_temperature / --thousands . / --no-header
run --synthetic --rows 300 | --missing-code -1 / --missing linear / --long id,date,load
latency --synthetic | {FILE_FORM} / --frequency D
forecast --synthetic --model ../synthetic.safetensors | {FILE_FORM}
compare --synthetic --rows 300 & --data ../bare.csv | --frequency D // run --columns a,b | --ignore c
run --data ../years.csv | --header --header
run --time-column none & --data ../bare.csv | --date-format dmy / --strict-times
evaluate,forecast --data ../bare.csv --model ../bare.safetensors | --strict-times
forecast --data ../bare.csv --model ../bare.safetensors | --frequency h
forecast --model ../dlinear.safetensors | --future ../future.csv // evaluate --whole | --refit-scaler / --protocol custom
backtest | --epochs 1 / --rate 1e-2 / --patience 1 / --batch 8 / --seed 2 // backtest --origins 1 | --step 1
run --data ../long.csv --long id,date,load | --columns a / --target a / --no-header
run --data ../long.csv --long id,date,load --model rlinear {PLAIN} | --features S
run --model timexer --set patch=4 & --model timexer --set patch=4 --features MS --columns c | --known-covariates
run | --average-decay 0.1 / --average-from 1 / --latest-epoch 1 / --origins 3 / --search-method greedy / --beam-width 1
run --averaging swa | --average-decay 0.1 / --average-from 2
run,compare --finetune-epochs 0 | --finetune-patience 1 / --finetune-rate 1e-2 / --distill 0.5
run --finetune-epochs - --drop 0 | {TUNED} / --search // run --finetune-epochs - --keep 111 | {TUNED}
run --finetune-epochs - --when in-training --epochs 4 | {TUNED} / --search / --scores-of best
run --when iterative | --latest-epoch 1 / --scores-of best // run --keep 001 | --when iterative / --origins 3
run --search & --search --search-method greedy & --search --search-method exhaustive | --beam-width 1
run --criterion random | --send-variant absolute_mean / --send-dynamics epoch / --send-normalized / --loss-reduction sum
run --model dlinear {PLAIN} | {TUNED} / {SCORED} / --search / --layer-drop 0.5 / --drop 0 / --drop-ratio 0
run --model dlinear {PLAIN} | --no-instance-norm / --scores-of best / --marks h / --dropout 0.5
run --model smamba {PLAIN} | {TUNED} / {SCORED} / --search / --layer-drop 0.5 / --drop 0
run --model rlinear {PLAIN} | --dropout 0.5 // run --finetune-epochs - --when in-training --epochs 4 --drop 0 | --latest-epoch 1
prune --model ../dlinear.safetensors {UNTUNED} | {TUNED} / {SCORED} / {DRAWN} / --window-stride 3
prune --model ../smamba.safetensors {UNTUNED} | {TUNED} / {SCORED} / {DRAWN}
prune --finetune-epochs 0 & --finetune-rate 1e-3 | --rate 1e-2
prune --scoring-batches - --finetune-epochs 0 --criterion magnitude | --batch 8 / --seed 2
prune --finetune-epochs - --drop 0 | {TUNED} / --date-format dmy / --rate 1e-2
prune --scoring-batches - --keep 001 | --scoring-batches 1 / --send-variant absolute_mean""".replace(" // ", "\n").splitlines()
for one in "drop_first", "drop_last", "drop_every_other", "random", "magnitude", "leave_one_out":
    REFUSED += [f"run --criterion {one} --epochs 6 --rate 0.03 --patience 0 | --scores-of best",
                f"prune --criterion {one} --scoring-batches - | --scoring-batches 1"]


ECHOES = {"command", "run", "criterion", "budget", "schedule", "data", "seed", "step", "season"}
READ = set("csv time_column date_format missing missing_code stride protocol marks features known_covariates".split())
TIMES = {"latency_ms", "median", "p10", "p90", "on_front"}


def without_echoes(value):
    """JSON without what repeats the command line, and without times."""
    if isinstance(value, dict):
        return {key: 0 if key.endswith("seconds") or key in TIMES and isinstance(one, (float, bool)) else without_echoes(one)
                for key, one in value.items() if key not in ECHOES}
    return [without_echoes(one) for one in value] if isinstance(value, list) else value


def content(path):
    """What a written file says. The page is left out, which says what the JSON beside it does."""
    data = path.read_bytes()
    if path.suffix != ".safetensors":
        return "" if path.suffix == ".html" else without_echoes(json.loads(data)) if path.suffix == ".json" else data
    size = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + size])
    about = {key: text for key, text in head.pop("__metadata__").items() if key not in ("spat.run", "spat.training")}
    for key, echoes in ("spat.data", READ), ("spat.config", {"dropout"}):
        if key in about:
            about[key] = {name: one for name, one in json.loads(about[key]).items() if name not in echoes}
    return about, head, data[8 + size:]


def printed(text):
    text = re.sub(r"^(criterion|budget|schedule|data|latency ms|  p10-p90|written).*\n", "", text, flags=re.M)
    times = r"\b\d+\.\d s\b| \d+\.\d{4} +[+-][\d.]+ %$|(?<=\d),\d+\.\d{6}$"  # of an epoch, and of spat latency
    return re.sub(times, "", text, flags=re.M)


def groups(text):
    """Options with their values; the words before the first option are one as well."""
    return [one.split() for one in re.split(r"(?:^| )(?=--)", text.strip()) if one]


def merged(base, more):
    """The groups of `base` that `more` does not replace, and those of `more`."""
    names = {group[0] for group in more} | ({"--data"} if ["--synthetic"] in more else set())
    names |= {group[0] for group in base if more and not more[0][0].startswith("--") and not group[0].startswith("--")}
    return [group for group in base if group[0] not in names] + [group for group in more if group[1:] != ["-"]]


class Entry:
    def __init__(self, text):
        self.more, self.sign, option = re.fullmatch(r"(?:(.*?)([|=<]) )?(.*)", text).groups()
        self.option, _, self.words = option.partition(" ! ")
        self.groups, self.name = groups(self.option), self.option.split()[0]


class Options:
    def __init__(self, spat):
        self.spat, self.failures, self.checks, self.seen = spat, 0, 0, {}
        self.bare = {**os.environ, "PATH": "/nowhere", "NODE_PATH": ""}  # no program runs the ONNX files

    def fail(self, what):
        print(f"FAIL {what}", flush=True)
        self.failures += 1

    def call(self, command, parts):
        """What can be observed of a command, and its processor time in seconds."""
        shutil.rmtree("work", ignore_errors=True)
        os.mkdir("work")
        words = [self.spat, *command.split(), *(word for group in parts for word in group)]
        start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd="work", env=self.bare)
        took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start
        files = {str(path): content(path) for path in sorted(pathlib.Path("work").rglob("*")) if path.is_file()}
        return (done.returncode, printed(done.stdout), printed(done.stderr), files), took

    def check(self, command, entry):
        base = merged(groups(BASE[command]), groups(entry.more or ""))
        base = [group for group in base if group != [entry.name]]  # the flag itself
        key = command, str(base)
        if key not in self.seen:
            self.seen[key] = self.call(command, base)
            if not entry.words and self.call(command, base)[0] != self.seen[key][0]:
                self.fail(f"spat {command} {base}: two equal calls differ")
        (before, took), (after, longer) = self.seen[key], self.call(command, merged(base, entry.groups))
        self.checks += 1
        where = f"spat {command} {entry.more or ''}[{entry.option}]: "
        if entry.words and before[0] != 0:
            self.fail(f"{where}is refused without the option: {before[2].strip()[-200:]}")
        elif entry.words and (after[0] != 2 or entry.words not in after[2]):
            self.fail(f'{where}exit code {after[0]}, not 2 with "{entry.words}": {after[2].strip()[-200:]}')
        elif after[0] != (2 if entry.words else 0):
            self.fail(f"{where}exit code {after[0]}: {after[2].strip()[-200:]}")
        elif entry.sign == "<" and longer < 2 * took:
            self.fail(f"{where}took {longer:.3f} s, and {took:.3f} s without it")
        elif not entry.words and entry.sign != "<" and (before == after) != (entry.sign == "="):
            self.fail(f"{where}{'something' if entry.sign == '=' else 'nothing'} changes")


def main():
    options = Options(os.path.abspath(sys.argv[1]))

    def names_of(command, pattern=r"^  (?:-\w,)?(--[\w-]+)|^  (\w+) TEXT"):
        text = subprocess.run([options.spat, *command.split(), "--help"], capture_output=True, text=True).stdout
        return ["".join(found) for found in re.findall(pattern, text, re.M)]
    commands = ["", *names_of("", r"^  (\w+)   ()")]
    entries = {command: {} for command in commands}
    for command, text in ((command, text) for some, texts in TABLE for command in some for text in texts):
        for entry in map(Entry, re.split(r" / |\n", text)):
            name = entry.name if entry.name.startswith("--") else POSITIONAL[command]
            if entries.setdefault(command, {}).setdefault(name, entry) is not entry:
                options.fail(f"spat {command}: {name} has two entries")
    if set(commands) != set(BASE):
        options.fail(f"the commands are {commands}, those with entries {list(BASE)}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_files()
        for model, more in {"synthetic": "--synthetic --rows 400", "bare": "--data ../bare.csv", "dense": "",
                            **{model: f"--model {model} {PLAIN}" for model in ("dlinear", "smamba")}}.items():
            parts = merged(groups(BASE["run"]), groups(more))
            done = options.call("run", parts)[0]
            if done[0] != 0:
                sys.exit(f"FAIL spat run {parts}: {done[2]}")
            for written, name in ("dense", model), *([("pruned", "pruned")] if model == "dense" else []):
                shutil.copy(f"work/out/{written}.safetensors", f"{name}.safetensors")
        make_checkpoints("dense.safetensors")
        for command in sys.argv[2:] or commands:
            names = names_of(command)
            for name in set(names) ^ set(entries[command]):
                options.fail(f"spat {command}: {name} has {'no entry' if name in names else 'an entry alone'}")
            for name in filter(entries[command].get, names):
                options.check(command, entries[command][name])
        for line in REFUSED:
            some, more, refused = re.fullmatch(r"(\S+) (.*?)\| (.*)", line).groups()
            for command, one, option in itertools.product(some.split(","), more.split("& "), refused.split(" / ")):
                if command in (sys.argv[2:] or commands):
                    options.check(command, Entry(f"{one}| {option} ! {option.split()[0]}"))
    if not options.failures:
        print(f"options: {options.checks} of {len(commands) - 1} commands have an effect, or are refused")
    sys.exit(options.failures != 0)


if __name__ == "__main__":
    main()
