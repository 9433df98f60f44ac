#include "operations/space/collect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "experiments/store/bundle.h"
#include "operations/space/needs.h"
#include "operations/space/trash.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/claim.h"
#include "tests/orchestrator/support/read_journals.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/killing_file_system.h"
#include "tests/support/pages.h"
#include "tests/support/refusal.h"
#include "tests/support/sick_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::collect_test {
namespace {

using namespace operations;
using namespace orchestrator;
using experiments::JobId;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSubsetOf;

// A shard, a seal, a training and its evaluation. \param pack name of the data set
experiments::Plan plan_of(const std::string& suite, const std::string& pack, int steps) {
  experiments::Plan plan;
  plan.suite = suite;
  settings::PackSettings settings;
  settings.name = pack;
  settings.source = settings::Source::kMarket1501;
  plan.datasets.push_back({pack, settings, "raw"});
  experiments::TrainingSpecification training;
  training.method = experiments::BaselineOptions{};
  training.recipe.steps = steps;
  training.pack = settings;
  experiments::EvaluationSpecification evaluation;
  evaluation.training = experiments::job_id(training);
  evaluation.pack = settings;
  for (const experiments::JobSpecification& job :
       {experiments::JobSpecification(experiments::ShardSpecification{settings, 0}),
        experiments::JobSpecification(experiments::SealSpecification{settings}),
        experiments::JobSpecification(training), experiments::JobSpecification(evaluation)})
    plan.jobs.push_back({experiments::job_id(job), job, {}, 1, ""});
  return plan;
}

// A store with the finished jobs of two plans that share their pack, and of a third.
class Collect : public testing::Test {
 protected:
  Collect() {
    for (const auto* plan : {&kept_, &shares_, &other_}) fill(*plan);
    announce_plan(files_, store_, kept_);
  }

  void write(const fs::path& path, const std::string& text) { core::write_atomic(files_, path, text); }
  void fill(const experiments::Plan& plan) {
    for (const auto& job : plan.jobs) {
      write(store_.specification_file(job.id), experiments::canonical_text(job.specification));
      write(store_.result_file(job.id), "{}\n");
    }
    const auto& pack = plan.datasets.front().pack;
    write(store_.pack_folder(pack) / "pack.json", "{}\n");
    write(store_.raw_folder(pack) / "0001.png", "an image");
  }
  std::vector<std::string> paths_of(const experiments::Plan& plan) const {
    std::vector<std::string> paths;
    for (const auto& job : plan.jobs) paths.push_back(below(store_.job_folder(job.id)));
    const auto& pack = plan.datasets.front().pack;
    paths.push_back(below(store_.pack_folder(pack)));
    paths.push_back(below(store_.raw_folder(pack)));
    return paths;
  }
  std::string below(const fs::path& path) const { return path.lexically_relative(store_.root()).string(); }
  // The paths that are whole in the store.
  std::vector<std::string> whole_of(const std::vector<std::string>& paths) const {
    std::vector<std::string> found;
    for (const std::string& path : paths) {
      const fs::path folder = store_.root() / path;
      if (path.starts_with("jobs/") ? fs::exists(folder / "result.json") && fs::exists(folder / "spec.json")
                                    : fs::exists(folder) && !fs::is_empty(folder))
        found.push_back(path);
    }
    return found;
  }
  CollectReport collect_here(core::FileSystem& files, CollectOptions options = {}) {
    options.remove = true;
    options.untouched = std::chrono::seconds(0);
    return collect(files, core::monotonic_clock(), store_, options);
  }
  CollectReport collect_here() { return collect_here(files_); }
  static std::vector<std::string> there_as_scratch(const CollectReport& report) {
    std::vector<std::string> paths;
    for (const auto& item : report.items)
      if (item.kind == ItemKind::kScratch) paths.push_back(item.path);
    return paths;
  }
  // By two hours, all that lies below.
  static void age(const fs::path& folder) {
    const auto then = fs::file_time_type::clock::now() - std::chrono::hours(2);
    for (const auto& entry : fs::recursive_directory_iterator(folder)) fs::last_write_time(entry.path(), then);
  }
  // Makes the processes of collections look gone.
  void end_collections() {
    for (const std::string& name : files_.list(store_.trash_folder())) {
      if (!name.starts_with("taken-")) continue;
      Owner owner = this_owner();
      owner.ended = true;
      write_owner(files_, store_.trash_folder() / name, 1, owner);
    }
  }
  bool is_undecided() {
    const auto names = files_.list(store_.trash_folder());
    return std::any_of(names.begin(), names.end(),
                       [](const auto& name) { return name.starts_with("taken-") || name.starts_with("back-"); });
  }
  fs::path job(const experiments::Plan& plan, std::size_t number) const {
    return store_.job_folder(plan.jobs.at(number).id);
  }

