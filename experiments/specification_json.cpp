//! Specifications to and from JSON. A writer and a reader stand together; both name every member.

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

CanonicalText write(const NetworkSettings& n) {
  return {{"backbone", n.backbone}, {"last_stride", n.last_stride}, {"neck", n.neck}, {"bn_streams", n.bn_streams}};
}

NetworkSettings read_network(const Json& json, const std::string& where) {
  ObjectReader object(json, where);
  NetworkSettings n;
  n.backbone = object.required<std::string>("backbone");
  n.last_stride = object.required<int>("last_stride");
  n.neck = object.required<bool>("neck");
  n.bn_streams = object.required<std::string>("bn_streams");
  object.finish();
  return n;
}

CanonicalText write(const Recipe& r) {
  return {{"steps", r.steps},
          {"identities", r.identities},
          {"images", r.images},
          {"lr_images", r.lr_images},
          {"train_rates", r.train_rates},
          {"learning_rate", plain(r.learning_rate)},
          {"weight_decay", plain(r.weight_decay)},
          {"decay", r.decay},
          {"gradient_clip", plain(r.gradient_clip)},
          {"warmup_steps", r.warmup_steps},
          {"schedule", r.schedule},
          {"milestones", r.milestones},
          {"gamma", plain(r.gamma)},
          {"label_smoothing", plain(r.label_smoothing)},
          {"labelled_fraction", plain(r.labelled_fraction)},
          {"discriminator_learning_rate", plain(r.discriminator_learning_rate)},
          {"flip", plain(r.flip)},
          {"pad", r.pad},
          {"erasing", plain(r.erasing)},
          {"precision", r.precision}};
}

Recipe read_recipe(const Json& json, const std::string& where) {
  ObjectReader object(json, where);
  Recipe r;
  r.steps = object.required<int>("steps");
  r.identities = object.required<int>("identities");
  r.images = object.required<int>("images");
  r.lr_images = object.required<int>("lr_images");
  r.train_rates = object.required<std::vector<int>>("train_rates");
  r.learning_rate = object.required<double>("learning_rate");
  r.weight_decay = object.required<double>("weight_decay");
  r.decay = object.required<std::string>("decay");
  r.gradient_clip = object.required<double>("gradient_clip");
  r.warmup_steps = object.required<int>("warmup_steps");
  r.schedule = object.required<std::string>("schedule");
  r.milestones = object.required<std::vector<int>>("milestones");
  r.gamma = object.required<double>("gamma");
  r.label_smoothing = object.required<double>("label_smoothing");
  r.labelled_fraction = object.required<double>("labelled_fraction");
  r.discriminator_learning_rate = object.required<double>("discriminator_learning_rate");
  r.flip = object.required<double>("flip");
  r.pad = object.required<int>("pad");
  r.erasing = object.required<double>("erasing");
  r.precision = object.required<std::string>("precision");
  object.finish();
  return r;
}

CanonicalText write(const EvaluationProtocol& p) {
  return {{"name", p.name},
          {"draws", p.draws},
          {"query_rates", p.query_rates},
          {"panels", p.panels},
          {"sample_rates", p.sample_rates},
          {"sample_identities", p.sample_identities},
          {"resolution_probe", p.resolution_probe},
          {"gallery_rate", p.gallery_rate},
          {"distance", p.distance},
          {"gallery_copy_rate", p.gallery_copy_rate},
          {"query_level", p.query_level}};
}

EvaluationProtocol read_protocol(const Json& json, const std::string& where) {
  ObjectReader object(json, where);
  EvaluationProtocol p;
  p.name = object.required<std::string>("name");
  p.draws = object.required<int>("draws");
  p.query_rates = object.required<std::vector<int>>("query_rates");
  p.panels = object.required<int>("panels");
  p.sample_rates = object.required<std::vector<int>>("sample_rates");
  p.sample_identities = object.required<int>("sample_identities");
  p.resolution_probe = object.required<bool>("resolution_probe");
  p.gallery_rate = object.required<int>("gallery_rate");
  p.distance = object.required<std::string>("distance");
  p.gallery_copy_rate = object.required<int>("gallery_copy_rate");
  p.query_level = object.required<std::string>("query_level");
  object.finish();
  return p;
}

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
                                 {"network", write(s.network)},
                                 {"recipe", write(s.recipe)},
                                 {"pack", settings::canonical(s.pack)},
                                 {"split", settings::canonical(s.split)},
                                 {"lanes", s.lanes},
                                 {"device", s.device},
                                 {"seed", s.seed},
                                 {"initial_weights", s.initial_weights}});
  return members;
}

CanonicalText write(const EvaluationSpecification& s) {
  return {{"kind", "evaluation"},
          {"schema", kSchema},
          {"training", s.training.hex},
          {"pack", settings::canonical(s.pack)},
          {"split", settings::canonical(s.split)},
          {"protocol", write(s.protocol)}};
}

TrainingSpecification read_training(ObjectReader& object) {
  TrainingSpecification s;
  s.method = read_method(object);
  s.network = read_network(object.required<Json>("network"), inside(object.where(), "network"));
  s.recipe = read_recipe(object.required<Json>("recipe"), inside(object.where(), "recipe"));
  s.pack = settings::read_member<PackSettings>(object, "pack");
  s.split = settings::read_member<SplitSettings>(object, "split");
  s.lanes = object.required<int>("lanes");
  s.device = object.required<std::string>("device");
  s.seed = object.required<std::uint64_t>("seed");
  s.initial_weights = object.required<std::string>("initial_weights");
  return s;
}

EvaluationSpecification read_evaluation(ObjectReader& object) {
  EvaluationSpecification s;
  s.training.hex = object.required<std::string>("training");
  s.pack = settings::read_member<PackSettings>(object, "pack");
  s.split = settings::read_member<SplitSettings>(object, "split");
  s.protocol = read_protocol(object.required<Json>("protocol"), inside(object.where(), "protocol"));
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
