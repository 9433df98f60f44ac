#include "datasets/loader/loader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "datasets/image/low_resolution.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::loader_test {
namespace {

using settings::CopiesFrom;
using tests::expect_error;

constexpr float kMean[] = {0.485F, 0.456F, 0.406F};
constexpr float kStd[] = {0.229F, 0.224F, 0.225F};

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() : pack_(tests::open_small_pack(raw_)), split_(make_split(pack_, tests::small_split())) {}
  static LoaderOptions plain() { return {.train_rates = {2, 3}, .flip = 0.0, .pad = 0}; }
  Split split_of(TrainPool pool) const {
    SplitSettings settings = tests::small_split();
    settings.train_pool = pool;
    return make_split(pack_, settings);
  }
  // The LR copy that stands beside an HR image; rate 1: that image.
  Image lr_image(std::size_t row, int rate, CopiesFrom from = CopiesFrom::kNative) const {
    Image image;
    if (from == CopiesFrom::kNative)
      pack_.read_view(row, rate, image);
    else
      pack_.read_lr(row, rate, image);
    return enlarge(image, 12, 6);
  }
  static std::span<float> image_of(std::vector<float>& all, std::size_t i, const Loader& loader) {
    return std::span(all).subspan(i * loader.image_floats(), loader.image_floats());
  }
  static std::vector<float> floats(std::span<const float> images) { return {images.begin(), images.end()}; }
  // The slow, obvious way.
  static std::vector<float> expected(const Image& image, const Augmentation& augmentation) {
    std::vector<float> out;
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x)
        for (int c = 0; c < 3; ++c) {
          int from_y = y - augmentation.shift_y;
          int from_x = x - augmentation.shift_x;
          bool inside = from_y >= 0 && from_y < image.height && from_x >= 0 && from_x < image.width;
          if (augmentation.flipped) from_x = image.width - 1 - from_x;
          float level = inside ? image.pixels[static_cast<std::size_t>((from_y * image.width + from_x) * 3 + c)] : 0.0F;
          float value = (level / 255.0F - kMean[c]) / kStd[c];
          bool erased = y >= augmentation.erase_top && y < augmentation.erase_top + augmentation.erase_height &&
                        x >= augmentation.erase_left && x < augmentation.erase_left + augmentation.erase_width;
          out.push_back(erased ? 0.0F : value);
        }
    return out;
  }

  tests::RawImages raw_{6, 3};
  PackReader pack_;
  Split split_;
};

TEST_F(LoaderTest, an_image_and_its_copy_share_every_draw) {
  LoaderOptions options = plain();
  options.flip = 0.5;
  options.pad = 3;
  options.erasing = 0.5;
  options.seed = 9;
  Loader loader(pack_, options);
  int flipped = 0;
  int erased = 0;
  for (std::uint64_t step = 0; step < 30; ++step) {
    auto items = BatchPlanner(split_, {3, 4}, 1).plan(step);
    std::vector<float> hr(items.size() * loader.image_floats());
    std::vector<float> lr(hr.size());
    for (std::size_t i = 0; i < items.size(); ++i)
      loader.fill_item(split_, items[i], image_of(hr, i, loader), image_of(lr, i, loader));
    for (std::size_t i = 0; i < items.size(); ++i) {
      const TrainItem& item = split_.train[items[i].item];
      Augmentation augmentation = draw_augmentation(options, 12, 6, items[i].round, item.row, items[i].occurrence);
      flipped += augmentation.flipped;
      erased += augmentation.erase_height > 0;
      auto got = [&](const std::vector<float>& all) {
        auto at = all.begin() + static_cast<std::ptrdiff_t>(i * loader.image_floats());
        return std::vector<float>(at, at + static_cast<std::ptrdiff_t>(loader.image_floats()));
      };
      if (item.has_hr) {
        EXPECT_EQ(expected(lr_image(item.row, 1), augmentation), got(hr));
        EXPECT_EQ(expected(lr_image(item.row, augmentation.rate), augmentation), got(lr));
      } else {
        Image view;
        pack_.read_view(item.row, item.stored_rate, view);
        EXPECT_EQ(std::vector<float>(loader.image_floats(), 0.0F), got(hr));
        EXPECT_EQ(expected(enlarge(view, 12, 6), augmentation), got(lr));
      }
    }
  }
  EXPECT_NEAR(180, flipped, 50);
  EXPECT_GT(erased, 100);
}

