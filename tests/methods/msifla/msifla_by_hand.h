#pragma once
//! \file
//! MSIFLA's loss terms by loops over pixels, rows and parts in double, from its networks' outputs.

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "methods/msifla/networks/networks.h"
#include "methods/networks/identity_terms.h"
#include "networks/nn/backbone.h"
#include "tests/methods/msifla/msifla_examples.h"

namespace resolute::workers::worker_tests {

class MsiflaByHand {
 public:
  //! Runs the method's networks on the batch, in the mode in which they are; running statistics move.
  //! \param rates of LaneBatch::copies
  MsiflaByHand(methods::Method& method, const experiments::MsiflaOptions& options, double label_smoothing,
               const methods::LaneBatch& batch, const std::vector<int>& rates = {2, 3, 4})
      : options_(options), smoothing_(label_smoothing) {
    const at::NoGradGuard no_grad;
    recover(method, batch, rates);
    identify(method, batch);
  }

  double term(const std::string& name) const { return terms_.at(name); }
  std::size_t terms() const { return terms_.size(); }

 private:
  using Rows = std::vector<std::vector<double>>;

  static bool has_label(const methods::LaneBatch& batch, std::int64_t row) {
    return !batch.has_label.defined() || batch.has_label[row].item<bool>();
  }
  static std::string at_scale(const char* name, int scale) { return name + ("_scale_" + std::to_string(scale)); }

  //! x^1 … x^n of one image, by scale.
  std::map<int, at::Tensor> through(methods::Method& method, const at::Tensor& image) const {
    std::map<int, at::Tensor> found;
    at::Tensor current = image;
    for (int scale : options_.scales)
      found[scale] = current =
          descendant<methods::ImageRecoveryNetwork>(method, "ir_" + std::to_string(scale)).forward(current);
    return found;
  }

  //! eqs. 1–3, image by image.
  void recover(methods::Method& method, const methods::LaneBatch& batch, const std::vector<int>& rates) {
    for (int scale : options_.scales) terms_[at_scale("recovery", scale)] = 0;
    const std::int64_t rows = batch.labels.size(0), hr_rows = batch.has_hr.sum().item<std::int64_t>();
    for (std::int64_t row = 0; row < rows; ++row) {
      if (!batch.has_hr[row].item<bool>()) continue;
      std::map<int, at::Tensor> looks{{1, batch.hr.narrow(0, row, 1)}};
      for (std::size_t i = 0; i < rates.size(); ++i) looks[rates[i]] = batch.copies[i].narrow(0, row, 1);
      for (const auto& [rate, image] : looks)
        for (const auto& [scale, output] : through(method, image)) {
          const std::vector<double> found = tests::doubles(output), wanted = tests::doubles(looks.at(scale));
          double sum = 0;
          for (std::size_t i = 0; i < found.size(); ++i) sum += std::pow(found[i] - wanted[i], 2);
          terms_[at_scale("recovery", scale)] +=
              options_.recovery_weight * sum / static_cast<double>(found.size()) / static_cast<double>(hr_rows);
        }
    }
  }

  void identify(methods::Method& method, const methods::LaneBatch& batch) {
    std::map<int, std::vector<at::Tensor>> images;
    for (const bool hr : {true, false})
      for (std::int64_t row = 0; row < batch.labels.size(0); ++row) {
        if (batch.has_hr[row].item<bool>() != hr || !has_label(batch, row)) continue;
        labels_.push_back(batch.labels[row].item<std::int64_t>());
        for (const auto& [scale, output] : through(method, (hr ? batch.hr : batch.lr).narrow(0, row, 1)))
          images[scale].push_back(output);
      }
    batch_ = &batch;
    if (options_.reid_networks == methods::ReidNetworks::kShared) {
      std::vector<at::Tensor> all;
      for (int scale : options_.scales) all.insert(all.end(), images[scale].begin(), images[scale].end());
      add_terms(method, options_.scales, "reid_1", all);
    } else {
      for (int scale : options_.scales) add_terms(method, {scale}, "reid_" + std::to_string(scale), images[scale]);
    }
  }

