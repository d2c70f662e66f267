#!/usr/bin/env python3
"""Shows that check_docs.py finds each thing it is there to find."""
import pathlib
import tempfile
import unittest

from check_docs import check_links, check_width, translation_unit

GOOD = {
    "README.md": "# A\n\n[a page](docs/page.md), [a heading](docs/page.md#two-words), [outside](https://example.org)\n",
    "docs/page.md": "# Page\n\n## Two words\n\n[back](../README.md) and [here](#two-words)\n",
}


class CheckDocs(unittest.TestCase):
    def made(self, changes, use):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in (GOOD | changes).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return use(root)

    def found(self, changes):
        return self.made(changes, lambda root: "\n".join([*check_links(root), *check_width(root)]))

    def test_good_pages(self):
        self.assertEqual(self.found({}), "")

    def test_each_violation(self):
        for text, message in [
            ("[gone](docs/gone.md)\n", "there is no docs/gone.md"),
            ("[gone](docs/page.md#gone)\n", "there is no such heading"),
            ("x" * 101 + "\n", "README.md:1: 101 columns"),
        ]:
            with self.subTest(message):
                self.assertIn(message, self.found({"README.md": text}))

    def test_tables_and_code_may_be_wide(self):
        self.assertEqual(self.found({"README.md": "| " + "x" * 120 + " |\n\n    " + "x" * 120 + "\n"}), "")

    def test_declarations_come_before_statements_of_the_same_page(self):
        text = "```cpp\n#include <spat/spat.hpp>\nint a = b;\n```\n```cpp\nstruct B {};\n```\n"
        unit = self.made({"docs/page.md": text}, translation_unit)
        self.assertLess(unit.index("#include"), unit.index("struct B"))
        self.assertLess(unit.index("struct B"), unit.index("int a = b;"))
        self.assertIn('#line 2 "docs/page.md"', unit)


if __name__ == "__main__":
    unittest.main()
