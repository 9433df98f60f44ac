//! \file
//! Lane batches read from a pack: rows, labels and HR images stand where the plan says, whatever ranks there are.

#include "workers/pack_source.h"

#include <set>

#include "datasets/labelled.h"
#include "tests/datasets/pack/raw_images.h"
#include "workers/dataset_settings.h"

namespace resolute::workers {
namespace {

class PackSourceTest : public testing::Test {
 protected:
  PackSourceTest() : pack_(make()) {
    training_.recipe.steps = 6;
    training_.recipe.identities = 4;
    training_.recipe.images = 4;
    training_.recipe.lr_images = 2;
    training_.recipe.train_rates = {2, 3};
    training_.recipe.labelled_fraction = 0.5;
    training_.lanes = 2;
    training_.seed = 3;
  }
  datasets::PackReader make() {
    tests::make_pack(raw_, tests::small_options(), raw_.pack());
    return datasets::PackReader::open(raw_.pack());
  }
  datasets::Split split(const std::string& pool) const {
    datasets::SplitOptions options;
    options.query_rates = {2, 3};
    options.train_pool = pool;
    return datasets::make_split(pack_, options);
  }

  tests::RawImages raw_{10, 3};
  datasets::PackReader pack_;
  experiments::TrainingSpecification training_;
};

TEST_F(PackSourceTest, lr_images_alone_have_labels_as_others_have_and_no_hr_image) {
  for (const std::string pool : {"mlr", "hr-both-views", "hr-view-only"}) {
    SCOPED_TRACE(pool);
    const datasets::Split split = this->split(pool);
    const auto labelled = datasets::draw_labelled(split, training_.recipe.labelled_fraction);
    PackSource source(pack_, split, training_, {0, 2}, 0);
    std::set<std::pair<bool, bool>> seen;
    for (std::uint64_t step = 0; step < 6; ++step) {
      const auto items = datasets::plan_batch(split, batch_shape(training_.recipe), training_.seed, step);
      for (int lane = 0; lane < 2; ++lane) {
        const LaneBatch batch = source.batch(step, lane);
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
  const datasets::Split split = this->split("hr-both-views");
  PackSource all(pack_, split, training_, {0, 2}, 0);
  PackSource second(pack_, split, training_, {1, 1}, 0);
  for (std::uint64_t step = 0; step < 6; ++step) {
    all.batch(step, 0);
    const LaneBatch a = all.batch(step, 1);
    const LaneBatch b = second.batch(step, 1);
    EXPECT_TRUE(at::equal(a.hr, b.hr));
    EXPECT_TRUE(at::equal(a.lr, b.lr));
    EXPECT_TRUE(at::equal(a.labels, b.labels));
    EXPECT_TRUE(at::equal(a.has_hr, b.has_hr));
    EXPECT_TRUE(at::equal(a.has_label, b.has_label));
  }
}

}  // namespace
}  // namespace resolute::workers
