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
  options.settings = experiments::to_json(settings);
  return options;
}

datasets::SplitOptions split_options(const experiments::SplitSettings& settings) {
  return {settings.partition, settings.seed, settings.lr_camera, settings.query_rates, settings.train_pool};
}

datasets::SyntheticOptions synthetic_options(const experiments::SyntheticSettings& settings) {
  return {settings.identities, settings.cameras, settings.images_per_camera, settings.height,
          settings.width,      settings.seed,    settings.fine_contrast};
}

datasets::LoaderOptions loader_options(const experiments::Recipe& recipe, std::uint64_t seed) {
  return {recipe.train_rates, recipe.flip, recipe.pad, recipe.erasing, seed};
}

datasets::BatchShape batch_shape(const experiments::Recipe& recipe) {
  return {recipe.identities, recipe.images, recipe.lr_images};
}

}  // namespace resolute::workers
