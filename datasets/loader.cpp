#include "datasets/loader.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/random.h"
#include "datasets/low_resolution.h"
#include "datasets/normalisation.h"

namespace resolute::datasets {
namespace {

// Normalised value of each 8-bit level, a channel.
struct LevelTable {
  std::array<std::array<float, 256>, 3> value{};
  LevelTable() {
    for (std::size_t channel = 0; channel < 3; ++channel)
      for (std::size_t level = 0; level < 256; ++level)
        value[channel][level] = normalised_level(static_cast<std::uint8_t>(level), channel);
  }
};

const LevelTable& level_table() {
  static const LevelTable table;
  return table;
}

void draw_erasing(core::RandomStream& stream, int height, int width, Augmentation& how) {
  constexpr int kAttempts = 100;
  const double area = static_cast<double>(height) * width;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double target = stream.uniform(0.02, 0.4) * area;
    const double aspect = stream.uniform(0.3, 1.0 / 0.3);
    const int erase_height = static_cast<int>(std::lround(std::sqrt(target * aspect)));
    const int erase_width = static_cast<int>(std::lround(std::sqrt(target / aspect)));
    if (erase_height < 1 || erase_width < 1 || erase_height >= height || erase_width >= width) continue;
    how.erase_height = erase_height;
    how.erase_width = erase_width;
    how.erase_top = static_cast<int>(stream.below(static_cast<std::uint64_t>(height - erase_height) + 1));
    how.erase_left = static_cast<int>(stream.below(static_cast<std::uint64_t>(width - erase_width) + 1));
    return;
  }
}

}  // namespace

Augmentation draw_augmentation(const LoaderOptions& options, int height, int width, std::uint64_t epoch,
                               std::size_t row, std::uint32_t occurrence) {
  core::RandomStream stream("augment", {options.seed, epoch, row, occurrence});
  Augmentation how;
  how.rate = options.train_rates[static_cast<std::size_t>(stream.below(options.train_rates.size()))];
  how.flipped = stream.uniform() < options.flip;
  const auto places = 2 * static_cast<std::uint64_t>(options.pad) + 1;
  how.shift_y = static_cast<int>(stream.below(places)) - options.pad;
  how.shift_x = static_cast<int>(stream.below(places)) - options.pad;
  if (stream.uniform() < options.erasing) draw_erasing(stream, height, width, how);
  return how;
}

Loader::Loader(const PackReader& pack, LoaderOptions options)
    : pack_(pack),
      options_(std::move(options)),
      height_(pack.options().height),
      width_(pack.options().width),
      image_floats_(static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_) * 3) {
  if (options_.train_rates.empty()) throw core::input_error("train_rates is empty", "at least one rate is needed");
  for (int rate : options_.train_rates)
    if (!pack.has_rate(rate))
      throw core::input_error(fmt::format("pack '{}' has rates {} and training needs {}", pack.options().name,
                                          fmt::join(pack.options().rates, ", "), rate),
                              {}, "ingest it again with that rate in --rates");
  for (double probability : {options_.flip, options_.erasing})
    if (!(probability >= 0.0 && probability <= 1.0))
      throw core::input_error(fmt::format("probability {}", probability), "probabilities are 0 to 1");
  if (options_.pad < 0 || options_.pad > 256)
    throw core::input_error(fmt::format("pad {}", options_.pad), "0 to 256 pixels are possible");
}

void Loader::load_hr(std::size_t row) {
  image_.height = height_;
  image_.width = width_;
  image_.pixels.resize(image_floats_);
  pack_.read_hr(row, image_.pixels);
}

void Loader::load_enlarged() {
  if (small_.height == height_ && small_.width == width_)
    std::swap(image_, small_);
  else
    image_ = enlarge(small_, height_, width_);
}

void Loader::normalise(const Augmentation& how, std::span<float> to) const {
  RESOLUTE_EXPECT(to.size() == image_floats_, "a buffer for an image has another size");
  const auto& levels = level_table().value;
  const int x_begin = std::clamp(how.shift_x, 0, width_);
  const int x_end = std::clamp(width_ + how.shift_x, 0, width_);
  auto black = [&](float* pixel) {
    for (std::size_t channel = 0; channel < 3; ++channel) pixel[channel] = levels[channel][0];
  };
  for (int y = 0; y < height_; ++y) {
    float* out = to.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) * 3;
    const int from_y = y - how.shift_y;
    const bool inside = from_y >= 0 && from_y < height_;
    const int begin = inside ? x_begin : width_;
    const int end = inside ? x_end : width_;
    for (int x = 0; x < begin; ++x) black(out + x * 3);
    for (int x = begin; x < end; ++x) {
      const int from_x = how.flipped ? width_ - 1 - (x - how.shift_x) : x - how.shift_x;
      const std::uint8_t* pixel =
          image_.pixels.data() +
          (static_cast<std::size_t>(from_y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(from_x)) * 3;
      for (std::size_t channel = 0; channel < 3; ++channel)
        out[x * 3 + static_cast<int>(channel)] = levels[channel][pixel[channel]];
    }
    for (int x = end; x < width_; ++x) black(out + x * 3);
    if (y >= how.erase_top && y < how.erase_top + how.erase_height)
      std::fill_n(out + how.erase_left * 3, how.erase_width * 3, 0.0F);
  }
}

