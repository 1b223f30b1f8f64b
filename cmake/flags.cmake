# Compiler and linker flags of every target: STYLE "compiler and format".
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_definitions(_GNU_SOURCE TESSERA_VERSION="${PROJECT_VERSION}"
  TESSERA_NATS_VERSION="${TESSERA_NATS_VERSION}")
include_directories(${CMAKE_SOURCE_DIR}/src)

add_compile_options(
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wundef
  -Wvla -Wformat=2 -Wconversion -Wimplicit-fallthrough -fno-common)
# Where it was built shows in no program: asserts name files as they are in the repository.
add_compile_options(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(TESSERA_WERROR)
  add_compile_options(-Werror)
endif()

if(TESSERA_SANITIZE)
  add_compile_options(-fsanitize=${TESSERA_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TESSERA_SANITIZE})
  if(TESSERA_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # Asserts stay on in release: they are cheap and stop a corrupted server.
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
  string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
  add_compile_options(-fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffunction-sections
    -fdata-sections)
  add_link_options(-Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed)
  # The two programs are optimised as a whole: calls across modules are inlined. The objects hold
  # plain code too, for the tests, which are linked as they are.
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-flto=auto -ffat-lto-objects)
    set(TESSERA_PROGRAM_LINK_OPTIONS -flto=auto -O2)
  endif()
  include(CheckPIESupported)
  check_pie_supported(LANGUAGES C)
endif()
