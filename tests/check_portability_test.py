#!/usr/bin/env python3
"""Shows that scripts/portability.py takes no failure for a success, and that its table keeps the rows of other targets."""
import argparse
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts"))
import portability
import portability_table
from portability_checks import KINDS, Failure, Workplace, compare, without_times
from portability_targets import TARGETS, Target

RUN = "scores\nencoder.0.attention    8.4537e-06   2.7e-07   kept\nMSE  0.3159 +3.5 %\nparameters 21420\nlatency ms, median 0.0370\n"


class Compare(unittest.TestCase):
    def test_what_agrees(self):
        self.assertEqual(compare(RUN, RUN), "6 numbers, all as the native ones")
        for one, other in [("8.4537e-06", "8.4538e-06"), ("0.3159", "0.3160"), ("+3.5", "+3.4"), ("0.0370", "0.0371")]:
            self.assertEqual(compare(RUN.replace(one, other), RUN), "6 numbers, 1 of them not to the last digit")
        self.assertIn("1 of them", compare("1000.0499", "1000.0000"))

    def test_what_does_not(self):
        for one, other in [("8.4537e-06", "5.8000e-13"), ("8.4537e-06", "8.4547e-06"), ("0.3159", "0.3161"), ("+3.5", "-3.5"),
                           ("21420", "21421"), ("kept", "removed"), ("0.3159", "nan"), ("0.3159", ""), ("+3.5", "+3.5 1")]:
            with self.subTest(other), self.assertRaises(Failure):
                compare(RUN.replace(one, other), RUN)
        with self.assertRaisesRegex(Failure, "no number"):
            compare("words", "words")

    def test_small_forecasts_are_judged_by_the_largest(self):
        self.assertIn("1 of them", compare("0.00123456,14.5", "0.00123999,14.5", scale=14.5))
        with self.assertRaises(Failure):
            compare("0.00123456,14.5", "0.00323456,14.5", scale=14.5)

    def test_latencies_are_left_out(self):
        self.assertNotIn("latency", without_times(RUN + "  p10-p90  0.0364-0.0424\n"))
        self.assertEqual(len(without_times(RUN + "  p10-p90  0.0364-0.0424\n").splitlines()), 4)


class Checks(unittest.TestCase):
    """With a shell script as compiler, which says something and ends with a status."""
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def compiler(self, says, status):
        script = self.folder / "compiler"
        script.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\nexit {status}\n")
        script.chmod(0o755)
        return str(script)

    def run_target(self, checks, says="1.0", status=0, compiler=None, **more):
        """What is printed, the number of failures, and what is known afterwards."""
        target = Target("odd", (compiler or self.compiler(says, status),), (), checks, packages=("g++-odd",), **more)
        results = portability.Results(self.folder / "results.json", False)
        place = Workplace(target, self.folder)
        place.folder.mkdir(exist_ok=True)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            failures = portability.run_target(place, results, argparse.Namespace(only="", install=False, again=False))
        return printed.getvalue(), failures, results.known

    def test_a_refusal_is_the_first_error(self):
        refused = ("refused spat: no such machine",)
        error = 'a.hpp:3:2: error: #error "spat: no such machine; build elsewhere"\nb.hpp:1: error: more'
        printed, failures, known = self.run_target(refused, error, 1)
        self.assertEqual((failures, known["odd/refused"]["result"]), (0, "refused: spat: no such machine; build elsewhere"))
        for says, status, why in [("", 0, "compiles"), ("c.hpp:1: error: other\n" + error, 1, "another first error"),
                                  ("killed", 1, "another first error")]:
            (self.folder / "results.json").unlink()
            printed, failures, known = self.run_target(refused, says, status)
            self.assertEqual((failures, known["odd/refused"]["passed"]), (1, False))
            self.assertIn(f"FAILED: {why}", printed)

    def test_a_failure_is_run_again_and_a_success_is_not(self):
        self.assertEqual(self.run_target(("parse",), "x.hpp:1: error: no", 1)[1], 1)
        self.assertEqual(self.run_target(("parse",))[:2], ("odd/parse: no warning\n", 0))
        self.assertIn("(before, with the same sources)", self.run_target(("parse",), "x.hpp:1: error: no", 1)[0])

    def test_a_program_that_ends_badly(self):
        program = self.compiler("all is well", 3)
        place = Workplace(TARGETS[0], self.folder)
        place.folder.mkdir()
        with self.assertRaisesRegex(Failure, "exit status 3: all is well"):
            place.run("log", program)
        self.assertIn("all is well", (place.folder / "log.log").read_text())

    def test_a_missing_compiler_or_processor_is_no_success(self):
        for missing in ({"compiler": "no-such-g++"}, {"needs": ("/no/such/header",)}, {"needs": ("cpu:no_such_flag",)},
                        {"runner": ("no-such-qemu",)}):
            printed, failures, known = self.run_target(("parse",), **missing)
            self.assertEqual((printed, failures, known), ("odd/parse: not run: needs g++-odd\n", 0, {}))


class Table(unittest.TestCase):
    ORDER = ["a/parse", "a/tests io", "b/parse"]

    def test_rows_are_replaced_and_others_stay(self):
        found = {"how": "g++ 12", "result": "no warning", "date": "2030-01-02"}
        old = "| b | clang 14 | parse | old \\| result | 2029-01-01 |\n"
        gone = "| c | clang 3 | parse | of a target that is gone | 2001-01-01 |\n"
        begin, head, end = portability_table.BEGIN, portability_table.HEAD, portability_table.END
        page = "before\n" + begin + head + gone + old + end + "after\n"
        once = portability_table.replaced(page, {"a/tests io": found}, self.ORDER)
        self.assertEqual(once, "before\n" + begin + head + "| a | g++ 12 | tests io | no warning | 2030-01-02 |\n" + old + end +
                         "after\n")
        again = portability_table.replaced(once, {"b/parse": {**found, "how": "a | b"}}, self.ORDER)
        self.assertIn("| b | a / b | parse | no warning | 2030-01-02 |\n" + end, again)
        self.assertNotIn("old", again)

    def test_a_page_without_markers(self):
        with self.assertRaisesRegex(ValueError, "lacks the lines"):
            portability_table.replaced("no table\n", {}, self.ORDER)

    def test_the_page_has_the_markers_and_known_rows(self):
        page = portability_table.PAGE.read_text()
        table = page.partition(portability_table.BEGIN)[2].partition(portability_table.END)[0]
        known = {f"{target.name}/{portability.label(check)}" for target in TARGETS for check in target.checks}
        self.assertTrue(portability_table.END in page and portability_table.rows_of(table).keys() <= known)
        self.assertEqual(len(portability_table.rows_of(table)), table.count("\n") - portability_table.HEAD.count("\n"))


class Targets(unittest.TestCase):
    def test_names_and_checks(self):
        self.assertEqual(len({target.name for target in TARGETS}), len(TARGETS))
        for target in TARGETS:
            for check in target.checks:
                kind, _, argument = check.partition(" ")
                folder, _, files = argument.partition(":")
                self.assertIn(kind, KINDS)
                if kind in ("tests", "parity"):
                    for name in files.split() or ["*"]:
                        self.assertTrue(list((ROOT / "tests" / folder).glob(name + ".cpp")), check)


if __name__ == "__main__":
    unittest.main()