// All else is drawn as without them, and HR images that are targets change with their copies.
TEST_F(LoaderTest, colours_change_first_and_by_the_same_draw_for_an_image_and_its_copies) {
  LoaderOptions grey = plain();
  grey.flip = grey.erasing = 0.5;
  grey.pad = 3;
  grey.seed = 9;
  LoaderOptions options = grey;
  options.colours = {.jitter = 0.5,
                     .brightness = 0.3,
                     .contrast = 0.3,
                     .saturation = 0.3,
                     .hue = 0.2,
                     .policy = settings::ColourPolicy::kRandAugmentColour};
  Loader loader(pack_, options);
  std::vector<float> hr(loader.image_floats()), lr(hr.size()), copy(hr.size());
  std::vector<std::uint8_t> scratch;
  std::set<std::size_t> counts;
  for (std::uint64_t step = 0; step < 30; ++step)
    for (const BatchItem& drawn : BatchPlanner(split_, {3, 4}, 1).plan(step)) {
      const TrainItem& item = split_.train[drawn.item];
      const Augmentation augmentation = draw_augmentation(options, 12, 6, drawn.round, item.row, drawn.occurrence);
      Augmentation without = augmentation;
      without.colours = 0;
      without.colour_steps = {};
      EXPECT_EQ(without, draw_augmentation(grey, 12, 6, drawn.round, item.row, drawn.occurrence));
      counts.insert(augmentation.colours);
      if (!item.has_hr) continue;
      const auto changed = [&](Image image) {
        for (std::size_t i = 0; i < augmentation.colours; ++i)
          change_colours(image, augmentation.colour_steps.at(i), scratch);
        return expected(image, augmentation);
      };
      loader.fill_item(split_, drawn, std::span(hr), std::span(lr));
      loader.fill_copy(split_, drawn, 3, std::span(copy));
      EXPECT_EQ(changed(lr_image(item.row, 1)), hr);
      EXPECT_EQ(changed(lr_image(item.row, augmentation.rate)), lr);
      EXPECT_EQ(changed(lr_image(item.row, 3)), copy);
    }
  EXPECT_TRUE(counts.contains(2) && counts.contains(6)) << "with and without the jitter";
}

