#include "experiments/specification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/sha256.h"
#include "experiments/store_layout.h"
#include "tests/experiments/example_specifications.h"

namespace resolute::experiments {
namespace {

using core::Json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// ---- generators of valid specifications
// -------------------------------------------------------------------------------

template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}

std::string name_of(std::initializer_list<const char*> names) { return one_of<const char*>(names); }

int between(int low, int high) { return *rc::gen::inRange(low, high + 1); }

double fraction() { return between(0, 1000) / 1000.0; }

double positive() { return between(1, 1000) / 1000.0; }

std::vector<int> subset_of(const std::vector<int>& from, bool empty_too) {
  std::vector<int> chosen;
  for (int value : from)
    if (*rc::gen::arbitrary<bool>()) chosen.push_back(value);
  if (chosen.empty() && !empty_too) chosen.push_back(from.front());
  return chosen;
}

PackSettings any_pack() {
  PackSettings pack;
  pack.name = name_of({"a", "easy", "mlr-cuhk03"});
  pack.source = name_of({"market1501", "pku-reid", "synthetic", "vru"});
  if (pack.source == "synthetic")
    pack.synthetic = SyntheticSettings{name_of({"person", "vehicle"}),
                                       between(64, 90),
                                       between(2, 9),
                                       between(2, 20),
                                       between(32, 300),
                                       between(16, 300),
                                       *rc::gen::arbitrary<std::uint64_t>(),
                                       fraction()};
  pack.rates = subset_of({1, 2, 3, 4, 8, 16}, false);
  if (pack.rates.back() == 1) pack.rates.push_back(2);
  pack.kernel = name_of({"triangle", "bilinear-point", "cubic", "lanczos3"});
  pack.height = 4 * between(25, 64);  // f5 of every trunk has 4 rows
  pack.width = 4 * between(4, 32);
  pack.shards = between(1, 9);
  return pack;
}

SplitSettings any_split(const PackSettings& pack) {
  const int lr_camera = pack.source == "vru" ? 0 : between(0, 2);
  return {name_of({"random-halves", "official"}),
          *rc::gen::arbitrary<std::uint64_t>(),
          lr_camera,
          subset_of(pack.rates, false),
          lr_camera == 0 ? name_of({"mlr", "hr-both-views"}) : name_of({"mlr", "hr-both-views", "hr-view-only"}),
          one_of({0, 32})};
}

std::string any_mining() { return name_of({"random", "batch-hard", "all"}); }

//! \param train_rates what its cascade may aim at \param steps of the training
MsiflaOptions any_msifla(const std::vector<int>& train_rates, int steps) {
  std::vector<int> scales;
  for (auto rate = train_rates.rbegin(); rate != train_rates.rend() && scales.size() < 3; ++rate)
    if (*rate != 1 && *rc::gen::arbitrary<bool>()) scales.push_back(*rate);
  scales.push_back(1);
  const bool classification = *rc::gen::arbitrary<bool>();
  return {.scales = scales,
          .reid_networks = name_of({"per-scale", "shared"}),
          .classification = classification,
          .triplet = !classification || *rc::gen::arbitrary<bool>(),
          .margin = positive(),
          .mining = any_mining(),
          .recovery_weight = positive(),
          .reid_into_ir = *rc::gen::arbitrary<bool>(),
          .ir_width = 2 * between(1, 512),
          .ir_residual = *rc::gen::arbitrary<bool>(),
          .ir_learning_rate = positive(),
          .ir_warmup_steps = between(0, steps - 1),
          .unit_parts = *rc::gen::arbitrary<bool>()};
}

MethodOptions any_method() {
  const bool triplet = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>())
    return BaselineOptions{.images = name_of({"hr", "stored"}),
                           .classification = true,
                           .triplet = triplet,
                           .margin = positive(),
                           .mining = any_mining(),
                           .classification_weight = fraction() * 5};
  if (*rc::gen::arbitrary<bool>()) {
    const bool transformation = *rc::gen::arbitrary<bool>();
    const bool transformed_losses = *rc::gen::arbitrary<bool>();
    return FtwaOptions{.classification = true,
                       .triplet = triplet,
                       .margin = positive(),
                       .mining = any_mining(),
                       .classification_weight = fraction() * 5,
                       .triplet_weight = fraction() / 3,
                       .transformation = transformation,
                       .transformation_weight = fraction() / 7,
                       .transformation_detach = name_of({"hr", "lr", "none"}),
                       .transformed_losses = transformed_losses,
                       .transformation_blocks = between(1, 16),
                       .weighting = transformation && transformed_losses && *rc::gen::arbitrary<bool>(),
                       .classification_weighting = name_of({"per-sample", "batch-mean"}),
                       .triplet_weighting = name_of({"per-sample", "batch-mean"}),
                       .weight_balance = fraction()};
  }
  const std::vector<int> levels = subset_of({1, 2, 3, 4, 5}, true);
  return RainOptions{.levels = levels,
                     .classification = *rc::gen::arbitrary<bool>(),
                     .triplet = triplet,
                     .reconstruction = true,
                     .margin = positive(),
                     .mining = any_mining(),
                     .adversary = levels.empty() ? "off" : name_of({"minimax", "non-saturating"}),
                     .updates = name_of({"alternating", "simultaneous"}),
                     .discriminator = name_of({"convolutional", "pixelwise"}),
                     .decoder = name_of({"nearest", "transposed"}),
                     .adversarial_weight = fraction() * 7,
                     .reconstruction_weight = fraction() / 3,
                     .supervision = name_of({"all", "hr-only-labels"})};
}

