// The other of two units with the single header.
#include "spat.hpp"

std::size_t count_in_other(const std::vector<double>& values);

std::size_t count_in_other(const std::vector<double>& values) {
  return spat::Rows<const double>(values.data(), values.size(), 1).rows();
}
