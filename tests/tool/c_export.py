#!/usr/bin/env python3
"""Compares the C files that `spat export --c` writes with `spat forecast`, on this machine and on a Cortex-M4 in QEMU.

  c_export.py SPAT [--all] [MODEL...]

Every model, dense and with modules removed, is exported; iTransformer and DLinear with weights f32, bf16 and int8, for gcc, clang
and the board; the others for gcc alone. With --all, or by name, every model is treated so, with and without time marks. The
compilers take the files as C99 without a warning. Of f32 weights, forecasts differ from the tool's by at most 1e-5 of a
column's range; of bf16 and int8 weights they stay near. A program needs expf, erff, sqrtf and memcpy alone; its static memory
and its constants have the bytes that the table says. arm-none-eabi-gcc compiles for a Cortex-M4, and qemu-system-arm runs
that. What is not installed is skipped aloud.
"""
import csv
import datetime
import io
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from foreign_files import dated, hours, wave
from tool_check import Count

LOOKBACK, HORIZON, ROWS = 24, 8, 400
SIZES = {"width": 8, "ffn_width": 12, "heads": 2, "depth": 3, "patch": 4, "stride": 2, "segment": 4, "label": 6, "kernel": 5,
         "routers": 2}
NEEDS_MARKS = {"transformer"}
WITHOUT_MODULES = {"dlinear", "rlinear", "tsmixer"}
WITHOUT_GRAPH = {"smamba"}
STRICT = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
CORTEX_M4 = "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -Os".split()
BOARD = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "cortex_m4"
CALLS = {"expf", "erff", "sqrtf", "memcpy"}
LIMITS = {"f32": 1e-5, "bf16": 0.1, "int8": 0.2}


def marks_of(time):
    """The marks of frequency h."""
    time = datetime.datetime.strptime(time, "%Y-%m-%d %H:%M:%S")
    return [time.hour / 23 - 0.5, time.weekday() / 6 - 0.5, (time.day - 1) / 30 - 0.5,
            (time.timetuple().tm_yday - 1) / 365 - 0.5]


