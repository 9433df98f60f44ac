// The coordinator on a store that fails or is slow: this test is its agent, its clock stands still between two steps,
// and the calls of the store are made, and return, when the test wants it.
#include "orchestrator/coordinator/coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <numeric>
#include <set>

#include "core/random/random.h"
#include "orchestrator/store/claim.h"
#include "orchestrator/transport/in_process.h"
#include "tests/orchestrator/support/read_journals.h"
#include "tests/orchestrator/support/run_fixture.h"
#include "tests/orchestrator/support/toy_agent.h"
#include "tests/orchestrator/support/virtual_lanes.h"
#include "tests/support/manual_clock.h"
#include "tests/support/refusal.h"
#include "tests/support/sick_file_system.h"
#include "tests/support/slice.h"

namespace resolute::tests::coordinator_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
using testing::HasSubstr;
namespace fs = std::filesystem;

bool is_in(const fs::path& path, std::string_view part) { return path.string().find(part) != std::string::npos; }

// A store, a run on it, and time.
class World {
 public:
  void begin(int jobs, int gang, int slots) {
    plan = toy_plan(jobs, gang);
    RunOptions options = toy_options(folder.path(), slots);
    options.policy.back_off_scale = 1;
    options.owner_watch = 15s;
    options.epoch_length = epoch_length;
    options.live_interval = 2s;
    options.request_interval = 1s;
    options.spent = spent;
    auto made = std::make_unique<VirtualLanes>(clock);
    lanes = made.get();
    coordinator.emplace(files, clock, *coordinator_end, plan, options, std::vector<Address>{1}, std::move(made));
    agent.emplace(*agent_end, clock, layout, slots);
  }
  void step() {
    agent->step();
    coordinator->step();
    clock.advance(10ms);
  }
  // \return whether the run has ended by then, by this test's clock
  bool run_for(std::chrono::milliseconds limit) {
    for (const auto end = clock.now() + limit; clock.now() < end && !coordinator->finished();) step();
    return coordinator->finished();
  }
  bool run_until(const std::function<bool()>& holds) {
    for (const auto end = clock.now() + 1h; clock.now() < end && !coordinator->finished() && !holds();) step();
    return holds();
  }
  // From now on, for a while.
  void fall_sick(std::chrono::milliseconds length, std::function<int(SickFileSystem::Call, const fs::path&)> error_of) {
    files.sick = [this, end = clock.now() + length, error_of](SickFileSystem::Call call, const fs::path& path) {
      return clock.now() < end ? error_of(call, path) : 0;
    };
  }
  // While two jobs are at work, and will be. For a while from now on the journal takes nothing.
  void stop_with_a_full_journal(int jobs, std::chrono::milliseconds length) {
    begin(jobs, 1, 2);
    agent->work = 1h;
    ASSERT_TRUE(run_until([&] { return agent->launched.size() == 2; }));
    fall_sick(length, [](SickFileSystem::Call call, const fs::path& path) {
      return call == SickFileSystem::kWrite && is_in(path, "journal-") ? ENOSPC : 0;
    });
    coordinator->request_stop({"signal 15", Cause::kInterrupted}, true);
  }
  void recover() {
    files.sick = [](SickFileSystem::Call, const fs::path&) { return 0; };
  }
  std::vector<Event> journal() const {
    std::vector<Event> events;
    for (const auto& one : read_journals(core::real_file_system(), suite_folder()))
      for (const auto& record : one.records) events.push_back(record.event);
    return events;
  }
  std::set<Cause> causes() const {
    std::set<Cause> found;
    for (const Event& event : journal())
      if (const auto* ended = std::get_if<AttemptEnded>(&event)) found.insert(ended->cause);
    return found;
  }
  // Every result, each by the first attempt; nothing counted against a host; the journal says the same.
  void expect_as_if_nothing_had_been() {
    ASSERT_TRUE(coordinator->finished());
    EXPECT_EQ(coordinator->outcome().exit_code(), 0);
    std::string expected;
    for (const auto& job : plan.jobs) expected += "{\"job\":\"" + job.id.hex + "\"}\n";
    EXPECT_EQ(all_results(folder.path(), plan), expected);
    for (const Job& job : coordinator->state().jobs) {
      EXPECT_EQ(std::get<Succeeded>(job.state).attempt, 1) << job.label;
      for (std::size_t cause = 0; cause < kCauses; ++cause)
        EXPECT_TRUE(static_cast<Cause>(cause) == Cause::kStoreError || job.ends[cause] == 0) << job.label;
      EXPECT_TRUE(job.failed_on.empty());
    }
    EXPECT_TRUE(coordinator->state().hosts.empty());
    EXPECT_EQ(read_past(core::real_file_system(), suite_folder()).state, coordinator->state());
    std::size_t ranks = 0;
    for (const auto& job : plan.jobs) ranks += static_cast<std::size_t>(job.slots);
    EXPECT_EQ(agent->launched.size(), ranks);
  }
  fs::path suite_folder() const { return layout.suite_folder("toy"); }