// Every operation comes, at torchvision's magnitudes, and both signs; the jitter's order and factors differ.
TEST(DrawAugmentation, colours_are_those_that_were_asked_for) {
  LoaderOptions options{.train_rates = {2}};
  options.colours.policy = settings::ColourPolicy::kRandAugmentColour;
  std::map<ColourChange, std::set<double>> amounts;
  std::size_t steps = 0;
  for (std::size_t row = 0; row < 2000; ++row) {
    const Augmentation drawn = draw_augmentation(options, 12, 6, 0, row, 0);
    steps += drawn.colours;
    for (std::size_t i = 0; i < drawn.colours; ++i)
      amounts[drawn.colour_steps.at(i).change].insert(drawn.colour_steps.at(i).amount);
  }
  EXPECT_NEAR(static_cast<double>(steps), 2000 * 2 * 8 / 9.0, 100);
  for (const ColourChange change :
       {ColourChange::kBrightness, ColourChange::kContrast, ColourChange::kSaturation, ColourChange::kSharpness}) {
    ASSERT_EQ(amounts[change].size(), 2U);
    EXPECT_NEAR(*amounts[change].begin(), 0.73, 1e-12);
    EXPECT_NEAR(*amounts[change].rbegin(), 1.27, 1e-12);
  }
  EXPECT_EQ(amounts[ColourChange::kPosterize], (std::set<double>{7}));
  ASSERT_EQ(amounts[ColourChange::kSolarize].size(), 1U);
  EXPECT_NEAR(*amounts[ColourChange::kSolarize].begin(), 178.5, 1e-9);
  EXPECT_EQ(amounts[ColourChange::kAutoContrast].size() + amounts[ColourChange::kEqualize].size(), 2U);
  EXPECT_FALSE(amounts.contains(ColourChange::kHue));

  options.colours = {.jitter = 0.5, .brightness = 0.2, .saturation = 1, .hue = 0.1};
  std::map<ColourChange, std::pair<double, double>> ends;  // lowest and highest
  std::map<ColourChange, int> firsts;
  int jittered = 0;
  for (std::size_t row = 0; row < 2000; ++row) {
    const Augmentation drawn = draw_augmentation(options, 12, 6, 0, row, 0);
    if (drawn.colours == 0) continue;
    ++jittered;
    ASSERT_EQ(drawn.colours, 3U);
    ++firsts[drawn.colour_steps[0].change];
    for (std::size_t i = 0; i < 3; ++i) {
      const ColourStep& step = drawn.colour_steps.at(i);
      auto& [low, high] = ends.try_emplace(step.change, 9.0, -9.0).first->second;
      low = std::min(low, step.amount);
      high = std::max(high, step.amount);
    }
  }
  EXPECT_NEAR(jittered, 1000, 80);
  for (const auto& [change, count] : firsts) EXPECT_NEAR(count, jittered / 3.0, 70);
  const auto expect_ends = [&](ColourChange change, double low, double high) {
    EXPECT_NEAR(ends[change].first, low, 0.02);
    EXPECT_NEAR(ends[change].second, high, 0.02);
    EXPECT_TRUE(ends[change].first >= low && ends[change].second <= high);
  };
  expect_ends(ColourChange::kBrightness, 0.8, 1.2);
  expect_ends(ColourChange::kSaturation, 0, 2);
  expect_ends(ColourChange::kHue, -0.1, 0.1);
  EXPECT_FALSE(ends.contains(ColourChange::kContrast));
}

// For each pool: those of the HR rows are as without them, those of the LR rows have no HR image. A `low` one's copy is
// at the rate drawn for it, an LR view as the pool has it.
TEST_F(LoaderTest, lr_images_alone_have_zeros_for_their_hr_image) {
  for (const TrainPool pool : {TrainPool::kMlr, TrainPool::kHrBothViews, TrainPool::kHrViewOnly}) {
    SCOPED_TRACE(std::string(settings::word(pool)));
    const Split split = split_of(pool);
    LoaderOptions options = plain();
    options.flip = 0.5;
    options.pad = 2;
    PrefetchOptions all{.end_step = 20};
    const BatchShape shape{3, 4, 2};
    PrefetchingLoader prefetching(pack_, split, options, shape, all);
    Loader loader(pack_, options);
    const std::size_t floats = loader.image_floats();
    int low = 0;
    for (std::uint64_t step = 0; step < 20; ++step) {
      const LoadedBatch& batch = prefetching.next();
      EXPECT_EQ(BatchPlanner(split, shape, options.seed).plan(step), batch.items);
      for (std::size_t i = 0; i < batch.items.size(); ++i) {
        const BatchItem& drawn = batch.items[i];
        const TrainItem& item = split.train[drawn.item];
        const Augmentation augmentation = draw_augmentation(options, 12, 6, drawn.round, item.row, drawn.occurrence);
        const auto part_of = [&](std::span<const float> images) {
          const auto at = images.begin() + static_cast<std::ptrdiff_t>(i * floats);
          return std::vector<float>(at, at + static_cast<std::ptrdiff_t>(floats));
        };
        EXPECT_EQ(i % 4 < 2, batch.has_hr[i] == 1);
        EXPECT_EQ(item.label, batch.labels[i]);
        if (batch.has_hr[i] == 1)
          EXPECT_EQ(expected(lr_image(item.row, 1), augmentation), part_of(batch.hr));
        else
          EXPECT_EQ(std::vector<float>(floats, 0.0F), part_of(batch.hr));
        Image view;
        if (!item.has_hr) pack_.read_view(item.row, item.stored_rate, view);
        EXPECT_EQ(expected(item.has_hr ? lr_image(item.row, augmentation.rate) : enlarge(view, 12, 6), augmentation),
                  part_of(batch.lr));
        low += drawn.low;
      }
    }
    EXPECT_EQ(pool == TrainPool::kMlr ? 0 : 20 * 3 * 2, low);
  }
}

