// criteria. Every criterion by name, held as one type: what a program that chooses one at run time
// needs.
#pragma once

#include <spat/core/error.hpp>
#include <spat/criteria/block_influence.hpp>
#include <spat/criteria/cosine.hpp>
#include <spat/criteria/entropy.hpp>
#include <spat/criteria/fisher.hpp>
#include <spat/criteria/gate.hpp>
#include <spat/criteria/head_importance.hpp>
#include <spat/criteria/leave_one_out.hpp>
#include <spat/criteria/magnitude.hpp>
#include <spat/criteria/position.hpp>
#include <spat/criteria/random.hpp>
#include <spat/criteria/send/send.hpp>
#include <spat/criteria/snip.hpp>
#include <spat/criteria/taylor2.hpp>

#include <array>
#include <cassert>
#include <string>
#include <string_view>
#include <variant>

namespace spat::inline SPAT_ABI {

/// One of the library's criteria. It hears of everything, and hands on what the one it holds
/// listens to.
template <std::floating_point Scalar>
class AnyCriterion {
 public:
  /// The one list of all criteria; the registry below has their order.
  using Held =
      std::variant<Send<Scalar>, LeaveOneOut<Scalar>, RandomScore<Scalar>, DropFirst<Scalar>,
                   DropLast<Scalar>, DropEveryOther<Scalar>, Magnitude<Scalar>, SnipSum<Scalar>,
                   Gate<Scalar>, HeadImportance<Scalar>, Cosine<Scalar>, BlockInfluence<Scalar>,
                   Taylor2<Scalar>, FisherGate<Scalar>, AttentionEntropy<Scalar>>;

  AnyCriterion() = default;
  explicit AnyCriterion(Held criterion) : held_(std::move(criterion)) {}

  [[nodiscard]] const Held& held() const { return held_; }
  /// Whether the one it holds hears of backward passes.
  [[nodiscard]] bool needs_gradients() const {
    return visit([]<class C>(const C&) {
      return detail::HearsBackward<C, Scalar> || detail::HearsTile<C, Scalar>;
    });
  }
  /// Whether it hears of losses without a module.
  [[nodiscard]] bool needs_losses() const {
    return visit([]<class C>(const C&) { return detail::HearsLoss<C>; });
  }

  void on_forward(const ForwardEvent<Scalar>& event) {
    visit([&](auto& c) {
      if constexpr (requires { c.on_forward(event); }) c.on_forward(event);
    });
  }
  void on_block(const BlockEvent<Scalar>& event) {
    visit([&](auto& c) {
      if constexpr (requires { c.on_block(event); }) c.on_block(event);
    });
  }
  void on_backward(const BackwardEvent<Scalar>& event) {
    visit([&](auto& c) {
      if constexpr (requires { c.on_backward(event); }) c.on_backward(event);
    });
  }
  void on_tile(const TileEvent<Scalar>& tile) {
    visit([&](auto& c) {
      if constexpr (requires { c.on_tile(tile); }) c.on_tile(tile);
    });
  }
  void on_module(const ModuleEvent<Scalar>& event) {
    visit([&](auto& c) {
      if constexpr (requires { c.on_module(event); }) c.on_module(event);
    });
  }
  void on_loss(const LossEvent& event) {
    visit([&](auto& c) {
      if constexpr (requires { c.on_loss(event); }) c.on_loss(event);
    });
  }

  /// The other holds the same criterion.
  void merge(AnyCriterion& other) {
    assert(held_.index() == other.held_.index());
    visit([&](auto& c) { c.merge(std::get<std::remove_reference_t<decltype(c)>>(other.held_)); });
  }
  void end_step(Team* team = nullptr) {
    visit([&](auto& c) {
      if constexpr (requires { c.end_step(team); })
        c.end_step(team);
      else
        c.end_step();
    });
  }
  void end_epoch() {
    visit([](auto& c) { c.end_epoch(); });
  }

