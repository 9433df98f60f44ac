// Exactly-once submission against a SLURM that misbehaves (simulated_slurm.h): killed at every step, in every order.

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "core/log.h"
#include "core/random/random.h"
#include "slurm/submission.h"
#include "tests/slurm/cluster.h"
#include "tests/support/equal.h"
#include "tests/support/refusal.h"
#include "tests/support/slice.h"

namespace resolute::slurm::ensure_submitted_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using tests::Cluster;
using tests::Mortal;
using tests::SimulatedSlurm;
using How = SimulatedSlurm::Sbatch;

// Thousands of warnings would hide what fails.
const bool kQuiet = (core::set_up_log("resolute", core::LogLevel::kError), true);

core::ErrorKind kind_of(const std::function<void()>& body) {
  const auto error = tests::error_of(body);
  EXPECT_TRUE(error) << "nothing was thrown";
  return error ? error->kind() : core::ErrorKind::kInput;
}

TEST(EnsureSubmitted, a_good_sbatch_costs_one_call_and_one_look_and_a_second_time_none) {
  Cluster cluster;
  const KnownJob job = cluster.submitted();
  EXPECT_EQ(job.id, 100);
  EXPECT_EQ(job.submitted, cluster.controller.find(100)->submitted);
  EXPECT_EQ(cluster.controller.calls("sbatch"), 1);
  EXPECT_EQ(cluster.controller.calls("squeue"), 1);
  EXPECT_EQ(cluster.submitted(), job);
  EXPECT_EQ(cluster.controller.calls("sbatch") + cluster.controller.calls("squeue"), 2);
  EXPECT_EQ(cluster.folder().known_jobs(cluster.batch), std::vector<KnownJob>{job});
  EXPECT_TRUE(fs::is_directory(cluster.path() / "batch-001" / "log")) << "SLURM does not make it";
}

TEST(EnsureSubmitted, a_failed_sbatch_that_has_submitted_is_found_by_its_name) {
  for (How how : {How::kTakenThenSilent, How::kTakenThenHanging, How::kTakenLate}) {
    Cluster cluster;
    cluster.controller.plan = {how};
    EXPECT_EQ(cluster.submitted().id, 100);
    EXPECT_EQ(cluster.controller.taken(0), 1);
    EXPECT_EQ(cluster.controller.calls("sbatch"), 1);
  }
}

TEST(EnsureSubmitted, a_job_in_a_hidden_partition_is_there) {
  for (How how : {How::kGood, How::kTakenThenSilent, How::kTakenThenHanging, How::kTakenLate}) {
    Cluster cluster;
    cluster.controller.hidden = true;
    cluster.controller.plan = {how};
    EXPECT_EQ(cluster.submitted().submitted, cluster.controller.find(100)->submitted);
    EXPECT_EQ(cluster.controller.taken(0), 1);
  }
}

TEST(EnsureSubmitted, a_failed_sbatch_that_has_not_is_tried_again_after_six_seconds_of_looking) {
  for (How how : {How::kSilent, How::kHanging}) {
    Cluster cluster;
    cluster.controller.plan = {how};
    EXPECT_EQ(cluster.submitted().id, 100);
    EXPECT_EQ(cluster.controller.taken(0), 1);
    EXPECT_EQ(cluster.controller.calls("sbatch"), 2);
    EXPECT_GE(cluster.controller.now(), 6s);
  }
}

TEST(EnsureSubmitted, a_job_that_shows_up_after_all_looks_is_doubled_and_singleton_keeps_the_two_apart) {
  Cluster cluster;
  cluster.controller.plan = {How::kTakenLate};
  cluster.controller.late = 30s;
  cluster.controller.job_length = 10s;
  const KnownJob job = cluster.submitted();
  EXPECT_EQ(cluster.controller.taken(0), 2);
  cluster.controller.advance(100s);
  EXPECT_EQ(cluster.controller.most_at_once.at(cluster.batch.job_name), 1);
  EXPECT_EQ(cluster.submitted(), job);
}

