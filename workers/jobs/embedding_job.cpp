#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "datasets/loader/file_images.h"
#include "datasets/sources/csv.h"
#include "workers/device/numeric_class.h"
#include "workers/evaluation/evaluator.h"
#include "workers/jobs/commands.h"
#include "workers/jobs/finished_training.h"
#include "workers/rank/progress_pipe.h"
#include "workers/rank/stop_flag.h"
#include "workers/training/resume.h"

namespace resolute::workers {
namespace {

// A list's images as an evaluation has those of its split: in the list's order, row i being image i.
struct EmbeddedList {
  datasets::Split split;
  std::vector<datasets::FileImage> images;
  ImagePaths paths;
};

EmbeddedList arrange(const std::vector<datasets::sources::ListedImage>& listed, const EmbeddingRequest& request) {
  EmbeddedList list;
  list.split.options.lr_camera = request.cameras ? 1 : 0;
  for (const auto& [sample, line] : listed) {
    const std::size_t row = list.images.size();
    const bool came_low = sample.rate != 1;
    list.images.push_back({request.root / sample.path, came_low});
    if (sample.subset == "query") {
      list.split.query.push_back({row, sample.path, sample.identity, sample.camera, sample.rate, came_low});
      list.paths.query.push_back(sample.path);
    } else {
      list.split.gallery.push_back({row, sample.path, sample.identity, sample.camera});
      list.paths.gallery.push_back(sample.path);
    }
  }
  return list;
}

// By the method's own distance where it compares pairs of images.
Comparison own_comparison(const methods::Method& method, const FinishedTraining& training,
                          const datasets::Split& split) {
  if (!method.tells().branches.empty() && split.query.empty())
    throw core::input_error(
        "there is no query among the images",
        fmt::format("method '{}' has no features of one image: it compares queries with the gallery",
                    experiments::method_name(training.specification.method)),
        "give a list with the subsets query and gallery");
  return comparison_of({}, training.specification.method);
}

}  // namespace

void run_embedding(core::FileSystem& files, const EmbeddingRequest& request) {
  const JobOptions& ranks = request.ranks;
  check(ranks);
  const experiments::StoreLayout store(ranks.store);
  const FinishedTraining training = read_finished_training(files, store, {ranks.job});
  const core::Bytes text = files.read(request.list, datasets::sources::kMaxListBytes);
  EmbeddedList list = arrange(datasets::sources::parse_image_list(core::as_text(text), request.list.string()), request);
  const std::unique_ptr<Device> device =
      open_device(training.specification, training.specification.device, ranks.process_rank);
  const std::unique_ptr<Communicator> communicator = connect_ranks(ranks, *device);
  const bool first = ranks.process_rank == 0;
  ProgressPipe progress(first ? ranks.progress_descriptor : -1);
  expect_agreement(fmt::format("weights {}, list {}, flip {}, {}", training.record.weights_sha256,
                               core::sha256_hex(text), request.flip, numeric_class(*device)),
                   communicator.get());
  const std::unique_ptr<methods::Method> method = make_trained_method(files, store, training, device->place());

  settings::PackSettings pack = training.specification.pack;
  pack.degradation = {};  // draws go by paths in a pack: views of a list's images are shrunk alone
  pack.truncated_images =
      request.fill_truncated ? settings::TruncatedImages::kFilled : settings::TruncatedImages::kRefused;
  const datasets::FileImages images(files, std::move(list.images), pack);
  const Comparison comparison = own_comparison(*method, training, list.split);
  const std::uint64_t all = images_to_embed(*method, list.split, comparison);
  const EmbeddingOptions options{.precision = embedding_precision(training.specification.recipe),
                                 .communicator = communicator.get(),
                                 .flip = request.flip};
  // The others are about as far as this rank.
  const auto report = [&](std::uint64_t done, std::uint64_t share) {
    const std::uint64_t so_far = share == 0 ? all : all * done / share;
    progress.step(so_far, all, std::nullopt, so_far);
    return !stop_requested();
  };
  const std::optional<Embedding> embedding =
      within_memory(*device, [&] { return embed_split(*method, images, list.split, comparison, options, report); });
  if (!embedding)
    throw core::RuntimeError(core::ErrorKind::kInterrupted, "stopped", "a signal asked for it", "start it again");
  if (first) write_features(files, request.out, *embedding, &list.paths);
  // A rank that says it is done says that the file is there.
  if (communicator) communicator->barrier();
}

}  // namespace resolute::workers
