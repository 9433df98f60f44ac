#include "datasets/split/joined.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "datasets/loader/sampling.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::joined_test {
namespace {

using testing::ElementsAre;
using tests::expect_error;

// Two packs of one size, of 6 and of 4 people, with other rates and numbers of shards.
class JoinedTest : public testing::Test {
 protected:
  JoinedTest() : first_(tests::open_small_pack(raw_, options("first", {2, 3}, 2))) {
    second_ = open(raw_of_second_, options("second", {2, 4}, 1));
  }
  static PackSettings options(const std::string& name, std::vector<int> rates, int shards) {
    PackSettings options = tests::small_options(shards);
    options.name = name;
    options.rates = std::move(rates);
    return options;
  }
  static std::unique_ptr<PackReader> open(const tests::RawImages& raw, const PackSettings& options) {
    return std::make_unique<PackReader>(tests::open_small_pack(raw, options));
  }
  PackReader joined() const {
    const PackReader* const parts[] = {&first_, second_.get()};
    return PackReader::joined(parts);
  }
  std::vector<Split> splits(const SplitSettings& settings = {.query_rates = {2}}) const {
    return {make_split(first_, settings), make_split(*second_, settings)};
  }
  static Image hr(const PackReader& pack, std::size_t row) {
    Image image = make_image(pack.options().height, pack.options().width);
    pack.read_hr(row, image.pixels);
    return image;
  }

  const tests::RawImages raw_{6, 2};
  const tests::RawImages raw_of_second_{4, 3, 24, 14};
  const PackReader first_;
  std::unique_ptr<PackReader> second_;
};

TEST_F(JoinedTest, images_are_those_of_the_parts_and_outlive_them) {
  const std::size_t size = first_.size(), more = second_->size();
  std::vector<Image> expected;
  for (std::size_t row = 0; row < size; ++row) expected.push_back(hr(first_, row));
  for (std::size_t row = 0; row < more; ++row) expected.push_back(hr(*second_, row));
  Image view;
  second_->read_view(1, 2, view);
  const PackReader pack = joined();
  second_.reset();
  ASSERT_EQ(size + more, pack.size());
  for (std::size_t row = 0; row < pack.size(); ++row) EXPECT_EQ(expected[row].pixels, hr(pack, row).pixels) << row;
  Image found;
  pack.read_view(size + 1, 2, found);
  EXPECT_EQ(view.pixels, found.pixels);
  EXPECT_EQ("first", pack.options().name);
  EXPECT_EQ(first_.pack_sha256(), pack.pack_sha256());
}

TEST_F(JoinedTest, people_cameras_and_paths_of_the_parts_are_apart) {
  const PackReader pack = joined();
  std::map<std::string, std::set<std::int64_t>> people, cameras;
  std::set<std::string> paths;
  for (std::size_t row = 0; row < pack.size(); ++row) {
    const std::string part = row < first_.size() ? "first" : "second";
    people[part].insert(pack.row(row).sample.identity);
    cameras[part].insert(pack.row(row).sample.camera);
    paths.insert(pack.row(row).sample.path);
    EXPECT_TRUE(pack.row(row).sample.path.starts_with(part + "/"));
  }
  EXPECT_THAT(people["first"], ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(people["second"], ElementsAre(7, 8, 9, 10));
  EXPECT_THAT(cameras["first"], ElementsAre(1, 2));
  EXPECT_THAT(cameras["second"], ElementsAre(3, 4));
  EXPECT_EQ(pack.size(), paths.size());
}

TEST_F(JoinedTest, a_split_has_all_that_train_and_asks_for_the_first_parts_people) {
  const PackReader pack = joined();
  const std::vector<Split> parts = splits();
  const Split split = joined_split(pack, parts);
  ASSERT_EQ(parts[0].train.size() + parts[1].train.size(), split.train.size());
  EXPECT_EQ(parts[0].train_identities + parts[1].train_identities, split.train_identities);
  std::map<int, std::int64_t> person_of;
  for (const TrainItem& item : split.train) {
    const Sample& sample = pack.row(item.row).sample;
    EXPECT_EQ(sample.identity, item.identity);
    EXPECT_EQ(sample.camera, item.camera);
    EXPECT_EQ(sample.path, item.path);
    EXPECT_EQ(item.identity, person_of.try_emplace(item.label, item.identity).first->second);
  }
  EXPECT_EQ(static_cast<std::size_t>(split.train_identities), person_of.size());
  EXPECT_EQ(0, person_of.begin()->first);
  EXPECT_EQ(split.train_identities - 1, person_of.rbegin()->first) << "labels have no gap";
  ASSERT_EQ(parts[0].query.size(), split.query.size());
  for (std::size_t i = 0; i < split.query.size(); ++i) {
    EXPECT_EQ(parts[0].query[i].row, split.query[i].row);
    EXPECT_EQ(parts[0].query[i].identity, split.query[i].identity);
    EXPECT_EQ(parts[0].query[i].rate, split.query[i].rate);
  }
}

TEST_F(JoinedTest, batches_draw_people_of_all_parts) {
  const PackReader pack = joined();
  const Split split = joined_split(pack, splits());
  BatchPlanner planner(split, {2, 2, 0}, 5);
  std::map<int, int> drawn;
  for (std::uint64_t step = 0; step < 50; ++step)
    for (const BatchItem& item : planner.plan(step)) ++drawn[split.train[item.item].label];
  ASSERT_EQ(5U, drawn.size());
  for (const auto& [label, times] : drawn) EXPECT_EQ(40, times) << "each person as often as any other";
}

TEST_F(JoinedTest, people_who_would_train_twice_are_refused_by_the_bytes_of_their_images) {
  const tests::RawImages raw(6, 2);
  const auto again = open(raw, options("again", {2}, 1));
  const PackReader* const both[] = {&first_, again.get()};
  const PackReader pack = PackReader::joined(both);
  const std::vector<Split> parts{make_split(first_, {.query_rates = {2}}), make_split(*again, {.query_rates = {2}})};
  expect_error(core::ErrorKind::kInput, {"data sets 'first' and 'again' cannot be joined", "as two persons"},
               [&] { joined_split(pack, parts); });
}

TEST_F(JoinedTest, what_cannot_stand_in_one_batch_is_refused) {
  const auto refused = [&](const auto& change, const std::vector<std::string>& parts) {
    PackSettings other = options("other", {2, 3}, 1);
    change(other);
    const tests::RawImages raw(4);
    const auto pack = open(raw, other);
    const PackReader* const both[] = {&first_, pack.get()};
    expect_error(core::ErrorKind::kInput, parts, [&] { PackReader::joined(both); });
  };
  refused([](PackSettings& settings) { settings.height = 16; },
          {"packs 'first' and 'other' cannot be joined", "12x6", "16x6"});
  refused([](PackSettings& settings) { settings.kernel = settings::Kernel::kCubic; }, {"cannot be joined", "kernel"});
  const PackReader pack = joined();
  std::vector<Split> parts = splits();
  parts[1].options.train_pool = TrainPool::kHrBothViews;
  expect_error(core::ErrorKind::kInput, {"train_pool is mlr and hr-both-views"}, [&] { joined_split(pack, parts); });
  EXPECT_TRUE(pack.has_rate(2));
  EXPECT_FALSE(pack.has_rate(3));
  Image image;
  expect_error(core::ErrorKind::kInput, {"pack 'second' has rates 2, 4 and not 3"},
               [&] { pack.read_lr(first_.size(), 3, image); });
}

}  // namespace
}  // namespace resolute::datasets::joined_test
