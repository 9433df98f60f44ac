#include "operations/space/set_aside.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "orchestrator/store/claim.h"
#include "tests/support/killing_file_system.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::set_aside_test {
namespace {

using namespace operations;
using namespace orchestrator;
using experiments::JobId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

// A training with an evaluation of suite `one` and another of suite `two`, all done.
class SetAside : public testing::Test {
 protected:
  SetAside() {
    settings::PackSettings pack;
    pack.name = "people";
    pack.source = settings::Source::kMarket1501;
    experiments::TrainingSpecification training;
    training.method = experiments::BaselineOptions{};
    training.recipe.steps = 10;
    training.pack = pack;
    training_ = done(training);
    experiments::EvaluationSpecification evaluation;
    evaluation.pack = pack;
    evaluation.training = training_;
    evaluation_ = done(evaluation);
    evaluation.protocol.draws += 1;
    of_two_ = done(evaluation);
    for (const auto& [suite, id] : {std::pair("one", evaluation_), std::pair("two", of_two_)}) {
      experiments::Plan plan;
      plan.suite = suite;
      for (const JobId& job : {training_, id}) plan.jobs.push_back({job, specifications_.at(job), {}, 1, ""});
      announce_plan(files_, store_, plan);
    }
  }

  JobId done(const experiments::JobSpecification& specification) {
    const JobId job = experiments::job_id(specification);
    specifications_.emplace(job, specification);
    core::write_atomic(files_, store_.specification_file(job), experiments::canonical_text(specification));
    core::write_atomic(files_, store_.result_file(job), "{}\n");
    return job;
  }
  bool is_done(const JobId& job) { return files_.exists(store_.result_file(job)); }
  std::vector<JobId> all() { return with_users(files_, store_, {training_}).jobs; }

  TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  experiments::StoreLayout store_{folder_.path()};
  std::map<JobId, experiments::JobSpecification> specifications_;
  JobId training_, evaluation_, of_two_;
};

TEST_F(SetAside, takes_what_other_suites_made_of_a_training_and_evaluations_first) {
  const WithUsers users = with_users(files_, store_, {training_});
  EXPECT_THAT(users.jobs, UnorderedElementsAre(training_, evaluation_, of_two_));
  EXPECT_EQ(users.jobs.back(), training_);
  EXPECT_THAT(users.suites, ElementsAre("one", "two"));
  const WithUsers sole = with_users(files_, store_, {evaluation_});
  EXPECT_THAT(sole.jobs, ElementsAre(evaluation_));
  EXPECT_THAT(sole.suites, ElementsAre("one"));
}

TEST_F(SetAside, takes_later_stages_and_their_evaluations_first) {
  auto later = std::get<experiments::TrainingSpecification>(specifications_.at(training_));
  std::vector<JobId> stages{training_}, evaluations{evaluation_};
  experiments::Plan plan;
  plan.suite = "one";
  for (int stage = 0; stage < 2; ++stage) {
    later.start_from = experiments::Start{stages.back()};
    stages.push_back(done(later));
    auto evaluation = std::get<experiments::EvaluationSpecification>(specifications_.at(evaluation_));
    evaluation.training = stages.back();
    evaluations.push_back(done(evaluation));
  }
  for (const auto& jobs : {stages, evaluations})
    for (const JobId& job : jobs) plan.jobs.push_back({job, specifications_.at(job), {}, 1, ""});
  announce_plan(files_, store_, plan);
  const std::vector<JobId> users = with_users(files_, store_, {stages[1]}).jobs;
  ASSERT_EQ(4U, users.size());
  const auto place = [&](const JobId& job) { return std::ranges::find(users, job) - users.begin(); };
  EXPECT_EQ(users.back(), stages[1]);
  EXPECT_LT(place(evaluations[1]), 4);
  EXPECT_LT(place(evaluations[2]), place(stages[2]));
  EXPECT_LT(place(stages[2]), place(stages[1]));
  EXPECT_EQ(6U, all().size() - 1) << "and the evaluation of suite two";
}

// Stages that start from the weights of others, with an evaluation of each. bases[i]: the stage that stage i + 1 starts
// from; stage 0 is the training of the fixture.
class SetAsideStages : public SetAside {
 protected:
  void make(const std::vector<std::size_t>& bases) {
    stages_ = {training_};
    based_on_ = {{evaluation_, training_}, {of_two_, training_}};
    for (const std::size_t base : bases) {
      auto stage = std::get<experiments::TrainingSpecification>(specifications_.at(training_));
      stage.seed += stages_.size();
      stage.start_from = experiments::Start{stages_.at(base)};
      stages_.push_back(done(stage));
      based_on_[stages_.back()] = stages_.at(base);
      auto evaluation = std::get<experiments::EvaluationSpecification>(specifications_.at(evaluation_));
      evaluation.training = stages_.back();
      based_on_[done(evaluation)] = stages_.back();
    }
    experiments::Plan plan;
    plan.suite = "one";
    for (const auto& [job, specification] : specifications_) plan.jobs.push_back({job, specification, {}, 1, ""});
    announce_plan(files_, store_, plan);
  }
  void expect_no_result_of_what_is_gone(const std::string& when) {
    for (const auto& [user, base] : based_on_) EXPECT_TRUE(is_done(base) || !is_done(user)) << when;
  }
  void undo(Mortal process, const std::string& when) {
    KillingFileSystem files(process);
    const auto last = last_aside(files_, store_, "one");
    if (!last.jobs.empty()) std::ignore = process.survives([&] { put_back(files, store_, last); });
    expect_no_result_of_what_is_gone(when);
  }
  void expect_all(bool done) {
    for (const auto& [user, base] : based_on_) EXPECT_EQ(done, is_done(user) && is_done(base));
  }

