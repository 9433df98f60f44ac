#include "cli/pack_settings.h"

namespace resolute::cli {

datasets::PackOptions to_pack_options(const experiments::PackSettings& settings) {
  datasets::PackOptions pack;
  pack.name = settings.name;
  pack.source = settings.source;
  pack.rates = settings.rates;
  pack.kernel = datasets::kernel_from_name(settings.kernel);
  pack.height = settings.height;
  pack.width = settings.width;
  pack.shards = settings.shards;
  pack.settings = experiments::settings_in_pack(settings);
  pack.view_from = datasets::view_from_from_name(settings.view_from);
  return pack;
}

datasets::SyntheticOptions to_synthetic_options(const experiments::SyntheticSettings& settings) {
  datasets::SyntheticOptions options;
  options.identities = settings.identities;
  options.cameras = settings.cameras;
  options.images_per_camera = settings.images_per_camera;
  options.height = settings.height;
  options.width = settings.width;
  options.seed = settings.seed;
  options.fine_contrast = settings.fine_contrast;
  options.subject = datasets::subject_from_name(settings.subject);
  return options;
}

}  // namespace resolute::cli
