#!/usr/bin/env python3
"""Exports models as C++ headers, compiles programs with them, and compares their forecasts with those of `spat forecast`.

  header_export.py SPAT [--all] [--include FOLDER] [--gxx PROGRAM] [--clangxx PROGRAM]

The programs read the last rows of a CSV file as numbers. They print the same forecasts, number for number, if they are compiled
for the instruction set of SPAT. They count their calls of operator new: a forecaster that exists makes none. Five compilations;
with --all, every model with and without modules, time marks and scaler, by g++ and clang++. A program whose model has no
attention contains none. FOLDER holds spat's headers: that of this source tree by default.
"""
import argparse
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from foreign_files import hours, wave
from tool_check import Count, header_of

AMALGAMATE = pathlib.Path(__file__).resolve().parents[2] / "scripts/amalgamate.py"
LOOKBACK, HORIZON, ROWS = 12, 5, 260
SIZES = {"width": 8, "ffn_width": 6, "heads": 2, "depth": 2, "patch": 4, "stride": 2, "segment": 4, "label": 6, "state": 4,
         "kernel": 5, "routers": 2}
NEEDS_MARKS = {"transformer"}
NAMES = ["load", 'x??/ "q"', "T \\ °C"]
WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
SETS = {"sse2": [], "avx": ["-mavx"], "avx2": ["-mavx2", "-mfma"], "avx512": ["-march=native"], "sse4": ["-msse4.1"]}
UNWANTED = ["iostream", "basic_ostream", "basic_ifstream", "locale", "nlohmann", "safetensors", "filesystem", "DataDescription",
            "backward"]

START = r"""
#include <spat/data/time_features.hpp>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

static std::size_t allocations = 0;
static void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* const memory = std::aligned_alloc(alignment, (size + alignment) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new(std::size_t size) { return counted(size, 16); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

static std::vector<double> numbers(std::size_t count) {
  std::vector<double> read(count);
  for (double& number : read)
    if (std::scanf("%lf", &number) != 1) std::abort();
  return read;
}
/// The marks of hours from the next time of the input on.
[[maybe_unused]] static std::vector<float> marks(std::size_t rows) {
  std::vector<std::int64_t> times;
  long long first = 0;
  if (std::scanf("%lld", &first) != 1) std::abort();
  for (std::size_t i = 0; i < rows; ++i) times.push_back(first + 3600 * static_cast<long long>(i));
  const auto found = spat::time_marks(times, spat::Frequency::hourly);
  return {found.begin(), found.end()};
}
template <class Numbers>
static void print(const char* what, const Numbers& list) {
  std::printf("%s", what);
  for (const auto number : list) std::printf(" %.17g", static_cast<double>(number));
  std::printf("\n");
}
"""

# One model. ARGS are its marks; the forecasts are those of an object, of the functions, and of floats.
PART = r"""
static void run_NAME() {
  const std::vector<double> history = numbers(NAME::lookback * NAME::channels);
  const std::vector<float> floats(history.begin(), history.end());
READ
  std::vector<double> written(NAME::horizon * NAME::targets);
  std::vector<float> rounded(written.size());
  NAME::Forecaster forecaster;
  const std::size_t before = allocations;
  const auto first = forecaster.forecast(historyARGS);
  forecaster.forecast(floatsARGS, rounded);
  const auto second = forecaster.forecast(historyARGS);
  const std::size_t made = allocations - before;
  NAME::forecast(historyARGS, written);
  const std::size_t ready = allocations;
  const auto third = NAME::forecast(historyARGS);
  const auto fourth = NAME::forecast(floatsARGS);
  std::printf("NAME allocations %zu %zu\n", made, allocations - ready);
  print("NAME", first);
  print("NAME", second);
  print("NAME", written);
  print("NAME", third);
  print("NAME rounded", rounded);
  print("NAME rounded", fourth);
  for (const auto column : NAME::columns) {
    std::printf("NAME column");
    for (const char c : column) std::printf(" %d", static_cast<unsigned char>(c));
    std::printf("\n");
  }
}
"""
ELSEWHERE = '#include "NAME.hpp"\n\ndouble elsewhere(std::span<const double> history) { return NAME::forecast(history)[0]; }\n'


def scaler_of(file):
    """Mean and deviation of each column."""
    data = header_of(file)[1]
    return dict(zip(data["columns"], zip(data["mean"], data["deviation"])))


