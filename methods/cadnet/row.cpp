#include "methods/row.h"

#include "methods/work.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {
namespace {

//! Multiply-adds of an image's forward pass, and parameters.
struct NetworkSize {
  double forward = 0, parameters = 0;
  void add(double in, double out, double pixels) {
    forward += 9 * in * out * pixels;
    parameters += 9 * in * out + 2 * out;
  }
};

//! methods/cadnet/networks/networks.h: SkipDecoder.
NetworkSize decoder_size(const settings::TrunkShape& shape, double pixels) {
  NetworkSize size;
  double in = shape.channels(settings::kTrunkLevels);
  std::size_t doubling = 0;
  for (int stride = shape.stride(settings::kTrunkLevels) / 2; stride > 0; stride /= 2) {
    int level = settings::kTrunkLevels - 1;
    while (level > 0 && shape.stride(level) != stride) --level;
    const double out = shape.decoder_widths.at(doubling++);
    size.add(in + (level > 0 ? shape.channels(level) : 0), out, pixels / stride / stride);
    in = out;
  }
  size.add(in, 3, pixels);
  return size;
}

//! The 3×3 layers of image_discriminator_layers().
NetworkSize image_discriminator_size(double width, double pixels) {
  NetworkSize size;
  size.add(3, width / 4, pixels / 4);
  size.add(width / 4, width / 2, pixels / 16);
  size.add(width / 2, width, pixels / 64);
  return size;
}

Cost cadnet_cost(const MethodOptions& any, const WorkCase& asked) {
  const auto& options = std::get<CadnetOptions>(any);
  const settings::TrunkShape shape = settings::trunk_shape(asked.network);
  const TrunkWork trunk = trunk_work(asked);
  const double pixels = static_cast<double>(asked.height) * asked.width;
  const NetworkSize decoder = options.recovers() ? decoder_size(shape, pixels) : NetworkSize();
  const NetworkSize judge =
      options.image_adversary ? image_discriminator_size(shape.discriminator_width, pixels) : NetworkSize();
  const double encoder = options.encodes_recovered() ? 1 : 0;
  // D_I sees a recovered image forward and backward in both phases, and half as many real ones in the first.
  const double image =
      1 + encoder + (options.feature_adversary ? 0.05 : 0) + (3 * decoder.forward + 6.5 * judge.forward) / trunk.step;
  const double images = options.pairing == Pairing::kAligned ? 2 : 1;  // the image and its copy, or itself alone
  const double embedding = 1 + (encoder > 0 ? 1 + decoder.forward / trunk.forward : 0);
  const double parts = (options.compares_f() ? 1 : 0) + encoder;
  return {.hr_row = images * image,
          .lr_row = image,
          .query = embedding,
          .gallery = embedding,
          .gallery_copy = embedding,
          .parameters = 1 + encoder + (options.feature_adversary ? (shape.small ? 0.2 : 0.06) : 0) +
                        (decoder.parameters + judge.parameters) / trunk.parameters,
          .feature = parts * shape.channels(settings::kTrunkLevels)};
}

}  // namespace

Row row_of(const CadnetOptions& options) {
  Row row;
  row.needs.labels = !options.reconstruction && !options.feature_adversary && !options.image_adversary;
  if (options.reconstruction)
    row.needs.originals = options.pairing == Pairing::kShuffled ? Originals::kAll : Originals::kOfPool;
  if (options.recovers()) row.tells.recovered = {1};
  if (options.feature_adversary || options.image_adversary) row.groups.push_back({"discriminators", /*opponent=*/true});
  row.cost = cadnet_cost;
  row.trunks = options.encodes_recovered() ? 2 : 1;
  return row;
}

}  // namespace resolute::methods
