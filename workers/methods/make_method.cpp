#include <variant>

#include "core/error.h"
#include "core/overloaded.h"
#include "methods/baseline/baseline.h"
#include "methods/ftwa/ftwa.h"
#include "methods/msifla/msifla.h"
#include "methods/rain/rain.h"
#include "methods/resolution_adaptive/resolution_adaptive.h"

namespace resolute::workers {
namespace {

//! Makes a Made of its options.
template <class Made>
auto maker(const experiments::TrainingSpecification& s, int classes) {
  return [&s, classes](const typename Made::Options& options) -> std::unique_ptr<Method> {
    return std::make_unique<Made>(options, s.network, s.recipe, classes, s.seed);
  };
}

}  // namespace

std::unique_ptr<Method> make_method(const experiments::TrainingSpecification& specification, int classes) {
  if (classes < 2)
    throw core::input_error(fmt::format("the training split has {} identities", classes),
                            "classification and triplets need at least 2");
  const auto& s = specification;
  return std::visit(core::Overloaded{maker<Baseline>(s, classes), maker<Ftwa>(s, classes), maker<Msifla>(s, classes),
                                     maker<Rain>(s, classes), maker<ResolutionAdaptive>(s, classes)},
                    s.method);
}

}  // namespace resolute::workers