class Model:
    """A model file with the header that was made of it."""

    def __init__(self, test, name, file, data, text, scaled):
        self.name, self.file, self.data, self.text, self.scaled = name, file, data, text, scaled
        self.marks = [kind for kind in ("history_marks", "future_marks") if f"Marks {kind}" in text]
        done = test.call("forecast", "--model", file, "--data", data.path)
        rows = [line.split(",") for line in done.stdout.splitlines()[1:]]
        targets = int(re.search(r"targets = (\d+);", text)[1])
        self.forecast = [float(cell) for row in rows for cell in row[-targets:]]

    def part(self):
        args = "".join(f", {kind}" for kind in self.marks)
        read = "\n".join(f"  const std::vector<float> {kind} = marks({self.name}::{rows});"
                         for kind, rows in (("history_marks", "lookback"), ("future_marks", "horizon")) if kind in self.marks)
        return PART.replace("NAME", self.name).replace("ARGS", args).replace("READ", read)

    def input(self):
        """The numbers that the program reads: the history, and the first times of the marks."""
        scaler = scaler_of(self.file)
        rows = [[(value - scaler[name][0]) / scaler[name][1] if self.scaled else value for name, value in zip(NAMES, row)]
                for row in self.data.rows[-LOOKBACK:]]
        start = int(self.data.start.replace(tzinfo=datetime.timezone.utc).timestamp())
        first = {"history_marks": start + 3600 * (ROWS - LOOKBACK), "future_marks": start + 3600 * ROWS}
        return " ".join([repr(value) for row in rows for value in row] + [str(first[kind]) for kind in self.marks])


class Data:
    def __init__(self, work):
        self.start, self.path = datetime.datetime(2023, 1, 1), work / "data.csv"
        columns = [wave(ROWS, 10, 3), wave(ROWS, -2000, 700, 1), wave(ROWS, 0.02, 0.001, 7)]
        self.rows = list(zip(*columns))
        head = ",".join(f'"{name}"' for name in ["date"] + [name.replace('"', '""') for name in NAMES])
        self.path.write_text("\n".join([head] + [f"{time},{a},{b},{c}" for time, (a, b, c) in zip(hours(ROWS), self.rows)]) +
                             "\n", encoding="utf-8")


