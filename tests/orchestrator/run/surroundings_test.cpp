// A run's knowledge from environment, command line and signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "core/error.h"
#include "orchestrator/run/run.h"
#include "orchestrator/run/run_loop.h"
#include "tests/support/refusal.h"

namespace resolute::orchestrator::surroundings_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SurroundingsOfARun, launchers_are_recognised_by_their_variables) {
  EXPECT_FALSE(launched_by_mpi({}));
  EXPECT_FALSE(launched_by_mpi({{"OMPI_COMM_WORLD_SIZE", "1"}}));
  EXPECT_TRUE(launched_by_mpi({{"OMPI_COMM_WORLD_SIZE", "3"}}));
  EXPECT_TRUE(launched_by_mpi({{"PMIX_RANK", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}}));
  EXPECT_FALSE(launched_by_mpi({{"SLURM_STEP_NUM_TASKS", "2"}}));  // in a batch script
  EXPECT_FALSE(launched_by_mpi({{"PMIX_RANK", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}));
  EXPECT_TRUE(launched_by_mpi({{"PALS_RANKID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "0"}}));
  EXPECT_EQ(launched_rank({{"PALS_RANKID", "3"}}), 3);
  EXPECT_EQ(launched_rank({{"OMPI_COMM_WORLD_RANK", "2"}}), 2);
}

TEST(SurroundingsOfARun, walltimes_are_minutes_or_have_colons) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_walltime("90"), seconds(5400));
  EXPECT_EQ(parse_walltime("2:30"), seconds(150));
  EXPECT_EQ(parse_walltime("26:00:01"), seconds(26 * 3600 + 1));
  for (const char* wrong : {"", ":", "1:", "1:60", "1:2:3:4", "-5", "1h", "1:-2", "99999999999999999999"})
    EXPECT_THROW(parse_walltime(wrong), core::RuntimeError) << wrong;
  EXPECT_EQ(allocation_end({}), std::nullopt);
  EXPECT_EQ(allocation_end({{"SLURM_JOB_END_TIME", "soon"}}), std::nullopt);
  EXPECT_EQ(allocation_end({{"SLURM_JOB_END_TIME", "1700000000"}}), Instant(seconds(1'700'000'000)));
  for (const char* never : {"9000000001", "9300000000000000", "9223372036854775807", "18446744073709551614", "-1"})
    EXPECT_EQ(allocation_end({{"SLURM_JOB_END_TIME", never}}), std::nullopt) << never;
}

TEST(SurroundingsOfARun, tasks_that_srun_started_without_pmix_are_refused_and_those_of_mpirun_are_not) {
  std::map<std::string, std::string> environment{{"SLURM_STEP_NUM_TASKS", "3"}, {"SLURM_PROCID", "1"}};
  EXPECT_THAT([&] { launched_by_mpi(environment); }, tests::fails(core::ErrorKind::kInput, HasSubstr("--mpi=pmix")))
      << "each of the three would run the suite alone";
  environment["OMPI_COMM_WORLD_SIZE"] = "3";
  EXPECT_TRUE(launched_by_mpi(environment));
}

TEST(SurroundingsOfARun, processes_that_mpi_leaves_alone_are_refused_and_told_the_site_files_key) {
  const auto refusal = [](std::map<std::string, std::string> environment, int found) {
    return tests::refusal([&] { require_acquainted(environment, found); });
  };
  // srun --mpi=pmi2, --mpi=cray_shasta and --mpi=pmix, with a library that speaks none of it.
  for (const std::map<std::string, std::string>& environment :
       {std::map<std::string, std::string>{{"PMI_SIZE", "3"}, {"PMI_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "3"}},
        {{"PALS_RANKID", "1"}, {"SLURM_STEP_NUM_TASKS", "3"}},
        {{"PMIX_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "3"}}}) {
    EXPECT_THAT(refusal(environment, 1),
                testing::AllOf(HasSubstr("srun started 3 processes that do not know of each other"),
                               HasSubstr("'mpi' in [environment] of the site file")));
    EXPECT_EQ(refusal(environment, 3), "");
  }
  // Hydra sets the other two.
  EXPECT_THAT(refusal({{"OMPI_COMM_WORLD_SIZE", "2"}}, 1), HasSubstr("mpirun started 2"));
  EXPECT_THAT(refusal({{"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "1"}}, 1),
              testing::AllOf(HasSubstr("mpirun started 2"), HasSubstr("another MPI than the library")));
  EXPECT_EQ(refusal({{"OMPI_COMM_WORLD_SIZE", "1"}}, 1), "");
  EXPECT_EQ(refusal({}, 1), "");
}

TEST(SurroundingsOfARun, a_notice_means_the_time_limit_where_that_is_near_and_else_that_others_want_the_machine) {
  const Instant now{Milliseconds(1'000'000'000)};
  using std::chrono::seconds;
  EXPECT_EQ(meaning_of_signal(SIGUSR1, now + seconds(299), now, seconds(60)).cause, Cause::kWalltime);
  EXPECT_EQ(meaning_of_signal(SIGUSR1, now - seconds(5), now, seconds(60)).cause, Cause::kWalltime);
  EXPECT_EQ(meaning_of_signal(SIGUSR1, now + seconds(300), now, seconds(60)).cause, Cause::kPreempted);
  EXPECT_EQ(meaning_of_signal(SIGUSR1, now + seconds(660), now, seconds(600)).cause, Cause::kWalltime)
      << "SLURM gives a notice of ten minutes up to a minute earlier";
  EXPECT_EQ(meaning_of_signal(SIGUSR1, std::nullopt, now, seconds(60)).cause, Cause::kPreempted);
  EXPECT_EQ(meaning_of_signal(SIGTERM, now + seconds(1), now, seconds(60)).cause, Cause::kInterrupted);
  EXPECT_EQ(meaning_of_signal(SIGINT, std::nullopt, now, seconds(60)).why, "signal 2");
}

TEST(SurroundingsOfARun, signals_are_counted_by_number_and_taken_once) {
  StopSignals signals;
  EXPECT_THAT(signals.take(), ElementsAre());
  for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGTERM}) ::raise(number);
  EXPECT_THAT(signals.take(), ElementsAre(SIGUSR1, SIGTERM, SIGTERM, SIGINT));
  EXPECT_THAT(signals.take(), ElementsAre());
}

}  // namespace
}  // namespace resolute::orchestrator::surroundings_test
