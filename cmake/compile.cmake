# spat_compile(<output> <compiler> <source> <flag>...): compiles a program or an object with exactly these flags, whatever
# the compiler and build type of the rest; when `all` is built, and again when a header it includes changes.
# spat_compiled(<target>): what this folder compiles so, as a target; once, at the end of the folder.
find_program(SPAT_GXX g++)
find_program(SPAT_CLANGXX clang++)
mark_as_advanced(SPAT_GXX SPAT_CLANGXX)

function(spat_compile output compiler source)
  set(include_dirs $<TARGET_PROPERTY:spat_headers,INTERFACE_INCLUDE_DIRECTORIES>)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${compiler} -std=c++20 "-I$<JOIN:${include_dirs},;-I>" ${ARGN}
            -MD -MF ${output}.d -o ${output} ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    DEPENDS ${source} DEPFILE ${CMAKE_CURRENT_BINARY_DIR}/${output}.d
    COMMENT "Compiling ${output}" COMMAND_EXPAND_LISTS VERBATIM)
  set_property(DIRECTORY APPEND PROPERTY spat_outputs ${output})
endfunction()

function(spat_compiled target)
  get_property(outputs DIRECTORY PROPERTY spat_outputs)
  add_custom_target(${target} ALL DEPENDS ${outputs})
endfunction()
