// prune. The named rows of numbers of a saved state, read with errors that name the row.
#pragma once

#include <spat/criteria/score_average.hpp>

#include <exception>
#include <map>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI::detail {

/// The rows of a state. Throws ConfigError, with the row's name, what was expected and what was
/// found. Refers to the map.
class StateRows {
 public:
  using Map = std::map<std::string, std::vector<double>>;
  explicit StateRows(const Map& rows) : rows_(rows) {}

  [[nodiscard]] const std::vector<double>& row(const std::string& name) const {
    const auto found = rows_.find(name);
    if (found == rows_.end()) throw ConfigError(message("the state has no row ", in_quotes(name)));
    return found->second;
  }
  /// The row, of `size` numbers.
  [[nodiscard]] const std::vector<double>& row(const std::string& name, std::size_t size) const {
    const std::vector<double>& numbers = row(name);
    use(name, [&](const auto&) { check_state(numbers, size); });
    return numbers;
  }
  /// A count at one place of the row, of `size` numbers.
  [[nodiscard]] std::size_t count(const std::string& name, std::size_t at, std::size_t size) const {
    const std::vector<double>& numbers = row(name, size);
    std::size_t count = 0;
    use(name, [&](const auto&) { count = whole_number(numbers[at]); });
    return count;
  }
  /// Calls restore(row). Its errors are preceded by the row's name; any other exception, as a
  /// criterion of a user may throw, becomes one.
  template <class Restore>
  void use(const std::string& name, Restore&& restore) const {
    const std::vector<double>& numbers = row(name);
    try {
      restore(numbers);
    } catch (const Error& error) {
      throw ConfigError(message("row ", in_quotes(name), " of the state: ", error.what()));
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw ConfigError(
          message("row ", in_quotes(name), " of the state is not one: ", error.what()));
    }
  }

 private:
  const Map& rows_;
};

}  // namespace spat::inline SPAT_ABI::detail
