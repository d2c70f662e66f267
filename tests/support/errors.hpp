// For tests of what the library says when it throws.
#pragma once

#include <exception>
#include <string>

/// The text of the Error that action() throws; another text when it throws another type or nothing.
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