TEST(EnsureSubmitted, gives_up_for_now_after_three_failures_and_the_next_call_goes_on) {
  Cluster cluster;
  cluster.controller.plan = {How::kSilent, How::kSilent, How::kSilent};
  EXPECT_EQ(kind_of([&] { cluster.ensure(); }), core::ErrorKind::kTransient);
  EXPECT_EQ(cluster.controller.calls("sbatch"), 3);
  EXPECT_EQ(cluster.submitted().id, 100);
  EXPECT_EQ(cluster.controller.taken(0), 1);
}

TEST(EnsureSubmitted, a_controller_that_is_away_is_said_and_settled_later) {
  for (bool taken : {false, true}) {
    Cluster cluster;
    cluster.controller.plan = {taken ? How::kTakenThenSilent : How::kSilent};
    Mortal process;
    // It goes away as soon as sbatch has been called.
    process.before_step = [&] {
      if (cluster.controller.calls("sbatch") == 1) cluster.controller.away = 1000s;
    };
    EXPECT_EQ(kind_of([&] { cluster.ensure(0, process); }), core::ErrorKind::kTransient);
    EXPECT_TRUE(std::holds_alternative<Intended>(cluster.folder().generation(cluster.batch, 0)));
    EXPECT_EQ(kind_of([&] { cluster.ensure(); }), core::ErrorKind::kTransient);
    cluster.controller.advance(2000s);
    EXPECT_EQ(cluster.submitted().id, 100);
    EXPECT_EQ(cluster.controller.taken(0), 1);
  }
}

TEST(EnsureSubmitted, an_accepted_job_counts_even_if_the_controller_is_gone_right_after) {
  Cluster cluster;
  Mortal process;
  process.before_step = [&] {
    if (cluster.controller.calls("sbatch") == 1) cluster.controller.away = 1000s;
  };
  EXPECT_EQ(std::get<KnownJob>(*cluster.ensure(0, process)), (KnownJob{100, "", std::nullopt}));
  cluster.controller.advance(2000s);
  EXPECT_EQ(cluster.submitted(), (KnownJob{100, "", std::nullopt}));
  EXPECT_EQ(cluster.controller.taken(0), 1);
}

TEST(EnsureSubmitted, a_refused_generation_stays_refused_with_its_reason_and_the_next_one_may_pass) {
  Cluster cluster;
  cluster.controller.plan = {How::kRefused};
  const auto refused = std::get<Refused>(cluster.ensure());
  EXPECT_NE(refused.why.find("Invalid partition name specified"), std::string::npos) << refused.why;
  EXPECT_EQ(std::get<Refused>(cluster.ensure()).why, refused.why);
  EXPECT_EQ(cluster.controller.calls("sbatch"), 1);
  EXPECT_EQ(cluster.submitted(1).id, 100);
}

TEST(EnsureSubmitted, a_node_that_has_left_the_cluster_is_left_out_no_more) {
  auto request = tests::sample_request();
  request.resources.exclude = "n9";
  request.left_out = {"gone1"};
  for (const int generation : {0, 1, 7}) {
    Cluster cluster(request);
    cluster.controller.refusal = "Invalid node name specified";
    cluster.controller.plan = {How::kRefused};
    EXPECT_EQ(cluster.submitted(generation).id, 100);
    EXPECT_EQ(cluster.controller.calls("sbatch"), 2);
    const auto script = core::read_text(core::real_file_system(),
                                        cluster.path() / "batch-001" / fmt::format("script-{:03}.sh", generation));
    EXPECT_NE(script.find("#SBATCH --exclude=n9\n"), std::string::npos) << script;
    cluster.controller.plan = {How::kRefused, How::kRefused};
    EXPECT_TRUE(std::holds_alternative<Refused>(cluster.ensure(generation + 1))) << "the user's own n9 is wrong too";
  }
}

