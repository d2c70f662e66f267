// core. The exceptions that spat throws. A message names the file, row, column or tensor, what was
// expected and what was found.
#pragma once

#include <spat/core/text.hpp>

#include <stdexcept>
#include <string>

namespace spat::inline SPAT_ABI {

/// Base class of everything that spat throws.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A tensor does not have the expected shape.
struct ShapeError : Error {
  using Error::Error;
};

/// The content of a data set is unusable: a cell that is not a number, a ragged row, too few rows.
struct DataError : Error {
  using Error::Error;
};

/// A file cannot be opened, read, trusted or written.
struct FileError : Error {
  using Error::Error;
};

/// Options contradict each other or the model: heads that do not divide the width, an unknown name.
struct ConfigError : Error {
  using Error::Error;
};

/// An object that serves one call at a time was called again meanwhile: a Team or a Predictor that
/// two threads share.
struct ConcurrencyError : Error {
  using Error::Error;
};

/// A training was asked to stop (TrainingOptions::stop). Everything is as after its last whole
/// step.
struct Cancelled : Error {
  using Error::Error;
};

/// A value that must be finite is not: a loss, a gradient, a score.
struct NumericError : Error {
  using Error::Error;
};

}  // namespace spat
