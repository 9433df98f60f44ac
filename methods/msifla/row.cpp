#include "methods/row.h"

#include "methods/work.h"

namespace resolute::methods {
namespace {

//! An IR network (methods/msifla/networks.h) on an image of so many pixels. \param first its first convolution's
//! multiply-adds
LayerWork recovery_work(double width, double pixels, double& first) {
  const double half = pixels / 4, quarter = pixels / 16;
  LayerWork sum;
  const auto add = [&](double inputs, double outputs, double kernel, double cells, double times = 1) {
    const LayerWork layer = convolution_work(inputs, outputs, kernel, cells, 1, true);
    sum.forward += times * layer.forward;
    sum.parameters += times * layer.parameters;
  };
  add(3, width, 3, pixels);
  first = sum.forward;
  add(width, width, 3, half, 3);
  add(width, 2 * width, 3, quarter);
  add(2 * width, 2 * width, 3, quarter, 3);
  add(width, 2 * width, 1, quarter);
  // Transposed convolutions multiply each input by their whole kernel.
  add(2 * width, width, 4, quarter);
  add(width, width / 2, 4, half);
  add(width / 2, 3, 3, pixels);
  return sum;
}

Work msifla_work(const MethodOptions& any, const WorkCase& of) {
  const auto& options = std::get<MsiflaOptions>(any);
  const TrunkWork trunk = trunk_work(of);
  const LayerWork classifier = classifier_work(of);
  const auto scales = static_cast<double>(options.scales.size());
  double first = 0;
  const LayerWork one = recovery_work(options.ir_width, static_cast<double>(of.height) * of.width, first);
  const double networks = options.reid_networks == ReidNetworks::kPerScale ? scales * options.reid_ensemble : 1;
  const double looks = scales * options.reid_ensemble;  // re-ID networks that an image passes
  const double cascade = scales * one.forward;
  // L_ReID passes the trunks and goes back into the cascade, whose first convolution sees a constant.
  const double identified = looks * (trunk.step_through + MsiflaOptions::kParts * trained(classifier.forward));
  Work work;
  work.lr_row = cascade + identified + (options.reid_into_ir ? 2 * cascade - first : 0);
  // The image and its copies are recovered: forward, and both gradients of L_IR.
  const double recovered = 1.0 + of.copies;
  work.hr_row = recovered * (3 * cascade - first) + identified + (options.reid_into_ir ? 2 * cascade - first : 0);
  work.query = work.gallery = cascade + looks * trunk.forward;
  work.parameters =
      scales * one.parameters + networks * (trunk.parameters + MsiflaOptions::kParts * classifier.parameters);
  work.feature = looks * MsiflaOptions::kParts * trunk_shape(of.network).channels(kTrunkLevels);
  return work;
}

}  // namespace

Row row_of(const MsiflaOptions& options) {
  // Copies pass the IR networks alone.
  return {.needs = {.copies = true, .streams = false},
          .tells = {.recovered = options.scales},
          .cost = {.copies_pass_trunk = false, .work = msifla_work}};
}

}  // namespace resolute::methods
