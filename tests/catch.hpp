// Catch2 v2 (Debian 12) and v3 under one include, and what tests of errors need.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <exception>
#include <string>

using Catch::Approx;

/// What the Error says that action() throws; another text when it throws another type or nothing.
template <class Error, class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("of another type: ").append(error.what());
  }
  return "nothing was thrown";
}
