#include "experiments/store/weights_catalogue.h"

#include "core/hash/sha256.h"
#include "experiments/specification/validation.h"
#include "experiments/store/bundle.h"
#include "experiments/store/job_folder.h"

namespace resolute::experiments {
namespace {

constexpr std::string_view kEnding = ".json";

//! The value of `read`; nothing of a file that is damaged or of another version.
template <class Read>
std::invoke_result_t<Read> if_readable(const Read& read) {
  try {
    return read();
  } catch (const core::RuntimeError& error) {
    if (error.is_storage()) throw;
    return std::nullopt;
  }
}

NamedWeights from_json(const core::Json& json, const std::string& name, const std::string& where) {
  core::ObjectReader reader(json, where);
  NamedWeights weights{name, reader.required<std::string>("sha256"), reader.required<std::string>("backbone"),
                       reader.required<std::string>("source"), reader.required<std::string>("source_sha256")};
  reader.finish();
  for (const std::string& hash : {weights.sha256, weights.source_sha256})
    if (!core::is_sha256_hex(hash))
      throw core::input_error(fmt::format("{}: '{}' is not a SHA-256", where, hash), {}, "import the weights again");
  return weights;
}

}  // namespace

bool is_weights_name(const std::string& name) { return is_plain_name(name) && name != "none"; }

// Defaults of the command are left out.
std::string import_command(const std::string& name, std::string_view backbone) {
  return fmt::format("resolute weights import FILE --store STORE{}{}", name == "imagenet" ? "" : " --name " + name,
                     backbone == "resnet50" ? "" : fmt::format(" --backbone {}", backbone));
}

core::Json to_json(const NamedWeights& weights) {
  return {{"sha256", weights.sha256},
          {"backbone", weights.backbone},
          {"source", weights.source},
          {"source_sha256", weights.source_sha256}};
}

std::optional<NamedWeights> WeightsCatalogue::find(const std::string& name) const {
  if (!is_weights_name(name)) return std::nullopt;
  const std::filesystem::path path = store_.weights_name_file(name);
  const auto text = core::read_text_if_exists(files_, path);
  if (!text) return std::nullopt;
  return from_json(core::parse_json(*text, path.string()), name, path.string());
}

std::vector<std::string> WeightsCatalogue::names() const {
  std::vector<std::string> names;
  for (const std::string& file : files_.list(store_.weights_folder()))
    if (file.ends_with(kEnding)) {
      const std::string name = file.substr(0, file.size() - kEnding.size());
      if (is_weights_name(name)) names.push_back(name);
    }
  return names;
}

void WeightsCatalogue::add(const NamedWeights& weights) const {
  RESOLUTE_EXPECT(is_weights_name(weights.name), "weights go by plain names");
  core::write_atomic(files_, store_.weights_name_file(weights.name), core::canonical_json(to_json(weights)) + "\n");
}

void WeightsCatalogue::add_origin(const std::string& sha256, const JobId& training) const {
  core::publish_exclusive(files_, store_.weights_origin_file(sha256),
                          core::canonical_json({{"training", training.hex}}) + "\n");
}

std::optional<TrainingSpecification> WeightsCatalogue::origin(const std::string& sha256) const {
  const std::filesystem::path path = store_.weights_origin_file(sha256);
  const auto job = if_readable([&]() -> std::optional<JobId> {
    const auto text = core::read_text_if_exists(files_, path);
    if (!text) return std::nullopt;
    const core::Json json = core::parse_json(*text, path.string());
    core::ObjectReader reader(json, path.string());
    return JobId{reader.required<std::string>("training")};
  });
  return job && core::is_sha256_hex(job->hex) ? training(*job) : std::nullopt;
}

std::optional<TrainingSpecification> WeightsCatalogue::training(const JobId& job) const {
  BundledFiles files(files_, store_);
  return if_readable([&]() -> std::optional<TrainingSpecification> {
    const auto specification = read_stored_specification(files, store_, job);
    const auto* training = specification ? std::get_if<TrainingSpecification>(&*specification) : nullptr;
    return training == nullptr ? std::nullopt : std::optional(*training);
  });
}

}  // namespace resolute::experiments
