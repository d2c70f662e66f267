// Files that fail under the library's hands: what cannot be read is an error that names the file,
// what only takes longer is read and written as if nothing had happened.
#ifdef __linux__

#include <spat/autograd/initialize.hpp>
#include <spat/data/read_series.hpp>
#include <spat/io/npy.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/train/training_state.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/failing_files.hpp>
#include <tests/support/file_size_limit.hpp>
#include <tests/support/temporary.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

namespace read_faults_tests {

using namespace spat;
using namespace failing_files;

namespace {

/// A model of 37 kB and a training of it, whose state is of 186 kB: more than any buffer.
using Model = RLinear<float>;
Model fresh_model(std::uint64_t seed) {
  Model model({RLinearConfig{.channels = 2, .lookback = 96, .horizon = 96}});
  initialize(parameters(model), seed);
  return model;
}
struct Training {
  explicit Training(std::uint64_t seed = 1) : model(fresh_model(seed)) {}
  Model model;
  Trainer<Model> trainer{model, {.epochs = 3}};
  NoObserver nobody;

  [[nodiscard]] std::string state() { return detail::training_writer(trainer, nobody).to_bytes(); }
};

std::string csv_text(std::size_t rows) {
  std::string text = "a,b\n";
  for (std::size_t row = 0; row < rows; ++row) text.append(message(row, ",", 0.5, "\n"));
  return text;
}
const std::vector<float> numbers(50000, 1.5f);
const std::array<std::size_t, 1> shape{numbers.size()};

/// Whether a test that reads its own memory as a file cannot run here.
bool skips_memory_as_a_file() {
  const bool skips = !memory_is_a_file();
  if (skips) WARN("skipped: /proc/self/mem is not this program's memory, as in an emulator");
  return skips;
}

/// Everything that reads a file by its path.
struct Reader {
  const char* name;
  bool sized;  // asks for the file's size first
  std::function<void(const std::string&)> read;
};
const std::vector<Reader> readers{
    {"series", false, [](const std::string& path) { (void)read_series(path); }},
    {"npy", true, [](const std::string& path) { (void)read_npy<float>(path); }},
    {"safetensors", true, [](const std::string& path) { (void)SafetensorsFile(path); }},
    {"model", true, [](const std::string& path) { (void)load_model<Model>(path); }},
    {"state", true, [](const std::string& path) {
       Training training;
       restore_training(path, training.trainer, training.nobody);
     }}};
std::string refusal(const Reader& reader, const std::string& path) {
  return message_of<FileError>([&] { reader.read(path); });
}

/// Everything that writes a file.
struct Writer {
  const char* name;
  std::function<void(const std::string&)> write;
};
const std::vector<Writer> writers{
    {"text", [](const std::string& path) { write_file(path, csv_text(10000)); }},
    {"npy", [](const std::string& path) { write_npy<float>(path, shape, numbers); }},
    {"model", [](const std::string& path) { save_model(path, fresh_model(1)); }},
    {"state", [](const std::string& path) {
       Training training;
       save_training(path, training.trainer, training.nobody);
     }}};

/// Calls visit(path, read) for each reader of a safetensors file that is already open, with a whole
/// file of its kind. `read` takes the open file.
template <class Visit>
void with_open_files(const TemporaryFolder& folder, Visit&& visit) {
  const std::string path = folder / "file";
  save_model(path, fresh_model(1));
  visit(path,
        [](const SafetensorsFile& file) { (void)file.read<float>(file.tensors().back().name); });
  save_model(path, fresh_model(1));
  visit(path, [](const SafetensorsFile& file) { (void)load_model<Model>(file); });
  Training training(2), other(1);
  save_training(path, training.trainer, training.nobody);
  const std::string before = other.state();
  visit(path,
        [&](const SafetensorsFile& file) { restore_training(file, other.trainer, other.nobody); });
  CHECK(other.state() == before);
}

}  // namespace

TEST_CASE("What is no file that can be read is refused by its path") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "sub");
  must(::mkfifo((folder / "pipe").c_str(), 0600));
  const Handle end(::open((folder / "pipe").c_str(), O_RDWR | O_CLOEXEC));  // else opening waits
  const std::string loop = folder / "loop";
  std::filesystem::create_symlink("loop", loop);
  for (const Reader& reader : readers) {
    CAPTURE(reader.name);
    CHECK(refusal(reader, folder / "sub") == (folder / "sub") + ": is a directory");
    CHECK(refusal(reader, folder / "absent") ==
          (folder / "absent") + ": cannot be opened: No such file or directory");
    CHECK(refusal(reader, loop) == loop + ": cannot be opened: Too many levels of symbolic links");
    CHECK(refusal(reader, "/proc/self/mem") ==
          (reader.sized ? "/proc/self/mem: its size cannot be determined"
                        : "/proc/self/mem: cannot be read beyond line 1"));
    if (reader.sized)
      CHECK(refusal(reader, folder / "pipe") ==
            (folder / "pipe") + ": its size cannot be determined");
  }
}

