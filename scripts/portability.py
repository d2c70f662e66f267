#!/usr/bin/env python3
"""Compiles and runs the library for other instruction sets, compilers and systems.

  scripts/portability.py --list                      the targets, their checks, and what is missing here
  scripts/portability.py                             everything; exit status 1 if a check fails
  scripts/portability.py --only '^aarch64$' --write  one target, and its rows of the table in docs/portability.md
  scripts/portability.py --only '^aarch64/tests io'  one check

The targets are in portability_targets.py. Results are kept in build/portability/results.json: what has passed since the
sources last changed is not run again, so an interrupted run goes on; --again runs it all the same. A target whose compiler is
missing is "not run", which is no failure; --install installs the Debian packages of each target before it (as root).

Checks:
"""
import argparse
import concurrent.futures
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
from portability_checks import BUILD, DEPENDENCIES, HEADERS, KINDS, PLACES, ROOT, Failure, LIMIT
from portability_table import write_table
from portability_targets import TARGETS

RESULTS = BUILD / "results.json"
SOURCES = ("include/**/*.hpp", "tests/**/*.[ch]pp", "examples/quickstart.cpp", "tool/**/*.[ch]pp",
           "scripts/portability_targets.py")


def version(command):
    said = subprocess.run([*command, "--version"], capture_output=True, text=True).stdout
    return f"{pathlib.Path(command[0]).name} {(re.search(r'[0-9]+[.][0-9.]*[0-9]', said) or ['?'])[0]}"


def how(target):
    """The compiler, its flags and what runs the programs, as the table names them."""
    compiler = version(target.compiler) + (f" `{' '.join(target.flags)}`" if target.flags else "")
    return ", ".join(filter(None, [compiler, target.runner and version(target.runner[:1]), target.note]))


def label(check):
    return "refused" if check.startswith("refused") else check


def judge(place, check):
    """(whether it passed, or None if it did not run; the result in words)."""
    kind, _, argument = check.partition(" ")
    (place.folder / (re.sub(r"\W+", "_", label(check).partition(":")[0]) + ".log")).unlink(missing_ok=True)
    try:
        result = KINDS[kind](place, argument)
        return result if isinstance(result, tuple) else (True, result)
    except Failure as failure:
        return False, f"FAILED: {failure}"
    except subprocess.TimeoutExpired:
        return False, f"FAILED: takes more than {LIMIT} s"


def install(target):
    command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *target.packages]
    subprocess.run(command if os.geteuid() == 0 else ["sudo", *command], stdout=subprocess.DEVNULL)


def hash_of_sources():
    paths = sorted(path for pattern in SOURCES for path in ROOT.glob(pattern))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


class Results:
    """What is known of each check, in a file that is written after each."""
    def __init__(self, path, write):
        self.path, self.write, self.lock = path, write, threading.Lock()
        self.known = json.loads(path.read_text()) if path.exists() else {}

    def passed(self, key, sources):
        return self.known.get(key, {}).get("sources") == sources and self.known[key]["passed"]

    def add(self, key, target, passed, result, sources):
        with self.lock:
            self.known[key] = {"how": how(target), "passed": passed, "result": result, "sources": sources,
                               "date": datetime.date.today().isoformat()}
            self.path.write_text(json.dumps(self.known, indent=1) + "\n")
        self.show(key)

    def show(self, key):
        """Puts a result into the table of the page."""
        with self.lock:
            if self.write:
                write_table({key: self.known[key]}, [f"{one.name}/{label(check)}" for one in TARGETS for check in one.checks])


def checks_of(target, only):
    """The chosen checks of a target: those of a name "target" or "target/check" in which the expression occurs."""
    return [check for check in target.checks if re.search(only, target.name) or re.search(only, f"{target.name}/{label(check)}")]


def run_target(place, results, options):
    """Runs the chosen checks of a target. Returns the number of failures."""
    target, failures = place.target, 0
    if options.install and checks_of(target, options.only):
        install(target)
    missing = place.missing()
    for check in checks_of(target, options.only):
        key = f"{target.name}/{label(check)}"
        if missing:
            print(f"{key}: not run: needs {' '.join(target.packages) or ' '.join(missing)}", flush=True)
            continue
        sources = hash_of_sources()
        if results.passed(key, sources) and not options.again:
            print(f"{key}: {results.known[key]['result']} (before, with the same sources)", flush=True)
            results.show(key)
            continue
        passed, result = judge(place, check)
        print(f"{key}: {result}", flush=True)
        failures += passed is False
        if passed is not None:
            results.add(key, target, passed, result, sources)
    return failures


def main():
    kinds = "".join(f"  {name:12}{kind.__doc__}\n" for name, kind in KINDS.items())
    parser = argparse.ArgumentParser(description=__doc__ + kinds, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the targets and stop")
    parser.add_argument("--only", default="", metavar="REGEX", help="the targets or checks (target/check) whose names match")
    parser.add_argument("--jobs", type=int, default=1, help="targets at the same time (1)")
    parser.add_argument("--write", action="store_true", help="put the results into the table of docs/portability.md")
    parser.add_argument("--again", action="store_true", help="also what has passed with the same sources")
    parser.add_argument("--install", action="store_true", help="install the Debian packages of each target before it; --jobs 1")
    options = parser.parse_args()
    if options.list:
        for target in TARGETS:
            missing = PLACES[target.name].missing()
            checks = ", ".join(map(label, target.checks))
            print(f"{target.name:20}{checks}" + (f"  (missing: {' '.join(missing)})" if missing else ""))
        return 0
    if options.install and options.jobs > 1:
        parser.error("--install needs --jobs 1: Debian installs one libc++ at a time")
    chosen = [target for target in TARGETS if checks_of(target, options.only)]
    if not chosen:
        parser.error(f"no target or check matches {options.only}")
    for folder in (HEADERS, *(place.folder for place in PLACES.values())):
        folder.mkdir(parents=True, exist_ok=True)
    for name, folder in DEPENDENCIES.items():
        if not (HEADERS / name).exists():
            (HEADERS / name).symlink_to(pathlib.Path("/usr/include") / folder)
    results = Results(RESULTS, options.write)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        failures = sum(pool.map(lambda target: run_target(PLACES[target.name], results, options), chosen))
    print(f"{failures} checks failed" if failures else "no check failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