  inline static const std::string kHash = std::string(64, '0');  // of some result
  TemporaryFolder folder_;
  Mortal nobody_;
  KillingFileSystem files_{nobody_};  // nothing is synced in truth
  experiments::StoreLayout store_{folder_.path()};
  const experiments::Plan kept_ = plan_of("kept", "easy", 10), shares_ = plan_of("shares", "easy", 20),
                          other_ = plan_of("other", "hard", 10);
};

TEST(PlanFile, is_as_its_page_has_it) {
  const std::string page = page_text("inside/formats/plan.md");
  const std::string text = core::canonical_json(core::parse_json(fenced_blocks(page, "json")[0], "example")) + "\n";
  const std::string opening = "Example, `";
  const std::size_t name = page.find(opening) + opening.size();
  const SuiteNeeds needs = parse_plan_file(text, page.substr(name, page.find('`', name) - name));
  EXPECT_EQ(needs.suite, "demo");
  EXPECT_EQ(needs.jobs.size(), 4U);
  EXPECT_EQ(needs.planned.size(), 5U);
  const std::string newer = "{\"version\":2}\n";
  EXPECT_THAT([&] { parse_plan_file(newer, plan_file_name(newer)); },
              fails(core::ErrorKind::kInput, HasSubstr("has version 2")));
}

TEST(PlanFile, names_all_jobs_by_kind_and_their_packs) {
  const experiments::Plan plan = plan_of("some", "easy", 10);
  const std::string text = plan_file_text(plan);
  const SuiteNeeds needs = parse_plan_file(text, plan_file_name(text));
  for (const auto& job : plan.jobs) EXPECT_EQ(needs.jobs.at(job.id.hex), experiments::kind_name(job.specification));
  EXPECT_EQ(needs.planned.size(), 5U);
  experiments::Plan turned = plan;
  std::reverse(turned.jobs.begin(), turned.jobs.end());
  EXPECT_EQ(plan_file_text(turned), text);
}

TEST_F(Collect, what_no_suite_plans_goes_and_the_rest_stays) {
  const CollectReport report = collect_here();
  EXPECT_EQ(report.items.size(), 2U + 6U) << "training and evaluation of one, all of the other";
  EXPECT_THAT(whole_of(paths_of(kept_)),
              ElementsAre(testing::_, testing::_, testing::_, testing::_, testing::_, testing::_));
  EXPECT_THAT(whole_of(paths_of(other_)), IsEmpty());
  EXPECT_FALSE(fs::exists(job(shares_, 3)));
  EXPECT_THAT(files_.list(store_.trash_folder()), IsEmpty());
  EXPECT_THAT(collect_here().items, IsEmpty());
}

TEST_F(Collect, without_remove_nothing_changes) {
  const auto count = [&] { return std::distance(fs::recursive_directory_iterator(store_.root()), {}); };
  const auto before = count();
  CollectOptions options;
  EXPECT_THAT(collect(files_, core::monotonic_clock(), store_, options).items, IsEmpty()) << "an hour has not passed";
  options.untouched = std::chrono::seconds(0);
  EXPECT_EQ(collect(files_, core::monotonic_clock(), store_, options).items.size(), 8U);
  EXPECT_EQ(count(), before);
}

TEST_F(Collect, a_removed_suite_needs_nothing_any_more) {
  fs::remove_all(store_.suite_folder("kept"));
  collect_here();
  EXPECT_THAT(whole_of(paths_of(kept_)), IsEmpty());
}

TEST_F(Collect, jobs_of_a_journal_stay_with_their_pack) {
  JobAdded added;
  added.id = other_.jobs[1].id;
  added.kind = "seal";
  write_run(store_.suite_folder("earlier"), {added});
  collect_here();
  EXPECT_EQ(whole_of(paths_of(other_)).size(), 4U) << "seal, shard, pack and images";
}

TEST_F(Collect, a_suite_that_does_not_say_what_it_needs_is_refused) {
  write(store_.suite_folder("old") / "tables/all.md", "| 1 |");
  EXPECT_THAT([&] { collect_here(); },
              fails(core::ErrorKind::kInput, HasSubstr("the needs of suite 'old' are not known")));
  fs::remove_all(store_.suite_folder("old"));
  const std::string text = plan_file_text(other_);
  write(store_.suite_folder("other") / plan_file_name(text), text + " ");
  EXPECT_THAT([&] { collect_here(); }, fails(core::ErrorKind::kCorrupt, HasSubstr("is damaged")));
  EXPECT_EQ(whole_of(paths_of(other_)).size(), 6U);
}

TEST_F(Collect, a_suite_whose_folder_cannot_be_looked_at_is_refused) {
  const fs::path folder = store_.suite_folder("away"), file = folder_ / "file";
  write(file, "a file");
  for (const fs::path& to : {folder_ / "not-mounted" / "away", file / "away", fs::path("away")}) {  // itself
    fs::create_symlink(to, folder);
    EXPECT_THAT([&] { collect_here(); },
                fails(core::ErrorKind::kInput,
                      AllOf(HasSubstr("the needs of suite 'away' are not known"), HasSubstr(folder.string()))))
        << to;
    EXPECT_FALSE(is_undecided()) << to;
    fs::remove(folder);
  }
  EXPECT_EQ(whole_of(paths_of(other_)).size(), 6U);
  fs::create_symlink(file, folder);
  collect_here();
  EXPECT_THAT(whole_of(paths_of(other_)), IsEmpty()) << "a file is no suite's folder";
}

TEST_F(Collect, a_job_that_a_run_holds_stays_with_what_it_stands_on) {
  const fs::path folder = store_.suite_folder("moved");
  fs::create_directories(folder);
  write_owner(files_, folder, 1, this_owner());
  const JobClaim claim{"moved", 1, std::string(32, '1')};
  write(claim_file(store_, other_.jobs[2].id), "{\"epoch\":1,\"run\":\"" + claim.run + "\",\"suite\":\"moved\"}\n");
  collect_here();
  EXPECT_EQ(whole_of(paths_of(other_)).size(), 5U) << "all but the evaluation";
  Owner ended = this_owner();
  ended.ended = true;
  write_owner(files_, folder, 1, ended);
  collect_here();
  EXPECT_THAT(whole_of(paths_of(other_)), IsEmpty());
}

TEST_F(Collect, a_training_stays_while_a_later_stage_does) {
  auto second = std::get<experiments::TrainingSpecification>(other_.jobs[2].specification);
  second.start_from = experiments::Start{other_.jobs[2].id};
  const experiments::JobId job = experiments::job_id(second);
  write(store_.specification_file(job), experiments::canonical_text(second));
  JobAdded added;
  added.id = job;
  added.kind = "training";
  write_run(store_.suite_folder("earlier"), {added});
  collect_here();
  EXPECT_EQ(whole_of(paths_of(other_)).size(), 5U) << "all but the evaluation";
}

TEST_F(Collect, checkpoints_of_finished_jobs_scratch_and_dead_bundles_go) {
  const fs::path unfinished = job(kept_, 2);
  write(store_.checkpoints_folder(kept_.jobs[3].id) / "step-000000001.safetensors", "old");
  write(unfinished / "checkpoints/step-000000001.safetensors", "needed");
  fs::remove(unfinished / "result.json");
  const std::string of_pack = below(store_.pack_folder(kept_.datasets[0].pack));
  for (const std::string& path :
       {of_pack + "/.shard-00000.h5.host-1-2.tmp", std::string("suites/kept/.live.json.host-1-2.tmp"),
        std::string("scratch-ABCDEF/jobs/x"), std::string(".probe.host-1-2.tmp")})
    write(store_.root() / path, "half");
  const auto bundle = [&](const JobId& id) {
    return experiments::publish_bundle(files_, store_, "kept", experiments::encode_bundle({{id, kHash, {{"a", {}}}}}));
  };
  const fs::path dead = bundle(other_.jobs[2].id), alive = bundle(kept_.jobs[2].id);
  EXPECT_THAT(there_as_scratch(collect(files_, core::monotonic_clock(), store_, {.untouched = {}})), IsEmpty())
      << "it may be being written";
  age(store_.root());
  CollectOptions scratch;
  scratch.only = {ItemKind::kScratch};
  EXPECT_EQ(collect_here(files_, scratch).items.size(), 4U);
  EXPECT_EQ(whole_of(paths_of(other_)).size(), 6U);
  collect_here();
  EXPECT_FALSE(fs::exists(store_.checkpoints_folder(kept_.jobs[3].id)));
  EXPECT_TRUE(fs::exists(unfinished / "checkpoints/step-000000001.safetensors"));
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(alive));
}

