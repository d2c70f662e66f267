# properties_of(<target> <variable>): all that a target asks of its users, as text.
function(properties_of target result)
  set(text)
  foreach(property TYPE IMPORTED ALIASED_TARGET INTERFACE_INCLUDE_DIRECTORIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES
      INTERFACE_COMPILE_DEFINITIONS INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_FEATURES INTERFACE_LINK_LIBRARIES
      INTERFACE_LINK_OPTIONS INTERFACE_SOURCES)
    get_target_property(value ${target} ${property})
    string(APPEND text " ${property}=${value}")
  endforeach()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()
