#!/usr/bin/env python3
"""Shows that check_layers.py finds each thing it is there to find."""
import pathlib
import tempfile
import unittest

from check_layers import check, fix, umbrella

GOOD = {
    "version.hpp": "",
    "core/a.hpp": "// core. A.\n#include <spat/version.hpp>\n",
    "io/b.hpp": "// io. B.\n#include <spat/core/a.hpp>\n",
    "spat.hpp": "// All.\n#pragma once\n#include <spat/version.hpp>\n#include <spat/core/a.hpp>\n#include <spat/io/b.hpp>\n",
}


class CheckLayers(unittest.TestCase):
    def found(self, changes, and_fix=False):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in (GOOD | changes).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            if and_fix:
                fix(root)
            return "\n".join(check(root))

    def test_a_good_tree(self):
        self.assertEqual(self.found({}), "")

    def test_each_violation(self):
        all_but_last = GOOD["spat.hpp"].rsplit("#include", 1)[0]
        for changes, message in [
            ({"core/a.hpp": "// core. A.\n#include <spat/io/b.hpp>\n"}, "core must not include io"),
            ({"core/a.hpp": "// core. A.\n#include <spat/core/a.hpp>\n"}, "cycle: core/a.hpp -> core/a.hpp"),
            ({"core/a.hpp": "// core. A.\n#include <spat/spat.hpp>\n"}, "must not include everything"),
            ({"core/a.hpp": "// core. A.\n#include <vector>\n#include <spat/version.hpp>\n"}, "the first include must be one of spat"),
            ({"core/a.hpp": "// core. A.\n#include \"b.hpp\"\n"}, "must be written <spat/...>"),
            ({"core/a.hpp": "// core. A.\n#include <xsimd/xsimd.hpp>\n"}, "xsimd is for kernels only"),
            ({"core/a.hpp": "// core. A.\n#include <spat/core/z.hpp>\n"}, "there is no <spat/core/z.hpp>"),
            ({"core/a.hpp": "// io. A.\n"}, 'must be "// core. '),
            ({"misc/c.hpp": "// misc. C.\n"}, "misc is not a layer"),
            ({"core/c.hpp": "// core. C.\n"}, "<spat/core/c.hpp> is missing"),
            ({"core/c/d.hpp": "// core. D.\n"}, "<spat/core/c/d.hpp> is missing"),
            ({"core/c/d.hpp": "// core. D.\n#include <spat/io/b.hpp>\n"}, "core must not include io"),
            ({"spat.hpp": all_but_last}, "<spat/io/b.hpp> is missing"),
            ({"spat.hpp": GOOD["spat.hpp"] + "#include <spat/io/z.hpp>\n"}, "is not a public header"),
            ({"spat.hpp": GOOD["spat.hpp"] + "#include <vector>\n"}, "headers of spat only"),
            ({"spat.hpp": all_but_last.replace("#include", "#include <spat/io/b.hpp>\n#include", 1)}, "order"),
        ]:
            with self.subTest(message):
                self.assertIn(message, self.found(changes))

    def test_fix_lists_a_new_header(self):
        self.assertEqual(self.found({"core/c.hpp": "// core. C.\n"}, and_fix=True), "")

    def test_a_folder_in_a_layer_comes_after_the_layers_own_headers(self):
        names = ["core/c/d.hpp", "core/z.hpp", "io/b.hpp", "core/a.hpp"]
        self.assertEqual(umbrella(names)[1:], ["core/a.hpp", "core/z.hpp", "core/c/d.hpp", "io/b.hpp"])
        self.assertEqual(self.found({"core/c/d.hpp": "// core. D.\n", "core/z.hpp": "// core. Z.\n"}, and_fix=True), "")


if __name__ == "__main__":
    unittest.main()