  [[nodiscard]] double score() const {
    return visit([](const auto& c) { return c.score(); });
  }
  /// NaN where the criterion has none.
  [[nodiscard]] double step_score() const {
    return visit([](const auto& c) {
      if constexpr (requires { c.step_score(); })
        return c.step_score();
      else
        return std::nan("");
    });
  }
  /// 0 where the criterion has none.
  [[nodiscard]] double bound() const {
    return visit([](const auto& c) {
      if constexpr (requires { c.bound(); })
        return c.bound();
      else
        return 0.0;
    });
  }
  [[nodiscard]] std::vector<double> state() const {
    return visit([](const auto& c) { return c.state(); });
  }
  void restore(const std::vector<double>& numbers) {
    visit([&](auto& c) { c.restore(numbers); });
  }

 private:
  template <class Use>
  decltype(auto) visit(Use&& use) {
    return std::visit(use, held_);
  }
  template <class Use>
  decltype(auto) visit(Use&& use) const {
    return std::visit(use, held_);
  }

  Held held_;
};

/// What a program may say of a criterion before it makes one.
struct CriterionInfo {
  const char *name, *what;
  bool gradients, losses;  // needs backward passes; needs the validation loss without each module
};

/// All that criteria can be told; each takes what it knows.
struct CriterionOptions {
  SendVariant variant = SendVariant::signed_sum;
  SendDynamics dynamics = SendDynamics::step_average;
  LossReduction reduction = LossReduction::mean;
  bool normalized = false;
  double decay = 0.98;
  std::uint64_t seed = 1;
};

namespace detail {

template <class... C>
constexpr std::array<CriterionInfo, sizeof...(C)> infos_of(const std::variant<C...>*) {
  return {CriterionInfo{C::name, C::what, HearsBackward<C, double> || HearsTile<C, double>,
                        HearsLoss<C>}...};
}

/// Braces: a seed is no decay, for it would be narrowed.
template <class C>
C made(const CriterionOptions& o) {
  if constexpr (requires { C{SendOptions{}}; })
    return C{SendOptions{o.variant, o.dynamics, o.decay, o.reduction, o.normalized}};
  else if constexpr (requires { C{o.reduction, o.decay}; })
    return C{o.reduction, o.decay};
  else if constexpr (requires { C{o.decay}; })
    return C{o.decay};
  else if constexpr (requires { C{o.seed}; })
    return C{o.seed};
  else
    return C{};
}

}  // namespace detail

/// Of every criterion.
[[nodiscard]] constexpr auto criterion_infos() {
  return detail::infos_of(static_cast<const AnyCriterion<double>::Held*>(nullptr));
}

[[nodiscard]] inline std::vector<std::string> criterion_names() {
  std::vector<std::string> names;
  for (const CriterionInfo& info : criterion_infos()) names.emplace_back(info.name);
  return names;
}

/// Throws ConfigError, which names all, where there is no criterion of this name.
[[nodiscard]] inline CriterionInfo criterion_info(std::string_view name) {
  for (const CriterionInfo& info : criterion_infos())
    if (name == info.name) return info;
  std::string all;
  for (const CriterionInfo& info : criterion_infos())
    all.append(all.empty() ? "" : ", ").append(info.name);
  throw ConfigError(message("no criterion is called ", in_quotes(name), "; there are ", all));
}

/// Throws ConfigError where there is no criterion of this name.
template <std::floating_point Scalar>
[[nodiscard]] AnyCriterion<Scalar> make_criterion(std::string_view name,
                                                  const CriterionOptions& options = {}) {
  (void)criterion_info(name);  // throws
  AnyCriterion<Scalar> made;
  const auto take = [&]<class... C>(const std::variant<C...>*) {
    ((name == C::name ? void(made = AnyCriterion<Scalar>(detail::made<C>(options))) : void()), ...);
  };
  take(static_cast<const typename AnyCriterion<Scalar>::Held*>(nullptr));
  return made;
}

}  // namespace spat
