#include "slurm/launcher.h"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace resolute::slurm::launcher_test {
namespace {

using namespace testing;

// Recorded, 22.05.8, on stdout.
constexpr const char* kList =
    "MPI plugin types are...\n\tpmix\n\tnone\n\tcray_shasta\n\tpmi2\nspecific pmix plugin versions available: "
    "pmix_v4\n";
// As the mail archives and pages of sites show it of 17.11 to 21.08, on stderr.
constexpr const char* kOldList =
    "srun: MPI types are...\nsrun: none\nsrun: openmpi\nsrun: pmi2\nsrun: pmix\nsrun: pmix_v3\n";

TEST(Launcher, several_nodes_prefer_srun_where_slurm_has_pmix) {
  EXPECT_THAT(launchers_to_try(3, kList, true), ElementsAre(Launcher::kSrun, Launcher::kMpirun));
  EXPECT_THAT(launchers_to_try(3, kOldList, true), ElementsAre(Launcher::kSrun, Launcher::kMpirun));
  EXPECT_THAT(launchers_to_try(3, kList, false), ElementsAre(Launcher::kSrun));
}

TEST(Launcher, several_nodes_without_pmix_need_mpirun) {
  const std::string without = "MPI plugin types are...\n\tnone\n\tpmi2\n";
  EXPECT_THAT(launchers_to_try(2, without, true), ElementsAre(Launcher::kMpirun));
  EXPECT_THAT(launchers_to_try(2, without, false), IsEmpty());
  EXPECT_THAT(launchers_to_try(2, "", true), ElementsAre(Launcher::kMpirun));
}

TEST(Launcher, pmix_inside_another_line_is_no_pmix) {
  for (const char* text : {"srun: error: no plugin pmix\n", "specific pmix plugin versions available: pmix_v4\n",
                           "\tpmix_v4\n", "pmix pmix\n", "PMIX\n", "\n\n", "srun:", "srun: srun: pmix"})
    EXPECT_THAT(launchers_to_try(2, text, false), IsEmpty()) << text;
  for (const char* text : {"pmix", "  pmix \r\n", "srun:pmix\n", "x\n\n\tpmix"})
    EXPECT_THAT(launchers_to_try(2, text, false), ElementsAre(Launcher::kSrun)) << text;
}

// As Cray EX sites show it (slurm 22.05 and later).
constexpr const char* kCrayList = "MPI plugin types are...\n\tnone\n\tcray_shasta\n\tpmi2\n";

TEST(Launcher, the_kinds_of_mpi_are_read_in_every_spelling) {
  EXPECT_THAT(mpi_kinds(kList), ElementsAre("pmix", "cray_shasta", "pmi2", "pmix_v4"));
  EXPECT_THAT(mpi_kinds(kOldList), ElementsAre("openmpi", "pmi2", "pmix", "pmix_v3"));
  EXPECT_THAT(mpi_kinds(kCrayList), ElementsAre("cray_shasta", "pmi2"));
  EXPECT_THAT(mpi_kinds("specific pmix plugin versions available: pmix_v4, pmix_v3\n"),
              ElementsAre("pmix_v4", "pmix_v3"));
  for (const char* text : {"", "\n", "srun: error: Invalid MPI type 'list', --mpi=list for acceptable types\n"})
    EXPECT_THAT(mpi_kinds(text), IsEmpty()) << text;
}

TEST(Launcher, srun_is_tried_where_it_knows_the_kind_that_the_site_names) {
  EXPECT_THAT(launchers_to_try(2, kCrayList, true), ElementsAre(Launcher::kMpirun));
  EXPECT_THAT(launchers_to_try(2, kCrayList, true, "cray_shasta"), ElementsAre(Launcher::kSrun, Launcher::kMpirun));
  EXPECT_THAT(launchers_to_try(2, kCrayList, false, "pmi2"), ElementsAre(Launcher::kSrun));
  EXPECT_THAT(launchers_to_try(2, kList, false, "pmix_v4"), ElementsAre(Launcher::kSrun));
  EXPECT_THAT(launchers_to_try(2, kList, false, "pmix_v3"), IsEmpty());
}

TEST(Launcher, a_sites_kind_and_words_are_in_the_command_behind_ours) {
  const LaunchOptions options{"cray_shasta", {"--network=single_node_vni", "--cpu-bind=cores"}};
  const auto command = launch_command(Launcher::kSrun, 2, {"x", "y"}, options);
  EXPECT_THAT(command, Contains("--mpi=cray_shasta"));
  EXPECT_THAT(std::vector<std::string>(command.end() - 4, command.end()),
              ElementsAre("--network=single_node_vni", "--cpu-bind=cores", "x", "y"));
  EXPECT_THAT(launch_command(Launcher::kMpirun, 2, {"x"}, options), Contains("--network=single_node_vni"));
  EXPECT_THAT(launch_command(Launcher::kNone, 1, {"x"}, options), ElementsAre("x"));
  EXPECT_THAT(launch_command(Launcher::kSrun, 1, {"x"}, options), Contains("--mpi=none"));
}

TEST(Launcher, a_kind_of_mpi_is_one_plain_word) {
  for (const char* good : {"pmix", "pmi2", "pmix_v4", "cray_shasta", "openmpi"}) EXPECT_TRUE(is_mpi_kind(good)) << good;
  for (const char* bad : {"", "none", "PMIX", "pmix ", "--x", "a,b", "pmix=1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_FALSE(is_mpi_kind(bad)) << bad;
}

TEST(Launcher, one_node_is_a_step_where_there_is_srun_and_a_plain_process_else) {
  EXPECT_THAT(launchers_to_try(1, "MPI plugin types are...\n\tnone\n", true),
              ElementsAre(Launcher::kSrun, Launcher::kNone));
  EXPECT_THAT(launchers_to_try(1, "", true), ElementsAre(Launcher::kNone));
}

TEST(Launcher, srun_starts_one_process_a_node_that_outlives_the_others) {
  const auto command = launch_command(Launcher::kSrun, 3, {"/opt/resolute", "suite", "run"});
  EXPECT_EQ(command.front(), "srun");
  for (const char* option : {"--mpi=pmix", "--nodes=3", "--ntasks=3", "--ntasks-per-node=1", "--kill-on-bad-exit=0",
                             "--no-kill", "--wait=0", "--cpu-bind=none", "--mem=0", "--input=none", "--quiet"})
    EXPECT_THAT(command, Contains(option));
  EXPECT_THAT(std::vector<std::string>(command.end() - 3, command.end()), ElementsAre("/opt/resolute", "suite", "run"));
}

TEST(Launcher, a_step_asks_for_no_part_of_its_nodes) {
  EXPECT_THAT(launch_command(Launcher::kSrun, 3, {"x"}), Not(Contains(StartsWith("--cpus-per-task"))));
}

TEST(Launcher, a_step_on_one_node_needs_no_pmix) {
  EXPECT_THAT(launch_command(Launcher::kSrun, 1, {"x"}), Contains("--mpi=none"));
}

TEST(Launcher, mpirun_lets_the_others_live_and_binds_nothing) {
  EXPECT_THAT(launch_command(Launcher::kMpirun, 3, {"apptainer", "exec", "x.sif", "resolute"}),
              ElementsAre("mpirun", "--map-by", "ppr:1:node", "--bind-to", "none", "--enable-recovery", "apptainer",
                          "exec", "x.sif", "resolute"));
}

constexpr const char* kMpichVersion =
    "HYDRA build details:\n    Version:                                 4.1.2\n    Release Date:                       "
    "     "
    "Wed Jun  7 15:22:45 CDT 2023\n";
constexpr const char* kIntelVersion =
    "Intel(R) MPI Library for Linux* OS, Version 2021.9 Build 20230307 (id: d82b3071db)\nCopyright 2003-2023, Intel "
    "Corporation.\n";

TEST(Launcher, each_mpirun_is_known_by_its_version) {
  const std::string bugs = "\n\nReport bugs to http://www.open-mpi.org/community/help/\n";
  EXPECT_EQ(mpirun_of("mpirun (Open MPI) 4.1.4" + bugs), Mpirun::kOpenMpi);
  EXPECT_EQ(mpirun_of("mpirun (Open MPI) 5.0.7" + bugs), Mpirun::kPrrte);
  EXPECT_EQ(mpirun_of("mpirun (Open MPI) 10.0.0rc1" + bugs), Mpirun::kPrrte);
  EXPECT_EQ(mpirun_of("prterun (PRRTE) 3.0.6\n"), Mpirun::kPrrte);
  EXPECT_EQ(mpirun_of(kMpichVersion), Mpirun::kMpich);
  EXPECT_EQ(mpirun_of(kIntelVersion), Mpirun::kIntel);
  for (const char* unknown : {"", "4.1", "mpirun (Open MPI) ", "mpirun (IBM Spectrum MPI) 10.3.1.00rtm2\n"})
    EXPECT_EQ(mpirun_of(unknown), Mpirun::kOpenMpi) << unknown;
}

TEST(Launcher, every_mpirun_gets_the_options_that_it_knows) {
  const auto command = [](Mpirun mpirun) {
    return fmt::format("{}", fmt::join(launch_command(Launcher::kMpirun, 3, {"x"}, {"pmix", {"--mine"}}, mpirun), " "));
  };
  EXPECT_EQ(command(Mpirun::kOpenMpi), "mpirun --map-by ppr:1:node --bind-to none --enable-recovery --mine x");
  EXPECT_EQ(command(Mpirun::kPrrte),
            "mpirun --map-by ppr:1:node --bind-to none --prtemca prte_enable_recovery 1 --mine x");
  EXPECT_EQ(command(Mpirun::kMpich), "mpirun -ppn 1 -bind-to none -disable-auto-cleanup -n 3 --mine x");
  EXPECT_EQ(command(Mpirun::kIntel), "mpirun -ppn 1 -genv I_MPI_PIN 0 -disable-auto-cleanup -n 3 --mine x");
}

TEST(Launcher, none_is_the_program_itself_on_one_node) {
  EXPECT_THAT(launch_command(Launcher::kNone, 1, {"a", "b"}), ElementsAre("a", "b"));
  EXPECT_THROW(launch_command(Launcher::kNone, 2, {"a"}), core::ContractError);
}

TEST(Launcher, names_read_back) {
  for (Launcher launcher : {Launcher::kSrun, Launcher::kMpirun, Launcher::kNone})
    EXPECT_EQ(parse_launcher(std::string(name_of(launcher))), launcher);
  EXPECT_THROW(parse_launcher("auto"), core::RuntimeError);
  EXPECT_THROW(parse_launcher(""), core::RuntimeError);
}

}  // namespace
}  // namespace resolute::slurm::launcher_test
