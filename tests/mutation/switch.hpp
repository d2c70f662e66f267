// Mutants that are compiled together and switched on one at a time, by the environment variable
// SPAT_MUTANT. scripts/mutate.py includes this file before everything else and writes the calls.
//
// An operator `a < b` that a mutant changes becomes `a >= less_as_less_equal(7) >= b`: an operator
// of the same precedence on both sides keeps the expression's structure without parsing it.
#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <type_traits>

namespace spat_mutant {

inline constexpr int most = 4096;

inline int number_from_environment() {
  const char* text = std::getenv("SPAT_MUTANT");
  return text ? std::atoi(text) : -1;
}
inline const int active = number_from_environment();

/// The mutants whose code ran. Without an active mutant, the program's end writes their numbers
/// into the file that SPAT_MUTANTS_REACHED names.
struct Reached {
  std::atomic<bool> flags[most] = {};
  ~Reached() {
    const char* path = std::getenv("SPAT_MUTANTS_REACHED");
    std::FILE* file = path ? std::fopen(path, "w") : nullptr;
    if (!file) return;
    for (int i = 0; i < most; ++i)
      if (flags[i].load()) std::fprintf(file, "%d\n", i);
    std::fclose(file);
  }
};
inline Reached reached;

/// Whether this mutant is the active one. Never in a constant expression: such mutants are not
/// reached, and the script compiles them one by one.
[[gnu::always_inline]] constexpr bool on(int number) {
  if (std::is_constant_evaluated()) return false;
  if (active == -1 && !reached.flags[number].load(std::memory_order_relaxed))
    reached.flags[number].store(true, std::memory_order_relaxed);
  return active == number;
}

/// An index, moved by `by` if the mutant is on. An integral constant becomes a number.
template <class Index>
[[gnu::always_inline]] constexpr auto moved(int number, int by, const Index& index) {
  if constexpr (requires {
                  typename Index::value_type;
                  Index::value;
                })
    return moved(number, by, typename Index::value_type(Index::value));
  else if constexpr (std::is_integral_v<Index>)
    return on(number) ? static_cast<Index>(index + by) : index;
  else
    return index;
}

/// The right side of `a += b`, so that `a += Negated{7} = b` subtracts, and of `a *= b`, so that
/// `a *= Inverted{7} = b` divides, if the mutant is on.
struct Negated {
  int number;
  template <class B>
  [[gnu::always_inline]] constexpr auto operator=(B&& b) const {
    if constexpr (requires { std::remove_cvref_t<decltype(-b)>(b); }) {
      using Signed = std::remove_cvref_t<decltype(-b)>;  // of a truth value int
      return on(number) ? Signed(-b) : Signed(b);
    } else {
      return b;
    }
  }
};
struct Inverted {
  int number;
  template <class B>
  [[gnu::always_inline]] constexpr auto operator=(B&& b) const {
    if constexpr (requires { std::remove_cvref_t<B>(std::remove_cvref_t<B>(1) / b); })
      return on(number) ? std::remove_cvref_t<B>(std::remove_cvref_t<B>(1) / b) : b;
    else
      return b;
  }
};

/// A binary operator with its mutant in between: a (op) Between (op) b.
template <class Old, class New>
struct Between {
  int number;
};
template <class A, class Old, class New>
struct Left {
  A&& value;
  int number;

  template <class B>
  [[gnu::always_inline]] constexpr auto with(B&& b) const {
    using Result = decltype(Old{}(static_cast<A&&>(value), static_cast<B&&>(b)));
    if constexpr (requires { static_cast<Result>(New{}(value, b)); })
      if (on(number)) return static_cast<Result>(New{}(value, b));
    return Old{}(static_cast<A&&>(value), static_cast<B&&>(b));
  }
};
#define SPAT_MUTANT_OPERATOR(op)                                                               \
  template <class A, class Old, class New>                                                     \
  [[gnu::always_inline]] constexpr Left<A, Old, New> operator op(A&& a, Between<Old, New> m) { \
    return {static_cast<A&&>(a), m.number};                                                    \
  }                                                                                            \
  template <class A, class Old, class New, class B>                                            \
  [[gnu::always_inline]] constexpr auto operator op(Left<A, Old, New> left, B&& b) {           \
    return left.with(static_cast<B&&>(b));                                                     \
  }
SPAT_MUTANT_OPERATOR(>=)
SPAT_MUTANT_OPERATOR(==)
SPAT_MUTANT_OPERATOR(+)
SPAT_MUTANT_OPERATOR(*)
#undef SPAT_MUTANT_OPERATOR

using less_as_less_equal = Between<std::less<>, std::less_equal<>>;
using less_equal_as_less = Between<std::less_equal<>, std::less<>>;
using greater_as_greater_equal = Between<std::greater<>, std::greater_equal<>>;
using greater_equal_as_greater = Between<std::greater_equal<>, std::greater<>>;
using equal_as_not_equal = Between<std::equal_to<>, std::not_equal_to<>>;
using not_equal_as_equal = Between<std::not_equal_to<>, std::equal_to<>>;
using plus_as_minus = Between<std::plus<>, std::minus<>>;
using minus_as_plus = Between<std::minus<>, std::plus<>>;
using times_as_divided = Between<std::multiplies<>, std::divides<>>;
using divided_as_times = Between<std::divides<>, std::multiplies<>>;

}  // namespace spat_mutant