  TemporaryFolder folder;
  SickFileSystem files;
  tests::ManualClock clock;
  experiments::StoreLayout layout{folder.path()};
  std::uint64_t epoch_length = kEpochLength;
  std::function<std::optional<std::string>()> spent{};
  std::shared_ptr<InProcessHub> hub = InProcessHub::create(2);
  std::unique_ptr<Transport> coordinator_end = hub->endpoint(0);
  std::unique_ptr<Transport> agent_end = hub->endpoint(1);
  experiments::Plan plan;
  VirtualLanes* lanes = nullptr;  // the coordinator's
  std::optional<Coordinator> coordinator;
  std::optional<ToyAgent> agent;
};

struct Sickness {
  const char* name;
  SickFileSystem::Call call;
  const char* path_part;
  int error_number;
  bool seen = true;  //!< live.json can be written
};

TEST(Coordinator, tells_who_looks_on_why_a_job_is_tried_again_until_it_succeeds) {
  World world;
  world.begin(2, 1, 1);
  world.agent->work = 5s;
  world.agent->fails = [](const AttemptKey& key, int) { return key.attempt == 1; };
  std::optional<LiveRetry> retry;
  ASSERT_TRUE(world.run_until([&] {
    const auto live = read_live(core::real_file_system(), world.suite_folder());
    if (live && !live->retried.empty()) retry = live->retried.front();
    return world.coordinator->finished();
  }));
  ASSERT_TRUE(retry);
  EXPECT_EQ(retry->attempt, 1);
  EXPECT_EQ(retry->cause, name_of(Cause::kExitCode));
  EXPECT_GE(retry->seconds, 0);
  EXPECT_EQ(world.coordinator->outcome().succeeded, 2);
}

// SLURM stops whole allocations so (suspension, gang scheduling), to go on with them later.
TEST(Coordinator, loses_nobody_for_the_time_in_which_it_was_stopped_itself) {
  World world;
  world.begin(4, 1, 2);
  world.agent->work = 10s;
  ASSERT_TRUE(world.run_until([&] { return world.agent->launched.size() == 2; }));
  world.clock.advance(5h);
  // The agent comes later to speak than the coordinator to listen.
  for (int i = 0; i < 100; ++i) {
    world.coordinator->step();
    world.clock.advance(10ms);
  }
  EXPECT_TRUE(world.run_for(10min));
  EXPECT_EQ(world.causes(), std::set<Cause>{});
  EXPECT_EQ(world.agent->launched.size(), 4U);
}

TEST(Coordinator, makes_the_folder_of_a_job_anew_where_somebody_has_moved_it_away) {
  World world;
  world.begin(1, 1, 1);
  world.agent->work = 5s;
  int moved = 0;
  world.agent->fails = [&](const AttemptKey& key, int) {
    if (key.attempt != 1) return false;
    fs::rename(world.layout.job_folder({key.job}), world.folder / fmt::format("aside-{}", ++moved));
    return true;
  };
  EXPECT_TRUE(world.run_for(10min));
  EXPECT_EQ(moved, 1);
  EXPECT_EQ(world.coordinator->outcome().succeeded, 1);
  EXPECT_EQ(world.causes(), std::set<Cause>{Cause::kExitCode});
}

class Sicknesses : public testing::TestWithParam<Sickness> {};

TEST_P(Sicknesses, cost_no_attempt_and_no_host_however_long_they_last) {
  World world;
  world.begin(24, 2, 4);
  ASSERT_TRUE(world.run_until([&] { return world.coordinator->outcome().succeeded >= 4; }));
  const int before = world.files.failures;
  const auto began = world.clock.now();
  world.fall_sick(100s, [&](SickFileSystem::Call call, const fs::path& path) {
    return call == GetParam().call && is_in(path, GetParam().path_part) ? GetParam().error_number : 0;
  });
  EXPECT_FALSE(world.run_for(99s));
  EXPECT_GT(world.files.failures, before);
  // It is asked again now and then, not in every step.
  EXPECT_LT(world.files.failures, before + 200);
  const auto live = read_live(core::real_file_system(), world.suite_folder());
  ASSERT_TRUE(live);
  EXPECT_EQ(live->store.has_value(), GetParam().seen);
  if (live->store) {
    EXPECT_THAT(live->store->why, HasSubstr(std::strerror(GetParam().error_number)));
    EXPECT_NEAR(live->store->seconds, 98, 3);
  }
  EXPECT_TRUE(world.run_for(120s)) << "it goes on by itself";
  EXPECT_LT(world.clock.now() - began, 200s);
  world.expect_as_if_nothing_had_been();
  for (const Cause cause : world.causes()) EXPECT_EQ(cause, Cause::kStoreError);
  // Each probe that succeeds is followed by one attempt, not by one for each slot.
  const auto events = world.journal();
  EXPECT_LT(std::count_if(events.begin(), events.end(),
                          [](const Event& event) {
                            return std::holds_alternative<HeldElsewhere>(event) ||
                                   std::holds_alternative<AttemptEnded>(event);
                          }),
            4 + 12);
}

