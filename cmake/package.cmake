# `cpack` in the build folder makes Debian packages: libspat-dev, the library, and spat, the tool, if it was built for any
# processor of this architecture.
if(NOT UNIX)
  return()
endif()
find_program(SPAT_DPKG dpkg)
find_program(SPAT_GZIP gzip)
mark_as_advanced(SPAT_DPKG SPAT_GZIP)
if(NOT SPAT_DPKG OR NOT SPAT_GZIP)
  return()
endif()
set(SPAT_MAINTAINER "the spat authors <authors@spat.invalid>" CACHE STRING "Who answers for the Debian packages: name <address>")

set(CPACK_GENERATOR DEB)
set(CPACK_SOURCE_GENERATOR "")
set(CPACK_PACKAGE_NAME spat)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${SPAT_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_ALL spat deb_library)

# What Debian wants in the folder of a package's documents. The date is SOURCE_DATE_EPOCH's, if that is set.
set(debian ${PROJECT_BINARY_DIR}/debian)
file(STRINGS LICENSE copyright REGEX "^Copyright")
string(REPLACE "Copyright (c) " "" copyright ${copyright})
file(READ LICENSE licence)
string(REGEX REPLACE "^.*Copyright[^\n]*\n\n" "" licence "${licence}")
string(REGEX REPLACE "\n+$" "" licence "${licence}")
string(REPLACE "\n\n" "\n.\n" licence " ${licence}")
string(REPLACE "\n" "\n " licence "${licence}")
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(cmake/debian/copyright.in ${debian}/copyright @ONLY)
configure_file(cmake/debian/changelog.in ${debian}/changelog.Debian @ONLY)
configure_file(CHANGELOG.md ${debian}/changelog COPYONLY)
execute_process(COMMAND ${SPAT_GZIP} -9nkf changelog.Debian changelog WORKING_DIRECTORY ${debian} COMMAND_ERROR_IS_FATAL ANY)

# spat_debian_docs(<package> <component>): files of the package alone, which `cmake --install` leaves out.
function(spat_debian_docs package component)
  install(FILES ${debian}/copyright ${debian}/changelog.Debian.gz ${debian}/changelog.gz
    DESTINATION share/doc/${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()

set(description "Trains transformers that forecast time series, measures while they learn
how much each attention module matters, and removes those that matter
least. The small model runs on a plain CPU.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libspat-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS "libxsimd-dev (>= 8.1)")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS libeigen3-dev)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "forecasters whose attention is pruned (C++20 headers)
${description}
.
This package has the headers, files for CMake and pkg-config, pages and
examples.")
spat_debian_docs(libspat-dev deb_library)
spat_install_docs(share/doc/libspat-dev deb_library EXCLUDE_FROM_ALL)

if(TARGET spat AND NOT SPAT_NATIVE AND NOT CMAKE_CROSSCOMPILING)
  list(APPEND CPACK_COMPONENTS_ALL tool deb_tool)
  set(CPACK_DEBIAN_TOOL_PACKAGE_NAME spat)
  set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION math)
  set(CPACK_DEBIAN_TOOL_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_TOOL_DESCRIPTION "trains, prunes and runs forecasters of time series
${description}
.
This package has the command line tool.")
  spat_debian_docs(spat deb_tool)
  execute_process(COMMAND ${SPAT_GZIP} -9n
    INPUT_FILE ${PROJECT_SOURCE_DIR}/tool/spat.1 OUTPUT_FILE ${debian}/spat.1.gz COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${debian}/spat.1.gz DESTINATION share/man/man1 COMPONENT deb_tool EXCLUDE_FROM_ALL)
endif()

include(CPack)
cpack_add_component_group(library)
cpack_add_component_group(tool)
foreach(component spat deb_library)
  cpack_add_component(${component} GROUP library)
endforeach()
foreach(component tool deb_tool)
  cpack_add_component(${component} GROUP tool)
endforeach()

if(SPAT_CHECKS AND NOT SPAT_NATIVE)
  add_test(NAME consumer.deb COMMAND ${PROJECT_SOURCE_DIR}/tests/consumer/deb.sh
    ${PROJECT_BINARY_DIR} ${PROJECT_BINARY_DIR}/package_test ${CMAKE_CXX_COMPILER})
  set_tests_properties(consumer.deb PROPERTIES LABELS "consumer;package" RESOURCE_LOCK install)
endif()
