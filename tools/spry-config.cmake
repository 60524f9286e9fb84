# Spry's CMake package: find_package(spry), then link spry::spry.
include(CMakeFindDependencyMacro)
if(NOT WIN32)
    find_dependency(Threads)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/spry-targets.cmake)
