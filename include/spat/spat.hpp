// Everything: every public header but the door to Eigen (core/eigen.hpp), low to high, and nothing else.
#pragma once

#include <spat/version.hpp>

#include <spat/core/abi.hpp>
#include <spat/core/aligned_buffer.hpp>
#include <spat/core/arena.hpp>
#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>
#include <spat/core/extent.hpp>
#include <spat/core/message.hpp>
#include <spat/core/random.hpp>
#include <spat/core/slot.hpp>
#include <spat/core/team.hpp>
#include <spat/core/tensor.hpp>
#include <spat/core/view.hpp>

#include <spat/io/atomic_file.hpp>
#include <spat/io/csv.hpp>
#include <spat/io/csv_records.hpp>
#include <spat/io/fields.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/npy.hpp>
#include <spat/io/safetensors.hpp>
#include <spat/io/safetensors_file.hpp>
#include <spat/io/safetensors_header.hpp>
#include <spat/io/safetensors_writer.hpp>
#include <spat/io/text.hpp>

#include <spat/data/date_time.hpp>
#include <spat/data/latest_window.hpp>
#include <spat/data/naive.hpp>
#include <spat/data/scaler.hpp>
#include <spat/data/series.hpp>
#include <spat/data/splits.hpp>
#include <spat/data/synthetic.hpp>
#include <spat/data/time_features.hpp>
#include <spat/data/window_batch.hpp>
#include <spat/data/windows.hpp>

#include <spat/kernels/adam.hpp>
#include <spat/kernels/attention.hpp>
#include <spat/kernels/dropout.hpp>
#include <spat/kernels/elementwise.hpp>
#include <spat/kernels/gemm.hpp>
#include <spat/kernels/math.hpp>
#include <spat/kernels/normalize.hpp>
#include <spat/kernels/reduce.hpp>
#include <spat/kernels/reference.hpp>
#include <spat/kernels/simd.hpp>
#include <spat/kernels/strided.hpp>
#include <spat/kernels/tile.hpp>

#include <spat/autograd/blocks.hpp>
#include <spat/autograd/gradient_check.hpp>
#include <spat/autograd/initialize.hpp>
#include <spat/autograd/layer.hpp>
#include <spat/autograd/parameters.hpp>
#include <spat/autograd/run.hpp>
#include <spat/autograd/scoring.hpp>

#include <spat/nn/attention.hpp>
#include <spat/nn/batch_norm.hpp>
#include <spat/nn/dropout.hpp>
#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/fan_out.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/flatten_head.hpp>
#include <spat/nn/gelu.hpp>
#include <spat/nn/instance_norm.hpp>
#include <spat/nn/inverted_embedding.hpp>
#include <spat/nn/layer_norm.hpp>
#include <spat/nn/linear.hpp>
#include <spat/nn/patch_embedding.hpp>
#include <spat/nn/patches.hpp>
#include <spat/nn/positions.hpp>
#include <spat/nn/router_attention.hpp>
#include <spat/nn/scale_block.hpp>
#include <spat/nn/segment_decoder_layer.hpp>
#include <spat/nn/segment_merging.hpp>
#include <spat/nn/stack.hpp>
#include <spat/nn/two_stage_attention.hpp>

#include <spat/models/block_plan.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/models/concepts.hpp>
#include <spat/models/crossformer.hpp>
#include <spat/models/crossformer_config.hpp>
#include <spat/models/forecaster_base.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/module_mask.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/predictor.hpp>
#include <spat/models/shape.hpp>

#include <spat/train/adam.hpp>
#include <spat/train/batch_statistics.hpp>
#include <spat/train/early_stopping.hpp>
#include <spat/train/evaluate.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/schedule.hpp>
#include <spat/train/trainer.hpp>
#include <spat/train/training_state.hpp>
#include <spat/train/training_step.hpp>

#include <spat/prune/budget.hpp>
#include <spat/prune/cost.hpp>
#include <spat/prune/criterion.hpp>
#include <spat/prune/dispersion.hpp>
#include <spat/prune/send.hpp>
#include <spat/prune/sensitivity_pruner.hpp>
#include <spat/prune/surgery.hpp>

#include <spat/report/pruning_report.hpp>
