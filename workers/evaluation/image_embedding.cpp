#include "workers/evaluation/image_embedding.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <map>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/overloaded.h"
#include "datasets/loader/loader.h"
#include "methods/levels.h"
#include "workers/device/device.h"

namespace resolute::workers {
namespace {

// The network that a batch passes through.
struct Network {
  methods::Embedder embed;
  std::size_t width;  // of a row
  at::Device device;
};

// Images of a source as a network on this device wants them.
class ViewImages {
 public:
  ViewImages(const ImageSource& source, std::span<const ImageView> views, at::Device place)
      : views_(views),
        height_(source.options().height),
        width_(source.options().width),
        pinned_(!place.is_cpu()),
        loads_(static_cast<std::size_t>(loading_threads(place))) {
    std::generate(loads_.begin(), loads_.end(), [&] { return source.open(); });
  }
  std::size_t size() const { return views_.size(); }

  // Image begin and those after it: N×3×H×W, channels-last in memory, which a GPU can copy from by itself. Threads have
  // equal parts of them. Throws what loading threw, of the first image where it did.
  at::Tensor load(std::size_t begin, std::size_t count) {
    const at::Tensor images = at::empty({static_cast<std::int64_t>(count), height_, width_, 3},
                                        at::TensorOptions(at::kFloat).pinned_memory(pinned_));
    float* const to = images.mutable_data_ptr<float>();
    const auto load_part = [&](std::size_t part) {
      const std::size_t first = count * part / loads_.size(), last = count * (part + 1) / loads_.size();
      const auto floats = static_cast<std::size_t>(height_ * width_ * 3);
      for (std::size_t i = first; i < last; ++i) loads_[part](views_[begin + i], {to + i * floats, floats});
    };
    std::vector<std::future<void>> others;  // waits for its threads when it goes
    for (std::size_t part = 1; part < loads_.size(); ++part)
      others.push_back(std::async(std::launch::async, load_part, part));
    load_part(0);
    for (std::future<void>& other : others) other.get();
    return images.permute({0, 3, 1, 2});
  }

