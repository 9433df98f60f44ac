#include "workers/dataset_settings.h"

namespace resolute::workers {

datasets::PackOptions pack_options(const experiments::PackSettings& settings) {
  datasets::PackOptions options;
  options.name = settings.name;
  options.source = settings.source;
  options.rates = settings.rates;
  options.kernel = datasets::kernel_from_name(settings.kernel);
  options.height = settings.height;
  options.width = settings.width;
  options.shards = settings.shards;
  options.settings = experiments::settings_in_pack(settings);
  options.view_from = datasets::view_from_from_name(settings.view_from);
  return options;
}

datasets::SplitOptions split_options(const experiments::SplitSettings& settings) {
  return {.partition = settings.partition,
          .seed = settings.seed,
          .lr_camera = settings.lr_camera,
          .query_rates = settings.query_rates,
          .train_pool = settings.train_pool,
          .train_identities = settings.train_identities,
          .lr_side = settings.lr_side,
          .test_identities = settings.test_identities};
}

datasets::SyntheticOptions synthetic_options(const experiments::SyntheticSettings& settings) {
  return {.identities = settings.identities,
          .cameras = settings.cameras,
          .images_per_camera = settings.images_per_camera,
          .height = settings.height,
          .width = settings.width,
          .seed = settings.seed,
          .fine_contrast = settings.fine_contrast,
          .subject = datasets::subject_from_name(settings.subject)};
}

datasets::LoaderOptions loader_options(const experiments::Recipe& recipe, std::uint64_t seed) {
  return {recipe.train_rates, recipe.flip, recipe.pad, recipe.erasing, seed};
}

datasets::BatchShape batch_shape(const experiments::Recipe& recipe) {
  return {recipe.identities, recipe.images, recipe.lr_images};
}

}  // namespace resolute::workers
