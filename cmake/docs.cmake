# The optional target `docs`: the reference pages, in build/docs of the source tree.
find_program(SPAT_DOXYGEN doxygen)
mark_as_advanced(SPAT_DOXYGEN)
if(SPAT_DOXYGEN)
  add_custom_target(docs
    COMMAND ${CMAKE_COMMAND} -E make_directory build/docs  # doxygen makes one folder, not two
    COMMAND ${SPAT_DOXYGEN} docs/Doxyfile WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} VERBATIM)
endif()
