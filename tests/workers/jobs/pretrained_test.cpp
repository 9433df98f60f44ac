#include "workers/jobs/pretrained.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <map>

#include "core/hash/sha256.h"
#include "experiments/store/weights_catalogue.h"
#include "networks/nn/backbone.h"
#include "tests/methods/small_training.h"
#include "tests/networks/weights/files.h"
#include "tests/support/folders.h"
#include "tests/support/formula.h"
#include "tests/support/temporary_folder.h"
#include "workers/training/checkpoint.h"
#include "workers/training/make_method.h"

namespace resolute::workers::pretrained_test {
namespace {

using networks::network_tests::golden_file;
using networks::network_tests::trunk_tensor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::refusal;

constexpr std::size_t kTrunkTensors = 65;  // of resnet-small

std::shared_ptr<networks::Backbone> small_trunk() {
  experiments::NetworkSettings settings;
  settings.backbone = settings::Trunk::kResnetSmall;
  return std::make_shared<networks::Backbone>(settings::trunk_shape(settings));
}

// The golden trunk's tensors, as a file has them, under `prefix`.
networks::FileTensors golden_trunk(const std::string& prefix) {
  networks::FileTensors tensors;
  const auto add = [&](const std::string& name, const at::Tensor& like) {
    const at::Tensor tensor = trunk_tensor(name, like.sizes());
    tensors[prefix + name] = {at::kFloat, tensor.sizes().vec(), [tensor] { return tensor; }};
  };
  const auto trunk = small_trunk();
  for (const auto& item : trunk->named_parameters()) add(item.key(), item.value());
  for (const auto& item : trunk->named_buffers()) add(item.key(), item.value());
  return tensors;
}

networks::FileTensors joined(networks::FileTensors one, const networks::FileTensors& other) {
  one.insert(other.begin(), other.end());
  return one;
}

std::string prefix_of(const networks::FileTensors& tensors) {
  return match_trunk(tensors, *small_trunk(), {}).names.prefix;
}

TEST(TrunkMatch, finds_the_trunk_behind_any_prefix) {
  for (const char* prefix : {"", "module.", "model.", "state_dict.module.", "backbone.base.", "trunk."}) {
    const TrunkMatch match = match_trunk(golden_trunk(prefix), *small_trunk(), {});
    EXPECT_EQ(prefix, match.names.prefix);
    EXPECT_TRUE(match.complete());
    EXPECT_THAT(match.taken, SizeIs(kTrunkTensors));
    EXPECT_THAT(match.left_out, IsEmpty());
  }
}

TEST(TrunkMatch, of_two_whole_trunks_takes_the_usual_one_or_asks) {
  EXPECT_EQ("state_dict.", prefix_of(joined(golden_trunk("state_dict."), golden_trunk("state_dict_ema."))));
  EXPECT_EQ("", prefix_of(joined(golden_trunk(""), golden_trunk("encoder_k."))));
  const networks::FileTensors twins = joined(golden_trunk("encoder_q."), golden_trunk("encoder_k."));
  EXPECT_THAT(refusal([&] { prefix_of(twins); }),
              AllOf(HasSubstr("'encoder_k.', 'encoder_q.'"), HasSubstr("--prefix")));
  EXPECT_EQ("encoder_k.", match_trunk(twins, *small_trunk(), "encoder_k.").names.prefix);
  const networks::FileTensors both = joined(golden_trunk("model."), golden_trunk("state_dict."));
  EXPECT_THAT(refusal([&] { prefix_of(both); }), HasSubstr("2 sets"));
}

TEST(TrunkMatch, names_what_is_missing_and_what_does_not_fit) {
  networks::FileTensors tensors = golden_trunk("module.");
  tensors.erase("module.layer2.0.bn1.bias");
  tensors["module.conv1.weight"].shape = {16, 3, 7, 7};
  tensors["module.bn1.weight"].type = at::kLong;
  tensors["module.fc.weight"] = {at::kFloat, {10, 128}, {}};
  const TrunkMatch match = match_trunk(tensors, *small_trunk(), {});
  EXPECT_FALSE(match.complete());
  EXPECT_THAT(match.missing, ElementsAre("layer2.0.bn1.bias"));
  EXPECT_THAT(match.left_out, ElementsAre("module.fc.weight"));
  ASSERT_THAT(match.misfits, SizeIs(2));
  EXPECT_EQ("bn1.weight", match.misfits[0].name);
  EXPECT_EQ("long 16", match.misfits[0].found);
  EXPECT_EQ("conv1.weight", match.misfits[1].name);
  EXPECT_EQ("float32 16x3x7x7", match.misfits[1].found);
  EXPECT_EQ("float32 16x3x3x3", match.misfits[1].needed);
  EXPECT_THAT(match_trunk({}, *small_trunk(), {}).missing, SizeIs(kTrunkTensors));
}

// torchvision's of that backbone, shapes alone.
networks::FileTensors published(settings::Trunk backbone) {
  experiments::NetworkSettings settings;
  settings.backbone = backbone;
  networks::NamedTensors state;
  list_module(networks::Backbone(settings::trunk_shape(settings)), "", state);
  networks::FileTensors tensors;
  for (const auto& [name, tensor] : state) tensors[name] = {at::kFloat, tensor.sizes().vec(), {}};
  return tensors;
}

// A checkpoint of IBN-Net's: the published names behind a wrapper, with counters and a classifier.
TEST(TrunkMatch, published_weights_with_ibn_a_are_those_of_their_trunk_alone) {
  const auto trunk_of = [](settings::Trunk backbone) {
    return networks::Backbone(settings::trunk_shape({.backbone = backbone}));
  };
  const auto mixed = trunk_of(settings::Trunk::kResnet50IbnA), plain = trunk_of(settings::Trunk::kResnet50);
  networks::FileTensors checkpoint;
  for (const auto& [name, tensor] : published(settings::Trunk::kResnet50IbnA)) {
    checkpoint["state_dict.module." + name] = tensor;
    if (name.ends_with(".running_mean"))
      checkpoint["state_dict.module." + name.substr(0, name.rfind('.')) + ".num_batches_tracked"] = {at::kLong, {}, {}};
  }
  checkpoint["state_dict.module.fc.weight"] = {at::kFloat, {1000, 2048}, {}};
  ASSERT_TRUE(checkpoint.contains("state_dict.module.layer1.0.bn1.IN.weight"));
  const TrunkMatch match = match_trunk(checkpoint, mixed, {});
  EXPECT_TRUE(match.complete());
  EXPECT_THAT(match.taken, SizeIs(265 + 13 * 2));
  EXPECT_THAT(match.left_out, SizeIs(53 + 1));
  EXPECT_FALSE(match_trunk(checkpoint, plain, {}).complete());
  EXPECT_FALSE(match_trunk(published(settings::Trunk::kResnet50), mixed, {}).complete());
}

TEST(TrunkMatch, another_network_is_not_taken_for_ours) {
  experiments::NetworkSettings settings;
  settings.backbone = settings::Trunk::kResnet50;
  const networks::Backbone trunk(settings::trunk_shape(settings));
  const networks::FileTensors plain = published(settings::Trunk::kResnet50);
  ASSERT_TRUE(match_trunk(plain, trunk, {}).complete());
  networks::FileTensors gated = plain;  // SE-ResNet-50: all of the trunk, and gates
  gated["layer1.0.se.fc1.weight"] = {at::kFloat, {16, 256, 1, 1}, {}};
  networks::FileTensors grouped = plain;  // ResNeXt-50: the names of the trunk
  grouped["layer1.0.conv2.weight"].shape = {128, 4, 3, 3};
  networks::FileTensors deep_stem = plain;  // ResNet-50-D
  deep_stem.erase("conv1.weight");
  deep_stem["conv1.0.weight"] = {at::kFloat, {32, 3, 3, 3}, {}};
  networks::FileTensors shallow = plain;
  std::erase_if(shallow, [](const auto& one) { return one.first.starts_with("layer4."); });
  for (const networks::FileTensors* tensors : {&gated, &grouped, &deep_stem, &shallow})
    EXPECT_FALSE(match_trunk(*tensors, trunk, {}).complete());
  const TrunkMatch match = match_trunk(gated, trunk, {});
  EXPECT_THAT(match.missing, IsEmpty());
  EXPECT_THAT(match.names.foreign, ElementsAre("layer1.0.se.fc1.weight"));
  EXPECT_THAT(match.left_out, IsEmpty());
  EXPECT_THAT(match_trunk(grouped, trunk, {}).misfits, SizeIs(1));
  EXPECT_EQ("a ResNet-D", match_trunk(deep_stem, trunk, {}).names.network);
  EXPECT_EQ("conv1.weight", match_trunk(deep_stem, trunk, {}).missing.front());
  EXPECT_EQ("", match_trunk(shallow, trunk, {}).names.network);
}

TEST(TrunkMatch, values_that_are_not_finite_are_refused) {
  networks::FileTensors tensors = golden_trunk("");
  tensors["bn1.bias"].read = [] { return at::full({16}, std::numeric_limits<double>::infinity()); };
  const TrunkMatch match = match_trunk(tensors, *small_trunk(), {});
  EXPECT_THAT(refusal([&] { read_trunk(tensors, match); }), HasSubstr("tensor 'bn1.bias' holds values"));
}

TEST(TrunkMatch, variances_below_zero_are_refused_and_other_statistics_are_not) {
  for (const auto& [name, refused] : {std::pair("bn1.running_var", true),
                                      {"layer2.0.downsample.1.running_var", true},
                                      {"layer1.0.bn2.running_mean", false},
                                      {"layer4.0.bn2.weight", false}}) {
    networks::FileTensors tensors = golden_trunk("");
    const at::Tensor changed = tensors.at(name).read().clone();
    changed[0] = -1e-6;
    tensors.at(name).read = [changed] { return changed; };
    const TrunkMatch match = match_trunk(tensors, *small_trunk(), {});
    if (refused)
      EXPECT_THAT(refusal([&] { read_trunk(tensors, match); }),
                  HasSubstr(fmt::format("tensor '{}' holds variances below 0", name)));
    else
      EXPECT_NO_THROW(read_trunk(tensors, match)) << name;
  }
}

class WeightsStore : public ::testing::Test {
 protected:
  ImportResult import_file(const std::filesystem::path& file, const std::string& name = "small", bool replace = false) {
    return import_weights(core::real_file_system(), store_, {file, name, "resnet-small", {}, replace});
  }
  std::filesystem::path write(const std::string& name, const core::Bytes& bytes) {
    core::write_atomic(core::real_file_system(), folder_ / name, bytes);
    return folder_ / name;
  }
  // The golden trunk with one value changed.
  std::filesystem::path write_other_trunk() {
    networks::NamedTensors other;
    for (const auto& [name, tensor] : golden_trunk("")) other[name] = tensor.read();
    other.at("bn1.bias")[3] = 0.25;
    return write("other.pth", networks::encode_torch_file(other));
  }
  tests::TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_ / "store"};
};

TEST_F(WeightsStore, the_same_values_are_the_same_weights_whatever_file_they_come_in) {
  const std::string first = import_file(golden_file("trunk.pth")).report.at("weights_sha256");
  EXPECT_TRUE(core::real_file_system().exists(store_.weights_file(first)));
  EXPECT_EQ(first, core::sha256_hex(core::real_file_system().read(store_.weights_file(first))));
  networks::NamedTensors tensors;
  for (const auto& [name, tensor] : golden_trunk("")) tensors[name] = tensor.read();
  for (const auto& file : {golden_file("checkpoint.pth"), golden_file("checkpoint_legacy.pth"),
                           write("trunk.safetensors", networks::encode_safetensors(tensors, {{"format", "pt"}})),
                           write("trunk.pth", networks::encode_torch_file(tensors))})
    EXPECT_EQ(first, import_file(file).report.at("weights_sha256")) << file;
}

// script/fetch-weights fetches the file; without it there is nothing to compare.
std::filesystem::path published_lite0() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::filesystem::path() : std::filesystem::path(value);
  };
  std::filesystem::path cache = variable("RESOLUTE_CACHE");
  if (cache.empty() && !variable("XDG_CACHE_HOME").empty()) cache = variable("XDG_CACHE_HOME") / "resolute";
  if (cache.empty()) cache = variable("HOME") / ".cache/resolute";
  return cache / "weights/efficientnet-lite0-57934424.pth";
}

