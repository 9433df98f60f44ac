//! Groups of parameters that a row's `freeze` names stand still in trainings by the trainer, with the running
//! statistics among them, and everything else learns on.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "networks/nn/batch_norm.h"
#include "tests/methods/small_training.h"
#include "tests/methods/whole_training.h"
#include "workers/training/checkpoint.h"

namespace resolute::workers::frozen_groups_test {
namespace {

using experiments::MethodOptions;
using Tensors = std::map<std::string, at::Tensor>;

const std::vector<MethodOptions> kWithGroups{
    experiments::RainOptions{},
    experiments::RainOptions{.adversary = methods::Adversary{.updates = methods::Updates::kSimultaneous}},
    experiments::CadnetOptions{},
    experiments::MsiflaOptions{.scales = {2, 1}, .ir_width = 4},
    experiments::MsiflaOptions{.scales = {2, 1}, .reid_into_ir = false, .ir_width = 4},
    experiments::ResolutionAdaptiveOptions{.widths = {16, 8, 8, 16}, .masks = methods::Masks::kJoint},
    experiments::ResolutionAdaptiveOptions{.widths = {16, 8, 8, 16}, .stage_steps = 1}};

std::string known_as(const methods::ParameterGroup& group) { return group.kind.empty() ? group.name : group.kind; }

experiments::TrainingSpecification specification_of(const MethodOptions& options, const std::string& frozen) {
  auto specification = worker_tests::small_specification(options);
  specification.network.neck = true;
  specification.recipe.frozen = frozen;
  return specification;
}

Tensors copy_of(methods::Method& method) {
  networks::NamedTensors live;
  list_module(method.module(), "", live);
  Tensors kept;
  for (const auto& [name, tensor] : live) kept[name] = tensor.detach().clone();
  return kept;
}

//! Names of a group's parameters and of the running statistics beside its batch norms' weights.
std::set<std::string> tensors_of(methods::Method& method, const std::string& group) {
  std::set<std::string> names;
  for (const methods::ParameterGroup& one : method.parameter_groups())
    if (known_as(one) == group)
      for (const auto& [name, parameter] : one.parameters) names.insert(name);
  for (const auto& item : method.module().named_modules())
    if (item.value()->as<networks::BatchNorm>() != nullptr && names.contains(item.key() + ".weight")) {
      names.insert(item.key() + ".running_mean");
      names.insert(item.key() + ".running_var");
    }
  return names;
}

void train(methods::Method& method, settings::Recipe recipe) {
  const auto make = [](std::uint64_t step, int lane) {
    return worker_tests::made_up_batch(4, 3, 32, 16, 2 * step + static_cast<std::uint64_t>(lane));
  };
  recipe.steps = 8;
  worker_tests::train_whole(method, {{12, 12}, make}, {.recipe = recipe, .lanes = 2});
}

TEST(FrozenGroups, rows_name_the_groups_that_optimisers_know) {
  for (const MethodOptions& options : kWithGroups) {
    std::vector<std::string> found, named;
    for (const methods::ParameterGroup& group : make_method(specification_of(options, ""), 4)->parameter_groups())
      if (found.empty() || found.back() != known_as(group)) found.push_back(known_as(group));
    for (const methods::Group& group : methods::row(options).groups) named.push_back(group.name);
    EXPECT_EQ(named, found) << methods::method_name(options);
  }
}

TEST(FrozenGroups, a_frozen_group_and_its_statistics_stand_still_and_the_others_learn) {
  for (const MethodOptions& options : kWithGroups)
    for (const methods::Group& group : methods::row(options).groups) {
      const auto* adaptive = std::get_if<experiments::ResolutionAdaptiveOptions>(&options);
      if (adaptive != nullptr && adaptive->masks == methods::Masks::kProgressive && group.name == "networks") continue;
      SCOPED_TRACE(methods::method_name(options) + " " + group.name);
      const auto specification = specification_of(options, group.name);
      const std::set<std::string> still = tensors_of(*make_method(specification_of(options, ""), 4), group.name);
      ASSERT_FALSE(still.empty());
      const auto method = make_method(specification, 4);
      const Tensors before = copy_of(*method);
      train(*method, specification.recipe);
      const Tensors after = copy_of(*method);
      int moved = 0;
      for (const auto& [name, tensor] : before) {
        const bool same = at::equal(tensor, after.at(name));
        if (still.contains(name)) EXPECT_TRUE(same) << name;
        moved += same ? 0 : 1;
      }
      EXPECT_GT(moved, 0);
      for (const methods::ParameterGroup& one : method->parameter_groups())
        EXPECT_EQ(known_as(one) == group.name, one.parameters.empty()) << one.name;
    }
}

TEST(FrozenGroups, a_training_in_which_nothing_learns_is_refused) {
  auto specification = specification_of(
      experiments::ResolutionAdaptiveOptions{.masks = methods::Masks::kJoint, .classification = false}, "masks");
  specification.network.frozen_levels = settings::kTrunkLevels;
  EXPECT_NO_THROW(make_method(specification, 4)) << "the verification's own layers";
  specification.recipe.frozen = "masks,networks";
  EXPECT_THROW(make_method(specification, 4), core::RuntimeError);
}

}  // namespace
}  // namespace resolute::workers::frozen_groups_test