TEST(EnsureSubmitted, another_persons_job_under_an_id_of_ours_is_never_taken) {
  Cluster cluster;
  cluster.controller.plan = {How::kTakenThenSilent};
  Mortal process;
  bool lost = false;
  process.before_step = [&] {
    if (!std::exchange(lost, cluster.controller.taken(0) > 0) && lost) {
      cluster.controller.lose(100);
      cluster.controller.submit_of_others("resolute-other-ba9876543210-1");
    }
  };
  const KnownJob job = std::get<KnownJob>(*cluster.ensure(0, process));
  EXPECT_EQ(job.id, 101);
  EXPECT_EQ(cluster.controller.find(100)->name, "resolute-other-ba9876543210-1");
  EXPECT_EQ(cluster.controller.find(101)->generation, 0);
}

TEST(EnsureSubmitted, a_lost_job_is_followed_by_the_next_generation_under_the_same_id_or_another) {
  for (bool id_goes_to_others : {false, true}) {
    for (How how : {How::kGood, How::kTakenThenSilent}) {
      Cluster cluster;
      const KnownJob first = cluster.submitted(0);
      cluster.controller.lose(first.id);
      cluster.controller.advance(60s);
      if (id_goes_to_others) cluster.controller.submit_of_others("somebody-s");
      cluster.controller.plan = {how};
      const KnownJob second = cluster.submitted(1);
      EXPECT_EQ(second.id, id_goes_to_others ? 101 : 100);
      EXPECT_NE(second, first);
      EXPECT_EQ(cluster.controller.find(second.id)->generation, 1);
      EXPECT_EQ(cluster.controller.taken(1), 1) << "told apart by the time, and by never having been requeued";
      EXPECT_EQ(cluster.submitted(0), first);
    }
  }
}

TEST(EnsureSubmitted, a_requeued_predecessor_or_a_double_of_it_is_not_taken_for_the_next_generation) {
  for (bool doubled : {false, true}) {
    Cluster cluster;
    cluster.controller.late = 10s;
    if (doubled) cluster.controller.plan = {How::kTakenLate};
    const KnownJob first = cluster.submitted(0);
    cluster.controller.advance(60s);
    cluster.controller.requeue(first.id);
    cluster.controller.plan = {How::kSilent};
    const KnownJob second = cluster.submitted(1);
    EXPECT_EQ(cluster.controller.find(second.id)->generation, 1);
    EXPECT_EQ(cluster.controller.taken(1), 1);
  }
}

TEST(EnsureSubmitted, a_predecessor_that_is_requeued_while_sbatch_fails_is_not_taken_for_the_next_generation) {
  Cluster cluster;
  const KnownJob first = cluster.submitted(0);
  cluster.controller.advance(60s);
  cluster.controller.plan = {How::kSilent};
  Mortal process;
  bool requeued = false;
  process.before_step = [&] {
    if (cluster.controller.calls("sbatch") == 2 && !std::exchange(requeued, true)) cluster.controller.requeue(first.id);
  };
  const KnownJob second = std::get<KnownJob>(*cluster.ensure(1, process));
  EXPECT_EQ(cluster.controller.find(second.id)->generation, 1);
  EXPECT_EQ(cluster.controller.taken(1), 1);
}

TEST(EnsureSubmitted, nothing_of_an_ended_submission_is_submitted_but_what_sbatch_left_open_is_settled) {
  Cluster cluster;
  cluster.folder().end("replaced");
  EXPECT_EQ(kind_of([&] { cluster.ensure(); }), core::ErrorKind::kInput);
  EXPECT_EQ(cluster.controller.calls("sbatch"), 0);
  EXPECT_EQ(cluster.folder().last_generation(cluster.batch), -1);

  Cluster open;
  open.controller.plan = {How::kTakenThenSilent};
  Mortal process;
  process.before_step = [&] {
    if (open.controller.calls("sbatch") == 1) open.controller.away = 100s;
  };
  EXPECT_EQ(kind_of([&] { open.ensure(0, process); }), core::ErrorKind::kTransient);
  open.folder().end("replaced");
  open.controller.advance(200s);
  EXPECT_EQ(open.submitted().id, 100);
}

