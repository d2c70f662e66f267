// Everything: every public header but the door to Eigen (core/eigen.hpp), low to high, and nothing
// else.
#pragma once

#include <spat/version.hpp>

#include <spat/core/abi.hpp>
#include <spat/core/aligned_buffer.hpp>
#include <spat/core/arena.hpp>
#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>
#include <spat/core/exclusive.hpp>
#include <spat/core/extent.hpp>
#include <spat/core/life.hpp>
#include <spat/core/module_mask.hpp>
#include <spat/core/names.hpp>
#include <spat/core/random.hpp>
#include <spat/core/slot.hpp>
#include <spat/core/team.hpp>
#include <spat/core/tensor.hpp>
#include <spat/core/text.hpp>
#include <spat/core/view.hpp>

#include <spat/io/atomic_file.hpp>
#include <spat/io/csv.hpp>
#include <spat/io/csv_records.hpp>
#include <spat/io/encoding.hpp>
#include <spat/io/fields.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/json.hpp>
#include <spat/io/json_text.hpp>
#include <spat/io/npy.hpp>
#include <spat/io/safetensors.hpp>
#include <spat/io/safetensors_file.hpp>
#include <spat/io/safetensors_header.hpp>
#include <spat/io/safetensors_writer.hpp>

#include <spat/data/data_description.hpp>
#include <spat/data/date_time.hpp>
#include <spat/data/latest_window.hpp>
#include <spat/data/scaler.hpp>
#include <spat/data/series.hpp>
#include <spat/data/series_csv.hpp>
#include <spat/data/splits.hpp>
#include <spat/data/synthetic.hpp>
#include <spat/data/time_features.hpp>
#include <spat/data/window_batch.hpp>
#include <spat/data/windows.hpp>

#include <spat/kernels/adam.hpp>
#include <spat/kernels/attention.hpp>
#include <spat/kernels/causal_convolution.hpp>
#include <spat/kernels/dropout.hpp>
#include <spat/kernels/elementwise.hpp>
#include <spat/kernels/gemm.hpp>
#include <spat/kernels/math.hpp>
#include <spat/kernels/moving_average.hpp>
#include <spat/kernels/normalize.hpp>
#include <spat/kernels/reduce.hpp>
#include <spat/kernels/selective_scan.hpp>
#include <spat/kernels/simd.hpp>
#include <spat/kernels/strided.hpp>
#include <spat/kernels/tile.hpp>

#include <spat/autograd/caches.hpp>
#include <spat/autograd/gradient_check.hpp>
#include <spat/autograd/initialize.hpp>
#include <spat/autograd/layer.hpp>
#include <spat/autograd/microbatch_plan.hpp>
#include <spat/autograd/packing.hpp>
#include <spat/autograd/parameters.hpp>
#include <spat/autograd/pass.hpp>

#include <spat/nn/activation.hpp>
#include <spat/nn/affine.hpp>
#include <spat/nn/attention.hpp>
#include <spat/nn/attention_events.hpp>
#include <spat/nn/batch_norm.hpp>
#include <spat/nn/dropout.hpp>
#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/flatten_head.hpp>
#include <spat/nn/instance_norm.hpp>
#include <spat/nn/inverted_embedding.hpp>
#include <spat/nn/layer_norm.hpp>
#include <spat/nn/linear.hpp>
#include <spat/nn/memory_block.hpp>
#include <spat/nn/patch_embedding.hpp>
#include <spat/nn/patches.hpp>
#include <spat/nn/positions.hpp>
#include <spat/nn/residual_branch.hpp>
#include <spat/nn/residual_feed_forward.hpp>
#include <spat/nn/series_frame.hpp>
#include <spat/nn/stack.hpp>
#include <spat/nn/value_embedding.hpp>

#include <spat/models/cache_layout.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/models/concepts.hpp>
#include <spat/models/config.hpp>
#include <spat/models/cost.hpp>
#include <spat/models/crossformer.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/forecast.hpp>
#include <spat/models/forecaster_base.hpp>
#include <spat/models/form.hpp>
#include <spat/models/framed_forecaster.hpp>
#include <spat/models/inverted_forecaster.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/models/predictor.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/models/smamba.hpp>
#include <spat/models/timexer.hpp>
#include <spat/models/transformer.hpp>
#include <spat/models/tsmixer.hpp>

