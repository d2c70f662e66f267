// Everything: every public header, low to high, and nothing else.
#pragma once

#include <spat/version.hpp>

#include <spat/core/abi.hpp>
#include <spat/core/aligned_buffer.hpp>
#include <spat/core/arena.hpp>
#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>
#include <spat/core/extent.hpp>
#include <spat/core/random.hpp>
#include <spat/core/slot.hpp>
#include <spat/core/team.hpp>
#include <spat/core/tensor.hpp>
#include <spat/core/view.hpp>

#include <spat/io/fields.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/safetensors.hpp>
#include <spat/io/safetensors_file.hpp>
#include <spat/io/safetensors_header.hpp>
#include <spat/io/safetensors_writer.hpp>
#include <spat/io/text.hpp>

#include <spat/data/window_batch.hpp>

#include <spat/kernels/elementwise.hpp>
#include <spat/kernels/gemm.hpp>
#include <spat/kernels/normalize.hpp>
#include <spat/kernels/reduce.hpp>
#include <spat/kernels/simd.hpp>
#include <spat/kernels/softmax.hpp>
#include <spat/kernels/strided.hpp>

#include <spat/autograd/gradient_check.hpp>
#include <spat/autograd/initialize.hpp>
#include <spat/autograd/layer.hpp>
#include <spat/autograd/parameters.hpp>
#include <spat/autograd/run.hpp>

#include <spat/nn/dropout.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/gelu.hpp>
#include <spat/nn/layer_norm.hpp>
#include <spat/nn/linear.hpp>
