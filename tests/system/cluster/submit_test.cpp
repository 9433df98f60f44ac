// `suite submit`, `resume` and `cancel` against a controller that fails as real ones do: one job, whatever happens.

#include "core/files/json.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/live.h"
#include "tests/support/record_text.h"
#include "tests/system/cluster/fake_slurm.h"

namespace resolute::system_test::submit_test {
namespace {

class Submit : public testing::Test {
 protected:
  std::map<std::string, std::string> environment() const {
    auto environment = program_environment();
    environment["PATH"] = slurm_.bin().string();  // as on a submission node without anything of ours
    environment["HOME"] = scratch_.path().string();
    for (const char* name : {"XDG_CONFIG_HOME", "RESOLUTE_SITE", "RESOLUTE_WORKER"}) environment.erase(name);
    std::erase_if(environment, [](const auto& variable) { return variable.first.starts_with("SLURM_"); });
    return environment;
  }
  CommandOutput call(const std::string& command, std::vector<std::string> more = {}) const {
    return run_program(joined({program_.string(), "suite", command, suite_.string(), "--store", store_.string()}, more),
                       environment());
  }
  CommandOutput submit(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--nodes", "3", "--time", "2:00:00"});
    return call("submit", std::move(more));
  }
  std::vector<fs::path> submissions() const {
    std::vector<fs::path> found;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(store_ / "suites/tiny/submissions", none))
      if (entry.is_directory()) found.push_back(entry.path());
    return found;
  }
  void make_results() const {
    const auto document = json_of(call("plan", {"--json"}));
    for (const auto& job : document["jobs"]) {
      const auto id = job["id"].get<std::string>();
      const fs::path folder = store_ / "jobs" / id.substr(0, 2) / id;
      fs::create_directories(folder);
      write(folder / "result.json", tests::record_text_of(id, job["kind"].get<std::string>()));
    }
  }
  // Of another machine: it fell silent and never wrote its end.
  void leave_a_lost_run() const {
    auto& files = core::real_file_system();
    const fs::path folder = store_ / "suites/tiny";
    fs::create_directories(folder);
    orchestrator::JournalHeader header;
    header.run = std::string(32, 'a');
    const orchestrator::JournalWriter journal(files, folder, header);
    orchestrator::Owner owner;
    owner.host = "another-machine";
    owner.process = owner.counter = 7;
    orchestrator::write_owner(files, folder, 1, owner);
    orchestrator::LiveStatus live;
    live.epoch = 1;
    live.at = orchestrator::Instant(std::chrono::milliseconds(1'700'000'000'000));
    orchestrator::write_live(files, folder, live);
  }
  ScratchFolder scratch_;
  fs::path store_ = scratch_ / "store";
  fs::path suite_ = kTinySuite;
  fs::path program_ = kBin / "resolute";
  FakeSlurm slurm_{scratch_ / "slurm"};
};

// The last line is the refusal; warnings may stand before it.
void expect_end(const CommandOutput& output, int code, const std::string& part) {
  EXPECT_EQ(code_of(output), code) << output.err;
  EXPECT_EQ(output.out, "");
  ASSERT_FALSE(output.err.empty());
  const auto begin = output.err.rfind('\n', output.err.size() - 2);
  const std::string last = begin == std::string::npos ? output.err : output.err.substr(begin + 1);
  EXPECT_THAT(last, testing::MatchesRegex("(20[0-9-]+ [0-9:]+Z )?resolute: .*\n")) << "a batch script's has the time";
  EXPECT_NE(last.find(part), std::string::npos) << output.err;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(Submit, dry_run_shows_the_script_and_changes_nothing) {
  auto first = succeeded(submit({"--dry-run", "--partition", "low"}));
  for (const char* line :
       {"#!/bin/bash\n", "#SBATCH --job-name=resolute-tiny-000000000000-1\n", "#SBATCH --nodes=3\n",
        "#SBATCH --time=120\n", "#SBATCH --partition=low\n", "#SBATCH --dependency=singleton\n", "\nprogram=$!\n",
        " suite allocation --submission ", "# dry run: nothing was submitted or written"})
    EXPECT_TRUE(has(first.out, line)) << line << first.out;
  EXPECT_EQ(submit({"--dry-run", "--partition", "low"}).out, first.out);
  EXPECT_FALSE(fs::exists(store_));
  EXPECT_EQ(slurm_.calls("sbatch").size() + slurm_.calls("squeue").size(), 0U);
}

TEST_F(Submit, all_that_is_missing_is_named_at_once) {
  const auto bare = [&](std::vector<std::string> more = {}) {
    auto output = run_program(joined({program_.string(), "suite", "submit", suite_.string()}, more), environment());
    EXPECT_EQ(code_of(output), 2);
    return output.err;
  };
  EXPECT_EQ(bare(),
            "resolute: options --store, --nodes and --time are missing (no site file says 'nodes' and 'time' either); "
            "give them, or set RESOLUTE_STORE, or 'nodes' and 'time' in [slurm] of ~/.config/resolute/site.toml\n");
  EXPECT_EQ(bare({"--nodes", "1", "--time", "5"}),
            "resolute: option --store is missing; give it, or set RESOLUTE_STORE\n");
  const fs::path suite = scratch_ / "wrong.toml";
  write(suite, std::string_view("suite = \"wrong\"\n"));
  auto environment = this->environment();
  environment["PATH"] = "/nowhere";
  const auto refusals_of = [&](const fs::path& file, const std::vector<std::string>& more) {
    const auto output = run_program(
        joined({program_.string(), "suite", "submit", file.string(), "--store", store_.string()}, more), environment);
    EXPECT_EQ(code_of(output), 2);
    return output.err;
  };
  EXPECT_THAT(refusals_of(suite, {}), testing::MatchesRegex("resolute: options --nodes and --time are missing .*\n"
                                                            "resolute: .*wrong.toml.*key 'title' is missing.*\n"
                                                            "resolute: there is no sbatch here .*\n"));
  EXPECT_THAT(refusals_of(suite_, {"--dry-run", "--nodes", "1"}),
              testing::MatchesRegex("resolute: option --time is missing .*\n"));
}

TEST_F(Submit, scripts_are_shown_before_images_and_weights_are_here) {
  const fs::path suite = scratch_ / "early.toml";
  write(suite,
        "suite = \"early\"\ntitle = \"Early\"\ndefaults = { method = \"baseline\", train = { epochs = 1 } }\n"
        "dataset = [{ id = \"market\", source = \"market1501\", root = \"nowhere\" }]\n[[table]]\nid = \"t\"\n"
        "title = \"T\"\nmetrics = [\"rank1\"]\ndatasets = [\"market\"]\nrow = [{ id = \"r\", label = \"R\" }]\n");
  const auto shown = [&](const std::vector<std::string>& more) {
    return run_program(joined({program_.string(), "suite", "submit", suite.string(), "--store", store_.string(),
                               "--nodes", "1", "--cpus-per-node", "4", "--time", "60"},
                              more),
                       environment());
  };
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--from-scratch"}, {"--set", "weights=\"imagenet\""}, {"--set", "trials=2"}}) {
    const CommandOutput dry = succeeded(shown(joined({"--dry-run"}, more)));
    EXPECT_THAT(dry.out, HasSubstr("#SBATCH --nodes=1\n"));
    EXPECT_THAT(dry.err, HasSubstr("this cannot be submitted yet: "));
    expect_end(shown(more), 2, "early.toml");
  }
  EXPECT_EQ(slurm_.calls("sbatch").size(), 0U);
}

