// The sense that `resolute doctor` makes of `srun --mpi=list` and of the kinds of nodes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/doctor/checks.h"

namespace resolute::cli::doctor_slurm_test {
namespace {

using namespace testing;

// Recorded, 22.05.8, on stdout.
constexpr std::string_view kWhole =
    "MPI plugin types are...\n\tpmix\n\tnone\n\tcray_shasta\n\tpmi2\nspecific pmix plugin versions available: "
    "pmix_v4\n";
constexpr std::string_view kOldWithoutPmix = "srun: MPI types are...\nsrun: none\nsrun: openmpi\nsrun: pmi2\n";
constexpr std::string_view kCray = "MPI plugin types are...\n\tnone\n\tcray_shasta\n\tpmi2\n";
constexpr std::string_view kVersionsAlone =
    "MPI plugin types are...\n\tnone\n\tpmi2\nspecific pmix plugin versions available: pmix_v3,pmix_v10,pmix_v4\n";

TEST(DoctorSlurm, says_which_kind_of_mpi_to_put_into_the_site_file) {
  EXPECT_EQ(judge_mpi_kinds(kWhole, std::nullopt).level, Level::kOk);
  EXPECT_EQ(judge_mpi_kinds(kWhole, std::nullopt).what,
            "srun --mpi=pmix is there, of pmix, cray_shasta, pmi2, pmix_v4");
  EXPECT_EQ(judge_mpi_kinds(kVersionsAlone, std::nullopt).level, Level::kWarn);
  EXPECT_EQ(judge_mpi_kinds(kVersionsAlone, std::nullopt).advice,
            "set mpi = \"pmix_v10\" in [environment] of the site file");
  EXPECT_THAT(judge_mpi_kinds(kCray, std::nullopt).advice,
              AllOf(StartsWith("set mpi = \"cray_shasta\" in [environment] of the site file"),
                    HasSubstr("if Open MPI was built with Cray's PMI")));
  EXPECT_THAT(judge_mpi_kinds(kOldWithoutPmix, std::nullopt).advice,
              AllOf(StartsWith("set mpi = \"pmi2\" in [environment] of the site file"), HasSubstr("PMI2")));
}

TEST(DoctorSlurm, holds_the_site_files_kind_of_mpi_against_what_srun_has) {
  for (const char* kind : {"pmi2", "cray_shasta", "pmix_v4"})
    EXPECT_EQ(judge_mpi_kinds(kWhole, kind).level, Level::kOk);
  const auto wrong = judge_mpi_kinds(kWhole, "pmix_v3");
  EXPECT_EQ(wrong.level, Level::kWarn);
  EXPECT_THAT(wrong.what, StartsWith("srun has no pmix_v3, but pmix, "));
  EXPECT_EQ(wrong.advice, "set mpi = \"pmix\" in [environment] of the site file");
}

TEST(DoctorSlurm, an_srun_that_names_nothing_leaves_several_nodes_to_mpirun) {
  for (const std::string_view list : {"", "MPI plugin types are...\n\tnone\n"}) {
    const auto finding = judge_mpi_kinds(list, std::nullopt);
    EXPECT_EQ(finding.level, Level::kWarn);
    EXPECT_EQ(finding.what, "srun has no pmix, but nothing that processes find each other by");
    EXPECT_THAT(finding.advice, HasSubstr("mpirun"));
  }
}

TEST(DoctorSlurm, nodes_of_several_kinds_are_warned_of_unless_one_is_chosen) {
  const auto partitions = slurm::parse_partitions(
      "cpu*|1:00:00|1-infinite|4|2|4096|(null)\n"
      "gpu|1:00:00|1-infinite|3|64|512000|gpu:a100:4\n"
      "gpu|1:00:00|1-infinite|1|64|512000|gpu:h100:4\n"
      "old|1:00:00|1-infinite|1|16|512000|(null)\n"
      "old|1:00:00|1-infinite|1|32|512000|(null)\n");
  experiments::Site site;
  const auto judge = [&](const Environment& environment) { return judge_node_kinds(partitions, environment, site); };
  EXPECT_EQ(judge({}).level, Level::kOk) << "the default partition has one kind";
  const auto by_variable = judge({{"SBATCH_PARTITION", "gpu"}});
  EXPECT_EQ(by_variable.level, Level::kWarn);
  EXPECT_EQ(by_variable.what, "partition 'gpu' has nodes with a100 and with h100");
  EXPECT_EQ(by_variable.advice, slurm::kOneKindAdvice);
  EXPECT_EQ(judge({{"SBATCH_PARTITION", "gpu"}, {"SBATCH_CONSTRAINT", "a100"}}).level, Level::kOk);
  EXPECT_EQ(judge({{"SBATCH_PARTITION", "old"}}).what,
            "partition 'old' has nodes with 16 processors and with 32 processors");
  auto& training = site.resources[settings::JobKind::kTraining];
  training.partition = "gpu";
  EXPECT_EQ(judge({}).what, by_variable.what);
  training.gpu_type = "a100";
  EXPECT_EQ(judge({}).level, Level::kOk);
  training.shapes.emplace_back().partition = "old";
  EXPECT_EQ(judge({}).level, Level::kOk) << "a type is chosen";
  site.slurm.shapes.emplace_back().partition = "gpu";
  EXPECT_EQ(judge({}).what, by_variable.what);
  site.slurm.constraint = "h100";
  EXPECT_EQ(judge({}).level, Level::kOk);
}

}  // namespace
}  // namespace resolute::cli::doctor_slurm_test
