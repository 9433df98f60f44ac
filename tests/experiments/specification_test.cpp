#include "experiments/specification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/sha256.h"
#include "experiments/store_layout.h"
#include "tests/experiments/any_specification.h"
#include "tests/experiments/example_specifications.h"

namespace resolute::experiments {
namespace {

using core::Json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// ---- properties
// -------------------------------------------------------------------------------------------------------

RC_GTEST_PROP(Specification, comes_back_from_json_unchanged, ()) {
  const JobSpecification job = any_job();
  RC_ASSERT(specification_from_json(to_json(job), "test") == job);
  // Also through the text that stands in spec.json.
  RC_ASSERT(specification_from_json(core::parse_json(core::canonical_json(to_json(job)), "text"), "test") == job);
}

RC_GTEST_PROP(Specification, ids_agree_exactly_where_specifications_do, ()) {
  const JobSpecification a = any_job();
  const JobSpecification b = *rc::gen::arbitrary<bool>() ? a : any_job();
  RC_ASSERT((job_id(a) == job_id(b)) == (a == b));
}

//! Calls `visit` with every object inside `json`.
template <class Visit>
void for_each_object(Json& json, const Visit& visit) {
  if (json.is_object()) visit(json);
  if (json.is_structured())
    for (auto& item : json) for_each_object(item, visit);
}

RC_GTEST_PROP(Specification, any_unknown_or_missing_key_is_refused, ()) {
  Json json = to_json(any_job());
  std::vector<Json*> objects;
  for_each_object(json, [&](Json& object) { objects.push_back(&object); });
  Json& object = *objects[static_cast<std::size_t>(between(0, static_cast<int>(objects.size()) - 1))];
  if (*rc::gen::arbitrary<bool>()) {
    object["surprise"] = 1;
  } else {
    auto at = object.begin();
    std::advance(at, between(0, static_cast<int>(object.size()) - 1));
    object.erase(at);
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
  EXPECT_EQ("25b1e83b8200539b50998e86d72c4c103d154811068e7f67c3706139ed662466",
            job_id(ShardSpecification{example_pack(), 1}).hex);
  EXPECT_EQ("471b7d500cc113556274353f96065bff2cb8d8c54017a35306f32900dd948dd6",
            job_id(SealSpecification{example_pack()}).hex);
  EXPECT_EQ("c26d73af23d5630ae1ce1a86a5a87db5b1b92ed6cb41068045abc386a72ff1e5", job_id(example_training()).hex);
  TrainingSpecification baseline = example_training();
  baseline.method = BaselineOptions{};
  EXPECT_EQ("2c301797a4ef720ea8ecce5090439279d169adbef28e6571933baa8b8aa3c5f1", job_id(baseline).hex);
  TrainingSpecification ftwa = example_training();
  ftwa.method = FtwaOptions{};
  ftwa.recipe.lr_images = 2;
  EXPECT_EQ("193d75a842eeff2368f040baf033c7677e019abc6dc059e8d4316abbae9f518d", job_id(ftwa).hex);
  TrainingSpecification msifla = example_training();
  msifla.method = MsiflaOptions{};
  msifla.recipe.lr_images = 2;
  EXPECT_EQ("bdfe53387ab53da896134ce1db886289a6c1dbc7362a2987e198cb9a7610f4a8", job_id(msifla).hex);
  TrainingSpecification adaptive = example_training();
  adaptive.method = ResolutionAdaptiveOptions{};
  adaptive.recipe.steps = 17;
  EXPECT_EQ("69ba93c1a189338ee6fb087a69e32fbcbab13f5cf8d5298ae86687a60e1f7482", job_id(adaptive).hex);
  EXPECT_EQ("617bb9ca6dd1a5b5b3551d49c96c96566b599ca1b49c6a752defc63c2e25c66a", job_id(example_evaluation()).hex);
}

// The text of docs/formats/specification.md.
TEST(Specification, canonical_text_of_a_seal) {
  EXPECT_EQ(
      R"({"kind":"seal","pack":{"height":64,"kernel":"triangle","name":"easy","rates":[2,3,4],"shards":2,"source":"synthetic",)"
      R"("synthetic":{"cameras":2,"fine_contrast":1.0,"height":128,"identities":64,"images_per_camera":4,"seed":0,)"
      R"("subject":"person","width":64},"width":32},"schema":6})",
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
  try {
    specification_from_json(json, "spec.json");
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(core::ErrorKind::kInput, error.kind());
    return error.what();
  }
  return "";
}

TEST(Specification, reading_names_what_is_wrong) {
  Json json = to_json(example_training());
  json["method_revision"] = 99;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: revision 99 of method 'rain'"));
  json = to_json(example_training());
  json["method"] = "wu2022";
  EXPECT_THAT(refusal_of(json), AllOf(StartsWith("spec.json: key 'method' has the value 'wu2022'"),
                                      HasSubstr("methods are baseline, ftwa, msifla, rain, resolution_adaptive")));
  json = to_json(example_training());
  json["method"] = "ftwa";  // with the options of rain
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: in 'options': "));
  json = to_json(example_training());
  json["schema"] = 5;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: schema 5"));
  json["kind"] = "cake";
  json["schema"] = 6;
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
  EXPECT_EQ("/s/jobs/ab/" + job.hex + "/attempts/007", store.attempt_folder(job, 7));
  EXPECT_EQ("/s/jobs/ab/" + job.hex + "/attempts/1234", store.attempt_folder(job, 1234));
  EXPECT_EQ("/s/suites/quickstart", store.suite_folder("quickstart"));
  const std::string hash = core::sha256_hex(core::canonical_json(to_json(example_pack()))).substr(0, 16);
  EXPECT_EQ("/s/packs/easy-" + hash, store.pack_folder(example_pack()));
  EXPECT_EQ("/s/raw/easy-" + hash, store.raw_folder(example_pack()));
  EXPECT_THROW(store.job_folder({"../.."}), core::ContractError);
  EXPECT_THROW(store.attempt_folder(job, 0), core::ContractError);
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
}

}  // namespace
}  // namespace resolute::experiments
