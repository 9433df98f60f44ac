#include "experiments/method_json.h"

namespace resolute::experiments {
namespace {

using core::CanonicalText;
using core::Json;
using core::ObjectReader;

CanonicalText write(const BaselineOptions& o) {
  return {{"images", o.images},   {"classification", o.classification},
          {"triplet", o.triplet}, {"margin", plain(o.margin)},
          {"mining", o.mining},   {"classification_weight", plain(o.classification_weight)}};
}

void read(BaselineOptions& o, ObjectReader& object) {
  o.images = object.required<std::string>("images");
  o.classification = object.required<bool>("classification");
  o.triplet = object.required<bool>("triplet");
  o.margin = object.required<double>("margin");
  o.mining = object.required<std::string>("mining");
  o.classification_weight = object.required<double>("classification_weight");
}

CanonicalText write(const RainOptions& o) {
  return {{"levels", o.levels},
          {"classification", o.classification},
          {"triplet", o.triplet},
          {"reconstruction", o.reconstruction},
          {"margin", plain(o.margin)},
          {"mining", o.mining},
          {"adversary", o.adversary},
          {"updates", o.updates},
          {"discriminator", o.discriminator},
          {"decoder", o.decoder},
          {"adversarial_weight", plain(o.adversarial_weight)},
          {"reconstruction_weight", plain(o.reconstruction_weight)},
          {"supervision", o.supervision}};
}

void read(RainOptions& o, ObjectReader& object) {
  o.levels = object.required<std::vector<int>>("levels");
  o.classification = object.required<bool>("classification");
  o.triplet = object.required<bool>("triplet");
  o.reconstruction = object.required<bool>("reconstruction");
  o.margin = object.required<double>("margin");
  o.mining = object.required<std::string>("mining");
  o.adversary = object.required<std::string>("adversary");
  o.updates = object.required<std::string>("updates");
  o.discriminator = object.required<std::string>("discriminator");
  o.decoder = object.required<std::string>("decoder");
  o.adversarial_weight = object.required<double>("adversarial_weight");
  o.reconstruction_weight = object.required<double>("reconstruction_weight");
  o.supervision = object.required<std::string>("supervision");
}

CanonicalText write(const FtwaOptions& o) {
  return {{"classification", o.classification},
          {"triplet", o.triplet},
          {"margin", plain(o.margin)},
          {"mining", o.mining},
          {"classification_weight", plain(o.classification_weight)},
          {"triplet_weight", plain(o.triplet_weight)},
          {"transformation", o.transformation},
          {"transformation_weight", plain(o.transformation_weight)},
          {"transformation_detach", o.transformation_detach},
          {"transformed_losses", o.transformed_losses},
          {"transformation_blocks", o.transformation_blocks},
          {"weighting", o.weighting},
          {"classification_weighting", o.classification_weighting},
          {"triplet_weighting", o.triplet_weighting},
          {"weight_balance", plain(o.weight_balance)}};
}

void read(FtwaOptions& o, ObjectReader& object) {
  o.classification = object.required<bool>("classification");
  o.triplet = object.required<bool>("triplet");
  o.margin = object.required<double>("margin");
  o.mining = object.required<std::string>("mining");
  o.classification_weight = object.required<double>("classification_weight");
  o.triplet_weight = object.required<double>("triplet_weight");
  o.transformation = object.required<bool>("transformation");
  o.transformation_weight = object.required<double>("transformation_weight");
  o.transformation_detach = object.required<std::string>("transformation_detach");
  o.transformed_losses = object.required<bool>("transformed_losses");
  o.transformation_blocks = object.required<int>("transformation_blocks");
  o.weighting = object.required<bool>("weighting");
  o.classification_weighting = object.required<std::string>("classification_weighting");
  o.triplet_weighting = object.required<std::string>("triplet_weighting");
  o.weight_balance = object.required<double>("weight_balance");
}

CanonicalText write(const MsiflaOptions& o) {
  return {{"scales", o.scales},
          {"reid_networks", o.reid_networks},
          {"classification", o.classification},
          {"triplet", o.triplet},
          {"margin", plain(o.margin)},
          {"mining", o.mining},
          {"recovery_weight", plain(o.recovery_weight)},
          {"reid_into_ir", o.reid_into_ir},
          {"ir_width", o.ir_width},
          {"ir_residual", o.ir_residual},
          {"ir_learning_rate", plain(o.ir_learning_rate)},
          {"ir_warmup_steps", o.ir_warmup_steps},
          {"unit_parts", o.unit_parts}};
}

void read(MsiflaOptions& o, ObjectReader& object) {
  o.scales = object.required<std::vector<int>>("scales");
  o.reid_networks = object.required<std::string>("reid_networks");
  o.classification = object.required<bool>("classification");
  o.triplet = object.required<bool>("triplet");
  o.margin = object.required<double>("margin");
  o.mining = object.required<std::string>("mining");
  o.recovery_weight = object.required<double>("recovery_weight");
  o.reid_into_ir = object.required<bool>("reid_into_ir");
  o.ir_width = object.required<int>("ir_width");
  o.ir_residual = object.required<bool>("ir_residual");
  o.ir_learning_rate = object.required<double>("ir_learning_rate");
  o.ir_warmup_steps = object.required<int>("ir_warmup_steps");
  o.unit_parts = object.required<bool>("unit_parts");
}

CanonicalText write(const ResolutionAdaptiveOptions& o) {
  return {{"level_rates", o.level_rates},
          {"widths", o.widths},
          {"varying_length", o.varying_length},
          {"masks", o.masks},
          {"mask_blocks", o.mask_blocks},
          {"mask_mean", plain(o.mask_mean)},
          {"mask_deviation", plain(o.mask_deviation)},
          {"mask_learning_rate", plain(o.mask_learning_rate)},
          {"stage_steps", o.stage_steps},
          {"classification", o.classification},
          {"verification", o.verification},
          {"verification_weight", plain(o.verification_weight)},
          {"verification_width", o.verification_width}};
}

void read(ResolutionAdaptiveOptions& o, ObjectReader& object) {
  o.level_rates = object.required<std::vector<int>>("level_rates");
  o.widths = object.required<std::vector<int>>("widths");
  o.varying_length = object.required<bool>("varying_length");
  o.masks = object.required<std::string>("masks");
  o.mask_blocks = object.required<std::string>("mask_blocks");
  o.mask_mean = object.required<double>("mask_mean");
  o.mask_deviation = object.required<double>("mask_deviation");
  o.mask_learning_rate = object.required<double>("mask_learning_rate");
  o.stage_steps = object.required<int>("stage_steps");
  o.classification = object.required<bool>("classification");
  o.verification = object.required<bool>("verification");
  o.verification_weight = object.required<double>("verification_weight");
  o.verification_width = object.required<int>("verification_width");
}

//! Reads the alternative whose method is `name`; false if this alternative is another.
template <class Options>
bool read_if_named(MethodOptions& into, const std::string& name, int revision, const Json& json,
                   const std::string& where) {
  if (name != Options::kMethod) return false;
  if (revision != Options::kRevision)
    throw core::input_error(fmt::format("{}: revision {} of method '{}'", where, revision, name),
                            fmt::format("this program has revision {}", Options::kRevision),
                            "use the program that wrote it, or plan the suite again");
  ObjectReader object(json, where + ": in 'options'");
  Options options;
  read(options, object);
  object.finish();
  into = options;
  return true;
}

}  // namespace

std::vector<CanonicalText::Member> method_members(const MethodOptions& method) {
  return std::visit(
      [](const auto& options) {
        using Options = std::decay_t<decltype(options)>;
        return std::vector<CanonicalText::Member>{
            {"method", Options::kMethod}, {"method_revision", Options::kRevision}, {"options", write(options)}};
      },
      method);
}

MethodOptions read_method(ObjectReader& object) {
  const auto name = object.required<std::string>("method");
  const int revision = object.required<int>("method_revision");
  const Json json = object.required<Json>("options");
  MethodOptions options;
  if (!read_if_named<BaselineOptions>(options, name, revision, json, object.where()) &&
      !read_if_named<RainOptions>(options, name, revision, json, object.where()) &&
      !read_if_named<FtwaOptions>(options, name, revision, json, object.where()) &&
      !read_if_named<MsiflaOptions>(options, name, revision, json, object.where()) &&
      !read_if_named<ResolutionAdaptiveOptions>(options, name, revision, json, object.where()))
    throw core::input_error(fmt::format("{}: key 'method' has the value '{}'", object.where(), name),
                            fmt::format("methods are {}", fmt::join(method_names(), ", ")));
  return options;
}

}  // namespace resolute::experiments
