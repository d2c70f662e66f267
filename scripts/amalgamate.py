#!/usr/bin/env python3
"""Writes spat as one header: each header that <spat/spat.hpp> includes, once, in the order of inclusion.

The door to Eigen, <spat/core/eigen.hpp>, stays out. The same headers give the same bytes.
"""
import argparse
import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent
DIRECTIVE = re.compile(r"\s*#\s*(\w+)\s*(.*)")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
# They come first, with what they include, so that a compiler that spat refuses reads the reason before anything else.
REFUSALS = ["spat/version.hpp", "spat/core/abi.hpp"]
# What compilers say of xsimd's headers, which are no system headers in here.
FOREIGN_WARNINGS = ["-Wpragmas", "-Wunknown-warning-option", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow",
                    "-Wdouble-promotion", "-Wold-style-cast", "-Wunused-parameter"]
LICENCES = ["LICENSE", "../LICENSE", "../share/doc/libxsimd-dev/copyright"]  # from the folder of xsimd's headers


class Amalgamation:
    def __init__(self, include, xsimd):
        self.include, self.xsimd = include, xsimd
        self.lines = []
        self.standard = None  # the headers of the standard library to gather, once there is a place for them
        # The headers written so far, a set per open #if: what one branch holds is missing in the next one and after #endif.
        self.written = [set()]
        self.in_branches = set()  # what is inside some #if

    def find(self, bracket, name, folder):
        """The file to put in the place of an include, or None if the include stays."""
        if bracket == "<":
            root = self.include if name.startswith("spat/") else self.xsimd if name.startswith("xsimd/") else None
            return root and (root / name).resolve()
        path = (folder / name).resolve()
        return path if path.is_file() else None

    def header(self, path):
        """Writes a header, unless this place already sees it."""
        if any(path in headers for headers in self.written):
            return
        if not path.is_file():
            sys.exit(f"amalgamate.py: there is no {path}")
        self.written[-1].add(path)
        lines = path.read_text(encoding="utf-8").splitlines()
        guard = include_guard(lines)
        if len(self.written) > 1:
            self.in_branches.add(path)
        if path in self.in_branches and not guard:  # it may be written again
            guard = "SPAT_ONCE_" + re.sub(r"\W", "_", "/".join(path.parts[-3:])).upper()
            lines = [f"#ifndef {guard}", f"#define {guard}", *lines, "#endif"]
        if self.xsimd and path == (self.xsimd / "xsimd/xsimd.hpp").resolve():
            lines = ["#if defined(__GNUC__)", "#pragma GCC diagnostic push",
                     *(f'#pragma GCC diagnostic ignored "{warning}"' for warning in FOREIGN_WARNINGS), "#endif", *lines,
                     "#if defined(__GNUC__)", "#pragma GCC diagnostic pop", "#endif"]
        self.add("")
        depth = len(self.written)
        for line in lines:
            self.line(line, path, guard)
        if len(self.written) != depth:
            sys.exit(f"amalgamate.py: {path}: an #if without #endif")

    def line(self, line, path, guard):
        keyword, rest = DIRECTIVE.match(line).groups() if DIRECTIVE.match(line) else ("", "")
        if keyword == "ifndef" and rest.split()[0] == guard:
            self.written.append(self.written[-1])  # no branch: the header is read the first time
        elif keyword in ("if", "ifdef", "ifndef"):
            self.written.append(set())
        elif keyword in ("else", "elif"):
            self.written[-1] = set()
        elif keyword == "endif":
            self.written.pop()
        included = INCLUDE.match(line)
        target = self.find(*included.groups(), path.parent) if included else None
        if target:
            self.header(target)
        elif included and len(self.written) == 1 and self.standard is not None:
            self.standard.add(included[2])
        elif (keyword, rest) != ("pragma", "once"):
            self.add(line)

    def add(self, line):
        if line or (self.lines and self.lines[-1]):  # one blank line is enough
            self.lines.append(line)

    def door(self, name):
        for refusal in REFUSALS:
            self.header((self.include / refusal).resolve())
        place, self.standard = len(self.lines), set()
        self.header((self.include / name).resolve())
        self.lines[place:place] = ["", *(f"#include <{header}>" for header in sorted(self.standard))]
        return self.lines


def include_guard(lines):
    """The macro of a header's own include guard, or None."""
    directives = [match.groups() for match in map(DIRECTIVE.match, lines) if match]
    if len(directives) < 3 or [d[0] for d in directives[:2]] != ["ifndef", "define"] or directives[-1][0] != "endif":
        return None
    return directives[0][1].split()[0] if directives[0][1].split() == directives[1][1].split() else None


def defined(path, pattern):
    return re.findall(pattern, path.read_text(encoding="utf-8"), re.M)


def comment(text):
    return [f"// {line}".rstrip() for line in text.strip().splitlines()]


def banner(include, door, xsimd, licence):
    version, = defined(include / "spat/version.hpp", r'^#define SPAT_VERSION "(.+)"')
    lines = comment(f"spat {version} in one header: <{door}> with everything that it includes.\n"
                    "Generated by scripts/amalgamate.py: changes belong into the headers of the library.")
    lines += ["//", *comment((TREE / "LICENSE").read_text(encoding="utf-8"))]
    if xsimd:
        number = ".".join(defined(xsimd / "xsimd/config/xsimd_config.hpp", r"^#define XSIMD_VERSION_\w+ (\d+)"))
        lines += ["//", *comment(f"xsimd {number} is inside. Its licence:\n\n" + licence.read_text(encoding="utf-8"))]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", action="store_true", help="only <spat/runtime.hpp>: what loads models and forecasts")
    parser.add_argument("--with-xsimd", type=pathlib.Path, metavar="FOLDER",
                        help="with xsimd's headers inside; the folder holds xsimd/xsimd.hpp")
    parser.add_argument("--xsimd-licence", type=pathlib.Path, metavar="FILE", help="if it is not beside that folder")
    parser.add_argument("--include", type=pathlib.Path, default=TREE / "include", metavar="FOLDER", help="spat's headers")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="instead of the standard output")
    options = parser.parse_args()

    xsimd = options.with_xsimd
    licence = options.xsimd_licence
    if xsimd and not (xsimd / "xsimd/xsimd.hpp").is_file():
        parser.error(f"--with-xsimd {options.with_xsimd}: the folder has no xsimd/xsimd.hpp")
    if xsimd and not licence:
        licence = next(filter(pathlib.Path.is_file, (xsimd / name for name in LICENCES)), None)
        if not licence:
            parser.error(f"--with-xsimd {options.with_xsimd}: its licence must be in the header; expected one of "
                         f"{', '.join(LICENCES)} from there, or --xsimd-licence FILE")

    include = options.include
    name = "runtime" if options.runtime else "spat"
    # spat.hpp holds what runtime.hpp holds; the other way round, version.hpp says what is wrong.
    guard = "!defined(SPAT_SPAT_HPP)" + (" && !defined(SPAT_RUNTIME_HPP)" if options.runtime else "")
    lines = banner(include, f"spat/{name}.hpp", xsimd, licence)
    lines += [f"#if {guard}", f"#define SPAT_{name.upper()}_HPP"]
    lines += Amalgamation(include, xsimd).door(f"spat/{name}.hpp") + ["", f"#endif  // {guard}"]
    text = "\n".join(lines) + "\n"
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.buffer.write(text.encode())


if __name__ == "__main__":
    main()
