// Runs an ONNX file in ONNX Runtime: a script reads the numbers from files and leaves the result in
// another one.
#include "onnx_runtime.hpp"

#include <spat/io/atomic_file.hpp>
#include <spat/io/input_file.hpp>

#include <spawn.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

extern char** environ;

namespace tool {

namespace {

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
  RuntimeFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "spat_onnx_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw spat::FileError(message(pattern, ": cannot be made: ", std::strerror(errno)));
    path_ = pattern;
  }
  RuntimeFolder(const RuntimeFolder&) = delete;
  RuntimeFolder& operator=(const RuntimeFolder&) = delete;
  ~RuntimeFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string path(const std::string& name = {}) const {
    return name.empty() ? path_ : message(path_, "/", name);
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream stream(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  std::string path_;
};

/// Calls a program of the search path; what it prints goes to the files "said" and "errors".
/// Returns its exit code, 128 for a signal, or nothing if there is no such program.
std::optional<int> call(const RuntimeFolder& folder, std::vector<std::string> words) {
  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const std::string files[] = {folder.path("said"), folder.path("errors")};
  for (int i = 0; i < 2; ++i)
    ::posix_spawn_file_actions_addopen(&actions, 1 + i, files[i].c_str(),
                                       O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::pid_t child = 0;
  const int problem =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) return {};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return {};
  if (!WIFEXITED(status)) return 128;
  return WEXITSTATUS(status) == 127 ? std::optional<int>() : WEXITSTATUS(status);
}

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
  } ways[] = {{"python3", "run.py", python_script}, {"node", "run.cjs", node_script}};
  for (const auto& way : ways) {
    spat::write_file(folder.path(way.file), std::string_view(way.script));
    std::vector<std::string> words{way.program, folder.path(way.file), folder.path()};
    words.insert(words.end(), values.begin(), values.end());
    const std::optional<int> code = call(folder, words);
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
  throw spat::ConfigError(
      "--verify needs ONNX Runtime, and there is none: install one with pip install onnxruntime, "
      "for python3, or npm install onnxruntime-node, for node");
}

}  // namespace tool
