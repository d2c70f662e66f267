// What the reader of PyTorch files makes of files that are built byte by byte.
#pragma once

#include <spat/io/torch_file.hpp>

#include <tests/io/hostile_torch.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <string>

namespace torch_refusals {

inline spat::SafetensorsFile open(const std::string& bytes, const spat::TorchLimits& limits = {}) {
  return spat::torch_file_from_bytes(bytes, "h.pth", limits);
}
inline std::string refusal(const std::string& bytes, const spat::TorchLimits& limits = {}) {
  return message_of<spat::FileError>([&] { (void)open(bytes, limits); });
}
/// The refusal of a pickle in both formats, which must be the same.
inline std::string refusal_of(const std::string& body) {
  const std::string zip = refusal(hostile_torch::zip_file(body));
  CHECK(refusal(hostile_torch::legacy_file(body)) == zip);
  return zip;
}
/// The refusal of a pickle that refers to no storage, in the newer format.
inline std::string zip_refusal_of(const std::string& body) {
  return refusal(hostile_torch::zip_file(body));
}
/// A dict of a tensor "w" and something else.
inline std::string with_tensor(const std::string& other) {
  using namespace hostile_torch;
  return dict(item("w", good_tensor()) + item("x", other));
}

}  // namespace torch_refusals