TEST(EnsureSubmitted, a_job_that_says_itself_that_it_runs_settles_it) {
  Cluster cluster;
  cluster.controller.plan = {How::kSilent, How::kSilent};
  cluster.controller.starts = [&](const SimulatedSlurm::Job&) {};
  Mortal process;
  process.before_step = [&] {
    if (cluster.controller.calls("squeue") == 2) cluster.folder().accept(cluster.batch, 0, {77, "", std::nullopt});
  };
  EXPECT_EQ(std::get<KnownJob>(*cluster.ensure(0, process)).id, 77);
  EXPECT_EQ(cluster.controller.calls("sbatch"), 1);
}

TEST(EnsureSubmitted, torn_records_stop_it_before_sbatch) {
  for (const char* name : {"intent-000.json", "accepted-000.json", "refused-000.json"}) {
    Cluster cluster;
    core::write_atomic(core::real_file_system(), cluster.path() / "batch-001" / name, "{\"gener");
    EXPECT_EQ(kind_of([&] { cluster.ensure(); }), core::ErrorKind::kCorrupt);
    EXPECT_EQ(cluster.controller.calls("sbatch"), 0);
    EXPECT_EQ(core::read_text(core::real_file_system(), cluster.path() / "batch-001" / name), "{\"gener");
  }
}

// Kills one process at each of its steps in turn and calls again: one job, the same one ever after.
void kill_everywhere(const std::deque<How>& plan, int generations) {
  bool survived = false;
  int steps = 0;
  for (; !survived; ++steps) {
    ASSERT_LT(steps, 2000);
    SCOPED_TRACE(fmt::format("killed at step {}", steps));
    Cluster cluster;
    for (int i = 0; i + 1 < generations; ++i) cluster.submitted(i);
    cluster.controller.plan = plan;
    Mortal process(steps);
    survived = cluster.ensure(generations - 1, process).has_value();
    const KnownJob job = cluster.submitted(generations - 1);
    EXPECT_EQ(cluster.controller.find(job.id)->generation, generations - 1);
    EXPECT_EQ(cluster.controller.taken(generations - 1), 1);
    EXPECT_TRUE(job.submitted.has_value());
    EXPECT_EQ(cluster.submitted(generations - 1), job);
  }
  EXPECT_GT(steps, 40);
}

TEST(EnsureSubmitted, killed_at_any_step_and_called_again_submits_one_job) {
  kill_everywhere({}, 1);
  kill_everywhere({How::kTakenThenSilent}, 1);  // a lost answer
  kill_everywhere({How::kTakenLate}, 1);        // not shown yet
  kill_everywhere({How::kSilent}, 1);           // in vain
  kill_everywhere({How::kTakenThenSilent}, 3);  // of a later generation
}

// A schedule of trouble by chance.
class Schedule {
 public:
  explicit Schedule(std::uint64_t seed) : random_("submission", {seed}) {
    cluster_.controller.job_length = chance(2) ? 20s : 100'000s;
    cluster_.controller.starts = [this](const SimulatedSlurm::Job& job) {
      if (says_so_) cluster_.folder().accept(cluster_.batch, job.generation, {job.id, "", job.submitted});
    };
    says_so_ = chance(2);
    cluster_.controller.late = chance(8) ? 20s : 5s;
  }

