// The table of architectures, and configurations by field name.
#include "architecture.hpp"

#include <spat/core/text.hpp>

#include <algorithm>

namespace tool {

namespace {

std::map<std::string, Architecture>& all() {
  static std::map<std::string, Architecture>
      table;  // made by the first registration, before main()
  return table;
}

std::size_t number_of(const Setting& setting, const Field& field) {
  if (field.flag && (setting.value == "true" || setting.value == "false"))
    return setting.value == "true";
  const auto number = spat::parse_number<std::int64_t>(setting.value);  // as files hold it
  if (!number || *number < 0 || (field.flag && *number > 1))
    throw spat::ConfigError(
        message(setting.option, ": ", field.name,
                field.flag ? ": expected true or false" : ": expected a whole number", ", found ",
                spat::in_quotes(setting.value)));
  return static_cast<std::size_t>(*number);
}

}  // namespace

void add(const Architecture& architecture) { all().emplace(architecture.name, architecture); }
const std::map<std::string, Architecture>& architectures() { return all(); }

std::string architecture_names() {
  std::string names;
  for (const auto& [name, _] : architectures())
    names.append(names.empty() ? "" : ", ").append(name);
  return names;
}

const Architecture& architecture(const std::string& name) {
  const auto found = architectures().find(name);
  if (found == architectures().end())
    throw spat::ConfigError(message("unknown model ", spat::in_quotes(name), "; expected one of ",
                                    architecture_names()));
  return found->second;
}

std::size_t* find(Configuration& configuration, const std::string& name) {
  const auto found = std::ranges::find(configuration, name, &Field::name);
  return found == configuration.end() ? nullptr : &found->value;
}

void set(Configuration& configuration, const std::string& name, std::size_t value) {
  if (std::size_t* const member = find(configuration, name)) *member = value;
}

bool comes_from_data(const std::string& field) {
  return field == "channels" || field == "marks" || field == "targets";
}

std::string text(const Field& field) {
  return message(field.name, " = ",
                 field.flag ? (field.value ? "true" : "false") : std::to_string(field.value));
}

Configuration configured(const Architecture& architecture, const std::vector<Setting>& settings) {
  const Configuration defaults = architecture.configuration();
  Configuration configuration = defaults;
  std::map<std::string, std::string> set_by;
  for (const Setting& setting : settings) {
    const auto field = std::ranges::find(configuration, setting.field, &Field::name);
    if (field == configuration.end()) {
      std::string known;
      for (const Field& one : defaults)
        if (!comes_from_data(one.name)) known.append(known.empty() ? "" : ", ").append(text(one));
      throw spat::ConfigError(message(setting.option, ": ", architecture.name, " has no ",
                                      setting.field, "; it has ", known));
    }
    if (comes_from_data(setting.field))
      throw spat::ConfigError(message(setting.option, ": ", setting.field,
                                      " come from the data: see --data, --marks, --features"));
    if (const auto [before, fresh] = set_by.emplace(setting.field, setting.option); !fresh)
      throw spat::ConfigError(
          message(setting.option, ": ", setting.field, " is already set by ", before->second));
    field->value = number_of(setting, *field);
  }
  return configuration;
}

}  // namespace tool