TEST_F(WeightsStore, published_weights_of_efficientnet_lite0_give_the_packages_features) {
  const std::filesystem::path file = published_lite0();
  if (!core::real_file_system().exists(file)) {
    if (std::getenv("RESOLUTE_NEEDS_WEIGHTS") != nullptr) FAIL() << file << " is missing";
    GTEST_SKIP() << "no published weights; script/fetch-weights fetches them";
  }
  const core::Json report =
      import_weights(core::real_file_system(), store_, {file, "lite0", "efficientnet-lite0", {}, false}).report;
  EXPECT_EQ(true, report.at("imported"));
  EXPECT_EQ(245U, report.at("taken").size());
  EXPECT_EQ(49U + 2U, report.at("left_out").size());  // counters, _fc
  const experiments::NetworkSettings network{.backbone = settings::Trunk::kEfficientnetLite0, .last_stride = 2};
  const auto root = std::make_shared<torch::nn::Module>("root");
  const auto trunk =
      root->register_module("trunk", std::make_shared<networks::Backbone>(settings::trunk_shape(network)));
  load_initial_weights(core::real_file_system(), store_, report.at("weights_sha256"), "efficientnet-lite0", *root);
  trunk->eval();
  const core::Bytes bytes =
      core::real_file_system().read(tests::source_folder() / "tests/golden/efficientnet_lite/imagenet.safetensors");
  const at::Tensor expected = networks::decode_safetensors(bytes, "imagenet.safetensors").tensors.at("features");
  const at::NoGradGuard no_grad;
  const at::Tensor images =
      tests::numbers("images/imagenet", {2, 3, 64, 32}, 2.0).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor found = trunk->forward(images).back().mean(at::IntArrayRef{2, 3});
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-4);
  EXPECT_GT(expected.abs().max().item<double>(), 0.5);
}

