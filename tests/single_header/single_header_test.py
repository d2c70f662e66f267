#!/usr/bin/env python3
"""Shows that what scripts/amalgamate.py writes is the library: alone, in two units, to the same numbers.

Usage: single_header_test.py [--long] [--cxx COMPILER]... [--xsimd FOLDER]...
    --long    also what takes minutes to compile: every compiler, and the quickstart with the folder and with the single headers
    --xsimd   where xsimd/xsimd.hpp may be, besides /usr/include
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent
TREE = TESTS.parent.parent
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wold-style-cast", "-Wsign-conversion",
            "-Wdouble-promotion", "-Werror"]
UNITS = [TESTS / "main.cpp", TESTS / "other.cpp"]
options = None  # of the command line


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def amalgamate(*arguments):
    return run(sys.executable, TREE / "scripts/amalgamate.py", *arguments)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def save(self, text, name="spat.hpp"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path


class Text(Case):
    def test_the_same_headers_give_the_same_bytes(self):
        for arguments in [], ["--runtime"], ["--with-xsimd", options.xsimd]:
            self.assertEqual(amalgamate(*arguments), amalgamate(*arguments))

    def test_each_header_is_there_once_and_no_include_of_it_is_left(self):
        text = amalgamate("--with-xsimd", options.xsimd)
        for header in re.findall("#include <(spat/.+)>", (TREE / "include/spat/spat.hpp").read_text()):
            if first := re.match(r"// .+\n(// .+\n)*", (TREE / "include" / header).read_text()):
                self.assertEqual(text.count(first[0]), 1, header)
        self.assertEqual(re.findall(r"^\s*#\s*include\s*[<\"](?:spat|xsimd|\.)/.*", text, re.M), [])
        self.assertNotRegex(text, r"(?m)^\s*#\s*pragma once")

    def test_a_header_in_two_branches_is_in_both_and_read_once(self):
        for name, content in {
            "version.hpp": '#define SPAT_VERSION "1.2.3"', "core/abi.hpp": "#include <spat/version.hpp>\n#include <cmath>",
            "spat.hpp": "#include <spat/core/abi.hpp>\n#ifdef A\n#include <spat/core/a.hpp>\n#include <a.h>\n#else\n"
                        "#include <spat/core/b.hpp>\n#endif\n#include <spat/core/b.hpp>\n#include <vector>\n#include <array>",
            "core/a.hpp": "#pragma once\n#include <spat/core/b.hpp>\nint a;", "core/b.hpp": "#pragma once\nint b;",
        }.items():
            path = self.folder / "include/spat" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        text = amalgamate("--include", self.folder / "include")
        self.assertRegex(text, r'VERSION "1.2.3"\n+#include <cmath>\n+#include <array>\n#include <vector>\n+#ifdef A\n')
        self.assertEqual(text.count("int a;"), 1)
        self.assertEqual(text.count("int b;"), 3)
        for macro, expected in ("A", "int b; int a;"), ("NOT_A", "int b;"):
            seen = run(options.cxx[0], "-x", "c++", "-E", "-P", f"-D{macro}", "-", input=re.sub("#include.*", "", text))
            self.assertEqual(" ".join(seen.split()), expected)


class Mixed(Case):
    """What one unit may include together; the preprocessor alone tells."""

    def setUp(self):
        super().setUp()
        for folder in "one", "two":
            self.save(amalgamate(), f"{folder}/spat.hpp")
            self.save(amalgamate("--runtime"), f"{folder}/spat_runtime.hpp")

    def preprocessed(self, *includes):
        unit = self.save("".join(f"#include {name}\n" for name in includes), "unit.cpp")
        return run(options.cxx[0], "-std=c++20", "-E", "-P", "-DSPAT_SCALAR", f"-I{TREE / 'include'}", unit)

    def test_copies(self):
        for includes in [
            ('"one/spat.hpp"', '"two/spat.hpp"'),
            ('"one/spat_runtime.hpp"', '"two/spat_runtime.hpp"'),
            ('"one/spat.hpp"', '"one/spat_runtime.hpp"'),
        ]:
            self.assertEqual(self.preprocessed(*includes), self.preprocessed(includes[0]))

    def test_what_is_refused(self):
        for includes in [
            ("<spat/core/error.hpp>", '"one/spat.hpp"'),
            ('"one/spat.hpp"', "<spat/core/error.hpp>"),
            ('"one/spat_runtime.hpp"', '"one/spat.hpp"'),
        ]:
            with self.assertRaisesRegex(AssertionError, "spat: a second copy of the library in one unit"):
                self.preprocessed(*includes)


class Program(Case):
    def program(self, cxx, sources, header, *flags):
        """What a program prints that finds no header of spat but the single one."""
        self.save(amalgamate(*header))
        objects = []
        for source in sources:
            objects.append(self.folder / f"{source.stem}.o")
            outside = [] if "--with-xsimd" in header else xsimd_flags()
            run(cxx, "-std=c++20", f"-I{self.folder}", *outside, *flags, "-MD", "-c", source, "-o", objects[-1])
            read = objects[-1].with_suffix(".d").read_text()
            self.assertNotIn("/spat/", read.replace(str(TREE), ""))
            if "--with-xsimd" in header:
                self.assertNotIn("xsimd", read)
        run(cxx, "-pthread", *objects, "-o", self.folder / "program")
        return run(self.folder / "program", cwd=self.folder)

    def test_two_units_without_any_other_header(self):
        for cxx in options.cxx if options.long else options.cxx[:1]:
            said = self.program(cxx, UNITS, ["--with-xsimd", options.xsimd], "-O0", *WARNINGS)
            self.assertRegex(" ".join(said.split()), r"^-?[0-9.]+( -?[0-9.]+){9}$")

    def test_the_smaller_header_gives_the_same_numbers(self):
        if not options.long:
            self.skipTest("long")
        self.assertEqual(self.program(options.cxx[0], UNITS, [], "-O0"),
                         self.program(options.cxx[0], UNITS, ["--runtime", "--with-xsimd", options.xsimd], "-O0", *WARNINGS))

    def test_the_quickstart_gives_the_numbers_that_it_gives_with_the_folder(self):
        if not options.long:
            self.skipTest("long")
        quickstart = TREE / "examples/quickstart.cpp"
        single = self.save(quickstart.read_text().replace("<spat/spat.hpp>", '"spat.hpp"'), "quickstart.cpp")
        with_folder = self.folder / "with_folder"
        run(options.cxx[0], "-std=c++20", "-O1", f"-I{TREE / 'include'}", *xsimd_flags(), "-pthread", quickstart, "-o", with_folder)
        expected = numbers(run(with_folder, cwd=self.folder))
        self.assertGreater(len(expected), 20)
        for header in [], ["--with-xsimd", options.xsimd]:
            self.assertEqual(numbers(self.program(options.cxx[0], [single], header, "-O1")), expected)


def xsimd_flags():
    return [] if options.xsimd == pathlib.Path("/usr/include") else ["-isystem", options.xsimd]


def numbers(report):
    """The lines of a report without those that measure time."""
    return [line for line in report.splitlines() if not re.search("latency|p10-p90", line)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--cxx", action="append")
    parser.add_argument("--xsimd", action="append", default=[], type=pathlib.Path)
    options, rest = parser.parse_known_args()
    options.cxx = options.cxx or ["g++"]
    folders = [*options.xsimd, pathlib.Path("/usr/include")]
    options.xsimd = next(folder for folder in folders if (folder / "xsimd/xsimd.hpp").is_file())
    unittest.main(argv=[sys.argv[0], *rest])
