// The options and the results of `spat compare`, independent of the model's type.
#pragma once

#include "options.hpp"

namespace tool {

/// The options of `spat compare`.
struct CompareOptions {
  std::string command_line, out = "runs/compare";
  spat::TrainingOptions training;
  TuneOptions tune;
  double dropout = 0.1, latency_seconds = 0.2;
  std::size_t threads = 1, most_masks = 64;
  std::vector<std::string> test_data;
  bool quiet = false;
};

/// A criterion and its name in the table.
struct NamedCriterion {
  std::string name;
  spat::AnyCriterion<float> criterion;
};
/// All criteria, with SEND in each of its forms.
std::vector<NamedCriterion> compared_criteria(std::uint64_t seed);

/// A criterion's scores of the modules and their standard errors.
struct ComparedCriterion {
  std::string name;
  std::vector<double> scores, errors;
};

/// The results of one mask: its cost, and errors before fine-tuning (on test sets only for the
/// dense model) and after it.
struct ComparedMask {
  spat::ModuleMask mask;
  spat::Cost cost;
  spat::Latency latency = {};
  spat::Metrics removed_validation = {}, removed_test = {}, validation = {}, test = {};
  std::vector<spat::Metrics> removed_others = {}, others = {};
  double seconds = 0;  // of processor time for fine-tuning
};

/// The results of a comparison.
struct Comparison {
  std::vector<std::string> modules, others;  // names
  spat::ModuleMask guard;
  std::vector<ComparedCriterion> criteria;
  /// The mask of all modules comes first; its errors before fine-tuning are those of the dense
  /// model.
  std::vector<ComparedMask> masks;
  double training_seconds = 0;  // of processor time
  std::size_t epochs = 0;
};

/// The masks to compare: all if they are at most `most`, otherwise those that some criterion
/// chooses at some size.
std::vector<spat::ModuleMask> compared_masks(const Comparison& comparison, std::size_t most);
/// Writes compare.json and prints the table.
void finish(const CompareOptions& options, const std::string& data, const std::string& model,
            const Comparison& comparison);

}  // namespace tool
