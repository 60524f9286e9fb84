# Spry's CMake package: find_package(spry), then link spry::spry.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/spry-targets.cmake)