INSTANTIATE_TEST_SUITE_P(OfAStore, Sicknesses,
                         testing::Values(Sickness{"job_folders", SickFileSystem::kMkdir, "/jobs/", EIO},
                                         Sickness{"claims_read_only", SickFileSystem::kLink, "/claim", EROFS},
                                         Sickness{"specifications_stale", SickFileSystem::kOpen, "spec.json", ESTALE},
                                         Sickness{"looks_for_results", SickFileSystem::kExists, "result.json", EIO},
                                         Sickness{"client_evicted", SickFileSystem::kExists, "/", ESHUTDOWN},
                                         Sickness{"server_restarts", SickFileSystem::kOpen, "spec.json", ECOMM},
                                         Sickness{"ticket_expired", SickFileSystem::kMkdir, "/", EKEYEXPIRED},
                                         Sickness{"device_gone", SickFileSystem::kMkdir, "/", ENODEV},
                                         Sickness{"quota_of_the_journal", SickFileSystem::kWrite, "journal-", EDQUOT},
                                         Sickness{"full_under_the_journal", SickFileSystem::kWrite, "journal-", ENOSPC},
                                         Sickness{"journal_not_synced", SickFileSystem::kSync, "journal-", EIO},
                                         Sickness{"server_away", SickFileSystem::kWrite, "/", ETIMEDOUT, false}),
                         [](const auto& asked) { return std::string(asked.param.name); });

TEST(CoordinatorOnASickStore, an_error_of_half_a_second_delays_a_run_by_little) {
  for (const auto call : {SickFileSystem::kMkdir, SickFileSystem::kExists, SickFileSystem::kLink}) {
    World world;
    world.begin(12, 2, 4);
    const auto began = world.clock.now();
    ASSERT_TRUE(world.run_until([&] { return !world.agent->launched.empty(); }));
    world.fall_sick(500ms, [&](SickFileSystem::Call made, const fs::path&) { return made == call ? EIO : 0; });
    EXPECT_TRUE(world.run_for(1min));
    world.expect_as_if_nothing_had_been();
    EXPECT_LT(world.clock.now() - began, 5s) << call;
  }
}

// Kerberos says EACCES where a ticket has run out.
TEST(CoordinatorOnASickStore, an_error_that_speaks_of_a_file_is_the_stores_where_every_call_has_it) {
  for (const int error_number : {EACCES, EPERM, EINVAL}) {
    World world;
    world.begin(24, 2, 4);
    ASSERT_TRUE(world.run_until([&] { return world.coordinator->outcome().succeeded >= 4; }));
    world.fall_sick(60s, [&](SickFileSystem::Call, const fs::path&) { return error_number; });
    EXPECT_FALSE(world.run_for(59s));
    EXPECT_TRUE(world.run_for(120s)) << "it goes on by itself";
    world.expect_as_if_nothing_had_been();
    for (const Cause cause : world.causes()) EXPECT_EQ(cause, Cause::kStoreError);
  }
}

// By an expired ticket looks alone may fail (stat, listing, reading), while what is open goes on.
TEST(CoordinatorOnASickStore, whichever_calls_fail_by_whatever_that_is_the_stores_cost_time_and_no_attempt) {
  for (int call = 0; call < SickFileSystem::kClose; ++call)
    for (const int error_number : {EACCES, EKEYEXPIRED, EPERM, ECOMM, EPROTO}) {
      const bool is_closed = call == SickFileSystem::kMkdir && (error_number == EACCES || error_number == EPERM);
      if (is_closed) continue;  // where all else goes on, a folder that cannot be made stands in one that is not ours
      World world;
      world.begin(24, 2, 4);
      ASSERT_TRUE(world.run_until([&] { return world.coordinator->outcome().succeeded >= 4; }));
      world.fall_sick(60s, [&](SickFileSystem::Call made, const fs::path&) { return made == call ? error_number : 0; });
      EXPECT_TRUE(world.run_for(180s)) << call << " " << error_number << " it goes on by itself";
      world.expect_as_if_nothing_had_been();
      EXPECT_EQ(world.coordinator->outcome().failures.size(), 0U) << call << " " << error_number;
      for (const Cause cause : world.causes()) EXPECT_EQ(cause, Cause::kStoreError) << call << " " << error_number;
    }
}

