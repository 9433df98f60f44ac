#pragma once
//! \file
//! FTWA's loss terms by loops over rows in double, from its networks' outputs.

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "methods/ftwa/networks/networks.h"
#include "methods/networks/identity_terms.h"
#include "networks/nn/backbone.h"
#include "tests/methods/ftwa/ftwa_examples.h"

namespace resolute::workers::worker_tests {

class FtwaByHand {
 public:
  //! Runs the method's networks on the batch, in the mode in which they are; running statistics move.
  FtwaByHand(methods::Method& method, const experiments::FtwaOptions& options,
             const experiments::NetworkSettings& network, const methods::LaneBatch& batch)
      : options_(options) {
    const at::NoGradGuard no_grad;
    run_networks(method, network, batch);
  }

  double term(const std::string& name) const {
    if (name == "classification") return options_.classification_weight * classification();
    if (name == "triplet") return options_.triplet_weight * triplet();
    if (name == "weight_balance") return options_.weight_balance * balance();
    return options_.transformation_weight * transformation_;
  }

 private:
  //! What one image is to one stream: v, f, w.
  struct Member {
    std::vector<double> vector, logits;
    double weight = 1;
  };
  //! A labelled image as the batch has it, and what is made of it: an HR image and its LR copy, or an LR image and its
  //! transformed features.
  struct Image {
    std::int64_t label = 0;
    Member given;
    std::optional<Member> made;
  };
  //! A vector of one side with its image's place there.
  struct Anchor {
    std::int64_t label = 0;
    const std::vector<double>* vector = nullptr;
    bool is_hr = false;  //!< the image is
    std::size_t image = 0;
  };

  void run_networks(methods::Method& method, const experiments::NetworkSettings& network,
                    const methods::LaneBatch& batch) {
    const auto& trunk = descendant<networks::Backbone>(method, "trunk");
    const auto& lr_encoder = descendant<networks::ShallowTrunk>(method, "lr_encoder");
    std::vector<std::int64_t> hr_rows, lr_rows;
    for (std::int64_t row = 0; row < batch.labels.size(0); ++row)
      (batch.has_hr[row].item<bool>() ? hr_rows : lr_rows).push_back(row);
    const auto taken = [](const at::Tensor& tensor, const std::vector<std::int64_t>& rows) {
      return tensor.index_select(0, at::tensor(rows, at::kLong)).contiguous(at::MemoryFormat::ChannelsLast);
    };
    const at::Tensor high = trunk.forward_shallow(taken(batch.hr, hr_rows))[1];
    const at::Tensor low = lr_encoder.forward_shallow(at::cat({taken(batch.lr, hr_rows), taken(batch.lr, lr_rows)}))[1];
    const auto hr_count = static_cast<std::int64_t>(hr_rows.size());
    at::Tensor f_hr, f_low;
    if (network.bn_streams == settings::BatchNormStreams::kSeparate) {
      f_hr = trunk.forward_deep(high).back();
      f_low = trunk.forward_deep(low).back();
    } else {
      const at::Tensor all = trunk.forward_deep(at::cat({high, low})).back();
      f_hr = all.slice(0, 0, hr_count);
      f_low = all.slice(0, hr_count);
    }
    at::Tensor f_transformed;
    if (options_.transforms()) {
      const auto& transformation = descendant<methods::FeatureTransformation>(method, "transformation");
      transformation_ = (f_hr - transformation.forward(f_low.slice(0, 0, hr_count))).abs().mean().item<double>();
      if (options_.transformed_losses()) f_transformed = transformation.forward(f_low.slice(0, hr_count));
    }
    collect(method, batch, {hr_rows, lr_rows},
            {f_hr, f_low.slice(0, 0, hr_count), f_low.slice(0, hr_count), f_transformed});
  }

