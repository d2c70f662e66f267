// Counts of operator new, which tests/train/allocations.cpp replaces for the program test_train.
#pragma once

#include <atomic>
#include <cstddef>

namespace tests {

inline std::atomic<std::size_t> allocations{0};  // calls so far
inline std::atomic<std::ptrdiff_t> living{0};    // pieces of memory that were not freed yet
/// The number of calls until one fails, counted down; 0: none does.
inline std::atomic<std::size_t> calls_to_failure{0};

}  // namespace tests
