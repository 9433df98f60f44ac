//! \file
//! Trainings on joined data sets, through resolute-worker: the same bytes for any number of ranks, killed or not, what
//! the record says of each set, and who may be asked afterwards.

#include <gmock/gmock.h>

#include "datasets/pack/pack.h"
#include "tests/workers/jobs/bit_equality.h"

namespace resolute::workers::joined_test {
namespace {

using experiments::EvaluationSpecification;
using experiments::JoinedSet;
using experiments::PackSettings;
using experiments::TrainingSpecification;
using ::testing::AllOf;
using ::testing::HasSubstr;

PackSettings other_pack(const std::string& name, std::uint64_t seed) {
  PackSettings pack = small_pack();
  pack.name = name;
  pack.synthetic->seed = seed;
  pack.synthetic->identities = 12;
  pack.shards = 1;
  return pack;
}

class Joined : public BitEqualityTest {
 protected:
  static void SetUpTestSuite() {
    BitEqualityTest::SetUpTestSuite();
    for (const PackSettings& pack : {other_pack("second", 7), other_pack("third", 8)}) build_pack(pack);
  }
  static TrainingSpecification joined(const experiments::MethodOptions& method = experiments::BaselineOptions{}) {
    TrainingSpecification training = small_training(method);
    training.recipe.identities = 12;  // more than the 8 people of the first set
    training.joined = {{other_pack("second", 7), training.split}, {other_pack("third", 8), training.split}};
    return training;
  }
  core::Json last_words(const experiments::JobSpecification& specification, const std::string& name) {
    const Ended end = Attempt(store(name), write_specification(store(name), specification), 1).wait().front();
    return core::Json{{"how", end.how}, {"line", end.last_line}};
  }
};

TEST_F(Joined, trainings_have_the_same_bytes_on_one_two_and_four_ranks) {
  for (const experiments::MethodOptions& method : {experiments::MethodOptions(experiments::BaselineOptions{}),
                                                   experiments::MethodOptions(experiments::RainOptions{})}) {
    const std::string name = experiments::method_name(method);
    const std::string one = train(name + "-1", joined(method), 1);
    EXPECT_EQ(one, train(name + "-2", joined(method), 2));
    EXPECT_EQ(one, train(name + "-4", joined(method), 4));
  }
}

TEST_F(Joined, killed_trainings_go_on_to_the_same_bytes) {
  const auto ranks = [](int attempt) { return attempt % 2 + 1; };
  EXPECT_EQ(train("calm", joined(), 1), train_killed("killed", joined(), 3, ranks, {"joined", {0}}));
}

TEST_F(Joined, the_record_names_the_bytes_of_each_set_and_differs_from_that_of_one_set) {
  const std::string text = train("record", joined(), 1);
  const core::Json provenance = core::parse_json(text, "result").at("provenance");
  ASSERT_EQ(2U, provenance.at("joined").size());
  const experiments::StoreLayout layout(store("record"));
  const auto seal_of = [&](const PackSettings& pack) {
    return datasets::PackReader::open(layout.pack_folder(pack)).pack_sha256();
  };
  EXPECT_EQ(seal_of(small_pack()), provenance.at("pack_sha256"));
  EXPECT_EQ(seal_of(other_pack("second", 7)), provenance.at("joined").at(0).at("pack_sha256"));
  EXPECT_EQ(seal_of(other_pack("third", 8)), provenance.at("joined").at(1).at("pack_sha256"));
  TrainingSpecification alone = joined();
  alone.joined.clear();
  alone.recipe.identities = 8;
  const core::Json of_one = core::parse_json(train("record", alone, 1), "result");
  EXPECT_FALSE(of_one.at("provenance").contains("joined"));
  EXPECT_EQ(of_one.at("provenance").at("split_sha256"), provenance.at("split_sha256")) << "the first set's own";
  EXPECT_NE(weights_hash(text), of_one.at("weights_sha256"));
}

TEST_F(Joined, test_people_of_each_set_may_be_asked_and_people_who_trained_may_not) {
  const TrainingSpecification training = joined();
  train("asked", training, 1);
  EvaluationSpecification evaluation{experiments::job_id(training), training.joined[0].pack, training.split, {}};
  EXPECT_EQ("exit code 0", last_words(evaluation, "asked").at("how"));
  // The same people under another name, divided otherwise.
  PackSettings again = other_pack("again", 7);
  build_pack(again);
  evaluation.pack = again;
  evaluation.split.seed = 3;
  const core::Json refused = last_words(evaluation, "asked");
  EXPECT_EQ("exit code 2", refused.at("how"));
  EXPECT_THAT(refused.at("line").get<std::string>(),
              AllOf(HasSubstr("of data set 'again' were trained on"),
                    HasSubstr("has the same bytes as a training image of 'second'")));
}

// As a worker of methods in Python does: nothing else tells whom the training saw.
TEST_F(Joined, a_test_of_another_set_needs_the_packs_that_were_trained_on) {
  for (const bool with_joined : {false, true}) {
    const std::string name = fmt::format("lone-{}", with_joined);
    TrainingSpecification training = joined();
    if (!with_joined) {
      training.joined.clear();
      training.recipe.identities = 8;
    }
    train(name, training, 1);
    const PackSettings asked = with_joined ? training.pack : other_pack("second", 7);
    const fs::path packs = store(name) / "packs", kept = experiments::StoreLayout(root_).pack_folder(asked);
    fs::remove(packs);
    fs::create_directory(packs);
    fs::create_directory_symlink(kept, packs / kept.filename());
    const core::Json refused =
        last_words(EvaluationSpecification{experiments::job_id(training), asked, training.split, {}}, name);
    EXPECT_EQ("exit code 2", refused.at("how"));
    EXPECT_THAT(refused.at("line").get<std::string>(),
                HasSubstr(with_joined ? "there is no pack" : "there is no pack '" + (packs / "worker-test").string()));
  }
}

TEST_F(Joined, people_who_would_train_as_two_persons_are_refused) {
  const PackSettings again = other_pack("again-2", 7);
  build_pack(again);
  TrainingSpecification training = joined();
  training.joined = {{again, training.split}, {other_pack("second", 7), training.split}};
  const core::Json refused = last_words(training, "twice");
  EXPECT_EQ("exit code 2", refused.at("how"));
  EXPECT_THAT(refused.at("line").get<std::string>(), HasSubstr("data sets 'again-2' and 'second' cannot be joined"));
}

}  // namespace
}  // namespace resolute::workers::joined_test
