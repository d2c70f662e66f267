// The smallest useful model of each kind, for tests that read thousands of broken files.
#pragma once

#include <spat/autograd/initialize.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/models/crossformer.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/models/smamba.hpp>
#include <spat/models/timexer.hpp>
#include <spat/models/transformer.hpp>
#include <spat/models/tsmixer.hpp>

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace small {

using Models = std::tuple<spat::ITransformer<float>, spat::PatchTST<float>,
                          spat::OfficialPatchTST<float>, spat::Crossformer<float>,
                          spat::SMamba<float>, spat::TimeXer<float>, spat::Transformer<float>,
                          spat::TSMixer<float>, spat::DLinear<float>, spat::RLinear<float>>;
inline constexpr std::size_t models = std::tuple_size_v<Models>;

/// Calls visit(std::type_identity<Model>) for model `number`.
template <class Visit>
void with_type(std::size_t number, Visit&& visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (void)((I == number && (visit(std::type_identity<std::tuple_element_t<I, Models>>{}), true)) ||
           ...);
  }
  (std::make_index_sequence<models>{});
}

/// One layer of width 2, two channels, four rows to two, and the last module alone.
template <class Model>
[[nodiscard]] Model made() {
  typename Model::Form form;
  auto& c = form.value;
  c.channels = 2;
  c.lookback = 4;
  c.horizon = 2;
  if constexpr (requires { c.marks; }) c.marks = 1;
  if constexpr (requires { c.label; }) c.label = 2;
  if constexpr (requires { c.width; }) c.width = 2;
  if constexpr (requires { c.ffn_width; }) c.ffn_width = 1;
  if constexpr (requires { c.heads; }) c.heads = 1;
  if constexpr (requires { c.depth; }) c.depth = 1;
  if constexpr (requires { c.patch; }) c.patch = 2;
  if constexpr (requires { c.stride; }) c.stride = 2;
  if constexpr (requires { c.segment; }) c.segment = 2;
  if constexpr (requires { c.routers; }) c.routers = 1;
  if constexpr (requires { c.state; }) c.state = 1;
  if constexpr (requires { c.kernel; }) c.kernel = 3;
  if (c.modules() > 0) c.kept = spat::ModuleMask::only(c.modules() - 1);
  Model model(form);
  spat::initialize(spat::parameters(model), 7);
  model.set_dropout(0.25);
  return model;
}

/// Calls visit(model) with model `number`.
template <class Visit>
void with_model(std::size_t number, Visit&& visit) {
  with_type(number, [&]<class Model>(std::type_identity<Model>) { visit(made<Model>()); });
}

/// The bytes of the model's file, without the tables that every model computes for itself.
template <class Model>
[[nodiscard]] std::string file_of(const Model& model) {
  return spat::detail::model_writer(model, {}, false).to_bytes();
}

}  // namespace small