  //! \param maps F_HR, F'_LR, F_LR, F'_HR
  void collect(methods::Method& method, const methods::LaneBatch& batch,
               const std::array<std::vector<std::int64_t>, 2>& rows, const std::array<at::Tensor, 4>& maps) {
    std::array<std::vector<std::int64_t>, 2> labelled;
    for (std::size_t kind = 0; kind < 2; ++kind)
      for (std::size_t i = 0; i < rows[kind].size(); ++i)
        if (!batch.has_label.defined() || batch.has_label[rows[kind][i]].item<bool>())
          labelled[kind].push_back(static_cast<std::int64_t>(i));
    const auto vectors = [&](std::size_t stream) {
      if (!maps[stream].defined()) return at::Tensor();
      return maps[stream].mean(at::IntArrayRef{2, 3}).index_select(0, at::tensor(labelled[stream / 2], at::kLong));
    };
    const std::array<at::Tensor, 4> v{vectors(0), vectors(1), vectors(2), vectors(3)};
    const auto both = [&](const char* which, std::size_t first, std::size_t second) {
      const at::Tensor all = v[second].defined() ? at::cat({v[first], v[second]}) : v[first];
      const std::int64_t count = v[first].size(0);
      const std::string side = which;
      const at::Tensor f = descendant<methods::IdentityClassifier>(method, "classifier_" + side).forward(all);
      const at::Tensor w = options_.weighs()
                               ? descendant<methods::QualityEvaluator>(method, "weight_" + side).forward(all)
                               : at::ones({all.size(0)});
      const auto scaled = [&](const at::Tensor& kind) {
        const bool divided = options_.weight_normalisation == methods::WeightNormalisation::kRunningMean;
        return divided && kind.size(0) > 0 ? kind / kind.mean() : kind;
      };
      return std::array<at::Tensor, 4>{f.slice(0, 0, count), f.slice(0, count), scaled(w.slice(0, 0, count)),
                                       scaled(w.slice(0, count))};
    };
    const auto high = both("hr", 0, 3), low = both("lr", 2, 1);
    for (std::size_t kind = 0; kind < 2; ++kind)
      for (std::size_t i = 0; i < labelled[kind].size(); ++i) {
        const auto at = static_cast<std::int64_t>(i);
        const auto& given = kind == 0 ? high : low;
        const auto& other = kind == 0 ? low : high;
        Image image;
        const auto row = rows[kind][static_cast<std::size_t>(labelled[kind][i])];
        image.label = batch.labels[row].item<std::int64_t>();
        image.given = {tests::doubles(v[2 * kind][at]), tests::doubles(given[0][at]), given[2][at].item<double>()};
        const at::Tensor& made = v[2 * kind + 1];
        if (made.defined())
          image.made = {tests::doubles(made[at]), tests::doubles(other[1][at]), other[3][at].item<double>()};
        images_[kind].push_back(std::move(image));
      }
  }

  static double cross_entropy(const Member& member, std::int64_t label) {
    double largest = -INFINITY, sum = 0;
    for (double logit : member.logits) largest = std::max(largest, logit);
    for (double logit : member.logits) sum += std::exp(logit - largest);
    return largest + std::log(sum) - member.logits[static_cast<std::size_t>(label)];
  }

  double mean_weight(std::size_t kind, bool made) const {
    double sum = 0;
    for (const Image& image : images_[kind]) sum += made ? image.made->weight : image.given.weight;
    return images_[kind].empty() ? 1 : sum / static_cast<double>(images_[kind].size());
  }

  double own_share(const Image& image, std::size_t kind) const {
    const bool mean = options_.classification_weighting == methods::Weighting::kBatchMean;
    const double given = mean ? mean_weight(kind, false) : image.given.weight;
    return given / (given + (mean ? mean_weight(kind, true) : image.made->weight));
  }

  double classification() const {
    double total = 0;
    for (std::size_t kind = 0; kind < 2; ++kind)
      for (const Image& image : images_[kind]) {
        const auto count = static_cast<double>(images_[kind].size());
        const double share = image.made ? own_share(image, kind) : 1;
        total += share * cross_entropy(image.given, image.label) / count;
        if (image.made) total += (1 - share) * cross_entropy(*image.made, image.label) / count;
      }
    return total;
  }

  double balance() const {
    double sum = 0;
    for (std::size_t kind = 0; kind < 2; ++kind)
      for (const Image& image : images_[kind]) {
        const double share = own_share(image, kind);
        sum -= 0.5 * std::log(4 * share * (1 - share));
      }
    return sum / static_cast<double>(images_[0].size() + images_[1].size());
  }

