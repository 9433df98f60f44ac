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

CanonicalText write(const SyntheticSettings& s) {
  return {{"subject", s.subject}, {"identities", s.identities},
          {"cameras", s.cameras}, {"images_per_camera", s.images_per_camera},
          {"height", s.height},   {"width", s.width},
          {"seed", s.seed},       {"fine_contrast", plain(s.fine_contrast)}};
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
                                 {"network", write(s.network)},
                                 {"recipe", write(s.recipe)},
                                 {"pack", write(s.pack)},
                                 {"split", write(s.split)},
                                 {"lanes", s.lanes},
                                 {"device", s.device},
                                 {"seed", s.seed},
                                 {"initial_weights", s.initial_weights}});
  return members;
}

CanonicalText write(const EvaluationSpecification& s) {
  return {{"kind", "evaluation"},  {"schema", kSchema},       {"training", s.training.hex},
          {"pack", write(s.pack)}, {"split", write(s.split)}, {"protocol", write(s.protocol)}};
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
  s.network = read_network(object.required<Json>("network"), inside(object.where(), "network"));
  s.recipe = read_recipe(object.required<Json>("recipe"), inside(object.where(), "recipe"));
  s.pack = pack_of(object);
  s.split = split_of(object);
  s.lanes = object.required<int>("lanes");
  s.device = object.required<std::string>("device");
  s.seed = object.required<std::uint64_t>("seed");
  s.initial_weights = object.required<std::string>("initial_weights");
  return s;
}

EvaluationSpecification read_evaluation(ObjectReader& object) {
  EvaluationSpecification s;
  s.training.hex = object.required<std::string>("training");
  s.pack = pack_of(object);
  s.split = split_of(object);
  s.protocol = read_protocol(object.required<Json>("protocol"), inside(object.where(), "protocol"));
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
