// What <windows.h> defines, for a test that the library's headers come after it. Names of Windows
// that a program of C++ might choose, too; MSVC's min and max are refused (core/toolchain.hpp).
#pragma once

#if defined(_WIN32)
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>
#endif

// <windows.h> of one compiler lacks what that of another has.
#undef near
#undef far
#undef small
#undef interface
#define near
#define far
#define small char
#define interface struct
#if !defined(_WIN32)
#define ABSOLUTE 1
#define CALLBACK
#define CONST const
#define CreateFile CreateFileW
#define DELETE 65536
#define DIFFERENCE 11
#define DOMAIN 1
#define DeleteFile DeleteFileW
#define ERROR 0
#define FALSE 0
#define GetMessage GetMessageW
#define GetObject GetObjectW
#define IN
#define INPUT_MOUSE 0
#define NEAR
#define FAR
#define NO_ERROR 0
#define OPAQUE 2
#define OPTIONAL
#define OUT
#define OVERFLOW 3
#define RELATIVE 2
#define STRICT 1
#define SendMessage SendMessageW
#define THIS
#define TRANSPARENT 1
#define TRUE 1
#define UNDERFLOW 4
#define VOID void
#define Yield()
#define cdecl
#define environ _environ
#define hyper
#define pascal
#define rad1 0x0420
#endif
