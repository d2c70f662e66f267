// A criterion ends a step with the team at hand.
#include <spat/models/itransformer.hpp>
#include <spat/prune/pruner.hpp>

struct Loudness {
  void hear(const spat::ForwardEvent<float>& event) { sum += event.output.row(0)[0]; }
  void merge(Loudness& other) { sum += other.sum, other.sum = 0; }
#ifdef SPAT_SHOULD_FAIL
  void end_step() {}
#else
  void end_step(spat::Team*) {}
#endif
  void end_epoch() {}
  double score() const { return sum; }
  std::vector<double> state() const { return {sum}; }
  void restore(const std::vector<double>& numbers) { sum = numbers.at(0); }
  double sum = 0;
};

void score(const spat::ITransformer<float>& model) { spat::Pruner pruner(model, Loudness{}); }
