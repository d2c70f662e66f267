// Files of torch.save, read as PyTorch reads them: torch_files/make.py wrote them, and what
// torch.load gives.
#include <spat/io/torch_file.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace torch_file_tests {

using namespace spat;

namespace {

std::string path_of(const std::string& name) {
  return utf8_text(std::filesystem::path(__FILE__).parent_path() / "torch_files" / name);
}

/// The tensors of the bytes of a safetensors file: dtype, shape and raw bytes by name.
std::map<std::string, std::string> raw(const std::string& bytes) {
  const auto length = static_cast<std::size_t>(detail::number_at<std::uint64_t>(bytes, 0));
  const std::string data = bytes.substr(8 + length);
  std::map<std::string, std::string> tensors;
  for (const TensorInfo& tensor :
       SafetensorsHeader::parse(bytes.substr(8, length), data.size(), "raw").tensors) {
    tensors[tensor.name] =
        message(dtype_name(tensor.dtype), shape_text(tensor.shape),
                data.substr(static_cast<std::size_t>(tensor.begin),
                            static_cast<std::size_t>(tensor.end - tensor.begin)));
  }
  return tensors;
}
std::string converted(const std::string& path) {
  return detail::torch_to_safetensors(*detail::open_input(path), path, {});
}
/// The metadata of a file, but for the entries "torch.format" and "torch.skipped".
std::map<std::string, std::string> texts_of(const SafetensorsFile& file) {
  std::map<std::string, std::string> texts = file.metadata();
  texts.erase("torch.format");
  texts.erase("torch.skipped");
  return texts;
}
std::string refusal(const std::string& name) {
  return message_of<FileError>([&] { (void)read_torch_file(path_of(name)); });
}

}  // namespace

TEST_CASE("Files of torch.save are read bit for bit as torch.load reads them") {
  struct Pair {
    const char *file, *expected;
    std::size_t tensors;
  };
  const auto [file, expected, tensors] =
      GENERATE(Pair{"itransformer.pth", "itransformer", 22},
               Pair{"itransformer_legacy.pth", "itransformer", 22},
               Pair{"itransformer_legacy4.pth", "itransformer", 22},
               Pair{"patchtst_legacy.pth", "patchtst", 25}, Pair{"parameters.pth", "parameters", 5},
               Pair{"parameters_protocol4.pth", "parameters", 5}, Pair{"odd.pth", "odd", 17},
               Pair{"odd_legacy.pth", "odd", 17}, Pair{"lightning.ckpt", "lightning", 9},
               Pair{"neuralforecast.ckpt", "neuralforecast", 2}, Pair{"args.pth", "args", 2},
               Pair{"tensor.pth", "tensor", 1});
  INFO(file);
  const std::string path = path_of(file), reference = path_of(message(expected, ".safetensors"));
  const SafetensorsFile read = read_torch_file(path);
  CHECK(read.tensors().size() == tensors);
  CHECK(raw(converted(path)) == raw(content_of(reference)));
  CHECK(texts_of(read) == SafetensorsFile(reference).metadata());
  CHECK(read.metadata("torch.format") == (contains(file, "legacy") ? "legacy" : "zip"));
  CHECK(is_torch_file(path));
  CHECK(read.path() == path);
  CHECK(torch_file_from_bytes(content_of(path), "in memory").tensors().size() == tensors);
}

TEST_CASE("The numbers and texts of a PyTorch file are its metadata") {
  const SafetensorsFile lightning = read_torch_file(path_of("lightning.ckpt"));
  CHECK(lightning.metadata("hyper_parameters.n_heads") == "8");
  CHECK(lightning.metadata("hyper_parameters.dropout") == "0.1");
  CHECK(lightning.metadata("hyper_parameters.marks") == "true");
  CHECK(lightning.metadata("hyper_parameters.layers.1") == "3");
  CHECK(lightning.metadata("hyper_parameters.worst") == "inf");
  CHECK(lightning.metadata("global_step") == "1200");
  CHECK_FALSE(lightning.metadata().contains("hyper_parameters.big"));  // beyond 64 bits
  CHECK(lightning.contains("optimizer_states.0.state.0.exp_avg"));
  CHECK(lightning.contains("state_dict.linear.weight"));
  CHECK_FALSE(lightning.metadata().contains("torch.skipped"));

  const SafetensorsFile args = read_torch_file(path_of("args.pth"));
  CHECK(args.metadata("args.d_model") == "512");
  CHECK(args.metadata("args.use_gpu") == "false");
}

