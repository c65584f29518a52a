# One precompiled header of MLIR's core headers, built once and reused by every MLIR library and tool of the tree.
# Compiling a pass then costs about a second instead of four. ccache needs CCACHE_SLOPPINESS (see CMakePresets.json)
# and -fno-pch-timestamp to cache it.

function(attn_all_targets dir out)
  get_property(targets DIRECTORY ${dir} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(children DIRECTORY ${dir} PROPERTY SUBDIRECTORIES)
  foreach(child ${children})
    attn_all_targets(${child} nested)
    list(APPEND targets ${nested})
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

# Call at the end of the top CMakeLists.txt. MLIR libraries are the object libraries `obj.*` of add_mlir_library.
function(attn_reuse_precompiled_headers)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    return() # gcc's is 216 MB and slower to load than it saves
  endif()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/pch.cpp CONTENT "// Carries the precompiled header.\n")
  add_library(AttnPch OBJECT ${PROJECT_BINARY_DIR}/pch.cpp)
  target_compile_options(AttnPch PRIVATE -fno-exceptions "SHELL:-Xclang -fno-pch-timestamp") # as add_mlir_library does
  target_precompile_headers(AttnPch PRIVATE
    <mlir/Bytecode/BytecodeOpInterface.h> <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/Math/IR/Math.h> <mlir/IR/Builders.h> <mlir/IR/BuiltinTypes.h> <mlir/IR/Dialect.h>
    <mlir/IR/OpImplementation.h> <mlir/IR/PatternMatch.h> <mlir/Pass/Pass.h>)
  attn_all_targets(${PROJECT_SOURCE_DIR} targets)
  foreach(target ${targets})
    if(NOT target MATCHES "^obj[.]")
      continue()
    endif()
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${target} REUSE_FROM AttnPch)
    # A source compiled with exceptions cannot use a header compiled without.
    get_target_property(sources ${target} SOURCES)
    foreach(source ${sources})
      foreach(property COMPILE_OPTIONS COMPILE_FLAGS)
        get_source_file_property(flags ${source} TARGET_DIRECTORY ${target} ${property})
        if(flags MATCHES "-fexceptions")
          set_source_files_properties(${source} TARGET_DIRECTORY ${target}
            PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
        endif()
      endforeach()
    endforeach()
  endforeach()
endfunction()
