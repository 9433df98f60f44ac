#include "workers/training/make_method.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <variant>

#include "core/error.h"
#include "core/overloaded.h"
#include "methods/baseline/networks/baseline.h"
#include "methods/cadnet/networks/cadnet.h"
#include "methods/ftwa/networks/ftwa.h"
#include "methods/msifla/networks/msifla.h"
#include "methods/rain/networks/rain.h"
#include "methods/resolution_adaptive/networks/resolution_adaptive.h"
#include "methods/rules.h"
#include "methods/vpfa/networks/vpfa.h"
#include "networks/nn/batch_norm.h"
#include "settings/names.h"

namespace resolute::workers {
namespace {

//! Makes a Made of its options.
template <class Made>
auto maker(const experiments::TrainingSpecification& s, int classes) {
  return [&s, classes](const typename Made::Options& options) -> std::unique_ptr<methods::Method> {
    return std::make_unique<Made>(options, s.network, s.recipe, classes, s.seed);
  };
}

//! Recipe::frozen: the groups' parameters learn no more, and batch norms among them keep their statistics.
void freeze(methods::Method& method, const std::vector<std::string>& frozen) {
  if (frozen.empty()) return;
  for (const methods::ParameterGroup& group : method.parameter_groups()) {
    if (!settings::is_among(frozen, group.kind.empty() ? group.name : group.kind)) continue;
    for (const auto& [name, parameter] : group.parameters) at::Tensor(parameter).requires_grad_(false);
  }
  for (const auto& module : method.module().modules())
    if (auto* norm = module->as<networks::BatchNorm>(); norm != nullptr && !norm->weight.requires_grad())
      norm->freeze();
  if (std::ranges::all_of(method.parameter_groups(), [](const auto& group) { return group.parameters.empty(); }))
    throw core::input_error("nothing is left that learns",
                            fmt::format("the trunk and '{}' are frozen", fmt::join(frozen, "', '")));
}

}  // namespace

std::unique_ptr<methods::Method> make_method(const experiments::TrainingSpecification& specification, int classes) {
  if (classes < 2)
    throw core::input_error(fmt::format("the training split has {} identities", classes),
                            "classification and triplets need at least 2");
  const auto& s = specification;
  std::unique_ptr<methods::Method> method =
      std::visit(core::Overloaded{maker<methods::Baseline>(s, classes), maker<methods::Cadnet>(s, classes),
                                  maker<methods::Ftwa>(s, classes), maker<methods::Msifla>(s, classes),
                                  maker<methods::Rain>(s, classes), maker<methods::ResolutionAdaptive>(s, classes),
                                  maker<methods::Vpfa>(s, classes)},
                 s.method);
  freeze(*method, methods::frozen_groups(s.recipe));
  return method;
}

}  // namespace resolute::workers