// For every row: it has its HR image in the batch, could have it, or is stored as an LR image; of a lane's part.
TEST_F(LoaderTest, lr_rates_are_those_of_the_images_that_are_there) {
  LoaderOptions options = plain();
  options.flip = 0.5;
  options.pad = 2;
  std::map<std::tuple<bool, bool, int>, int> seen;  // in the pool with its HR image, in the batch with it, rate
  for (const TrainPool pool : {TrainPool::kMlr, TrainPool::kHrBothViews})
    for (const int lr_images : {0, 2}) {
      SCOPED_TRACE(fmt::format("{} {}", settings::word(pool), lr_images));
      const Split split = split_of(pool);
      PrefetchOptions part{.items = lane_items(3, 4, 3, 1, 3), .end_step = 20};
      PrefetchingLoader prefetching(pack_, split, options, {3, 4, lr_images}, part);
      const std::size_t floats = Loader(pack_, options).image_floats();
      for (std::uint64_t step = 0; step < 20; ++step) {
        const LoadedBatch& batch = prefetching.next();
        ASSERT_EQ(8U, batch.lr_rates.size());
        for (std::size_t i = 0; i < 8; ++i) {
          const BatchItem& drawn = batch.items[i];
          const TrainItem& item = split.train[drawn.item];
          const Augmentation augmentation = draw_augmentation(options, 12, 6, drawn.round, item.row, drawn.occurrence);
          const auto at = batch.lr.begin() + static_cast<std::ptrdiff_t>(i * floats);
          const std::vector<float> got(at, at + static_cast<std::ptrdiff_t>(floats));
          for (const int rate : {2, 3}) {
            Image view;
            if (!item.has_hr) pack_.read_view(item.row, rate, view);
            const Image shown = item.has_hr ? lr_image(item.row, rate) : enlarge(view, 12, 6);
            EXPECT_EQ(rate == batch.lr_rates[i], expected(shown, augmentation) == got) << rate;
          }
          ++seen[{item.has_hr, batch.has_hr[i] == 1, batch.lr_rates[i]}];
        }
      }
    }
  EXPECT_EQ(6U, seen.size());  // both rates of the three kinds of rows
  for (const auto& [kind, count] : seen) EXPECT_GT(count, 30);
}

