// The xsimd of a user's project: the installed one, recognizable. It works only with the definition
// of its target.
#pragma once
#ifndef USERS_DEFINITION
#error "spat did not take the definitions of the user's target xsimd"
#endif
#define USERS_XSIMD
#include_next <xsimd/xsimd.hpp>