TEST_F(WeightsStore, tells_what_matched) {
  const core::Json report = import_file(golden_file("checkpoint.pth")).report;
  EXPECT_EQ("state_dict.module.", report.at("prefix"));
  EXPECT_EQ(kTrunkTensors, report.at("taken").size());
  EXPECT_EQ(13U + 2U + 3U, report.at("left_out").size());  // counters, classifier, Adam's moments
  EXPECT_EQ(true, report.at("imported"));
  const auto named = experiments::WeightsCatalogue(core::real_file_system(), store_).find("small");
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ("checkpoint.pth", named->source);
  EXPECT_EQ(core::sha256_hex(networks::network_tests::golden_bytes("checkpoint.pth")), named->source_sha256);
  EXPECT_EQ("resnet-small", named->backbone);
}

TEST_F(WeightsStore, other_floating_types_become_float32_and_that_is_said) {
  networks::NamedTensors tensors;
  for (const auto& [name, tensor] : golden_trunk("")) tensors[name] = tensor.read();
  const std::string exact = import_file(golden_file("trunk.pth")).report.at("weights_sha256");
  tensors.at("conv1.weight") = tensors.at("conv1.weight").to(at::kHalf);
  tensors.at("bn1.bias") = tensors.at("bn1.bias").to(at::kDouble);
  tensors.at("bn1.weight") = tensors.at("bn1.weight").to(at::kBFloat16);
  const core::Json report = import_file(write("mixed.pth", networks::encode_torch_file(tensors))).report;
  EXPECT_EQ((core::Json{{"conv1.weight", "float16"}, {"bn1.bias", "float64"}, {"bn1.weight", "bfloat16"}}),
            report.at("converted"));
  EXPECT_EQ(exact, report.at("weights_sha256"));  // these values are exact in all of them
}

