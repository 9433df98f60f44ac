// Packs, splits and the loader. A handle of Python's keeps what it needs of others: they may be closed in any order.

#include <unistd.h>

#include <memory>
#include <span>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/loader/loader.h"
#include "datasets/split/joined.h"
#include "datasets/split/labelled.h"
#include "python/native/call.h"
#include "settings/evaluation.h"
#include "settings/recipe_checks.h"

namespace resolute::python {

struct Loader {
  std::shared_ptr<const datasets::PackReader> pack;
  std::shared_ptr<const datasets::Split> split;
  std::vector<std::uint8_t> labelled;  // an item of the split
  pid_t process;                       // whose threads load
  std::unique_ptr<datasets::PrefetchingLoader> batches;
};

namespace {

struct KeptBatch {
  datasets::LoadedBatch batch;
  std::vector<std::int64_t> rows, cameras, labels, rates;
  std::vector<std::uint8_t> has_label;
};

struct LoaderRequest {
  settings::Recipe recipe;
  std::uint64_t seed = 0;
  datasets::PrefetchOptions prefetch;
};

LoaderRequest read_loader(const char* recipe, const char* options, const settings::PackSettings& pack) {
  LoaderRequest request;
  request.recipe = with_defaults<settings::Recipe>(recipe, "options of the loader");
  request.recipe.steps = 1;
  settings::check(request.recipe, pack);
  const core::Json json = core::parse_json(options, "options of the loader");
  core::ObjectReader object(json, "options of the loader");
  request.seed = object.required<std::uint64_t>("seed");
  request.prefetch.first_step = object.required<std::uint64_t>("first_step");
  request.prefetch.end_step = object.required<std::uint64_t>("end_step");
  request.prefetch.hr = object.required<bool>("hr");
  request.prefetch.lr = object.required<bool>("lr");
  request.prefetch.threads = object.required<int>("threads");
  // `for batch in loader` holds a batch while it asks for the next: that one's memory is not to be filled yet.
  request.prefetch.kept = 2;
  const int rank = object.required<int>("rank"), ranks = object.required<int>("ranks");
  object.finish();
  settings::check_range("ranks", ranks, 1, request.recipe.identities);
  settings::check_range("rank", rank, 0, ranks - 1);
  settings::check_range("threads", request.prefetch.threads, 0, 1024);
  request.prefetch.items =
      datasets::lane_items(request.recipe.identities, request.recipe.images, ranks, rank, rank + 1);
  return request;
}

std::unique_ptr<Loader> open_loader(const Pack& pack, const Split& split, const char* recipe, const char* options) {
  LoaderRequest request = read_loader(recipe, options, pack.reader->options());
  const settings::Recipe& r = request.recipe;
  auto labelled = datasets::draw_labelled(*split.split, r.labelled_fraction, r.labelled_by);
  auto loader = std::make_unique<Loader>(Loader{pack.reader, split.split, std::move(labelled), ::getpid(), nullptr});
  loader->batches = std::make_unique<datasets::PrefetchingLoader>(
      *loader->pack, *loader->split, datasets::loader_options(r, request.seed),
      datasets::BatchShape{r.identities, r.images, r.lr_images}, std::move(request.prefetch));
  return loader;
}

// A forked child has the loader's memory, but none of its threads.
bool is_ours(const Loader& loader) { return loader.process == ::getpid(); }

Batch next_batch(Loader& loader) {
  if (!is_ours(loader))
    throw core::input_error("the loader was opened by another process", "a fork takes none of its threads along",
                            "open it after the fork");
  auto kept = std::make_unique<KeptBatch>();
  kept->batch = loader.batches->next();
  const datasets::LoadedBatch& batch = kept->batch;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    const std::size_t item = batch.items[i].item;
    const datasets::TrainItem& image = loader.split->train.at(item);
    kept->rows.push_back(static_cast<std::int64_t>(image.row));
    kept->cameras.push_back(image.camera);
    kept->has_label.push_back(loader.labelled.at(item));
    kept->labels.push_back(kept->has_label.back() != 0 ? batch.labels[i] : -1);
  }
  kept->rates.assign(batch.lr_rates.begin(), batch.lr_rates.end());
  const auto images = [](std::span<const float> all) { return all.empty() ? nullptr : all.data(); };
  return {batch.step,          batch.items.size(),     images(batch.hr),    images(batch.lr),
          kept->rows.data(),   kept->cameras.data(),   kept->labels.data(), kept->rates.data(),
          batch.has_hr.data(), kept->has_label.data(), kept.release()};
}

void require_row(const datasets::PackReader& pack, std::size_t row) {
  if (row >= pack.size())
    throw core::input_error(fmt::format("the pack has no row {}", row), fmt::format("it has {}", pack.size()));
}

}  // namespace
}  // namespace resolute::python

using namespace resolute;  // NOLINT(google-build-using-namespace): what follows has C's names

int resolute_pack_open(const char* folder, python::Pack** pack) {
  return python::finished([&] {
    auto reader = std::make_shared<const datasets::PackReader>(datasets::PackReader::open(folder));
    *pack = new python::Pack{std::move(reader)};
  });
}

void resolute_pack_close(python::Pack* pack) { const std::unique_ptr<python::Pack> owned(pack); }

