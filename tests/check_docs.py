#!/usr/bin/env python3
"""Checks the Markdown pages: their links, their width, and that their C++ compiles.

check_docs.py                         every relative link leads to a file, and to a heading if it names one; no line of prose
                                      is longer than 100 columns
check_docs.py --compile CXX FLAG...   the C++ blocks of all pages compile, as one translation unit

The blocks of a page belong together: those that start with a declaration come first, at namespace level, and the others
are one function, in their order. docs/custom_model.md is left to check_tutorial.py: its blocks are a whole example.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
WIDTH = 100
DECLARATION = re.compile(r"(///|//|template|class|struct|namespace|static_assert|int main)")


def pages(root):
    return sorted([*root.glob("*.md"), *(root / "docs").glob("*.md")])


def without_code(text):
    """The text with its fenced and indented code and its comments blanked; lines keep their numbers."""
    blank = lambda match: "\n" * match.group().count("\n")
    text = re.sub(r"^```.*?^```$|<!--.*?-->", blank, text, flags=re.M | re.S)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def anchors(text):
    """The anchors of a page's headings, as GitHub names them."""
    heads = re.findall(r"^#+ (.*)$", without_code(text), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def check_links(root):
    for page in pages(root):
        for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists():
                yield f"{page.relative_to(root)}: there is no {link}"
            elif anchor and anchor not in anchors(target.read_text()):
                yield f"{page.relative_to(root)}: {link}: there is no such heading"


def check_width(root):
    for page in pages(root):
        for number, line in enumerate(without_code(page.read_text()).split("\n"), 1):
            if len(line) > WIDTH and not line.startswith("|"):
                yield f"{page.relative_to(root)}:{number}: {len(line)} columns"


def blocks(page):
    """(line, code) of each C++ block."""
    text = page.read_text()
    for found in re.finditer(r"^```cpp\n(.*?)^```$", text, re.M | re.S):
        yield text.count("\n", 0, found.start(1)) + 1, found.group(1)


def translation_unit(root):
    """All C++ blocks of the pages; the compiler's messages name the page and its line."""
    includes, body = set(), []
    for number, page in enumerate(p for p in pages(root) if p.name != "custom_model.md"):
        declarations, statements = [], []
        for line, code in blocks(page):
            includes.update(re.findall(r"^#include .*$", code, re.M))
            code = re.sub(r"^(#include .*|using namespace spat;)$", "", code, flags=re.M)
            code = f'#line {line} "{page.relative_to(root)}"\n{code}'
            first = next((text for text in code.split("\n")[1:] if text.strip()), "")
            (declarations if DECLARATION.match(first) else statements).append(code)
        if declarations or statements:
            body += [f"namespace page_{number} {{", "using namespace spat;", *declarations, "void page() {", *statements, "}", "}"]
    return "\n".join([*sorted(includes), *body, ""])


def compile_blocks(compiler, flags):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "pages.cpp"
        source.write_text(translation_unit(ROOT))
        return subprocess.run([compiler, "-std=c++20", "-fsyntax-only",
                               *flags, str(source)], check=False).returncode


def main():
    if sys.argv[1:2] == ["--compile"]:
        sys.exit(compile_blocks(sys.argv[2], sys.argv[3:]))
    problems = [*check_links(ROOT), *check_width(ROOT)]
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
