# Run at every build: build_info.h with the current git description, rewritten only when it changed.
execute_process(COMMAND git --no-optional-locks -C ${SOURCE} describe --always --dirty --tags
  OUTPUT_VARIABLE GIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT GIT)
  set(GIT unknown)
endif()
configure_file(${SOURCE}/tools/build_info.h.in ${OUTPUT} @ONLY)