TEST_F(Submit, twice_is_one_job) {
  auto first = succeeded(submit());
  EXPECT_TRUE(has(first.out, "submitted: job 12 (resolute-tiny-")) << first.out;
  EXPECT_THAT(first.out, HasSubstr("3 nodes, 2:00:00; `resolute suite status "));
  EXPECT_EQ(std::count(first.out.begin(), first.out.end(), '\n'), 1) << first.out;
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("already submitted: job 12 (resolute-tiny-"));
  const auto json = json_of(submit({"--json"}));
  EXPECT_EQ(json["already"], true);
  ASSERT_EQ(json["jobs"].size(), 1U);
  EXPECT_EQ(json["jobs"][0]["job"], 12);
  EXPECT_TRUE(fs::exists(json["jobs"][0]["script"].get<std::string>()));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
  EXPECT_EQ(submissions().size(), 1U);
}

TEST_F(Submit, both_at_the_same_moment_are_one_submission) {
  std::vector<std::thread> threads;
  std::vector<CommandOutput> outputs(4);
  for (auto& output : outputs) threads.emplace_back([&] { output = submit({"--json"}); });
  for (auto& thread : threads) thread.join();
  std::set<std::string> tokens;
  for (const auto& output : outputs) {
    ASSERT_EQ(code_of(output), 0) << output.err;
    tokens.insert(core::Json::parse(output.out)["submission"].get<std::string>());
  }
  EXPECT_EQ(tokens.size(), 1U);
}

TEST_F(Submit, a_job_that_a_failed_sbatch_left_behind_is_found_by_its_name) {
  slurm_.sbatch_is("taken");
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("submitted: job 12 ("));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
}

TEST_F(Submit, with_the_controller_away_the_same_command_settles_it_later) {
  slurm_.controller_is_away(true);
  expect_end(submit({"--json"}), 1, "settles that, and submits nothing twice");
  slurm_.controller_is_away(false);
  auto again = succeeded(submit());
  EXPECT_TRUE(has(again.out, "submitted: job 12 (")) << again.out;
  EXPECT_EQ(submissions().size(), 1U);
  // What was taken once is not submitted again only because nobody can be asked.
  slurm_.controller_is_away(true);
  auto away = succeeded(submit());
  EXPECT_TRUE(has(away.out, "already submitted: job 12 (")) << away.out;
  EXPECT_THAT(away.err, HasSubstr("SLURM does not answer"));
  slurm_.controller_is_away(false);
  succeeded(submit());
  EXPECT_FALSE(fs::exists(scratch_ / "slurm/job-13"));
}

TEST_F(Submit, with_other_options_what_slurm_may_have_taken_is_not_left_to_itself) {
  slurm_.controller_is_away(true);
  expect_end(submit(), 1, "settles that, and submits nothing twice");
  expect_end(submit({"--partition", "low"}), 1, "SLURM does not say which jobs it has");
  ASSERT_EQ(submissions().size(), 1U);
  EXPECT_FALSE(fs::exists(submissions()[0] / "ended.json"));
  slurm_.controller_is_away(false);
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("submitted: job 12 ("));
  EXPECT_EQ(submissions().size(), 1U);
}

TEST_F(Submit, what_slurm_refuses_is_said_in_its_words_and_not_resumed) {
  slurm_.sbatch_is("refused");
  auto refused = submit({"--json"});
  expect_end(refused, 2, "invalid partition specified: gone");
  EXPECT_THAT(refused.err, HasSubstr("--partition"));
  ASSERT_EQ(submissions().size(), 1U);
  EXPECT_TRUE(fs::exists(submissions()[0] / "ended.json"));
  slurm_.sbatch_is("ok");
  succeeded(submit());
  EXPECT_EQ(submissions().size(), 2U);
  EXPECT_EQ(slurm_.calls("sbatch").size(), 2U);
}

TEST_F(Submit, program_alone_in_a_folder_is_enough_on_a_submission_node) {
  program_ = scratch_ / "alone/resolute";
  fs::create_directories(program_.parent_path());
  fs::copy_file(kBin / "resolute", program_);
  succeeded(submit());
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
  succeeded(call("status"));
  succeeded(call("cancel"));
  EXPECT_TRUE(has(slurm_.job(12), "|CANCELLED|")) << slurm_.job(12);
}

