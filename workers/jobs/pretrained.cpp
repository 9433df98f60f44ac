#include "workers/jobs/pretrained.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "datasets/samples/listing.h"
#include "experiments/store/weights_catalogue.h"
#include "networks/nn/backbone.h"
#include "workers/training/checkpoint.h"

namespace resolute::workers {
namespace {

constexpr std::string_view kTrunkFormat = "resolute-trunk-1";
constexpr std::uint64_t kLargestFile = std::uint64_t{4} << 30;  // forty times a ResNet-50

std::string type_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    default: {
      std::string name = c10::toString(type);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      return name;
    }
  }
}

std::string shape_text(at::IntArrayRef shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

networks::NamedTensors state_of(const torch::nn::Module& module) {
  networks::NamedTensors state;
  list_module(module, "", state);
  return state;
}

networks::FileTensors open_safetensors(std::span<const std::byte> bytes, std::string_view name) {
  networks::FileTensors tensors;
  for (auto& [key, tensor] : networks::decode_safetensors(bytes, name).tensors)
    tensors.insert_or_assign(networks::printable(key), networks::FileTensor{tensor.scalar_type(), tensor.sizes().vec(),
                                                                            [tensor = tensor] { return tensor; }});
  return tensors;
}

networks::Backbone empty_trunk(const std::string& backbone) {
  experiments::NetworkSettings settings;
  settings.backbone = settings::parse_word<settings::Trunk>(backbone, "backbone");
  return networks::Backbone(settings::trunk_shape(settings));
}

// Those that a part of the trunk has.
networks::NamedTensors of_module(const networks::NamedTensors& tensors, const torch::nn::Module& part) {
  networks::NamedTensors found;
  for (const auto& [name, target] : state_of(part))
    if (const auto tensor = tensors.find(name); tensor != tensors.end()) found.insert(*tensor);
  return found;
}

void refuse_taken_name(const experiments::WeightsCatalogue& catalogue, const experiments::NamedWeights& weights,
                       bool replace) {
  if (replace) return;  // what stands there need not even be readable
  const auto known = catalogue.find(weights.name);
  if (!known || known->sha256 == weights.sha256) return;
  throw core::input_error(fmt::format("the store has other weights named '{}'", weights.name),
                          fmt::format("imported from '{}', SHA-256 {}", known->source, known->sha256),
                          "choose another --name, or give --replace: trainings from the new weights are other jobs "
                          "than those from the old");
}

}  // namespace

TensorFile open_tensor_file(std::span<const std::byte> bytes, std::string_view name) {
  if (networks::is_torch_file(bytes)) return {"torch", networks::read_torch_file(bytes, name)};
  core::refuse_undelivered(core::as_text(bytes), name);
  // A safetensors header is JSON behind eight bytes of length; anything else is some other file, not a damaged one.
  constexpr std::size_t kLength = 8;
  if (bytes.size() <= kLength || bytes[kLength] != std::byte{'{'})
    throw core::input_error(fmt::format("{} is neither a safetensors file nor one of torch.save", name), {},
                            "save a model's state_dict() with torch.save or safetensors");
  return {"safetensors", open_safetensors(bytes, name)};
}

TrunkMatch match_trunk(const networks::FileTensors& tensors, const torch::nn::Module& trunk,
                       const std::optional<std::string>& prefix) {
  const auto state = state_of(trunk);
  TrunkMatch match;
  match.names = networks::find_trunk(tensors, state, prefix);
  std::set<std::string> used(match.names.foreign.begin(), match.names.foreign.end());
  for (const auto& [name, target] : state) {
    const auto found = tensors.find(match.names.in_file.at(name));
    if (found == tensors.end()) {
      match.missing.push_back(name);
      continue;
    }
    used.insert(found->first);
    const networks::FileTensor& tensor = found->second;
    if (tensor.shape != target.sizes().vec() || !at::isFloatingType(tensor.type)) {
      match.misfits.push_back(
          {name, type_name(tensor.type) + " " + shape_text(tensor.shape), "float32 " + shape_text(target.sizes())});
      continue;
    }
    match.taken.push_back(name);
    if (tensor.type != at::kFloat) match.converted[name] = type_name(tensor.type);
  }
  for (const auto& [name, tensor] : tensors)
    if (!used.contains(name)) match.left_out.push_back(name);
  return match;
}

core::Json to_json(const TrunkMatch& match) {
  core::Json misfits = core::Json::array();
  for (const auto& misfit : match.misfits)
    misfits.push_back({{"name", misfit.name}, {"found", misfit.found}, {"needed", misfit.needed}});
  return {{"prefix", match.names.prefix},   {"spelling", match.names.spelling}, {"remark", match.names.remark},
          {"foreign", match.names.foreign}, {"network", match.names.network},   {"taken", match.taken},
          {"converted", match.converted},   {"missing", match.missing},         {"misfits", misfits},
          {"left_out", match.left_out}};
}