// The answer of an automounter while its server is away, and of a mount that was lost: nothing is there.
TEST(CoordinatorOnASickStore, a_store_that_is_not_mounted_costs_its_time_and_no_attempt) {
  for (const int error_number : {ENOENT, ENOTDIR}) {
    World world;
    world.begin(24, 2, 4);
    ASSERT_TRUE(world.run_until([&] { return world.coordinator->outcome().succeeded >= 4; }));
    world.fall_sick(60s, [&](SickFileSystem::Call, const fs::path&) { return error_number; });
    EXPECT_FALSE(world.run_for(59s)) << error_number;
    EXPECT_TRUE(world.run_for(120s)) << "it goes on by itself";
    world.expect_as_if_nothing_had_been();
    for (const Cause cause : world.causes()) EXPECT_EQ(cause, Cause::kStoreError);
  }
}

TEST(CoordinatorOnASickStore, an_error_that_speaks_of_a_file_is_the_jobs_where_the_store_is_well) {
  for (const int error_number : {ENAMETOOLONG, EACCES}) {
    World world;
    world.begin(4, 1, 2);
    world.files.sick = [&](SickFileSystem::Call call, const fs::path& path) {
      return call == SickFileSystem::kMkdir && is_in(path, world.plan.jobs[1].id.hex) ? error_number : 0;
    };
    EXPECT_TRUE(world.run_for(10min));
    EXPECT_EQ(world.coordinator->outcome().succeeded, 2) << "one is given up, and one needs it";
    const bool is_closed = error_number == EACCES;  // another user's folder: no try of the job is begun
    EXPECT_EQ(world.causes(), is_closed ? std::set<Cause>{} : std::set<Cause>{Cause::kExitCode});
  }
}

TEST(CoordinatorOnASickStore, files_that_cannot_be_made_accuse_no_host) {
  for (const int error_number : {EMFILE, ELOOP, EISDIR}) {
    World world;
    world.begin(4, 1, 2);
    world.files.sick = [&](SickFileSystem::Call call, const fs::path& path) {
      return call == SickFileSystem::kMkdir && is_in(path, world.plan.jobs[1].id.hex) ? error_number : 0;
    };
    EXPECT_TRUE(world.run_for(10min)) << error_number;
    EXPECT_EQ(world.causes(), std::set<Cause>{Cause::kExitCode}) << error_number;
    EXPECT_TRUE(std::holds_alternative<Failed>(world.coordinator->state().jobs[1].state)) << error_number;
    EXPECT_TRUE(world.coordinator->state().jobs[1].failed_on.empty()) << error_number;
    EXPECT_TRUE(world.coordinator->state().hosts.empty()) << error_number;
  }
}

TEST(CoordinatorOnASickStore, what_runs_goes_on_while_nothing_is_started) {
  World world;
  world.begin(8, 1, 2);
  ASSERT_TRUE(world.run_until([&] { return world.agent->launched.size() == 2; }));
  world.fall_sick(1h, [](SickFileSystem::Call call, const fs::path& path) {
    return call == SickFileSystem::kMkdir && is_in(path, "/jobs/") ? EIO : 0;
  });
  world.run_for(5min);
  EXPECT_EQ(world.coordinator->outcome().succeeded, 2);
  EXPECT_EQ(world.agent->launched.size(), 2U);
  world.recover();
  EXPECT_TRUE(world.run_for(3min));
  world.expect_as_if_nothing_had_been();
}

TEST(CoordinatorOnASickStore, agents_are_told_as_long_as_it_is_sick) {
  World world;
  world.begin(8, 1, 2);
  ASSERT_TRUE(world.run_until([&] { return world.agent->launched.size() == 2; }));
  EXPECT_FALSE(world.agent->told_of_stall);
  world.fall_sick(1h, [](SickFileSystem::Call call, const fs::path& path) {
    return call == SickFileSystem::kMkdir && is_in(path, "/jobs/") ? EIO : 0;
  });
  EXPECT_TRUE(world.run_until([&] { return world.agent->told_of_stall; }));
  world.recover();
  EXPECT_TRUE(world.run_until([&] { return !world.agent->told_of_stall; }));
}

