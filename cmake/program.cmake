# spat_program(<target>): what our own tests, examples and benchmarks get on top of spat::spat.
# Nothing of this reaches a user of the library.
if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(SPAT_CCACHE ccache)
  mark_as_advanced(SPAT_CCACHE)
  if(SPAT_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${SPAT_CCACHE})
  endif()
endif()
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()

function(spat_program target)
  target_link_libraries(${target} PRIVATE spat::spat)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
    -Wold-style-cast -Wdouble-promotion)
  if(SPAT_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(SPAT_NATIVE)
    target_compile_options(${target} PRIVATE -march=native)
  endif()
  if(SPAT_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${SPAT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # g++ 12 sees some inside its own <functional>
    # With clang the checks of addresses are calls, and what the address sanitizer finds at the access is not checked
    # before it once more: together half of the compile time. Alignment is another fifth; the programs of tests/fuzz and
    # tests/load, which read foreign bytes, check it.
    if(SPAT_SANITIZE MATCHES address)
      target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:Clang>:-fsanitize-address-outline-instrumentation>)
    endif()
    if(SPAT_SANITIZE MATCHES address.*undefined)
      target_compile_options(${target} PRIVATE
        $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=null,object-size,pointer-overflow,vptr,alignment>)
    endif()
    target_link_options(${target} PRIVATE -fsanitize=${SPAT_SANITIZE})
  endif()
endfunction()

# JSON, which some of our own programs read and write; the library needs none.
if(SPAT_TESTS OR SPAT_TOOL OR SPAT_BENCHMARKS)
  spat_header_only(nlohmann_json nlohmann_json::nlohmann_json include
    https://github.com/nlohmann/json/releases/download/v3.11.2/json.tar.xz
    8c4b26bf4b422252e13f332bc5e388ec0ab5c3443d24399acb675e68278d341f)
endif()