#include <spat/models/crossformer/config.hpp>
#include <spat/models/crossformer/fan_out.hpp>
#include <spat/models/crossformer/router_attention.hpp>
#include <spat/models/crossformer/scale_block.hpp>
#include <spat/models/crossformer/segment_decoder_layer.hpp>
#include <spat/models/crossformer/segment_merging.hpp>
#include <spat/models/crossformer/two_stage_attention.hpp>

#include <spat/models/dlinear/series_decomposition.hpp>

#include <spat/models/patchtst/config.hpp>
#include <spat/models/patchtst/residual_attention_layer.hpp>

#include <spat/models/smamba/bidirectional_mamba.hpp>
#include <spat/models/smamba/causal_convolution.hpp>
#include <spat/models/smamba/mamba.hpp>
#include <spat/models/smamba/mamba_layer.hpp>
#include <spat/models/smamba/selective_scan.hpp>

#include <spat/models/timexer/endogenous_embedding.hpp>
#include <spat/models/timexer/global_token_layer.hpp>

#include <spat/models/transformer/config.hpp>
#include <spat/models/transformer/data_embedding.hpp>
#include <spat/models/transformer/decoder_layer.hpp>
#include <spat/models/transformer/token_embedding.hpp>

#include <spat/models/tsmixer/mixer_block.hpp>

#include <spat/criteria/any_criterion.hpp>
#include <spat/criteria/block_influence.hpp>
#include <spat/criteria/cosine.hpp>
#include <spat/criteria/cosine_similarity.hpp>
#include <spat/criteria/criterion.hpp>
#include <spat/criteria/entropy.hpp>
#include <spat/criteria/fisher.hpp>
#include <spat/criteria/gate.hpp>
#include <spat/criteria/gate_slope.hpp>
#include <spat/criteria/head_importance.hpp>
#include <spat/criteria/leave_one_out.hpp>
#include <spat/criteria/magnitude.hpp>
#include <spat/criteria/module_score.hpp>
#include <spat/criteria/options.hpp>
#include <spat/criteria/position.hpp>
#include <spat/criteria/random.hpp>
#include <spat/criteria/score_average.hpp>
#include <spat/criteria/snip.hpp>
#include <spat/criteria/step_score.hpp>
#include <spat/criteria/taylor2.hpp>

#include <spat/criteria/send/dispersion.hpp>
#include <spat/criteria/send/send.hpp>
#include <spat/criteria/send/sensitivity_sum.hpp>

#include <spat/train/batch_statistics.hpp>
#include <spat/train/early_stopping.hpp>
#include <spat/train/epoch_record.hpp>
#include <spat/train/evaluate.hpp>
#include <spat/train/gradient_norm.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/metrics.hpp>
#include <spat/train/naive.hpp>
#include <spat/train/observer.hpp>
#include <spat/train/optimizer.hpp>
#include <spat/train/schedule.hpp>
#include <spat/train/teacher.hpp>
#include <spat/train/trainer.hpp>
#include <spat/train/training_hooks.hpp>
#include <spat/train/training_options.hpp>
#include <spat/train/training_parts.hpp>
#include <spat/train/training_state.hpp>
#include <spat/train/training_step.hpp>
#include <spat/train/weight_average.hpp>

#include <spat/prune/bootstrap.hpp>
#include <spat/prune/budget.hpp>
#include <spat/prune/drop_order.hpp>
#include <spat/prune/in_training.hpp>
#include <spat/prune/measures.hpp>
#include <spat/prune/module_scores.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/prune/pruner_listener.hpp>
#include <spat/prune/pruner_panel.hpp>
#include <spat/prune/ranks.hpp>
#include <spat/prune/schedules.hpp>
#include <spat/prune/score_windows.hpp>
#include <spat/prune/search.hpp>
#include <spat/prune/state_rows.hpp>
#include <spat/prune/step_history.hpp>
#include <spat/prune/surgery.hpp>

#include <spat/report/budget_text.hpp>
#include <spat/report/chart.hpp>
#include <spat/report/html_report.hpp>
#include <spat/report/html_style.hpp>
#include <spat/report/html_tables.hpp>
#include <spat/report/json_report.hpp>
#include <spat/report/label_places.hpp>
#include <spat/report/number_text.hpp>
#include <spat/report/pruning_report.hpp>
#include <spat/report/report_charts.hpp>
#include <spat/report/score_text.hpp>
#include <spat/report/svg.hpp>
#include <spat/report/text_report.hpp>

#include <spat/pipeline/job_options.hpp>
#include <spat/pipeline/processor_time.hpp>
#include <spat/pipeline/pruning_job.hpp>
#include <spat/pipeline/report_parts.hpp>
#include <spat/pipeline/resumable_training.hpp>