TEST(CoordinatorOnASickStore, nothing_is_started_before_its_placement_is_on_the_disk) {
  World world;
  world.begin(24, 2, 4);
  int launches = 0;
  world.agent->on_launch = [&](const AttemptKey& key) {
    ++launches;
    const Past past = read_past(core::real_file_system(), world.suite_folder());
    const auto number = past.state.numbers.at(key.job);
    EXPECT_NE(current(past.state, number, key.attempt), nullptr) << key.job;
  };
  core::RandomStream random("full disk", {1});
  world.files.sick = [&](SickFileSystem::Call call, const fs::path& path) {
    return (call == SickFileSystem::kWrite || call == SickFileSystem::kSync) && is_in(path, "journal-") &&
                   random.below(5) == 0
               ? ENOSPC
               : 0;
  };
  EXPECT_TRUE(world.run_for(1h));
  EXPECT_GE(launches, 24);
  EXPECT_GT(world.files.failures, 5);
  world.expect_as_if_nothing_had_been();
}

TEST(CoordinatorOnASickStore, one_bad_folder_holds_nobody_up) {
  World world;
  world.begin(24, 1, 2);
  const std::string bad = world.plan.jobs[0].id.hex;
  world.fall_sick(1h, [&](SickFileSystem::Call, const fs::path& path) { return is_in(path, bad) ? EIO : 0; });
  const auto began = world.clock.now();
  ASSERT_TRUE(world.run_until([&] { return world.coordinator->outcome().succeeded == 23; }));
  EXPECT_LT(world.clock.now() - began, 30s);
  EXPECT_FALSE(world.run_for(10min)) << "the last one is tried on";
  world.recover();
  EXPECT_TRUE(world.run_for(3min));
  world.expect_as_if_nothing_had_been();
}

TEST(CoordinatorOnASickStore, a_claim_file_that_was_tidied_away_is_made_again) {
  World world;
  world.begin(24, 2, 2);
  ASSERT_TRUE(world.run_until([&] { return world.coordinator->outcome().succeeded >= 4; }));
  fs::remove(world.suite_folder() / "claim-000001");
  EXPECT_TRUE(world.run_for(1min));
  world.expect_as_if_nothing_had_been();
  for (const auto& job : world.plan.jobs) EXPECT_FALSE(fs::exists(claim_file(world.layout, job.id))) << job.label;
  EXPECT_EQ(world.causes(), std::set<Cause>{});
}

TEST(CoordinatorOnASickStore, a_claim_that_cannot_be_given_back_ends_no_run) {
  World world;
  world.begin(12, 1, 2);
  world.fall_sick(1h, [](SickFileSystem::Call call, const fs::path& path) {
    return call == SickFileSystem::kRemove && path.filename() == "claim" ? EIO : 0;
  });
  EXPECT_TRUE(world.run_for(1min));
  EXPECT_GE(world.files.failures, 12);
  world.expect_as_if_nothing_had_been();
}

TEST(CoordinatorOnASickStore, a_store_that_is_not_mounted_for_a_while_is_waited_for) {
  World world;
  world.begin(12, 1, 1);
  ASSERT_TRUE(world.run_until([&] { return world.coordinator->outcome().succeeded >= 2; }));
  // Nothing of it is there; the journal, which is open, and the ranks' own way to it are not asked.
  world.fall_sick(20s, [&](SickFileSystem::Call call, const fs::path& path) {
    return call != SickFileSystem::kWrite && call != SickFileSystem::kSync && is_in(path, world.folder.path().string())
               ? ESTALE
               : 0;
  });
  EXPECT_TRUE(world.run_for(3min));
  world.expect_as_if_nothing_had_been();
}

TEST(CoordinatorOnASickStore, a_run_goes_on_in_another_epoch_when_the_store_lets_it) {
  World world;
  world.epoch_length = 2000;
  world.begin(24, 2, 2);
  core::RandomStream random("epochs", {1});
  world.files.sick = [&](SickFileSystem::Call call, const fs::path& path) {
    const bool asked = call == SickFileSystem::kLink || call == SickFileSystem::kSync || call == SickFileSystem::kOpen;
    return asked && (is_in(path, "journal-") || path == world.suite_folder()) && random.below(4) == 0 ? EIO : 0;
  };
  EXPECT_TRUE(world.run_for(1h));
  EXPECT_GT(world.files.failures, 5);
  EXPECT_GT(journal_epochs(core::real_file_system(), world.suite_folder()).back(), 3);
  world.recover();
  world.expect_as_if_nothing_had_been();
}

TEST(CoordinatorOnASickStore, a_signal_ends_a_run_whose_journal_takes_nothing) {
  World world;
  world.stop_with_a_full_journal(8, 1h);
  EXPECT_FALSE(world.run_for(5min));
  EXPECT_EQ(world.agent->kills, 2) << "once each, though the journal has not taken it";
  EXPECT_THAT(
      [&] {
        world.coordinator->request_stop({"signal 15", Cause::kInterrupted}, true);
      },
      tests::fails(core::ErrorKind::kInterrupted, HasSubstr("No space left on device")))
      << "a second wish ends it";
}

