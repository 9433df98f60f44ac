#include "methods/row.h"

#include "methods/work.h"

namespace resolute::methods {
namespace {

Work baseline_work(const MethodOptions& options, const WorkCase& of) {
  const TrunkWork trunk = trunk_work(of);
  const LayerWork classifier = classifier_work(of);
  Work work;
  work.hr_row = trunk.step + trained(classifier.forward);
  // Of HR images alone: rows without one are left out.
  if (std::get<BaselineOptions>(options).images == BaselineImages::kStored) work.lr_row = work.hr_row;
  work.query = work.gallery = trunk.forward;
  work.parameters = trunk.parameters + classifier.parameters;
  work.feature = trunk_shape(of.network).channels(kTrunkLevels);
  return work;
}

}  // namespace

Row row_of(const BaselineOptions& options) {
  return {.needs = {.lr = options.images == BaselineImages::kStored, .streams = false},
          .cost = {.copies_pass_trunk = false, .work = baseline_work}};
}

}  // namespace resolute::methods