TEST_F(WeightsStore, nothing_is_written_of_a_file_that_does_not_fit) {
  const ImportResult result =
      import_weights(core::real_file_system(), store_, {golden_file("trunk.pth"), "imagenet", "resnet50", {}, false});
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(false, result.report.at("imported"));
  EXPECT_FALSE(result.report.at("missing").empty());
  EXPECT_FALSE(std::filesystem::exists(store_.weights_folder()));
  EXPECT_THAT(refusal([&] { import_file(golden_file("make_goldens.py")); }), HasSubstr("is neither"));
  EXPECT_THAT(refusal([&] { import_file(golden_file("trunk.pth"), "none"); }), HasSubstr("no name for weights"));
  EXPECT_THAT(refusal([&] { import_file(golden_file("trunk.pth"), "../x"); }), HasSubstr("no name for weights"));
  EXPECT_THAT(refusal([&] { import_file(write("empty.pth", networks::encode_torch_file({}))); }),
              HasSubstr("holds no tensors by name"));
  EXPECT_FALSE(std::filesystem::exists(store_.weights_folder()));
}

TEST_F(WeightsStore, a_file_is_called_by_its_name_in_any_letters_but_no_controls) {
  const core::Bytes trunk = core::real_file_system().read(golden_file("trunk.pth"), 1 << 24);
  for (const auto& [name, shown] : std::map<std::string, std::string>{{"gr\u00f6\u00dfe.pth", "gr\u00f6\u00dfe.pth"},
                                                                      {"\u884c\u4eba.pth", "\u884c\u4eba.pth"},
                                                                      {"a\x1b[2J\xff.pth", "a?[2J?.pth"}}) {
    EXPECT_EQ((folder_ / shown).string(), import_file(write(name, trunk)).report.at("file"));
    EXPECT_EQ(shown, experiments::WeightsCatalogue(core::real_file_system(), store_).find("small")->source);
  }
}

