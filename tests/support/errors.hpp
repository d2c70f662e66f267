// For tests of what the library says when it throws.
#pragma once

#include <exception>
#include <string>
#include <string_view>

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

/// Whether a message has this part.
inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
