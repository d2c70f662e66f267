// A folder for the files of one test, gone with it.
#pragma once

#include <spat/io/path.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

/// Paths are UTF-8 text, as everywhere. The folder's name is not ASCII, so that each test of files
/// shows that such paths work.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::random_device number;
    for (int attempt = 0; attempt < 100; ++attempt) {
      folder_ = std::filesystem::temp_directory_path() /
                spat::utf8_path(spat::message("spat_t\u00e9st_", number()));
      if (std::filesystem::create_directory(folder_)) return;
    }
    throw std::runtime_error("no temporary folder");
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string operator/(std::string_view name) const {
    return spat::utf8_text(folder_ / spat::utf8_path(name));
  }
  [[nodiscard]] std::string put(std::string_view name, std::string_view content) const {
    std::ofstream(folder_ / spat::utf8_path(name), std::ios::binary)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return *this / name;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

 private:
  std::filesystem::path folder_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream stream(spat::utf8_path(path), std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}
