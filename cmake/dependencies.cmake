# Where the dependencies come from: what is installed, else a pinned archive (the versions of Debian 12, except Catch2).
find_package(Threads REQUIRED)

# spat_archive(<name> <target> <include folder in the archive> <url> <sha256>)
# Their own CMake files are not run (SOURCE_SUBDIR names no folder): a header-only library is an include path.
function(spat_archive name target include url sha256)
  include(FetchContent)
  FetchContent_Declare(${name} URL ${url} URL_HASH SHA256=${sha256} SOURCE_SUBDIR headers-only)
  FetchContent_MakeAvailable(${name})
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${${name}_SOURCE_DIR}/${include})
endfunction()

# spat_header_only(<package> <target> <include folder in the archive> <url> <sha256>)
function(spat_header_only package target)
  if(NOT TARGET ${target})
    find_package(${package} QUIET)
  endif()
  if(NOT TARGET ${target})
    string(TOLOWER ${package} name)
    spat_archive(${name} ${target} ${ARGN})
  endif()
endfunction()

# spat_fetch(<package> <target> <url> <sha256>): for what has to be compiled.
function(spat_fetch package target url sha256)
  find_package(${package} QUIET)
  if(NOT TARGET ${target})
    include(FetchContent)
    FetchContent_Declare(${package} URL ${url} URL_HASH SHA256=${sha256})
    FetchContent_MakeAvailable(${package})
  endif()
endfunction()

function(spat_find_eigen)
  spat_header_only(Eigen3 Eigen3::Eigen .
    https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.bz2
    b4c198460eba6f28d34894e3a5710998818515104d6e74e5cc331ce31e46e626)
endfunction()

# spat::xsimd is of the xsimd that the user's project has, else of one that is installed, else of an archive.
include(${CMAKE_CURRENT_LIST_DIR}/spatXsimd.cmake)
spat_find_xsimd(found_xsimd)
if(NOT TARGET spat::xsimd)
  spat_archive(xsimd spat::xsimd include
    https://github.com/xtensor-stack/xsimd/archive/8.1.0.tar.gz
    d52551360d37709675237d2a0418e28f70995b5b7cdad7c674626bcfbbf48328)
endif()