TEST_F(Submit, blanks_and_quotes_in_paths_stay_what_they_are) {
  const fs::path folder = scratch_ / "it's a \"folder\" $(exit 9) `exit 9`; ünï";
  fs::create_directories(folder);
  suite_ = folder / "my suite's.toml";
  store_ = folder / "sto're";
  fs::copy_file(kTinySuite, suite_);
  auto output = succeeded(submit({"--json"}));
  const fs::path script = core::Json::parse(output.out)["jobs"][0]["script"].get<std::string>();
  ASSERT_TRUE(fs::exists(script)) << output.out;
  // Bash reads the program's words back as they were.
  const std::string text = text_of(script);
  const auto end_of_line = text.find(" &\nprogram=$!\n");
  ASSERT_NE(end_of_line, std::string::npos) << text;
  const auto line = text.rfind('\n', end_of_line) + 1;
  auto words = succeeded(
      run_program({"/bin/bash", "-c", "printf '%s\\n' " + text.substr(line, end_of_line - line)}, environment()));
  EXPECT_THAT(words.out, HasSubstr("\n" + script.parent_path().parent_path().string() + "\n"));
  EXPECT_EQ(text_of(script.parent_path().parent_path() / "suite.toml"), text_of(kTinySuite));
  // So does a shell with the command that people are told to copy.
  auto again = submit();
  const auto begin = again.out.find("resolute suite status "), end = again.out.find("` tells");
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos) << again.out;
  const std::string command = again.out.substr(begin + std::string("resolute").size(), end - begin - 8);
  succeeded(run_program({"/bin/bash", "-c", "'" + program_.string() + "'" + command}, environment()));
}

TEST_F(Submit, each_submission_is_asked_for_at_its_own_cluster) {
  const fs::path other = scratch_ / "other.toml";
  std::string text = text_of(suite_);
  write(other, text.replace(text.find("suite = \"tiny\""), 14, "suite = \"tony\""));
  EXPECT_THAT(succeeded(submit({"--cluster", "blue"})).out, HasSubstr("submitted: job 12 ("));
  const fs::path first = suite_;
  suite_ = other;
  EXPECT_THAT(succeeded(submit({"--cluster", "green"})).out, HasSubstr("submitted: job 12 ("));
  EXPECT_THAT(slurm_.calls("sbatch"),
              testing::ElementsAre(StartsWith("sbatch -M blue "), StartsWith("sbatch -M green ")));
  const auto list = json_of(run_program(
      {program_.string(), "suite", "list", "--store", store_.string(), "--no-disk", "--json"}, environment()));
  EXPECT_EQ(list["suites"].size(), 2U);
  for (const auto& suite : list["suites"]) EXPECT_EQ(suite["state"], "waits") << suite;
  // Another cluster is asked for: the one that has the job keeps it.
  const auto again = succeeded(submit({"--cluster", "blue"}));
  EXPECT_THAT(again.out, HasSubstr("already submitted: job 12 ("));
  EXPECT_THAT(again.err, HasSubstr("stays on cluster 'green', and 'blue' is asked for now"));
  auto at_blue = environment();
  at_blue["SLURM_CLUSTERS"] = "blue";
  const auto resumed = succeeded(
      run_program({program_.string(), "suite", "resume", suite_.string(), "--store", store_.string()}, at_blue));
  EXPECT_THAT(resumed.err, HasSubstr("stays on cluster 'green', and 'blue' is asked for now"));
  EXPECT_THAT(resumed.out, HasSubstr("is there already: job 12 ("));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 2U);
  EXPECT_THAT(succeeded(call("cancel")).out, HasSubstr("cancelled: SLURM's job resolute-tony-"));
  EXPECT_THAT(slurm_.calls("scancel"), testing::Each(StartsWith("scancel -M green ")));
  suite_ = first;
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("already submitted: job 12 (")) << "the other's was cancelled";
}

TEST_F(Submit, of_two_clusters_one_needs_no_name) {
  const fs::path other = scratch_ / "other.toml", first = suite_;
  std::string text = text_of(suite_);
  write(other, text.replace(text.find("suite = \"tiny\""), 14, "suite = \"tony\""));
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("submitted: job 12 ("));
  const auto again = succeeded(submit({"--cluster", "blue"}));
  EXPECT_THAT(again.out, HasSubstr("already submitted: job 12 ("));
  EXPECT_THAT(again.err,
              HasSubstr("stays on the cluster of the machine that submitted it, and 'blue' is asked for now"));
  suite_ = other;
  EXPECT_THAT(succeeded(submit({"--cluster", "blue"})).out, HasSubstr("submitted: job 12 (")) << "of that cluster";
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("already submitted: job 12 ("));
  EXPECT_THAT(slurm_.calls("sbatch"), testing::ElementsAre(Not(HasSubstr("-M ")), StartsWith("sbatch -M blue ")));
  const auto list = json_of(run_program(
      {program_.string(), "suite", "list", "--store", store_.string(), "--no-disk", "--json"}, environment()));
  for (const auto& suite : list["suites"]) EXPECT_EQ(suite["state"], "waits") << suite;
  EXPECT_THAT(succeeded(call("cancel")).out, HasSubstr("cancelled: SLURM's job resolute-tony-"));
  EXPECT_THAT(slurm_.calls("scancel"), testing::Each(StartsWith("scancel -M blue ")));
  suite_ = first;
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("already submitted: job 12 (")) << "the other's was cancelled";
  EXPECT_THAT(succeeded(call("cancel")).out, HasSubstr("cancelled: SLURM's job resolute-tiny-"));
  EXPECT_THAT(slurm_.calls("scancel").back(), Not(HasSubstr("-M ")));
}

TEST_F(Submit, a_cluster_that_does_not_answer_gets_no_submission) {
  slurm_.sinfo_fails("sinfo: error: 'gone' can't be reached now, or it is an invalid entry for --cluster.");
  expect_end(submit({"--cluster", "gone"}), 1, "cluster 'gone' does not answer");
  EXPECT_EQ(submissions().size(), 0U);
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("submitted: job 12 ("));
}

TEST_F(Submit, several_allocations_are_a_job_each) {
  const core::Json output = json_of(submit({"--allocations", "3", "--json"}));
  EXPECT_EQ(output["jobs"].size(), 3U);
  EXPECT_EQ(slurm_.calls("sbatch").size(), 3U);
  // One of them is lost: what is left is named, and resume submits that one alone.
  slurm_.forget(13);
  succeeded(submit({"--allocations", "3"}));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 3U);
  auto resumed = succeeded(call("resume"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 4U);
  EXPECT_TRUE(has(resumed.out, "\nsubmitted: job 15 (")) << resumed.out;
  EXPECT_TRUE(has(resumed.out, "is there already: job 12 (")) << resumed.out;
}