TEST_CASE("What is no plain tensor is left out of a PyTorch file, and named") {
  const SafetensorsFile odd = read_torch_file(path_of("odd.pth"));
  CHECK(odd.metadata("torch.skipped") == "complex: its elements are complex numbers\n");

  const SafetensorsFile file = read_torch_file(path_of("skipped.pth"));
  REQUIRE(file.tensors().size() == 1);
  CHECK(file.read<float>("kept") == std::vector<float>{1});
  CHECK(file.metadata("torch.skipped") ==
        "sparse: it is made by _rebuild_sparse_tensor, which is no plain tensor\n"
        "quantized: it is made by _rebuild_qtensor, which is no plain tensor\n"
        "complex: its elements are complex numbers\n"
        "module: it is an object of class __main__.Loss\n"
        "the object: a value in it has a key that is no name\n"
        "conjugate: its elements are complex numbers\n");
  CHECK(contains(read_torch_file(path_of("neuralforecast.ckpt")).metadata("torch.skipped"),
                 "hyper_parameters.loss: it is an object of class __main__.Loss\n"));
}

TEST_CASE("A PyTorch file that cannot be read without Python is refused, and says what to do") {
  const std::string what_to_do =
      ", whose code is needed to read it; in Python, save model.state_dict() instead";
  CHECK(refusal("module.pth") == message(path_of("module.pth"),
                                         ": holds an object of class \"__main__.Small\"",
                                         what_to_do));
  CHECK(refusal("module_inside.pth") ==
        message(path_of("module_inside.pth"),
                ": holds an object of class \"__main__.Small\" at \"model\"", what_to_do));
  CHECK(refusal("script.pt") ==
        message(path_of("script.pt"),
                ": is a TorchScript archive (it has "
                "\"code/__torch__/torch/nn/modules/linear.py\"); in Python, "
                "save torch.jit.load(path).state_dict() instead"));
  CHECK(refusal("expanded.pth") ==
        message(path_of("expanded.pth"),
                ": tensor \"expanded\": shape [9], strides [0] and offset 0 repeat elements of "
                "storage \"0\", which has only 1; save tensor.contiguous()"));
  CHECK(refusal("itransformer.safetensors") ==
        message(path_of("itransformer.safetensors"),
                ": is no file of torch.save: it starts neither as a zip archive nor with the "
                "pickle of older versions"));
  CHECK(contains(refusal("none.pth"), "none.pth: cannot be opened"));
}

TEST_CASE("A PyTorch file is known by its content") {
  const TemporaryFolder folder;
  CHECK_FALSE(is_torch_file(path_of("itransformer.safetensors")));
  CHECK_FALSE(is_torch_file(folder.put("empty", "")));
  CHECK_FALSE(is_torch_file(folder.put("zip", "PK\3\4 of something else")));
  const std::string bytes = content_of(path_of("args.pth"));
  CHECK(is_torch_file(folder.put("cut.csv", bytes.substr(0, 200))));
  CHECK(is_torch_file(folder.put("moved", "PK\3\4" + std::string(10000, ' ') + "/data.pkl")));
}

TEST_CASE("A PyTorch file that is cut off anywhere is refused") {
  for (const char* const name : {"args.pth", "odd_legacy.pth"}) {
    const std::string bytes = content_of(path_of(name));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const std::string error = message_of<FileError>(
          [&] { (void)torch_file_from_bytes(bytes.substr(0, size), "cut.pth"); });
      if (!error.starts_with("cut.pth: ")) FAIL(message(name, " cut after ", size, ": ", error));
    }
    CHECK(contains(
        message_of<FileError>([&] { (void)torch_file_from_bytes(bytes + '\0', "long.pth"); }),
        "long.pth: "));
  }
}

TEST_CASE("A damaged byte of a PyTorch file is refused, or harmless") {
  const std::string good = content_of(path_of("args.pth"));
  const auto expected = raw(converted(path_of("args.pth")));
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    std::istringstream stream(bytes);
    std::string error = message_of<FileError>([&] {
      const std::string read = detail::torch_to_safetensors(stream, "bad.pth", {});
      if (raw(read) != expected) FAIL("byte " << at << " changes a tensor");
    });
    if (error != "nothing was thrown") ++refused;
  }
  CHECK(refused > good.size() / 2);
}

/// Python's PyTorch writes the same files anew where it is installed.
TEST_CASE("What PyTorch writes here and now is read as it reads it") {
  const std::string python = "/usr/bin/python3";
  if (std::system((python + " -c 'import torch' 2> /dev/null").c_str()) != 0) {
    WARN("skipped: python3 has no torch here");
    return;
  }
  const TemporaryFolder folder;
  REQUIRE(std::system(("cp '" + path_of("make.py") + "' '" + (folder / "make.py") + "' && " +
                       python + " '" + (folder / "make.py") + "' 2> /dev/null")
                          .c_str()) == 0);
  for (const char* const name : {"itransformer", "parameters", "odd"}) {
    CHECK(raw(converted(folder / message(name, ".pth"))) ==
          raw(content_of(folder / message(name, ".safetensors"))));
  }
}

}  // namespace torch_file_tests
