# Debian packages (tools/check_packages.sh builds them, cpack -G DEB): metaxbar, libmetaxbar0, libmetaxbar-dev and
# python3-metaxbar, of the files of `make install` by component. With the preset `packages` only: files lie there as
# Debian wants them. With equal SOURCE_DATE_EPOCH, equal sources give equal packages.
set(debian ${CMAKE_BINARY_DIR}/debian)
set(soname libmetaxbar${PROJECT_VERSION_MAJOR})
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME metaxbar)
set(CPACK_PACKAGE_CONTACT "The metaxbar developers <metaxbar@metaxbar.invalid>"
  CACHE STRING "maintainer of the packages")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL program library development python)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
set(cpu "It needs a processor with AVX2 (x86-64-v3), and makes use of AVX-512\n(x86-64-v4) where there is.")

# package <component> <name> <section> <depends> <summary> <further lines>
macro(package component name section depends summary text)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${depends}")
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${summary}\n${text}")
  set(doc ${CMAKE_INSTALL_DATADIR}/doc/${name})
  install(FILES ${debian}/copyright ${debian}/changelog.gz ${debian}/${name}/changelog.Debian.gz DESTINATION ${doc}
    COMPONENT ${component})
  list(APPEND packages ${name})
endmacro()

package(program metaxbar science ""
  "few-shot learning on a simulated phase-change-memory chip"
  "metaxbar meta-trains a network in software, writes it into a simulated
in-memory-computing chip, and lets it learn there a task that it has never
seen, by a few simple weight updates. This package has the program and trained
models of pictures and of a robot arm.
${cpu}")
package(library ${soname} libs ""
  "few-shot learning on a simulated phase-change-memory chip - library"
  "A simulated chip of phase-change memory, classifiers that learn classes of
pictures on it from a few of each, and an arm that learns a movement from one
demonstration.
${cpu}")
package(development libmetaxbar-dev libdevel "${soname} (= ${version})"
  "few-shot learning on a simulated phase-change-memory chip - headers"
  "Headers of the library and of drivers of chips, and files for pkg-config and
CMake.")
package(python python3-metaxbar python "python3 (>= 3.9), python3-numpy, ${soname} (>= ${PROJECT_VERSION})"
  "few-shot learning on a simulated phase-change-memory chip - Python 3"
  "Chips, classifiers and arms of the library as Python objects that take and
return NumPy arrays.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS metaxbar)
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS metaxbar)
foreach(component PROGRAM LIBRARY)
  set(CPACK_DEBIAN_${component}_PACKAGE_SHLIBDEPS ON)
endforeach()
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/tools/debian/triggers)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/tools/debian/postinst;${CMAKE_SOURCE_DIR}/tools/debian/prerm")

# changelogs, copyright and compressed manual pages
add_custom_target(debian_files ALL COMMAND ${CMAKE_SOURCE_DIR}/tools/debian/files.sh ${debian} ${CMAKE_BINARY_DIR}/man
  ${version} ${CPACK_PACKAGE_CONTACT} ${packages} VERBATIM)
add_dependencies(debian_files man)
install(DIRECTORY ${debian}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)

# what the README begins with
install(FILES examples/draw_marks.py DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/metaxbar/examples COMPONENT program)

# the Python package, and what tells pip that it is there
configure_file(tools/debian/PKG-INFO.in debian/PKG-INFO @ONLY)
set(site lib/python3/dist-packages)
install(DIRECTORY python/metaxbar DESTINATION ${site} COMPONENT python FILES_MATCHING PATTERN *.py PATTERN py.typed)
install(FILES ${debian}/PKG-INFO DESTINATION ${site} RENAME metaxbar-${PROJECT_VERSION}.egg-info COMPONENT python)
include(CPack)
