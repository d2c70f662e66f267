// criteria. One type that holds any criterion, for a program that chooses one by name at run time.
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

namespace detail {

/// Whether one of a variant's criteria receives this event.
template <class Held, class Event>
inline constexpr bool any_hears = false;
template <class... C, class Event>
inline constexpr bool any_hears<std::variant<C...>, Event> = (Hears<C, Event> || ...);

}  // namespace detail

/// One of the library's criteria, chosen at run time. It receives every event and passes on those
/// that the criterion inside receives.
template <class Scalar>
class AnyCriterion {
  static_assert(std::floating_point<Scalar>, "spat: a criterion computes in float or double");

 public:
  /// The list of all criteria. The registry below has the same order.
  using Held =
      std::variant<Send<Scalar>, LeaveOneOut<Scalar>, RandomScore<Scalar>, DropFirst<Scalar>,
                   DropLast<Scalar>, DropEveryOther<Scalar>, Magnitude<Scalar>, SnipSum<Scalar>,
                   Gate<Scalar>, HeadImportance<Scalar>, Cosine<Scalar>, BlockInfluence<Scalar>,
                   Taylor2<Scalar>, FisherGate<Scalar>, AttentionEntropy<Scalar>>;

  AnyCriterion() = default;
  explicit AnyCriterion(Held criterion) : held_(std::move(criterion)) {}

  [[nodiscard]] const Held& held() const { return held_; }
  /// Whether the criterion inside receives events of backward passes.
  [[nodiscard]] bool needs_gradients() const {
    return visit([]<class C>(const C&) { return detail::hears_gradients<C, Scalar>; });
  }
  /// Whether the criterion inside receives validation losses without each module.
  [[nodiscard]] bool needs_losses() const {
    return visit([]<class C>(const C&) { return Hears<C, LossEvent>; });
  }

  /// Whether the criterion inside receives events of passes through the model.
  [[nodiscard]] bool hears_passes() const {
    return visit([]<class C>(const C&) { return detail::HearsPasses<C, Scalar>; });
  }
  /// Whether the criterion inside receives the module's weights and position.
  [[nodiscard]] bool hears_modules() const {
    return visit([]<class C>(const C&) { return Hears<C, ModuleEvent<Scalar>>; });
  }

  template <class Event>
    requires(detail::any_hears<Held, Event>)
  void hear(const Event& event) {
    visit([&]<class C>(C& c) {
      if constexpr (Hears<C, Event>) c.hear(event);
    });
  }

  /// Merges `other`, which must hold the same criterion.
  void merge(AnyCriterion& other) {
    assert(held_.index() == other.held_.index());
    visit([&](auto& c) { c.merge(std::get<std::remove_reference_t<decltype(c)>>(other.held_)); });
  }
  void end_step(Team* team = nullptr) {
    visit([&](auto& c) { c.end_step(team); });
  }
  void end_epoch() {
    visit([](auto& c) { c.end_epoch(); });
  }

  [[nodiscard]] double score() const {
    return visit([](const auto& c) { return c.score(); });
  }
  /// The number of the last step alone; NaN if the criterion has none.
  [[nodiscard]] double step_score() const {
    return visit([](const auto& c) { return detail::step_score(c); });
  }
  /// How the numbers of the steps become the score.
  [[nodiscard]] StepEstimator estimator() const {
    return visit([](const auto& c) { return detail::estimator(c); });
  }
  /// The largest possible score; 0 if the criterion has no bound.
  [[nodiscard]] double bound() const {
    return visit([](const auto& c) { return detail::bound(c); });
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

/// Properties of a criterion that are known before one is constructed.
struct CriterionInfo {
  const char *name, *what;
  bool gradients, losses;  // needs backward passes; needs the validation loss without each module
};

namespace detail {

template <class... C>
constexpr std::array<CriterionInfo, sizeof...(C)> infos_of(const std::variant<C...>*) {
  return {CriterionInfo{C::name, C::what, hears_gradients<C, double>, Hears<C, LossEvent>}...};
}

}  // namespace detail

/// The properties of all criteria, in the order of AnyCriterion::Held.
[[nodiscard]] constexpr auto criterion_infos() {
  return detail::infos_of(static_cast<const AnyCriterion<double>::Held*>(nullptr));
}

/// The names of all criteria, in the order of AnyCriterion::Held.
[[nodiscard]] inline std::vector<std::string> criterion_names() {
  std::vector<std::string> names;
  for (const CriterionInfo& info : criterion_infos()) names.emplace_back(info.name);
  return names;
}

/// Returns the properties of the criterion `name`. Throws ConfigError, which lists all names, if
/// there is none.
[[nodiscard]] inline CriterionInfo criterion_info(std::string_view name) {
  for (const CriterionInfo& info : criterion_infos())
    if (name == info.name) return info;
  std::string all;
  for (const CriterionInfo& info : criterion_infos())
    all.append(all.empty() ? "" : ", ").append(info.name);
  throw ConfigError(message("no criterion is called ", in_quotes(name), "; there are ", all));
}

/// Constructs the criterion `name`. Throws ConfigError if there is none.
template <std::floating_point Scalar>
[[nodiscard]] AnyCriterion<Scalar> make_criterion(std::string_view name,
                                                  const CriterionOptions& options = {}) {
  (void)criterion_info(name);  // throws for an unknown name
  AnyCriterion<Scalar> made;
  const auto take = [&]<class... C>(const std::variant<C...>*) {
    ((name == C::name ? void(made = AnyCriterion<Scalar>(C(options))) : void()), ...);
  };
  take(static_cast<const typename AnyCriterion<Scalar>::Held*>(nullptr));
  return made;
}

}  // namespace spat
