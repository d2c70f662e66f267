# Copyright Spack Project Developers. See COPYRIGHT file for details.
#
# SPDX-License-Identifier: (Apache-2.0 OR MIT)

from spack_repo.builtin.build_systems.cmake import CMakePackage

from spack.package import *


class Spat(CMakePackage):
    """Trains transformers that forecast time series in C++20, measures while they learn how much
    each attention module matters, and prunes those that matter least. Header-only."""

    homepage = "https://example.com/spat"
    url = "https://example.com/spat/releases/download/v0.1.0/spat-0.1.0.tar.gz"

    license("MIT")

    version("0.1.0", sha256="0000000000000000000000000000000000000000000000000000000000000000")

    variant("eigen", default=False, description="Eigen for spat::eigen and core/eigen.hpp")

    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("xsimd@8.1:14")
    depends_on("eigen@3.3:3", when="+eigen")

    conflicts("%gcc@:11", msg="spat needs C++20 as g++ 12 and clang 14 have it")
    conflicts("%clang@:13", msg="spat needs C++20 as g++ 12 and clang 14 have it")

    def cmake_args(self):
        return [self.define(f"SPAT_{name}", False) for name in ("TESTS", "EXAMPLES", "TOOL", "BENCHMARKS")]
