// What `spat compare` was asked to do, and what it found, without the model's type.
#pragma once

#include "options.hpp"

namespace tool {

struct CompareOptions {
  std::string command_line, out = "runs/compare";
  spat::TrainingOptions training;
  TuneOptions tune;
  double dropout = 0.1, latency_seconds = 0.2;
  std::size_t threads = 1, most_masks = 64;
  std::vector<std::string> test_data;
  bool quiet = false;
};

/// A criterion under the name it has in the table.
struct NamedCriterion {
  std::string name;
  spat::AnyCriterion<float> criterion;
};
/// All there are, SEND in each of its forms.
std::vector<NamedCriterion> compared_criteria(std::uint64_t seed);

struct ComparedCriterion {
  std::string name;
  std::vector<double> scores, errors;  // of the modules
};

/// What is left with a mask: errors as removal leaves them (on test sets only for the dense model)
/// and after fine-tuning.
struct ComparedMask {
  spat::ModuleMask mask;
  spat::Cost cost;
  spat::Latency latency = {};
  spat::Metrics removed_validation = {}, removed_test = {}, validation = {}, test = {};
  std::vector<spat::Metrics> removed_others = {}, others = {};
  double seconds = 0;  // of processor time, fine-tuning
};

struct Comparison {
  std::vector<std::string> modules, others;  // names
  spat::ModuleMask guard;
  std::vector<ComparedCriterion> criteria;
  std::vector<ComparedMask>
      masks;  // all modules first; its errors as removal leaves them are those of training alone
  double training_seconds = 0;  // of processor time
  std::size_t epochs = 0;
};

/// The masks that are compared: all, if they are at most `most`, else those that some criterion
/// chooses at some size.
std::vector<spat::ModuleMask> compared_masks(const Comparison& comparison, std::size_t most);
/// Writes compare.json and prints the table.
void finish(const CompareOptions& options, const std::string& data, const std::string& model,
            const Comparison& comparison);

}  // namespace tool
