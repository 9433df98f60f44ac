#include "slurm/submission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/slurm/submission_samples.h"
#include "tests/support/equal.h"
#include "tests/support/killing_file_system.h"
#include "tests/support/pages.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::slurm::submission_test {
namespace {

namespace fs = std::filesystem;
using core::Json;
using tests::sample_batch;
using tests::sample_request;

core::FileSystem& disk() { return core::real_file_system(); }

Time at(int second) { return Time(std::chrono::seconds(1'800'000'000 + second)); }

QueuedJob queued(SlurmJobId id, std::optional<Time> submitted) {
  QueuedJob job;
  job.id = id;
  job.submitted = submitted;
  return job;
}

std::string message_of(const std::function<void()>& body, core::ErrorKind kind) {
  const std::string message = tests::refusal(body, kind);
  EXPECT_NE(message, "") << "nothing was thrown";
  return message;
}

TEST(SubmissionJson, a_request_comes_back_as_it_was) {
  const std::string text = core::canonical_json(to_json(sample_request()));
  const SubmissionRequest back = request_from_json(core::parse_json(text, "r"), "r");
  EXPECT_EQ(core::canonical_json(to_json(back)), text);
  EXPECT_EQ(back.batches, sample_request().batches);
  EXPECT_EQ(back.variables, sample_request().variables);
  EXPECT_EQ(back.resources.options, sample_request().resources.options);
  EXPECT_EQ(back.created, sample_request().created);
  EXPECT_EQ(back.continuation, Continuation::kChain);
  EXPECT_EQ(back.notice, std::chrono::seconds(120));
}

TEST(SubmissionJson, the_pages_example_is_one_and_written_as_it_stands) {
  const std::string block = tests::fenced_blocks(tests::page_text("inside/formats/submission.md"), "json")[0];
  const Json example = core::parse_json(block, "example");
  EXPECT_EQ(to_json(request_from_json(example, "example")), example);
}

TEST(SubmissionJson, what_is_at_its_default_in_a_plain_request_comes_back_where_it_is_not) {
  SubmissionRequest request = sample_request();
  request.slots = 4;
  request.launch = {"pmi2", {"--x"}};
  request.dependency = "afterok:12";
  request.cluster = "gpu";
  request.resources.gpu_request = GpuRequest::kGpus;
  request.resources.comment = "project 7";
  request.idle_limit = std::chrono::seconds(90);
  request.batches[0].kinds = {settings::JobKind::kPack, settings::JobKind::kEvaluation};
  request.batches[0].resources = request.resources;
  request.batches[0].resources->nodes = 7;
  request.batches[0].on_demand = true;
  const SubmissionRequest back = request_from_json(to_json(request), "r");
  EXPECT_EQ(to_json(back), to_json(request));
  EXPECT_EQ(back.batches, request.batches);
  EXPECT_EQ(back.launch, request.launch);
  EXPECT_EQ(resources_of(back, back.batches[0]).nodes, 7);
  EXPECT_EQ(resources_of(back, back.batches[1]).nodes, 3);
}

TEST(SubmissionScript, a_users_dependency_is_the_first_jobs_and_his_comment_everyones) {
  SubmissionRequest request = sample_request();
  request.dependency = "afterok:7,after:8";
  request.resources.comment = "project 7";
  const auto script = [&](std::size_t batch, int generation) {
    return sbatch_script(script_of(request, request.batches[batch], "/scratch/kim/s", generation));
  };
  const std::string first = script(0, 0);
  EXPECT_NE(first.find("#SBATCH --dependency=singleton,afterok:7,after:8\n"), std::string::npos) << first;
  EXPECT_NE(script(0, 1).find("#SBATCH --dependency=singleton\n"), std::string::npos);
  EXPECT_NE(script(1, 0).find("#SBATCH --dependency=singleton,afterok:7,after:8\n"), std::string::npos);
  EXPECT_NE(first.find("#SBATCH --comment=\"project 7\"\n"), std::string::npos);
  EXPECT_NE(script(0, 1).find("#SBATCH --comment=\"project 7\"\n"), std::string::npos);
}

TEST(SubmissionScript, leaves_out_as_many_nodes_as_sbatch_reads) {
  for (const char* excluded : {"", "own1", "own[1-9]"}) {
    SubmissionRequest request = sample_request();
    request.resources.exclude = excluded;
    for (int node = 0; node < 1000; ++node) request.left_out.push_back(fmt::format("node{:04}", node));
    const ScriptRequest script = script_of(request, request.batches[0], "/store/submission");
    EXPECT_NO_THROW(sbatch_script(script));
    EXPECT_TRUE(script.resources.exclude.starts_with(*excluded == '\0' ? "node0000," : excluded));
    EXPECT_GT(script.resources.exclude.size(), 3980U);
  }
}

TEST(SubmissionScript, asks_for_what_the_batch_needs_where_that_is_another) {
  SubmissionRequest request = sample_request();
  request.batches[0].resources = Resources{};
  request.batches[0].resources->partition = "cpu";
  request.batches[0].resources->comment = "packing";
  const std::string script = sbatch_script(script_of(request, request.batches[0], "/scratch/kim/s"));
  EXPECT_NE(script.find("#SBATCH --partition=cpu\n"), std::string::npos) << script;
  EXPECT_NE(script.find("#SBATCH --nodes=1\n"), std::string::npos);
  EXPECT_NE(script.find("#SBATCH --comment=packing\n"), std::string::npos);
  EXPECT_EQ(script.find("gres"), std::string::npos);
  EXPECT_EQ(script.find("--no-kill"), std::string::npos) << "one node";
}

// Every place in the request at which a value stands, objects and lists included.
std::vector<Json::json_pointer> places(const Json& json, const Json::json_pointer& here = Json::json_pointer()) {
  std::vector<Json::json_pointer> found;
  for (const auto& [key, value] : json.items()) {
    const auto place = json.is_array() ? here / static_cast<std::size_t>(std::stoul(key)) : here / key;
    found.push_back(place);
    if (value.is_structured())
      for (const auto& inner : places(value, place)) found.push_back(inner);
  }
  return found;
}

TEST(SubmissionJson, every_member_that_is_missing_superfluous_or_of_another_type_is_refused) {
  const Json good = to_json(sample_request());
  int refused = 0;
  const auto refuse = [&](const Json& bad, const std::string& what) {
    SCOPED_TRACE(what);
    const std::string message = message_of([&] { request_from_json(bad, "here.json"); }, core::ErrorKind::kCorrupt);
    EXPECT_TRUE(message.starts_with("here.json: ")) << message;
    ++refused;
  };
  for (const auto& place : places(good)) {
    Json bad = good;
    bad[place] = good[place].is_boolean() ? Json(7) : Json(true);
    refuse(bad, "another type at " + place.to_string());
    if (good[place.parent_pointer()].is_array()) continue;
    bad = good;
    bad[place.parent_pointer()].erase(place.back());
    refuse(bad, "nothing at " + place.to_string());
    bad = good;
    bad[place.parent_pointer()][place.back() + "_"] = good[place];
    refuse(bad, "beside " + place.to_string());
  }
  EXPECT_GT(refused, 120);
  for (const Json& other : {Json(nullptr), Json::array(), Json("x"), Json(1)}) refuse(other, other.dump());
}

TEST(SubmissionJson, values_that_cannot_be_are_refused) {
  const std::vector<std::pair<std::string, std::vector<Json>>> wrong = {
      {"/version", {1, 2, 4}},
      {"/token", {"0123456789AB", "../../etc/pw", "0123"}},
      {"/suite", {"../x", ""}},
      {"/created", {"yesterday", ""}},
      {"/store", {"store"}},
      {"/resolute", {"resolute"}},
      {"/relative_to", {""}},
      {"/working_folder", {"./x"}},
      {"/launcher", {"ssh"}},
      {"/continuation", {"never"}},
      {"/most_restarts", {0}},
      {"/slots", {-1, 4'000'000'000}},
      {"/jobs_per_gpu", {0, -1}},
      {"/idle_limit_seconds", {-1}},
      {"/launch/mpi", {"none"}},
      {"/cluster", {"gpu,cpu"}},
      {"/dependency", {"afterok:1?afterok:2"}},
      {"/notice_seconds", {-5, 1.5}},
      {"/resources/nodes", {0}},
      {"/resources/gpus_per_node", {-1}},
      {"/resources/time_seconds", {-60}},
      {"/variables/0/name", {"A B", "", "1A", "A;reboot"}},
      {"/variables/0/value", {std::string("a\0b", 3)}},
      {"/container/command/0", {std::string("\0", 1)}},
      {"/batches", {Json::array()}},
      {"/batches/0/number", {2}},
      {"/batches/0/job_name", {"resolute-tiny-0123456789ab-2", "a b-0123456789ab-1"}},
      {"/batches/0/first_allocation", {0}},
  };
  for (const auto& [place, values] : wrong)
    for (const Json& value : values) {
      Json bad = to_json(sample_request());
      bad[Json::json_pointer(place)] = value;
      SCOPED_TRACE(place + " = " + value.dump());
      message_of([&] { request_from_json(bad, "here.json"); }, core::ErrorKind::kCorrupt);
    }
}

TEST(SubmissionJson, of_before_the_first_release_is_refused_in_one_line) {
  Json old = to_json(sample_request());
  old["version"] = 1;
  EXPECT_THAT(message_of([&] { request_from_json(old, "r.json"); }, core::ErrorKind::kCorrupt),
              testing::StartsWith("r.json: version 1 (made before 0.1.0); "));
}

TEST(SubmissionScript, becomes_the_supervisor_of_its_batch_and_generation) {
  const SubmissionRequest request = sample_request();
  const ScriptRequest script = script_of(request, request.batches[1], "/s/0123456789ab", 4);
  EXPECT_EQ(script.job_name, "resolute-tiny-0123456789ab-2");
  EXPECT_EQ(script.output, "/s/0123456789ab/batch-002/log");
  EXPECT_EQ(script.command,
            (std::vector<std::string>{"/opt/resolute/bin/resolute", "suite", "allocation", "--submission",
                                      "/s/0123456789ab", "--batch", "2", "--generation", "4"}));
  EXPECT_EQ(script.variables, request.variables);
  EXPECT_EQ(script.working_folder, "/scratch/kim");
  EXPECT_EQ(script_of(request, request.batches[0], "/s").dependency, "");
  EXPECT_NE(script.comment.find("generation 4"), std::string::npos);
}

TEST(OwnJob, is_the_earliest_that_no_other_generation_is) {
  EXPECT_FALSE(own_job({}, {}).has_value());
  EXPECT_EQ(own_job({queued(7, at(20)), queued(9, at(10)), queued(8, at(10))}, {})->id, 8);
  EXPECT_EQ(own_job({queued(7, at(20)), queued(9, std::nullopt)}, {})->id, 7);
  EXPECT_EQ(own_job({queued(7, at(1)), queued(9, at(5))}, {{7, "", at(1)}})->id, 9);
  EXPECT_FALSE(own_job({queued(7, at(1))}, {{7, "", at(1)}}).has_value());
  EXPECT_EQ(own_job({queued(7, at(1))}, {{6, "", at(1)}})->submitted, at(1));
}

TEST(OwnJob, under_a_known_id_is_a_requeued_job_unless_it_never_was_requeued) {
  const std::vector<KnownJob> lost = {{7, "", at(1)}};
  EXPECT_FALSE(own_job({queued(7, at(50))}, lost).has_value()) << "a requeue gives a job a new time";
  EXPECT_EQ(own_job({queued(7, at(50))}, lost, {7}), (KnownJob{7, "", at(50)})) << "the lost job's id, given again";
  EXPECT_FALSE(own_job({queued(7, at(1))}, lost, {7}).has_value());
  EXPECT_FALSE(own_job({queued(7, at(50))}, {{7, "", std::nullopt}}, {7}).has_value()) << "not to be told apart";
  EXPECT_FALSE(own_job({queued(7, std::nullopt)}, lost, {7}).has_value());
}

class SubmissionFolderTest : public testing::Test {
 protected:
  SubmissionFolder create() { return create_submission(disk(), root_.path(), sample_request(), "text\n"); }
  fs::path file(const SubmissionFolder& folder, const std::string& name) {
    return folder.batch_folder(sample_batch(1)) / name;
  }
  tests::TemporaryFolder root_;
  Batch batch_ = sample_batch(1);
};

TEST_F(SubmissionFolderTest, is_written_whole_and_read_back) {
  const SubmissionFolder folder = create();
  EXPECT_EQ(folder.path(), root_ / "submissions" / "0123456789ab");
  EXPECT_EQ(core::read_text(disk(), folder.suite_file()), "text\n");
  EXPECT_EQ(to_json(folder.request()), to_json(sample_request()));
  const std::string text = core::read_text(disk(), folder.path() / "request.json");
  EXPECT_EQ(text, core::canonical_json(to_json(sample_request())) + "\n");
}

TEST_F(SubmissionFolderTest, killed_at_any_step_of_its_making_it_is_none_or_whole_and_can_be_made_again) {
  bool survived = false;
  int step = 0;
  for (; !survived; ++step) {
    ASSERT_LT(step, 200);
    tests::TemporaryFolder root;
    tests::Mortal process(step);
    tests::KillingFileSystem files(process);
    survived = process.survives([&] { create_submission(files, root.path(), sample_request(), "text\n"); });
    for (const SubmissionFolder& folder : submissions(disk(), root.path())) {
      EXPECT_EQ(to_json(folder.request()), to_json(sample_request()));
      EXPECT_EQ(core::read_text(disk(), folder.suite_file()), "text\n");
    }
    create_submission(disk(), root.path(), sample_request(), "text\n");
    EXPECT_EQ(submissions(disk(), root.path()).size(), 1u);
  }
  EXPECT_GT(step, 8);
}

TEST_F(SubmissionFolderTest, another_submission_under_the_same_token_is_refused_and_nothing_overwritten) {
  const SubmissionFolder folder = create();
  SubmissionRequest other = sample_request();
  other.title = "another";
  message_of([&] { create_submission(disk(), root_.path(), other, "text\n"); }, core::ErrorKind::kInput);
  message_of([&] { create_submission(disk(), root_.path(), sample_request(), "other\n"); }, core::ErrorKind::kInput);
  EXPECT_EQ(to_json(folder.request()), to_json(sample_request()));
  EXPECT_EQ(core::read_text(disk(), folder.suite_file()), "text\n");
}

TEST_F(SubmissionFolderTest, a_request_that_could_not_be_read_back_is_not_written) {
  SubmissionRequest request = sample_request();
  request.variables = {{"DATA", "\xff\xfe"}};
  message_of([&] { create_submission(disk(), root_.path(), request, ""); }, core::ErrorKind::kInput);
  request = sample_request();
  request.store = "relative";
  message_of([&] { create_submission(disk(), root_.path(), request, ""); }, core::ErrorKind::kInput);
  EXPECT_TRUE(disk().list(root_ / "submissions").empty());
}

TEST_F(SubmissionFolderTest, is_run_only_if_nobody_else_may_have_written_it) {
  const mode_t before = ::umask(0);
  const SubmissionFolder folder = create();
  ::umask(before);
  folder.require_own();
  const auto expect_refused = [&](const fs::path& path, const std::string& why) {
    const auto message = message_of([&] { folder.require_own(); }, core::ErrorKind::kInput);
    EXPECT_EQ(message.find(fmt::format("submission 0123456789ab is not run: '{}' may hold another's commands ({}); ",
                                       path.string(), why)),
              0u)
        << message;
  };
  for (const char* name : {"", "request.json", "suite.toml", "batch-001"}) {
    const fs::path path = *name == '\0' ? folder.path() : folder.path() / name;
    const fs::perms given_rights = fs::status(path).permissions();
    fs::permissions(path, fs::perms::group_write, fs::perm_options::add);
    expect_refused(path, "its group may write to it");
    fs::permissions(path, given_rights | fs::perms::others_write);
    expect_refused(path, "everybody may write to it");
    fs::permissions(path, given_rights);
    if (::geteuid() == 0) {
      ASSERT_EQ(::chown(path.c_str(), 4'000'001, 0), 0);
      expect_refused(path, "it belongs to user 4000001");
      ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
    }
    folder.require_own();
  }
}

TEST_F(SubmissionFolderTest, those_of_a_suite_come_oldest_first) {
  EXPECT_TRUE(submissions(disk(), root_.path()).empty());
  const std::vector<std::pair<std::string, int>> made = {{"bbbbbbbbbbbb", 5}, {"aaaaaaaaaaaa", 9}, {"999999999999", 5}};
  for (const auto& [token, second] : made) {
    SubmissionRequest request = sample_request(token);
    request.created = at(second);
    create_submission(disk(), root_.path(), request, "");
  }
  disk().create_directories(root_ / "submissions" / "cccccccccccc");
  core::write_atomic(disk(), root_ / "submissions" / "notes.txt", "mine\n");
  std::vector<std::string> tokens;
  for (const SubmissionFolder& folder : submissions(disk(), root_.path())) tokens.push_back(folder.request().token);
  EXPECT_EQ(tokens, (std::vector<std::string>{"999999999999", "bbbbbbbbbbbb", "aaaaaaaaaaaa"}));
}

TEST_F(SubmissionFolderTest, a_request_that_is_torn_or_another_folders_is_an_error_that_names_it) {
  const fs::path path = create().path() / "request.json";
  const std::string whole = core::read_text(disk(), path);
  for (std::size_t length : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 2}) {
    core::write_atomic(disk(), path, whole.substr(0, length));
    const auto message = message_of([&] { submissions(disk(), root_.path()); }, core::ErrorKind::kCorrupt);
    EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  }
  core::write_atomic(disk(), path, core::canonical_json(to_json(sample_request("bbbbbbbbbbbb"))) + "\n");
  EXPECT_NE(message_of([&] { submissions(disk(), root_.path()); }, core::ErrorKind::kCorrupt).find("'bbbbbbbbbbbb'"),
            std::string::npos);
}

TEST_F(SubmissionFolderTest, a_generation_is_what_its_files_say) {
  SubmissionFolder folder = create();
  EXPECT_EQ(folder.last_generation(batch_), -1);
  EXPECT_TRUE(std::holds_alternative<NeverTried>(folder.generation(batch_, 0)));
  const Intended intent{{{3, "", at(0)}, {4, "east", std::nullopt}}};
  EXPECT_TRUE(folder.intend(batch_, 0, intent));
  EXPECT_FALSE(folder.intend(batch_, 0, {})) << "the first one stands";
  EXPECT_EQ(std::get<Intended>(folder.generation(batch_, 0)), intent);
  EXPECT_EQ(folder.refuse(batch_, 0, {"no such\npartition \xff"}).why, "no such partition \xef\xbf\xbd");
  EXPECT_EQ(std::get<Refused>(folder.generation(batch_, 0)).why, "no such partition \xef\xbf\xbd");
  EXPECT_EQ(folder.refuse(batch_, 0, {"another"}).why, "no such partition \xef\xbf\xbd");
  const KnownJob job{12, "east", at(3)};
  EXPECT_EQ(folder.accept(batch_, 0, job), job);
  EXPECT_EQ(folder.accept(batch_, 0, {13, "", std::nullopt}), job) << "the first one stands";
  EXPECT_EQ(std::get<KnownJob>(folder.generation(batch_, 0)), job) << "a job counts more than a refusal";
  folder.accept(batch_, 11, {14, "", std::nullopt});
  folder.accept(batch_, 2, {15, "", std::nullopt});
  EXPECT_EQ(folder.known_jobs(batch_), (std::vector<KnownJob>{job, {15, "", std::nullopt}, {14, "", std::nullopt}}));
  EXPECT_EQ(folder.last_generation(batch_), 11);
  EXPECT_EQ(folder.last_generation(sample_batch(2)), -1);
}

TEST_F(SubmissionFolderTest, generations_beyond_three_digits_and_names_that_are_none) {
  SubmissionFolder folder = create();
  folder.intend(batch_, 1234, {});
  for (const char* name :
       {"intent-99999.jsonx", "intent-09999.json", "intent--2.json", "intent-.json", "accepted-x.json",
        "intent-99999999999.json", ".intent-5555.json.host-1-1.tmp", "run-9999-000.json"})
    core::write_atomic(disk(), file(folder, name), "x");
  EXPECT_EQ(folder.last_generation(batch_), 1234);
  EXPECT_TRUE(folder.known_jobs(batch_).empty());
}

TEST_F(SubmissionFolderTest, torn_and_foreign_files_are_errors_that_name_them_and_stay_as_they_are) {
  SubmissionFolder folder = create();
  folder.intend(batch_, 0, {{{3, "", at(0)}}});
  folder.refuse(batch_, 0, {"no"});
  folder.accept(batch_, 0, {12, "", at(3)});
  for (const char* name : {"accepted-000.json", "refused-000.json", "intent-000.json"}) {
    const fs::path path = file(folder, name);
    const std::string whole = core::read_text(disk(), path);
    std::vector<std::string> bad = {"", "{}", "[]\n", whole.substr(0, whole.size() / 2), whole + whole};
    const Json good = core::parse_json(whole, "x");
    Json json = good;
    for (const auto& [key, value] : good.items()) {
      Json other = json;
      other[key] = key == "job_name"                       ? Json("resolute-tiny-0123456789ab-2")
                   : key == "generation" || key == "armed" ? Json(1)
                                                           : Json(true);
      bad.push_back(other.dump());
      other.erase(key);
      bad.push_back(other.dump());
    }
    json["more"] = 1;
    bad.push_back(json.dump());
    json.erase("more");
    json["version"] = 4;
    bad.push_back(json.dump());
    for (const std::string& text : bad) {
      SCOPED_TRACE(text);
      core::write_atomic(disk(), path, text);
      const auto message = message_of([&] { folder.generation(batch_, 0); }, core::ErrorKind::kCorrupt);
      EXPECT_NE(message.find(path.string()), std::string::npos) << message;
      EXPECT_EQ(core::read_text(disk(), path), text);
    }
    disk().remove(path);  // so that the next one is looked at
  }
}

TEST_F(SubmissionFolderTest, is_ended_once) {
  SubmissionFolder folder = create();
  EXPECT_FALSE(folder.ended());
  folder.end("complete");
  folder.end("replaced");
  EXPECT_TRUE(folder.ended());
  EXPECT_EQ(core::read_text(disk(), folder.path() / "ended.json"), "{\"version\":3,\"why\":\"complete\"}\n");
}

}  // namespace
}  // namespace resolute::slurm::submission_test
