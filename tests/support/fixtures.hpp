// Where the reference files are, and what a file says about itself.
#pragma once

#include <spat/io/safetensors.hpp>

#include <tests/support/bits.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace fixtures {

using tests::larger;

inline std::string folder() {
  const char* chosen = std::getenv("SPAT_FIXTURES");
  return chosen ? chosen : SPAT_DEFAULT_FIXTURES;
}

/// All safetensors files of the folder, sorted; empty where the folder is absent.
inline std::vector<std::string> files() {
  std::vector<std::string> found;
  if (std::filesystem::is_directory(folder()))
    for (const auto& entry : std::filesystem::directory_iterator(folder()))
      if (entry.path().extension() == ".safetensors") found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

inline std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

inline std::size_t number(const spat::SafetensorsFile& file, const std::string& key,
                          std::size_t fallback = 0) {
  return file.metadata().contains(key) ? std::stoul(file.metadata(key)) : fallback;
}

template <class A>
double largest(const A& a) {
  double most = 0;
  for (const auto value : a) most = larger(most, std::abs(static_cast<double>(value)));
  return most;
}

/// max|a - b| / max|b|.
template <class A, class B>
double relative_error(const A& a, const B& b) {
  double worst = 0;
  for (std::size_t i = 0; i < b.size(); ++i)
    worst = larger(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  const double scale = largest(b);
  return scale > 0 ? worst / scale : worst;
}

}  // namespace fixtures
