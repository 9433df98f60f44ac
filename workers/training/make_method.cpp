#include "workers/training/make_method.h"

#include <variant>

#include "core/error.h"
#include "core/overloaded.h"
#include "methods/baseline/networks/baseline.h"
#include "methods/cadnet/networks/cadnet.h"
#include "methods/ftwa/networks/ftwa.h"
#include "methods/msifla/networks/msifla.h"
#include "methods/rain/networks/rain.h"
#include "methods/resolution_adaptive/networks/resolution_adaptive.h"

namespace resolute::workers {
namespace {

//! Makes a Made of its options.
template <class Made>
auto maker(const experiments::TrainingSpecification& s, int classes) {
  return [&s, classes](const typename Made::Options& options) -> std::unique_ptr<methods::Method> {
    return std::make_unique<Made>(options, s.network, s.recipe, classes, s.seed);
  };
}

}  // namespace

std::unique_ptr<methods::Method> make_method(const experiments::TrainingSpecification& specification, int classes) {
  if (classes < 2)
    throw core::input_error(fmt::format("the training split has {} identities", classes),
                            "classification and triplets need at least 2");
  const auto& s = specification;
  return std::visit(core::Overloaded{maker<methods::Baseline>(s, classes), maker<methods::Cadnet>(s, classes),
                                     maker<methods::Ftwa>(s, classes), maker<methods::Msifla>(s, classes),
                                     maker<methods::Rain>(s, classes), maker<methods::ResolutionAdaptive>(s, classes)},
                    s.method);
}

}  // namespace resolute::workers
