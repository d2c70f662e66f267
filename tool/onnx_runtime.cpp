// Runs an ONNX file in ONNX Runtime: a script reads the numbers from files and leaves the result in
// another one.
#include "onnx_runtime.hpp"

#include "system.hpp"

#include <spat/io/atomic_file.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/path.hpp>

#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>

namespace tool {

namespace {

#if defined(_WIN32)
constexpr const char* python = "python";
#else
constexpr const char* python = "python3";
#endif
constexpr int not_there = 3;  // the exit code of a script that finds no ONNX Runtime

constexpr const char* python_script = R"(
import os, sys
try:
    import numpy, onnxruntime
except ImportError:
    sys.exit(3)
folder = sys.argv[1]
model = os.path.join(folder, "model.onnx")
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
feed = {}
for argument in sys.argv[2:]:
    name, shape = argument.split(":")
    numbers = numpy.fromfile(os.path.join(folder, name), "<f4")
    feed[name] = numbers.reshape([int(extent) for extent in shape.split("x")])
session.run(None, feed)[0].astype("<f4").tofile(os.path.join(folder, "output"))
print(onnxruntime.__version__)
)";

constexpr const char* node_script = R"(
const fs = require("fs"), path = require("path");
let found;
try {
  found = require.resolve("onnxruntime-node", {paths: [process.cwd()]});
} catch (error) {
  process.exit(3);
}
const ort = require(found), folder = process.argv[2];
async function main() {
  const session = await ort.InferenceSession.create(path.join(folder, "model.onnx"));
  const feed = {};
  for (const argument of process.argv.slice(3)) {
    const [name, shape] = argument.split(":");
    const bytes = new Uint8Array(fs.readFileSync(path.join(folder, name)));
    feed[name] = new ort.Tensor("float32", new Float32Array(bytes.buffer), shape.split("x").map(Number));
  }
  const output = Object.values(await session.run(feed))[0].data;
  fs.writeFileSync(path.join(folder, "output"),
                   Buffer.from(output.buffer, output.byteOffset, output.byteLength));
  const versions = (ort.env && ort.env.versions) || {};
  console.log(versions.node || versions.common || "");
}
main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
)";

/// A folder that is gone with it.
class RuntimeFolder {
 public:
  RuntimeFolder() = default;
  RuntimeFolder(const RuntimeFolder&) = delete;
  RuntimeFolder& operator=(const RuntimeFolder&) = delete;
  ~RuntimeFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(spat::utf8_path(path_), ignored);
  }
  [[nodiscard]] std::string path(const std::string& name = {}) const {
    return name.empty() ? path_ : message(path_, "/", name);
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    return {std::istreambuf_iterator<char>(*spat::detail::open_input(path(name))), {}};
  }

 private:
  std::string path_ = make_temporary_folder();
};

/// The last line with text.
std::string last_line(std::string text) {
  text.erase(text.find_last_not_of(" \r\n") + 1);
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

OnnxRun run_onnx(const std::string& bytes, const std::vector<OnnxInput>& inputs) {
  const RuntimeFolder folder;
  spat::write_file(folder.path("model.onnx"), bytes);
  std::vector<std::string> values;
  for (const OnnxInput& input : inputs) {
    spat::write_file(folder.path(input.name), std::as_bytes(std::span(input.numbers)));
    std::string shape;
    for (const std::size_t extent : input.shape)
      shape.append(message(shape.empty() ? "" : "x", extent));
    values.push_back(message(input.name, ":", shape));
  }
  const struct {
    const char *program, *file, *script;
  } ways[] = {{python, "run.py", python_script}, {"node", "run.cjs", node_script}};
  for (const auto& way : ways) {
    spat::write_file(folder.path(way.file), std::string_view(way.script));
    std::vector<std::string> words{way.program, folder.path(way.file), folder.path()};
    words.insert(words.end(), values.begin(), values.end());
    const std::optional<int> code = run_program(words, folder.path("said"), folder.path("errors"));
    if (!code || *code == not_there) continue;
    if (*code != 0)
      throw spat::FileError(message("ONNX Runtime (", way.program,
                                    ") fails on the file: ", last_line(folder.content("errors"))));
    OnnxRun run{.runtime = message("ONNX Runtime ", last_line(folder.content("said")), " (",
                                   way.program, ")")};
    const std::string output = folder.content("output");
    run.output.resize(output.size() / sizeof(float));
    if (!run.output.empty())
      std::memcpy(run.output.data(), output.data(), run.output.size() * sizeof(float));
    return run;
  }
  throw spat::ConfigError(message(
      "--verify needs ONNX Runtime, and there is none: install one with pip install onnxruntime, "
      "for ",
      python, ", or npm install onnxruntime-node, for node"));
}

}  // namespace tool
