// The official PatchTST's forward pass by its formulas, in plain loops over plain vectors. Uses no
// layer of the library.
#pragma once

#include <spat/models/patchtst_official.hpp>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace plain {

using Numbers = std::vector<double>;
using Matrix = std::vector<Numbers>;  // one row per token

/// With `training`, batch statistics are used, and `running` becomes the running statistics after
/// one step of weight 0.1. Nothing is dropped.
class PatchTST {
 public:
  template <class Model>
  PatchTST(const Model& model, bool batch_statistics)
      : config_(model.config()), training_(batch_statistics) {
    for (const auto& parameter : spat::parameters(model))
      tensors_[parameter.name] = {parameter.values.begin(), parameter.values.end()};
  }

  std::map<std::string, Numbers> running;

  /// Returns [B*T x C] in row order.
  Numbers forecast(const spat::WindowBatch<double>& batch) {
    const auto& c = config_;
    Numbers out(batch.samples * c.horizon * c.channels);
    Matrix tokens;  // row (b C + channel) P + patch
    Numbers means, sigmas;
    for (std::size_t b = 0; b < batch.samples; ++b)
      for (std::size_t channel = 0; channel < c.channels; ++channel) {
        Numbers series;
        for (std::size_t t = 0; t < c.lookback; ++t)
          series.push_back(batch.history.row(b * c.lookback + t)[channel]);
        double mean = 0, variance = 0;
        for (const double x : series) mean += x / double(c.lookback);
        for (const double x : series) variance += (x - mean) * (x - mean) / double(c.lookback);
        means.push_back(c.instance_norm ? mean : 0);
        sigmas.push_back(c.instance_norm ? std::sqrt(variance + 1e-5) : 1);
        for (double& x : series) x = (x - means.back()) / sigmas.back();
        series.insert(series.end(), c.stride, series.back());
        for (std::size_t p = 0; p < c.patches(); ++p) {
          const Numbers patch(series.begin() + std::ptrdiff_t(p * c.stride),
                              series.begin() + std::ptrdiff_t(p * c.stride + c.patch));
          tokens.push_back(linear("model.backbone.W_P", patch));
          for (std::size_t d = 0; d < c.width; ++d)
            tokens.back()[d] += tensors_.at("model.backbone.W_pos")[p * c.width + d];
        }
      }

    std::vector<Matrix> scores;  // of each series and head
    for (std::size_t l = 0; l < c.depth; ++l) {
      const std::string layer = "model.backbone.encoder.layers." + std::to_string(l) + ".";
      if (c.kept.keeps(l)) add(tokens, attention(layer + "self_attn.", tokens, scores));
      normalize(layer + "norm_attn.1.", tokens);
      Matrix hidden;
      for (const Numbers& token : tokens) {
        Numbers units = linear(layer + "ff.0", token);
        for (double& x : units) x = x * (1 + std::erf(x / std::sqrt(2.0))) / 2;
        hidden.push_back(linear(layer + "ff.3", units));
      }
      add(tokens, hidden);
      normalize(layer + "norm_ffn.1.", tokens);
    }

    for (std::size_t i = 0; i < means.size(); ++i) {
      Numbers flat;
      for (std::size_t d = 0; d < c.width; ++d)
        for (std::size_t p = 0; p < c.patches(); ++p)
          flat.push_back(tokens[i * c.patches() + p][d]);
      const Numbers steps = linear("model.head.linear", flat);
      for (std::size_t t = 0; t < c.horizon; ++t)
        out[(i / c.channels * c.horizon + t) * c.channels + i % c.channels] =
            steps[t] * sigmas[i] + means[i];
    }
    return out;
  }

 private:
  Numbers linear(const std::string& name, const Numbers& x) const {
    const Numbers &weight = tensors_.at(name + ".weight"), &bias = tensors_.at(name + ".bias");
    Numbers y = bias;
    for (std::size_t o = 0; o < y.size(); ++o)
      for (std::size_t i = 0; i < x.size(); ++i) y[o] += weight[o * x.size() + i] * x[i];
    return y;
  }

  static void add(Matrix& x, const Matrix& branch) {
    for (std::size_t r = 0; r < x.size(); ++r)
      for (std::size_t d = 0; d < x[r].size(); ++d) x[r][d] += branch[r][d];
  }

  void normalize(const std::string& name, Matrix& x) {
    Numbers running_mean = tensors_.at(name + "running_mean"),
            running_variance = tensors_.at(name + "running_var");
    Numbers mean = running_mean, variance = running_variance;
    const double rows = double(x.size());
    for (std::size_t d = 0; training_ && d < mean.size(); ++d) {
      double sum = 0, squares = 0;
      for (const Numbers& row : x) sum += row[d];
      mean[d] = sum / rows;
      for (const Numbers& row : x) squares += (row[d] - mean[d]) * (row[d] - mean[d]);
      variance[d] = squares / rows;
      running_mean[d] = 0.9 * running_mean[d] + 0.1 * mean[d];
      running_variance[d] = 0.9 * running_variance[d] + 0.1 * squares / (rows - 1);
    }
    for (Numbers& row : x)
      for (std::size_t d = 0; d < row.size(); ++d)
        row[d] =
            (row[d] - mean[d]) / std::sqrt(variance[d] + 1e-5) * tensors_.at(name + "weight")[d] +
            tensors_.at(name + "bias")[d];
    running[name + "running_mean"] = running_mean, running[name + "running_var"] = running_variance;
  }

  /// Adds `scores` before the softmax, then replaces them by this attention's scores.
  Matrix attention(const std::string& name, const Matrix& x, std::vector<Matrix>& scores) const {
    const std::size_t patches = config_.patches(), heads = config_.heads,
                      size = config_.width / heads;
    Matrix q, k, v, y;
    for (const Numbers& token : x) {
      q.push_back(linear(name + "W_Q", token)), k.push_back(linear(name + "W_K", token));
      v.push_back(linear(name + "W_V", token));
    }
    if (scores.empty())
      scores.assign(x.size() / patches * heads, Matrix(patches, Numbers(patches)));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t first = i / patches * patches;
      Numbers mixed(config_.width);
      for (std::size_t h = 0; h < heads; ++h) {
        Numbers& row = scores[i / patches * heads + h][i % patches];
        double sum = 0;
        for (std::size_t j = 0; j < patches; ++j) {
          double product = 0;
          for (std::size_t w = h * size; w < (h + 1) * size; ++w)
            product += q[i][w] * k[first + j][w];
          row[j] += product / std::sqrt(double(size));
          sum += std::exp(row[j]);
        }
        for (std::size_t j = 0; j < patches; ++j)
          for (std::size_t w = h * size; w < (h + 1) * size; ++w)
            mixed[w] += std::exp(row[j]) / sum * v[first + j][w];
      }
      y.push_back(linear(name + "to_out.0", mixed));
    }
    return y;
  }

  spat::OfficialPatchTSTConfig config_;
  bool training_;
  std::map<std::string, Numbers> tensors_;
};

}  // namespace plain
