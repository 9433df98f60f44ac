#include "experiments/specification/specification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "core/hash/sha256.h"
#include "experiments/store/store_layout.h"
#include "tests/experiments/any_specification.h"
#include "tests/experiments/example_specifications.h"
#include "tests/support/refusal.h"

namespace resolute::experiments::specification_test {
namespace {

using core::Json;
using namespace testing;

// ---- properties
// -------------------------------------------------------------------------------------------------------

RC_GTEST_PROP(Specification, comes_back_from_json_unchanged, ()) {
  const JobSpecification job = any_job();
  RC_ASSERT(specification_from_json(to_json(job), "test") == job);
  // Also through the text that stands in spec.json.
  RC_ASSERT(specification_from_json(core::parse_json(core::canonical_json(to_json(job)), "text"), "test") == job);
}

// Against the library's parser and writer.
RC_GTEST_PROP(Specification, canonical_text_is_the_canonical_text, ()) {
  const std::string text = canonical_text(any_job());
  RC_ASSERT(core::canonical_json(core::parse_json(text, "test")) == text);
}

RC_GTEST_PROP(Specification, ids_agree_exactly_where_specifications_do, ()) {
  const JobSpecification a = any_job();
  const JobSpecification b = *rc::gen::arbitrary<bool>() ? a : any_job();
  RC_ASSERT((job_id(a) == job_id(b)) == (a == b));
}

//! An object inside a specification.
struct Inside {
  std::string key;  //!< under which it stands; empty: the specification itself
  Json* object = nullptr;
};

std::vector<Inside> objects_of(Json& json, const std::string& key = "") {
  if (!json.is_object()) return {};
  std::vector<Inside> found{{key, &json}};
  for (const auto& item : json.items())
    for (Inside& inside : objects_of(item.value(), item.key())) found.push_back(std::move(inside));
  return found;
}

template <class... S>
std::set<std::string> silent_members() {
  std::set<std::string> keys;
  const auto add = [&](const auto& one) {
    if (one.silent) keys.emplace(one.key);
  };
  (S::members(add), ...);
  return keys;
}

//! The keys that an object need not have. \param method of the training that it stands in
std::set<std::string> silent_members_of(const Inside& inside, const std::string& method) {
  if (inside.key.empty()) return {"start_from", "joined"};
  if (inside.key == "recipe") return silent_members<Recipe>();
  if (inside.key == "pack") return silent_members<PackSettings>();
  if (inside.key == "split") return silent_members<SplitSettings>();
  if (inside.key == "protocol") return silent_members<EvaluationProtocol>();
  if (inside.key == "degradation" || inside.key == "copies") return silent_members<settings::DegradationSettings>();
  std::set<std::string> keys;
  if (inside.key == "options")
    methods::for_each_method([&]<class Options>() {
      if (method == Options::kMethod) keys = silent_members<methods::Section<Options>>();
    });
  if (inside.key == "joined")
    for (const auto& set : inside.object->items()) keys.insert(set.key());
  return keys;
}

RC_GTEST_PROP(Specification, any_unknown_or_missing_key_is_refused, ()) {
  const JobSpecification job = any_job();
  Json json = to_json(job);
  const std::vector<Inside> objects = objects_of(json);
  const Inside& inside = objects[static_cast<std::size_t>(between(0, static_cast<int>(objects.size()) - 1))];
  Json& object = *inside.object;
  if (*rc::gen::arbitrary<bool>()) {
    object["surprise"] = 1;
  } else {
    auto at = object.begin();
    std::advance(at, between(0, static_cast<int>(object.size()) - 1));
    // Without a silent one it is another job, or what is left cannot stand together: momentum without sgd.
    const std::string key = at.key();
    const bool silent = silent_members_of(inside, json.value("method", "")).contains(key);
    RC_LOG() << "without " << key << " in '" << inside.key << "'";
    object.erase(at);
    if (silent) {
      try {
        RC_ASSERT(job_id(specification_from_json(json, "test")) != job_id(job));
      } catch (const core::RuntimeError& error) {
        RC_LOG() << error.what();
        RC_ASSERT(std::string(error.what()).find(fmt::format("key '{}' is missing", key)) == std::string::npos);
      }
      return;
    }
  }
  RC_ASSERT_THROWS_AS(specification_from_json(json, "test"), core::RuntimeError);
}

RC_GTEST_PROP(Specification, any_changed_member_changes_the_id_or_is_refused, ()) {
  const JobSpecification job = any_job();
  Json json = to_json(job);
  std::vector<Json*> leaves;
  std::function<void(Json&)> collect = [&](Json& value) {
    if (value.is_structured() && !value.empty())
      for (auto& item : value) collect(item);
    else
      leaves.push_back(&value);
  };
  collect(json);
  Json& leaf = *leaves[static_cast<std::size_t>(between(0, static_cast<int>(leaves.size()) - 1))];
  if (leaf.is_boolean())
    leaf = !leaf.get<bool>();
  else if (leaf.is_number_unsigned())
    leaf = leaf.get<std::uint64_t>() + 1;
  else if (leaf.is_number_integer())
    leaf = leaf.get<std::int64_t>() + 1;
  else if (leaf.is_number_float())
    leaf = leaf.get<double>() + 0.5;
  else if (leaf.is_string())
    leaf = leaf.get<std::string>() + "a";
  else
    leaf = "nonsense";
  try {
    RC_ASSERT(job_id(specification_from_json(json, "test")) != job_id(job));
  } catch (const core::RuntimeError&) {
    RC_SUCCEED("refused");
  }
}

// ---- golden ids
// -------------------------------------------------------------------------------------------------------

// These never change: a store is keyed by them. A change of meaning raises a schema or a method's revision instead.
TEST(Specification, golden_ids) {
  EXPECT_EQ("7ecb2f305663224a9ef62c7332175e077580c97d22fa55454d01c39d96bc5a20",
            job_id(ShardSpecification{example_pack(), 1}).hex);
  EXPECT_EQ("33a05da346a3452e01d5b0a73f8a3c08792ce460d7e8a14d39b2079d103f57e6",
            job_id(SealSpecification{example_pack()}).hex);
  EXPECT_EQ("d69890b490e352368c2c25d4fceaebeb578359e237b95b8203fb6480e16281fa", job_id(example_training()).hex);
  TrainingSpecification baseline = example_training();
  baseline.method = BaselineOptions{};
  EXPECT_EQ("b475878f753a772af5f5934f3ea23d14cbbf741291de031b60e9dbe61659e97b", job_id(baseline).hex);
  TrainingSpecification ftwa = example_training();
  ftwa.method = FtwaOptions{};
  ftwa.recipe.lr_images = 2;
  EXPECT_EQ("520d389376014e3899254eecd2cf94a1539522c88e613dd36f4e17cf03167037", job_id(ftwa).hex);
  TrainingSpecification msifla = example_training();
  msifla.method = MsiflaOptions{};
  msifla.recipe.lr_images = 2;
  EXPECT_EQ("14ff39724669c2fad45250cafdce39cdcd29149caeac51676ebc28fa0bf479af", job_id(msifla).hex);
  TrainingSpecification adaptive = example_training();
  adaptive.method = ResolutionAdaptiveOptions{};
  adaptive.recipe.steps = 17;
  EXPECT_EQ("e2cd612f818569cf8c6c26a8866920956e2b86f8dcaed798b842ce9cdcccf9ae", job_id(adaptive).hex);
  EXPECT_EQ("413ceb0b4b90d72e5696792ee228d4334bb0873a131005dca9de9f734d2d242f", job_id(example_evaluation()).hex);
}

TEST(Specification, a_training_that_starts_from_another_names_it_and_the_part) {
  TrainingSpecification second = example_training();
  EXPECT_FALSE(to_json(second).contains("start_from"));
  EXPECT_EQ(nullptr, weights_read_by(second));
  std::set<JobId> ids{job_id(second)};
  for (const char* first : {"one", "two"})
    for (const StartPart part : {StartPart::kModule, StartPart::kTrunk}) {
      second.start_from = Start{{core::sha256_hex(std::string_view(first))}, part};
      ids.insert(job_id(second));
      EXPECT_EQ(JobSpecification(second), specification_from_json(to_json(second), "test"));
      EXPECT_EQ(second.start_from->training, *weights_read_by(second));
    }
  EXPECT_EQ(5U, ids.size());
  EXPECT_EQ(job_id(example_training()), *weights_read_by(example_evaluation()));
  Json json = to_json(second);
  json["start_from"]["part"] = "head";
  EXPECT_THAT(tests::refusal([&] { specification_from_json(json, "spec.json"); }),
              AllOf(HasSubstr("spec.json: in 'start_from'"), HasSubstr("'part'"), HasSubstr("module, trunk")));
}

// The text of docs/inside/formats/specification.md.
// What came later is told of where it is asked for: those who do not ask keep their ids.
TEST(Specification, members_that_are_silent_at_their_defaults_are_told_of_elsewhere) {
  SealSpecification seal{example_pack()};
  EXPECT_FALSE(to_json(seal).at("pack").contains("single_images"));
  seal.pack.single_images = settings::SingleImages::kDistractors;
  EXPECT_EQ("distractors", to_json(seal).at("pack").at("single_images"));
  EXPECT_EQ(JobSpecification(seal), specification_from_json(to_json(seal), "test"));
  Json json = to_json(seal);
  json["pack"]["single_images"] = "refused";
  EXPECT_THAT(tests::refusal([&] { specification_from_json(json, "spec.json"); }),
              HasSubstr("key 'single_images' has its default (it stands there only where it has another value)"));
}

TEST(Specification, canonical_text_of_a_seal) {
  EXPECT_EQ(
      R"({"kind":"seal","pack":{"height":64,"kernel":"triangle","name":"easy","rates":[2,3,4],"shards":2,"source":"synthetic",)"
      R"("synthetic":{"cameras":2,"fine_contrast":1.0,"height":128,"identities":64,"images_per_camera":4,"seed":0,)"
      R"("subject":"person","width":64},"view_from":"native","width":32},"schema":8})",
      core::canonical_json(to_json(SealSpecification{example_pack()})));
}

TEST(Specification, minus_zero_is_zero) {
  TrainingSpecification zero = example_training();
  zero.recipe.erasing = 0.0;
  TrainingSpecification minus = zero;
  minus.recipe.erasing = -0.0;
  EXPECT_EQ(JobSpecification(zero), JobSpecification(minus));
  EXPECT_EQ(job_id(zero), job_id(minus));
}

// ---- reading and checking
// -----------------------------------------------------------------------------------------------

std::string refusal_of(const Json& json) {
  return tests::refusal([&] { specification_from_json(json, "spec.json"); });
}

TEST(Specification, reading_names_what_is_wrong) {
  Json json = to_json(example_training());
  json["method_revision"] = 99;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: revision 99 of method 'rain'"));
  json = to_json(example_training());
  json["method"] = "wu2022";
  EXPECT_THAT(refusal_of(json), AllOf(StartsWith("spec.json: key 'method' has the value 'wu2022'"),
                                      HasSubstr("methods are baseline, cadnet, ftwa, msifla, rain, "
                                                "resolution_adaptive")));
  json = to_json(example_training());
  json["method"] = "ftwa";  // with the options of rain
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: in 'options': "));
  TrainingSpecification ftwa = example_training();
  ftwa.method = FtwaOptions{{}, methods::FtwaForm::kStreams};
  json = to_json(ftwa);
  json["options"]["transformed_losses"] = false;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: key 'ftwa.transformed_losses' has the value false (with what"));
  json["options"]["weighting"] = true;
  EXPECT_THAT(refusal_of(json), AllOf(StartsWith("spec.json: key 'ftwa.weighting' has the value true (the weights"),
                                      HasSubstr("'ftwa.transformation' is off); set ftwa.weighting = false")));
  json = to_json(example_training());
  json["options"]["adversary"] = "off";
  EXPECT_EQ("spec.json: key 'rain.levels' has the value [4,5] (with what else is set nothing reads it); set it to []",
            refusal_of(json));
  json["options"]["levels"] = Json::array();
  EXPECT_EQ("", refusal_of(json));
  json["options"]["adversary"] = "minimax";
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: key 'rain.levels' has the value [] (the adversary 'minimax'"));
  json = to_json(example_training());
  json["schema"] = 7;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: schema 7"));
  json["kind"] = "cake";
  json["schema"] = 8;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: key 'kind' has the value 'cake'"));
  json = to_json(example_training());
  json["recipe"]["steps"] = "many";
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: in 'recipe': key 'steps' has the value \"many\""));
  json = to_json(example_training());
  json["recipe"]["steps"] = 0;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: key 'train.steps' has the value 0"));
  json = to_json(example_training());
  json["recipe"]["extra"] = 0;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: in 'recipe': unknown key 'extra'"));
  EXPECT_THAT(refusal_of(Json::array()), StartsWith("spec.json"));
}

TEST(Lanes, the_first_lanes_have_one_more) {
  EXPECT_THAT(identities_per_lane(8, 3), ElementsAre(3, 3, 2));
  EXPECT_THAT(identities_per_lane(8, 1), ElementsAre(8));
  EXPECT_THROW(identities_per_lane(8, 0), core::ContractError);
}

TEST(StoreLayout, paths) {
  const StoreLayout store("/s");
  const JobId job{std::string(62, 'c').insert(0, "ab")};
  EXPECT_EQ("/s/jobs/ab/" + job.hex + "/spec.json", store.specification_file(job));
  EXPECT_EQ("/s/jobs/ab/" + job.hex + "/result.json", store.result_file(job));
  EXPECT_EQ("/s/jobs/ab/" + job.hex + "/checkpoints", store.checkpoints_folder(job));
  EXPECT_EQ("/s/jobs/ab/" + job.hex + "/attempt-007-stderr", store.attempt_file(job, 7, "stderr"));
  EXPECT_EQ("/s/jobs/ab/" + job.hex + "/attempt-1234-stdout-3", store.attempt_file(job, 1234, "stdout-3"));
  EXPECT_EQ(7, attempt_of("attempt-007-stderr"));
  EXPECT_EQ(1234, attempt_of("attempt-1234-stdout-3"));
  for (const char* name : {"attempt-", "attempt-7", "attempt-0-x", "attempt--7-x", "attempts", "result.json"})
    EXPECT_EQ(std::nullopt, attempt_of(name)) << name;
  EXPECT_EQ("/s/suites/quickstart", store.suite_folder("quickstart"));
  const std::string hash = core::sha256_hex(core::canonical_json(settings_in_pack(example_pack()))).substr(0, 16);
  EXPECT_EQ("/s/packs/easy-" + hash, store.pack_folder(example_pack()));
  EXPECT_EQ("/s/raw/easy-" + hash, store.raw_folder(example_pack()));
  EXPECT_THROW(store.job_folder({"../.."}), core::ContractError);
  EXPECT_THROW(store.attempt_file(job, 0, "stderr"), core::ContractError);
}

// Packs of before 'view_from' stand in folders named so, and say so in their bytes.
TEST(StoreLayout, a_pack_that_older_settings_tell_whole_stays_where_and_what_it_was) {
  PackSettings pack = example_pack();
  EXPECT_EQ(
      R"({"height":64,"kernel":"triangle","name":"easy","rates":[2,3,4],"shards":2,"source":"synthetic","synthetic":)"
      R"({"cameras":2,"fine_contrast":1.0,"height":128,"identities":64,"images_per_camera":4,"seed":0,)"
      R"("subject":"person","width":64},"width":32})",
      core::canonical_json(settings_in_pack(pack)));
  EXPECT_EQ("/s/packs/easy-c4d82f23e0331859", StoreLayout("/s").pack_folder(pack));
  pack.view_from = settings::ViewFrom::kNetwork;
  EXPECT_EQ(to_json(pack), settings_in_pack(pack));
  EXPECT_NE(StoreLayout("/s").pack_folder(example_pack()), StoreLayout("/s").pack_folder(pack));
}

TEST(StoreLayout, allocations_beside_the_first_have_folders_that_no_suite_can_have) {
  EXPECT_EQ(run_name("quickstart", 1), "quickstart");
  EXPECT_EQ(run_name("quickstart", 12), "quickstart@12");
  for (const int allocation : {1, 2, 12, 1000})
    EXPECT_EQ(allocation_of("quickstart", run_name("quickstart", allocation)), allocation);
  for (const char* other : {"quick", "quickstart-2", "quickstart@", "quickstart@1", "quickstart@02", "quickstart@-3",
                            "quickstart@2x", "quickstart@99999999999", "other@2", ""})
    EXPECT_EQ(allocation_of("quickstart", other), std::nullopt) << other;
  EXPECT_THROW(run_name("quickstart", 0), core::ContractError);
  for (const char* folder : {"quickstart", "quickstart@2", "quickstart@12"})
    EXPECT_EQ(suite_of_run(folder), "quickstart") << folder;
  EXPECT_EQ(suite_of_run("quickstart@x"), "quickstart@x") << "somebody else's folder";
}

}  // namespace
}  // namespace resolute::experiments::specification_test