  //! v_HR ∪ v'_HR for side 0, v_LR ∪ v'_LR for side 1.
  std::vector<Anchor> anchors(std::size_t side) const {
    std::vector<Anchor> found;
    for (std::size_t i = 0; i < images_[side].size(); ++i)
      found.push_back({images_[side][i].label, &images_[side][i].given.vector, side == 0, i});
    for (std::size_t i = 0; i < images_[1 - side].size(); ++i)
      if (const Image& image = images_[1 - side][i]; image.made)
        found.push_back({image.label, &image.made->vector, side == 1, i});
    return found;
  }

  static double distance(const Anchor& a, const Anchor& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.vector->size(); ++i) sum += std::pow((*a.vector)[i] - (*b.vector)[i], 2);
    return std::sqrt(sum);
  }

  //! Of one anchor; nothing where it is none.
  std::optional<double> anchor_loss(const std::vector<Anchor>& all, std::size_t anchor) const {
    double farthest = -INFINITY, nearest = INFINITY, sum = 0;
    for (std::size_t p = 0; p < all.size(); ++p) {
      const double to = distance(all[anchor], all[p]);
      if (all[p].label != all[anchor].label) nearest = std::min(nearest, to);
      if (p == anchor || all[p].label != all[anchor].label) continue;
      farthest = std::max(farthest, to);
      for (const Anchor& n : all)
        if (n.label != all[anchor].label) sum += std::max(0.0, options_.margin + to - distance(all[anchor], n));
    }
    if (options_.mining == methods::Mining::kAll) return sum;
    if (!std::isfinite(farthest) || !std::isfinite(nearest)) return std::nullopt;
    return std::max(0.0, options_.margin + farthest - nearest);
  }

  //! How often images of the label stand before `end` among the images of a kind.
  std::size_t occurrence(std::size_t kind, std::int64_t label, std::size_t end) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < end; ++i)
      if (images_[kind][i].label == label) ++count;
    return count;
  }

  //! The i-th image of the other kind for the i-th of an identity; nothing where there is none.
  std::optional<std::size_t> partner(std::size_t kind, std::size_t image) const {
    const std::int64_t label = images_[kind][image].label;
    const std::size_t place = occurrence(kind, label, image);
    for (std::size_t i = 0; i < images_[1 - kind].size(); ++i)
      if (images_[1 - kind][i].label == label && occurrence(1 - kind, label, i) == place) return i;
    return std::nullopt;
  }

  double triplet() const {
    double total = 0;
    for (std::size_t side = 0; side < 2; ++side) {
      const std::vector<Anchor> all = anchors(side);
      double sum = 0, count = 0;
      for (std::size_t i = 0; i < all.size(); ++i) {
        double share = 0.5;
        if (options_.weighs() && options_.triplet_weighting == methods::Weighting::kPerSample) {
          const std::size_t kind = all[i].is_hr ? 0 : 1;
          const auto other = partner(kind, all[i].image);
          if (!other) continue;
          const Image& hr = images_[0][kind == 0 ? all[i].image : *other];
          const Image& lr = images_[1][kind == 0 ? *other : all[i].image];
          const double high = hr.given.weight * lr.made->weight, low = lr.given.weight * hr.made->weight;
          share = (side == 0 ? high : low) / (high + low);
        } else if (options_.weighs()) {
          const double high = mean_weight(0, false) * mean_weight(1, true);
          const double low = mean_weight(1, false) * mean_weight(0, true);
          share = (side == 0 ? high : low) / (high + low);
        }
        const auto loss = anchor_loss(all, i);
        if (!loss) continue;
        sum += share * *loss;
        count += 1;
      }
      if (count > 0) total += options_.mining == methods::Mining::kAll ? sum : sum / count;
    }
    return total;
  }

  experiments::FtwaOptions options_;
  std::array<std::vector<Image>, 2> images_;  //!< labelled HR images; labelled LR images
  double transformation_ = 0;
};

}  // namespace resolute::workers::worker_tests
