#include "datasets/loader/loader.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/process/page_memory.h"
#include "core/process/processors.h"
#include "datasets/image/low_resolution.h"
#include "settings/training.h"

namespace resolute::datasets {

Loader::Loader(const PackReader& pack, LoaderOptions options)
    : pack_(pack),
      options_(std::move(options)),
      height_(pack.options().height),
      width_(pack.options().width),
      image_floats_(pixel_bytes({height_, width_})) {
  if (options_.train_rates.empty()) throw core::input_error("train_rates is empty", "at least one rate is needed");
  for (int rate : options_.train_rates)
    if (options_.copies.rate.empty() && !pack.has_rate(rate))
      throw core::input_error(fmt::format("pack '{}' has rates {} and training needs {}", pack.options().name,
                                          fmt::join(pack.options().rates, ", "), rate),
                              {}, "ingest it again with that rate in --rates");
  for (double probability : {options_.flip, options_.erasing, options_.colours.jitter})
    RESOLUTE_EXPECT(probability >= 0 && probability <= 1, "probabilities are 0 to 1");
  RESOLUTE_EXPECT(options_.pad >= 0 && options_.pad <= settings::Recipe::kLargestPad, "a pad out of range");
  if (options_.colours.policy != settings::ColourPolicy::kNone) colour_scratch_.reserve(image_floats_);
}

void Loader::load_hr(std::size_t row) {
  set_size(image_, {height_, width_});
  pack_.read_hr(row, image_.pixels);
}

void Loader::load_enlarged() {
  if (small_.height == height_ && small_.width == width_)
    std::swap(image_, small_);
  else
    enlarge(small_, height_, width_, image_, resize_scratch_);
}

void Loader::change_colours(const Augmentation& augmentation) {
  for (const ColourStep& step : std::span(augmentation.colour_steps).first(augmentation.colours))
    datasets::change_colours(image_, step, colour_scratch_);
}

// The LR copy, into `small_` if it is wanted; returns its rate.
int Loader::fill_small(const BatchItem& drawn, std::size_t row, int rate, bool wanted) {
  if (!options_.copies.any()) {
    if (wanted) pack_.read_copy(row, rate, options_.copies_from, small_);
    return rate;
  }
  core::RandomStream stream("degrade", {options_.seed, drawn.round, row, drawn.occurrence});
  const Degradation degradation = draw_degradation(options_.copies, stream);
  const bool real = !options_.copies.rate.empty();
  if (wanted && real) {
    load_hr(row);
    const ImageSize size = shrunk_size({height_, width_}, degradation.rate);
    resize_into(image_, size.height, size.width, pack_.options().kernel, small_, resize_scratch_);
  } else if (wanted) {
    pack_.read_copy(row, rate, options_.copies_from, small_);
  }
  if (wanted) degrade(small_, degradation, stream, degradation_scratch_);
  return real ? static_cast<int>(degradation.rate + 0.5) : rate;
}

Augmentation Loader::augmentation(const Split& split, const BatchItem& drawn) const {
  return draw_augmentation(options_, height_, width_, drawn.round, split.train.at(drawn.item).row, drawn.occurrence);
}

bool Loader::fills_hr(const Split& split, const BatchItem& drawn) const {
  const TrainItem& item = split.train.at(drawn.item);
  return options_.originals ? has_original(split, item) : item.has_hr && !drawn.low;
}

template <class Pixel>
int Loader::fill_item(const Split& split, const BatchItem& drawn, std::span<Pixel> hr, std::span<Pixel> lr) {
  const TrainItem& item = split.train.at(drawn.item);
  const Augmentation shared = augmentation(split, drawn);
  if (!hr.empty()) {
    if (fills_hr(split, drawn)) {
      load_hr(item.row);
      change_colours(shared);
      augment(image_, shared, rows_, hr);
    } else {
      std::ranges::fill(hr, Pixel{0});
    }
  }
  int rate = item.stored_rate;
  if (item.has_hr)
    rate = fill_small(drawn, item.row, shared.rate, !lr.empty());
  else if (!lr.empty())
    pack_.read_view(item.row, rate, small_);
  if (!lr.empty()) {
    load_enlarged();
    change_colours(shared);
    augment(image_, shared, rows_, lr);
  }
  return rate;
}

template <class Pixel>
void Loader::fill_copy(const Split& split, const BatchItem& drawn, int rate, std::span<Pixel> to) {
  const TrainItem& item = split.train.at(drawn.item);
  if (!item.has_hr || drawn.low) {
    std::ranges::fill(to, Pixel{0});
    return;
  }
  pack_.read_copy(item.row, rate, options_.copies_from, small_);
  load_enlarged();
  const Augmentation shared = augmentation(split, drawn);
  change_colours(shared);
  augment(image_, shared, rows_, to);
}

// Outside of this file images are asked for as floats alone.
template int Loader::fill_item(const Split&, const BatchItem&, std::span<float>, std::span<float>);
template void Loader::fill_copy(const Split&, const BatchItem&, int, std::span<float>);

void Loader::fill_view(std::size_t row, int rate, std::span<float> to) {
  pack_.read_view(row, rate, small_);
  load_enlarged();
  augment(image_, {}, rows_, to);
}

BatchMemory host_memory(std::size_t bytes) {
  const auto pages = std::make_shared<core::PageMemory>(bytes);
  return {pages, pages->bytes().data()};
}

PrefetchingLoader::PrefetchingLoader(const PackReader& pack, const Split& split, const LoaderOptions& loader,
                                     const BatchShape& shape, PrefetchOptions options)
    : split_(split),
      options_(std::move(options)),
      planner_(split, shape, loader.seed),
      slots_(static_cast<std::size_t>(std::max(options_.kept, 1)) + 1),
      next_step_(options_.first_step),
      current_(options_.first_step),
      released_(options_.first_step) {
  const std::size_t batch = static_cast<std::size_t>(shape.identities) * static_cast<std::size_t>(shape.images);
  if (options_.items.end == 0) options_.items = {0, batch};
  RESOLUTE_EXPECT(options_.items.begin <= options_.items.end && options_.items.end <= batch, "items out of the batch");
  RESOLUTE_EXPECT(options_.threads >= 0, "a number of threads below 0");
  if (options_.threads == 0) options_.threads = core::usable_processors();
  const auto threads = static_cast<std::size_t>(options_.threads);
  for (std::size_t i = 0; i < threads; ++i) loaders_.emplace_back(pack, loader);
  for (Slot& slot : slots_) make_buffers(slot);
  try {
    for (Loader& loads : loaders_) threads_.emplace_back([this, &loads] { work(loads); });
  } catch (...) {
    stop();
    throw;
  }
}

PrefetchingLoader::~PrefetchingLoader() { stop(); }

void PrefetchingLoader::stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

namespace {

// By somebody besides its slot, or besides lent_. The copy's end orders the reads of a caller that has let go before
// what is written now.
bool is_kept(const BatchMemory& memory) {
  const BatchMemory copy = memory;
  return copy.use_count() > 2;
}

}  // namespace

void PrefetchingLoader::make_buffers(Slot& slot) {
  const std::size_t items = options_.items.size();
  const std::size_t bytes = items * loaders_.front().image_floats() * (options_.levels ? 1 : sizeof(float));
  const auto floats = [](std::span<const std::byte> images) {
    return std::span(reinterpret_cast<const float*>(images.data()), images.size() / sizeof(float));
  };
  const auto levels = [](std::span<const std::byte> images) {
    return std::span(reinterpret_cast<const std::uint8_t*>(images.data()), images.size());
  };
  LoadedBatch& batch = slot.batch;
  batch.memory.clear();
  const auto buffer = [&]() -> std::span<std::byte> {
    if (bytes == 0) return {};
    const auto spare = std::ranges::find_if_not(lent_, is_kept);
    const BatchMemory& memory =
        batch.memory.emplace_back(spare == lent_.end() ? options_.allocate(bytes) : std::move(*spare));
    if (spare != lent_.end()) lent_.erase(spare);
    RESOLUTE_EXPECT(memory != nullptr && reinterpret_cast<std::uintptr_t>(memory.get()) % kBatchAlignment == 0,
                    "memory for a batch is not aligned");
    return {memory.get(), bytes};
  };
  if (options_.hr) slot.hr = buffer();
  if (options_.lr) slot.lr = buffer();
  slot.copies.resize(options_.copy_rates.size());
  for (std::span<std::byte>& copies : slot.copies) copies = buffer();
  if (options_.levels) {
    batch.levels = {levels(slot.hr), levels(slot.lr), {}, std::vector<Augmentation>(items)};
    for (const std::span<std::byte> copies : slot.copies) batch.levels.copies.push_back(levels(copies));
  } else {
    batch.hr = floats(slot.hr);
    batch.lr = floats(slot.lr);
    batch.copies.clear();
    for (const std::span<std::byte> copies : slot.copies) batch.copies.push_back(floats(copies));
  }
  batch.items.resize(items);
  batch.lr_rates.resize(items);
  batch.labels.resize(items);
  batch.has_hr.resize(items);
  batch.has_target.resize(items);
}

void PrefetchingLoader::plan(Slot& slot, std::uint64_t step) {
  planner_.plan(step, slot.plan);
  LoadedBatch& batch = slot.batch;
  if (std::ranges::any_of(batch.memory, is_kept)) {
    lent_.insert(lent_.end(), batch.memory.begin(), batch.memory.end());
    make_buffers(slot);
  }
  // Memory that came back serves again, since new memory costs a page fault for every 4 KiB; a hoard of it does not
  // stay.
  std::size_t spare = 0;
  std::erase_if(lent_, [&](const BatchMemory& memory) {
    return !is_kept(memory) && ++spare > slots_.size() * batch.memory.size();
  });
  const auto part = std::span(slot.plan).subspan(options_.items.begin, options_.items.size());
  batch.step = step;
  batch.items.assign(part.begin(), part.end());
  for (std::size_t i = 0; i < part.size(); ++i) {
    const TrainItem& item = split_.train.at(part[i].item);
    batch.labels[i] = item.label;
    batch.has_hr[i] = item.has_hr && !part[i].low ? 1 : 0;
    batch.has_target[i] = loaders_.front().fills_hr(split_, part[i]) ? 1 : 0;
  }
}

template <class Pixel>
void PrefetchingLoader::load(Loader& loader, Slot& slot, std::size_t image) {
  const std::size_t numbers = loader.image_floats();
  const auto part = [&](std::span<std::byte> all) -> std::span<Pixel> {
    if (all.empty()) return {};
    return {reinterpret_cast<Pixel*>(all.data()) + image * numbers, numbers};
  };
  const BatchItem& item = slot.batch.items[image];
  slot.batch.lr_rates[image] = loader.fill_item(split_, item, part(slot.hr), part(slot.lr));
  for (std::size_t i = 0; i < slot.copies.size(); ++i)
    loader.fill_copy(split_, item, options_.copy_rates[i], part(slot.copies[i]));
  if (options_.levels) slot.batch.levels.augmentations[image] = loader.augmentation(split_, item);
}

// With mutex_ held: a batch to plan in a buffer that is free, or an image of a planned one.
bool PrefetchingLoader::has_work() const {
  if (current_ == options_.end_step || planning_) return false;
  return planned_ || current_ < released_ + slots_.size();
}

// Images are handed out in order, one after the other; while the last ones of a batch are still being loaded, threads
// go on to the next one if its buffer is free. After an error no image is begun, but all those before it are finished:
// so it is the error that one thread alone would have met.
void PrefetchingLoader::work(Loader& loader) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || error_ != nullptr || current_ == options_.end_step || has_work(); });
    if (stop_ || error_ != nullptr || current_ == options_.end_step) return;
    const std::uint64_t step = current_;
    Slot& batch_slot = slot(step);
    const bool plans = !planned_;
    const std::size_t image = batch_slot.claimed;
    if (plans) {
      planning_ = true;
      batch_slot.whole = false;
    } else if (++batch_slot.claimed == batch_slot.batch.items.size()) {
      ++current_;
      planned_ = false;
    }
    ++busy_;
    lock.unlock();
    std::exception_ptr error;
    try {
      if (plans)
        plan(batch_slot, step);
      else if (options_.levels)
        load<std::uint8_t>(loader, batch_slot, image);
      else
        load<float>(loader, batch_slot, image);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    --busy_;
    if (plans) planning_ = false;
    if (error != nullptr) {
      const std::size_t at = plans ? 0 : image;
      if (error_ == nullptr || std::tie(step, at) < std::tie(error_step_, error_image_)) {
        error_ = error;
        error_step_ = step;
        error_image_ = at;
      }
    } else if (plans) {
      batch_slot.claimed = batch_slot.finished = 0;
      planned_ = !batch_slot.batch.items.empty();
      batch_slot.whole = !planned_;
      if (batch_slot.whole) ++current_;
    } else if (++batch_slot.finished == batch_slot.batch.items.size()) {
      batch_slot.whole = true;
    }
    if (plans || batch_slot.whole || error_ != nullptr) changed_.notify_all();
  }
}

const LoadedBatch& PrefetchingLoader::next() {
  RESOLUTE_EXPECT(next_step_ < options_.end_step, "no step is left to load");
  Slot& wanted = slot(next_step_);
  const auto loaded = [&] { return wanted.whole && wanted.batch.step == next_step_; };
  std::unique_lock lock(mutex_);
  const std::uint64_t kept = slots_.size() - 1;
  released_ = std::max(options_.first_step + kept, next_step_ + 1) - kept;
  changed_.notify_all();
  changed_.wait(lock, [&] { return loaded() || (error_ != nullptr && busy_ == 0); });
  if (!loaded()) std::rethrow_exception(error_);
  ++next_step_;
  return wanted.batch;
}

}  // namespace resolute::datasets
