#include <variant>

#include "core/error.h"
#include "core/overloaded.h"
#include "methods/baseline/baseline.h"
#include "methods/ftwa/ftwa.h"
#include "methods/msifla/msifla.h"
#include "methods/rain/rain.h"
#include "methods/resolution_adaptive/resolution_adaptive.h"

namespace resolute::workers {

std::unique_ptr<Method> make_method(const experiments::TrainingSpecification& specification, int classes) {
  if (classes < 2)
    throw core::input_error(fmt::format("the training split has {} identities", classes),
                            "classification and triplets need at least 2");
  const auto& s = specification;
  return std::visit(
      core::Overloaded{[&](const experiments::BaselineOptions& options) -> std::unique_ptr<Method> {
                         return std::make_unique<Baseline>(options, s.network, s.recipe, classes, s.seed);
                       },
                       [&](const experiments::RainOptions& options) -> std::unique_ptr<Method> {
                         return std::make_unique<Rain>(options, s.network, s.recipe, classes, s.seed);
                       },
                       [&](const experiments::FtwaOptions& options) -> std::unique_ptr<Method> {
                         return std::make_unique<Ftwa>(options, s.network, s.recipe, classes, s.seed);
                       },
                       [&](const experiments::MsiflaOptions& options) -> std::unique_ptr<Method> {
                         return std::make_unique<Msifla>(options, s.network, s.recipe, classes, s.seed);
                       },
                       [&](const experiments::ResolutionAdaptiveOptions& options) -> std::unique_ptr<Method> {
                         return std::make_unique<ResolutionAdaptive>(options, s.network, s.recipe, classes, s.seed);
                       }},
      specification.method);
}

}  // namespace resolute::workers
