//! \file
//! Attempts of one evaluation that make other bytes, killed and overtaken at each step: what stands beside a result is
//! what the result names.

#include "workers/rank/publish_result.h"

#include <gmock/gmock.h>

#include "core/hash/sha256.h"
#include "tests/support/killing_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::workers::publish_result_test {
namespace {

using tests::KillingFileSystem;
using tests::Mortal;

class PublishStaged : public testing::Test {
 protected:
  // From its begin to its end, on machines of some numeric class.
  void attempt(core::FileSystem& files, const std::string& numeric_class) {
    if (has_result(files, store_, job_)) return;
    const fs::path staged = staging_folder(store_, job_);
    results::EvaluationRecord record;
    record.job = job_;
    record.weights_sha256 = hash_;
    record.provenance = {hash_, hash_, numeric_class, job_};
    for (const char* name : {"rank1", "rank5", "rank10", "rank20", "mAP"}) record.metrics[name] = 0.5;
    const auto write = [&](const std::string& name) {
      const std::string text = name + " of " + numeric_class;
      core::write_atomic(files, staged / name, text);
      return core::sha256_hex(text);
    };
    record.features_sha256 = write("features.h5");
    for (const std::string& name : {std::string("queries.csv"), std::string("panels/panels.json")})
      record.outputs[name] = write(name);
    publish_staged(files, store_, staged, record);
  }
  // The files that the result names stand beside it. \return its numeric class; empty: there is none
  std::string whole() {
    const auto record = results::read_record(files_, store_, job_);
    if (!record) return {};
    const auto& evaluation = std::get<results::EvaluationRecord>(*record);
    auto named = evaluation.outputs;
    named["features.h5"] = evaluation.features_sha256;
    for (const auto& [name, sha256] : named)
      EXPECT_EQ(sha256, core::sha256_hex(core::read_text(files_, store_.job_folder(job_) / name))) << name;
    return evaluation.provenance.numeric_class;
  }
  void expect_nothing_left() {
    EXPECT_THAT(files_.list(store_.job_folder(job_)),
                testing::ElementsAre("features.h5", "panels", "queries.csv", "result.json"));
  }
  void begin_anew() { fs::remove_all(store_.job_folder(job_)); }

  const std::string hash_ = std::string(64, '0');
  const experiments::JobId job_{std::string(64, 'a')};
  tests::TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_.path()};
  Mortal nobody_;
  KillingFileSystem files_{nobody_};  // nothing is synced in truth
};

TEST_F(PublishStaged, killed_at_any_step_it_is_ended_by_the_next_attempt_of_any_class) {
  bool lives = false, went_on = false, anew = false;
  for (int step = 0; !lives; ++step) {
    begin_anew();
    Mortal process(step);
    KillingFileSystem files(process);
    lives = process.survives([&] { attempt(files, "first"); });
    const std::string before = whole();
    attempt(files_, "second");
    const std::string after = whole();
    ASSERT_TRUE(before.empty() || before == after) << "killed at step " << step;
    ASSERT_NE(after, "") << "killed at step " << step;
    went_on = went_on || (before.empty() && after == "first");
    anew = anew || after == "second";
  }
  EXPECT_TRUE(went_on && anew);
  expect_nothing_left();
}

// At each step of the first one another works, is killed in that or not, and then the first goes on.
TEST_F(PublishStaged, no_attempt_replaces_what_another_has_published) {
  bool came = true, second_wins = false, first_wins = false;
  for (int at = 0; came; ++at) {
    bool lives = false;
    for (int kill = 0; !lives; kill += 3) {
      begin_anew();
      Mortal slow, mortal(kill);
      KillingFileSystem slow_files(slow), mortal_files(mortal);
      int step = 0;
      std::string published;
      came = false;
      slow.before_step = [&] {
        if (step++ != at) return;
        came = true;
        lives = mortal.survives([&] { attempt(mortal_files, "second"); });
        published = whole();
      };
      try {
        attempt(slow_files, "first");
      } catch (const core::RuntimeError& error) {
        ASSERT_NE(published, "") << error.what();  // the other has tidied up
      }
      const std::string in_the_end = whole();
      ASSERT_NE(in_the_end, "");
      ASSERT_TRUE(published.empty() || published == in_the_end) << "met at step " << at << ", killed at " << kill;
      second_wins = second_wins || in_the_end == "second";
      first_wins = first_wins || in_the_end == "first";
      lives = lives || !came;
    }
  }
  EXPECT_TRUE(first_wins && second_wins);
}

TEST_F(PublishStaged, a_decision_for_what_somebody_has_removed_bars_nobody) {
  core::write_atomic(files_, store_.job_folder(job_) / "publishing", "staged-0123");
  attempt(files_, "first");
  EXPECT_EQ(whole(), "first");
  expect_nothing_left();
}

}  // namespace
}  // namespace resolute::workers::publish_result_test
