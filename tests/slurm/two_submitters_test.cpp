// Two processes that submit the same generation at once, their steps interleaved in every way that a seed can say.

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/log.h"
#include "core/random/random.h"
#include "tests/slurm/cluster.h"
#include "tests/support/equal.h"
#include "tests/support/refusal.h"

namespace resolute::slurm::two_submitters_test {
namespace {

using namespace std::chrono_literals;
using tests::Cluster;
using tests::Mortal;
using How = tests::SimulatedSlurm::Sbatch;

const bool kQuiet = (core::set_up_log("resolute", core::LogLevel::kError), true);

// Which of two threads may do its next step. kPrompt: nobody stands still while another sleeps.
enum class Pace { kPrompt, kHeldUp };
class Turns {
 public:
  Turns(core::RandomStream& random, Pace pace) : random_(random), pace_(pace) { choose(); }

  void step(int who) {
    std::unique_lock lock(mutex_);
    choose();
    wait(lock, who);
  }
  void begin(int who) {
    std::unique_lock lock(mutex_);
    wait(lock, who);
  }
  void end(int who) {
    std::unique_lock lock(mutex_);
    done_.at(static_cast<std::size_t>(who)) = true;
    choose();
  }
  void sleep(int who, bool on) { asleep_.at(static_cast<std::size_t>(who)) = on; }

 private:
  void choose() {
    std::vector<int> awake;
    std::vector<int> all;
    for (std::size_t i = 0; i < done_.size(); ++i) {
      if (done_[i]) continue;
      all.push_back(static_cast<int>(i));
      if (!asleep_[i]) awake.push_back(static_cast<int>(i));
    }
    const std::vector<int>& from = pace_ == Pace::kPrompt && !awake.empty() ? awake : all;
    if (!from.empty()) turn_ = from[random_.below(from.size())];
    changed_.notify_all();
  }
  void wait(std::unique_lock<std::mutex>& lock, int who) {
    changed_.wait(lock, [&] { return turn_ == who; });
  }

  core::RandomStream& random_;
  Pace pace_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int turn_ = 0;
  std::array<bool, 2> done_{}, asleep_{};
};

// \param deaths the step at which each is killed \return what each was told; nothing: killed, or no answer for now
std::array<std::optional<Cluster::Outcome>, 2> both(Cluster& cluster, core::RandomStream& random, Pace pace,
                                                    const std::array<std::optional<int>, 2>& deaths = {}) {
  Turns turns(random, pace);
  std::array<std::optional<Cluster::Outcome>, 2> outcomes;
  const auto body = [&](int who) {
    const auto slot = static_cast<std::size_t>(who);
    Mortal process(deaths.at(slot));
    process.before_step = [&] { turns.step(who); };
    turns.begin(who);
    tests::refusal([&] { outcomes.at(slot) = cluster.ensure(0, process, [&](bool on) { turns.sleep(who, on); }); },
                   core::ErrorKind::kTransient);
    turns.end(who);
  };
  std::thread first(body, 0);
  std::thread second(body, 1);
  first.join();
  second.join();
  return outcomes;
}

TEST(TwoSubmitters, that_are_not_held_up_submit_one_job_and_both_know_it) {
  for (std::uint64_t seed = 0; seed < 500 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    core::RandomStream random("two submitters", {seed});
    Cluster cluster;
    const auto outcomes = both(cluster, random, Pace::kPrompt);
    ASSERT_TRUE(outcomes[0] && outcomes[1]);
    EXPECT_EQ(cluster.controller.taken(0), 1);
    EXPECT_EQ(std::get<KnownJob>(*outcomes[0]), std::get<KnownJob>(*outcomes[1]));
    EXPECT_EQ(cluster.submitted(), std::get<KnownJob>(*outcomes[0]));
  }
}

TEST(TwoSubmitters, held_up_and_in_trouble_agree_on_one_job_and_a_double_waits_for_it) {
  int doubled = 0;
  for (std::uint64_t seed = 0; seed < 1000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    core::RandomStream random("two submitters in trouble", {seed});
    Cluster cluster;
    constexpr std::array kTroubles = {How::kGood, How::kTakenThenSilent, How::kSilent, How::kTakenLate};
    for (std::uint64_t i = random.below(4); i > 0; --i)
      cluster.controller.plan.push_back(kTroubles[random.below(kTroubles.size())]);
    std::array<std::optional<int>, 2> deaths;
    for (auto& death : deaths)
      if (random.below(3) == 0) death = static_cast<int>(random.below(150));
    const auto outcomes = both(cluster, random, Pace::kHeldUp, deaths);
    cluster.controller.plan.clear();
    const KnownJob job = cluster.submitted();
    for (const auto& outcome : outcomes) {
      if (outcome) {
        EXPECT_EQ(std::get<KnownJob>(*outcome), job);
      }
    }
    EXPECT_GE(cluster.controller.taken(0), 1);
    EXPECT_LE(cluster.controller.taken(0), 3);
    doubled += cluster.controller.taken(0) > 1 ? 1 : 0;
    EXPECT_EQ(cluster.controller.find(job.id)->generation, 0);
    cluster.controller.advance(60s);
    EXPECT_EQ(cluster.controller.most_at_once.at(cluster.batch.job_name), 1);
  }
  EXPECT_GT(doubled, 0) << "nobody was ever held up";
}

}  // namespace
}  // namespace resolute::slurm::two_submitters_test
