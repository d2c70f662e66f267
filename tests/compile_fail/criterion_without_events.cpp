// A criterion receives at least one type of event.
#include <spat/models/itransformer.hpp>
#include <spat/prune/pruner.hpp>

struct Loudness {
#ifndef SPAT_SHOULD_FAIL
  void hear(const spat::ForwardEvent<float>& event) { sum += event.output.row(0)[0]; }
#endif
  void merge(Loudness& other) { sum += other.sum, other.sum = 0; }
  void end_step(spat::Team*) {}
  void end_epoch() {}
  double score() const { return sum; }
  std::vector<double> state() const { return {sum}; }
  void restore(const std::vector<double>& numbers) { sum = numbers.at(0); }
  double sum = 0;
};

void score(const spat::ITransformer<float>& model) { spat::Pruner pruner(model, Loudness{}); }
