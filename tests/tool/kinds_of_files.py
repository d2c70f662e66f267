#!/usr/bin/env python3
"""Gives the tool files as people have them, kind by kind, and compares what it makes of them with what is right.

  kinds_of_files.py SPAT [KIND...]

Each kind makes its files and knows their values, names and times. Of a file that is read: the saved columns, means and
deviations, the numbers of the forecast (from the weights of the file, computed here), its times, name by name, and all that
is said on standard error. Of a file that is refused: exit code 2, the words of the message, no output, and no file.
The kinds are in the modules kinds_of_*.py of this folder.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tool_check import KINDS, Check
import kinds_of_times, kinds_of_forms, kinds_of_columns, kinds_of_notes, kinds_of_missing, kinds_of_models  # they fill KINDS
import kinds_of_long_tables, kinds_of_rows, kinds_of_backtests, kinds_of_updates


def main():
    kinds = {function.__name__: function for function in KINDS}
    unknown = [name for name in sys.argv[2:] if name not in kinds]
    if len(sys.argv) < 2 or unknown:
        sys.exit(f"{f'no kind {unknown[0]}. ' if unknown else __doc__}The kinds are: {' '.join(kinds)}")
    with tempfile.TemporaryDirectory() as folder:
        check = Check(os.path.abspath(sys.argv[1]), pathlib.Path(folder))
        for name in sys.argv[2:] or kinds:
            check.name, check.number = name, 0
            try:
                kinds[name](check)
            except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError,
                    subprocess.SubprocessError) as error:
                check.fail(f"the test cannot go on: {error!r}")
    if not check.failures:
        print("kinds of files: all checks passed")
    sys.exit(check.failures != 0)


if __name__ == "__main__":
    main()