TEST(CoordinatorOnASickStore, ranks_write_their_checkpoints_at_a_signal_though_the_journal_takes_nothing) {
  World world;
  world.stop_with_a_full_journal(3, 10s);
  world.run_for(1s);
  EXPECT_EQ(world.agent->kills, 2);
  EXPECT_FALSE(world.coordinator->finished()) << "how they ended has to be kept";
  EXPECT_TRUE(world.run_for(1min));
  EXPECT_EQ(world.coordinator->outcome().exit_code(), 75);
  EXPECT_EQ(world.causes(), std::set<Cause>{Cause::kInterrupted});
}

// The calls of each job, from the first look for its result to its claim's end. On a cluster each is a question to a
// server.
TEST(CoordinatorsCalls, are_eight_a_job_at_most) {
  World world;
  std::map<std::string, std::vector<std::string>> calls;  // by job
  world.files.sick = [&](SickFileSystem::Call call, const fs::path& path) {
    const std::string text = path.string();
    const auto at = text.find("/jobs/");
    // A look into a folder of many jobs is none of one job.
    if (call != SickFileSystem::kWrite && at != std::string::npos && text.size() > at + 9)
      calls[text.substr(at + 9, 64)].push_back(fmt::format("{} {}", static_cast<int>(call), text.substr(at)));
    return 0;
  };
  world.begin(60, 2, 8);
  EXPECT_TRUE(world.run_for(1min));
  world.expect_as_if_nothing_had_been();
  EXPECT_EQ(calls.size(), 60U);
  for (const auto& [job, made] : calls) EXPECT_LE(made.size(), 8U) << testing::PrintToString(made);
}

// Calls that begin from now on return at the end of a while.
void stall(World& world, std::chrono::milliseconds length, std::function<bool(bool in_order)> whether) {
  world.lanes->takes = [&world, end = world.clock.now() + length, whether](bool in_order) {
    return whether(in_order) && world.clock.now() < end ? end - world.clock.now() : std::chrono::nanoseconds(0);
  };
}

// For 20 s no files are made; after 2 s the agent leaves, and after 3 s there is another.
void exchange_agent_while_files_are_made(World& world) {
  stall(world, 20s, [](bool in_order) { return !in_order; });
  world.run_for(2s);
  world.agent_end->send(0, encode(Leave{"it was told to"}));
  world.run_for(1s);
  world.agent.emplace(*world.agent_end, world.clock, world.layout, 2);
}

TEST(CoordinatorOnASlowStore, a_stall_of_the_journal_lets_nobody_be_given_up) {
  World world;
  world.begin(4, 2, 2);
  // Three jobs of one rank, then the gang.
  world.agent->work = 100ms;
  ASSERT_TRUE(world.run_until([&] { return world.coordinator->outcome().succeeded == 3; }));
  world.agent->work = 1h;
  ASSERT_TRUE(world.run_until([&] { return world.agent->launched.size() == 5; }));
  world.run_for(1s);
  stall(world, 150s, [](bool in_order) { return in_order; });
  world.agent->fails = [failed = false](const AttemptKey&, int rank) mutable {
    return rank == 1 && !std::exchange(failed, true);
  };
  EXPECT_FALSE(world.run_for(140s));
  EXPECT_TRUE(world.coordinator->stalls());
  EXPECT_EQ(world.agent->kills, 0) << "that the other rank is to end is not on the disk yet";
  world.agent->work = 100ms;
  EXPECT_TRUE(world.run_for(1min));
  EXPECT_FALSE(world.coordinator->stalls());
  EXPECT_EQ(world.coordinator->outcome().exit_code(), 0);
  EXPECT_TRUE(world.coordinator->orderly());
  EXPECT_EQ(world.causes(), std::set<Cause>{Cause::kExitCode});
  for (const Event& event : world.journal()) EXPECT_FALSE(std::holds_alternative<HostExcluded>(event));
}

TEST(CoordinatorOnASlowStore, what_was_prepared_during_a_take_over_is_not_started) {
  World world;
  world.begin(4, 1, 2);
  stall(world, 60s, [](bool in_order) { return !in_order; });
  world.run_for(1s);
  ASSERT_TRUE(world.agent->launched.empty());
  // The renewal of the owner's file sees nothing: it has hung since before.
  world.lanes->takes = [&](bool in_order) { return std::chrono::nanoseconds(in_order ? 100s : 0s); };
  world.run_for(10s);
  fs::copy_file(world.suite_folder() / "journal-000001", world.suite_folder() / "journal-000002");
  EXPECT_THROW(world.run_for(10min), core::RuntimeError);
  EXPECT_TRUE(world.agent->launched.empty());
}

