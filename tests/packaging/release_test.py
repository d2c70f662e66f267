#!/usr/bin/env python3
"""Shows what scripts/release.sh makes of a commit, and what it refuses: in a repository of its own with the files of this tree."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
XSIMD = os.environ.get("SPAT_XSIMD_DIR", "/usr/include")
IDENTITY = {"GIT_CONFIG_GLOBAL": "/dev/null"} | {name: value for who in ("AUTHOR", "COMMITTER") for name, value in {
    f"GIT_{who}_NAME": "spat", f"GIT_{who}_EMAIL": "spat@example.com", f"GIT_{who}_DATE": "2026-01-02T03:04:05Z"}.items()}
VERSION, = re.findall('#define SPAT_VERSION "(.+)"', (TREE / "include/spat/version.hpp").read_text())


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.tree = pathlib.Path(cls.temporary.name)
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TREE, check=True,
                                capture_output=True, text=True).stdout.split("\0")
        for name in filter(None, listed):
            if (TREE / name).is_file():
                (cls.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(TREE / name, cls.tree / name)
        changelog = cls.tree / "CHANGELOG.md"
        changelog.write_text(changelog.read_text().replace("(unreleased)", "(2026-01-02)", 1))
        cls.run_there("git", "init", "--quiet")
        cls.commit()

    @classmethod
    def run_there(cls, *command):
        return subprocess.run(command, cwd=cls.tree, check=True, capture_output=True, text=True, env={**os.environ, **IDENTITY}).stdout

    @classmethod
    def commit(cls):
        cls.run_there("git", "add", "--all")
        cls.run_there("git", "commit", "--quiet", "--message", "a release")

    def release(self, *arguments):
        return self.run_there("scripts/release.sh", *arguments, "--xsimd", XSIMD)

    def files(self):
        dist = self.tree / "dist"
        return {str(f.relative_to(dist)): hashlib.sha256(f.read_bytes()).hexdigest() for f in dist.rglob("*") if f.is_file()}

    def test_a_commit_gives_the_same_files_twice_and_checksums_of_all_of_them(self):
        archive = f"spat-{VERSION}.tar.gz"
        told = self.release(VERSION, "--url", "https://spat.test/there")
        first = self.files()
        self.release(VERSION, "--url", "https://spat.test/there")
        self.assertEqual(self.files(), first)

        sums = dict(reversed(line.split()) for line in (self.tree / "dist/SHA256SUMS").read_text().splitlines())
        self.assertEqual(sums, {name: value for name, value in first.items() if name != "SHA256SUMS"})
        self.assertLessEqual({archive, "spat.hpp", "spat_with_xsimd.hpp", "spat_runtime.hpp", "spat_runtime_with_xsimd.hpp"}, set(sums))
        self.assertIn(f"git tag -a v{VERSION}", told)

        with tarfile.open(self.tree / "dist" / archive) as packed:
            inside = {one.name: one for one in packed.getmembers()}
            self.assertEqual({(one.uid, one.gid, one.mtime) for one in inside.values()}, {(0, 0, 1767323045)})
            committed = self.run_there("git", "ls-files").split()
            self.assertEqual({name for name, one in inside.items() if one.isfile()}, {f"spat-{VERSION}/{name}" for name in committed})
        self.assertEqual((self.tree / "dist" / archive).read_bytes()[4:8], bytes(4), "gzip's time")

        sha512 = hashlib.sha512((self.tree / "dist" / archive).read_bytes()).hexdigest()
        recipes = {name: (self.tree / "dist/packaging" / name).read_text()
                   for name in ("vcpkg/portfile.cmake", "conan/conandata.yml", "spack/package.py")}
        self.assertIn(f"SHA512 {sha512}\n", recipes["vcpkg/portfile.cmake"])
        self.assertIn(f'sha256: "{sums[archive]}"', recipes["conan/conandata.yml"])
        self.assertIn(f'version("{VERSION}", sha256="{sums[archive]}")', recipes["spack/package.py"])
        for name, text in recipes.items():
            self.assertIn("https://spat.test/there/releases/download/v", text, name)
            self.assertNotIn("example.com", text, name)

    def refused(self, message, *arguments):
        shutil.rmtree(self.tree / "dist", ignore_errors=True)
        with self.assertRaises(subprocess.CalledProcessError) as caught:
            self.release(*arguments or (VERSION,))
        self.assertRegex(caught.exception.stderr, message)
        self.assertFalse((self.tree / "dist").exists())

    def test_refusals(self):
        self.refused(r"version.hpp: expected version 99.1.0, found " + re.escape(VERSION), "99.1.0")
        self.refused("expected --url URL", VERSION, "--publish", "now")
        (self.tree / "stray.txt").write_text("")
        self.refused(r"expected a tree without changes, found\n\?\? stray.txt")
        (self.tree / "stray.txt").unlink()
        for name, before, after, message in [
            ("CHANGELOG.md", "(2026-01-02)", "(unreleased)", r"CHANGELOG.md: expected '## .+ \(YYYY-MM-DD\)'.+\(unreleased\)"),
            ("CHANGELOG.md", f"## {VERSION}", "## 99.1.0", "CHANGELOG.md: expected version"),
            ("packaging/vcpkg/vcpkg.json", f'"{VERSION}"', '"99.1.0"', "vcpkg.json: expected version .+ found 99.1.0"),
            ("packaging/conan/conandata.yml", f'"{VERSION}"', '"99.1.0"', "conandata.yml: expected version"),
            ("packaging/spack/package.py", f'version("{VERSION}"', 'version("99.1.0"', "package.py: expected version"),
        ]:
            text = (self.tree / name).read_text()
            self.assertIn(before, text)
            (self.tree / name).write_text(text.replace(before, after, 1))
            self.commit()
            self.refused(message)
            (self.tree / name).write_text(text)
            self.commit()


if __name__ == "__main__":
    unittest.main()
