// Names of the public types, for headers that only mention them.
#pragma once

#include <spat/core/extent.hpp>
#include <spat/models/shape.hpp>

#include <concepts>

namespace spat::inline SPAT_ABI {

class Arena;
class Team;
struct Run;
struct Error;

template <class Scalar, std::size_t Rows, std::size_t Cols>
class View;
template <class Scalar, std::size_t Rows, std::size_t Cols>
class Tensor;
template <class Scalar>
struct WindowBatch;
template <class Scalar>
struct Parameter;

struct Series;
class StandardScaler;
class SafetensorsFile;
class SafetensorsWriter;

struct ITransformerConfig;
template <std::floating_point Scalar, class ModelShape>
class ITransformer;
template <std::floating_point Scalar, class ModelShape>
class PatchTST;
template <std::floating_point Scalar, class ModelShape>
class OfficialPatchTST;
template <std::floating_point Scalar, class ModelShape>
class Crossformer;
template <std::floating_point Scalar, class ModelShape>
class TimeXer;
template <std::floating_point Scalar, class ModelShape>
class Transformer;
template <std::floating_point Scalar, class ModelShape>
class DLinear;
template <std::floating_point Scalar, class ModelShape>
class RLinear;
template <std::floating_point Scalar, class ModelShape>
class TSMixer;
template <std::floating_point Scalar, class ModelShape>
class SMamba;

struct TrainingOptions;
struct PruningReport;

}  // namespace spat
