//! FTWA's parts in training: which of them move with which, and that each learns what it is there for.
#include <gtest/gtest.h>

#include "tests/methods/ftwa/ftwa_examples.h"
#include "tests/methods/rendered_people.h"
#include "tests/methods/whole_training.h"
#include "tests/support/any_word.h"
#include "workers/training/make_method.h"

namespace resolute::workers::ftwa_training_test {
namespace {

using experiments::FtwaOptions;
using worker_tests::mixed_batch;
using worker_tests::SmallTraining;

experiments::TrainingSpecification quick(const FtwaOptions& options, double learning_rate = 2e-3) {
  auto specification = worker_tests::small_specification(options);
  specification.recipe.learning_rate = learning_rate;
  return specification;
}

TEST(FtwaTraining, a_transformation_without_say_leaves_ftwa_b_to_the_bit) {
  for (const char* streams : {"joint", "separate"})
    for (bool neck : {false, true}) {
      const FtwaOptions silent{{.transformation_weight = 0}, methods::FtwaForm::kAside};
      auto with = quick(silent), without = quick(worker_tests::without_transformation());
      for (auto* specification : {&with, &without}) {
        specification->network.bn_streams = tests::AnyWord(streams);
        specification->network.neck = neck;
      }
      const auto of_silent = make_method(with, 4), ftwa_b = make_method(without, 4);
      SmallTraining silent_training(*of_silent), ftwa_b_training(*ftwa_b);
      const std::string before = worker_tests::state_hash(ftwa_b->module());
      for (std::uint64_t step = 0; step < 5; ++step) {
        const methods::LaneBatch batch = mixed_batch(4, 4, 2, step);
        silent_training.step(batch);
        ftwa_b_training.step(batch);
      }
      EXPECT_NE(worker_tests::state_hash(ftwa_b->module()), before);
      const auto parameters = of_silent->module().named_parameters(), buffers = of_silent->module().named_buffers();
      for (const auto& item : ftwa_b->module().named_parameters())
        EXPECT_TRUE(item.value().equal(parameters[item.key()])) << item.key();
      for (const auto& item : ftwa_b->module().named_buffers())
        EXPECT_TRUE(item.value().equal(buffers[item.key()])) << item.key();
    }
}

// An image that is its own copy, E_L as E_H: eq. 2 asks of T to pass on what it is given.
methods::LaneBatch batch_of_own_copies() {
  methods::LaneBatch batch = worker_tests::made_up_batch(4, 2, 32, 16);
  batch.lr = batch.hr;
  return batch;
}

FtwaOptions equation_2_alone() {
  FtwaOptions options = worker_tests::without_weighting();
  options.classification = options.triplet = false;
  return options;
}

double transformation_loss(methods::Method& method, const methods::LaneBatch& batch) {
  return worker_tests::step_of(method, batch).terms.at("transformation").item<double>();
}

TEST(FtwaTraining, the_transformation_between_fixed_encoders_learns_the_identity) {
  constexpr int kSteps = 100;
  constexpr double kRate = 8e-3;
  const auto method = make_method(quick(equation_2_alone()), 4);
  const methods::LaneBatch batch = batch_of_own_copies();
  const double first = transformation_loss(*method, batch);
  EXPECT_GT(first, 0);
  std::vector<at::Tensor> parameters, fixed, before;
  for (const auto& item : method->module().named_parameters()) {
    (item.key().starts_with("transformation.") ? parameters : fixed).push_back(item.value());
    if (!item.key().starts_with("transformation.")) before.push_back(item.value().detach().clone());
  }
  torch::optim::Adam adam(parameters, torch::optim::AdamOptions(kRate));
  for (int step = 0; step < kSteps; ++step) {
    auto& group = static_cast<torch::optim::AdamOptions&>(adam.param_groups()[0].options());
    group.lr(kRate * (kSteps - step) / kSteps);
    worker_tests::step_of(*method, batch);
    adam.step();
  }
  EXPECT_LT(transformation_loss(*method, batch), 0.01 * first);
  for (std::size_t i = 0; i < fixed.size(); ++i) EXPECT_TRUE(fixed[i].equal(before[i]));
}

TEST(FtwaTraining, equation_2_alone_is_learnt_by_all_networks_without_features_of_zeros) {
  auto specification = quick(equation_2_alone(), 8e-3);
  specification.recipe.steps = 150;
  specification.recipe.warmup_steps = 0;
  specification.recipe.schedule = settings::Schedule::kCosine;
  const auto method = make_method(specification, 4);
  const methods::LaneBatch batch = batch_of_own_copies();
  const double first = transformation_loss(*method, batch), norm = method->embed(batch.hr).norm().item<double>();
  EXPECT_GT(first, 0);
  worker_tests::train_whole(*method, {{batch.labels.size(0)}, [&](std::uint64_t, int) { return batch; }},
                            {.recipe = specification.recipe});
  EXPECT_LT(transformation_loss(*method, batch), 0.01 * first);
  EXPECT_GT(method->embed(batch.hr).norm().item<double>(), 0.5 * norm);
}

//! D of results/scores/branched_distance.h for a query and a gallery image, written out.
double distance(const at::Tensor& query, const at::Tensor& high, const at::Tensor& copy, std::int64_t features) {
  double sum = 0, weight = 0;
  for (std::int64_t branch = 0; branch < 2; ++branch) {
    const auto part = [&](const at::Tensor& row) { return row.narrow(0, branch * (features + 1), features + 1); };
    const at::Tensor q = part(query), g = part(branch == 0 ? high : copy);
    const double both = q[features].item<double>() * g[features].item<double>();
    sum += both * (q - g).narrow(0, 0, features).norm().item<double>();
    weight += both;
  }
  return sum / weight;
}

// Camera 0's images of eight rendered people are HR, camera 1's LR at one of the rates; queries are the latter, the
// gallery the former.
struct TwoCameras {
  methods::LaneBatch batch;
  at::Tensor query, gallery, copies, query_labels, gallery_labels;
};

TwoCameras two_cameras() {
  const worker_tests::RenderedPeople people =
      worker_tests::rendered_people({.identities = 8, .height = 48, .width = 24});
  TwoCameras found;
  methods::LaneBatch& batch = found.batch;
  const at::Tensor row = at::arange(people.hr.size(0));
  batch.has_hr = row.remainder(2).eq(0);
  batch.labels = people.labels;
  batch.hr = (people.hr * batch.has_hr.view({-1, 1, 1, 1})).contiguous(at::MemoryFormat::ChannelsLast);
  batch.lr = at::empty_like(people.hr);
  for (std::int64_t i = 0; i < people.hr.size(0); ++i) batch.lr[i] = people.lr[static_cast<std::size_t>(i / 2 % 3)][i];
  const at::Tensor high = batch.has_hr.nonzero().squeeze(1), low = batch.has_hr.logical_not().nonzero().squeeze(1);
  found.query = batch.lr.index_select(0, low);
  found.gallery = batch.hr.index_select(0, high);
  found.copies = people.lr[1].index_select(0, high);  // rate 3
  found.query_labels = batch.labels.index_select(0, low);
  found.gallery_labels = batch.labels.index_select(0, high);
  return found;
}

double rank1(const TwoCameras& images, const at::Tensor& distances) {
  const at::Tensor nearest = images.gallery_labels.index_select(0, distances.argmin(1));
  return nearest.eq(images.query_labels).to(at::kDouble).mean().item<double>();
}

struct Ranks {
  double embedding, weighted;
};

Ranks ranks_by_heart(const FtwaOptions& options, int steps) {
  const TwoCameras images = two_cameras();
  const auto method = make_method(quick(options), 8);
  SmallTraining training(*method);
  for (int step = 0; step < steps; ++step) training.step(images.batch);
  const methods::EmbedderOptions high{.height = 48, .width = 24, .side = methods::Side::kHigh};
  const methods::EmbedderOptions low{.height = 48, .width = 24, .side = methods::Side::kLow};
  const at::Tensor query = method->embedder(low)(images.query), gallery = method->embedder(high)(images.gallery);
  const at::Tensor query_rows = method->branch_embedder(low)(images.query),
                   high_rows = method->branch_embedder(high)(images.gallery),
                   copy_rows = method->branch_embedder(low)(images.copies);
  at::Tensor weighted = at::empty({query.size(0), gallery.size(0)}, at::kDouble);
  for (std::int64_t q = 0; q < query.size(0); ++q)
    for (std::int64_t g = 0; g < gallery.size(0); ++g)
      weighted[q][g] = distance(query_rows[q], high_rows[g], copy_rows[g], method->embedding_size());
  return {rank1(images, at::cdist(query, gallery)), rank1(images, weighted)};
}

TEST(FtwaTraining, eight_people_are_learnt_by_heart_across_resolutions) {
  for (const FtwaOptions& options :
       {FtwaOptions{}, FtwaOptions{{.triplet_weighting = methods::Weighting::kPerSample, .weight_balance = 1}},
        worker_tests::without_weighting()}) {
    const Ranks ranks = ranks_by_heart(options, 20);
    EXPECT_EQ(ranks.embedding, 1.0);
    EXPECT_EQ(ranks.weighted, 1.0);
  }
}

TEST(FtwaTraining, an_untrained_ftwa_does_not_know_them) {
  const Ranks ranks = ranks_by_heart({}, 0);
  EXPECT_LT(ranks.embedding, 0.6);
  EXPECT_LT(ranks.weighted, 0.6);
}

}  // namespace
}  // namespace resolute::workers::ftwa_training_test