TEST_CASE("A read error in the middle of a table is no end of it") {
  if (skips_memory_as_a_file()) return;
  const std::string text = csv_text(3000);
  for (const std::size_t length : {text.size(), text.find('\n', text.size() / 2) + 1}) {
    const TornMemory memory(std::string_view(text).substr(0, length));
    const auto refuses = [&](auto&& read) {
      const auto stream = detail::open_input("/proc/self/mem");
      stream->seekg(memory.begin());
      const auto lines = std::count(text.begin(), text.begin() + std::ptrdiff_t(length), '\n');
      CHECK(message_of<FileError>([&] { read(*stream); }) ==
            message("a.csv: cannot be read beyond line ", lines + 1));
    };
    refuses([](std::istream& stream) { (void)read_series(stream, "a.csv"); });
  }
}

TEST_CASE("A read error in the middle of an array is an error") {
  if (skips_memory_as_a_file()) return;
  const TemporaryFolder folder;
  write_npy<float>(folder / "a", shape, numbers);
  const std::string whole = content_of(folder / "a");
  const auto size = static_cast<std::streamoff>(whole.size());
  const auto read = [&](std::string_view readable) {
    const TornMemory memory(readable);
    PartOfFile part("/proc/self/mem", memory.begin(), size);
    std::istream stream(&part);
    return read_npy<float>(stream, "a.npy").values;
  };
  CHECK(read(whole) == numbers);
  for (const std::size_t length : {whole.size() - 1, whole.size() / 2, std::size_t{128}})
    CHECK(message_of<FileError>([&] { (void)read(std::string_view(whole).substr(0, length)); }) ==
          message("a.npy: ", whole.size() - 128, " bytes at offset 128 cannot be read"));
  CHECK(message_of<FileError>([&] { (void)read(std::string_view(whole).substr(0, 100)); }) ==
        "a.npy: 118 bytes at offset 10 cannot be read");
}

TEST_CASE("An array whose file shrinks after it was sized is an error") {
  const TemporaryFolder folder;
  write_npy<float>(folder / "a.npy", shape, numbers);
  ShrinkingFile file(folder / "a.npy");
  std::istream stream(&file);
  CHECK(message_of<FileError>([&] { (void)read_npy<float>(stream, "a.npy"); }) ==
        message("a.npy: ", numbers.size() * sizeof(float), " bytes at offset 128 cannot be read"));
}

TEST_CASE("A device that fails under an open model or state is an error, and changes nothing") {
  if (skips_memory_as_a_file()) return;
  const TemporaryFolder folder;
  with_open_files(folder, [&](const std::string& path, auto&& read) {
    const SafetensorsFile file(path);
    put_under(path, broken_device());
    const std::string said = message_of<FileError>([&] { read(file); });
    CAPTURE(said);
    CHECK(said.starts_with(path + ": "));
    CHECK(said.ends_with(" cannot be read"));
  });
}

TEST_CASE("A model or a state whose file shrinks after it was opened is an error") {
  const TemporaryFolder folder;
  const auto shrinks_by = [&](auto&& rest_of) {
    with_open_files(folder, [&](const std::string& path, auto&& read) {
      const SafetensorsFile file(path);
      std::filesystem::resize_file(path, rest_of(std::filesystem::file_size(path)));
      const std::string said = message_of<FileError>([&] { read(file); });
      CAPTURE(said);
      CHECK(said.starts_with(path + ": "));
      CHECK(said.ends_with(" cannot be read"));
    });
  };
  shrinks_by([](std::uintmax_t) { return std::uintmax_t{0}; });
  shrinks_by([](std::uintmax_t size) { return size / 2; });
  shrinks_by([](std::uintmax_t size) { return size - 1; });
}

