// The one place of the version. CMake reads it from here.
#pragma once

#define SPAT_VERSION_MAJOR 0
#define SPAT_VERSION_MINOR 1
#define SPAT_VERSION_PATCH 0
#define SPAT_VERSION "0.1.0"