  std::vector<JobId> stages_;
  std::map<JobId, JobId> based_on_;
};

TEST_F(SetAsideStages, leave_no_result_of_what_is_gone_wherever_a_kill_comes) {
  const std::vector<std::vector<std::size_t>> shapes{{0}, {0, 1}, {0, 1, 2}, {0, 0, 1, 2}};  // chains; two branches
  for (const auto& bases : shapes) {
    make(bases);
    std::vector<JobId> named = stages_;  // in whatever order a table has its rows
    std::ranges::sort(named);
    int orders = 0;
    do {
      for (int step = 0;; step += 3) {
        Mortal process(step);
        KillingFileSystem files(process);
        const bool moved =
            process.survives([&] { set_aside(files, store_, "one", with_users(files_, store_, named).jobs); });
        expect_no_result_of_what_is_gone(fmt::format("killed at step {} of moving", step));
        if (moved) expect_all(false);
        undo(Mortal(step), fmt::format("killed at step {} of moving back", step));
        undo(Mortal(), "moved back");
        expect_all(true);
        if (moved) break;
      }
    } while (++orders < 6 && std::ranges::next_permutation(named).found);
  }
}

TEST_F(SetAside, moves_whole_folders_and_back) {
  const fs::path first = set_aside(files_, store_, "one", {of_two_});
  const fs::path folder = set_aside(files_, store_, "one", all());
  EXPECT_NE(first, folder);
  for (const JobId& job : {training_, evaluation_}) {
    EXPECT_FALSE(files_.exists(store_.job_folder(job)));
    EXPECT_EQ(core::read_text(files_, folder / job.hex / "result.json"), "{}\n");
  }
  put_back(files_, store_, last_aside(files_, store_, "one"));
  EXPECT_TRUE(is_done(training_) && is_done(evaluation_));
  EXPECT_FALSE(is_done(of_two_)) << "the last alone";
  put_back(files_, store_, last_aside(files_, store_, "one"));
  EXPECT_TRUE(is_done(of_two_));
  EXPECT_THAT(last_aside(files_, store_, "one").jobs, testing::IsEmpty());
}

TEST_F(SetAside, puts_nothing_back_once_a_job_has_begun_anew) {
  set_aside(files_, store_, "one", all());
  done(specifications_.at(training_));
  EXPECT_THAT([&] { put_back(files_, store_, last_aside(files_, store_, "one")); },
              fails(core::ErrorKind::kInput, HasSubstr("it has begun anew since")));
  EXPECT_FALSE(is_done(evaluation_));
}

TEST_F(SetAside, moves_nothing_while_a_run_has_a_claim) {
  core::write_atomic(files_, claim_file(store_, training_), "");  // its run may yet write it
  EXPECT_THAT([&] { set_aside(files_, store_, "one", all()); },
              fails(core::ErrorKind::kInput, HasSubstr("a run works on it")));
  EXPECT_TRUE(is_done(training_) && is_done(evaluation_) && is_done(of_two_));
}

}  // namespace
}  // namespace resolute::tests::set_aside_test