TEST_F(Collect, what_no_run_has_made_stays) {
  const std::vector<std::string> foreign{"raw/Market-1501-v15.09.15/query/0001.jpg",
                                         "raw/easy-0123456789ABCDEF/1.png",
                                         "raw/-0123456789abcdef/1.png",
                                         "packs/my-notes/n",
                                         "packs/easy/pack.json",
                                         "scratch-of-anna/thesis.tex",
                                         "scratch-12345/x",
                                         "jobs/ab/notes",
                                         "notes.txt"};
  for (const std::string& path : foreign) write(store_.root() / path, "mine");
  age(store_.root());
  EXPECT_FALSE(collect_here().items.empty());
  for (const std::string& path : foreign) EXPECT_TRUE(fs::exists(store_.root() / path)) << path;
}

TEST_F(Collect, on_a_full_disk_it_removes_what_was_decided_and_says_what_to_do) {
  write(store_.trash_folder() / "doomed-0123/:jobs:ab:x/weights", "large");
  SickFileSystem full;
  full.sick = [](SickFileSystem::Call call, const fs::path&) { return call == SickFileSystem::kWrite ? ENOSPC : 0; };
  const auto before = whole_of(paths_of(other_));
  EXPECT_THAT(
      refusal([&] { collect_here(full); }, core::ErrorKind::kEnvironment),
      AllOf(HasSubstr("No space left on device"), HasSubstr("; remove a file of what `resolute store gc --json`")));
  EXPECT_FALSE(fs::exists(store_.trash_folder() / "doomed-0123"));
  EXPECT_EQ(whole_of(paths_of(other_)), before);
  EXPECT_FALSE(collect_here().items.empty());
}

