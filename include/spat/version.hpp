// The one place of the version. CMake reads it from here.
#pragma once

#if defined(SPAT_VERSION)
#error \
    "spat: a second copy of the library in one unit (another folder, or a single header beside \
the folder); include only one"
#endif

#define SPAT_VERSION_MAJOR 0
#define SPAT_VERSION_MINOR 1
#define SPAT_VERSION_PATCH 0
#define SPAT_VERSION "0.1.0"