std::vector<int> Loader::fill_training(const Split& split, std::span<const BatchItem> items, std::span<float> hr,
                                       std::span<float> lr) {
  RESOLUTE_EXPECT(hr.empty() || hr.size() == items.size() * image_floats_, "the hr buffer has another size");
  RESOLUTE_EXPECT(lr.empty() || lr.size() == items.size() * image_floats_, "the lr buffer has another size");
  std::vector<int> lr_rates;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const TrainItem& item = split.train.at(items[i].item);
    Augmentation how = draw_augmentation(options_, height_, width_, items[i].epoch, item.row, items[i].occurrence);
    lr_rates.push_back(item.has_hr ? how.rate : item.stored_rate);
    if (!hr.empty()) {
      auto to = hr.subspan(i * image_floats_, image_floats_);
      if (item.has_hr && !items[i].low) {
        load_hr(item.row);
        normalise(how, to);
      } else {
        std::fill(to.begin(), to.end(), 0.0F);
      }
    }
    if (!lr.empty()) {
      if (item.has_hr)
        pack_.read_lr(item.row, how.rate, small_);
      else
        pack_.read_view(item.row, item.stored_rate, small_);
      load_enlarged();
      normalise(how, lr.subspan(i * image_floats_, image_floats_));
    }
  }
  return lr_rates;
}

void Loader::fill_copies(const Split& split, std::span<const BatchItem> items, int rate, std::span<float> to) {
  RESOLUTE_EXPECT(to.size() == items.size() * image_floats_, "the buffer of copies has another size");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const TrainItem& item = split.train.at(items[i].item);
    const auto own = to.subspan(i * image_floats_, image_floats_);
    if (!item.has_hr || items[i].low) {
      std::fill(own.begin(), own.end(), 0.0F);
      continue;
    }
    pack_.read_lr(item.row, rate, small_);
    load_enlarged();
    normalise(draw_augmentation(options_, height_, width_, items[i].epoch, item.row, items[i].occurrence), own);
  }
}

void Loader::fill_hr(std::size_t row, std::span<float> to) {
  load_hr(row);
  normalise({}, to);
}

void Loader::fill_view(std::size_t row, int rate, std::span<float> to) {
  pack_.read_view(row, rate, small_);
  load_enlarged();
  normalise({}, to);
}

PrefetchingLoader::PrefetchingLoader(const PackReader& pack, const Split& split, LoaderOptions loader,
                                     const BatchShape& shape, PrefetchOptions options)
    : split_(split),
      options_(std::move(options)),
      planner_(split, shape, loader.seed),
      loader_(pack, loader),
      next_step_(options_.first_step),
      loaded_(options_.first_step),
      released_(options_.first_step) {
  const std::size_t batch = static_cast<std::size_t>(shape.identities) * static_cast<std::size_t>(shape.images);
  if (options_.items.end == 0) options_.items = {0, batch};
  RESOLUTE_EXPECT(options_.items.begin <= options_.items.end && options_.items.end <= batch, "items out of the batch");
  thread_ = std::thread([this] { work(); });
}

PrefetchingLoader::~PrefetchingLoader() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PrefetchingLoader::load(LoadedBatch& batch, std::uint64_t step) {
  std::vector<BatchItem> all = planner_.plan(step);
  auto part = std::span(all).subspan(options_.items.begin, options_.items.size());
  batch.step = step;
  batch.items.assign(part.begin(), part.end());
  batch.labels.resize(part.size());
  batch.has_hr.resize(part.size());
  for (std::size_t i = 0; i < part.size(); ++i) {
    const TrainItem& item = split_.train[part[i].item];
    batch.labels[i] = item.label;
    batch.has_hr[i] = item.has_hr && !part[i].low ? 1 : 0;
  }
  batch.hr.resize(options_.hr ? part.size() * loader_.image_floats() : 0);
  batch.lr.resize(options_.lr ? part.size() * loader_.image_floats() : 0);
  batch.lr_rates = loader_.fill_training(split_, part, batch.hr, batch.lr);
  batch.copies.resize(options_.copy_rates.size());
  for (std::size_t i = 0; i < batch.copies.size(); ++i) {
    batch.copies[i].resize(part.size() * loader_.image_floats());
    loader_.fill_copies(split_, part, options_.copy_rates[i], batch.copies[i]);
  }
}

void PrefetchingLoader::work() {
  try {
    for (std::uint64_t step = options_.first_step; step < options_.end_step; ++step) {
      {
        std::unique_lock lock(mutex_);
        // Two buffers: the one of step - 2 must be out of use.
        changed_.wait(lock, [&] { return stop_ || released_ + 2 > step; });
        if (stop_) return;
      }
      load(batches_[step % 2], step);
      {
        std::lock_guard lock(mutex_);
        loaded_ = step + 1;
      }
      changed_.notify_all();
    }
  } catch (...) {
    {
      std::lock_guard lock(mutex_);
      error_ = std::current_exception();
    }
    changed_.notify_all();
  }
}

const LoadedBatch& PrefetchingLoader::next() {
  RESOLUTE_EXPECT(next_step_ < options_.end_step, "no step is left to load");
  std::unique_lock lock(mutex_);
  released_ = next_step_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return loaded_ > next_step_ || error_ != nullptr; });
  if (loaded_ <= next_step_) std::rethrow_exception(error_);
  return batches_[next_step_++ % 2];
}

}  // namespace resolute::datasets