// Two jobs are at work, whose ranks take a while to end.
void begin_to_stop(World& world) {
  world.begin(8, 1, 2);
  world.agent->work = 1h;
  world.agent->ending = 5s;
  ASSERT_TRUE(world.run_until([&] { return world.agent->launched.size() == 2; }));
}

TEST(Coordinator, takes_no_time_for_checkpoints_away_however_often_it_is_cancelled) {
  for (const bool at_once : {true, false}) {
    World world;
    begin_to_stop(world);
    write_request(core::real_file_system(), world.suite_folder(), 1, StopRun{});
    EXPECT_FALSE(world.run_for(at_once ? 0s : 3s));
    write_request(core::real_file_system(), world.suite_folder(), 1, StopRun{});
    EXPECT_TRUE(world.run_for(1min));
    EXPECT_EQ(world.agent->kills, 2) << at_once;
    EXPECT_EQ(world.agent->kills_at_once, 0) << at_once;
  }
}

TEST(Coordinator, a_run_that_stops_already_is_cancelled_for_good) {
  World world;
  begin_to_stop(world);
  world.coordinator->request_stop({"the time limit is near", Cause::kWalltime}, false);
  write_request(core::real_file_system(), world.suite_folder(), 1, StopRun{});
  EXPECT_TRUE(world.run_for(1min));
  EXPECT_EQ(world.agent->kills_at_once, 0);
  EXPECT_TRUE(is_cancelled_by_somebody(world.coordinator->state().stop.value()));
  EXPECT_EQ(world.coordinator->state().stop_cause, Cause::kWalltime) << "what the ranks were told";
  EXPECT_EQ(read_past(core::real_file_system(), world.suite_folder()).state, world.coordinator->state());
  // No other reason takes its place.
  world.coordinator->request_stop({"signal 15", Cause::kInterrupted}, false);
  world.coordinator->step();
  EXPECT_TRUE(is_cancelled_by_somebody(world.coordinator->state().stop.value()));
}

TEST(CoordinatorOnASlowStore, a_second_signal_ends_a_run_whose_store_does_not_answer) {
  World world;
  world.begin(8, 1, 2);
  world.agent->work = 1h;
  ASSERT_TRUE(world.run_until([&] { return world.agent->launched.size() == 2; }));
  stall(world, 1h, [](bool) { return true; });
  world.coordinator->request_stop({"signal 15", Cause::kInterrupted}, true);
  EXPECT_FALSE(world.run_for(5s));
  EXPECT_EQ(world.agent->kills, 2) << "once each, though the journal has not taken it";
  world.coordinator->request_stop({"signal 15", Cause::kInterrupted}, true);
  EXPECT_THAT([&] { world.run_for(10s); }, tests::fails(core::ErrorKind::kInterrupted)) << "a second wish ends it";
}

TEST(CoordinatorOnASlowStore, what_is_given_up_while_its_files_are_made_is_not_started) {
  World world;
  world.begin(2, 1, 2);
  exchange_agent_while_files_are_made(world);
  EXPECT_FALSE(world.run_for(10s));
  EXPECT_TRUE(world.agent->launched.empty());
  EXPECT_TRUE(world.run_for(1min));
  EXPECT_EQ(world.causes(), std::set<Cause>{Cause::kAgentLost});
  EXPECT_EQ(world.agent->launched.size(), 2U);
  for (const AttemptKey& key : world.agent->launched) EXPECT_EQ(key.attempt, 2);
  for (const auto& job : world.plan.jobs) EXPECT_FALSE(fs::exists(claim_file(world.layout, job.id))) << job.label;
}

TEST(CoordinatorOnASlowStore, what_another_run_holds_is_tried_again_where_its_agent_was_lost_meanwhile) {
  World world;
  world.begin(2, 1, 2);
  for (const auto& job : world.plan.jobs) {
    fs::create_directories(claim_file(world.layout, job.id).parent_path());
    core::write_atomic(core::real_file_system(), claim_file(world.layout, job.id),
                       "{\"epoch\":1,\"run\":\"other\",\"suite\":\"elsewhere\"}\n");
  }
  exchange_agent_while_files_are_made(world);
  EXPECT_TRUE(world.run_for(5min));
  EXPECT_EQ(world.causes(), std::set<Cause>{Cause::kAgentLost});
  EXPECT_EQ(world.agent->launched.size(), 2U);
}