// Nothing is packed yet: of the small suite's jobs the shards are ready.
TEST_F(Submit, of_one_to_eight_allocations_those_are_asked_for_that_have_work) {
  const core::Json output = json_of(submit({"--allocations", "1..8", "--idle-limit", "30", "--json"}));
  const core::Json plan = json_of(call("plan", {"--json"}));
  const auto ready = std::count_if(plan["jobs"].begin(), plan["jobs"].end(),
                                   [](const core::Json& job) { return job["after"].empty(); });
  ASSERT_TRUE(ready >= 2 && ready < 8);
  EXPECT_EQ(output["jobs"].size(), static_cast<std::size_t>(ready)) << "one that is kept, and no more wait than jobs";
  EXPECT_EQ(slurm_.calls("sbatch").size(), static_cast<std::size_t>(ready));
  EXPECT_THAT(text_of(submissions().at(0) / "batch-002/intent-000.json"), HasSubstr("jobs of"));
  const core::Json status = json_of(call("status", {"--json"}));
  EXPECT_EQ(status["allocations"].size(), static_cast<std::size_t>(ready)) << "nobody looks for the others";
  EXPECT_EQ(status["allocations"][0]["wanted"], "");
  EXPECT_THAT(status["allocations"][1]["wanted"].get<std::string>(), HasSubstr("ready, and no allocation"));
  EXPECT_THAT(succeeded(call("status")).out, HasSubstr("; asked for because "));
  EXPECT_THAT(succeeded(submit({"--allocations", "1..8", "--idle-limit", "30"})).out, HasSubstr("already submitted"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), static_cast<std::size_t>(ready));
  expect_end(submit({"--allocations", "8..1"}), 2, "--allocations '8..1' is not a number of allocations");
  expect_end(submit({"--allocations", "0"}), 2, "give one as 4, or the least and the most as 1..8");
  expect_end(submit({"--allocations", "1..1000"}), 2, "999 is most");
}

TEST_F(Submit, kinds_of_jobs_have_machines_of_their_own_where_the_site_says_so) {
  write(scratch_ / "site.toml", R"([resources.pack]
partition = "cpu"
nodes = 1
allocations = "0..2"
[resources.training]
gpus_per_node = 2
time = "8:00:00"
)");
  const auto dry = succeeded(submit({"--site", scratch_ / "site.toml", "--dry-run", "--allocations", "3"}));
  EXPECT_EQ(dry.out.find("#SBATCH --partition=cpu\n") < dry.out.find("#SBATCH --gres=gpu:2\n"), true) << dry.out;
  EXPECT_TRUE(has(dry.out, "#SBATCH --time=480\n")) << dry.out;
  EXPECT_THAT(dry.out, HasSubstr("-6, to be handed over when there is work for it by")) << "2 + 3 + 1";
  EXPECT_THAT(dry.err, HasSubstr("training jobs: GPUs are asked for, but none of them uses one"));
  const core::Json output = json_of(submit({"--site", scratch_ / "site.toml", "--json", "--allocations", "3"}));
  ASSERT_GE(output["jobs"].size(), 1U);
  for (const auto& job : output["jobs"])
    EXPECT_THAT(text_of(job["script"].get<std::string>()), HasSubstr("#SBATCH --partition=cpu\n"));
  write(scratch_ / "site.toml", "[resources.pack]\nallocations = \"two\"\n");
  expect_end(submit({"--site", scratch_ / "site.toml"}), 2, "site.toml:2:1: allocations 'two' is not a number");
  write(scratch_ / "site.toml", "[resources.pack]\ntime = \"soon\"\n");
  expect_end(submit({"--site", scratch_ / "site.toml"}), 2, "site.toml:2:1");
}

