#!/usr/bin/env python3
"""Checks the recipes in packaging/ without the package managers: their form, what they say of spat, and what they do.

vcpkg's functions and Conan's and Spack's classes are stand-ins, here and in vcpkg_port.cmake.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
CXX = os.environ.get("CXX", "g++")


def read(path):
    return (TREE / path).read_text()


def only(pattern, path):
    found, = re.findall(pattern, read(path))
    return found


class Facts(unittest.TestCase):
    """What the recipes say is what the headers say."""

    def test_versions_of_spat(self):
        version = only(r'#define SPAT_VERSION "(.+)"', "include/spat/version.hpp")
        self.assertEqual(json.loads(read("packaging/vcpkg/vcpkg.json"))["version"], version)
        self.assertEqual(only(r'(?m)^  "(.+)":$', "packaging/conan/conandata.yml"), version)
        self.assertEqual(only(r'version\("(.+?)"', "packaging/spack/package.py"), version)
        for file in "conan/conandata.yml", "spack/package.py":
            self.assertIn(f"/releases/download/v{version}/spat-{version}.tar.gz", read(f"packaging/{file}"))

    def test_versions_of_xsimd(self):
        newest = int(only(r"XSIMD_VERSION_MAJOR > (\d+)", "include/spat/kernels/xsimd.hpp"))
        oldest = only(r"spat: needs xsimd ([0-9.]+) or newer", "include/spat/kernels/xsimd.hpp")
        self.assertEqual(only(r'"xsimd/\[(.+)\]"', "packaging/conan/conanfile.py"), f">={oldest} <{newest + 1}")
        self.assertEqual(only(r'"xsimd@(.+)"', "packaging/spack/package.py"), f"{oldest}:{newest}")

    def test_versions_of_compilers(self):
        gcc = int(only(r"spat: needs g\+\+ (\d+)", "include/spat/core/toolchain.hpp"))
        clang = int(only(r"spat: needs clang (\d+)", "include/spat/core/toolchain.hpp"))
        self.assertEqual(only(r"oldest = (\{.+?\})", "packaging/conan/conanfile.py"), f'{{"gcc": "{gcc}", "clang": "{clang}"}}')
        self.assertIn(f'"%gcc@:{gcc - 1}"', read("packaging/spack/package.py"))
        self.assertIn(f'"%clang@:{clang - 1}"', read("packaging/spack/package.py"))

    def test_placeholders_that_the_release_script_fills(self):
        self.assertEqual(read("packaging/vcpkg/portfile.cmake").count("SHA512 0\n"), 1)
        for file in "conan/conandata.yml", "spack/package.py":
            self.assertEqual(len(re.findall(r"\b0{64}\b", read(f"packaging/{file}"))), 1, file)
        for file in "vcpkg/portfile.cmake", "vcpkg/vcpkg.json", "conan/conandata.yml", "conan/conanfile.py", "spack/package.py":
            self.assertIn("https://example.com/spat", read(f"packaging/{file}"))


class Vcpkg(unittest.TestCase):
    def test_the_manifest_has_the_form_of_vcpkg_format_manifest(self):
        text = read("packaging/vcpkg/vcpkg.json")
        manifest = json.loads(text)
        order = ["name", "version", "description", "homepage", "license", "supports", "dependencies", "features"]
        self.assertEqual(list(manifest), [key for key in order if key in manifest])
        self.assertEqual(text, json.dumps(manifest, indent=2) + "\n")
        for dependencies in [manifest["dependencies"], *(f["dependencies"] for f in manifest["features"].values())]:
            names = [one if isinstance(one, str) else one["name"] for one in dependencies]
            self.assertEqual(names, sorted(names))
            for one in dependencies:
                self.assertIn(set(one) if isinstance(one, dict) else None, [None, {"name", "host"}])
        for name, feature in manifest["features"].items():
            self.assertRegex(name, r"^[a-z0-9]+(-[a-z0-9]+)*$")
            self.assertEqual(list(feature), ["description", "dependencies"])

    def test_the_port_installs_what_vcpkg_accepts_and_a_project_finds(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            built, package = folder / "built", folder / "elsewhere"
            self.cmake(f"-DTREE={TREE}", f"-DPACKAGE={built}", f"-DBUILD={folder / 'build'}", "-P",
                       TREE / "tests/packaging/vcpkg_port.cmake")
            files = [file for file in built.rglob("*") if file.is_file()]
            for file in files:
                self.assertNotIn(str(folder), file.read_text(), f"{file} names the folder that it was built in")
            self.assertEqual({str(file.relative_to(built)) for file in files if "include" not in file.relative_to(built).parts},
                             {"share/pkgconfig/spat.pc", *(f"share/spat/{name}" for name in (
                                 "copyright", "usage", "spatConfig.cmake", "spatConfigVersion.cmake", "spatTargets.cmake",
                                 "spatXsimd.cmake"))})
            self.assertEqual({str(file.relative_to(built)) for file in files if file.suffix == ".hpp"},
                             {str(file.relative_to(TREE)) for file in (TREE / "include").rglob("*.hpp")})
            self.assertEqual([one for one in built.rglob("*") if one.is_dir() and not any(one.iterdir())], [])

            built.rename(package)
            for usage in re.findall(r"(?:^    .+\n)+", read("packaging/vcpkg/usage"), re.M):
                project = folder / "project"
                project.mkdir()
                (project / "main.cpp").write_text("#include <spat/version.hpp>\nint main() {}\n")
                (project / "CMakeLists.txt").write_text(
                    "cmake_minimum_required(VERSION 3.22)\nproject(p CXX)\nadd_executable(main main.cpp)\n" + usage +
                    'get_target_property(folder spat::spat INTERFACE_INCLUDE_DIRECTORIES)\nmessage(STATUS "in ${folder}.")\n')
                self.assertIn(f"in {package}/include.", self.cmake("-S", project, "-B", project / "build",
                                                                   f"-DCMAKE_PREFIX_PATH={package}"))
                shutil.rmtree(project)

    def cmake(self, *arguments):
        done = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout


def defined_in(path, modules):
    """The names that a recipe defines; the modules are stand-ins for those that it imports."""
    stand_ins = {name: types.ModuleType(name) for name in modules}
    for name, content in modules.items():
        stand_ins[name].__dict__.update(content)
    with unittest.mock.patch.dict(sys.modules, stand_ins):
        names = {}
        exec(compile(read(path), path, "exec"), names)
        return names


class Invalid(Exception):
    pass


class Version:
    def __init__(self, text):
        self.number = int(str(text))

    def __lt__(self, other):
        return self.number < int(other)


class Conan(unittest.TestCase):
    def recipe(self, eigen=False, **settings):
        self.copied = []
        recipe = defined_in("packaging/conan/conanfile.py", {
            "conan": {"ConanFile": object}, "conan.tools": {}, "conan.errors": {"ConanInvalidConfiguration": Invalid},
            "conan.tools.build": {"check_min_cppstd": lambda recipe, year: setattr(recipe, "standard", year)},
            "conan.tools.files": {"copy": lambda recipe, *arguments: self.copied.append(arguments), "get": None},
            "conan.tools.layout": {"basic_layout": None}, "conan.tools.scm": {"Version": Version},
        })["SpatConan"]()
        given = {"os": "Linux", "arch": "x86_64", "compiler": "gcc", "version": "12", **settings}
        compiler = unittest.mock.MagicMock(version=given["version"], __str__=lambda _: given["compiler"])
        recipe.settings = types.SimpleNamespace(os=given["os"], arch=given["arch"], compiler=compiler)
        recipe.options = types.SimpleNamespace(eigen=eigen)
        recipe.required, recipe.requires = [], lambda reference: recipe.required.append(reference.split("/")[0])
        recipe.properties = {}
        recipe.cpp_info = types.SimpleNamespace(set_property=lambda name, value: recipe.properties.update({name: value}))
        recipe.ref, recipe.source_folder, recipe.package_folder = "spat/1", str(TREE), "/package"
        return recipe

    def test_what_it_requires(self):
        for eigen, expected in (False, ["xsimd"]), (True, ["xsimd", "eigen"]):
            recipe = self.recipe(eigen)
            recipe.requirements()
            self.assertEqual(recipe.required, expected)

    def test_names_are_those_of_the_installed_library(self):
        recipe = self.recipe(eigen=True)
        recipe.package_info()
        self.assertEqual(recipe.properties, {"cmake_file_name": "spat", "cmake_target_name": "spat::spat",
                                             "cmake_target_aliases": ["spat::eigen"], "pkg_config_name": "spat"})
        self.assertEqual((recipe.cpp_info.libdirs, recipe.cpp_info.bindirs), ([], []))
        recipe = self.recipe()
        recipe.package_info()
        self.assertNotIn("cmake_target_aliases", recipe.properties)

    def test_what_it_refuses(self):
        for settings in {}, {"compiler": "clang", "version": "14"}, {"compiler": "msvc", "version": "193"}:
            recipe = self.recipe(**settings)
            recipe.validate()
            self.assertEqual(recipe.standard, 20)
        for settings, message in [
            ({"version": "11"}, "needs gcc 12 or newer, and this is 11"),
            ({"compiler": "clang", "version": "13"}, "needs clang 14 or newer, and this is 13"),
            ({"arch": "s390x"}, "needs a little-endian target"),
        ]:
            with self.assertRaisesRegex(Invalid, message):
                self.recipe(**settings).validate()

    def test_the_package_is_the_headers_and_the_licence(self):
        recipe = self.recipe()
        recipe.package()
        self.assertEqual(recipe.package_type, "header-library")
        self.assertEqual(self.copied, [("LICENSE", str(TREE), "/package/licenses"), ("*.hpp", f"{TREE}/include", "/package/include")])

    def test_the_program_of_its_test_compiles(self):
        done = subprocess.run([CXX, "-std=c++20", "-fsyntax-only", "-DSPAT_SCALAR", f"-I{TREE / 'include'}",
                               TREE / "packaging/conan/test_package/test_package.cpp"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in "conanfile.py", "CMakeLists.txt":
            self.assertIn("test_package", read(f"packaging/conan/test_package/{name}"))


class Spack(unittest.TestCase):
    def test_the_package(self):
        said = []

        class CMakePackage:
            def define(self, name, value):
                return f"-D{name}={'ON' if value else 'OFF'}"

        directives = {name: (lambda name: lambda *given, **more: said.append((name, *given, *sorted(more.items()))))(name)
                      for name in ("license", "version", "variant", "depends_on", "conflicts")}
        package = defined_in("packaging/spack/package.py", {
            "spack_repo": {}, "spack_repo.builtin": {}, "spack_repo.builtin.build_systems": {},
            "spack_repo.builtin.build_systems.cmake": {"CMakePackage": CMakePackage}, "spack": {}, "spack.package": directives,
        })["Spat"]
        self.assertEqual(package().cmake_args(), ["-DSPAT_TESTS=OFF", "-DSPAT_EXAMPLES=OFF", "-DSPAT_TOOL=OFF",
                                                  "-DSPAT_BENCHMARKS=OFF"])
        self.assertIn(("license", "MIT"), said)
        self.assertIn(("depends_on", "eigen@3.3:3", ("when", "+eigen")), said)
        self.assertIn(("depends_on", "cxx", ("type", "build")), said)
        needed = re.search(r"cmake_minimum_required\(VERSION ([0-9.]+)\)", read("CMakeLists.txt"))[1]
        self.assertIn(("depends_on", f"cmake@{needed}:", ("type", "build")), said)


if __name__ == "__main__":
    unittest.main()