TrainingSpecification any_training() {
  TrainingSpecification s;
  s.method = any_method();
  s.network = {name_of({"resnet50", "resnet-small"}), between(1, 2), *rc::gen::arbitrary<bool>(),
               name_of({"joint", "separate"})};
  s.pack = any_pack();
  s.split = any_split(s.pack);
  s.lanes = between(1, 8);
  s.recipe = {.steps = between(1, 1'000'000),
              .identities = between(16, 32),
              .images = 2 * between(2, 4),
              .lr_images = between(0, 2),
              .train_rates = subset_of(s.pack.rates, false),
              .learning_rate = (1 + fraction()) / 3e4,
              .weight_decay = fraction(),
              .decay = name_of({"all", "weights"}),
              .gradient_clip = fraction(),
              .warmup_steps = between(0, 1),
              .schedule = "step",
              .milestones = subset_of({1, 10, 4000}, true),
              .gamma = (1 + fraction()) / 2,
              .label_smoothing = fraction() / 2,
              .labelled_fraction = fraction(),
              .discriminator_learning_rate = (1 + fraction()) / 7e5,
              .flip = fraction(),
              .pad = between(0, 16),
              .erasing = fraction(),
              .precision = name_of({"f32", "bf16"})};
  if (method_name(s.method) == FtwaOptions::kMethod) {
    s.recipe.lr_images = s.recipe.images / 2;
    s.recipe.labelled_fraction = (1 + fraction()) / 2;
  }
  if (*rc::gen::arbitrary<bool>()) {
    std::erase(s.recipe.train_rates, 1);
    if (s.recipe.train_rates.empty()) s.recipe.train_rates = {s.pack.rates.back()};
    s.method = any_msifla(s.recipe.train_rates, s.recipe.steps);
    s.recipe.lr_images = s.recipe.images / 2;
    s.recipe.labelled_fraction = (1 + fraction()) / 2;
  }
  if (s.recipe.milestones.empty()) s.recipe.schedule = name_of({"step", "cosine"});
  s.device = name_of({"cpu", "cuda"});
  s.seed = *rc::gen::arbitrary<std::uint64_t>();
  if (*rc::gen::arbitrary<bool>()) s.initial_weights = core::sha256_hex(std::string_view("weights"));
  return s;
}

