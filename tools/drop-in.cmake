# SPRY_DROP_IN: libnng.so.1, made of the objects of the static library and of stubs for all else that
# nng exports, see docs/compatibility.md. Included by CMakeLists.txt.
if(NOT UNIX OR APPLE)
    message(FATAL_ERROR "SPRY_DROP_IN needs a system with ELF libraries")
endif()

# The version is that of the API: Debian's files would be older, and ldconfig takes the newest.
file(STRINGS include/nng/nng.h spry_nng_version REGEX "^#define NNG_(MAJOR|MINOR|PATCH)_VERSION ")
list(TRANSFORM spry_nng_version REPLACE "[^0-9]" "")
list(JOIN spry_nng_version "." spry_nng_version)
if(NOT spry_nng_version MATCHES "^1\\.[0-9]+\\.[0-9]+$")
    message(FATAL_ERROR "include/nng/nng.h has no version of nng 1.x: ${spry_nng_version}")
endif()

set(spry_absent ${PROJECT_BINARY_DIR}/absent.c)
add_custom_command(OUTPUT ${spry_absent}
    COMMAND ${CMAKE_COMMAND} -E env NM=${CMAKE_NM}
        ${PROJECT_SOURCE_DIR}/tools/symbols absent $<TARGET_FILE:spry> >${spry_absent}.new
    COMMAND ${CMAKE_COMMAND} -E rename ${spry_absent}.new ${spry_absent}
    DEPENDS spry tools/symbols tools/nng-symbols.txt lib/absent.h
    COMMENT "Writing absent.c")
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
    set_source_files_properties(${spry_absent} PROPERTIES COMPILE_OPTIONS -Wno-unused-parameter)
endif()

add_library(nng SHARED ${spry_absent} $<TARGET_OBJECTS:spry>)
add_library(nng::nng ALIAS nng)
set_target_properties(nng PROPERTIES
    C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden
    VERSION ${spry_nng_version}
    SOVERSION 1)
target_compile_features(nng PUBLIC c_std_11)
target_compile_definitions(nng PRIVATE NNG_SHARED_LIB NNG_HIDDEN_VISIBILITY)
target_include_directories(nng
    PRIVATE lib
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(nng PRIVATE Threads::Threads $<BUILD_INTERFACE:spry_build>)
if(NOT SPRY_SANITIZE)
    target_link_options(nng PRIVATE LINKER:-z,defs)
endif()

spry_install(nng ${spry_nng_version} SameMajorVersion ${CMAKE_INSTALL_INCLUDEDIR})