TEST_CASE("A table comes through a pipe, piece by piece, whatever interrupts it") {
  const std::string text = csv_text(100);
  const std::vector<double> expected = [&] {
    std::istringstream stream(text);
    return read_series(stream, "pipe").values;
  }();
  Pipe pipe;
  const auto filler = undisturbed([&text, in = std::move(pipe.in)]() mutable {
    const Handle mine = std::move(in);  // the end of the thread closes it
    for (std::size_t at = 0; at < text.size(); at += 8, rest())
      must(int(::write(mine.number(), &text[at], std::min<std::size_t>(8, text.size() - at))));
  });
  const Interruptions interruptions;
  CHECK(read_series(pipe.out.path()).values == expected);
  CHECK(interruptions.count() > 10);
}

TEST_CASE("A named pipe whose writer is late is waited for, whatever interrupts it") {
  const TemporaryFolder folder;
  const std::string path = folder / "pipe.csv";
  must(::mkfifo(path.c_str(), 0600));
  const auto writer = undisturbed([&path] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::ofstream(path) << "a,b\n1,2\n";
  });
  const Interruptions interruptions;
  CHECK(read_series(path).values == std::vector<double>{1, 2});
  CHECK(interruptions.count() > 10);
}

TEST_CASE("Interruptions change nothing that is read or written") {
  const TemporaryFolder folder;
  const std::string text(std::size_t{8} << 20, 'x');
  for (const Writer& writer : writers) writer.write(folder / writer.name);
  const Interruptions interruptions;
  for (int round = 0; round < 3 || (interruptions.count() < 50 && round < 1000); ++round) {
    write_file(folder / "large", text);
    REQUIRE((content_of(folder / "large") == text));
    for (const Writer& writer : writers) {
      CAPTURE(writer.name);
      writer.write(folder / "again");
      REQUIRE((content_of(folder / "again") == content_of(folder / writer.name)));
    }
    REQUIRE(read_npy<float>(folder / "npy").values == numbers);
    (void)load_model<Model>(folder / "model");
    Training training;
    restore_training(folder / "state", training.trainer, training.nobody);
  }
  CHECK(interruptions.count() > 10);
}

TEST_CASE("A file is written whole by writes that are cut short and interrupted") {
  const TemporaryFolder folder;
  std::string text(std::size_t{4} << 20, 'x'), arrived;
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i >> 7);
  Pipe pipe;
  JoinedThread reader;
  {
    AtomicFile file(folder / "file");
    put_under(folder / "file.part.",
              Handle(std::move(pipe.in)));  // a pipe blocks, as slow disks do
    reader = undisturbed([&] {
      std::vector<char> part(1 << 16);
      for (::ssize_t count = 1; count > 0; rest()) {
        count = ::read(pipe.out.number(), part.data(), part.size());
        arrived.append(part.data(), static_cast<std::size_t>(std::max<::ssize_t>(count, 0)));
      }
    });
    const Interruptions interruptions;
    file.write(text);
    CHECK(interruptions.count() > 10);
  }
  reader.join();
  CHECK((arrived == text));
}

TEST_CASE("A disk that is full or fails in the middle of a file leaves the old one") {
  const TemporaryFolder folder;
  const std::string path = folder.put("model", "old");
  const auto write_on = [&](const Handle& device) {
    return message_of<FileError>([&] {
      AtomicFile file(path);
      file.write("the beginning");
      put_under(path + ".part.", device);
      file.write("the rest");
      file.commit();
    });
  };
  CHECK(write_on(Handle(::open("/dev/full", O_WRONLY | O_CLOEXEC))) ==
        path + ": cannot be written: No space left on device");
  CHECK(write_on(broken_device()) == path + ": cannot be written: Input/output error");
  CHECK(content_of(path) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("A write that is cut short at any place keeps the old file, for each writer") {
  for (const Writer& writer : writers) {
    CAPTURE(writer.name);
    const TemporaryFolder folder;
    writer.write(folder / "whole");
    const std::string whole = content_of(folder / "whole");
    const std::string path = folder.put("file", "old");
    for (const std::size_t limit :
         {std::size_t{0}, std::size_t{1}, std::size_t{9}, whole.size() / 2, whole.size() - 1}) {
      const std::string said = message_of<FileError>([&] {
        const FileSizeLimit limits(limit);
        writer.write(path);
      });
      CHECK(said == path + ": cannot be written: File too large");
      CHECK(content_of(path) == "old");
      CHECK(folder.files() == 2);
    }
    const FileSizeLimit limits(whole.size());
    writer.write(path);
    CHECK((content_of(path) == whole));
  }
}

}  // namespace read_faults_tests

#endif
