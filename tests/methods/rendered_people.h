#pragma once
//! \file
//! Rendered people (datasets/stand_ins/synthetic.h) in memory, with LR copies at several rates: for tests of methods on
//! images whose identities and resolutions mean something, without a pack.

#include <cstdint>
#include <span>
#include <vector>

#include "core/random/random.h"
#include "datasets/image/low_resolution.h"
#include "datasets/loader/normalisation.h"
#include "datasets/stand_ins/synthetic.h"
#include "methods/networks/method.h"
#include "networks/torch.h"
#include "results/scores/ranking.h"
#include "tests/results/reference_gemm.h"

namespace resolute::workers::worker_tests {

//! Which people are rendered, and how.
struct RenderedSettings {
  int first = 0, identities = 0;  //!< identities first to first + identities - 1
  int images = 4;  //!< of each identity, half of them (rounded up) from camera 0, the others from camera 1
  int height = 64, width = 32;
  std::vector<int> rates = {2, 3, 4};
  std::uint64_t seed = 0;
};

//! N = identities × images, grouped by identity.
struct RenderedPeople {
  int identities = 0, images = 0;
  std::vector<int> rates;
  at::Tensor hr;               //!< N×3×H×W normalised, channels-last
  std::vector<at::Tensor> lr;  //!< the same of the copies at each rate, enlarged again
  at::Tensor labels;           //!< N int64, 0 to identities - 1
};

inline at::Tensor normalised_image(const datasets::Image& image) {
  at::Tensor tensor = at::empty({3, image.height, image.width});
  float* to = tensor.mutable_data_ptr<float>();
  for (std::size_t channel = 0; channel < 3; ++channel)
    for (std::size_t at = channel; at < image.pixels.size(); at += 3)
      *to++ = datasets::normalised_level(image.pixels[at], channel);
  return tensor;
}

inline RenderedPeople rendered_people(const RenderedSettings& settings) {
  constexpr datasets::Kernel kKernel = datasets::Kernel::kTriangle;
  const datasets::SyntheticSettings drawn{.height = settings.height, .width = settings.width, .seed = settings.seed};
  std::vector<at::Tensor> hr;
  std::vector<std::vector<at::Tensor>> lr(settings.rates.size());
  std::vector<std::int64_t> labels;
  for (int identity = 0; identity < settings.identities; ++identity)
    for (int image = 0; image < settings.images; ++image) {
      const datasets::Image person = datasets::render_person(drawn, settings.first + identity, image % 2, image / 2);
      hr.push_back(normalised_image(person));
      for (std::size_t rate = 0; rate < settings.rates.size(); ++rate)
        lr[rate].push_back(normalised_image(datasets::enlarge(
            datasets::low_resolution_view(person, settings.rates[rate], kKernel), settings.height, settings.width)));
      labels.push_back(identity);
    }
  const auto stacked = [](const std::vector<at::Tensor>& images) {
    return at::stack(images).contiguous(at::MemoryFormat::ChannelsLast);
  };
  RenderedPeople people{settings.identities,          settings.images, settings.rates, stacked(hr), {},
                        at::tensor(labels, at::kLong)};
  for (const std::vector<at::Tensor>& copies : lr) people.lr.push_back(stacked(copies));
  return people;
}

//! P identities and K images of each, and the rate of each copy, drawn by (seed, step); `copies` at every rate. No
//! augmentation.
inline methods::LaneBatch drawn_batch(const RenderedPeople& people, std::size_t identities, std::size_t images,
                                      std::uint64_t seed, std::uint64_t step) {
  core::RandomStream stream("rendered people", {seed, step});
  std::vector<std::int64_t> rows, rates;
  std::vector<at::Tensor> lr;
  const std::vector<std::size_t> drawn = stream.permutation(static_cast<std::size_t>(people.identities));
  for (std::size_t identity : std::span(drawn).first(identities)) {
    const std::vector<std::size_t> order = stream.permutation(static_cast<std::size_t>(people.images));
    for (std::size_t image : std::span(order).first(images)) {
      rows.push_back(static_cast<std::int64_t>(identity * static_cast<std::size_t>(people.images) + image));
      const std::size_t rate = stream.below(people.lr.size());
      rates.push_back(people.rates[rate]);
      lr.push_back(people.lr[rate][rows.back()]);
    }
  }
  const at::Tensor index = at::tensor(rows, at::kLong);
  methods::LaneBatch batch;
  batch.hr = people.hr.index_select(0, index).contiguous(at::MemoryFormat::ChannelsLast);
  batch.lr = at::stack(lr).contiguous(at::MemoryFormat::ChannelsLast);
  batch.lr_rates = at::tensor(rates, at::kLong);
  for (const at::Tensor& copies : people.lr)
    batch.copies.push_back(copies.index_select(0, index).contiguous(at::MemoryFormat::ChannelsLast));
  batch.labels = people.labels.index_select(0, index);
  batch.has_hr = at::ones({index.size(0)}, at::kBool);
  batch.seed = seed;
  return batch;
}

//! rank-1 of LR queries at every rate against HR images of the other camera (images of a person alternate between two).
inline double rank1_across_cameras(methods::Method& method, const RenderedPeople& people) {
  std::vector<std::int64_t> identities, cameras;
  for (std::int64_t row = 0; row < people.hr.size(0); ++row) {
    identities.push_back(1 + row / people.images);  // 0 is nobody
    cameras.push_back(row % people.images % 2);
  }
  std::vector<std::int64_t> query_identities, query_cameras;
  for (std::size_t rate = 0; rate < people.lr.size(); ++rate) {
    query_identities.insert(query_identities.end(), identities.begin(), identities.end());
    query_cameras.insert(query_cameras.end(), cameras.begin(), cameras.end());
  }
  const auto matrix = [&](const at::Tensor& features) {
    const auto size = static_cast<std::size_t>(features.numel());
    return results::FeatureMatrix{{features.const_data_ptr<float>(), size},
                                  static_cast<std::size_t>(features.size(0)),
                                  static_cast<std::size_t>(features.size(1))};
  };
  const at::Tensor query = method.embed(at::cat(people.lr)).contiguous(),
                   gallery = method.embed(people.hr).contiguous();
  return results::rank_features(matrix(query), {query_identities, query_cameras}, matrix(gallery),
                                {identities, cameras}, {}, results::reference_gemm, {})
      .cmc.front();
}

}  // namespace resolute::workers::worker_tests