  void run() {
    for (int generation = 0; generation < 3; ++generation) {
      lost_ = 0;
      const KnownJob job = settle(generation);
      const auto* real = cluster_.controller.find(job.id);
      // A double that shows up when everybody has stopped looking may be taken for a later generation, until then no
      // job is ever taken for another.
      if (too_late_) {
        EXPECT_GE(cluster_.controller.taken(generation) + cluster_.controller.taken(generation - 1), 1);
      } else {
        ASSERT_NE(real, nullptr);
        EXPECT_EQ(real->generation, generation);
        EXPECT_EQ(cluster_.controller.taken(generation), 1 + lost_);
        EXPECT_EQ(real->name, cluster_.batch.job_name);
      }
      for (int i = 0; i < 2; ++i) EXPECT_EQ(cluster_.submitted(generation), job);
      between(job);
    }
    cluster_.controller.advance(300s);
    // A job that SLURM starts again does not ask for singleton any more: the suite's owner file keeps those two apart.
    EXPECT_TRUE(requeued_ || cluster_.controller.most_at_once[cluster_.batch.job_name] == 1);
  }

 private:
  bool chance(int one_in) { return random_.below(static_cast<std::uint64_t>(one_in)) == 0; }

  // Calls with trouble, until the trouble ends.
  KnownJob settle(int generation) {
    constexpr std::array kTroubles = {How::kGood,      How::kTakenThenSilent, How::kSilent,
                                      How::kTakenLate, How::kHanging,         How::kTakenThenHanging};
    for (std::uint64_t calls = random_.below(4); calls > 0; --calls) {
      cluster_.controller.plan.clear();
      for (std::uint64_t i = random_.below(4); i > 0; --i) {
        cluster_.controller.plan.push_back(kTroubles[random_.below(kTroubles.size())]);
        too_late_ = too_late_ || (cluster_.controller.plan.back() == How::kTakenLate && cluster_.controller.late > 6s);
      }
      if (chance(4)) cluster_.controller.away = cluster_.controller.now() + std::chrono::seconds(random_.below(200));
      Mortal process(chance(4) ? std::nullopt : std::optional<int>(static_cast<int>(random_.below(150))));
      tests::refusal([&] { cluster_.ensure(generation, process); }, core::ErrorKind::kTransient);
      cluster_.controller.advance(std::chrono::seconds(random_.below(10)));
      if (chance(4)) lose_unanswered(generation);
    }
    cluster_.controller.plan.clear();
    cluster_.controller.away = 0s;
    return cluster_.submitted(generation);
  }

  // The controller forgets a job of which nobody has written down that it was taken.
  void lose_unanswered(int generation) {
    if (!std::holds_alternative<Intended>(cluster_.folder().generation(cluster_.batch, generation))) return;
    for (const auto& job : cluster_.controller.jobs) {
      if (job.generation != generation) continue;
      ++lost_;
      cluster_.controller.lose(job.id);
      return;
    }
  }

  // What a cluster does to a job before the next generation is needed.
  void between(const KnownJob& job) {
    cluster_.controller.advance(std::chrono::seconds(random_.below(60)));
    if (chance(3)) {
      cluster_.controller.requeue(job.id);
      requeued_ = true;
    }
    if (chance(3)) cluster_.controller.lose(job.id);
    cluster_.controller.advance(2s);
    if (chance(3)) cluster_.controller.submit_of_others("somebody-s");
  }

  core::RandomStream random_;
  Cluster cluster_;
  int lost_ = 0;  // of this generation
  bool says_so_ = false;
  bool too_late_ = false;
  bool requeued_ = false;
};

TEST(EnsureSubmitted, over_thousands_of_troubled_schedules_no_generation_is_doubled_or_missing) {
  std::vector<std::uint64_t> seeds(3000);
  std::iota(seeds.begin(), seeds.end(), 0);
  for (const std::uint64_t seed : tests::slice("troubled schedules", std::move(seeds), 1500)) {
    if (testing::Test::HasFailure()) break;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Schedule(seed).run();
  }
}

}  // namespace
}  // namespace resolute::slurm::ensure_submitted_test
