"""What scripts/portability.py does for a target: compiling, running, and the kinds of checks."""
import os
import pathlib
import re
import shutil
import subprocess
import threading

from portability_targets import TARGETS

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/portability"
HEADERS = BUILD / "headers"  # of the dependencies alone: a compiler for another system must not see all of /usr/include
DEPENDENCIES = {"xsimd": "xsimd", "nlohmann": "nlohmann", "catch2": "catch2", "CLI": "CLI", "Eigen": "eigen3/Eigen"}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
STRICT = [*WARNINGS, "-Wold-style-cast", "-Wsign-conversion", "-Wdouble-promotion"]
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
UNIT = 16  # test files at most that compile as one unit
LIMIT = 7200  # seconds of one command
TOOL_RUN = ["run", "--synthetic", "--rows", "700", "--lookback", "24", "--horizon", "6", "--layers", "3", "--width", "16",
            "--ffn", "16", "--heads", "2", "--latency-seconds", "0", "--epochs", "2", "--quiet", "--out"]


class Failure(Exception):
    """Why a check failed, as one line."""


def fixtures():
    return pathlib.Path(os.environ.get("SPAT_FIXTURES", ROOT.parent / "shared/fixtures"))


class Workplace:
    """The folder of one target, and its compiler."""
    def __init__(self, target, build=BUILD):
        self.target, self.folder = target, build / target.name
        self.made, self.lock = {}, threading.RLock()

    def missing(self):
        """What the target needs and this machine lacks."""
        def absent(need):
            if need.startswith("cpu:"):
                return need[4:] not in pathlib.Path("/proc/cpuinfo").read_text().split()
            return not (pathlib.Path(need).exists() if need.startswith("/") else shutil.which(need))
        return [need for need in (self.target.compiler[0], *self.target.runner[:1], *self.target.needs) if absent(need)]

    def call(self, command, log, folder=ROOT):
        """Runs a command; what it prints goes to the log, too."""
        environment = {**os.environ, "WINEDEBUG": "-all", "WINEPREFIX": str(BUILD / "wine")}
        done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=LIMIT)
        with (self.folder / f"{log}.log").open("a") as file:
            file.write(f"$ {' '.join(map(str, command))}\n{done.stdout}\n")
        return done

    def compiler(self, *arguments):
        return [*self.target.compiler, "-std=c++20", *self.target.flags, "-Iinclude", "-I.", "-isystem", HEADERS, *arguments]

    def compile(self, log, *arguments):
        done = self.call(self.compiler(*arguments), log)
        if done.returncode:
            raise Failure(f"does not compile: {first_error(done.stdout)}")

    def run(self, log, program, *arguments):
        done = self.call([*self.target.runner, program, *arguments], log, self.folder)
        if done.returncode:
            raise Failure(f"exit status {done.returncode}: {(done.stdout.strip().splitlines() or ['no output'])[-1]}")
        return done.stdout

    def program(self, name):
        return self.folder / (name + self.target.suffix)

    def build(self, log, name, files, *flags, link=()):
        """A program of many files, up to UNIT of them as one unit, as the CMake build compiles them."""
        objects = []
        for first in range(0, len(files), UNIT):
            unit = self.folder / f"{name}_{first // UNIT}.cpp"
            unit.write_text("".join(f'#include "{file}"\n' for file in files[first:first + UNIT]))
            objects.append(unit.with_suffix(".o"))
            self.compile(log, *flags, "-c", unit, "-o", objects[-1])
        self.compile(log, *objects, *link, "-pthread", "-o", self.program(name))
        return self.program(name)

    def once(self, make):
        """What `make` of this class returns, made once: other targets ask for the native quickstart and tool, too."""
        with self.lock:
            if make not in self.made:
                self.made[make] = make(self)
            return self.made[make]

    def test_main(self):
        main = self.folder / "main.o"
        self.compile("main", "-O0", "-c", "tests/main.cpp", "-o", main)
        return main

    def quickstart(self):
        self.compile("quickstart", *STRICT, "-O1", "examples/quickstart.cpp", "-pthread", "-o", self.program("quickstart"))
        return self.run("quickstart", self.program("quickstart"))

    def tool(self):
        """The tool, which has trained and pruned a model."""
        files = sorted((ROOT / "tool").glob("*.cpp")) + sorted((ROOT / "tool/models").glob("*.cpp"))
        program = self.build("tool", "spat", files, *WARNINGS, "-O1")
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        self.run("tool", program, *TOOL_RUN, "run")
        return program

    def forecast(self, model, name):
        """The text of a forecast by this target's tool, with a model that any target's tool trained."""
        shutil.copy(model, self.folder / f"{name}.safetensors")
        self.run("tool", self.once(Workplace.tool), "forecast", "--model", f"{name}.safetensors", "--synthetic", "--rows", "700",
                 "--quiet", "--out", f"{name}.csv")
        return (self.folder / f"{name}.csv").read_text()


def first_error(text):
    errors = [line for line in text.splitlines() if "error" in line or "undefined reference" in line]
    return (errors or text.strip().splitlines() or ["no message"])[0].replace(f"{ROOT}/", "")


