# spry_install(NAME VERSION COMPATIBILITY INCLUDEDIR [LIBS]): installs the target NAME, the headers to
# INCLUDEDIR, a CMake package and a pkg-config file, whose users link with LIBS too.
include(CMakePackageConfigHelpers)

function(spry_install name version compatibility include)
    set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/${name})
    install(TARGETS ${name} EXPORT ${name})
    install(DIRECTORY include/ DESTINATION ${include})
    install(EXPORT ${name} NAMESPACE ${name}:: FILE ${name}-targets.cmake DESTINATION ${cmake_dir})
    configure_file(tools/config.cmake.in ${PROJECT_BINARY_DIR}/${name}-config.cmake @ONLY)
    write_basic_package_version_file(${PROJECT_BINARY_DIR}/${name}-config-version.cmake
        VERSION ${version} COMPATIBILITY ${compatibility})
    install(FILES ${PROJECT_BINARY_DIR}/${name}-config.cmake
        ${PROJECT_BINARY_DIR}/${name}-config-version.cmake DESTINATION ${cmake_dir})
    file(RELATIVE_PATH package_include /${CMAKE_INSTALL_LIBDIR}/pkgconfig /${include})
    set(package_libs ${ARGN})
    configure_file(tools/package.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
