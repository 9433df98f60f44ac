#include "operations/growth/growth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/random/random.h"

namespace resolute::operations::growth_test {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using enum Presence;

PoolDemand pool(const std::vector<Presence>& presences, int most) {
  PoolDemand demand;
  demand.most = most;
  for (const Presence presence : presences)
    demand.batches.push_back({static_cast<int>(demand.batches.size()) + 1, presence, true, 3600, 2});
  return demand;
}
PoolDemand with_work(PoolDemand demand, int jobs, std::optional<std::chrono::seconds> each) {
  demand.ready_jobs = jobs;
  demand.ready_ranks = jobs;
  if (each) demand.ready_work = *each * jobs;
  return demand;
}

TEST(Growth, is_none_where_nothing_is_ready) {
  EXPECT_THAT(decide_growth(pool({kFree, kFree}, 2)).batches, IsEmpty());
  EXPECT_EQ(decide_growth(pool({kFree, kFree}, 2)).why, "");
}

TEST(Growth, begins_with_one_at_least_however_little_there_is_to_do) {
  auto demand = with_work(pool({kFree, kFree}, 2), 1, 1s);
  demand.queue_wait = 5h;
  const auto growth = decide_growth(demand);
  EXPECT_THAT(growth.batches, ElementsAre(1));
  EXPECT_EQ(growth.why, "1 job of 1 process rank is ready, and no allocation for them is there");
}

TEST(Growth, has_no_more_in_the_queue_than_jobs_are_ready) {
  EXPECT_THAT(decide_growth(with_work(pool({kFree, kFree, kFree, kFree}, 4), 3, std::nullopt)).batches,
              ElementsAre(1, 2, 3));
  EXPECT_THAT(decide_growth(with_work(pool({kRuns, kWaits, kFree, kFree}, 4), 2, std::nullopt)).batches,
              ElementsAre(3));
  EXPECT_THAT(decide_growth(with_work(pool({kWaits, kFree}, 2), 1, std::nullopt)).batches, IsEmpty());
}

TEST(Growth, has_no_more_at_once_than_it_may) {
  EXPECT_THAT(decide_growth(with_work(pool({kRuns, kWaits, kFree, kFree}, 3), 99, 1h)).batches, ElementsAre(3));
  EXPECT_THAT(decide_growth(with_work(pool({kRuns, kWaits, kFree}, 2), 99, 1h)).batches, IsEmpty());
}

TEST(Growth, ends_where_those_that_are_there_will_have_done_the_work_before_another_begins) {
  auto demand = with_work(pool({kRuns, kFree, kFree}, 3), 40, 10min);  // 200 min on the two ranks
  demand.queue_wait = 199min;
  EXPECT_THAT(decide_growth(demand).batches, IsEmpty());
  demand.queue_wait = 198min;
  const auto growth = decide_growth(demand);
  EXPECT_THAT(growth.batches, ElementsAre(2, 3));
  EXPECT_EQ(growth.why,
            "40 jobs of 40 process ranks are ready; 2 ranks are there, which would take some 3.3 h for them; the queue "
            "takes some 3.3 h");
}

TEST(Growth, asks_for_nothing_that_is_barred_or_kept) {
  auto demand = with_work(pool({kBarred, kFree, kFree}, 3), 9, std::nullopt);
  demand.batches[1].on_demand = false;
  EXPECT_THAT(decide_growth(demand).batches, ElementsAre(3));
}

TEST(Growth, asks_for_small_and_short_ones_first_in_a_busy_queue) {
  auto demand = with_work(pool({kFree, kFree, kFree}, 1), 9, std::nullopt);
  demand.batches[0].size = 40'000;
  demand.batches[1].size = 1'000;
  demand.batches[2].size = 9'000;
  EXPECT_THAT(decide_growth(demand).batches, ElementsAre(1)) << "the first that the site lists";
  demand.queue_wait = 11min;
  EXPECT_THAT(decide_growth(demand).batches, ElementsAre(2));
  demand.queue_wait = 1min;
  demand.most = 3;
  demand.batches[1].presence = kWaits;
  EXPECT_THAT(decide_growth(demand).batches, ElementsAre(3, 1));
}

// Whatever is asked, of any pool.
TEST(Growth, keeps_its_bounds) {
  core::RandomStream random("growth", {1});
  for (int round = 0; round < 20'000; ++round) {
    PoolDemand demand;
    const auto below = [&](int limit) { return static_cast<int>(random.below(static_cast<std::uint64_t>(limit))); };
    demand.most = 1 + below(6);
    std::int64_t ranks = 0;
    int alive = 0, waiting = 0, free = 0;
    for (int i = 0; i < 1 + below(12); ++i) {
      const PoolBatch batch{i + 1, static_cast<Presence>(below(4)), below(4) > 0, below(5) * 3600, 1 + below(4)};
      alive += batch.presence == kWaits || batch.presence == kRuns ? 1 : 0;
      waiting += batch.presence == kWaits ? 1 : 0;
      free += batch.presence == kFree && batch.on_demand ? 1 : 0;
      ranks += batch.presence == kRuns ? batch.ranks : 0;
      demand.batches.push_back(batch);
    }
    demand.ready_jobs = below(20);
    demand.ready_ranks = demand.ready_jobs * (1 + below(3));
    if (below(3) > 0) demand.ready_work = std::chrono::seconds(demand.ready_ranks * below(7200));
    if (below(3) > 0) demand.queue_wait = std::chrono::seconds(below(20'000));

    const Growth growth = decide_growth(demand);
    const int more = static_cast<int>(growth.batches.size());
    for (const int number : growth.batches) {
      const PoolBatch& batch = demand.batches.at(static_cast<std::size_t>(number - 1));
      ASSERT_TRUE(batch.presence == kFree && batch.on_demand);
    }
    ASSERT_EQ(std::set<int>(growth.batches.begin(), growth.batches.end()).size(), growth.batches.size());
    ASSERT_EQ(growth.why.empty(), growth.batches.empty());
    ASSERT_TRUE(more == 0 || alive + more <= demand.most);
    ASSERT_TRUE(more == 0 || waiting + more <= demand.ready_jobs);
    const bool done_by_then =
        ranks > 0 && demand.ready_work && *demand.ready_work / ranks <= demand.queue_wait.value_or(0s) + kStartUp;
    ASSERT_TRUE(more == 0 || !done_by_then);
    // Where it stops, one more would break a bound.
    ASSERT_TRUE(done_by_then || more == free || alive + more >= demand.most || waiting + more >= demand.ready_jobs);
  }
}

}  // namespace
}  // namespace resolute::operations::growth_test