TEST_F(WeightsStore, a_prefix_that_no_tensor_has_is_the_fault_and_not_the_file) {
  networks::NamedTensors tensors;
  for (const auto& [name, tensor] : golden_trunk("")) tensors["module." + name] = tensor.read();
  const auto file = write("module.pth", networks::encode_torch_file(tensors));
  for (const char* prefix : {"", "module", "model.module."})
    EXPECT_THAT(refusal([&] {
                  import_weights(core::real_file_system(), store_, {file, "ours", "resnet-small", prefix, false});
                }),
                HasSubstr(fmt::format("behind the prefix '{}'; leave --prefix out", prefix)));
  EXPECT_TRUE(
      import_weights(core::real_file_system(), store_, {file, "ours", "resnet-small", "module.", false}).complete);
}

TEST_F(WeightsStore, another_spelling_is_the_same_weights_and_another_network_none) {
  networks::NamedTensors numbered;
  const std::map<std::string, std::string> kNumbers{{"conv1", "0"},  {"bn1", "1"},    {"layer1", "4"},
                                                    {"layer2", "5"}, {"layer3", "6"}, {"layer4", "7"}};
  for (const auto& [name, tensor] : golden_trunk("")) {
    const std::size_t dot = name.find('.');
    numbered["module.base." + kNumbers.at(name.substr(0, dot)) + name.substr(dot)] = tensor.read();
  }
  const core::Json report =
      import_file(write("numbered.pth", networks::encode_torch_file(numbered)), "numbered").report;
  EXPECT_EQ("numbered", report.at("spelling"));
  EXPECT_EQ(import_file(golden_file("trunk.pth")).report.at("weights_sha256"), report.at("weights_sha256"));

  numbered["module.base.4.0.bn1.IN.weight"] = at::ones({16});
  const ImportResult other = import_file(write("ibn.pth", networks::encode_torch_file(numbered)), "ibn");
  EXPECT_FALSE(other.complete);
  EXPECT_EQ("a ResNet with IBN-a", other.report.at("network"));
  EXPECT_FALSE(experiments::WeightsCatalogue(core::real_file_system(), store_).find("ibn").has_value());
}

TEST_F(WeightsStore, a_name_is_not_taken_from_other_weights_unasked) {
  import_file(golden_file("trunk.pth"));
  import_file(golden_file("trunk.pth"));  // the same again
  const auto other = write_other_trunk();
  EXPECT_THAT(refusal([&] { import_file(other); }), HasSubstr("other weights named 'small'"));
  const std::string sha256 = import_file(other, "small", true).report.at("weights_sha256");
  EXPECT_EQ(sha256, experiments::WeightsCatalogue(core::real_file_system(), store_).find("small")->sha256);
  EXPECT_EQ(4, std::distance(std::filesystem::directory_iterator(store_.weights_folder()), {}) + 1);
}

// The name in the trunk of the tensor of a network that starts from it; "" for all others.
std::string name_in_trunk(const std::string& name) {
  for (const std::string_view part : {"lr_encoder.", "hr_encoder.", "trunk."})
    if (name.starts_with(part)) return name.substr(part.size());
  constexpr std::string_view kOfScale = ".trunk.";
  const std::size_t place = name.find(kOfScale);
  return place == std::string::npos ? "" : name.substr(place + kOfScale.size());
}