// Each at its own rate whatever was drawn for `lr`, augmented as the HR image; LR rows, `low` ones too, have zeros.
TEST_F(LoaderTest, copies_at_every_rate_share_the_hr_images_draws) {
  for (const TrainPool pool : {TrainPool::kMlr, TrainPool::kHrBothViews}) {
    SCOPED_TRACE(std::string(settings::word(pool)));
    const Split split = split_of(pool);
    LoaderOptions options = plain();
    options.flip = 0.5;
    options.pad = 2;
    options.erasing = 0.5;
    PrefetchOptions all{.end_step = 10, .copy_rates = {2, 3}};
    const BatchShape shape{3, 4, 2};
    PrefetchingLoader prefetching(pack_, split, options, shape, all);
    const std::size_t floats = Loader(pack_, options).image_floats();
    int copied = 0;
    for (std::uint64_t step = 0; step < 10; ++step) {
      const LoadedBatch& batch = prefetching.next();
      ASSERT_EQ(2U, batch.copies.size());
      for (std::size_t c = 0; c < 2; ++c) {
        ASSERT_EQ(batch.items.size() * floats, batch.copies[c].size());
        for (std::size_t i = 0; i < batch.items.size(); ++i) {
          const BatchItem& drawn = batch.items[i];
          const std::size_t row = split.train[drawn.item].row;
          const auto at = batch.copies[c].begin() + static_cast<std::ptrdiff_t>(i * floats);
          const std::vector<float> got(at, at + static_cast<std::ptrdiff_t>(floats));
          const Augmentation augmentation = draw_augmentation(options, 12, 6, drawn.round, row, drawn.occurrence);
          const bool is_hr = batch.has_hr[i] == 1;
          EXPECT_EQ(is_hr ? expected(lr_image(row, all.copy_rates[c]), augmentation) : std::vector<float>(floats, 0.0F),
                    got);
          copied += is_hr;
        }
      }
    }
    EXPECT_EQ(10 * 3 * 2 * 2, copied);
  }
}

// One degradation for copies and queries: before augmentation they are the same floats. With `network` they are those
// of the image at network size, which are others.
TEST_F(LoaderTest, a_copy_is_the_view_of_a_query_or_of_the_image_at_network_size) {
  const Split split = split_of(TrainPool::kHrBothViews);
  for (const int rate : {1, 2, 3})
    for (const CopiesFrom from : {CopiesFrom::kNative, CopiesFrom::kNetwork}) {
      SCOPED_TRACE(fmt::format("{} {}", rate, settings::word(from)));
      LoaderOptions options = plain();
      options.train_rates = {rate};
      options.copies_from = from;
      Loader loader(pack_, options);
      std::vector<float> lr(loader.image_floats()), copy(lr.size()), view(lr.size());
      for (std::size_t item = 0; item < split.train.size(); ++item) {
        const std::size_t row = split.train[item].row;
        ASSERT_EQ(rate, loader.fill_item<float>(split, {.item = item}, {}, lr));
        loader.fill_copy<float>(split, {.item = item}, rate, copy);
        loader.fill_view(row, rate, view);
        EXPECT_EQ(expected(lr_image(row, rate, from), {}), lr);
        EXPECT_EQ(lr, copy);
        EXPECT_EQ(rate == 1 || from == CopiesFrom::kNative, lr == view);
      }
    }
}

// A real rate that is whole gives the bytes of the whole one, and 1 the HR image.
TEST_F(LoaderTest, copies_at_an_interval_of_one_whole_rate_are_those_at_that_rate) {
  const Split split = split_of(TrainPool::kHrBothViews);
  for (const int rate : {1, 2, 3}) {
    LoaderOptions whole = plain(), drawn = plain();
    whole.train_rates = {rate};
    whole.copies_from = drawn.copies_from = CopiesFrom::kNetwork;
    drawn.train_rates = {7};  // which the pack has not, and nothing reads
    drawn.copies.rate = {static_cast<double>(rate), static_cast<double>(rate)};
    Loader a(pack_, whole), b(pack_, drawn);
    std::vector<float> one(a.image_floats()), other(a.image_floats());
    for (std::size_t item = 0; item < split.train.size(); ++item) {
      EXPECT_EQ(rate, a.fill_item<float>(split, {.item = item}, {}, one));
      EXPECT_EQ(rate, b.fill_item<float>(split, {.item = item}, {}, other));
      EXPECT_EQ(one, other) << rate;
    }
  }
}

