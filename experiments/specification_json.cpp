//! Specifications to and from JSON.

#include "experiments/method_json.h"
#include "experiments/specification.h"
#include "experiments/validation.h"

namespace resolute::experiments {
namespace {

using core::CanonicalText;
using core::Json;
using core::ObjectReader;

constexpr int kSchema = 7;

std::string inside(const std::string& where, const std::string& key) { return where + ": in '" + key + "'"; }

CanonicalText write(const SyntheticSettings& s) {
  return {{"subject", s.subject}, {"identities", s.identities},
          {"cameras", s.cameras}, {"images_per_camera", s.images_per_camera},
          {"height", s.height},   {"width", s.width},
          {"seed", s.seed},       {"fine_contrast", s.fine_contrast + 0.0}};
}

SyntheticSettings read_synthetic(const Json& json, const std::string& where) {
  ObjectReader object(json, where);
  SyntheticSettings s;
  s.subject = object.required<std::string>("subject");
  s.identities = object.required<int>("identities");
  s.cameras = object.required<int>("cameras");
  s.images_per_camera = object.required<int>("images_per_camera");
  s.height = object.required<int>("height");
  s.width = object.required<int>("width");
  s.seed = object.required<std::uint64_t>("seed");
  s.fine_contrast = object.required<double>("fine_contrast");
  object.finish();
  return s;
}

PackSettings read_pack(const Json& json, const std::string& where) {
  ObjectReader object(json, where);
  PackSettings p;
  p.name = object.required<std::string>("name");
  p.source = object.required<std::string>("source");
  const Json synthetic = object.required<Json>("synthetic");
  if (!synthetic.is_null()) p.synthetic = read_synthetic(synthetic, inside(where, "synthetic"));
  p.rates = object.required<std::vector<int>>("rates");
  p.kernel = object.required<std::string>("kernel");
  p.height = object.required<int>("height");
  p.width = object.required<int>("width");
  p.shards = object.required<int>("shards");
  p.view_from = object.required<std::string>("view_from");
  object.finish();
  return p;
}

SplitSettings read_split(const Json& json, const std::string& where) {
  ObjectReader object(json, where);
  SplitSettings s;
  s.partition = object.required<std::string>("partition");
  s.seed = object.required<std::uint64_t>("seed");
  s.lr_camera = object.required<int>("lr_camera");
  s.query_rates = object.required<std::vector<int>>("query_rates");
  s.train_pool = object.required<std::string>("train_pool");
  s.train_identities = object.required<int>("train_identities");
  s.lr_side = object.required<std::string>("lr_side");
  s.test_identities = object.required<int>("test_identities");
  object.finish();
  return s;
}

CanonicalText write(const PackSettings& p) {
  return {{"name", p.name},   {"source", p.source}, {"synthetic", p.synthetic ? write(*p.synthetic) : CanonicalText()},
          {"rates", p.rates}, {"kernel", p.kernel}, {"height", p.height},
          {"width", p.width}, {"shards", p.shards}, {"view_from", p.view_from}};
}

CanonicalText write(const SplitSettings& s) {
  return {{"partition", s.partition},   {"seed", s.seed},
          {"lr_camera", s.lr_camera},   {"query_rates", s.query_rates},
          {"train_pool", s.train_pool}, {"train_identities", s.train_identities},
          {"lr_side", s.lr_side},       {"test_identities", s.test_identities}};
}

CanonicalText write(const ShardSpecification& s) {
  return {{"kind", "shard"}, {"schema", kSchema}, {"pack", write(s.pack)}, {"shard", s.shard}};
}

CanonicalText write(const SealSpecification& s) {
  return {{"kind", "seal"}, {"schema", kSchema}, {"pack", write(s.pack)}};
}

CanonicalText write(const TrainingSpecification& s) {
  std::vector<CanonicalText::Member> members = method_members(s.method);
  members.insert(members.end(), {{"kind", "training"},
                                 {"schema", kSchema},
                                 {"network", settings::canonical(s.network)},
                                 {"recipe", settings::canonical(s.recipe)},
                                 {"pack", write(s.pack)},
                                 {"split", write(s.split)},
                                 {"lanes", s.lanes},
                                 {"device", std::string(settings::word(s.device))},
                                 {"seed", s.seed},
                                 {"initial_weights", s.initial_weights}});
  return members;
}

CanonicalText write(const EvaluationSpecification& s) {
  return {{"kind", "evaluation"},  {"schema", kSchema},       {"training", s.training.hex},
          {"pack", write(s.pack)}, {"split", write(s.split)}, {"protocol", settings::canonical(s.protocol)}};
}

PackSettings pack_of(ObjectReader& object) {
  return read_pack(object.required<Json>("pack"), inside(object.where(), "pack"));
}

SplitSettings split_of(ObjectReader& object) {
  return read_split(object.required<Json>("split"), inside(object.where(), "split"));
}

TrainingSpecification read_training(ObjectReader& object) {
  TrainingSpecification s;
  s.method = read_method(object);
  s.network = settings::read_member<NetworkSettings>(object, "network");
  s.recipe = settings::read_member<Recipe>(object, "recipe");
  s.pack = pack_of(object);
  s.split = split_of(object);
  s.lanes = object.required<int>("lanes");
  s.device = settings::required<settings::Device>(object, "device");
  s.seed = object.required<std::uint64_t>("seed");
  s.initial_weights = object.required<std::string>("initial_weights");
  return s;
}

EvaluationSpecification read_evaluation(ObjectReader& object) {
  EvaluationSpecification s;
  s.training.hex = object.required<std::string>("training");
  s.pack = pack_of(object);
  s.split = split_of(object);
  s.protocol = settings::read_member<EvaluationProtocol>(object, "protocol");
  return s;
}

JobSpecification read_body(const std::string& kind, ObjectReader& object) {
  if (kind == "shard") {
    PackSettings pack = pack_of(object);
    return ShardSpecification{std::move(pack), object.required<int>("shard")};
  }
  if (kind == "seal") return SealSpecification{pack_of(object)};
  if (kind == "training") return read_training(object);
  if (kind == "evaluation") return read_evaluation(object);
  throw core::input_error(fmt::format("{}: key 'kind' has the value '{}'", object.where(), kind),
                          "kinds are shard, seal, training, evaluation");
}

}  // namespace

core::Json to_json(const PackSettings& settings) { return Json::parse(write(settings).text()); }

core::Json settings_in_pack(const PackSettings& settings) {
  Json json = to_json(settings);
  if (settings.view_from == PackSettings().view_from) json.erase("view_from");
  return json;
}

core::Json to_json(const SplitSettings& settings) { return Json::parse(write(settings).text()); }

std::string canonical_text(const JobSpecification& specification) {
  return std::visit([](const auto& job) { return write(job).text(); }, specification);
}

core::Json to_json(const JobSpecification& specification) { return Json::parse(canonical_text(specification)); }

JobSpecification specification_from_json(const core::Json& json, const std::string& where) {
  ObjectReader object(json, where);
  const auto kind = object.required<std::string>("kind");
  const int schema = object.required<int>("schema");
  if (schema != kSchema)
    throw core::input_error(fmt::format("{}: schema {}", where, schema),
                            fmt::format("this program reads schema {}", kSchema));
  JobSpecification specification = read_body(kind, object);
  object.finish();
  validate(specification, where);
  return specification;
}

PackSettings pack_settings_from_json(const core::Json& json, const std::string& where) {
  PackSettings settings = read_pack(json, where);
  try {
    check(settings);
  } catch (const MemberError& error) {
    throw error.at(where);
  }
  return settings;
}

SplitSettings split_settings_from_json(const core::Json& json, const std::string& where) {
  SplitSettings settings = read_split(json, where);
  try {
    check(settings);
  } catch (const MemberError& error) {
    throw error.at(where);
  }
  return settings;
}

}  // namespace resolute::experiments
