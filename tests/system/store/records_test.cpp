// What a worker leaves that is no record, and records that are damaged later: one costs its own cells and is made anew.

#include <algorithm>

#include "core/hash/sha256.h"
#include "tests/system/cluster/quick_suite.h"

namespace resolute::system_test::records_test {
namespace {

// A training leaves weights, and an evaluation reads them.
// clang-format off
constexpr const char* kWeights = R"sh(
case $specification in
  *'"kind":"training"'*) echo trained >"$folder/weights" ;;
  *'"kind":"evaluation"'*)
    training=${specification##*'"training":"'}
    if [ "$(cat "$store/jobs/${training:0:2}/${training:0:64}/weights")" != trained ]; then
      echo "the weights of its training are damaged" >&2
      exit 2
    fi ;;
esac
)sh";
// clang-format on

class Records : public testing::Test {
 protected:
  Records() {
    std::string worker = kQuickWorker;
    const auto replace = [&](const std::string& what, const std::string& by) {
      worker.replace(worker.find(what), what.size(), by);
    };
    replace("sleep 0.5\n", "weights=" + core::sha256_hex("trained\n") + kWeights);
    for (int kind = 0; kind < 2; ++kind)
      replace(R"(\"weights_sha256\":\"$hash\")", R"(\"weights_sha256\":\"$weights\")");
    replace("echo \"$text\"", "[ ! -e \"$store/bend\" ] || . \"$store/bend\"\necho \"$text\"");
    write(scratch_ / "worker", worker);
    fs::permissions(scratch_ / "worker", fs::perms::owner_all);
    succeeded(suite("run"));
    tables_ = text_of(store() / "suites/few/tables/all.md");
  }

  CommandOutput suite(const std::string& command, const Words& more = {}) const {
    auto environment = program_environment();
    environment["RESOLUTE_WORKER"] = scratch_ / "worker";  // makes the packs too: nobody reads them
    return run_program(joined({kBin / "resolute", "suite", command, file_, "--store", store()}, more), environment);
  }
  fs::path store() const { return scratch_ / "store"; }
  std::vector<std::string> jobs(const std::string& kind) const {
    std::vector<std::string> ids;
    const core::Json plan = json_of(suite("plan", {"--json"}));
    for (const auto& job : plan.at("jobs"))
      if (job.at("kind") == kind) ids.push_back(job.at("id"));
    return ids;
  }
  fs::path result_of(const std::string& id) const { return store() / "jobs" / id.substr(0, 2) / id / "result.json"; }
  int done() const { return json_of(suite("status", {"--json"})).at("jobs").at("succeeded"); }
  std::string state() const {
    const auto list = json_of(resolute({"suite", "list", "--store", store(), "--no-disk", "--json"}));
    return list.at("suites").at(0).at("state");
  }

  const ScratchFolder scratch_;
  const fs::path file_ = write_quick_suite(scratch_.path(), "few", 2, 1);
  std::string tables_;
};

