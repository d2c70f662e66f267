// io. The opcodes of Python's pickle format, protocols 0 to 5, and how long each one is.
#pragma once

#include <spat/core/error.hpp>
#include <spat/io/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// What a node of a pickle is. A call is what REDUCE, NEWOBJ, OBJ and INST ask for: an object of
/// which only its description is known. `other` is what cannot be looked into.
enum class PickleKind : unsigned char {
  none,
  truth,
  integer,
  real,
  text,
  bytes,
  tuple,
  list,
  dict,
  set,
  global,
  call,
  persistent,
  other
};

namespace detail {

/// One opcode: its argument is of `fixed` bytes, or a length of `counted` bytes and as many bytes
/// as that says, or `lines` lines of text. It pops `pops` values (or, if that is to_mark, all down
/// to the last mark and the mark, and then `below` more), pushes `pushes`, and makes `nodes` nodes
/// that take `links` links beside their items. It keeps `items` of what it pops (all of it, if that
/// is to_mark).
struct PickleOpcode {
  static constexpr unsigned char to_mark = 255;

  unsigned char code = 0;
  std::string_view name;
  unsigned char fixed = 0, counted = 0, lines = 0;
  unsigned char pops = 0, below = 0, pushes = 0, nodes = 0, links = 0, items = 0;
  PickleKind leaf = PickleKind::none;
};

inline constexpr unsigned char to_mark = PickleOpcode::to_mark;
/// What is known of each opcode. MARK, POP and DUP move values in ways of their own.
/// Format: https://docs.python.org/3/library/pickletools.html
inline constexpr std::array<PickleOpcode, 68> pickle_opcodes{{
    {.code = '(', .name = "MARK"},
    {.code = '.', .name = "STOP", .pops = 1},
    {.code = '0', .name = "POP"},
    {.code = '1', .name = "POP_MARK", .pops = to_mark},
    {.code = '2', .name = "DUP", .pops = 1, .pushes = 2},
    {.code = 'F', .name = "FLOAT", .lines = 1, .pushes = 1, .nodes = 1, .leaf = PickleKind::real},
    {.code = 'I', .name = "INT", .lines = 1, .pushes = 1, .nodes = 1, .leaf = PickleKind::integer},
    {.code = 'J',
     .name = "BININT",
     .fixed = 4,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::integer},
    {.code = 'K',
     .name = "BININT1",
     .fixed = 1,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::integer},
    {.code = 'L', .name = "LONG", .lines = 1, .pushes = 1, .nodes = 1, .leaf = PickleKind::integer},
    {.code = 'M',
     .name = "BININT2",
     .fixed = 2,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::integer},
    {.code = 'N', .name = "NONE", .pushes = 1},
    {.code = 'P', .name = "PERSID", .lines = 1, .pushes = 1, .nodes = 1, .leaf = PickleKind::other},
    {.code = 'Q', .name = "BINPERSID", .pops = 1, .pushes = 1, .nodes = 1},
    {.code = 'R', .name = "REDUCE", .pops = 2, .pushes = 1, .nodes = 1, .links = 2},
    {.code = 'S', .name = "STRING", .lines = 1, .pushes = 1, .nodes = 1, .leaf = PickleKind::other},
    {.code = 'T',
     .name = "BINSTRING",
     .counted = 4,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::text},
    {.code = 'U',
     .name = "SHORT_BINSTRING",
     .counted = 1,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::text},
    {.code = 'V', .name = "UNICODE", .lines = 1, .pushes = 1, .nodes = 1, .leaf = PickleKind::text},
    {.code = 'X',
     .name = "BINUNICODE",
     .counted = 4,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::text},
    {.code = 'a', .name = "APPEND", .pops = 2, .pushes = 1, .links = 2, .items = 1},
    {.code = 'b', .name = "BUILD", .pops = 2, .pushes = 1, .links = 2, .items = 1},
    {.code = 'c',
     .name = "GLOBAL",
     .lines = 2,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::global},
    {.code = 'd',
     .name = "DICT",
     .pops = to_mark,
     .pushes = 1,
     .nodes = 1,
     .links = 2,
     .items = to_mark},
    {.code = '}', .name = "EMPTY_DICT", .pushes = 1, .nodes = 1},
    {.code = 'e',
     .name = "APPENDS",
     .pops = to_mark,
     .below = 1,
     .pushes = 1,
     .links = 2,
     .items = to_mark},
    {.code = 'g', .name = "GET", .lines = 1, .pushes = 1},
    {.code = 'h', .name = "BINGET", .fixed = 1, .pushes = 1},
    {.code = 'i',
     .name = "INST",
     .lines = 2,
     .pops = to_mark,
     .pushes = 1,
     .nodes = 3,
     .links = 2,
     .items = to_mark},
    {.code = 'j', .name = "LONG_BINGET", .fixed = 4, .pushes = 1},
    {.code = 'l',
     .name = "LIST",
     .pops = to_mark,
     .pushes = 1,
     .nodes = 1,
     .links = 2,
     .items = to_mark},
    {.code = ']', .name = "EMPTY_LIST", .pushes = 1, .nodes = 1},
    {.code = 'o',
     .name = "OBJ",
     .pops = to_mark,
     .pushes = 1,
     .nodes = 2,
     .links = 2,
     .items = to_mark},
    {.code = 'p', .name = "PUT", .lines = 1, .pops = 1, .pushes = 1},
    {.code = 'q', .name = "BINPUT", .fixed = 1, .pops = 1, .pushes = 1},
    {.code = 'r', .name = "LONG_BINPUT", .fixed = 4, .pops = 1, .pushes = 1},
    {.code = 's', .name = "SETITEM", .pops = 3, .pushes = 1, .links = 2, .items = 2},
    {.code = 't', .name = "TUPLE", .pops = to_mark, .pushes = 1, .nodes = 1, .items = to_mark},
    {.code = ')', .name = "EMPTY_TUPLE", .pushes = 1},
    {.code = 'u',
     .name = "SETITEMS",
     .pops = to_mark,
     .below = 1,
     .pushes = 1,
     .links = 2,
     .items = to_mark},
    {.code = 'G',
     .name = "BINFLOAT",
     .fixed = 8,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::real},
    {.code = 'B',
     .name = "BINBYTES",
     .counted = 4,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::bytes},
    {.code = 'C',
     .name = "SHORT_BINBYTES",
     .counted = 1,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::bytes},
    {.code = 0x80, .name = "PROTO", .fixed = 1},
    {.code = 0x81, .name = "NEWOBJ", .pops = 2, .pushes = 1, .nodes = 1, .links = 2},
    {.code = 0x82, .name = "EXT1", .fixed = 1, .pushes = 1, .nodes = 1, .leaf = PickleKind::other},
    {.code = 0x83, .name = "EXT2", .fixed = 2, .pushes = 1, .nodes = 1, .leaf = PickleKind::other},
    {.code = 0x84, .name = "EXT4", .fixed = 4, .pushes = 1, .nodes = 1, .leaf = PickleKind::other},
    {.code = 0x85, .name = "TUPLE1", .pops = 1, .pushes = 1, .nodes = 1, .items = 1},
    {.code = 0x86, .name = "TUPLE2", .pops = 2, .pushes = 1, .nodes = 1, .items = 2},
    {.code = 0x87, .name = "TUPLE3", .pops = 3, .pushes = 1, .nodes = 1, .items = 3},
    {.code = 0x88, .name = "NEWTRUE", .pushes = 1},
    {.code = 0x89, .name = "NEWFALSE", .pushes = 1},
    {.code = 0x8a,
     .name = "LONG1",
     .counted = 1,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::integer},
    {.code = 0x8b,
     .name = "LONG4",
     .counted = 4,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::integer},
    {.code = 0x8c,
     .name = "SHORT_BINUNICODE",
     .counted = 1,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::text},
    {.code = 0x8d,
     .name = "BINUNICODE8",
     .counted = 8,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::text},
    {.code = 0x8e,
     .name = "BINBYTES8",
     .counted = 8,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::bytes},
    {.code = 0x8f, .name = "EMPTY_SET", .pushes = 1, .nodes = 1},
    {.code = 0x90, .name = "ADDITEMS", .pops = to_mark, .below = 1, .pushes = 1},
    {.code = 0x91, .name = "FROZENSET", .pops = to_mark, .pushes = 1, .nodes = 1},
    {.code = 0x92, .name = "NEWOBJ_EX", .pops = 3, .pushes = 1, .nodes = 1, .links = 2},
    {.code = 0x93, .name = "STACK_GLOBAL", .pops = 2, .pushes = 1, .nodes = 1},
    {.code = 0x94, .name = "MEMOIZE", .pops = 1, .pushes = 1},
    {.code = 0x95, .name = "FRAME", .fixed = 8},
    {.code = 0x96,
     .name = "BYTEARRAY8",
     .counted = 8,
     .pushes = 1,
     .nodes = 1,
     .leaf = PickleKind::bytes},
    {.code = 0x97, .name = "NEXT_BUFFER"},
    {.code = 0x98, .name = "READONLY_BUFFER"},
}};

inline constexpr std::size_t pickle_line = 4096;

/// The place of each code in pickle_opcodes; 255 for a byte that is no opcode.
[[nodiscard]] consteval std::array<unsigned char, 256> pickle_index() {
  std::array<unsigned char, 256> index{};
  index.fill(255);
  for (std::size_t i = 0; i < pickle_opcodes.size(); ++i)
    index[pickle_opcodes[i].code] = static_cast<unsigned char>(i);
  return index;
}

/// An opcode of a pickle with its argument; of a counted one, what is counted; of lines, the text
/// without the last end of line.
struct PickleStep {
  const PickleOpcode* opcode = nullptr;
  std::size_t at = 0, end = 0;
  std::string_view argument;
};

/// Reads the opcode at byte `at`. Throws FileError if it is unknown or cut off.
[[nodiscard]] inline PickleStep pickle_step(std::string_view pickle, std::size_t at,
                                            const std::string& origin) {
  static constexpr std::array<unsigned char, 256> index = pickle_index();
  const auto refuse = [&](const auto&... parts) {
    throw FileError(message(origin, ": the pickle ", parts...));
  };
  if (at >= pickle.size()) refuse("ends at byte ", at, " without STOP; the file was cut off");
  const unsigned char code = static_cast<unsigned char>(pickle[at]);
  if (index[code] == 255) refuse("has the unknown opcode ", int{code}, " at byte ", at);
  const PickleOpcode& opcode = pickle_opcodes[index[code]];
  const std::string_view rest = pickle.substr(at + 1);
  const auto cut_off = [&] { refuse("is cut off in ", opcode.name, " at byte ", at); };
  if (opcode.lines > 0) {
    const std::string_view lines = rest.substr(0, pickle_line);
    std::size_t end = lines.find('\n');
    if (opcode.lines == 2 && end != lines.npos) end = lines.find('\n', end + 1);
    if (end == lines.npos && lines.size() < rest.size())
      refuse("has a line of more than ", pickle_line, " bytes at byte ", at);
    if (end == lines.npos) cut_off();
    return {&opcode, at, at + end + 2, rest.substr(0, end)};
  }
  const std::size_t skip = opcode.counted;
  if (rest.size() < skip || rest.size() < opcode.fixed) cut_off();
  std::uint64_t length = opcode.fixed;
  if (skip > 0) {
    length = 0;
    std::memcpy(&length, rest.data(), skip);
  }
  if (length > rest.size() - skip) {
    refuse("has ", opcode.name, " of ", length, " bytes at byte ", at, ", but ends after ",
           rest.size() - skip);
  }
  const std::size_t count = static_cast<std::size_t>(length);
  return {&opcode, at, at + 1 + skip + count, rest.substr(skip, count)};
}

}  // namespace detail

}  // namespace spat