TEST(CoordinatorOnASlowStore, a_request_waits_and_is_taken_once) {
  World world;
  world.begin(8, 1, 2);
  world.agent->work = 5s;
  ASSERT_TRUE(world.run_until([&] { return world.agent->launched.size() == 2; }));
  stall(world, 10s, [](bool in_order) { return in_order; });
  write_request(core::real_file_system(), world.suite_folder(), 1, DrainHost{"here", true});
  EXPECT_FALSE(world.run_for(9s));
  EXPECT_TRUE(world.coordinator->state().hosts.empty());
  EXPECT_TRUE(world.run_for(1min)) << "no host is left";
  EXPECT_TRUE(fs::is_empty(world.suite_folder() / "requests"));
  const auto events = world.journal();
  EXPECT_EQ(std::count_if(events.begin(), events.end(),
                          [](const Event& event) { return std::holds_alternative<HostDrained>(event); }),
            1);
}

TEST(CoordinatorOnASlowStore, a_request_that_ends_the_run_at_once_is_taken_too) {
  World world;
  world.begin(8, 1, 2);
  write_request(core::real_file_system(), world.suite_folder(), 1, StopRun{});
  // Nobody joins: the stop and the end of the run reach the disk together.
  while (world.coordinator_end->receive()) {
  }
  for (int i = 0; i < 1000 && !world.coordinator->finished(); ++i) {
    world.coordinator->step();
    world.clock.advance(10ms);
  }
  ASSERT_TRUE(world.coordinator->finished());
  world.coordinator.reset();
  EXPECT_TRUE(fs::is_empty(world.suite_folder() / "requests"));
}

TEST(Coordinator, stops_for_good_within_a_minute_when_what_it_may_spend_is_spent) {
  World world;
  int asked = 0;
  world.spent = [&] {
    ++asked;
    const bool all = world.clock.now().time_since_epoch() > 150s;
    return all ? std::optional<std::string>("--most-gpu-hours 7") : std::nullopt;
  };
  world.begin(8, 1, 2);
  world.agent->work = 1h;
  EXPECT_FALSE(world.run_for(150s));
  EXPECT_EQ(3, asked) << "at its begin, then every minute";
  EXPECT_TRUE(world.run_for(2min));
  EXPECT_EQ(world.coordinator->outcome().exit_code(), 75);
  EXPECT_EQ(world.coordinator->outcome().why, "cancelled by --most-gpu-hours 7");
}

// The seeds of the slice, from 20.
class Seeds : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, leave_what_a_calm_run_leaves_whatever_fails_or_stalls_and_when) {
  World world;
  world.begin(200, 2, 16);
  core::RandomStream random("sick store", {GetParam()});
  world.agent->work = 400ms;
  // Again and again some kind of call, or every one, begins to fail, for 3 s on average.
  core::MonotonicTime from = world.clock.now(), until = from;
  std::uint64_t calls = 0;
  int error_number = EIO;
  world.files.sick = [&](SickFileSystem::Call call, const fs::path&) {
    if (world.clock.now() >= until) {
      from = world.clock.now() + std::chrono::milliseconds(random.below(1'000));
      until = from + std::chrono::milliseconds(random.below(6'000));
      calls = random.below(3) == 0 ? ~0ULL : 1ULL << random.below(10);
      constexpr std::array kErrors{EIO,   ESTALE,    ENOSPC, EDQUOT, EROFS,      ENODEV,
                                   ECOMM, ESHUTDOWN, EPROTO, ENXIO,  ECONNRESET, EKEYEXPIRED};
      error_number = kErrors.at(random.below(kErrors.size()));
    }
    return world.clock.now() >= from && ((calls >> call) & 1) != 0 ? error_number : 0;
  };
  // Each call takes up to 50 ms, so that those that are under way together return in any order; one in 80 begins a
  // stall, in which those in order, the others or all return at its end.
  core::MonotonicTime stalled_until = world.clock.now();
  std::uint64_t stalled = 0;
  int stalls = 0;
  world.lanes->takes = [&](bool in_order) -> std::chrono::nanoseconds {
    if (world.clock.now() >= stalled_until && random.below(80) == 0) {
      stalled_until = world.clock.now() + std::chrono::milliseconds(random.below(150'000));
      stalled = 1 + random.below(3);
      ++stalls;
    }
    const auto delay = std::chrono::milliseconds(random.below(50));
    const bool waits = world.clock.now() < stalled_until && (stalled & (in_order ? 1 : 2)) != 0;
    return waits ? stalled_until - world.clock.now() + delay : delay;
  };
  EXPECT_TRUE(world.run_for(6h));
  EXPECT_TRUE(world.coordinator->orderly());
  EXPECT_GE(stalls, 2);
  world.expect_as_if_nothing_had_been();
}

std::vector<std::uint64_t> seeds() {
  std::vector<std::uint64_t> all(20);
  std::iota(all.begin(), all.end(), 1);
  return all;
}
INSTANTIATE_TEST_SUITE_P(OfASickStore, Seeds, testing::ValuesIn(slice("sick stores", seeds(), 2)));

}  // namespace
}  // namespace resolute::tests::coordinator_test
