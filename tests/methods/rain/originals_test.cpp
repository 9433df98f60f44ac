//! HR originals of LR images (LaneBatch::has_target): what aims at them and that nothing sees them; and LR streams
//! without the copies of the HR stream (rain.pairing).
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/methods/small_training.h"
#include "tests/methods/whole_training.h"
#include "workers/training/make_method.h"

namespace resolute::workers::originals_test {
namespace {

using experiments::RainOptions;

constexpr std::int64_t kRows = 8;

//! Rows 1, 3, 4 and 7 stand as LR images alone.
methods::LaneBatch some_low(std::uint64_t step, int lane) {
  methods::LaneBatch batch = worker_tests::made_up_batch(4, 2, 32, 16, 2 * step + static_cast<std::uint64_t>(lane));
  for (const std::int64_t row : {1, 3, 4, 7}) batch.has_hr[row] = false;
  return batch;
}

methods::LaneBatch without_originals(std::uint64_t step, int lane) {
  methods::LaneBatch batch = some_low(step, lane);
  worker_tests::drop_hr_images(batch, batch.has_hr);
  return batch;
}

methods::LaneBatch with_originals(std::uint64_t step, int lane) {
  methods::LaneBatch batch = some_low(step, lane);
  batch.has_target = at::ones({kRows}, at::kBool);
  return batch;
}

//! Names of tensors of the state after five steps that differ between trainings on two sources.
std::set<std::string> differing(const RainOptions& options, const worker_tests::MadeSource::Make& one,
                                const worker_tests::MadeSource::Make& other) {
  std::vector<networks::NamedTensors> states;
  for (const auto& make : {one, other}) {
    auto specification = worker_tests::small_specification(options);
    specification.network.neck = true;
    specification.recipe.steps = 5;
    const auto method = make_method(specification, 4);
    worker_tests::MadeSource source({kRows, kRows}, make);
    ProgressPipe silent(-1);
    Trainer trainer({.method = *method, .source = source, .progress = silent},
                    {.recipe = specification.recipe, .lanes = 2});
    trainer.run();
    networks::NamedTensors& state = states.emplace_back();
    for (const auto& [name, tensor] : trainer.snapshot().tensors) state.emplace(name, tensor.detach().clone());
  }
  std::set<std::string> names;
  for (const auto& [name, tensor] : states[0])
    if (!at::equal(tensor, states[1].at(name))) names.insert(name);
  return names;
}

double reconstruction(methods::Method& method, const methods::LaneBatch& batch) {
  const methods::Activations activations = method.forward(batch);
  for (const methods::LossTerm& term : method.losses(method.phases().size() - 1, activations, batch))
    if (term.name == "reconstruction") return term.value.item<double>();
  return -1;
}

TEST(Originals, are_aimed_at_and_never_seen) {
  EXPECT_EQ(differing({.reconstruction = false}, without_originals, with_originals), std::set<std::string>{});
  // Without a gradient of L_rec nothing but the decoder's own batch norms tells that more rows pass it.
  for (const std::string& name : differing({.reconstruction_weight = 0}, without_originals, with_originals))
    EXPECT_TRUE(name.starts_with("model.decoder")) << name;
  EXPECT_GT(differing({}, without_originals, with_originals).size(), 40U);
}

TEST(Originals, of_each_lr_row_count) {
  const auto method = make_method(worker_tests::small_specification(RainOptions{}), 4);
  const methods::LaneBatch batch = with_originals(0, 0);
  const double before = reconstruction(*method, batch);
  for (const std::int64_t row : {1, 4}) {
    methods::LaneBatch other = with_originals(0, 0);
    other.hr[row].add_(1);
    EXPECT_NE(before, reconstruction(*method, other)) << row;
  }
}

TEST(Originals, a_shuffled_lr_stream_has_no_copy_of_an_hr_image) {
  const auto other_copies = [](std::uint64_t step, int lane) {
    methods::LaneBatch batch = with_originals(step, lane);
    batch.lr.index_put_({batch.has_hr}, 7.0);
    return batch;
  };
  const RainOptions shuffled{.pairing = methods::Pairing::kShuffled};
  EXPECT_EQ(differing(shuffled, with_originals, other_copies), std::set<std::string>{});
  EXPECT_GT(differing({}, with_originals, other_copies).size(), 40U);
  const auto other_lr = [](std::uint64_t step, int lane) {
    methods::LaneBatch batch = with_originals(step, lane);
    batch.lr.index_put_({batch.has_hr.logical_not()}, 7.0);
    return batch;
  };
  EXPECT_GT(differing(shuffled, with_originals, other_lr).size(), 40U);
  // And its labels are its own.
  const auto other_labels = [](std::uint64_t step, int lane) {
    methods::LaneBatch batch = with_originals(step, lane);
    batch.labels[1] = 3;
    return batch;
  };
  EXPECT_GT(differing(shuffled, with_originals, other_labels).size(), 40U);
}

TEST(Originals, lanes_of_one_kind_of_rows_alone_have_finite_losses) {
  for (const auto pairing : {methods::Pairing::kAligned, methods::Pairing::kShuffled})
    for (const bool low : {false, true}) {
      const auto method = make_method(worker_tests::small_specification(RainOptions{.pairing = pairing}), 4);
      methods::LaneBatch batch = with_originals(0, 0);
      batch.has_hr.fill_(!low);
      const methods::Activations activations = method->forward(batch);
      for (std::size_t phase = 0; phase < method->phases().size(); ++phase)
        for (const methods::LossTerm& term : method->losses(phase, activations, batch))
          EXPECT_TRUE(std::isfinite(term.value.item<double>())) << term.name << low;
    }
}

}  // namespace
}  // namespace resolute::workers::originals_test
