//! Specifications to and from JSON.

#include "experiments/specification/method_json.h"
#include "experiments/specification/specification.h"

namespace resolute::experiments {
namespace {

using core::CanonicalText;
using core::Json;
using core::ObjectReader;

constexpr int kSchema = 8;

CanonicalText write(const ShardSpecification& s) {
  return {{"kind", "shard"}, {"schema", kSchema}, {"pack", settings::canonical(s.pack)}, {"shard", s.shard}};
}

CanonicalText write(const SealSpecification& s) {
  return {{"kind", "seal"}, {"schema", kSchema}, {"pack", settings::canonical(s.pack)}};
}

CanonicalText write(const TrainingSpecification& s) {
  std::vector<CanonicalText::Member> members = method_members(s.method);
  members.insert(members.end(), {{"kind", "training"},
                                 {"schema", kSchema},
                                 {"network", settings::canonical(s.network)},
                                 {"recipe", settings::canonical(s.recipe)},
                                 {"pack", settings::canonical(s.pack)},
                                 {"split", settings::canonical(s.split)},
                                 {"lanes", s.lanes},
                                 {"device", std::string(settings::word(s.device))},
                                 {"seed", s.seed},
                                 {"initial_weights", s.initial_weights}});
  if (s.start_from)  // trainings without one keep their ids
    members.emplace_back("start_from", CanonicalText{{"part", std::string(settings::word(s.start_from->part))},
                                                     {"training", s.start_from->training.hex}});
  if (!s.joined.empty()) {
    std::vector<CanonicalText::Member> sets;
    for (const JoinedSet& set : s.joined)
      sets.emplace_back(set.pack.name, CanonicalText{{"pack", settings::canonical(set.pack)},
                                                     {"split", settings::canonical(set.split)}});
    members.emplace_back("joined", sets);
  }
  return members;
}

CanonicalText write(const EvaluationSpecification& s) {
  return {{"kind", "evaluation"},
          {"schema", kSchema},
          {"training", s.training.hex},
          {"pack", settings::canonical(s.pack)},
          {"split", settings::canonical(s.split)},
          {"protocol", settings::canonical(s.protocol)}};
}

Start read_start(const Json& json, const std::string& where) {
  ObjectReader object(json, fmt::format("{}: in 'start_from'", where));
  Start start{{object.required<std::string>("training")}, settings::required<StartPart>(object, "part")};
  object.finish();
  return start;
}

std::vector<JoinedSet> read_joined(const Json& json, const std::string& where) {
  if (!json.is_object() || json.empty())
    throw core::input_error(fmt::format("{}: key 'joined' is no object of data sets by name", where));
  std::vector<JoinedSet> sets;
  for (const auto& [name, one] : json.items()) {
    ObjectReader object(one, fmt::format("{}: in 'joined.{}'", where, name));
    PackSettings pack = settings::read_member<PackSettings>(object, "pack");
    if (pack.name != name)
      throw core::input_error(fmt::format("{}: its pack has the name '{}'", object.where(), pack.name));
    sets.push_back({std::move(pack), settings::read_member<SplitSettings>(object, "split")});
    object.finish();
  }
  return sets;
}

TrainingSpecification read_training(ObjectReader& object) {
  TrainingSpecification s;
  s.method = read_method(object);
  s.network = settings::read_member<NetworkSettings>(object, "network");
  s.recipe = settings::read_member<Recipe>(object, "recipe");
  s.pack = settings::read_member<PackSettings>(object, "pack");
  s.split = settings::read_member<SplitSettings>(object, "split");
  s.lanes = object.required<int>("lanes");
  s.device = settings::required<settings::Device>(object, "device");
  s.seed = object.required<std::uint64_t>("seed");
  s.initial_weights = object.required<std::string>("initial_weights");
  if (const Json* start = object.find("start_from")) s.start_from = read_start(*start, object.where());
  if (const Json* joined = object.find("joined")) s.joined = read_joined(*joined, object.where());
  return s;
}

EvaluationSpecification read_evaluation(ObjectReader& object) {
  EvaluationSpecification s;
  s.training.hex = object.required<std::string>("training");
  s.pack = settings::read_member<PackSettings>(object, "pack");
  s.split = settings::read_member<SplitSettings>(object, "split");
  s.protocol = settings::read_member<EvaluationProtocol>(object, "protocol");
  return s;
}

JobSpecification read_body(const std::string& kind, ObjectReader& object) {
  if (kind == "shard") {
    PackSettings pack = settings::read_member<PackSettings>(object, "pack");
    return ShardSpecification{std::move(pack), object.required<int>("shard")};
  }
  if (kind == "seal") return SealSpecification{settings::read_member<PackSettings>(object, "pack")};
  if (kind == "training") return read_training(object);
  if (kind == "evaluation") return read_evaluation(object);
  throw core::input_error(fmt::format("{}: key 'kind' has the value '{}'", object.where(), kind),
                          "kinds are shard, seal, training, evaluation");
}

}  // namespace

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

}  // namespace resolute::experiments
