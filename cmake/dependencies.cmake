# Where the dependencies come from: what is installed, else a pinned archive (the versions of Debian 12, except Catch2).
find_package(Threads REQUIRED)

# spat_header_only(<package> <target> <include folder in the archive> <url> <sha256>)
# Their own CMake files are not run (SOURCE_SUBDIR names no folder): a header-only library is an include path.
function(spat_header_only package target include url sha256)
  if(TARGET ${target})
    return()
  endif()
  find_package(${package} QUIET)
  if(NOT TARGET ${target})
    include(FetchContent)
    string(TOLOWER ${package} name)
    FetchContent_Declare(${name} URL ${url} URL_HASH SHA256=${sha256} SOURCE_SUBDIR headers-only)
    FetchContent_MakeAvailable(${name})
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${${name}_SOURCE_DIR}/${include})
  endif()
endfunction()

# spat_fetch(<package> <target> <url> <sha256>): the same for what has to be compiled.
function(spat_fetch package target url sha256)
  find_package(${package} QUIET)
  if(NOT TARGET ${target})
    include(FetchContent)
    FetchContent_Declare(${package} URL ${url} URL_HASH SHA256=${sha256})
    FetchContent_MakeAvailable(${package})
  endif()
endfunction()

spat_header_only(Eigen3 Eigen3::Eigen .
  https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.bz2
  b4c198460eba6f28d34894e3a5710998818515104d6e74e5cc331ce31e46e626)
spat_header_only(xsimd xsimd include
  https://github.com/xtensor-stack/xsimd/archive/8.1.0.tar.gz
  d52551360d37709675237d2a0418e28f70995b5b7cdad7c674626bcfbbf48328)

# Debian's xsimd 8.1 asks to link a library xtl that it neither brings nor needs (spatConfig.cmake does the same).
if(NOT TARGET xtl)
  set_property(TARGET xsimd PROPERTY INTERFACE_LINK_LIBRARIES)
endif()
