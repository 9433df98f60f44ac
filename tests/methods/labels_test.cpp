//! What rows without a label (LaneBatch::has_label, train.labelled_fraction) do to a step: they have no part in the
//! losses of identities, and few labels or none make no number that is not finite.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "methods/baseline/networks/baseline.h"
#include "methods/msifla/networks/msifla.h"
#include "methods/resolution_adaptive/networks/resolution_adaptive.h"
#include "tests/methods/small_training.h"
#include "tests/methods/whole_training.h"
#include "tests/support/any_word.h"
#include "tests/support/slice.h"
#include "workers/training/make_method.h"

namespace resolute::workers::labels_test {
namespace {

using experiments::BaselineOptions;
using experiments::CadnetOptions;
using experiments::FtwaOptions;
using experiments::MethodOptions;
using experiments::MsiflaOptions;
using experiments::RainOptions;
using experiments::ResolutionAdaptiveOptions;
using worker_tests::made_up_batch;
using worker_tests::small_specification;

constexpr std::int64_t kRows = 8;  // of 4 identities

std::vector<MethodOptions> every_kind() {
  return {
      BaselineOptions{},
      BaselineOptions{.mining = methods::Mining::kBatchHard},
      RainOptions{},
      RainOptions{.mining = methods::Mining::kBatchHard, .supervision = methods::Supervision::kHrOnlyLabels},
      RainOptions{.adversary = methods::NoAdversary(), .reconstruction = false, .mining = methods::Mining::kBatchHard},
      BaselineOptions{.images = methods::BaselineImages::kStored, .mining = methods::Mining::kAll},
      CadnetOptions{},
      CadnetOptions{.features = methods::JointFeature::kG,
                    .feature_adversary = false,
                    .image_adversary = false,
                    .mining = methods::Mining::kBatchHard},
      FtwaOptions{},
      FtwaOptions{{}, methods::FtwaForm::kStreams},
      MsiflaOptions{.scales = {2, 1}, .ir_width = 4},
      MsiflaOptions{
          .scales = {2, 1}, .reid_networks = methods::ReidNetworks::kShared, .reid_into_ir = false, .ir_width = 4},
      ResolutionAdaptiveOptions{.widths = {4, 4, 4, 4}, .masks = methods::Masks::kJoint, .verification_width = 8},
      ResolutionAdaptiveOptions{
          .widths = {4, 4, 4, 4}, .varying_length = false, .stage_steps = 1, .verification_width = 8}};
}

//! Runs `check` for every kind of method of the slice, both ways of batch norm, with a neck.
void for_every_kind(const std::function<void(methods::Method&)>& check) {
  for (const MethodOptions& options : tests::slice("methods without labels", every_kind(), 6))
    for (const char* streams : {"joint", "separate"}) {
      auto specification = small_specification(options);
      specification.network.neck = true;
      specification.network.bn_streams = tests::AnyWord(streams);
      SCOPED_TRACE(fmt::format(
          "{} {}", streams,
          std::visit([](const auto& o) { return settings::canonical(methods::section_of(o)).text(); }, options)));
      check(*make_method(specification, 4));
    }
}

at::Tensor mask(const std::vector<std::int64_t>& rows) {
  at::Tensor found = at::zeros({kRows}, at::kBool);
  for (std::int64_t row : rows) found[row] = true;
  return found;
}

methods::LaneBatch batch_with(const at::Tensor& has_label, const at::Tensor& has_hr) {
  methods::LaneBatch batch = made_up_batch(4, 2, 16, 16);
  batch.has_hr = has_hr;
  batch.has_label = has_label;
  if (has_label.defined()) batch.labels.index_put_({has_label.logical_not()}, -1);
  return batch;
}

struct Step {
  std::map<std::string, at::Tensor> terms, gradients;
};

Step step_of(methods::Method& method, const methods::LaneBatch& batch) {
  Step step;
  const methods::Activations activations = method.forward(batch);
  for (std::size_t phase = 0; phase < method.phases().size(); ++phase) {
    at::Tensor total = at::zeros({});
    for (const methods::LossTerm& term : method.losses(phase, activations, batch)) {
      EXPECT_TRUE(term.value.requires_grad()) << term.name;
      step.terms[term.name] = term.value.detach();
      total = total + term.value;
    }
    method.module().zero_grad();
    total.backward({}, /*retain_graph=*/true);
    for (const methods::ParameterGroup& group : method.parameter_groups())
      if (method.phases()[phase].updates(group.name))
        for (const auto& [name, parameter] : group.parameters)
          if (const at::Tensor& gradient = parameter.grad(); gradient.defined()) {
            at::Tensor& sum = step.gradients[name];  // a group may belong to several phases
            sum = sum.defined() ? sum + gradient : gradient.clone();
          }
  }
  return step;
}

bool is_classifiers(const std::string& name) { return name.find("classifier") != std::string::npos; }

TEST(Labels, few_or_none_give_finite_terms_gradients_and_statistics) {
  const std::vector<std::vector<std::int64_t>> some_rows = {{}, {5}, {0, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7}};
  for (const auto& labelled : some_rows)
    for (const auto& with_hr : some_rows)
      for_every_kind([&](methods::Method& method) {
        const Step step = step_of(method, batch_with(mask(labelled), mask(with_hr)));
        for (const auto& [name, value] : step.terms) EXPECT_TRUE(std::isfinite(value.item<double>())) << name;
        for (const auto& [name, value] : step.gradients) EXPECT_TRUE(at::isfinite(value).all().item<bool>()) << name;
        for (const auto& item : method.module().named_buffers())
          EXPECT_TRUE(at::isfinite(item.value()).all().item<bool>()) << item.key();
      });
}

TEST(Labels, without_any_the_losses_of_identities_are_exactly_zero_and_teach_nothing) {
  for_every_kind([](methods::Method& method) {
    std::map<std::string, at::Tensor> before;
    for (const auto& item : method.module().named_buffers()) before[item.key()] = item.value().clone();
    const Step step = step_of(method, batch_with(mask({}), at::ones({kRows}, at::kBool)));
    std::size_t of_identities = 0;
    for (const auto& [name, value] : step.terms)
      if (name.starts_with("classification") || name.starts_with("triplet") || name == "verification") {
        ++of_identities;
        EXPECT_EQ(value.item<double>(), 0.0) << name;
      }
    EXPECT_GE(of_identities, 2U);
    for (const auto& [name, gradient] : step.gradients)
      if (is_classifiers(name)) {
        EXPECT_EQ(gradient.count_nonzero().item<std::int64_t>(), 0) << name;
      }
    for (const auto& item : method.module().named_buffers())
      if (is_classifiers(item.key())) {
        EXPECT_TRUE(at::equal(item.value(), before.at(item.key()))) << item.key();
      }
  });
}

TEST(Labels, said_of_every_row_change_no_bit) {
  for_every_kind([](methods::Method& method) {
    const std::string hash = worker_tests::state_hash(method.module());
    const Step silent = step_of(method, batch_with({}, at::ones({kRows}, at::kBool)));
    const Step all_labelled = step_of(method, batch_with(at::ones({kRows}, at::kBool), at::ones({kRows}, at::kBool)));
    EXPECT_NE(worker_tests::state_hash(method.module()), hash);  // running statistics moved: outputs do not read them
    for (const auto& [name, value] : silent.terms) EXPECT_TRUE(at::equal(value, all_labelled.terms.at(name))) << name;
    EXPECT_EQ(silent.gradients.size(), all_labelled.gradients.size());
    for (const auto& [name, value] : silent.gradients)
      EXPECT_TRUE(at::equal(value, all_labelled.gradients.at(name))) << name;
  });
}

TEST(Labels, an_unlabelled_image_reaches_no_loss_of_methods_of_identities_alone_and_the_first_layer_of_others) {
  const at::Tensor labelled = mask({0, 1, 2, 3, 5});
  auto with_other_image = [&](methods::LaneBatch batch) {
    for (at::Tensor images : {batch.hr, batch.lr}) images[4].mul_(-1);
    return batch;
  };
  const methods::LaneBatch batch = batch_with(labelled, at::ones({kRows}, at::kBool));
  const methods::LaneBatch other = with_other_image(batch_with(labelled, at::ones({kRows}, at::kBool)));
  for_every_kind([&](methods::Method& method) {
    const Step step = step_of(method, batch), changed = step_of(method, other);
    const bool identities_alone = dynamic_cast<const methods::Baseline*>(&method) != nullptr ||
                                  dynamic_cast<const methods::ResolutionAdaptive*>(&method) != nullptr;
    const bool cascade = dynamic_cast<const methods::Msifla*>(&method) != nullptr;
    const std::string first = cascade ? "ir_1.part_a_1.weight" : "trunk.conv1.weight";
    EXPECT_EQ(at::equal(step.gradients.at(first), changed.gradients.at(first)), identities_alone);
  });
}

// What stays in a step without a label: all that one group of a method holds, with its optimiser.
std::set<std::string> moved_without_labels(const MethodOptions& options, bool rests) {
  auto specification = small_specification(options);
  specification.recipe.rests_without_loss = rests;
  const auto method = make_method(specification, 4);
  worker_tests::MadeSource source({kRows, kRows}, [](std::uint64_t step, int) {
    return batch_with(at::full({kRows}, step == 0, at::kBool), mask({0, 2, 3, 4, 6}));
  });
  ProgressPipe silent(-1);
  std::vector<networks::NamedTensors> states;
  for (const int steps : {1, 2}) {
    TrainerOptions trainer{.recipe = specification.recipe, .lanes = 2};
    trainer.recipe.steps = steps;
    const auto fresh = make_method(specification, 4);
    Trainer training({.method = *fresh, .source = source, .progress = silent}, trainer);
    training.run();
    networks::NamedTensors& state = states.emplace_back();
    for (const auto& [name, tensor] : training.snapshot().tensors) state.emplace(name, tensor.detach().clone());
  }
  std::set<std::string> moved;
  for (const methods::ParameterGroup& group : method->parameter_groups())
    for (const auto& [name, parameter] : group.parameters)
      for (const std::string& tensor :
           {"model." + name, "optimiser." + group.name + "." + name + ".moment1",
            "optimiser." + group.name + "." + name + ".moment2", "optimiser." + group.name + ".steps"})
        if (!at::equal(states[0].at(tensor), states[1].at(tensor))) moved.insert(group.name);
  return moved;
}

TEST(Labels, parameters_that_no_loss_asks_for_in_a_step_move_only_where_they_do_not_rest) {
  using Moved = std::set<std::string>;
  const std::vector<std::pair<MethodOptions, Moved>> cases{
      {BaselineOptions{}, {}},
      {BaselineOptions{.images = methods::BaselineImages::kStored, .mining = methods::Mining::kAll}, {}},
      {RainOptions{.adversary = methods::NoAdversary(), .reconstruction = false}, {}},
      {RainOptions{}, {"networks", "discriminators"}},
      {CadnetOptions{}, {"networks", "discriminators"}},
      {CadnetOptions{.reconstruction = false, .feature_adversary = false, .image_adversary = false}, {}},
      {FtwaOptions{{}, methods::FtwaForm::kStreams}, {}},
      {MsiflaOptions{.scales = {2, 1}, .ir_width = 4}, {"ir"}},
      {ResolutionAdaptiveOptions{.widths = {4, 4, 4, 4}, .masks = methods::Masks::kOff, .verification_width = 8}, {}}};
  for (const auto& [options, moved] : cases) {
    SCOPED_TRACE(methods::method_name(options));
    EXPECT_EQ(moved, moved_without_labels(options, true));
    EXPECT_EQ(methods::row(options).needs.labels, moved_without_labels(options, false) != moved);
  }
}

}  // namespace
}  // namespace resolute::workers::labels_test
