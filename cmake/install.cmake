# Makes find_package(spat) work for others: headers, the target file and the config file.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/spat)
install(DIRECTORY include/spat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT spat FILES_MATCHING PATTERN "*.hpp")
install(TARGETS spat_headers EXPORT spatTargets COMPONENT spat INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT spatTargets NAMESPACE spat:: DESTINATION ${package_dir} COMPONENT spat)

configure_package_config_file(cmake/spatConfig.cmake.in ${PROJECT_BINARY_DIR}/spatConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/spatConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/spatConfig.cmake ${PROJECT_BINARY_DIR}/spatConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT spat)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT spat)
