//! \file
//! Lane batches read from a pack: rows, labels, HR images and their copies at every rate stand where the plan says,
//! whatever ranks there are.

#include "workers/training/pack_source.h"

#include <array>
#include <map>
#include <set>

#include "datasets/image/low_resolution.h"
#include "datasets/loader/normalisation.h"
#include "datasets/split/labelled.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::workers::pack_source_test {
namespace {

class PackSourceTest : public testing::Test {
 protected:
  PackSourceTest() : pack_(tests::open_small_pack(raw_)) {
    training_.recipe.steps = 6;
    training_.recipe.identities = 4;
    training_.recipe.images = 4;
    training_.recipe.lr_images = 2;
    training_.recipe.train_rates = {2, 3};
    training_.recipe.labelled_fraction = 0.5;
    training_.lanes = 2;
    training_.seed = 3;
  }
  datasets::Split split(settings::TrainPool pool) const {
    datasets::SplitSettings options = tests::small_split();
    options.train_pool = pool;
    return datasets::make_split(pack_, options);
  }

  tests::RawImages raw_{10, 3};
  datasets::PackReader pack_;
  experiments::TrainingSpecification training_;
};

TEST_F(PackSourceTest, lr_images_alone_have_labels_as_others_have_and_no_hr_image) {
  for (const auto pool :
       {settings::TrainPool::kMlr, settings::TrainPool::kHrBothViews, settings::TrainPool::kHrViewOnly}) {
    SCOPED_TRACE(std::string(settings::word(pool)));
    const datasets::Split split = this->split(pool);
    const auto labelled = datasets::draw_labelled(split, training_.recipe.labelled_fraction);
    PackSource source(pack_, split, training_, {0, 2}, 0);
    std::set<std::pair<bool, bool>> seen;
    for (std::uint64_t step = 0; step < 6; ++step) {
      const auto items = datasets::BatchPlanner(split, batch_shape(training_.recipe), training_.seed).plan(step);
      for (int lane = 0; lane < 2; ++lane) {
        const methods::LaneBatch batch = source.batch(step, lane);
        ASSERT_EQ(8, batch.hr.size(0));
        for (std::int64_t row = 0; row < 8; ++row) {
          const datasets::BatchItem& drawn = items[static_cast<std::size_t>(lane * 8 + row)];
          const bool has_label = labelled[drawn.item] != 0;
          const bool has_hr = batch.has_hr[row].item<bool>();
          EXPECT_EQ(row % 4 < 2, has_hr);
          EXPECT_EQ(has_hr, batch.hr[row].count_nonzero().item<std::int64_t>() > 0);
          EXPECT_GT(batch.lr[row].count_nonzero().item<std::int64_t>(), 0);
          EXPECT_EQ(has_label, batch.has_label[row].item<bool>());
          EXPECT_EQ(has_label ? split.train[drawn.item].label : -1, batch.labels[row].item<std::int64_t>());
          seen.insert({has_hr, has_label});
        }
      }
    }
    EXPECT_EQ(4U, seen.size());
  }
}

TEST_F(PackSourceTest, a_rank_of_one_lane_sees_the_rows_of_that_lane) {
  const datasets::Split split = this->split(settings::TrainPool::kHrBothViews);
  const WantedImages wanted{.copy_rates = {2, 3}};
  PackSource all(pack_, split, training_, {0, 2}, 0, at::kCPU, wanted);
  PackSource second(pack_, split, training_, {1, 1}, 0, at::kCPU, wanted);
  for (std::uint64_t step = 0; step < 6; ++step) {
    all.batch(step, 0);
    const methods::LaneBatch a = all.batch(step, 1);
    const methods::LaneBatch b = second.batch(step, 1);
    EXPECT_TRUE(at::equal(a.hr, b.hr));
    EXPECT_TRUE(at::equal(a.lr, b.lr));
    ASSERT_EQ(2U, b.copies.size());
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(at::equal(a.copies[i], b.copies[i]));
    EXPECT_TRUE(at::equal(a.labels, b.labels));
    EXPECT_TRUE(at::equal(a.has_hr, b.has_hr));
    EXPECT_TRUE(at::equal(a.has_label, b.has_label));
  }
}

// Of 1, 2 and 4 ranks, and of a training that goes on at step 3.
TEST_F(PackSourceTest, degraded_copies_are_the_same_whatever_ranks_there_are_and_after_a_resumption) {
  training_.lanes = 4;
  training_.recipe.copies_from = settings::CopiesFrom::kNetwork;
  training_.recipe.copies = {.rate = {2, 4}, .blur = {0, 1}, .noise = {0, 8}, .jpeg = {30, 90}};
  const datasets::Split split = this->split(settings::TrainPool::kHrBothViews);
  const auto images = [&](int ranks, std::uint64_t first_step) {
    const int lanes = 4 / ranks;
    std::map<std::pair<std::uint64_t, int>, at::Tensor> found;
    for (int rank = 0; rank < ranks; ++rank) {
      PackSource source(pack_, split, training_, {rank * lanes, lanes}, first_step);
      for (std::uint64_t step = first_step; step < 6; ++step)
        for (int lane = rank * lanes; lane < (rank + 1) * lanes; ++lane)
          found[{step, lane}] = source.batch(step, lane).lr;
    }
    return found;
  };
  const auto alone = images(1, 0);
  for (const int ranks : {1, 2, 4})
    for (const std::uint64_t first_step : {std::uint64_t{0}, std::uint64_t{3}})
      for (const auto& [at, lr] : images(ranks, first_step))
        EXPECT_TRUE(at::equal(alone.at(at), lr)) << ranks << " ranks, step " << at.first << ", lane " << at.second;
  training_.seed = 4;
  EXPECT_FALSE(at::equal(alone.at({0, 0}), images(1, 0).at({0, 0})));
}

// Under the augmentation of the LR image beside it: as where the same image is drawn with its HR image.
TEST_F(PackSourceTest, originals_fill_rows_of_lr_images_alone_and_change_nothing_else) {
  training_.recipe.lr_images = 0;
  const WantedImages wanted{.originals = true};
  const datasets::Split mlr = this->split(settings::TrainPool::kMlr),
                        all = this->split(settings::TrainPool::kHrBothViews),
                        with = this->split(settings::TrainPool::kMlrWithOriginals);
  EXPECT_EQ(mlr.train, with.train);
  PackSource plain(pack_, mlr, training_, {0, 2}, 0), seen(pack_, all, training_, {0, 2}, 0),
      targets(pack_, with, training_, {0, 2}, 0, at::kCPU, wanted), unwanted(pack_, with, training_, {0, 2}, 0);
  std::int64_t filled = 0;
  for (std::uint64_t step = 0; step < 6; ++step)
    for (int lane = 0; lane < 2; ++lane) {
      const methods::LaneBatch expected = plain.batch(step, lane), found = targets.batch(step, lane);
      for (const auto member : {&methods::LaneBatch::lr, &methods::LaneBatch::lr_rates, &methods::LaneBatch::labels,
                                &methods::LaneBatch::has_hr})
        EXPECT_TRUE(at::equal(expected.*member, found.*member));
      EXPECT_TRUE(at::equal(expected.hr, unwanted.batch(step, lane).hr));
      EXPECT_FALSE(expected.has_target.defined());
      EXPECT_TRUE(found.has_target.all().item<bool>());
      EXPECT_TRUE(at::equal(seen.batch(step, lane).hr, found.hr));
      filled += found.has_hr.logical_not().sum().item<std::int64_t>();
    }
  EXPECT_GT(filled, 10);
}

TEST_F(PackSourceTest, of_another_pool_images_that_have_an_hr_image_are_originals) {
  const WantedImages wanted{.originals = true};
  for (const auto pool : {settings::TrainPool::kMlr, settings::TrainPool::kHrBothViews}) {
    const datasets::Split split = this->split(pool);
    PackSource source(pack_, split, training_, {0, 2}, 0, at::kCPU, wanted);
    const methods::LaneBatch batch = source.batch(0, 0);
    for (std::int64_t row = 0; row < 8; ++row) {
      const bool target = batch.has_target[row].item<bool>();
      EXPECT_EQ(target, batch.hr[row].count_nonzero().item<std::int64_t>() > 0);
      EXPECT_EQ(target, batch.has_hr[row].item<bool>() || pool == settings::TrainPool::kHrBothViews);
    }
  }
}

// The LR copy at the drawn rate stands in the batch anyway: it is one of the copies, whatever the augmentation.
TEST_F(PackSourceTest, copies_are_augmented_as_their_hr_image_is_and_zero_without_one) {
  training_.recipe.steps = 30;
  training_.recipe.erasing = 0.5;
  training_.recipe.pad = 2;
  for (const auto pool : {settings::TrainPool::kMlr, settings::TrainPool::kHrBothViews}) {
    SCOPED_TRACE(std::string(settings::word(pool)));
    const datasets::Split split = this->split(pool);
    PackSource source(pack_, split, training_, {0, 2}, 0, at::kCPU, {.copy_rates = {2, 3}});
    std::array<int, 2> drawn{};
    for (std::uint64_t step = 0; step < 30; ++step)
      for (int lane = 0; lane < 2; ++lane) {
        const methods::LaneBatch batch = source.batch(step, lane);
        ASSERT_EQ(2U, batch.copies.size());
        for (std::int64_t row = 0; row < 8; ++row) {
          if (!batch.has_hr[row].item<bool>()) {
            for (const at::Tensor& copies : batch.copies)
              EXPECT_EQ(0, copies[row].count_nonzero().item<std::int64_t>());
            continue;
          }
          const bool first = at::equal(batch.copies[0][row], batch.lr[row]);
          EXPECT_NE(first, at::equal(batch.copies[1][row], batch.lr[row]));
          ++drawn[first ? 0 : 1];
        }
      }
    EXPECT_GT(drawn[0], 50);
    EXPECT_GT(drawn[1], 50);
  }
}

// Of LR images that stand alone and of copies beside an HR image; on the CPU, where a method branches on them.
TEST_F(PackSourceTest, lr_rates_are_the_rates_of_the_lr_images) {
  training_.recipe.flip = 0;
  training_.recipe.pad = 0;
  for (const auto pool : {settings::TrainPool::kMlr, settings::TrainPool::kHrBothViews}) {
    SCOPED_TRACE(std::string(settings::word(pool)));
    const datasets::Split split = this->split(pool);
    PackSource source(pack_, split, training_, {0, 2}, 0);
    std::set<std::pair<bool, std::int64_t>> seen;
    for (std::uint64_t step = 0; step < 6; ++step) {
      const auto items = datasets::BatchPlanner(split, batch_shape(training_.recipe), training_.seed).plan(step);
      for (int lane = 0; lane < 2; ++lane) {
        const methods::LaneBatch batch = source.batch(step, lane);
        ASSERT_EQ((std::vector<std::int64_t>{8}), batch.lr_rates.sizes().vec());
        ASSERT_EQ(at::kLong, batch.lr_rates.scalar_type());
        ASSERT_TRUE(batch.lr_rates.device().is_cpu());
        for (std::int64_t row = 0; row < 8; ++row) {
          const datasets::TrainItem& item = split.train[items[static_cast<std::size_t>(lane * 8 + row)].item];
          const auto rate = batch.lr_rates[row].item<std::int64_t>();
          const at::Tensor found = batch.lr[row].permute({1, 2, 0}).contiguous();
          for (const int other : {2, 3}) {
            datasets::Image small;
            pack_.read_view(item.row, other, small);
            const datasets::Image image = datasets::enlarge(small, 12, 6);
            std::size_t same = 0;
            for (std::size_t i = 0; i < image.pixels.size(); ++i)
              same += datasets::normalised_level(image.pixels[i], i % 3) == found.const_data_ptr<float>()[i] ? 1U : 0U;
            EXPECT_EQ(rate == other, same == image.pixels.size()) << other;
          }
          seen.insert({batch.has_hr[row].item<bool>(), rate});
        }
      }
    }
    EXPECT_EQ(4U, seen.size());
  }
}

// One that wants nothing else has no `lr`.
TEST_F(PackSourceTest, without_augmentation_copies_are_the_pack_s_images_at_their_rate_enlarged) {
  training_.recipe.flip = 0;
  training_.recipe.pad = 0;
  training_.recipe.copies_from = settings::CopiesFrom::kNetwork;
  const datasets::Split split = this->split(settings::TrainPool::kHrBothViews);
  PackSource source(pack_, split, training_, {0, 2}, 0, at::kCPU, {.lr = false, .copy_rates = {3, 2}});
  for (std::uint64_t step = 0; step < 3; ++step) {
    const auto items = datasets::BatchPlanner(split, batch_shape(training_.recipe), training_.seed).plan(step);
    for (int lane = 0; lane < 2; ++lane) {
      const methods::LaneBatch batch = source.batch(step, lane);
      EXPECT_FALSE(batch.lr.defined());
      for (std::int64_t row = 0; row < 8; ++row) {
        if (!batch.has_hr[row].item<bool>()) continue;
        const datasets::BatchItem& item = items[static_cast<std::size_t>(lane * 8 + row)];
        for (const auto& [copies, rate] : {std::pair{batch.copies.at(0), 3}, std::pair{batch.copies.at(1), 2}}) {
          datasets::Image small;
          pack_.read_lr(split.train[item.item].row, rate, small);
          EXPECT_EQ(12 / rate, small.height);
          const datasets::Image image = datasets::enlarge(small, 12, 6);
          const at::Tensor found = copies[row].permute({1, 2, 0}).contiguous();
          for (std::size_t i = 0; i < image.pixels.size(); ++i)
            ASSERT_EQ(datasets::normalised_level(image.pixels[i], i % 3), found.const_data_ptr<float>()[i]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace resolute::workers::pack_source_test
