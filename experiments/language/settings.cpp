#include "experiments/language/settings.h"

#include <algorithm>
#include <functional>

#include "experiments/language/names.h"

namespace resolute::experiments {
namespace {

struct Field {
  bool of_pack;
  //! Reads `key` of the one-member object into its place.
  std::function<void(Draft&, core::ObjectReader&, const std::string& key)> read;
};

template <class Place>
Field field(Place place, bool of_pack = false) {
  return {of_pack, [place](Draft& draft, core::ObjectReader& object, const std::string& key) {
            auto& member = place(draft);
            member = settings::read_member<std::decay_t<decltype(member)>>(object, key);
          }};
}

template <class Place>
Field pack_field(Place place) {
  return field(place, true);
}

using Fields = std::map<std::string, Field>;

void add_row_fields(Fields& f) {
  f["method"] = field([](Draft & d) -> auto& { return d.method; });
  f["trials"] = field([](Draft & d) -> auto& { return d.trials; });
  f["lanes"] = field([](Draft & d) -> auto& { return d.lanes; });
  f["ranks"] = field([](Draft & d) -> auto& { return d.ranks; });
  f["device"] = field([](Draft & d) -> auto& { return d.device; });
  f["weights"] = field([](Draft & d) -> auto& { return d.weights; });
  f["network.backbone"] = field([](Draft & d) -> auto& { return d.network.backbone; });
  f["network.last_stride"] = field([](Draft & d) -> auto& { return d.network.last_stride; });
  f["network.neck"] = field([](Draft & d) -> auto& { return d.network.neck; });
  f["network.bn_streams"] = field([](Draft & d) -> auto& { return d.network.bn_streams; });
  f["split.partition"] = field([](Draft & d) -> auto& { return d.split.partition; });
  f["split.lr_side"] = field([](Draft & d) -> auto& { return d.split.lr_side; });
  f["split.test_identities"] = field([](Draft & d) -> auto& { return d.split.test_identities; });
  f["split.lr_camera"] = field([](Draft & d) -> auto& { return d.split.lr_camera; });
  f["split.train_identities"] = field([](Draft & d) -> auto& { return d.split.train_identities; });
  f["split.query_rates"] = field([](Draft & d) -> auto& { return d.split.query_rates; });
  f["split.train_pool"] = field([](Draft & d) -> auto& { return d.split.train_pool; });
  f["evaluate.protocol"] = field([](Draft & d) -> auto& { return d.protocol.name; });
  f["evaluate.draws"] = field([](Draft & d) -> auto& { return d.protocol.draws; });
  f["evaluate.panels"] = field([](Draft & d) -> auto& { return d.protocol.panels; });
  f["evaluate.sample_rates"] = field([](Draft & d) -> auto& { return d.protocol.sample_rates; });
  f["evaluate.sample_identities"] = field([](Draft & d) -> auto& { return d.protocol.sample_identities; });
  f["evaluate.resolution_probe"] = field([](Draft & d) -> auto& { return d.protocol.resolution_probe; });
  f["evaluate.query_rates"] = field([](Draft & d) -> auto& { return d.protocol.query_rates; });
  f["evaluate.gallery_rate"] = field([](Draft & d) -> auto& { return d.protocol.gallery_rate; });
  f["evaluate.distance"] = field([](Draft & d) -> auto& { return d.protocol.distance; });
  f["evaluate.gallery_copy_rate"] = field([](Draft & d) -> auto& { return d.protocol.gallery_copy_rate; });
  f["evaluate.query_level"] = field([](Draft & d) -> auto& { return d.protocol.query_level; });
}

void add_train_fields(Fields& f) {
  f["train.steps"] = field([](Draft & d) -> auto& { return d.recipe.steps; });
  f["train.identities"] = field([](Draft & d) -> auto& { return d.recipe.identities; });
  f["train.images"] = field([](Draft & d) -> auto& { return d.recipe.images; });
  f["train.lr_images"] = field([](Draft & d) -> auto& { return d.recipe.lr_images; });
  f["train.train_rates"] = field([](Draft & d) -> auto& { return d.recipe.train_rates; });
  f["train.learning_rate"] = field([](Draft & d) -> auto& { return d.recipe.learning_rate; });
  f["train.weight_decay"] = field([](Draft & d) -> auto& { return d.recipe.weight_decay; });
  f["train.decay"] = field([](Draft & d) -> auto& { return d.recipe.decay; });
  f["train.gradient_clip"] = field([](Draft & d) -> auto& { return d.recipe.gradient_clip; });
  f["train.label_smoothing"] = field([](Draft & d) -> auto& { return d.recipe.label_smoothing; });
  f["train.labelled_fraction"] = field([](Draft & d) -> auto& { return d.recipe.labelled_fraction; });
  f["train.schedule"] = field([](Draft & d) -> auto& { return d.recipe.schedule; });
  f["train.warmup_steps"] = field([](Draft & d) -> auto& { return d.recipe.warmup_steps; });
  f["train.milestones"] = field([](Draft & d) -> auto& { return d.recipe.milestones; });
  f["train.gamma"] = field([](Draft & d) -> auto& { return d.recipe.gamma; });
  f["train.discriminator_learning_rate"] =
      field([](Draft & d) -> auto& { return d.recipe.discriminator_learning_rate; });
  f["train.flip"] = field([](Draft & d) -> auto& { return d.recipe.flip; });
  f["train.pad"] = field([](Draft & d) -> auto& { return d.recipe.pad; });
  f["train.erasing"] = field([](Draft & d) -> auto& { return d.recipe.erasing; });
  f["train.precision"] = field([](Draft & d) -> auto& { return d.recipe.precision; });
}

void add_method_fields(Fields& f) {
  f["baseline.classification"] = field([](Draft & d) -> auto& { return d.baseline.classification; });
  f["baseline.triplet"] = field([](Draft & d) -> auto& { return d.baseline.triplet; });
  f["baseline.margin"] = field([](Draft & d) -> auto& { return d.baseline.margin; });
  f["baseline.mining"] = field([](Draft & d) -> auto& { return d.baseline.mining; });
  f["baseline.images"] = field([](Draft & d) -> auto& { return d.baseline.images; });
  f["baseline.classification_weight"] = field([](Draft & d) -> auto& { return d.baseline.classification_weight; });
  f["rain.levels"] = field([](Draft & d) -> auto& { return d.rain.levels; });
  f["rain.classification"] = field([](Draft & d) -> auto& { return d.rain.classification; });
  f["rain.triplet"] = field([](Draft & d) -> auto& { return d.rain.triplet; });
  f["rain.reconstruction"] = field([](Draft & d) -> auto& { return d.rain.reconstruction; });
  f["rain.margin"] = field([](Draft & d) -> auto& { return d.rain.margin; });
  f["rain.mining"] = field([](Draft & d) -> auto& { return d.rain.mining; });
  f["rain.adversary"] = field([](Draft & d) -> auto& { return d.rain.adversary; });
  f["rain.adversarial_weight"] = field([](Draft & d) -> auto& { return d.rain.adversarial_weight; });
  f["rain.reconstruction_weight"] = field([](Draft & d) -> auto& { return d.rain.reconstruction_weight; });
  f["rain.updates"] = field([](Draft & d) -> auto& { return d.rain.updates; });
  f["rain.discriminator"] = field([](Draft & d) -> auto& { return d.rain.discriminator; });
  f["rain.decoder"] = field([](Draft & d) -> auto& { return d.rain.decoder; });
  f["rain.supervision"] = field([](Draft & d) -> auto& { return d.rain.supervision; });
  f["ftwa.classification"] = field([](Draft & d) -> auto& { return d.ftwa.classification; });
  f["ftwa.triplet"] = field([](Draft & d) -> auto& { return d.ftwa.triplet; });
  f["ftwa.margin"] = field([](Draft & d) -> auto& { return d.ftwa.margin; });
  f["ftwa.mining"] = field([](Draft & d) -> auto& { return d.ftwa.mining; });
  f["ftwa.classification_weight"] = field([](Draft & d) -> auto& { return d.ftwa.classification_weight; });
  f["ftwa.triplet_weight"] = field([](Draft & d) -> auto& { return d.ftwa.triplet_weight; });
  f["ftwa.transformation"] = field([](Draft & d) -> auto& { return d.ftwa.transformation; });
  f["ftwa.transformation_weight"] = field([](Draft & d) -> auto& { return d.ftwa.transformation_weight; });
  f["ftwa.transformation_detach"] = field([](Draft & d) -> auto& { return d.ftwa.transformation_detach; });
  f["ftwa.transformed_losses"] = field([](Draft & d) -> auto& { return d.ftwa.transformed_losses; });
  f["ftwa.transformation_blocks"] = field([](Draft & d) -> auto& { return d.ftwa.transformation_blocks; });
  f["ftwa.weighting"] = field([](Draft & d) -> auto& { return d.ftwa.weighting; });
  f["ftwa.classification_weighting"] = field([](Draft & d) -> auto& { return d.ftwa.classification_weighting; });
  f["ftwa.triplet_weighting"] = field([](Draft & d) -> auto& { return d.ftwa.triplet_weighting; });
  f["ftwa.weight_balance"] = field([](Draft & d) -> auto& { return d.ftwa.weight_balance; });
  f["msifla.classification"] = field([](Draft & d) -> auto& { return d.msifla.classification; });
  f["msifla.triplet"] = field([](Draft & d) -> auto& { return d.msifla.triplet; });
  f["msifla.margin"] = field([](Draft & d) -> auto& { return d.msifla.margin; });
  f["msifla.mining"] = field([](Draft & d) -> auto& { return d.msifla.mining; });
  f["msifla.scales"] = field([](Draft & d) -> auto& { return d.msifla.scales; });
  f["msifla.reid_networks"] = field([](Draft & d) -> auto& { return d.msifla.reid_networks; });
  f["msifla.recovery_weight"] = field([](Draft & d) -> auto& { return d.msifla.recovery_weight; });
  f["msifla.reid_into_ir"] = field([](Draft & d) -> auto& { return d.msifla.reid_into_ir; });
  f["msifla.ir_width"] = field([](Draft & d) -> auto& { return d.msifla.ir_width; });
  f["msifla.ir_residual"] = field([](Draft & d) -> auto& { return d.msifla.ir_residual; });
  f["msifla.ir_learning_rate"] = field([](Draft & d) -> auto& { return d.msifla.ir_learning_rate; });
  f["msifla.ir_warmup_steps"] = field([](Draft & d) -> auto& { return d.msifla.ir_warmup_steps; });
  f["msifla.unit_parts"] = field([](Draft & d) -> auto& { return d.msifla.unit_parts; });
}

void add_resolution_adaptive_fields(Fields& f) {
  f["resolution_adaptive.level_rates"] = field([](Draft & d) -> auto& { return d.resolution_adaptive.level_rates; });
  f["resolution_adaptive.widths"] = field([](Draft & d) -> auto& { return d.resolution_adaptive.widths; });
  f["resolution_adaptive.varying_length"] =
      field([](Draft & d) -> auto& { return d.resolution_adaptive.varying_length; });
  f["resolution_adaptive.masks"] = field([](Draft & d) -> auto& { return d.resolution_adaptive.masks; });
  f["resolution_adaptive.mask_blocks"] = field([](Draft & d) -> auto& { return d.resolution_adaptive.mask_blocks; });
  f["resolution_adaptive.mask_mean"] = field([](Draft & d) -> auto& { return d.resolution_adaptive.mask_mean; });
  f["resolution_adaptive.mask_deviation"] =
      field([](Draft & d) -> auto& { return d.resolution_adaptive.mask_deviation; });
  f["resolution_adaptive.mask_learning_rate"] =
      field([](Draft & d) -> auto& { return d.resolution_adaptive.mask_learning_rate; });
  f["resolution_adaptive.stage_steps"] = field([](Draft & d) -> auto& { return d.resolution_adaptive.stage_steps; });
  f["resolution_adaptive.classification"] =
      field([](Draft & d) -> auto& { return d.resolution_adaptive.classification; });
  f["resolution_adaptive.verification"] = field([](Draft & d) -> auto& { return d.resolution_adaptive.verification; });
  f["resolution_adaptive.verification_weight"] =
      field([](Draft & d) -> auto& { return d.resolution_adaptive.verification_weight; });
  f["resolution_adaptive.verification_width"] =
      field([](Draft & d) -> auto& { return d.resolution_adaptive.verification_width; });
}

void add_pack_fields(Fields& f) {
  f["rates"] = pack_field([](Draft & d) -> auto& { return d.pack.rates; });
  f["kernel"] = pack_field([](Draft & d) -> auto& { return d.pack.kernel; });
  f["height"] = pack_field([](Draft & d) -> auto& { return d.pack.height; });
  f["width"] = pack_field([](Draft & d) -> auto& { return d.pack.width; });
  f["view_from"] = pack_field([](Draft & d) -> auto& { return d.pack.view_from; });
  f["shards"] = pack_field([](Draft & d) -> auto& { return d.pack.shards; });
}

const Fields& fields() {
  static const Fields all = [] {
    Fields f;
    add_row_fields(f);
    add_train_fields(f);
    add_method_fields(f);
    add_resolution_adaptive_fields(f);
    add_pack_fields(f);
    return f;
  }();
  return all;
}

void apply(Draft& draft, const std::string& key, const Setting& setting) {
  const core::Json holder = {{key, setting.value}};
  core::ObjectReader object(holder, setting.place);
  fields().at(key).read(draft, object, key);
}

//! "network.backbone" for "backbone": short for what nearly every suite names.
std::string canonical(const std::string& key) { return key == "backbone" ? "network.backbone" : key; }

[[noreturn]] void refuse_unknown(const std::string& key, const Node& node, const std::vector<std::string>& own_keys) {
  std::vector<std::string> known = setting_keys();
  known.insert(known.end(), own_keys.begin(), own_keys.end());
  known.push_back("backbone");
  for (const std::string& name : known)
    if (name.starts_with(key + "."))
      throw core::input_error(fmt::format("{}: key '{}' is not a table", node.place, key),
                              fmt::format("it holds keys such as '{}'", name));
  throw core::input_error(fmt::format("{}: key '{}' is unknown", node.place, key), {}, did_you_mean(key, known));
}

//! An empty table sets nothing, but a misspelt one must not pass.
void refuse_unless_prefix(const std::string& key, const Node& node) {
  for (const auto& [name, field] : fields())
    if (name.starts_with(key + ".")) return;
  refuse_unknown(key, node, {});
}

}  // namespace

void add_settings(Settings& layer, const std::vector<Member>& members, PackKeys pack_keys,
                  const std::vector<std::string>& own_keys, const std::string& prefix) {
  for (const auto& [name, node] : members) {
    const std::string key = canonical(prefix.empty() ? name : prefix + "." + name);
    if (node.kind == Node::Kind::kTable) {
      if (node.members.empty()) refuse_unless_prefix(key, node);
      add_settings(layer, node.members, pack_keys, own_keys, key);
      continue;
    }
    const auto found = fields().find(key);
    if (found == fields().end()) refuse_unknown(key, node, own_keys);
    if (node.kind == Node::Kind::kTables)
      throw core::input_error(fmt::format("{}: key '{}' holds tables", node.place, key), "a value is needed");
    if (found->second.of_pack && pack_keys == PackKeys::kRefused)
      throw core::input_error(fmt::format("{}: key '{}' stands in a row", node.place, key),
                              "it decides what is in a pack, which rows share",
                              "give it to a [[dataset]], to [defaults] or to a profile");
    const Setting setting{node.value, node.place};
    Draft scratch;
    apply(scratch, key, setting);
    const auto [at, inserted] = layer.emplace(key, setting);
    if (!inserted)
      throw core::input_error(fmt::format("{}: key '{}' stands twice", node.place, key),
                              fmt::format("first at {}", at->second.place));
  }
}

Settings laid_over(const Settings& under, const Settings& over) {
  Settings result = over;
  result.insert(under.begin(), under.end());
  return result;
}

Draft make_draft(const Settings& settings) {
  Draft draft;
  for (const auto& [key, setting] : settings) apply(draft, key, setting);
  return draft;
}

std::vector<std::string> setting_keys() {
  std::vector<std::string> keys;
  for (const auto& [key, field] : fields()) keys.push_back(key);
  return keys;
}

}  // namespace resolute::experiments