networks::NamedTensors read_trunk(const networks::FileTensors& tensors, const TrunkMatch& match) {
  RESOLUTE_EXPECT(match.complete(), "a trunk is read once all of it is there");
  networks::NamedTensors trunk;
  for (const std::string& name : match.taken) {
    const std::string& whole = match.names.in_file.at(name);
    at::Tensor values = tensors.at(whole).read().to(at::kFloat);
    if (!at::isfinite(values).all().item<bool>())
      throw core::input_error(fmt::format("tensor '{}' holds values that are not finite", whole));
    if (name.ends_with("running_var") && (values < 0).any().item<bool>())
      throw core::input_error(fmt::format("tensor '{}' holds variances below 0", whole),
                              "no feature would be a number");
    trunk[name] = std::move(values);
  }
  return trunk;
}

core::Bytes encode_trunk(const networks::NamedTensors& tensors, const std::string& backbone) {
  return networks::encode_safetensors(tensors, {{"backbone", backbone}, {"format", std::string(kTrunkFormat)}});
}

ImportResult import_weights(core::FileSystem& files, const experiments::StoreLayout& store,
                            const ImportRequest& request) {
  if (!experiments::is_weights_name(request.name))
    throw core::input_error(fmt::format("'{}' is no name for weights", networks::printable(request.name)),
                            "a name is 1 to 64 of a-z, 0-9 and '-', and not 'none'");
  const networks::Backbone trunk = empty_trunk(request.backbone);
  const core::Bytes bytes = files.read(request.file, kLargestFile);
  const std::string quoted = fmt::format("'{}'", request.file.string());
  const TensorFile opened = open_tensor_file(bytes, quoted);
  if (opened.tensors.empty())
    throw core::input_error(fmt::format("{} holds no tensors by name", quoted), {},
                            "save a model's state_dict(), not the model");
  const auto placed = [&](const auto& read) {
    try {
      return read();
    } catch (const core::RuntimeError& error) {
      throw error.at(quoted);
    }
  };
  const TrunkMatch match = placed([&] { return match_trunk(opened.tensors, trunk, request.prefix); });
  if (request.prefix && match.taken.empty() && match.misfits.empty())
    throw core::input_error(
        fmt::format("no tensor of {} is one of '{}' behind the prefix '{}'", quoted, request.backbone, *request.prefix),
        {}, "leave --prefix out, so that it is found");
  ImportResult result{to_json(match), match.complete()};
  result.report["file"] = datasets::sources::printable(request.file.string());
  result.report["format"] = opened.format;
  result.report["backbone"] = request.backbone;
  result.report["imported"] = match.complete();
  if (!match.complete()) return result;

  const networks::NamedTensors tensors = placed([&] { return read_trunk(opened.tensors, match); });
  const core::Bytes encoded = encode_trunk(tensors, request.backbone);
  const experiments::NamedWeights weights{request.name, core::sha256_hex(encoded), request.backbone,
                                          datasets::sources::printable(request.file.filename().string()),
                                          core::sha256_hex(bytes)};
  const experiments::WeightsCatalogue catalogue(files, store);
  refuse_taken_name(catalogue, weights, request.replace);
  // The tensors before the name: a name never stands for what is not there.
  core::write_atomic(files, store.weights_file(weights.sha256), encoded);
  catalogue.add(weights);
  result.report["name"] = weights.name;
  result.report["weights_sha256"] = weights.sha256;
  result.report["source_sha256"] = weights.source_sha256;
  return result;
}

void load_trunks(const networks::NamedTensors& tensors, std::string_view title, torch::nn::Module& module) {
  bool any = false;
  for (const auto& item : module.named_modules("", /*include_self=*/true)) {
    auto* shallow = dynamic_cast<networks::ShallowTrunk*>(item.value().get());
    if (shallow == nullptr) continue;
    const bool whole = dynamic_cast<networks::Backbone*>(shallow) != nullptr;
    load_module(*shallow, "", whole ? tensors : of_module(tensors, *shallow), title);
    any = any || whole;
  }
  RESOLUTE_EXPECT(any, "a method without a trunk cannot start from weights");
}

void load_initial_weights(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& sha256,
                          const std::string& backbone, torch::nn::Module& module) {
  const std::filesystem::path path = store.weights_file(sha256);
  if (!files.exists(path))
    throw core::input_error(fmt::format("initial weights '{}' are not in the store", sha256),
                            fmt::format("they are looked for at '{}'", path.string()),
                            "import them: resolute weights import FILE --store STORE");
  const core::Bytes bytes = files.read(path);
  const std::string title = fmt::format("initial weights '{}'", path.string());
  if (const std::string found = core::sha256_hex(bytes); found != sha256)
    throw core::corrupt_error(fmt::format("{} are damaged", title), fmt::format("SHA-256 {}", found),
                              "import them again: resolute weights import FILE --store STORE");
  const networks::SafetensorsContent content = networks::decode_safetensors(bytes, title);
  const auto is = [&](const std::string& key, std::string_view value) {
    const auto found = content.metadata.find(key);
    return found != content.metadata.end() && found->second == value;
  };
  if (!is("format", kTrunkFormat) || !is("backbone", backbone))
    throw core::input_error(fmt::format("{} are not weights of the backbone '{}'", title, backbone), {},
                            "import weights of that backbone: resolute weights import FILE --store STORE");
  load_trunks(content.tensors, title, module);
}

}  // namespace resolute::workers