int resolute_pack_facts(const python::Pack* pack) {
  return python::finished([&] {
    const datasets::PackReader& reader = *pack->reader;
    return core::Json{{"settings", settings::to_json(reader.options())},
                      {"rows", reader.size()},
                      {"manifest_sha256", reader.manifest_sha256()},
                      {"pack_sha256", reader.pack_sha256()}}
        .dump();
  });
}

int resolute_pack_manifest(const python::Pack* pack) {
  return python::finished([&] { return datasets::manifest_text(pack->reader->rows()); });
}

int resolute_pack_image(const python::Pack* pack, std::size_t row, std::uint8_t* pixels) {
  return python::finished([&] {
    const datasets::PackReader& reader = *pack->reader;
    python::require_row(reader, row);
    reader.read_hr(row, {pixels, datasets::pixel_bytes({reader.options().height, reader.options().width})});
  });
}

int resolute_pack_view(const python::Pack* pack, std::size_t row, int rate, int from_network,
                       const std::uint8_t** pixels, int* height, int* width) {
  return python::finished([&] {
    thread_local datasets::Image image;
    python::require_row(*pack->reader, row);
    if (from_network != 0)
      pack->reader->read_lr(row, rate, image);
    else
      pack->reader->read_view(row, rate, image);
    *pixels = image.pixels.data();
    *height = image.height;
    *width = image.width;
  });
}

int resolute_pack_inputs(const python::Pack* pack, const std::size_t* rows, const int* rates, std::size_t images,
                         float* pixels) {
  return python::finished([&] {
    datasets::Loader loader(*pack->reader, {.train_rates = {1}});
    for (std::size_t i = 0; i < images; ++i) {
      python::require_row(*pack->reader, rows[i]);
      loader.fill_view(rows[i], rates[i], {pixels + i * loader.image_floats(), loader.image_floats()});
    }
  });
}

int resolute_pack_join(const python::Pack* const* packs, const python::Split* const* splits, std::size_t count,
                       python::Pack** pack, python::Split** split) {
  return python::finished([&] {
    std::vector<const datasets::PackReader*> parts;
    std::vector<datasets::Split> of_parts;
    for (std::size_t i = 0; i < count; ++i) {
      parts.push_back(packs[i]->reader.get());
      of_parts.push_back(*splits[i]->split);
    }
    auto reader = std::make_shared<const datasets::PackReader>(datasets::PackReader::joined(parts));
    auto joined = std::make_shared<const datasets::Split>(datasets::joined_split(*reader, of_parts));
    *pack = new python::Pack{std::move(reader)};
    *split = new python::Split{std::move(joined)};
  });
}

int resolute_split_make(const python::Pack* pack, const char* settings, python::Split** split) {
  return python::finished([&] {
    const auto options = python::with_defaults<settings::SplitSettings>(settings, "options of the split");
    auto made = std::make_shared<const datasets::Split>(datasets::make_split(*pack->reader, options));
    *split = new python::Split{std::move(made)};
  });
}

int resolute_split_read(const python::Pack* pack, const char* path, python::Split** split) {
  return python::finished([&] {
    auto read = std::make_shared<const datasets::Split>(datasets::import_split(core::real_file_system(), path));
    if (const std::string& sha256 = pack->reader->manifest_sha256(); read->manifest_sha256 != sha256)
      throw core::input_error(fmt::format("'{}' is a split of another pack", path),
                              fmt::format("of the manifest {}, and this pack's is {}", read->manifest_sha256, sha256));
    *split = new python::Split{std::move(read)};
  });
}

void resolute_split_close(python::Split* split) { const std::unique_ptr<python::Split> owned(split); }

int resolute_split_text(const python::Split* split) {
  return python::finished([&] {
    return core::Json{{"sha256", datasets::split_sha256(*split->split)}, {"split", datasets::to_json(*split->split)}}
        .dump();
  });
}

int resolute_split_draws(const python::Split* split, int draws, int shots) {
  return python::finished([&] {
    settings::check_range("draws", draws, 1, settings::kMostDraws);
    settings::check_range("shots", shots, 1, settings::kMostShots);
    core::Json galleries = core::Json::array();
    for (int draw = 0; draw < draws; ++draw)
      galleries.push_back(datasets::draw_gallery(*split->split, split->split->options.seed, draw, shots));
    return galleries.dump();
  });
}

int resolute_loader_open(const python::Pack* pack, const python::Split* split, const char* recipe, const char* options,
                         python::Loader** loader) {
  return python::finished([&] { *loader = python::open_loader(*pack, *split, recipe, options).release(); });
}

int resolute_loader_next(python::Loader* loader, python::Batch* batch) {
  return python::finished([&] { *batch = python::next_batch(*loader); });
}

void resolute_loader_close(python::Loader* loader) {
  std::unique_ptr<python::Loader> owned(loader);
  // Elsewhere its threads could not be joined: the child's copy of the memory goes with the child.
  if (owned != nullptr && !python::is_ours(*owned)) static_cast<void>(owned.release());
}

void resolute_batch_close(void* kept) {
  const std::unique_ptr<python::KeptBatch> owned(static_cast<python::KeptBatch*>(kept));
}