  //! eqs. 8–12 of the scales that one network serves.
  void add_terms(methods::Method& method, const std::vector<int>& scales, const std::string& network,
                 const std::vector<at::Tensor>& images) {
    const at::Tensor f5 = descendant<networks::Backbone>(method, network + ".trunk").forward(at::cat(images)).back();
    for (std::int64_t part = 0; part < methods::kParts; ++part) {
      const at::Tensor features = at::adaptive_avg_pool2d(f5, {4, 1}).select(2, part).squeeze(2);
      at::Tensor logits;
      if (options_.classification)
        logits = descendant<methods::IdentityClassifier>(method, network + ".classifier_" + std::to_string(part + 1))
                     .forward(features);
      for (std::size_t i = 0; i < scales.size(); ++i) {
        const auto rows = [&](const at::Tensor& all) {
          Rows found;
          for (std::size_t row = 0; row < labels_.size(); ++row)
            found.push_back(tests::doubles(all[static_cast<std::int64_t>(i * labels_.size() + row)]));
          return found;
        };
        if (options_.classification) terms_[at_scale("classification", scales[i])] += classification(rows(logits));
        if (options_.triplet) terms_[at_scale("triplet", scales[i])] += triplet(rows(features), scales[i], part);
      }
    }
  }

  //! eqs. 8–11: the mean over rows of −Σ_c q_LSR(c) log p(c).
  double classification(const Rows& logits) const {
    double total = 0;
    for (std::size_t row = 0; row < logits.size(); ++row) {
      const auto classes = static_cast<double>(logits[row].size());
      double sum = 0;
      for (double logit : logits[row]) sum += std::exp(logit);
      for (std::size_t c = 0; c < logits[row].size(); ++c) {
        const bool is_label = labels_[row] == static_cast<std::int64_t>(c);
        const double q = smoothing_ / classes + (is_label ? 1 - smoothing_ : 0);
        total -= q * (logits[row][c] - std::log(sum));
      }
    }
    return total / static_cast<double>(logits.size());
  }

  //! eq. 12: the hardest of each anchor and the mean over anchors; mining "all": the sum over all triplets.
  double triplet(const Rows& features, int scale, std::int64_t part) const {
    double total = 0, anchors = 0;
    const networks::Triplets drawn = draw(scale, part);
    const auto distance = [&](std::size_t a, std::size_t b) {
      double sum = 0;
      for (std::size_t i = 0; i < features[a].size(); ++i) sum += std::pow(features[a][i] - features[b][i], 2);
      return std::sqrt(sum);
    };
    for (std::size_t anchor = 0; anchor < features.size(); ++anchor) {
      double farthest = -1, nearest = INFINITY;
      for (std::size_t p = 0; p < features.size(); ++p) {
        if (p == anchor || labels_[p] != labels_[anchor]) continue;
        farthest = std::max(farthest, distance(anchor, p));
        for (std::size_t n = 0; n < features.size(); ++n) {
          if (labels_[n] == labels_[anchor]) continue;
          nearest = std::min(nearest, distance(anchor, n));
          if (options_.mining == methods::Mining::kAll)
            total += std::max(0.0, options_.margin + distance(anchor, p) - distance(anchor, n));
        }
      }
      if (options_.mining == methods::Mining::kRandom) continue;
      if (options_.mining == methods::Mining::kAll || farthest < 0 || nearest == INFINITY) continue;
      total += std::max(0.0, options_.margin + farthest - nearest);
      ++anchors;
    }
    for (std::int64_t i = 0; i < drawn.anchor.size(0); ++i, ++anchors) {
      const auto row = [i](const at::Tensor& rows) { return static_cast<std::size_t>(rows[i].item<std::int64_t>()); };
      total += std::max(0.0, options_.margin + distance(row(drawn.anchor), row(drawn.positive)) -
                                 distance(row(drawn.anchor), row(drawn.negative)));
    }
    return anchors > 0 ? total / anchors : total;
  }

  //! None unless mining is "random".
  networks::Triplets draw(int scale, std::int64_t part) const {
    const at::Tensor none = at::empty({0}, at::kLong);
    if (options_.mining != methods::Mining::kRandom) return {none, none, none};
    core::RandomStream stream("mining", {batch_->seed, batch_->step, static_cast<std::uint64_t>(batch_->lane),
                                         static_cast<std::uint64_t>(std::int64_t{4} * scale + part)});
    return networks::sample_triplets(at::tensor(labels_, at::kLong), stream);
  }

  experiments::MsiflaOptions options_;
  double smoothing_;
  std::map<std::string, double> terms_;
  std::vector<std::int64_t> labels_;
  const methods::LaneBatch* batch_ = nullptr;
};

}  // namespace resolute::workers::worker_tests