// Step by step, by draws of their own: flips and shifts are those of a training without. What a pool stores in low
// resolution is left as it came.
TEST_F(LoaderTest, copies_are_shrunk_degraded_and_enlarged) {
  LoaderOptions options = plain();
  options.flip = 0.5;
  options.pad = 2;
  options.seed = 4;
  options.copies_from = CopiesFrom::kNetwork;
  const settings::DegradationSettings real{.rate = {1.5, 3.5}, .blur = {0.5, 1}, .noise = {2, 8}, .jpeg = {40, 90}};
  settings::DegradationSettings of_whole_rates = real;
  of_whole_rates.rate.clear();
  std::set<int> rates;
  for (const settings::DegradationSettings& copies : {real, of_whole_rates}) {
    LoaderOptions degraded = options;
    degraded.copies = copies;
    Loader loader(pack_, degraded), without(pack_, options);
    std::vector<float> hr(loader.image_floats()), lr(hr.size()), plain_hr(hr.size()), plain_lr(hr.size());
    DegradationScratch scratch;
    for (const BatchItem& drawn : BatchPlanner(split_, {3, 4}, 1).plan(1)) {
      EXPECT_EQ(1U, drawn.round);
      const TrainItem& item = split_.train[drawn.item];
      const int rate = loader.fill_item<float>(split_, drawn, hr, lr);
      const int whole_rate = without.fill_item<float>(split_, drawn, plain_hr, plain_lr);
      EXPECT_EQ(plain_hr, hr);
      EXPECT_EQ(rate, loader.fill_item<float>(split_, drawn, hr, {})) << "left out";
      if (!item.has_hr) {
        EXPECT_EQ(plain_lr, lr);
        EXPECT_EQ(whole_rate, rate);
        continue;
      }
      core::RandomStream stream("degrade", {4, drawn.round, item.row, drawn.occurrence});
      const Degradation degradation = draw_degradation(copies, stream);
      Image small;
      if (copies.rate.empty()) {
        pack_.read_lr(item.row, whole_rate, small);
      } else {
        Image image;
        pack_.read_lr(item.row, 1, image);
        small = resize(image, static_cast<int>(12 / degradation.rate), static_cast<int>(6 / degradation.rate),
                       pack_.options().kernel);
      }
      degrade(small, degradation, stream, scratch);
      EXPECT_EQ(
          expected(enlarge(small, 12, 6), draw_augmentation(degraded, 12, 6, drawn.round, item.row, drawn.occurrence)),
          lr);
      EXPECT_EQ(copies.rate.empty() ? whole_rate : static_cast<int>(std::lround(degradation.rate)), rate);
      rates.insert(rate);
    }
  }
  EXPECT_GE(rates.size(), 2U);
}

// So to say what copies are made from makes no difference there: a suite's rows that differ in it alone are one job.
TEST_F(LoaderTest, copies_and_views_of_a_pack_with_views_of_network_size_are_the_same) {
  PackSettings settings = tests::small_options();
  settings.view_from = ViewFrom::kNetwork;
  tests::make_pack(raw_, settings, raw_.pack("network"));
  const PackReader pack = PackReader::open(raw_.pack("network"));
  for (std::size_t row = 0; row < pack.size(); ++row)
    for (const int rate : {1, 2, 3}) {
      Image native, network;
      pack.read_copy(row, rate, CopiesFrom::kNative, native);
      pack.read_copy(row, rate, CopiesFrom::kNetwork, network);
      EXPECT_TRUE(native == network) << row << " " << rate;
    }
}

