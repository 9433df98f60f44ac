#include "methods/row.h"

#include "methods/work.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {
namespace {

Cost msifla_cost(const MethodOptions& any, const WorkCase& asked) {
  const auto& options = std::get<MsiflaOptions>(any);
  const double scales = static_cast<double>(options.scales.size()), width = options.ir_width;
  // An IR network multiplies so often per pixel (methods/msifla/networks/networks.h), whatever the trunk.
  const double ir_pixel = (18.75 * width + 40.5) * width;
  const double pixels = static_cast<double>(asked.height) * asked.width;
  const double cascade = scales * ir_pixel * pixels / trunk_work(asked).forward;
  const double passes = scales * options.reid_ensemble;  // of re-ID networks
  // L_ReID goes back through the cascade: two of the three parts of a pass.
  const double identified = passes + (options.reid_into_ir ? cascade * 2 / 3 : 0);
  const double networks = options.reid_networks == ReidNetworks::kPerScale ? passes : 1;
  return {.hr_row = identified + (1 + asked.copies) * cascade,
          .lr_row = identified + cascade / 3,  // L_IR has no target for it
          .query = passes + cascade,
          .gallery = passes + cascade,
          .parameters = 1.2 * networks,  // four classifiers of each, and an IR network
          .feature =
              passes * MsiflaOptions::kParts * settings::trunk_shape(asked.network).channels(settings::kTrunkLevels)};
}

}  // namespace

Row row_of(const MsiflaOptions& options) {
  const bool shared = options.reid_networks == ReidNetworks::kShared && options.scales.size() > 1;
  return {.needs = {.copies = true, .streams = false},
          .tells = {.recovered = options.scales},
          .cost = msifla_cost,
          .trunks = shared ? 1 : static_cast<int>(options.scales.size()) + options.reid_ensemble - 1,
          .groups = {{"reid"}, {"ir"}}};
}

}  // namespace resolute::methods