// A suite announces its plan at each moment of a collection, and looks into the store unless it has to wait.
TEST_F(Collect, a_run_that_begins_at_any_moment_keeps_what_it_has_seen) {
  bool waited = false, put_back = false, saw_all = false;
  for (int moment = 0, steps = 1; moment < steps; ++moment) {
    fs::remove_all(store_.suite_folder("other"));
    fill(other_);
    Mortal nobody;
    KillingFileSystem watched(nobody);
    std::vector<std::string> seen;
    int step = 0;
    nobody.before_step = [&] {
      if (step++ != moment) return;
      const std::string text = plan_file_text(other_);
      core::publish_exclusive(files_, store_.suite_folder("other") / plan_file_name(text), text);
      if (is_undecided())
        waited = true;
      else
        seen = whole_of(paths_of(other_));
    };
    const CollectReport report = collect_here(watched);
    steps = step;
    const auto left = whole_of(paths_of(other_));
    EXPECT_THAT(seen, IsSubsetOf(left)) << "moment " << moment;
    EXPECT_TRUE(left.size() == 6 || left.empty()) << "moment " << moment << ": a part of it alone";
    put_back = put_back || report.put_back > 0;
    saw_all = saw_all || seen.size() == 6;
  }
  EXPECT_TRUE(waited && put_back && saw_all);
}