// The rest of a batch is as without them; they cover a lane's part of it, and neither `hr` nor `lr` is needed.
TEST_F(LoaderTest, copies_change_nothing_else) {
  LoaderOptions options = plain();
  options.pad = 2;
  PrefetchOptions part{.items = lane_items(3, 4, 3, 1, 3), .first_step = 2, .end_step = 8};
  PrefetchOptions with = part;
  with.copy_rates = {3};
  PrefetchOptions alone = with;
  alone.hr = alone.lr = false;
  PrefetchingLoader without(pack_, split_, options, {3, 4, 2}, part);
  PrefetchingLoader beside(pack_, split_, options, {3, 4, 2}, with);
  PrefetchingLoader copies(pack_, split_, options, {3, 4, 2}, alone);
  for (std::uint64_t step = 2; step < 8; ++step) {
    const LoadedBatch& a = without.next();
    const LoadedBatch& b = beside.next();
    const LoadedBatch& c = copies.next();
    EXPECT_TRUE(a.copies.empty());
    EXPECT_EQ(a.items, b.items);
    EXPECT_EQ(floats(a.hr), floats(b.hr));
    EXPECT_EQ(floats(a.lr), floats(b.lr));
    ASSERT_EQ(1U, b.copies.size());
    ASSERT_EQ(1U, c.copies.size());
    EXPECT_EQ(floats(b.copies[0]), floats(c.copies[0]));
    EXPECT_TRUE(c.hr.empty() && c.lr.empty());
    Loader loader(pack_, options);
    std::vector<float> direct(b.items.size() * loader.image_floats());
    for (std::size_t i = 0; i < b.items.size(); ++i)
      loader.fill_copy(split_, b.items[i], 3, image_of(direct, i, loader));
    EXPECT_EQ(direct, floats(b.copies[0]));
  }
}

TEST_F(LoaderTest, queries_and_gallery_come_as_they_are) {
  Loader loader(pack_, plain());
  std::vector<float> got(loader.image_floats());
  Image view;
  pack_.read_view(4, 3, view);
  loader.fill_view(4, 3, got);
  EXPECT_EQ(expected(enlarge(view, 12, 6), {}), got);
  EXPECT_THROW(loader.fill_view(4, 3, std::span(got).first(got.size() - 3)), core::ContractError);
  loader.fill_view(4, 1, got);
  EXPECT_EQ(expected(lr_image(4, 1), {}), got);
}

TEST_F(LoaderTest, draws_are_keyed_and_cover_their_range) {
  LoaderOptions options{.seed = 3};
  std::map<int, int> rates;
  std::map<int, int> shifts;
  for (std::size_t row = 0; row < 3000; ++row) {
    Augmentation augmentation = draw_augmentation(options, 64, 32, 0, row, 0);
    ++rates[augmentation.rate];
    ++shifts[augmentation.shift_x];
    EXPECT_EQ(augmentation, draw_augmentation(options, 64, 32, 0, row, 0));
  }
  for (int rate : {2, 3, 4}) EXPECT_NEAR(1000, rates[rate], 120);
  EXPECT_EQ(21U, shifts.size());
  EXPECT_EQ(-10, shifts.begin()->first);
  EXPECT_NE(draw_augmentation(options, 64, 32, 1, 5, 0), draw_augmentation(options, 64, 32, 2, 5, 0));
  EXPECT_NE(draw_augmentation(options, 64, 32, 1, 5, 0), draw_augmentation(options, 64, 32, 1, 5, 1));
}

TEST_F(LoaderTest, options_out_of_range_are_refused) {
  auto refused = [&](auto change, const std::string& part) {
    LoaderOptions options = plain();
    change(options);
    expect_error(core::ErrorKind::kInput, {part}, [&] { Loader loader(pack_, options); });
  };
  refused([](LoaderOptions& o) { o.train_rates = {4}; }, "needs 4");
  refused([](LoaderOptions& o) { o.train_rates = {}; }, "train_rates");
  const auto broken = [&](auto change) {
    LoaderOptions options = plain();
    change(options);
    EXPECT_THROW(Loader(pack_, options), core::ContractError);
  };
  broken([](LoaderOptions& o) { o.flip = 1.5; });
  broken([](LoaderOptions& o) { o.erasing = std::nan(""); });
  broken([](LoaderOptions& o) { o.pad = -1; });
}

