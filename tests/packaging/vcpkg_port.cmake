# Runs packaging/vcpkg/portfile.cmake with what vcpkg's functions do, as far as the port needs it:
# cmake -DTREE=<source tree> -DPACKAGE=<folder to install to> -DBUILD=<folder> -P vcpkg_port.cmake
cmake_minimum_required(VERSION 3.22)
set(PORT spat)
set(CURRENT_PACKAGES_DIR ${PACKAGE})

function(vcpkg_download_distfile result)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILENAME;SHA512" "URLS")
  if(NOT arg_URLS MATCHES "/${arg_FILENAME}$" OR NOT DEFINED arg_SHA512 OR DEFINED arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vcpkg_download_distfile: ${ARGV}")
  endif()
  set(${result} ${arg_FILENAME} PARENT_SCOPE)
endfunction()

function(vcpkg_extract_source_archive result)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ARCHIVE" "")
  if(NOT arg_ARCHIVE STREQUAL "spat-${VERSION}.tar.gz")
    message(FATAL_ERROR "vcpkg_extract_source_archive: ${ARGV}")
  endif()
  set(${result} ${TREE} PARENT_SCOPE)
endfunction()

# Only what vcpkg.json names is there. CMake's module for downloads leaves a variable.
function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  execute_process(COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET COMMAND ${CMAKE_COMMAND} -S ${arg_SOURCE_PATH} -B ${BUILD}
    -DCMAKE_INSTALL_PREFIX=${PACKAGE} -DCMAKE_BUILD_TYPE=Release
    -DFETCHCONTENT_FULLY_DISCONNECTED=ON -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON
    ${arg_OPTIONS})
  file(STRINGS ${BUILD}/CMakeCache.txt downloads REGEX "^FETCHCONTENT_BASE_DIR")
  if(downloads)
    message(FATAL_ERROR "vcpkg_cmake_configure: the build asks for a download")
  endif()
endfunction()

function(vcpkg_cmake_install)
  execute_process(COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET COMMAND ${CMAKE_COMMAND} --install ${BUILD})
endfunction()

# The folder of spatConfig.cmake becomes one of two levels, which the target file has to know.
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH" "")
  file(RENAME ${PACKAGE}/${arg_CONFIG_PATH} ${PACKAGE}/share/${PORT})
  get_filename_component(parent ${PACKAGE}/${arg_CONFIG_PATH} DIRECTORY)
  file(REMOVE_RECURSE ${parent})
  file(GLOB files ${PACKAGE}/share/${PORT}/*.cmake)
  set(up "get_filename_component(_IMPORT_PREFIX \"\${_IMPORT_PREFIX}\" PATH)\n")
  foreach(file ${files})
    file(READ ${file} text)
    string(REPLACE "${up}${up}${up}" "${up}${up}" text "${text}")
    file(WRITE ${file} "${text}")
  endforeach()
endfunction()

function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS ${PACKAGE}/share/pkgconfig/spat.pc)
    message(FATAL_ERROR "vcpkg_fixup_pkgconfig: there is no spat.pc")
  endif()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(COPY_FILE ${arg_FILE_LIST} ${PACKAGE}/share/${PORT}/copyright)
endfunction()

file(READ ${TREE}/packaging/vcpkg/vcpkg.json manifest)
string(JSON VERSION GET "${manifest}" version)
include(${TREE}/packaging/vcpkg/portfile.cmake)
