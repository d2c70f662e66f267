# The user's program, and what no way of taking spat may do to it.
add_executable(consumer ${CMAKE_CURRENT_LIST_DIR}/main.cpp)
target_link_libraries(consumer PRIVATE spat::spat)

foreach(property INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS INTERFACE_LINK_OPTIONS)
  get_target_property(value spat::spat ${property})
  if(value)
    message(FATAL_ERROR "spat::spat must put no flag on its users; ${property} is ${value}")
  endif()
endforeach()
if(TARGET test_main OR TARGET spat)
  message(FATAL_ERROR "A user's build must not contain the tests or programs of spat")
endif()
