from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, get
from conan.tools.layout import basic_layout
from conan.tools.scm import Version
import os

required_conan_version = ">=2.0.9"


class SpatConan(ConanFile):
    name = "spat"
    description = "Trains transformers that forecast time series, and prunes their attention"
    license = "MIT"
    url = "https://github.com/conan-io/conan-center-index"
    homepage = "https://example.com/spat"
    topics = ("time-series", "forecasting", "transformer", "pruning", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"eigen": [True, False]}
    default_options = {"eigen": False}
    options_description = {"eigen": "the target spat::eigen, for <spat/core/eigen.hpp>"}
    no_copy_source = True

    def layout(self):
        basic_layout(self, src_folder="src")

    def requirements(self):
        self.requires("xsimd/[>=8.1 <15]")
        if self.options.eigen:
            self.requires("eigen/[>=3.3 <4]")

    def package_id(self):
        self.info.settings.clear()  # the options stay: they say which targets there are

    def validate(self):
        check_min_cppstd(self, 20)
        oldest = {"gcc": "12", "clang": "14"}.get(str(self.settings.compiler))
        if oldest and Version(self.settings.compiler.version) < oldest:
            raise ConanInvalidConfiguration(
                f"{self.ref} needs {self.settings.compiler} {oldest} or newer, and this is {self.settings.compiler.version}")
        if self.settings.arch in ("s390", "s390x"):
            raise ConanInvalidConfiguration(f"{self.ref} needs a little-endian target, and {self.settings.arch} is none")

    def source(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "spat")
        self.cpp_info.set_property("cmake_target_name", "spat::spat")
        self.cpp_info.set_property("pkg_config_name", "spat")
        if self.options.eigen:
            self.cpp_info.set_property("cmake_target_aliases", ["spat::eigen"])
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