class CExport(Count):
    def __init__(self, spat, work):
        super().__init__()
        self.spat, self.work, self.compared, self.on_board = spat, work, 0, 0
        self.worst = {weights: 0.0 for weights in LIMITS}
        self.columns = {"load": wave(ROWS, 310.0, 30.0), "rain": wave(ROWS, 0.1, 0.09), "temp": wave(ROWS, -4.0, 9.0)}
        for j, values in enumerate(self.columns.values()):
            values[:] = [round(value * (1 + (i * i * 31 + j * 17) % 53 / 400), 4) for i, value in enumerate(values)]
        self.times = hours(ROWS + HORIZON)
        self.data = work / "data.csv"
        self.data.write_text(dated(self.times, self.columns))
        self.compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
        self.arm = shutil.which("arm-none-eabi-gcc") is not None
        self.qemu = self.arm and shutil.which("qemu-system-arm") is not None
        for name in ("gcc", "clang", "arm-none-eabi-gcc", "qemu-system-arm"):
            if not shutil.which(name):
                print(f"SKIPPED: {name} is not installed: nothing is compiled or run by it")

    def call(self, *arguments, code=0):
        done = subprocess.run([self.spat, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        if done.returncode != code:
            self.fail(f"exit code {done.returncode} of spat {' '.join(map(str, arguments))}: {done.stderr[:300]}")
            return None
        return done

    def run(self, *command):
        """The output of a compiler or of a program; None if it fails or, with a warning, says anything."""
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
        if done.returncode or done.stderr:
            self.fail(f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stderr[:600]}")
            return None
        return done.stdout

    def train(self, model, fields, marks, features, out):
        sizes = [part for field, size in SIZES.items() if field in fields for part in ("--set", f"{field}={size}")]
        removed = [] if model in WITHOUT_MODULES | WITHOUT_GRAPH else ["--drop", 1]
        return self.call("run", "--data", self.data, "--model", model, *sizes, "--marks", marks, "--features", features,
                         *f"--lookback {LOOKBACK} --horizon {HORIZON} --epochs 1 --window-stride 4".split(), *removed,
                         *"--quiet --latency-seconds 0 --out".split(), out)

    def right(self, file):
        """The tool's forecast: columns by name."""
        done = self.call("forecast", "--model", file, "--data", self.data, "--quiet")
        rows = list(csv.reader(io.StringIO(done.stdout))) if done else [[]]
        return {name: [float(row[j]) for row in rows[1:]] for j, name in enumerate(rows[0]) if j > 0}

    def inputs(self, header):
        """The arrays of a call, by the names in the header's signature and its list of channels, as C."""
        names = re.findall(r"const float (\w+)\[", header[header.index("\nvoid "):])
        channels = re.findall(r"^     \d+ +(\w+)$", re.split("   The targets? ", header)[0], re.M)
        past, future = self.times[ROWS - LOOKBACK:ROWS], self.times[ROWS:]
        numbers = {"history": [self.columns[name][ROWS - LOOKBACK + i] for i in range(LOOKBACK) for name in channels],
                   "history_marks": [mark for time in past for mark in marks_of(time)],
                   "future_marks": [mark for time in future for mark in marks_of(time)]}
        text = "".join(f"static const float {name}[] = {{{', '.join(f'{x!r}f' for x in map(float, numbers[name]))}}};\n"
                       for name in names)
        return text, ", ".join([*names, "forecast"])

    def program(self, place, name, header):
        """Programs for this machine, which prints all digits, and for the board, which prints bits."""
        arrays, arguments = self.inputs(header)
        start = f'#include "{name}.h"\n{arrays}static float forecast[{name.upper()}_HORIZON * {name.upper()}_TARGETS];\n'
        loop = f"for (int i = 0; i < {name.upper()}_HORIZON * {name.upper()}_TARGETS; ++i)"
        (place / "main.c").write_text(
            f"#include <stdio.h>\n{start}int main(void) {{\n  {name}_forecast({arguments});\n  {name}_forecast({arguments});\n"
            f"  {loop} printf(\"%.9g\\n\", (double)forecast[i]);\n  return 0;\n}}\n")
        (place / "board_main.c").write_text(
            f"#include \"board.h\"\n#include <stdint.h>\n#include <string.h>\n{start}int main(void) {{\n"
            f"  {name}_forecast({arguments});\n  {loop} {{\n    uint32_t bits;\n    char text[10] = \"00000000\\n\";\n"
            "    memcpy(&bits, forecast + i, 4);\n    for (int k = 7; k >= 0; --k, bits >>= 4)\n"
            "      text[k] = \"0123456789abcdef\"[bits & 15];\n    board_print(text);\n  }\n  return 0;\n}\n")

    def compare(self, found, right, weights, what):
        """The share of a column's range that the numbers are off at most."""
        columns = list(right)
        if not self.that(len(found) == HORIZON * len(columns), f"{what}: {len(found)} numbers: {found[:3]}"):
            return
        for j, name in enumerate(columns):
            span = max(self.columns[name]) - min(self.columns[name])
            off = max(abs(found[i * len(columns) + j] - right[name][i]) for i in range(HORIZON)) / span
            self.worst[weights] = max(self.worst[weights], off)
            self.that(off <= LIMITS[weights], f"{what}: {name} is {off:.1e} of its range off")
        self.compared += 1

    def symbols(self, nm, file):
        """Needed functions, and bytes of constants and of static memory by the kind of their symbols."""
        needed = set(re.findall(r"^ +U (\w+)$", self.run(nm, "-u", file) or "", re.M))
        sizes = {"r": 0, "b": 0, "d": 0}
        for size, kind in re.findall(r"^\w+ (\w+) (\w) ", self.run(nm, "-S", file) or "", re.M):
            if kind.lower() in sizes:
                sizes[kind.lower()] += int(size, 16)
        return needed, sizes

    def memory(self, compiler, place, name, table, flags, nm, size):
        """Compiles the file alone and holds it against the table."""
        what = f"{compiler} {' '.join(flags)}"
        if self.run(compiler, *STRICT, *flags, "-c", place / f"{name}.c", "-o", place / "alone.o") is None:
            return
        needed, sizes = self.symbols(nm, place / "alone.o")
        self.that(needed <= CALLS, f"{what}: needs {sorted(needed - CALLS)}")
        self.that(sizes["b"] == table["RAM"] and sizes["d"] == 0, f"{what}: {sizes} static bytes, the table has {table['RAM']}")
        if "-O0" in flags:
            self.that(sizes["r"] == table["constants"], f"{what}: {sizes['r']} bytes of constants, the table has "
                                                        f"{table['constants']}")
        sections = dict(re.findall(r"^(\.\w+)\S* +(\d+) ", self.run(size, "-A", place / "alone.o") or "", re.M))
        self.that(int(sections.get(".bss", 0)) == table["RAM"], f"{what}: sections {sections}, the table has {table['RAM']}")

    def check(self, file, weights, right, thorough, closely):
        name = "load_1"
        place = self.work / self.name.replace(" ", "_").replace(",", "")
        place.mkdir()
        done = self.call("export", file, "--c", place / f"{name}.c", "--weights", weights)
        if not done:
            return
        table = {key: int(value) for key, value in re.findall(r"^(constants|RAM|multiply-adds|operations) +(\d+)", done.stdout,
                                                             re.M)}
        header, code = (place / f"{name}.h").read_text(), (place / f"{name}.c").read_text()
        self.that(len(table) == 4 and all(f"{key} " in header for key in table), f"table {done.stdout}")
        self.program(place, name, header)
        for compiler in self.compilers if closely else self.compilers[:1]:
            program = place / f"program_{compiler}"
            if self.run(compiler, *STRICT, "-O2", place / "main.c", place / f"{name}.c", "-lm", "-o", program) is not None:
                found = self.run(program)
                self.compare([float(x) for x in (found or "").split()], right, weights, compiler)
            for flags in (["-O0"], ["-Os"]) if thorough else ():
                self.memory(compiler, place, name, table, flags, "nm", "size")
        if not thorough:
            return
        if self.arm:
            self.memory("arm-none-eabi-gcc", place, name, table, CORTEX_M4, "arm-none-eabi-nm", "arm-none-eabi-size")
        if self.qemu:
            self.board(place, name, right, weights)
        again = self.call("export", file, "--c", place / f"{name}.c", "--weights", weights, "--quiet")
        self.that(again and not again.stdout, "--quiet prints")
        self.that((place / f"{name}.c").read_text() == code and (place / f"{name}.h").read_text() == header, "other bytes")

    def board(self, place, name, right, weights):
        elf = place / "board.elf"
        if self.run("arm-none-eabi-gcc", *STRICT[:-1], *CORTEX_M4, "-nostartfiles", "-specs=nosys.specs", "-I", BOARD, "-T",
                    BOARD / "board.ld", BOARD / "board.c", place / "board_main.c", place / f"{name}.c", "-lm", "-o",
                    elf) is None:
            return
        done = subprocess.run(["qemu-system-arm", *"-M netduinoplus2 -nographic -monitor none -serial none".split(),
                               "-semihosting-config", "enable=on,target=native", "-kernel", str(elf)], capture_output=True,
                              text=True, timeout=300, stdin=subprocess.DEVNULL)
        bits = re.findall(r"^[0-9a-f]{8}$", done.stdout + done.stderr, re.M)
        self.that(done.returncode == 0, f"qemu: exit code {done.returncode}: {(done.stdout + done.stderr)[:300]}")
        self.compare([struct.unpack(">f", bytes.fromhex(x))[0] for x in bits], right, weights, "qemu")
        self.on_board += 1


ALWAYS = {"itransformer", "dlinear"}


def words(check, file):
    """What is refused, and in which words."""
    check.name = "words"
    out = check.work / "words.c"
    for arguments, said in [
            (["--c", out, "--weights", "f16"], "f16 weights cannot be written as C"),
            (["--c", out, "--name", "int"], "is a keyword of C or C++"),
            (["--c", out, "--name", "a b"], "is not a letter followed by letters, digits and underscores"),
            (["--c", check.work / "1.c"], "is not a letter followed by letters, digits and underscores; --name"),
            (["--c", check.work / "words.cpp"], "expected a file name that ends in .c"),
            (["--c", check.work / "a\"b.c", "--name", "a"], "expected letters of ASCII"),
            (["--c", check.work / "none" / "a.c"], "cannot be written")]:
        done = check.call("export", file, *arguments, code=2)
        check.that(done and said in done.stderr and not done.stdout, f"{arguments} says {done and done.stderr}")
    check.that(not list(check.work.glob("*.[ch]")), "a refused call wrote a file")


def main():
    everything, wanted = "--all" in sys.argv, [word for word in sys.argv[2:] if word != "--all"]
    with tempfile.TemporaryDirectory() as folder:
        check = CExport(os.path.abspath(sys.argv[1]), pathlib.Path(folder))
        models = re.findall(r"^(\w+) +[\d,]+ +[\d,]+ ", check.call("models").stdout, re.M)
        check.that(len(models) >= 10, f"spat models lists {models}")
        for model in wanted or models:
            fields = set(re.findall(r"^(\w+)[ :]", check.call("models", model).stdout, re.M))
            for marks, features in ("none", "M"), ("h", "M"), ("h", "MS"), ("none", "S"):
                if "marks" not in fields and marks == "h" or "targets" not in fields and features == "MS":
                    continue
                thorough = (marks, features) == ("h" if "marks" in fields else "none", "M")
                if model in NEEDS_MARKS and marks == "none":
                    continue
                closely = everything or wanted or model in ALWAYS
                if not closely and (not thorough or features != "M"):
                    continue
                thorough = thorough and closely
                check.name = f"{model}, marks {marks}, features {features}"
                out = check.work / check.name
                if not check.train(model, fields, marks, features, out):
                    continue
                for kind in ["dense"] if model in WITHOUT_MODULES | WITHOUT_GRAPH else ["dense", "pruned"]:
                    file = out / f"{kind}.safetensors"
                    if model in WITHOUT_GRAPH:
                        done = check.call("export", file, "--c", check.work / "x.c", code=2)
                        check.that(done and "cannot be exported" in done.stderr, f"says {done and done.stderr}")
                        continue
                    right = check.right(file)
                    for weights in LIMITS if thorough else ["f32"]:
                        check.name = f"{model}, marks {marks}, features {features}, {kind}, {weights}"
                        check.check(file, weights, right, thorough, closely)
        if not wanted:
            words(check, check.work / "rlinear, marks none, features M" / "dense.safetensors")
        if not check.failures:
            off = ", ".join(f"{weights} {off:.1e}" for weights, off in check.worst.items())
            print(f"C export: {check.compared} forecasts, {check.on_board} of them on a Cortex-M4 in QEMU, are at most these "
                  f"shares of a column's range off: {off}")
        sys.exit(check.failures != 0)


if __name__ == "__main__":
    main()