TEST_F(Records, that_are_none_fail_the_attempt_that_published_them_and_a_mended_program_makes_them_anew) {
  const std::string id = jobs("evaluation").front();
  for (const auto& [bent, said] : {std::pair(R"(${text/\"mAP\":0.5/\"mAP\":NaN})", "metrics.mAP is NaN"),
                                   {R"(${text/\"mAP\":0.5/\"mAP\":Infinity})", "metrics.mAP is Infinity"},
                                   {R"(${text/\"rank20\":1.0,/})", "rank20"},
                                   {R"(${text/\"mAP\":0.5/\"mAP\":\"0.5\"})", "mAP"},
                                   {R"(${text/\"mAP\":0.5/\"mAP\":null})", "mAP"},
                                   {R"(${text/\"mAP\":0.5/\"mAP\":34.9})", "34.9"},
                                   {R"(${text:0:50})", "not JSON"},
                                   {"", "not JSON"},
                                   {R"(${text/$job/$hash})", "of job aaaaaaaaaaaa"},
                                   {R"("{\"job\":\"$job\",\"pack_sha256\":\"$hash\",\"rows\":1}")", "another kind"}}) {
    fs::remove(result_of(id));
    write(store() / "bend", fmt::format("[ $job != {} ] || text={}\n", id, bent));
    const CommandOutput run = suite("run");
    EXPECT_EQ(code_of(run), 3) << run.err;
    EXPECT_THAT(run.err, testing::AllOf(HasSubstr("configuration"), HasSubstr(said)));
    const core::Json status = json_of(suite("status", {"--json"}));
    EXPECT_EQ(status.at("failures").size(), 1U) << status;
    EXPECT_EQ(status.at("failures").at(0).at("cause"), "configuration");
    EXPECT_THAT(status.at("failures").at(0).at("evidence").get<std::string>(), HasSubstr(said));
    EXPECT_THAT(succeeded(suite("table")).out, testing::AllOf(HasSubstr("`damaged`"), HasSubstr(said)));
    fs::remove(store() / "bend");
    EXPECT_THAT(succeeded(suite("run")).err, HasSubstr("1 now"));
    EXPECT_EQ(text_of(store() / "suites/few/tables/all.md"), tables_);
    EXPECT_TRUE(fs::exists(result_of(id).parent_path() / "damaged-result.json"));
  }
}

TEST_F(Records, that_are_damaged_later_cost_their_cells_and_are_made_anew_alone) {
  std::map<std::string, fs::file_time_type> written;
  for (const char* kind : {"shard", "seal", "training", "evaluation"})
    for (const std::string& id : jobs(kind)) written[id] = fs::last_write_time(result_of(id));
  const int all = static_cast<int>(written.size());
  EXPECT_EQ(done(), all);
  EXPECT_EQ(state(), "complete");
  for (const char* kind : {"shard", "seal", "training", "evaluation"}) {
    const std::string id = jobs(kind).back();
    fs::resize_file(result_of(id), 50);
    EXPECT_EQ(done(), all - 1) << kind;
    EXPECT_EQ(state(), "interrupted") << kind;
    EXPECT_THAT(succeeded(suite("plan")).out,
                HasSubstr(fmt::format("{}s {} ({} done", kind, jobs(kind).size(), jobs(kind).size() - 1)));
    const bool costs = std::string(kind) != "shard";
    EXPECT_EQ(succeeded(suite("table")).out.find("`damaged`") != std::string::npos, costs) << kind;
    for (const char* format : {"latex", "csv", "json"})
      EXPECT_EQ(succeeded(suite("table", {"--format", format})).out.find("damaged") != std::string::npos, costs)
          << kind << format;
    EXPECT_EQ(succeeded(suite("compare", {file_})).out.find("- damaged, ") != std::string::npos, costs) << kind;
    EXPECT_THAT(succeeded(suite("report", {"--out", scratch_ / "report.html"})).err, HasSubstr("its record counts"));
    succeeded(suite("export", {"--csv", (scratch_ / (std::string("csv-") + kind)).string()}));
    succeeded(suite("bundle", {"--without-features", "--out", (scratch_ / (std::string(kind) + ".zip")).string()}));
    EXPECT_THAT(succeeded(suite("run")).err, HasSubstr(fmt::format("{} jobs done before, 1 now", all - 1)));
    EXPECT_EQ(text_of(store() / "suites/few/tables/all.md"), tables_);
    EXPECT_NE(fs::last_write_time(result_of(id)), written[id]);
    written[id] = fs::last_write_time(result_of(id));
    for (const auto& [other, at] : written) EXPECT_EQ(fs::last_write_time(result_of(other)), at) << other;
  }
}

// The program trains to other weights the second time, as another class of machines does.
TEST_F(Records, of_a_training_that_comes_out_otherwise_have_their_evaluations_made_anew_in_the_same_run) {
  const std::string training = jobs("training").front();
  std::map<std::string, fs::file_time_type> written;
  for (const std::string& id : jobs("evaluation")) written[id] = fs::last_write_time(result_of(id));
  const std::string other(64, 'b');
  write(store() / "bend", fmt::format(R"([[ $job != {0} && $specification != *'"training":"{0}"'* ]] ||)"
                                      R"( text=${{text/\"weights_sha256\":\"$weights\"/\"weights_sha256\":\"{1}\"}})"
                                      "\n",
                                      training, other));
  fs::remove(result_of(training));
  const CommandOutput run = succeeded(suite("run"));
  EXPECT_THAT(run.err,
              testing::AllOf(HasSubstr("evaluations have used other weights"), HasSubstr("of other weights than")));
  EXPECT_EQ(text_of(store() / "suites/few/tables/all.md"), tables_);
  EXPECT_EQ(state(), "complete");
  for (const auto& [id, at] : written) {
    const bool is_its = json_of(result_of(id)).at("provenance").at("training") == training;
    EXPECT_EQ(json_of(result_of(id)).at("weights_sha256") == other, is_its);
    EXPECT_EQ(fs::last_write_time(result_of(id)) == at, !is_its) << "others stay as they are";
  }
  EXPECT_THAT(succeeded(suite("run")).err, HasSubstr(", 0 now"));
}

class DamagedWeights : public Records, public testing::WithParamInterface<bool> {};

TEST_P(DamagedWeights, make_their_training_anew_once_an_evaluation_has_failed_for_them) {
  const bool missing = GetParam();
  const std::string training = jobs("training").front(), other = jobs("training").back();
  const auto written = fs::last_write_time(result_of(other));
  const fs::path weights = result_of(training).parent_path() / "weights";
  for (const std::string& id : jobs("evaluation"))
    if (json_of(result_of(id)).at("provenance").at("training") == training) fs::remove(result_of(id));
  if (missing)
    fs::remove(weights);
  else
    fs::resize_file(weights, 3);
  const CommandOutput failed = suite("run");
  EXPECT_EQ(code_of(failed), 3) << failed.err;
  EXPECT_THAT(failed.err, HasSubstr("the weights of its training are damaged"));
  const CommandOutput mended = succeeded(suite("run"));
  EXPECT_THAT(mended.err,
              HasSubstr(missing ? "the weights 'weights' are missing" : "the weights 'weights' are damaged"));
  EXPECT_THAT(mended.err, HasSubstr(", 2 now"));
  EXPECT_EQ(text_of(weights), "trained\n");
  EXPECT_EQ(text_of(store() / "suites/few/tables/all.md"), tables_);
  EXPECT_EQ(fs::last_write_time(result_of(other)), written);
}

INSTANTIATE_TEST_SUITE_P(Missing, DamagedWeights, testing::Bool());

TEST(EditedProgram, is_not_taken_as_done_before_where_the_suite_names_its_files) {
  const ScratchFolder scratch;
  const fs::path file = write_quick_suite(scratch.path(), "mine", 1, 1), program = scratch / "worker";
  const auto with = [&](const std::string& keys) {
    std::string text = text_of(write_quick_suite(scratch.path(), "mine", 1, 1));
    text.insert(text.find("[defaults]"), keys);
    text.insert(text.find("trials = 1"), "train.program = 1\n");
    write(file, text);
  };
  const auto says = [&](const std::string& done) {
    auto environment = program_environment();
    environment["RESOLUTE_WORKER"] = program;  // makes the packs too: nobody reads them
    const CommandOutput run =
        run_program({kBin / "resolute", "suite", "run", file, "--store", scratch / "store"}, environment);
    EXPECT_THAT(succeeded(run).err, HasSubstr(done));
  };
  const auto write_whole = [](const fs::path& path, const std::string& text) {
    write(path, text);
    fs::permissions(path, fs::perms::owner_all);
  };
  fs::create_directory(scratch / "net");
  for (const char* files : {"", "worker_files = [\"worker\", \"net/\"]\n"}) {
    with(files);
    write_whole(program, kQuickWorker);
    write_whole(scratch / "net/layers.sh", "1\n");
    says(*files == '\0' ? "0 jobs done before, 4 now" : "2 jobs done before, 2 now");
    says("4 jobs done before, 0 now");
    for (const fs::path& edited : {program, scratch / "net/layers.sh"}) {
      const std::string text = text_of(edited);
      write_whole(edited, text + "# edited\n");
      says(*files == '\0' ? "4 jobs done before, 0 now" : "2 jobs done before, 2 now");
      write_whole(edited, text);
      says("4 jobs done before, 0 now");
    }
  }
}

}  // namespace
}  // namespace resolute::system_test::records_test
