// The sense that `resolute doctor` makes of what a launched ring prints.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/doctor/checks.h"

namespace resolute::cli::doctor_trial_test {
namespace {

using namespace testing;

constexpr const char* kRing =
    R"({"ring":{"hosts":["a","b","c"],"library":"Open MPI v5.0.7","loses":true,"microseconds":27.6,"processes":3}})"
    "\n";

Finding after(const std::string& printed) {
  return try_ring("launch", {"/bin/sh", "-c", "printf '%s' \"$0\"", printed}, {}, 3, 3, std::chrono::seconds(20));
}

TEST(DoctorTrial, a_launcher_that_refuses_root_is_a_warning_on_one_machine_and_a_failure_on_several) {
  for (const int hosts : {0, 3}) {
    const auto finding =
        try_ring("mpi", {"/bin/sh", "-c", "echo 'mpirun has detected an attempt to run as root.' >&2; exit 1"}, {}, 2,
                 hosts, std::chrono::seconds(20));
    EXPECT_EQ(finding.level, hosts == 0 ? Level::kWarn : Level::kFail);
    EXPECT_THAT(finding.advice, HasSubstr("OMPI_ALLOW_RUN_AS_ROOT=1"));
  }
  EXPECT_EQ(try_ring("mpi", {"/bin/sh", "-c", "echo broken >&2; exit 1"}, {}, 2, 0, std::chrono::seconds(20)).level,
            Level::kFail);
}

TEST(DoctorTrial, a_lost_process_that_leaves_the_others_is_well) {
  const auto finding = after(std::string("noise\n") + kRing + "more\n{\"survivors\":2}\n");
  EXPECT_EQ(finding.level, Level::kOk);
  EXPECT_EQ(finding.what,
            "3 processes on 3 hosts; a message around them takes 28 µs at best; the loss of one leaves the others");
  EXPECT_EQ(finding.advice, "");
}

TEST(DoctorTrial, others_that_say_nothing_after_a_loss_are_lost_too) {
  for (const char* rest :
       {"", "mpirun noticed that process rank 2 exited on signal 9\n", "{\"survivors\":1}\n", "{\"survivors\":"}) {
    const auto finding = after(kRing + std::string(rest));
    EXPECT_EQ(finding.level, Level::kWarn) << rest;
    EXPECT_THAT(finding.what, EndsWith("; the loss of one ends the others"));
    EXPECT_THAT(finding.advice, AllOf(StartsWith("the loss of a node ends the run under this launcher"),
                                      HasSubstr("srun"), HasSubstr("OMPI_MCA_pml=ob1")));
  }
}

TEST(DoctorTrial, processes_that_do_not_find_each_other_say_which_library_they_have_loaded) {
  const auto finding =
      try_ring("launch", {"/bin/sh", "-c", "printf '%s' \"$0\"", kRing}, {}, 4, 4, std::chrono::seconds(20));
  EXPECT_EQ(finding.level, Level::kFail);
  EXPECT_THAT(finding.advice, HasSubstr("and resolute loads Open MPI v5.0.7: "));
}

TEST(DoctorTrial, survivors_without_a_ring_are_a_failure) {
  EXPECT_EQ(after("{\"survivors\":2}\n").level, Level::kFail);
}

}  // namespace
}  // namespace resolute::cli::doctor_trial_test