 private:
  std::span<const ImageView> views_;
  std::int64_t height_, width_;
  bool pinned_;
  std::vector<ImageSource::Load> loads_;  // of each thread
};

// Batches first to last - 1 of kEmbeddingBatch images; those of process rank r are contiguous.
struct BatchRange {
  std::size_t first = 0, last = 0;
};

BatchRange batches_of(std::size_t rank, std::size_t ranks, std::size_t images) {
  const std::size_t batches = (images + kEmbeddingBatch - 1) / kEmbeddingBatch;
  return {batches * rank / ranks, batches * (rank + 1) / ranks};
}

// Rows of the images in a range of batches; the very last batch may be smaller.
std::size_t rows_of(const BatchRange& range, std::size_t images) {
  return std::min(range.last * kEmbeddingBatch, images) - std::min(range.first * kEmbeddingBatch, images);
}

// Features of a range of batches, row after row; nothing if `progress` ended it.
std::optional<std::vector<float>> embed_batches(const Network& network, ViewImages& images, const BatchRange& range,
                                                const EmbeddingProgress& progress) {
  const std::size_t total = rows_of(range, images.size());
  std::vector<float> features;
  features.reserve(total * network.width);
  const auto load = [&](std::size_t batch) {
    const std::size_t begin = batch * kEmbeddingBatch;
    return images.load(begin, std::min(kEmbeddingBatch, images.size() - begin));
  };
  constexpr bool kNonBlocking = true;
  std::future<at::Tensor> ahead;  // waits for its thread when it goes
  if (range.first < range.last) ahead = std::async(std::launch::async, load, range.first);
  std::size_t done = 0;
  for (std::size_t batch = range.first; batch < range.last; ++batch) {
    if (!progress(done, total)) return std::nullopt;
    const at::Tensor loaded = ahead.get();
    if (batch + 1 < range.last) ahead = std::async(std::launch::async, load, batch + 1);
    const at::Tensor rows =
        network.embed(loaded.to(network.device, loaded.scalar_type(), kNonBlocking)).cpu().contiguous();
    RESOLUTE_EXPECT(rows.size(0) == loaded.size(0) && rows.size(1) == static_cast<std::int64_t>(network.width) &&
                        rows.scalar_type() == at::kFloat,
                    "an embedder gives one float32 row of its size per image");
    const float* values = rows.const_data_ptr<float>();
    features.insert(features.end(), values, values + rows.numel());
    done += static_cast<std::size_t>(loaded.size(0));
  }
  if (!progress(done, total)) return std::nullopt;
  return features;
}

// Every rank's features in the order of the images; nothing if a rank has none.
std::optional<std::vector<float>> gather_features(const std::optional<std::vector<float>>& rank_features,
                                                  std::size_t images, std::size_t dimension,
                                                  Communicator& communicator) {
  const auto ranks = static_cast<std::size_t>(communicator.process_ranks());
  std::size_t largest = 0;
  for (std::size_t rank = 0; rank < ranks; ++rank)
    largest = std::max(largest, rows_of(batches_of(rank, ranks, images), images));
  // One more element says whether the rank went through to the end.
  const std::size_t stride = largest * dimension + 1;
  at::Tensor from = at::zeros({static_cast<std::int64_t>(stride)}, at::kFloat);
  if (rank_features) {
    float* values = from.mutable_data_ptr<float>();
    std::copy(rank_features->begin(), rank_features->end(), values);
    values[stride - 1] = 1;
  }
  at::Tensor to = at::empty({static_cast<std::int64_t>(stride * ranks)}, at::kFloat);
  communicator.all_gather(to, from);
  std::vector<float> features;
  features.reserve(images * dimension);
  const float* part = to.const_data_ptr<float>();
  for (std::size_t rank = 0; rank < ranks; ++rank, part += stride) {
    if (part[stride - 1] == 0) return std::nullopt;
    features.insert(features.end(), part, part + rows_of(batches_of(rank, ranks, images), images) * dimension);
  }
  return features;
}

// One pass of all views through one network.
std::optional<std::vector<float>> embed_pass(const Network& network, const ImageSource& source,
                                             std::span<const ImageView> views, Communicator* communicator,
                                             const EmbeddingProgress& progress) {
  const std::size_t rank = communicator ? static_cast<std::size_t>(communicator->process_rank()) : 0;
  const std::size_t ranks = communicator ? static_cast<std::size_t>(communicator->process_ranks()) : 1;
  ViewImages images(source, views, network.device);
  std::optional<std::vector<float>> features =
      embed_batches(network, images, batches_of(rank, ranks, images.size()), progress);
  if (communicator) features = gather_features(features, images.size(), network.width, *communicator);
  if (!features) return std::nullopt;
  if (!std::all_of(features->begin(), features->end(), [](float value) { return std::isfinite(value); }))
    throw core::RuntimeError(core::ErrorKind::kInput, "a feature is not finite", "the training diverged",
                             "lower the learning rate");
  return features;
}

methods::EmbedderOptions embedder_options(const ImageSource& source, const EmbeddingOptions& options,
                                          methods::Side side) {
  const settings::PackSettings& pack = source.options();
  return {.height = pack.height, .width = pack.width, .precision = options.precision, .side = side};
}

// Mean over an image and its mirror image. Source: Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person
// Re-identification", CVPRW 2019, and its authors' program.
methods::Embedder flipped(methods::Embedder embed) {
  return [embed = std::move(embed)](const at::Tensor& images) {
    return (embed(images) + embed(images.flip({3}).contiguous(images.suggest_memory_format()))) / 2;
  };
}

Network network_of(methods::Method& method, methods::Embedder embed, std::size_t width,
                   const EmbeddingOptions& options) {
  return {options.flip ? flipped(std::move(embed)) : std::move(embed), width,
          method.module().parameters().front().device()};
}

// Views that pass through one network.
struct ViewGroup {
  methods::Side side = methods::Side::kHigh;
  int level = 0;
  std::vector<std::size_t> places;  // among all views, ascending
};

// The high side's groups first, of a side the highest level first; one group of a method that tells nothing apart.
std::vector<ViewGroup> group_views(const methods::Method& method, std::span<const ImageView> views) {
  const bool sides = method.tells().sides;
  const std::vector<int>& rates = method.tells().level_rates;
  std::map<std::pair<methods::Side, int>, ViewGroup> groups;
  if (views.empty()) groups[{}];
  for (std::size_t i = 0; i < views.size(); ++i) {
    const ImageView& view = views[i];
    const methods::Side side = sides ? view.side : methods::Side::kHigh;
    const int level = rates.empty() ? 0 : level_of_view(rates, view);
    ViewGroup& group = groups[{side, -level}];
    group.side = side;
    group.level = level;
    group.places.push_back(i);
  }
  std::vector<ViewGroup> ordered;
  for (auto& [key, group] : groups) ordered.push_back(std::move(group));
  return ordered;
}

Network group_network(methods::Method& method, const ImageSource& source, const EmbeddingOptions& options,
                      const ViewGroup& group) {
  methods::EmbedderOptions asked = embedder_options(source, options, group.side);
  asked.level = group.level;
  return network_of(method, method.embedder(asked), static_cast<std::size_t>(method.embedding_size()), options);
}

// Each group through its network, one network at a time: it may hold weights of its own.
std::optional<std::vector<float>> embed_groups(methods::Method& method, const ImageSource& source,
                                               std::span<const ImageView> views, std::span<const ViewGroup> groups,
                                               const EmbeddingOptions& options, const EmbeddingProgress& progress) {
  const auto width = static_cast<std::size_t>(method.embedding_size());
  std::uint64_t done = 0, total = 0;
  for (const ViewGroup& group : groups) total += images_of_rank(group.places.size(), options.communicator);
  std::vector<float> features(views.size() * width);
  for (const ViewGroup& group : groups) {
    std::vector<ImageView> passed;
    for (std::size_t place : group.places) passed.push_back(views[place]);
    const std::optional<std::vector<float>> part =
        embed_pass(group_network(method, source, options, group), source, passed, options.communicator,
                   [&](std::uint64_t of_group, std::uint64_t) { return progress(done + of_group, total); });
    if (!part) return std::nullopt;
    done += images_of_rank(passed.size(), options.communicator);
    for (std::size_t i = 0; i < group.places.size(); ++i)
      std::copy_n(part->begin() + static_cast<std::ptrdiff_t>(i * width), width,
                  features.begin() + static_cast<std::ptrdiff_t>(group.places[i] * width));
  }
  return features;
}

// Rows of features and weights, branch after branch, to a matrix a branch.
std::vector<BranchRows> divide_branches(std::span<const float> rows, std::size_t branches, std::size_t dimension) {
  const std::size_t width = branches * (dimension + 1), count = rows.size() / width;
  std::vector<BranchRows> divided(branches);
  for (std::size_t b = 0; b < branches; ++b) {
    BranchRows& branch = divided[b];
    branch.dimension = dimension;
    branch.features.reserve(count * dimension);
    for (std::size_t row = 0; row < count; ++row) {
      const std::span<const float> from = rows.subspan(row * width + b * (dimension + 1), dimension + 1);
      branch.features.insert(branch.features.end(), from.begin(), from.end() - 1);
      branch.weights.push_back(from.back());
    }
  }
  return divided;
}

}  // namespace

at::ScalarType embedding_precision(const experiments::Recipe& recipe) {
  return recipe.precision == settings::Precision::kBf16 ? at::kBFloat16 : at::kFloat;
}

const settings::PackSettings& ImageSource::options() const {
  return std::visit([](const auto* from) -> const settings::PackSettings& { return from->options(); }, from_);
}

datasets::ImageSize ImageSource::native_size(std::size_t row) const {
  return std::visit(core::Overloaded{[&](const datasets::PackReader* pack) -> datasets::ImageSize {
                                       return {pack->row(row).native_height, pack->row(row).native_width};
                                     },
                                     [&](const datasets::FileImages* files) { return files->native_size(row); }},
                    from_);
}

ImageSource::Load ImageSource::open() const {
  const auto load_with = [](auto loader) -> Load {
    return [loader = std::move(loader)](const ImageView& view, std::span<float> to) {
      loader->fill_view(view.row, view.rate, to);
    };
  };
  return std::visit(core::Overloaded{[&](const datasets::PackReader* pack) {
                                       datasets::LoaderOptions options;
                                       options.train_rates = {1};  // not used here; rate 1 is in every pack
                                       return load_with(std::make_shared<datasets::Loader>(*pack, options));
                                     },
                                     [&](const datasets::FileImages* files) {
                                       return load_with(std::make_shared<datasets::FileLoader>(*files));
                                     }},
                    from_);
}

int level_of_view(const std::vector<int>& level_rates, const ImageView& view) {
  return view.level != 0 ? view.level : methods::level_of_rate(level_rates, view.rate);
}

std::vector<std::int64_t> dimensions_of(const methods::Method& method, std::span<const ImageView> views) {
  const std::vector<int>& rates = method.tells().level_rates;
  std::vector<std::int64_t> dimensions;
  for (std::size_t i = 0; !rates.empty() && i < views.size(); ++i)
    dimensions.push_back(method.compared_dimensions(level_of_view(rates, views[i])));
  return dimensions;
}

std::size_t images_of_rank(std::size_t images, const Communicator* communicator) {
  if (communicator == nullptr) return images;
  return rows_of(batches_of(static_cast<std::size_t>(communicator->process_rank()),
                            static_cast<std::size_t>(communicator->process_ranks()), images),
                 images);
}

std::optional<std::vector<float>> embed_images(methods::Method& method, const ImageSource& source,
                                               std::span<const ImageView> views, const EmbeddingOptions& options,
                                               const EmbeddingProgress& progress) {
  const std::vector<ViewGroup> groups = group_views(method, views);
  if (groups.size() > 1) return embed_groups(method, source, views, groups, options, progress);
  return embed_pass(group_network(method, source, options, groups.front()), source, views, options.communicator,
                    progress);
}

std::optional<std::vector<BranchRows>> embed_branches(methods::Method& method, const ImageSource& source,
                                                      std::span<const ImageView> views, const EmbeddingOptions& options,
                                                      const EmbeddingProgress& progress) {
  const methods::Side side = views.empty() ? methods::Side::kHigh : views.front().side;
  RESOLUTE_EXPECT(std::all_of(views.begin(), views.end(), [&](const ImageView& view) { return view.side == side; }),
                  "branches are embedded a side at a time");
  const std::size_t branches = method.tells().branches.size();
  const auto dimension = static_cast<std::size_t>(method.embedding_size());
  const Network network = network_of(method, method.branch_embedder(embedder_options(source, options, side)),
                                     static_cast<std::size_t>(method.row_size()), options);
  const std::optional<std::vector<float>> rows = embed_pass(network, source, views, options.communicator, progress);
  if (!rows) return std::nullopt;
  return divide_branches(*rows, branches, dimension);
}

}  // namespace resolute::workers