TEST_F(LoaderTest, degraded_copies_are_the_same_on_any_threads_in_any_part_and_from_any_step) {
  LoaderOptions options = plain();
  options.copies_from = CopiesFrom::kNetwork;
  options.copies = {.rate = {2, 4}, .blur = {0, 1}, .noise = {0, 8}, .jpeg = {30, 90}};
  PrefetchOptions whole{.end_step = 6};
  PrefetchOptions later{.items = lane_items(3, 4, 3, 1, 3), .first_step = 3, .end_step = 6, .threads = 3};
  PrefetchingLoader first(pack_, split_, options, {3, 4}, whole);
  PrefetchingLoader second(pack_, split_, options, {3, 4}, later);
  std::vector<float> before;
  for (std::uint64_t step = 0; step < 6; ++step) {
    const LoadedBatch& a = first.next();
    EXPECT_NE(before, floats(a.lr));
    before = floats(a.lr);
    if (step < 3) continue;
    const LoadedBatch& b = second.next();
    const std::size_t skipped = a.lr.size() - b.lr.size();
    ASSERT_GT(skipped, 0U);
    EXPECT_EQ(floats(a.lr.subspan(skipped)), floats(b.lr));
    EXPECT_TRUE(std::equal(b.lr_rates.rbegin(), b.lr_rates.rend(), a.lr_rates.rbegin()));
  }
}

TEST_F(LoaderTest, prefetching_changes_nothing) {
  LoaderOptions options{.train_rates = {2, 3}, .pad = 2};
  PrefetchOptions part{.items = lane_items(3, 4, 3, 1, 3), .first_step = 5, .end_step = 25};
  PrefetchingLoader prefetching(pack_, split_, options, {3, 4}, part);
  Loader loader(pack_, options);
  for (std::uint64_t step = 5; step < 25; ++step) {
    const LoadedBatch& batch = prefetching.next();
    auto items = BatchPlanner(split_, {3, 4}, options.seed).plan(step);
    items.erase(items.begin(), items.begin() + 4);
    EXPECT_EQ(step, batch.step);
    EXPECT_EQ(items, batch.items);
    std::vector<float> hr(items.size() * loader.image_floats());
    std::vector<float> lr(hr.size());
    for (std::size_t i = 0; i < items.size(); ++i)
      loader.fill_item(split_, items[i], image_of(hr, i, loader), image_of(lr, i, loader));
    EXPECT_EQ(hr, floats(batch.hr));
    EXPECT_EQ(lr, floats(batch.lr));
    for (std::size_t i = 0; i < items.size(); ++i) {
      EXPECT_EQ(split_.train[items[i].item].label, batch.labels[i]);
      EXPECT_EQ(split_.train[items[i].item].has_hr, batch.has_hr[i] == 1);
    }
  }
  EXPECT_THROW(prefetching.next(), core::ContractError);
}

TEST_F(LoaderTest, a_batch_that_is_kept_stays_while_the_next_are_loaded) {
  PrefetchOptions keeping{.first_step = 3, .end_step = 23, .threads = 2, .kept = 2};
  PrefetchingLoader prefetching(pack_, split_, plain(), {3, 2}, keeping);
  const LoadedBatch* before = nullptr;
  std::vector<float> pixels;
  for (std::uint64_t step = 3; step < 23; ++step) {
    const LoadedBatch& batch = prefetching.next();
    EXPECT_EQ(step, batch.step);
    // Time enough to fill every buffer that is free.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (before != nullptr) {
      EXPECT_EQ(step - 1, before->step);
      EXPECT_EQ(pixels, floats(before->hr));
    }
    before = &batch;
    pixels = floats(batch.hr);
  }
}

TEST_F(LoaderTest, damage_met_by_the_prefetching_thread_reaches_the_caller) {
  fs::resize_file(raw_.pack() / "shard-00000.h5", 600);
  PrefetchOptions all{.end_step = 1000};
  PrefetchingLoader prefetching(pack_, split_, plain(), {3, 2}, all);
  expect_error(core::ErrorKind::kCorrupt, {"ends after"}, [&] { prefetching.next(); });
}

}  // namespace
}  // namespace resolute::datasets::loader_test
