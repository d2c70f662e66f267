// A reader of HTML that is as strict as XML: a report must be well-formed.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

/// The first error of the document with the text around it. Empty if each tag is closed in order,
/// each attribute quoted, and each '<', '>' and '&' of the text escaped. Everything inside <style>
/// is text.
inline std::string fault_of_markup(std::string_view html) {
  std::vector<std::string> open;
  std::size_t at = 0;
  const auto fault = [&](const char* what) {
    return std::string(what).append(" at ").append(html.substr(at < 30 ? 0 : at - 30, 90));
  };
  const auto is_entity = [&](std::size_t i) {
    const std::size_t end = html.find(';', i);
    return end != std::string_view::npos && end > i + 1 && end - i < 9 &&
           html.substr(i + 1, end - i - 1).find_first_of(" <>&'\"") == std::string_view::npos;
  };
  if (!html.starts_with("<!DOCTYPE html>")) return fault("no doctype");
  at = 15;
  while (at < html.size()) {
    if (!open.empty() && open.back() == "style") at = html.find("</style>", at);
    if (at == std::string_view::npos) return "the style is not closed";
    const char c = html[at];
    if (c == '>') return fault("a bare >");
    if (c == '&' && !is_entity(at)) return fault("a bare &");
    if (c != '<') {
      ++at;
      continue;
    }
    const bool closes = html.substr(at).starts_with("</");
    std::size_t i = at + 1 + closes;
    std::string name;
    while (i < html.size() && std::isalnum(static_cast<unsigned char>(html[i])))
      name.push_back(html[i++]);
    if (name.empty()) return fault("a bare <");
    while (i < html.size() && html[i] == ' ') {  // name='value' or name="value"
      while (i < html.size() && html[i] == ' ') ++i;
      const std::size_t equals = html.find_first_of("= >", i);
      if (equals == std::string_view::npos || html[equals] != '=' || equals == i)
        return fault("an attribute without a value");
      const char quote = html[equals + 1];
      if (quote != '"' && quote != '\'') return fault("an attribute without quotes");
      const std::size_t end = html.find(quote, equals + 2);
      if (end == std::string_view::npos) return fault("an open quote");
      for (std::size_t k = equals + 2; k < end; ++k)
        if (html[k] == '<' || html[k] == '>' || (html[k] == '&' && !is_entity(k)))
          return fault("markup in an attribute");
      i = end + 1;
    }
    const bool empty = html.substr(i).starts_with("/>");
    i += empty;
    if (i >= html.size() || html[i] != '>') return fault("a tag that does not end");
    if (closes && (open.empty() || open.back() != name))
      return fault("a closing tag without its opening one");
    if (closes)
      open.pop_back();
    else if (!empty && name != "meta" && name != "wbr")
      open.push_back(name);
    at = i + 1;
  }
  return open.empty() ? "" : std::string("never closed: ").append(open.back());
}

inline std::size_t count_of(std::string_view part, std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}
