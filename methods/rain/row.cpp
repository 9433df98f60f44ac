#include "methods/row.h"

#include "methods/work.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {
namespace {

//! The small trunk has a small decoder, and discriminators that are large beside it.
Cost rain_cost(const MethodOptions& any, const WorkCase& asked) {
  const auto& options = std::get<RainOptions>(any);
  const bool small = settings::trunk_shape(asked.network).small;
  const Adversary* adversary = options.opponent();
  const double discriminators = adversary != nullptr ? static_cast<double>(adversary->levels.size()) : 0;
  const double nearest = small ? 0.45 : 2.9, transposed = small ? 0.22 : 1.3;
  const double decoder = options.reconstruction ? (options.decoder == DecoderKind::kNearest ? nearest : transposed) : 0;
  const double image = 1 + 0.05 * discriminators;
  const double images = options.pairing == Pairing::kAligned ? 2 : 1;  // the image and its copy, or itself alone
  return {.hr_row = images * (image + decoder),
          .lr_row = image + (asked.originals ? decoder : 0),
          .parameters = 1 + discriminators * (small ? 0.2 : 0.06) + (options.reconstruction ? (small ? 0.1 : 0.5) : 0)};
}

}  // namespace

Row row_of(const RainOptions& options) {
  Row row;
  row.needs.labels = !options.reconstruction && options.opponent() == nullptr;
  if (options.reconstruction) {
    row.tells.recovered = {1};
    row.needs.originals = options.pairing == Pairing::kShuffled ? Originals::kAll : Originals::kOfPool;
  }
  if (options.opponent() != nullptr) row.groups.push_back({"discriminators", /*opponent=*/true});
  row.cost = rain_cost;
  return row;
}

}  // namespace resolute::methods
