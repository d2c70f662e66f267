# `cmake --install`: the component spat is the library as find_package and pkg-config find it, docs are pages and examples to
# read, tool (in tool/) is the program. All of spat and docs serves any architecture and lies in include/ and share/.
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/spat)
install(DIRECTORY include/spat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT spat FILES_MATCHING PATTERN "*.hpp")
install(TARGETS spat_headers EXPORT spatTargets COMPONENT spat INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT spatTargets NAMESPACE spat:: DESTINATION ${package_dir} COMPONENT spat)

foreach(file spatConfig.cmake spatConfigVersion.cmake)
  configure_file(cmake/${file}.in ${PROJECT_BINARY_DIR}/${file} @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${file} DESTINATION ${package_dir} COMPONENT spat)
endforeach()
install(FILES cmake/spatXsimd.cmake DESTINATION ${package_dir} COMPONENT spat)

# The prefix follows from where spat.pc lies, so that an installed tree may be moved.
set(pc_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)
set(pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE ${pc_dir})
  file(RELATIVE_PATH pc_prefix /${pc_dir} /)
  string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
  set(pc_prefix "\${pcfiledir}/${pc_prefix}")
endif()
set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
endif()
configure_file(cmake/spat.pc.in ${PROJECT_BINARY_DIR}/spat.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/spat.pc DESTINATION ${pc_dir} COMPONENT spat)

# spat_install_docs(<folder> <component> <option>...): the links of the pages between each other lead somewhere there.
function(spat_install_docs folder component)
  install(FILES README.md CHANGELOG.md DESTINATION ${folder} COMPONENT ${component} ${ARGN})
  install(DIRECTORY docs examples DESTINATION ${folder} COMPONENT ${component} ${ARGN}
    PATTERN CMakeLists.txt EXCLUDE PATTERN Doxyfile EXCLUDE PATTERN extract.py EXCLUDE PATTERN __pycache__ EXCLUDE)
endfunction()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT docs)
spat_install_docs(${CMAKE_INSTALL_DOCDIR} docs)
