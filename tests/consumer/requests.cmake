# What find_package(spat ...) answers: cmake -DSPAT_DIR=<folder of spatConfig.cmake> -DFOLDER=<for builds> -DCOMPILER=<C++> -P requests.cmake
# Its variable spat_DIR would hide what a version refuses, so each request has a project of its own (request/).

# request(<arguments of find_package> <expected text> <option>...): the project is configured, and its output has the text; after
# one error if that is what the option FAILS says, else without any warning.
function(request arguments expected)
  cmake_parse_arguments(PARSE_ARGV 2 option "FAILS;NO_LANGUAGE" "" "WITH")
  set(languages CXX)
  if(option_NO_LANGUAGE)
    set(languages NONE)  # what is refused at once needs no look at the compiler
  endif()
  file(REMOVE_RECURSE ${FOLDER}/request)
  execute_process(RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output
    COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/request -B ${FOLDER}/request -Dspat_DIR=${SPAT_DIR} "-DREQUEST=${arguments}"
      -DLANGUAGES=${languages} -DCMAKE_CXX_COMPILER=${COMPILER} ${option_WITH} --no-warn-unused-cli)
  string(REGEX MATCHALL "CMake (Error|Warning)[^\n]*" complaints "${output}")
  list(LENGTH complaints count)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  set(problem)
  if(NOT output MATCHES "${expected}")
    set(problem "\"${expected}\" is not in the output")
  elseif(option_FAILS AND NOT (count EQUAL 1 AND result EQUAL 1))
    set(problem "expected one error, found ${count}, exit code ${result}")
  elseif(NOT option_FAILS AND NOT (count EQUAL 0 AND result EQUAL 0))
    set(problem "expected no error or warning, found ${count}, exit code ${result}")
  endif()
  if(problem)
    message(SEND_ERROR "find_package(spat ${arguments}) ${option_WITH}: ${problem}:\n${output}")
  endif()
endfunction()

set(no_xsimd WITH -DCMAKE_DISABLE_FIND_PACKAGE_xsimd=ON)
set(no_eigen WITH -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON)
request("REQUIRED" "spat needs xsimd 8.1 or newer, and there is none" FAILS NO_LANGUAGE ${no_xsimd})
request("QUIET" "found: 0" NO_LANGUAGE ${no_xsimd})
request("REQUIRED;COMPONENTS;fft" "spat has no component \"fft\"" FAILS NO_LANGUAGE)
request("QUIET;COMPONENTS;fft" "found: 0" NO_LANGUAGE)
request("REQUIRED;OPTIONAL_COMPONENTS;fft" "found: 1, eigen: FALSE")
request("REQUIRED;COMPONENTS;eigen" "component \"eigen\" of spat needs Eigen 3, and there is none" FAILS ${no_eigen})
request("REQUIRED;OPTIONAL_COMPONENTS;eigen" "found: 1, eigen: FALSE" ${no_eigen})

file(WRITE ${FOLDER}/old_xsimd/xsimdConfig.cmake "add_library(xsimd INTERFACE IMPORTED)\n")
file(WRITE ${FOLDER}/old_xsimd/xsimdConfigVersion.cmake "set(PACKAGE_VERSION 7.6.0)\n")
request("REQUIRED" "spat needs xsimd 8.1 or newer, and that of [^ ]*/old_xsimd is 7.6.0" FAILS NO_LANGUAGE WITH -Dxsimd_DIR=${FOLDER}/old_xsimd)