TEST_F(Submit, allocations_on_demand_have_the_shapes_of_the_site) {
  write(scratch_ / "site.toml", "[[slurm.shapes]]\npartition = \"short\"\ntime = \"0:30:00\"\nnodes = 1\n");
  const auto dry = succeeded(submit({"--site", scratch_ / "site.toml", "--dry-run", "--allocations", "1..3"}));
  const auto count = [&](const std::string& line) {
    std::size_t found = 0;
    for (std::size_t at = dry.out.find(line); at != std::string::npos; at = dry.out.find(line, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("#SBATCH --time=120\n"), 3U) << "one that is kept and two on demand";
  EXPECT_EQ(count("#SBATCH --partition=short\n"), 2U);
  EXPECT_EQ(count("when there is work for it"), 4U);
  write(scratch_ / "site.toml", "[[slurm.shapes]]\ntime = \"soon\"\n");
  expect_end(submit({"--site", scratch_ / "site.toml"}), 2, "site.toml:2:1: time");
}

TEST_F(Submit, jobs_that_take_a_gpu_are_not_sent_where_there_is_none) {
  write(scratch_ / "site.toml", "[resources.evaluation]\ngpus_per_node = 0\n");
  const std::vector<std::string> words{"--site", scratch_ / "site.toml", "--gpus-per-node", "2",
                                       "--set",  "device=\"cuda\"",      "--dry-run"};
  expect_end(submit(words), 2, "evaluation jobs of this suite take a GPU each, and none is asked for");
  const CommandOutput dry = succeeded(submit(joined(words, {"--set", "evaluate.device=\"cpu\""})));
  EXPECT_THAT(dry.out, HasSubstr("#SBATCH --gres=gpu:2\n"));
}

TEST_F(Submit, a_training_of_more_ranks_than_any_allocation_has_gpus_is_not_sent) {
  const auto two_ranks_on = [&](const std::string& nodes, const std::vector<std::string>& more) {
    return call("submit", joined({"--nodes", nodes, "--time", "2:00:00", "--gpus-per-node", "1", "--set",
                                  "device=\"cuda\"", "--set", "ranks=2", "--set", "lanes=2"},
                                 more));
  };
  const std::string refusal = "needs 2 GPUs, and an allocation has 1";
  expect_end(two_ranks_on("1", {"--dry-run"}), 2, refusal);
  // One shape that holds it is enough, and a small one beside it is no fault.
  write(scratch_ / "site.toml", "[[slurm.shapes]]\nnodes = 1\n[[slurm.shapes]]\nnodes = 2\n");
  succeeded(two_ranks_on("1", {"--allocations", "1..2", "--site", scratch_ / "site.toml", "--dry-run"}));
  succeeded(two_ranks_on("2", {}));
  expect_end(call("resume", {"--nodes", "1"}), 2, refusal);
  EXPECT_EQ(submissions().size(), 1U);
}

TEST_F(Submit, resume_goes_on_with_another_time_and_number_where_no_job_runs) {
  succeeded(submit());
  auto resumed = succeeded(call("resume", {"--time", "8:00:00", "--nodes", "2", "--allocations", "2"}));
  EXPECT_TRUE(has(slurm_.job(12), "|CANCELLED|")) << slurm_.job(12);
  EXPECT_THAT(resumed.out, HasSubstr("submitted: job 13 ("));
  EXPECT_THAT(resumed.out, HasSubstr("2 nodes, 8:00:00"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 3U);
  EXPECT_EQ(submissions().size(), 2U);
  EXPECT_THAT(succeeded(call("resume")).out, HasSubstr("is there already: job 13 ("));
  slurm_.change(13, "PENDING", "RUNNING");
  slurm_.change(13, "|N/A|N/A|3||", "|2026-01-31T12:00:20|N/A|3|n[1-3]|");
  expect_end(call("resume", {"--time", "9:00:00"}), 2, "job 13 of the suite runs");
  expect_end(call("resume", {"--nodes", "0"}), 2, "--nodes 0 is too small");
  EXPECT_EQ(slurm_.calls("sbatch").size(), 3U);
}

TEST_F(Submit, resume_with_another_time_exchanges_no_job_that_may_begin_at_any_moment) {
  succeeded(submit());
  slurm_.change(12, "PENDING", "CONFIGURING");
  expect_end(call("resume", {"--time", "9:00:00"}), 2, "job 12 of the suite runs");
  EXPECT_EQ(slurm_.calls("scancel").size(), 0U);
  slurm_.change(12, "CONFIGURING", "REQUEUED");  // which scancel --state=PENDING passes over
  expect_end(call("resume", {"--time", "9:00:00"}), 2, "job 12 of the suite may begin at any moment");
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
  ASSERT_EQ(submissions().size(), 1U);
  EXPECT_FALSE(fs::exists(submissions()[0] / "ended.json"));
}

TEST_F(Submit, resume_with_another_time_leaves_jobs_that_do_not_train_as_they_were) {
  write(scratch_ / "site.toml", "[resources.training]\ngpus_per_node = 2\n");
  const std::vector<std::string> site{"--site", scratch_ / "site.toml"};
  succeeded(submit(site));
  const core::Json resumed = json_of(call("resume", {"--time", "9:00:00", "--nodes", "1", "--json"}));
  ASSERT_GE(resumed["jobs"].size(), 1U);
  for (const auto& job : resumed["jobs"]) {
    const std::string script = text_of(job["script"].get<std::string>());
    const bool trains = has(script, "#SBATCH --gres=gpu:2\n");
    EXPECT_THAT(script, HasSubstr(trains ? "#SBATCH --time=540\n" : "#SBATCH --time=120\n"));
    EXPECT_THAT(script, HasSubstr(trains ? "#SBATCH --nodes=1\n" : "#SBATCH --nodes=3\n"));
  }
}

TEST_F(Submit, an_array_is_refused_with_what_there_is_instead) {
  expect_end(submit({"--array"}), 2, "--array is no longer an option (--allocations K submits");
  EXPECT_EQ(submissions().size(), 0U);
}

TEST_F(Submit, resume_with_another_time_of_what_was_not_submitted_says_so) {
  expect_end(call("resume", {"--time", "9:00:00"}), 2, "nothing of this suite is submitted");
}

TEST_F(Submit, cancelled_is_resumed_as_the_next_generation) {
  succeeded(submit());
  auto cancel = succeeded(call("cancel"));
  EXPECT_THAT(cancel.out, HasSubstr("cancelled: SLURM's job resolute-tiny-"));
  EXPECT_TRUE(has(slurm_.job(12), "|CANCELLED|")) << slurm_.job(12);
  EXPECT_THAT(succeeded(call("resume")).out, HasSubstr("submitted: job 13 (resolute-tiny-"));
  EXPECT_THAT(succeeded(call("resume")).out, HasSubstr("is there already: job 13 ("));
  ASSERT_EQ(submissions().size(), 1U);
  EXPECT_TRUE(fs::exists(submissions()[0] / "batch-001/script-001.sh"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 2U);
  // `suite submit` with the same options does the same.
  slurm_.forget(13);
  auto submitted = succeeded(submit());
  EXPECT_TRUE(has(submitted.out, "submitted: job 14 (")) << submitted.out;
  EXPECT_EQ(submissions().size(), 1U);
}

TEST_F(Submit, what_somebody_else_may_have_written_is_not_run) {
  succeeded(submit());
  slurm_.forget(12);
  const fs::path folder = submissions().at(0);
  const fs::path request = folder / "request.json";
  fs::permissions(request, fs::perms::group_write, fs::perm_options::add);
  const std::string problem = fmt::format("submission {} is not run: '{}' may hold another's commands",
                                          folder.filename().string(), request.string());
  expect_end(call("resume"), 2, problem);
  expect_end(submit(), 2, problem);
  expect_end(run_program({program_.string(), "suite", "allocation", "--submission", folder.string(), "--batch", "1",
                          "--generation", "0"},
                         environment()),
             2, problem);
  succeeded(call("status"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
  fs::permissions(request, fs::perms::group_write, fs::perm_options::remove);
  succeeded(call("resume"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 2U);
}

TEST_F(Submit, takes_a_suite_out_of_a_pipe) {
  succeeded(run_program({"/bin/bash", "-c", R"("$1" suite submit <(/bin/cat "$2") --store "$3" --nodes 3 --time 60)",
                         "bash", program_.string(), suite_.string(), store_.string()},
                        environment()));
  ASSERT_EQ(submissions().size(), 1U);
  EXPECT_EQ(text_of(submissions()[0] / "suite.toml"), text_of(suite_));
}

TEST_F(Submit, an_allocation_starts_its_run_again_once_the_store_has_failed_that_at_its_begin) {
  succeeded(call("submit", {"--nodes", "1", "--time", "60", "--launcher", "none"}));
  const fs::path folder = submissions().at(0), tries = scratch_ / "tries", run = scratch_ / "run";
  std::ofstream(run) << "#!/bin/bash\necho try >>" << tries.string() << "\nread -rd '' all <" << tries.string()
                     << "\n[ \"$all\" = try ] && exit 75\nexit 2\n";
  fs::permissions(run, fs::perms::owner_all);
  auto request = core::Json::parse(text_of(folder / "request.json"));
  request["resolute"] = run.string();
  write(folder / "request.json", request.dump() + "\n");
  auto inside = environment();
  inside.insert({{"SLURM_JOB_ID", "12"}, {"SLURM_JOB_NAME", "x"}, {"SLURM_JOB_NUM_NODES", "1"}});
  const auto output = run_program(
      {program_.string(), "suite", "allocation", "--submission", folder.string(), "--batch", "1", "--generation", "0"},
      inside);
  EXPECT_EQ(code_of(output), 2) << output.err;
  EXPECT_EQ(text_of(tries), "try\ntry\n") << output.err;
  EXPECT_TRUE(has(output.err, "waiting for the store (the store failed the run at its begin")) << output.err;
  EXPECT_THAT(output.err, HasSubstr("given up: the run refuses to begin"));
}

TEST_F(Submit, a_successor_inherits_what_its_predecessors_script_was_born_with) {
  const fs::path site = scratch_ / "site.toml", run = scratch_ / "run";
  write(site, "[environment]\ncommands = [\"export LOADED=yes MINE=changed PATH=/loaded:$PATH\"]\n");
  succeeded(call("submit", {"--nodes", "1", "--time", "60", "--launcher", "none", "--continue", "chain", "--site",
                            site.string()}));
  const fs::path folder = submissions().at(0);
  auto request = core::Json::parse(text_of(folder / "request.json"));
  const auto resolute = request["resolute"].get<std::string>();
  // By this one a run never begins.
  std::ofstream(run) << "#!/bin/bash\n[ \"$2\" = allocation ] && exec '" << resolute << "' \"$@\"\nexit 1\n";
  fs::permissions(run, fs::perms::owner_all);
  auto script = text_of(folder / "batch-001/script-000.sh");
  for (auto at = script.find(resolute); at != std::string::npos; at = script.find(resolute))
    script.replace(at, resolute.size(), run.string());
  write(scratch_ / "script.sh", script);
  request["resolute"] = run.string();
  write(folder / "request.json", request.dump() + "\n");
  auto inside = environment();
  inside.insert({{"SLURM_JOB_ID", "12"}, {"SLURM_JOB_NAME", "x"}, {"SLURM_JOB_NUM_NODES", "1"}, {"MINE", "as it was"}});
  const auto output = run_program({"/bin/bash", (scratch_ / "script.sh").string()}, inside);
  EXPECT_EQ(code_of(output), 75) << output.err;
  ASSERT_EQ(slurm_.calls("sbatch").size(), 2U) << output.err;
  const std::string inherited = slurm_.inherited(13);
  EXPECT_THAT(inherited, HasSubstr("declare -x MINE=\"as it was\""));
  EXPECT_THAT(inherited, HasSubstr("declare -x PATH=\"" + slurm_.bin().string() + "\""));
  EXPECT_THAT(inherited, Not(HasSubstr("LOADED")));
}

TEST_F(Submit, resume_releases_what_is_held) {
  succeeded(submit());
  slurm_.change(12, "Priority", "launch failed requeued held");
  EXPECT_THAT(submit().out, HasSubstr("held; `resolute suite resume` releases it"));
  auto resumed = succeeded(call("resume"));
  EXPECT_TRUE(has(resumed.out, "released: job 12 (")) << resumed.out;
  EXPECT_THAT(resumed.out, Not(HasSubstr("held")));
  EXPECT_TRUE(has(resumed.out, "is there already: job 12 (")) << resumed.out;
  EXPECT_TRUE(has(slurm_.job(12), "|Priority")) << slurm_.job(12);
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
}

TEST_F(Submit, resume_submits_what_is_lost_although_an_administrator_holds_a_job) {
  succeeded(submit({"--allocations", "3"}));
  std::vector<int> jobs{12, 13, 14};
  int next = 15;
  for (const std::size_t held : {0U, 1U, 2U}) {
    slurm_.change(jobs[held], "Priority", "JobHeldAdmin");
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (i != held) slurm_.forget(jobs[i]);
    const auto resumed = call("resume");
    EXPECT_NE(code_of(resumed), 0);
    EXPECT_THAT(resumed.err, HasSubstr(fmt::format("SLURM does not release job {} (", jobs[held])));
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (i == held) continue;
      jobs[i] = next++;
      EXPECT_THAT(resumed.out, HasSubstr(fmt::format("submitted: job {} (", jobs[i])));
    }
    slurm_.change(jobs[held], "JobHeldAdmin", "Priority");
  }
}

TEST_F(Submit, other_options_wait_for_the_old_jobs_end_and_then_replace_them) {
  succeeded(submit());
  EXPECT_THAT(succeeded(submit({"--partition", "low"})).err, HasSubstr("other options"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
  slurm_.forget(12);
  EXPECT_THAT(succeeded(submit({"--partition", "low"})).out, HasSubstr("submitted: job 13 ("));
  const auto all = submissions();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const fs::path& one) { return fs::exists(one / "ended.json"); }),
            1);
}

TEST_F(Submit, cancel_says_what_it_could_not_do_while_slurm_is_away) {
  succeeded(submit());
  slurm_.controller_is_away(true);
  expect_refusal(call("cancel"), 1, "scancel -n resolute-tiny-");
  EXPECT_TRUE(has(slurm_.job(12), "|PENDING|"));
}

TEST_F(Submit, cancel_looks_again_for_a_job_whose_submission_was_stopped_inside_sbatch) {
  succeeded(submit());
  fs::remove(submissions().at(0) / "batch-001/accepted-000.json");
  slurm_.change(12, "resolute-tiny-", "nobodys-tiny-");
  std::thread appears([&] {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    slurm_.change(12, "nobodys-tiny-", "resolute-tiny-");
  });
  const auto cancel = succeeded(call("cancel"));
  appears.join();
  EXPECT_THAT(cancel.out, HasSubstr("cancelled: SLURM's job resolute-tiny-"));
  EXPECT_THAT(cancel.err, Not(HasSubstr("may still get")));
}

TEST_F(Submit, cancel_names_a_job_that_may_still_appear) {
  const auto stopped_inside_sbatch = [&](const std::string& batch, const std::string& generation, int id) {
    fs::remove(submissions().at(0) / batch / ("accepted-" + generation + ".json"));
    slurm_.forget(id);
  };
  succeeded(submit({"--allocations", "2"}));
  stopped_inside_sbatch("batch-002", "000", 13);
  const auto first = succeeded(call("cancel"));
  EXPECT_THAT(first.out, HasSubstr("cancelled: SLURM's job resolute-tiny-"));
  EXPECT_THAT(first.err, testing::ContainsRegex("may still get job resolute-tiny-[0-9a-f]+-2 "));
  succeeded(call("resume"));
  stopped_inside_sbatch("batch-001", "001", 14);
  stopped_inside_sbatch("batch-002", "000", 15);
  const auto both = succeeded(call("cancel"));
  EXPECT_THAT(both.out, HasSubstr("nothing to cancel"));
  EXPECT_THAT(both.err, testing::ContainsRegex("may still get job resolute-tiny-[0-9a-f]+-1, resolute-tiny-.*-2 "));
}

TEST_F(Submit, nothing_is_submitted_of_a_complete_suite) {
  make_results();
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("nothing to submit"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 0U);
}

TEST_F(Submit, waiting_ends_with_the_jobs) {
  slurm_.sbatch_is("ended");
  auto output = submit({"--wait"});
  EXPECT_EQ(code_of(output), 75) << output.err;
  EXPECT_THAT(output.err, HasSubstr("ended: 0 of "));
}

TEST_F(Submit, a_run_whose_job_is_over_in_slurm_is_not_at_work) {
  succeeded(submit());
  leave_a_lost_run();
  slurm_.change(12, "PENDING", "RUNNING");
  const auto live = [&] {
    const auto status = call("status", {"--json"});
    return core::Json::parse(status.out)["live"];
  };
  EXPECT_EQ(live(), true) << "SLURM has its job at work";
  slurm_.change(12, "RUNNING", "NODE_FAIL");
  EXPECT_EQ(live(), false);
  for (int i = 0; i < 2; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    auto cancel = succeeded(call("cancel"));
    EXPECT_THAT(cancel.out, HasSubstr("nothing to cancel"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << "nobody was waited for";
  }
  EXPECT_FALSE(fs::exists(store_ / "suites/tiny/requests"));
}

TEST_F(Submit, waiting_ends_when_the_run_was_lost_with_its_job) {
  leave_a_lost_run();
  slurm_.sbatch_is("ended");
  auto output = submit({"--wait"});
  EXPECT_EQ(code_of(output), 75) << output.err;
  EXPECT_THAT(output.err, HasSubstr("ended: 0 of "));
}

TEST_F(Submit, of_several_what_slurm_took_is_said_when_it_refuses_another) {
  slurm_.sbatch_is("once");
  auto output = submit({"--allocations", "3", "--json"});
  EXPECT_EQ(code_of(output), 2) << output.err;
  EXPECT_THAT(output.err, HasSubstr("SLURM refuses batch 2"));
  const auto json = core::Json::parse(output.out);
  ASSERT_EQ(json["jobs"].size(), 1U);
  EXPECT_EQ(json["jobs"][0]["job"], 12);
  EXPECT_EQ(json["refused"]["batch"], 2);
  EXPECT_TRUE(has(json["refused"]["why"].get<std::string>(), "invalid partition"));
  const auto resumed = call("resume", {"--json"});
  EXPECT_EQ(code_of(resumed), 2) << resumed.err;
  EXPECT_EQ(core::Json::parse(resumed.out)["jobs"].size(), 1U);
}

TEST_F(Submit, of_another_users_submission_only_he_can_ask_slurm) {
  succeeded(submit());
  const fs::path file = submissions().at(0) / "request.json";
  auto request = core::Json::parse(text_of(file));
  request["by"] = "somebody-else@login1";
  write(file, request.dump() + "\n");
  auto status = succeeded(call("status"));
  EXPECT_THAT(status.out, HasSubstr("submitted by somebody-else: only somebody-else can ask SLURM"));
  expect_end(submit(), 2, "was made by somebody-else");
  expect_end(call("resume"), 2, "was made by somebody-else");
  expect_end(call("cancel"), 2, "was made by somebody-else");
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
}

TEST_F(Submit, what_would_fail_in_the_night_is_said_before) {
  auto output = succeeded(
      call("submit", {"--nodes", "1", "--time", "3:30", "--notice", "120", "--gpus-per-node", "2", "--dry-run"}));
  EXPECT_THAT(output.err, HasSubstr("no training of the suite uses one"));
  EXPECT_THAT(output.err,
              HasSubstr("--time is short: SLURM gives 240 s for 210 s, in whole minutes, the run stops 120 s"));
  EXPECT_THAT(output.err, HasSubstr("60 s are left to work in"));
  output = succeeded(call("submit", {"--nodes", "1", "--time", "59:30", "--dry-run"}));
  EXPECT_THAT(output.err, HasSubstr("--time is 3600 s to SLURM, not 3570 s: it counts in whole minutes"));
  expect_end(call("submit", {"--nodes", "1", "--time", "1", "--dry-run"}), 2,
             "--time is too short to work in (SLURM gives 60");
}

TEST_F(Submit, what_will_go_wrong_on_the_nodes_is_said_when_something_is_submitted_and_not_again) {
  const std::string warning = "no processors are asked for";
  EXPECT_THAT(succeeded(submit()).err, HasSubstr(warning));
  EXPECT_THAT(succeeded(submit()).err, Not(HasSubstr(warning))) << "it is submitted already";
}

TEST_F(Submit, what_slurm_could_never_start_is_refused_before_it_is_submitted) {
  slurm_.sinfo_says("main*|1:00:00|1-infinite|4|2|1|(null)\nlong|2-00:00:00|1-infinite|1|2|1|(null)\n");
  const auto with = [&](const std::vector<std::string>& more) {
    return call("submit", joined({"--nodes", "3"}, more));
  };
  expect_end(
      with({"--time", "60", "--cpus-per-node", "64"}), 2,
      "SLURM would take this job and never start it (no node of partition 'main' has 64 processors, and 3 are asked "
      "for); ask for fewer --cpus-per-node");
  expect_end(with({"--time", "2:00:00", "--partition", "main"}), 2,
             "the time limit of partition 'main' is 60 min, and 120 min are asked for");
  EXPECT_EQ(slurm_.calls("sbatch").size(), 0U);
  EXPECT_TRUE(submissions().empty());
  // Another partition could do it, and a site may choose it.
  EXPECT_THAT(succeeded(call("submit", {"--nodes", "1", "--time", "2:00:00"})).err,
              HasSubstr("unless this site chooses another partition, the job waits for ever: the time limit"));
  EXPECT_EQ(slurm_.calls("sbatch").size(), 1U);
  EXPECT_EQ(slurm_.calls("sinfo").size(), 3U) << "one a submission";
}

// A name that sinfo does not list is passed over: sbatch would refuse it.
TEST_F(Submit, leaves_out_a_host_that_the_run_before_had_set_aside) {
  auto& files = core::real_file_system();
  const fs::path folder = store_ / "suites/tiny";
  fs::create_directories(folder);
  {
    orchestrator::JournalWriter journal(files, folder, {1, 0, std::string(32, 'a'), {}});
    journal.append(orchestrator::RunStarted{1, std::string(32, 'a'), "n1", 17, -1, {}}, {});
    for (const char* host : {"n1", "elsewhere"})
      journal.append(orchestrator::HostExcluded{host, "2 jobs failed there and lived elsewhere"}, {});
    journal.append(orchestrator::RunEnded{orchestrator::RunEnd::kInterrupted, ""}, {});
    journal.sync();
  }
  slurm_.sinfo_says("n1 \nn2\nn3\nn4\nn4");
  const auto output = succeeded(submit());
  EXPECT_THAT(output.err,
              HasSubstr("n1 is left out: the run before had set it aside (2 jobs failed there and lived elsewhere)"));
  EXPECT_THAT(output.err, Not(HasSubstr("elsewhere (")));
  EXPECT_THAT(text_of(submissions().front() / "batch-001/script-000.sh"), HasSubstr("#SBATCH --exclude=n1\n"));
  EXPECT_THAT(succeeded(submit()).out, HasSubstr("already submitted")) << "it is the same order";
}

TEST_F(Submit, what_the_partitions_offer_is_not_asked_for_twice_where_that_is_not_told) {
  slurm_.sinfo_says("no such thing\n");
  succeeded(submit());
  EXPECT_EQ(slurm_.calls("sinfo").size(), 1U);
  succeeded(submit());
  EXPECT_EQ(slurm_.calls("sinfo").size(), 1U) << "nothing is submitted";
}

TEST_F(Submit, a_refusal_is_told_by_status_with_its_reason) {
  slurm_.sbatch_is("refused");
  expect_end(submit(), 2, "invalid partition specified: gone");
  EXPECT_THAT(
      succeeded(call("status")).out,
      HasSubstr("allocation 1 was refused by SLURM: invalid partition specified: gone → give --partition one that"));
}

TEST_F(Submit, an_edited_suite_is_told_in_the_same_words_by_status_submit_and_resume) {
  const fs::path edited = scratch_ / "tiny.toml";
  fs::copy_file(suite_, edited);
  suite_ = edited;
  succeeded(submit());
  const std::string words = "the suite file has changed since it was submitted";
  EXPECT_THAT(succeeded(call("status")).out, Not(HasSubstr(words)));
  std::ofstream(edited, std::ios::app) << "# another\n";
  EXPECT_THAT(succeeded(call("status")).out, HasSubstr(words));
  EXPECT_THAT(succeeded(submit()).err, HasSubstr(words));
  EXPECT_THAT(succeeded(call("resume")).err, HasSubstr(words));
}

TEST_F(Submit, one_that_asks_for_no_processors_is_warned_about) {
  const std::string warning = "no processors are asked for, and SLURM mostly gives";
  const auto warned = [&](const std::vector<std::string>& more) {
    const auto output = succeeded(call("submit", joined({"--nodes", "1", "--time", "60", "--dry-run"}, more)));
    const auto line = output.err.find(warning);
    if (line == std::string::npos) return false;
    EXPECT_LT(output.err.find("give --cpus-per-node", line), output.err.find('\n', line)) << output.err;
    EXPECT_EQ(output.err.find(warning, line + 1), std::string::npos) << "once";
    return true;
  };
  EXPECT_TRUE(warned({}));
  EXPECT_TRUE(warned({"--gpus-per-node", "4", "--slots", "2"}));
  EXPECT_TRUE(warned({"--sbatch=--cpu-freq=low"}));
  EXPECT_TRUE(warned({"--sbatch=--exclusive=user"})) << "not of the processors";
  EXPECT_FALSE(warned({"--cpus-per-node", "8"}));
  EXPECT_FALSE(warned({"--exclusive"}));
  for (const char* own : {"--sbatch=--exclusive", "--sbatch=--cpus-per-gpu=8", "--sbatch=--mincpus=8"})
    EXPECT_FALSE(warned({own})) << own;
  const fs::path site = scratch_ / ".config/resolute/site.toml";
  fs::create_directories(site.parent_path());
  for (const char* text : {"[slurm]\ncpus_per_node = 8\n", "[slurm]\nexclusive = true\n"}) {
    write(site, std::string_view(text));
    EXPECT_FALSE(warned({})) << text;
  }
  write(site, "[slurm]\nnodes = 2\n");
  EXPECT_TRUE(warned({}));
}

TEST_F(Submit, without_slurm_a_run_here_is_advised) {
  auto environment = this->environment();
  environment["PATH"] = "/nowhere";
  auto output = run_program({program_.string(), "suite", "submit", suite_.string(), "--store", store_.string(),
                             "--nodes", "1", "--time", "60"},
                            environment);
  EXPECT_EQ(code_of(output), 2);
  EXPECT_THAT(output.err, HasSubstr("`resolute suite run`"));
  EXPECT_TRUE(submissions().empty());
}

}  // namespace
}  // namespace resolute::system_test::submit_test