TEST_F(Collect, killed_at_any_moment_it_loses_nothing_that_is_needed) {
  bool lives = false;
  int moment = 0;
  for (; !lives; ++moment) {
    fill(other_);
    Mortal process(moment);
    KillingFileSystem files(process);
    lives = process.survives([&] { collect_here(files); });
    end_collections();
    announce_plan(files_, store_, kept_);
    EXPECT_FALSE(is_undecided()) << "moment " << moment;
    EXPECT_EQ(whole_of(paths_of(kept_)).size(), 6U) << "moment " << moment;
    const auto left = whole_of(paths_of(other_));
    EXPECT_TRUE(left.size() == 6 || left.empty()) << "moment " << moment << ": a part of it alone";
    // Items that are decided and left would give the next collection more to do than this one had, without end.
    if (!lives) fs::remove_all(store_.trash_folder());
  }
  EXPECT_GT(moment, 20);
  EXPECT_THAT(files_.list(store_.trash_folder()), IsEmpty());
}

// Somebody who may write in the store may not have its users write elsewhere.
TEST_F(Collect, what_lies_in_the_trash_under_a_foreign_name_comes_back_nowhere) {
  const fs::path back = store_.trash_folder() / "back-foreign";
  files_.create_directories(back);
  const std::string outside = store_.root().string() + "-outside";
  std::string absolute = outside;
  std::replace(absolute.begin(), absolute.end(), '/', ':');
  for (const std::string& name : {":..:" + store_.root().filename().string() + "-outside", ":" + absolute,
                                  std::string(":"), std::string(":jobs:..:..:x"), std::string(":jobs::x")})
    core::write_atomic(files_, back / name, "text");
  files_.create_directories(back / (":" + absolute + "-folder"));
  settle_trash(files_, core::monotonic_clock(), store_);
  EXPECT_FALSE(fs::exists(outside) || fs::exists(outside + "-folder"));
  EXPECT_FALSE(fs::exists(store_.root() / "x") || fs::exists(store_.root().parent_path() / "x"));
  EXPECT_FALSE(fs::exists(store_.root() / "jobs/x"));
  EXPECT_FALSE(is_undecided());
}

// NFS keeps a file that is open in its folder, under another name.
TEST_F(Collect, a_folder_that_cannot_go_yet_is_looked_at_again_after_a_while) {
  class KeptFolder final : public ForwardingFileSystem {
   public:
    bool remove_folder(const fs::path& folder) override {
      return ++asked > 3 && ForwardingFileSystem::remove_folder(folder);
    }
    int asked = 0;
  };
  for (const auto& [name, taker] : {std::pair("back-0123", Taker::kCollection),
                                    {"taken-0123", Taker::kCollection},
                                    {"compact/back-0123", Taker::kCompaction}}) {
    KeptFolder files;
    files_.create_directories(store_.trash_folder() / name);
    const auto begin = std::chrono::steady_clock::now();
    settle_trash(files, core::monotonic_clock(), store_, taker, std::chrono::milliseconds(1));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(300)) << name;
    EXPECT_EQ(files.asked, 4) << name;
  }
}