class Test(Count):
    def __init__(self, options, work):
        super().__init__()
        self.options, self.spat, self.work, self.compilations = options, options.spat, work, 0
        self.data = Data(work)
        version = self.call("--version").stdout
        self.set = re.search(r"\((\w+)\)", version)[1]
        self.flags = SETS.get(self.set)
        self.exact = self.flags is not None
        if not self.exact:
            print(f"spat computes with {self.set}: forecasts are compared to 1e-6 of their range")
        rows = re.findall(r"^(\w+) +[\d,]+ +[\d,]+ +(\d+)", self.call("models").stdout, re.M)
        self.modules = {name: int(modules) for name, modules in rows}  # of two layers
        self.fields = {name: re.findall(r"^(\w+)[ :]", self.call("models", name).stdout, re.M) for name in self.modules}

    def call(self, *arguments, code=0):
        done = subprocess.run([self.spat, *map(str, arguments)], capture_output=True, text=True, timeout=120)
        self.that(done.returncode == code, f"exit code {done.returncode} of spat {' '.join(map(str, arguments))}: "
                                           f"{done.stderr[:400]}")
        return done

    def train(self, model, kept, marks):
        """A trained model that keeps its last modules, of which Crossformer needs one."""
        out = self.work / f"{model} {kept} {marks}"
        options = [part for field, size in SIZES.items() for part in ("--set", f"{field}={size}") if field in self.fields[model]]
        if self.modules[model]:
            options += ["--keep", "1".rjust(kept, "1").rjust(self.modules[model], "0") if kept else "0" * self.modules[model]]
        self.call("run", "--data", self.data.path, "--model", model, *options, "--marks", "h" if marks else "none",
                  *f"--lookback {LOOKBACK} --horizon {HORIZON} --epochs 1 --window-stride 4 --quiet --latency-seconds 0".split(),
                  "--out", out)
        pruned = sorted(out.glob("pruned*.safetensors"))
        return pruned[0] if pruned else out / "dense.safetensors"

    def export(self, name, file, scaled=False):
        header = self.work / f"{name}.hpp"
        more = ["--scaled"] if scaled else []
        said = self.call("export", file, "--header", header, *more)
        text = header.read_text(encoding="utf-8")
        self.that(name in said.stdout and str(header) in said.stdout, f"the export says {said.stdout}")
        again = self.work / "again" / f"{name}.hpp"
        again.parent.mkdir(exist_ok=True)
        copy = shutil.copy(file, again.parent / "copy.safetensors")
        quiet = self.call("export", copy, "--header", again, "--quiet", *more)
        self.that(quiet.stdout == "", f"--quiet says {quiet.stdout}")
        self.that(again.read_text(encoding="utf-8") == text, f"{name}: the same model gives another header")
        return Model(self, name, file, self.data, text, scaled)

    def compile(self, compiler, *arguments):
        self.compilations += 1
        command = [compiler, "-std=c++20", *WARNINGS, *(self.flags or []), f"-I{self.options.include}", f"-I{self.work}",
                   *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
        return self.that(done.returncode == 0, f"{' '.join(command)}: {done.stderr[:3000]}")

    def run(self, program, models):
        """Runs a program of models, and compares what it prints."""
        done = subprocess.run([program], input="\n".join(model.input() for model in models), capture_output=True, text=True)
        if not self.that(done.returncode == 0, f"{program}: exit code {done.returncode}: {done.stderr}"):
            return
        for model in models:
            lines = [line.split(" ")[1:] for line in done.stdout.splitlines() if line.startswith(f"{model.name} ")]
            self.that(["allocations", "0", "0"] in lines, f"{model.name} allocates: {lines[0]}")
            columns = [bytes(map(int, line[1:])).decode() for line in lines if line[0] == "column"]
            self.that(columns == NAMES, f"{model.name} has the columns {columns}")
            forecasts = [[float(value) for value in line] for line in lines
                         if line[0] not in ("allocations", "column", "rounded")]
            rounded = [[float(value) for value in line[1:]] for line in lines if line[0] == "rounded"]
            self.that(len(forecasts) == 4 and len(rounded) == 2, f"{model.name} prints {done.stdout}")
            self.that(rounded[0] == rounded[1], f"{model.name}: two forecasts of floats differ")
            right = model.forecast
            for found in forecasts:
                if self.exact and not model.scaled:
                    self.that(found == right, f"{model.name}: {found} instead of {right}")
                else:
                    self.near(model, found, 1e-12 if self.exact else 1e-6)
            self.near(model, rounded[0], 1e-5)

    def near(self, model, found, tolerance):
        if model.scaled:
            scaler = scaler_of(model.file)
            found = [value * scaler[name][1] + scaler[name][0] for value, name in zip(found, NAMES * HORIZON)]
        self.that(len(found) == len(model.forecast), f"{model.name}: {len(found)} numbers")
        for i in range(len(NAMES)):  # each column by its own range
            column = [row[i] for row in self.data.rows]
            size = max(column) - min(column)
            worst = max(abs(a - b) for a, b in zip(found[i::len(NAMES)], model.forecast[i::len(NAMES)]))
            self.that(worst <= tolerance * size, f"{model.name}, {NAMES[i]}: differs by {worst} in a range of {size}")

    def program(self, name, models, compiler, *options, elsewhere=None):
        """A program of models, in two files if one of them is forecast elsewhere too."""
        text = "".join(f'#include "{model.name}.hpp"\n' for model in models) + START + "".join(m.part() for m in models)
        if elsewhere:
            text += "double elsewhere(std::span<const double> history);\n"
        text += "int main() {\n" + "".join(f"  run_{model.name}();\n" for model in models)
        if elsewhere:
            one = elsewhere.name
            text += (f"  const std::vector<double> history({one}::lookback * {one}::channels, 1.5);\n"
                     f"  if (elsewhere(history) != {one}::forecast(history)[0]) return 3;\n")
        source, objects = self.work / f"{name}.cpp", []
        source.write_text(text + "}\n")
        if elsewhere:
            other = self.work / f"{name}_elsewhere.cpp"
            other.write_text(ELSEWHERE.replace("NAME", elsewhere.name))
            objects = [self.work / f"{name}_elsewhere.o"]
            if not self.compile(compiler, *options, "-c", other, "-o", objects[0]):
                return None
        program = self.work / name
        if not self.compile(compiler, *options, source, *objects, "-pthread", "-o", program):
            return None
        self.run(program, models)
        return program

    def symbols(self, file):
        return subprocess.run(["nm", "-C", file], capture_output=True, text=True, check=True).stdout

    def lean(self, name, model, compiler):
        """A program that does nothing but forecast: what it leaves out."""
        source, program = self.work / f"{name}.cpp", self.work / name
        source.write_text(f'#include "{model.name}.hpp"\n\nint main() {{\n'
                          f"  const std::array<float, {model.name}::lookback * {model.name}::channels> history{{}};\n"
                          f"  return {model.name}::forecast(history)[0] > 1e30f;\n}}\n")
        if not self.compile(compiler, "-O2", source, "-o", program):
            return
        found = self.symbols(program)
        for word in UNWANTED + ["attention"]:
            lines = [line for line in found.splitlines() if word.lower() in line.lower()]
            self.that(not lines, f"{name} contains {word}: {lines[:3]}")
        self.that(subprocess.run([program]).returncode == 0, f"{name} fails")
        stripped = self.work / "stripped"
        subprocess.run(["strip", "-o", stripped, program], check=True)
        print(f"{name}: {stripped.stat().st_size} bytes, stripped")

    def beside_a_single_header(self, model, compiler):
        """The header finds what it needs in a single header of spat that stands before it."""
        single = self.work / "single"
        single.mkdir()
        subprocess.run([sys.executable, AMALGAMATE, "--runtime", "--include", self.options.include, "--out",
                        single / "spat_runtime.hpp"], check=True)
        shutil.copy(self.work / f"{model.name}.hpp", single)
        source = single / "program.cpp"
        source.write_text(f'#include "spat_runtime.hpp"\n#include "{model.name}.hpp"\n'
                          f"float first(std::span<const float> history) {{ return {model.name}::forecast(history)[0]; }}\n")
        self.compilations += 1
        command = [compiler, "-std=c++20", *WARNINGS, "-DSPAT_SCALAR", "-fsyntax-only", source]
        done = subprocess.run(command, capture_output=True, text=True)
        self.that(done.returncode == 0, f"beside a single header: {done.stderr[:3000]}")

    def refusals(self, file):
        """What is no name, and where nothing can be written."""
        header = self.work / "kept.hpp"
        header.write_text("before")
        for name, why in [("class", "keyword"), ("2x", "letter"), ("time", "another header"), ("_x", "reserved"),
                          ("a::b", "letter")]:
            done = self.call("export", file, "--header", header, "--name", name, code=2)
            self.that(why in done.stderr and "--name" in done.stderr, f"--name {name}: {done.stderr}")
        dashed = self.work / "my-model.hpp"
        done = self.call("export", file, "--header", dashed, code=2)
        self.that('"my-model"' in done.stderr and "--name" in done.stderr and not dashed.exists(), f"my-model: {done.stderr}")
        done = self.call("export", file, "--header", self.work / "absent" / "x.hpp", code=2)
        self.that("absent" in done.stderr, f"no folder: {done.stderr}")
        self.that(header.read_text() == "before", "a refused export changed a file")
        self.call("export", file, "--header", header, "--name", "other", "--quiet")
        self.that("namespace other {" in header.read_text(), "--name has no effect")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("spat")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--include", default=pathlib.Path(__file__).resolve().parents[2] / "include")
    parser.add_argument("--gxx", default="g++")
    parser.add_argument("--clangxx", default="clang++")
    options = parser.parse_args()
    options.spat = os.path.abspath(options.spat)
    with tempfile.TemporaryDirectory() as folder:
        test = Test(options, pathlib.Path(folder))
        clang = shutil.which(options.clangxx)
        if not clang:
            print(f"SKIPPED: {options.clangxx} is not installed, so no header is compiled by it")
        bare = test.export("bare", test.train("itransformer", 0, False))
        kept = test.export("kept_one", test.train("itransformer", 1, True))
        marked = test.export("marked", test.train("transformer", test.modules["transformer"], True))
        linear = test.train("dlinear", 0, False)
        scaled = test.export("scaled", linear, scaled=True)
        program = test.program("several", [bare, kept, marked, scaled], options.gxx, "-O1", elsewhere=scaled)
        if program:
            test.that("attention" in test.symbols(program).lower(), "the test does not see attention where it is")
        test.lean("lean", bare, options.gxx)
        if clang:
            test.program("by_clang", [test.export("linear", linear)], clang, "-O1")
        test.beside_a_single_header(bare, options.gxx)
        test.refusals(linear)
        if options.all:
            for number, (model, modules) in enumerate(test.modules.items()):
                counts = sorted({1 if model == "crossformer" else 0, min(1, modules), modules})
                for compiler in filter(None, (options.gxx, clang)):
                    variants = [test.export(f"m{number}_{kept}_{marks}_{scaled}", test.train(model, kept, marks), scaled)
                                for kept in counts for marks in (False, True) for scaled in {False, kept == 0}
                                if (marks or model not in NEEDS_MARKS) and (not marks or "marks" in test.fields[model])]
                    test.program(f"all_{number}_{pathlib.Path(compiler).name.replace('+', 'x')}", variants, compiler, "-O1")
        print(f"{test.compilations} compilations, {test.failures} failures")
        return test.failures != 0


if __name__ == "__main__":
    sys.exit(main())