EvaluationSpecification any_evaluation() {
  const PackSettings pack = any_pack();
  const SplitSettings split = any_split(pack);
  EvaluationProtocol protocol{.name = "single-shot",
                              .draws = between(1, 1000),
                              .query_rates = subset_of(pack.rates, true),
                              .panels = between(0, 9),
                              .sample_rates = subset_of(pack.rates, true),
                              .sample_identities = between(1, 60),
                              .resolution_probe = *rc::gen::arbitrary<bool>(),
                              .gallery_rate = one_of({1, pack.rates.back()}),
                              .distance = name_of({"default", "weighted", "equal", "hr", "lr"}),
                              .gallery_copy_rate = between(0, 16)};
  // Queries at rate 1 alone are HR images: a probe has nothing to tell.
  const std::vector<int>& asked = protocol.query_rates.empty() ? split.query_rates : protocol.query_rates;
  if (asked == std::vector<int>{1}) protocol.resolution_probe = false;
  return {{core::sha256_hex(std::to_string(between(0, 9)))}, pack, split, protocol};
}

JobSpecification any_job() {
  switch (between(0, 3)) {
    case 0: {
      const PackSettings pack = any_pack();
      return ShardSpecification{pack, between(0, pack.shards - 1)};
    }
    case 1:
      return SealSpecification{any_pack()};
    case 2:
      return any_training();
    default:
      return any_evaluation();
  }
}

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
  EXPECT_EQ("6620acbc0cc42d655babe99fde36932f518e714af6b9f1c7288de7dfd5a9593b",
            job_id(ShardSpecification{example_pack(), 1}).hex);
  EXPECT_EQ("ce36ec953de17ef559c0ceaea6ce9b9ba24d9b2065daf2b626c4573feedaf732",
            job_id(SealSpecification{example_pack()}).hex);
  EXPECT_EQ("9d74962862a6a4bc9b2aeceda14c137d54e5f81e27ee73a0092e756261f63c20", job_id(example_training()).hex);
  TrainingSpecification baseline = example_training();
  baseline.method = BaselineOptions{};
  EXPECT_EQ("9e60f43d050d1f444127c62d327a411dbccc5100a4633b131a08bdca48c81d85", job_id(baseline).hex);
  TrainingSpecification ftwa = example_training();
  ftwa.method = FtwaOptions{};
  ftwa.recipe.lr_images = 2;
  EXPECT_EQ("59902e90807a804522a3593606ade8824b0b3d3807d9e096cc6981f5914ca360", job_id(ftwa).hex);
  TrainingSpecification msifla = example_training();
  msifla.method = MsiflaOptions{};
  msifla.recipe.lr_images = 2;
  EXPECT_EQ("1d2566c3eeb47d085525b43b9bed3eb195ffb33420b6d6242b8557db09f02d66", job_id(msifla).hex);
  EXPECT_EQ("efbade9bf1f880d9be417c2ac117d7552d50889ff2a6412c0a7bd98f98bdba47", job_id(example_evaluation()).hex);
}

// The text of docs/formats/specification.md.
TEST(Specification, canonical_text_of_a_seal) {
  EXPECT_EQ(
      R"({"kind":"seal","pack":{"height":64,"kernel":"triangle","name":"easy","rates":[2,3,4],"shards":2,"source":"synthetic",)"
      R"("synthetic":{"cameras":2,"fine_contrast":1.0,"height":128,"identities":64,"images_per_camera":4,"seed":0,)"
      R"("subject":"person","width":64},"width":32},"schema":5})",
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
                                      HasSubstr("methods are baseline, ftwa, msifla, rain")));
  json = to_json(example_training());
  json["method"] = "ftwa";  // with the options of rain
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: in 'options': "));
  json = to_json(example_training());
  json["schema"] = 4;
  EXPECT_THAT(refusal_of(json), StartsWith("spec.json: schema 4"));
  json["kind"] = "cake";
  json["schema"] = 5;
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

}  // namespace
}  // namespace resolute::experiments
