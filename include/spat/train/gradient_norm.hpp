// train. The norm of a whole gradient.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/autograd/pass.hpp>
#include <spat/kernels/reduce.hpp>

namespace spat::inline SPAT_ABI {

/// The Euclidean norm of a whole gradient, as a sum over pieces that the workers of a team share:
/// its bytes do not depend on them.
template <class Scalar>
class GradientNorm {
 public:
  explicit GradientNorm(const ParameterList<Scalar>& gradients) {
    for (const auto& one : gradients)
      squares_.resize(squares_.size() + divide_up(one.values.size(), piece));
  }

  /// The norm of `gradients`, the list that this was built for or one of the same sizes. Throws
  /// NumericError, with the parameter's name and the step, if it is not finite.
  [[nodiscard]] double operator()(const ParameterList<Scalar>& gradients, std::uint64_t step,
                                  Team* team) {
    const auto sum_pieces = [&](Share share) {
      std::size_t place = 0;
      for (const auto& one : gradients)
        for (std::size_t i = 0; i < one.values.size(); i += piece, ++place)
          if (share.takes())
            squares_[place] = kernels::sum_of_squares(one.values.data() + i,
                                                      std::min(piece, one.values.size() - i));
    };
    if (team)
      team->for_each_worker([&](std::size_t worker) { sum_pieces(Share(worker, team->size())); });
    else
      sum_pieces(Share());
    double total = 0;
    std::size_t place = 0;
    for (const auto& one : gradients)
      for (std::size_t i = 0; i < one.values.size(); i += piece) {
        if (!std::isfinite(squares_[place]))
          throw NumericError(
              message("the gradient of ", one.name, " is not finite at step ", step));
        total += squares_[place++];
      }
    return std::sqrt(total);
  }

 private:
  static constexpr std::size_t piece = 65536;

  std::vector<double> squares_;  // one sum per piece
};

}  // namespace spat