TEST_F(Collect, one_that_stood_still_takes_nothing_more) {
  Taking taking(files_, core::monotonic_clock(), store_);
  ASSERT_TRUE(taking.take(paths_of(other_)[0]));
  end_collections();
  settle_trash(files_, core::monotonic_clock(), store_);
  EXPECT_EQ(whole_of(paths_of(other_)).size(), 6U);
  EXPECT_THAT([&] { taking.take(paths_of(other_)[1]); },
              fails(core::ErrorKind::kTransient, HasSubstr("taken this `resolute store gc` for dead")));
  EXPECT_THAT([&] { taking.commit(); },
              fails(core::ErrorKind::kTransient, HasSubstr("taken this `resolute store gc` for dead")));
  EXPECT_EQ(whole_of(paths_of(other_)).size(), 6U);
}

// NFS sends the call again, and the second one finds nothing to move.
TEST_F(Collect, what_was_taken_though_its_answer_was_lost_is_taken) {
  class LostAnswer : public ForwardingFileSystem {
   public:
    void rename(const fs::path& from, const fs::path& to) override {
      ForwardingFileSystem::rename(from, to);
      if (from.filename() == "lost") throw core::system_error("cannot rename", ENOENT);
    }
  } files;
  core::write_atomic(files, store_.root() / "jobs/lost", "bytes");
  Taking taking(files, core::monotonic_clock(), store_);
  EXPECT_TRUE(taking.take("jobs/lost"));
  EXPECT_FALSE(taking.take("jobs/never_there"));
  taking.put_back("jobs/lost");
  EXPECT_TRUE(fs::exists(store_.root() / "jobs/lost"));
}

TEST_F(Collect, what_cannot_be_moved_stays_with_what_it_stands_on_and_says_why) {
  class Refusing : public ForwardingFileSystem {
   public:
    explicit Refusing(int error) : error_(error) {}
    void rename(const fs::path& from, const fs::path& to) override {
      if (from.string().find("/jobs/") != std::string::npos) throw core::system_error("cannot rename a job", error_);
      ForwardingFileSystem::rename(from, to);
    }

   private:
    int error_;
  };
  // jobs/ is a link to another file system; another user's; told to stay by chattr.
  for (const int error : {EXDEV, EACCES, EPERM}) {
    Refusing files(error);
    const CollectReport report = collect_here(files);
    EXPECT_EQ(report.kept, 6) << "the jobs of two plans, which share a shard and a seal with the kept one";
    EXPECT_EQ(report.kept_why, core::system_error("cannot rename a job", error).what());
    EXPECT_EQ(whole_of(paths_of(other_)).size(), 6U);
    EXPECT_FALSE(is_undecided());
  }
  EXPECT_EQ(collect_here().kept_why, "");
}

TEST_F(Collect, what_comes_back_takes_the_place_of_nothing) {
  Taking taking(files_, core::monotonic_clock(), store_);
  const std::string path = paths_of(other_)[2];
  const fs::path bundle = experiments::publish_bundle(
      files_, store_, "kept", experiments::encode_bundle({{kept_.jobs[2].id, kHash, {{"a", {}}}}}));
  const std::string first = core::read_text(files_, bundle);
  ASSERT_TRUE(taking.take(path) && taking.take(below(bundle)));
  write(store_.root() / path / "result.json", "another");
  write(bundle, "another");
  taking.give_up();
  EXPECT_EQ(core::read_text(files_, store_.root() / path / "result.json"), "another");
  EXPECT_EQ(core::read_text(files_, bundle), "another");
  EXPECT_EQ(core::read_text(files_, bundle.parent_path() / "kept-000002"), first);
}

}  // namespace
}  // namespace resolute::tests::collect_test
