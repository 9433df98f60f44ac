#include "slurm/trouble.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace resolute::slurm::trouble_test {
namespace {

core::CommandOutput failed(const std::string& err, core::ExitStatus status = core::Exited{1}) {
  return {status, "", err};
}

TEST(TroubleTest, the_controllers_silence_is_transient_whatever_the_exit_code) {
  const std::vector<std::string> texts = {
      "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
      "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n",
      "scancel: error: Kill job error on job id 7: Zero Bytes were transmitted or received\n",
      "Unexpected message received for job 1\n",
      "sbatch: error: Batch job submission failed: Slurm backup controller in standby mode\n",
      "sbatch: error: Batch job submission failed: Unable to create job record, try again\n",
      "Job can not be altered now, try again later for job 5\n",
      "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS "
      "policy (job submit limit, user's size and/or time limits)\n",
      "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates "
      "accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
      "sbatch: error: AssocGrpSubmitJobsLimit\n",
  };
  const std::vector<core::ExitStatus> statuses = {core::Exited{1},   core::Exited{8},   core::Exited{140},
                                                  core::Exited{255}, core::Exited{137}, core::Killed{9}};
  for (const std::string& text : texts)
    for (const core::ExitStatus& status : statuses)
      EXPECT_EQ(classify(failed(text, status)), Trouble::kTransient) << text << core::describe(status);
}

TEST(TroubleTest, trouble_of_which_nothing_is_known_is_transient) {
  for (const char* text : {"", "\n\n", "Segmentation fault\n", "Ne répond pas", "sbatch: error: Munge encode failed\n",
                           "sbatch: error: Batch job submission failed: Protocol authentication error\n",
                           "sbatch: error: Batch job submission failed: Invalid user id\n"})
    EXPECT_EQ(classify(failed(text)), Trouble::kTransient) << text;
  EXPECT_EQ(classify(failed("", core::Killed{11})), Trouble::kTransient);
}

TEST(TroubleTest, refusals_as_22_05_writes_them_are_known) {
  for (const char* text : {
           // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): two lines of one answer
           "sbatch: error: invalid partition specified: nope\n"
           "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
           "sbatch: unrecognized option '--frob'\nTry \"sbatch --help\" for more information\n",
           "sbatch: error: \"x\" is not a valid node count\n",
           "sbatch: error: Unable to open file /home/a/none.sh\n",
           "sbatch: error: Invalid generic resource (gres) specification\n",
           "sbatch: error: Batch job submission failed: Requested node configuration is not available\n",
           "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified\n",
           "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's "
           "size and/or time limits)\n",
           "sbatch: error: Batch job submission failed: Requested GRES option unsupported by configured SelectType "
           "plugin\n",
           "sbatch: error: Batch job submission failed: Duplicate generic resource (gres) specification\n",
           "sbatch: error: Batch job submission failed: Job --batch option is invalid or not a subset of "
           "--constraints\n",
           "sbatch: error: Batch job submission failed: Burst Buffer request invalid\n",
           "sbatch: error: Batch job submission failed: Burst Buffer resource limit exceeded\n",
           "sbatch: error: Invalid --time specification\n",
           "sbatch: error: This does not look like a batch script.  The first\n",
           "Requested operation is presently disabled for job 6\n",
           "Job has already finished for job 6\nslurm_suspend error: Job has already finished\n",
           "1_0-2: Job is pending execution\n",
           "Slurm accounting storage is disabled\n",
           "squeue: error: Only one cluster can be used at a time with --me\n",
       })
    EXPECT_EQ(classify(failed(text)), Trouble::kRefused) << text;
}

TEST(TroubleTest, refusals_that_pass_with_a_maintenance_are_transient) {
  for (const char* why : {"Partition in DOWN state", "Required partition not available (inactive or drain)",
                          "Required node not available (down, drained or reserved)",
                          "Requested reservation not usable now", "System submissions disabled"}) {
    const auto output = failed(fmt::format("sbatch: error: Batch job submission failed: {}\n", why));
    EXPECT_EQ(classify(output), Trouble::kTransient) << why;
    EXPECT_EQ(complaint(output), fmt::format("Batch job submission failed: {}", why));
  }
  // It is the answer to more nodes or time than the partition allows, too.
  EXPECT_EQ(classify(failed("sbatch: error: Batch job submission failed: Requested partition configuration not "
                            "available now\n")),
            Trouble::kRefused);
}

TEST(TroubleTest, unknown_jobs_and_missing_clusters_are_told_from_refusals) {
  EXPECT_EQ(classify(failed("slurm_load_jobs error: Invalid job id specified\n")), Trouble::kUnknownJob);
  EXPECT_EQ(classify(failed("Invalid job id specified for job 999\nslurm_suspend error: Invalid job id specified\n")),
            Trouble::kUnknownJob);
  EXPECT_EQ(classify(failed("sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n"
                            "sbatch: error: fetch_config: DNS SRV lookup failed\n"
                            "sbatch: error: _establish_config_source: failed to fetch config\n"
                            "sbatch: fatal: Could not establish a configuration source\n")),
            Trouble::kMissing);
  EXPECT_EQ(classify(failed("sbatch: error while loading shared libraries: libslurm.so.38: cannot open shared object "
                            "file: No such file or directory\n",
                            core::Exited{127})),
            Trouble::kMissing);
  // Without a controller a cluster that keeps its configuration there has none: that passes.
  EXPECT_EQ(classify(failed("sbatch: error: Unable to contact slurm controller (connect failure)\n"
                            "sbatch: fatal: Could not establish a configuration source\n")),
            Trouble::kTransient);
}

TEST(TroubleTest, a_remark_before_sbatchs_own_word_does_not_make_a_refusal) {
  const auto output = failed(
      "sbatch: error: Invalid GRES argument, ignored by the site's plug-in\n"
      "sbatch: error: Batch job submission failed: Connection refused\n");
  EXPECT_EQ(classify(output), Trouble::kTransient);
  EXPECT_EQ(complaint(output), "Batch job submission failed: Connection refused");
  EXPECT_EQ(classify(failed("sbatch: error: invalid partition specified: nope\n"
                            "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n")),
            Trouble::kTransient);
}

TEST(TroubleTest, a_plug_in_of_the_site_refuses_in_its_own_words) {
  const auto output = failed(
      "sbatch: error: every job here needs an account\n"
      "sbatch: error: Batch job submission failed: Unspecified error\n");
  EXPECT_EQ(classify(output), Trouble::kRefused);
  EXPECT_EQ(complaint(output), "every job here needs an account");
}

TEST(TroubleTest, a_killed_command_is_transient_unless_it_waited_for_a_missing_file) {
  core::CommandOutput output = failed("sbatch: error: Unable to open file x\n", core::Killed{9});
  output.timed_out = true;
  EXPECT_EQ(classify(output), Trouble::kTransient);
  output.err =
      "squeue: error: s_p_parse_file: cannot stat file /nope: No such file or directory, retrying in 1sec up to 60sec";
  EXPECT_EQ(classify(output), Trouble::kMissing);
  output.err.clear();
  EXPECT_EQ(complaint(output), "no answer in time");
}

TEST(TroubleTest, the_complaint_is_the_line_that_decided) {
  EXPECT_EQ(complaint(failed("\n  \nslurm_load_jobs error: Invalid job id specified\n")), "Invalid job id specified");
  EXPECT_EQ(complaint(failed("sbatch: lua: hello\nsbatch: error: invalid partition specified: nope\n"
                             "sbatch: error: Batch job submission failed: Invalid partition name specified\n")),
            "invalid partition specified: nope");
  EXPECT_EQ(complaint(failed("sbatch: error: fetch_config: DNS SRV lookup failed\n"
                             "sbatch: fatal: Could not establish a configuration source\n")),
            "Could not establish a configuration source");
  EXPECT_EQ(complaint(failed("squeue: error: a plug-in's warning\n"
                             "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")),
            "Unable to contact slurm controller (connect failure)");
  EXPECT_EQ(complaint(failed("welcome to the cluster\nsqueue: error: no wind today\n")), "no wind today");
  EXPECT_EQ(complaint(failed("", core::Exited{255})), "exit code 255, without a word");
  EXPECT_EQ(complaint(failed("", core::Killed{6})), "killed by signal 6, without a word");
}

TEST(TroubleTest, a_complaint_can_be_printed_anywhere) {
  EXPECT_EQ(complaint(failed("sbatch: error: \x1b[31mro\xc3\xbc\x01\tbad\r\n")), "?[31mro??? bad?");
  const std::string longest = complaint(failed("error: " + std::string(100'000, 'x')));
  EXPECT_EQ(longest, std::string(297, 'x') + "...");
}

TEST(TroubleTest, of_an_endless_output_both_ends_count) {
  const std::string filler(64, 'x');
  std::string text = "sbatch: error: begin\n";
  for (int i = 0; i < 200'000; ++i) text += filler + "\n";
  text += "sbatch: error: Batch job submission failed: Invalid partition name specified\n";
  EXPECT_EQ(classify(failed(text)), Trouble::kRefused);
  text = "Unable to contact slurm controller\n" + text;
  EXPECT_EQ(classify(failed(text)), Trouble::kTransient);
}

TEST(TroubleTest, any_bytes_are_taken) {
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {
      "sbatch: ", "error: ",   "\n", "Invalid ", " specification", "failed: ", "job submission ", std::string(1, '\0'),
      "\xff\xfe", "try again", "(",  "  "};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto i = random() % 12; i > 0; --i) text += pieces[random() % pieces.size()];
    for (auto i = random() % 4; i > 0; --i) text += static_cast<char>(random() & 0xff);
    const std::string words = complaint(failed(text));
    EXPECT_FALSE(words.empty());
    EXPECT_LE(words.size(), 300U);
    EXPECT_TRUE(std::all_of(words.begin(), words.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    EXPECT_EQ(classify(failed(text + "\nUnable to contact slurm controller")), Trouble::kTransient);
  }
}

}  // namespace
}  // namespace resolute::slurm::trouble_test