TEST_F(WeightsStore, trunks_start_from_exactly_these_and_the_rest_as_ever) {
  const std::string sha256 = import_file(golden_file("trunk.pth")).report.at("weights_sha256");
  struct Row {
    experiments::MethodOptions options;
    std::size_t tensors;  // that start from the file
  };
  // The LR encoder of two streams is a trunk's beginning: 4 convolutions and 4 batch norms of 4 tensors each.
  for (const auto& [options, tensors] :
       {Row{experiments::BaselineOptions{}, kTrunkTensors}, Row{experiments::RainOptions{}, kTrunkTensors},
        Row{experiments::FtwaOptions{}, kTrunkTensors + 20},
        Row{experiments::MsiflaOptions{.scales = {2, 1}, .ir_width = 4}, 2 * kTrunkTensors},
        Row{experiments::CadnetOptions{}, 2 * kTrunkTensors}}) {
    const auto specification = worker_tests::small_specification(options);
    const auto scratch = make_method(specification, 5), method = make_method(specification, 5);
    load_initial_weights(core::real_file_system(), store_, sha256, "resnet-small", method->module());
    networks::NamedTensors before, after;
    list_module(scratch->module(), "", before);
    list_module(method->module(), "", after);
    std::size_t found = 0;
    for (const auto& [name, tensor] : after) {
      const std::string inner = name_in_trunk(name);
      found += !inner.empty();
      EXPECT_TRUE(at::equal(inner.empty() ? before.at(name) : trunk_tensor(inner, tensor.sizes()), tensor)) << name;
    }
    EXPECT_EQ(tensors, found) << specification.method.index();
    const at::Tensor images = worker_tests::made_up_batch(2, 2, 32, 16).hr;
    EXPECT_FALSE(at::equal(scratch->embed(images), method->embed(images)));
  }
}

TEST_F(WeightsStore, a_training_does_not_start_from_what_is_not_right) {
  const std::string sha256 = import_file(golden_file("trunk.pth")).report.at("weights_sha256");
  const auto method = make_method(worker_tests::small_specification(experiments::BaselineOptions{}), 5);
  const std::string before = worker_tests::state_hash(method->module());
  auto& files = core::real_file_system();
  const auto load = [&](const std::string& hash, const std::string& backbone = "resnet-small",
                        core::ErrorKind kind = core::ErrorKind::kInput) {
    return refusal([&] { load_initial_weights(files, store_, hash, backbone, method->module()); }, kind);
  };
  EXPECT_THAT(load(core::sha256_hex("other")), HasSubstr("are not in the store"));
  EXPECT_THAT(load(sha256, "resnet50"), HasSubstr("are not weights of the backbone 'resnet50'"));
  core::Bytes bytes = files.read(store_.weights_file(sha256));
  for (std::size_t at = 0; at < bytes.size(); at += 50'000) {
    core::Bytes damaged = bytes;
    damaged[at] ^= std::byte{1};
    core::write_atomic(files, store_.weights_file(sha256), damaged);
    EXPECT_THAT(load(sha256, "resnet-small", core::ErrorKind::kCorrupt), HasSubstr("are damaged (SHA-256"));
  }
  // A whole safetensors file of something else under its right hash.
  const core::Bytes foreign = networks::encode_safetensors({{"w", at::ones({2})}}, {});
  core::write_atomic(files, store_.weights_file(core::sha256_hex(foreign)), foreign);
  EXPECT_THAT(load(core::sha256_hex(foreign)), HasSubstr("are not weights of the backbone"));
  EXPECT_EQ(before, worker_tests::state_hash(method->module()));
}

TEST_F(WeightsStore, no_damage_to_a_file_is_worse_than_a_refusal) {
  const auto import_bytes = [&](std::span<const std::byte> bytes) {
    const TensorFile opened = open_tensor_file(bytes, "file");
    const TrunkMatch match = match_trunk(opened.tensors, *small_trunk(), {});
    if (match.complete()) read_trunk(opened.tensors, match);
  };
  networks::network_tests::survive_damage(networks::network_tests::golden_bytes("trunk.pth"), import_bytes, 499);
  networks::network_tests::survive_damage(networks::network_tests::golden_bytes("checkpoint_legacy.pth"), import_bytes,
                                          499);
  networks::network_tests::survive_damage(networks::network_tests::golden_bytes("tensors.safetensors"), import_bytes);
}

TEST(TensorFile, safetensors_of_the_python_library_are_read) {
  const core::Bytes bytes = networks::network_tests::golden_bytes("tensors.safetensors");
  const TensorFile opened = open_tensor_file(bytes, "file");
  EXPECT_EQ("safetensors", opened.format);
  EXPECT_TRUE(at::equal(networks::network_tests::values(5, 3).to(at::kHalf), opened.tensors.at("half").read()));
  EXPECT_TRUE(at::equal(networks::network_tests::values(6, 1).view({2, 3}), opened.tensors.at("plain").read()));
}

}  // namespace
}  // namespace resolute::workers::pretrained_test