def compare(text, reference, scale=0):
    """Says in words how far the numbers of two texts agree. Whole numbers and words are equal; other numbers within 1e-4,
    relative to the number or to `scale`, or to one in the last digit, because what is printed is rounded."""
    if NUMBER.sub("#", text).split() != NUMBER.sub("#", reference).split():
        raise Failure("the words, or the count of the numbers, differ from the native ones")
    pairs = list(zip(NUMBER.findall(text), NUMBER.findall(reference)))
    for found, expected in pairs:
        mantissa, _, exponent = expected.partition("e")
        digits = len(mantissa.partition(".")[2])
        allowed = max(1e-4 * max(abs(float(expected)), scale), 1.001 * 10.0 ** (int(exponent or 0) - digits)) \
            if digits or exponent else 0
        if not abs(float(found) - float(expected)) <= allowed:
            raise Failure(f"prints {found}, the native program {expected}")
    if not pairs:
        raise Failure("prints no number")
    differing = sum(found != expected for found, expected in pairs)
    return f"{len(pairs)} numbers, " + (f"{differing} of them not to the last digit" if differing else "all as the native ones")


def without_times(text):
    return "\n".join(line for line in text.splitlines() if not re.match(r"\s*(latency|p10-p90)", line))


def check_parse(place, _):
    """the whole library with all warnings as errors"""
    source = place.folder / "parse.cpp"
    source.write_text("#include <spat/spat.hpp>\n")
    place.compile("parse", *STRICT, "-fsyntax-only", source)
    return "no warning"


def check_quickstart(place, _):
    """examples/quickstart.cpp prints the numbers of the native one, latencies excepted; compiled with all warnings as errors"""
    result = compare(*(without_times(one.once(Workplace.quickstart)) for one in (place, PLACES["native"])))
    return "the reference" if place is PLACES["native"] else result


def check_link(place, _):
    """examples/quickstart.cpp compiles and links; it does not run"""
    place.compile("link", "-O1", "examples/quickstart.cpp", "-pthread", "-o", place.program("quickstart"))
    return "links"


def check_refused(place, sentence):
    """the compiler's first error is the sentence with which the library refuses the target"""
    done = place.call(place.compiler("-fsyntax-only", "-x", "c++", "include/spat/spat.hpp"), "refused")
    if done.returncode == 0:
        raise Failure("compiles")
    if sentence not in first_error(done.stdout):
        raise Failure(f"another first error: {first_error(done.stdout)}")
    return "refused: " + re.sub(r'.*error: (#error )?', "", first_error(done.stdout)).strip('"')


def run_tests(place, folder, files, kind):
    defines = [f'-DSPAT_DEFAULT_FIXTURES="{fixtures()}"', f'-DSPAT_DEFAULT_DATA="{ROOT.parent}/shared/data"']
    name = f"{kind}_{folder}"
    program = place.build(name, name, files, *WARNINGS, "-O1", *defines, link=[place.once(Workplace.test_main)])
    said = place.run(name, program, "[parity]" if kind == "parity" else "~[parity]~[.]")
    passed = re.search(r"All tests passed \((.*)\)", said)
    if not passed:
        raise Failure(said.strip().splitlines()[-1] if said.strip() else "no test ran")
    return passed.group(1)


def check_tests(place, argument):
    """the unit tests of a folder, or of some of its files"""
    folder, _, names = argument.partition(":")
    files = sorted((ROOT / "tests" / folder).glob("*.cpp"))
    return run_tests(place, folder, [file for file in files if not names or file.stem in names.split()], "tests")


def check_parity(place, folder):
    """a folder's comparisons with PyTorch's numbers, which lie in the folder SPAT_FIXTURES"""
    if not fixtures().is_dir():
        return None, "not run: needs the reference files (SPAT_FIXTURES)"
    files = [file for file in sorted((ROOT / "tests" / folder).glob("*.cpp")) if "[parity]" in file.read_text()]
    return run_tests(place, folder, files, "parity")


def check_identity(place, _):
    """masked, pruned and static pruned model have the same bits, for every mask"""
    place.compile("identity", "-O2", "tests/identity/itransformer.cpp", "-pthread", "-o", place.program("identity"))
    return place.run("identity", place.program("identity")).strip().splitlines()[-1]


def check_tool(place, _):
    """the tool trains and prunes, and forecasts with a model of the native tool; the native tool with its model"""
    native = PLACES["native"]
    if place is native:
        place.once(Workplace.tool)
        return "trains and prunes"
    results = []
    for trainer in (native, place):
        trainer.once(Workplace.tool)
        model, name = trainer.folder / "run/pruned.safetensors", f"of_{trainer.target.name}"
        expected = native.forecast(model, name)
        largest = max(abs(float(number)) for number in NUMBER.findall(expected) if "." in number)
        results.append(f"model of {trainer.target.name}: {compare(place.forecast(model, name), expected, largest)}")
    return "trains and prunes; forecasts, " + "; ".join(results)


KINDS = {kind.__name__.removeprefix("check_"): kind for kind in
         (check_parse, check_quickstart, check_tests, check_parity, check_identity, check_tool, check_link, check_refused)}
PLACES = {target.name: Workplace(target) for target in TARGETS}
