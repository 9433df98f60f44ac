#include "networks/weights/published_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/networks/weights/published_homes.h"

namespace resolute::networks::published_names_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace published_homes;

TrunkNames found_in(const FileTensors& tensors, const std::optional<std::string>& prefix = {}) {
  NamedTensors trunk;
  for (const std::string& name : names_of(kTorchvision)) trunk[name];
  return find_trunk(tensors, trunk, prefix);
}

// The names found in torchvision's file with these besides.
TrunkNames with(const std::vector<std::string>& more) {
  FileTensors tensors = file_of(names_of(kTorchvision));
  tensors.merge(file_of(more));
  return found_in(tensors);
}

TEST(PublishedNames, every_home_gives_each_name_its_own) {
  const std::vector<std::string> ours = names_of(kTorchvision);
  ASSERT_THAT(ours, SizeIs(265));
  for (const Home& home : kHomes) {
    const std::vector<std::string> theirs = names_of(home);
    FileTensors tensors = file_of(theirs);
    for (const char* beside : {"fc.weight", "classifier.0.weight", "optimizer.state.0.exp_avg"}) tensors[beside];
    tensors[theirs.back().substr(0, theirs.back().rfind('.')) + ".num_batches_tracked"];
    for (const std::optional<std::string>& prefix : {std::optional<std::string>(), std::optional(home.prefix)}) {
      const TrunkNames names = found_in(tensors, prefix);
      EXPECT_EQ(names.spelling, home.spelling);
      EXPECT_EQ(names.prefix, home.prefix);
      EXPECT_THAT(names.foreign, IsEmpty()) << home.spelling;
      for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(names.in_file.at(ours[i]), theirs[i]);
    }
  }
}

TEST(PublishedNames, what_lies_in_the_levels_and_is_not_the_trunks_tells_another_network) {
  struct Case {
    std::string name, network;
  };
  for (const Case& one : {Case{"layer1.0.se.fc1.bias", "an SE-ResNet"},
                          {"layer2.1.se_module.fc1.weight", "an SE-ResNet"},
                          {"layer3.0.se.conv.weight", "an ECA-ResNet"},
                          {"layer1.0.bn1.IN.weight", "a ResNet with IBN-a"},
                          {"layer1.2.IN.weight", "a ResNet with IBN-b"},
                          {"NL_2.0.g.weight", "a ResNet with non-local blocks"},
                          {"layer2.0.aa.filt", "a ResNet with anti-aliasing"},
                          {"layer1.0.downsample.2.weight", "a ResNet-D"},
                          {"conv1.3.weight", ""},
                          {"layer4.2.conv1.bias", ""},
                          {"layer3.6.conv1.weight", "a deeper ResNet"},
                          {"layer5.0.conv1.weight", "a deeper ResNet"}}) {
    const TrunkNames names = with({one.name});
    EXPECT_THAT(names.foreign, ElementsAre(one.name));
    EXPECT_EQ(names.network, one.network) << one.name;
  }
  for (const char* beside : {"layer4_part.0.conv1.weight", "head.layer1.0.se.fc1.weight", "layer5.weight", "bn2.weight",
                             "layer1.0.bn1.num_batches_tracked", "layer1.0.conv1.total_ops"})
    EXPECT_THAT(with({beside}).foreign, IsEmpty()) << beside;
}

TEST(PublishedNames, the_tensor_that_tells_the_network_is_named_first) {
  const TrunkNames names = with({"layer1.0.bn1.BN.bias", "layer1.0.bn1.IN.bias", "layer1.0.bn1.IN.weight"});
  EXPECT_THAT(names.foreign, ElementsAre("layer1.0.bn1.IN.bias", "layer1.0.bn1.BN.bias", "layer1.0.bn1.IN.weight"));
}

// IBN-Net's names of its ResNet-50: those of torchvision, but for the first norm of a block of the first three levels.
std::vector<std::string> ibn_names(const Home& home, const std::array<int, 4>& blocks = {3, 4, 6, 3}) {
  std::vector<std::string> names;
  for (const std::string& name : names_of(home, blocks)) {
    const auto holds = [&](const std::string& part) { return name.find(part) != std::string::npos; };
    // Not the stem's, nor the last level's.
    const bool mixed = holds("." + home.norms[0] + ".") &&
                       std::any_of(home.levels.begin(), home.levels.begin() + 3,
                                   [&](const auto& level) { return holds(std::string(level) + "."); });
    if (!mixed) {
      names.push_back(name);
      continue;
    }
    const std::size_t leaf = name.rfind('.') + 1;
    if (!name.substr(leaf).starts_with("running")) names.push_back(name.substr(0, leaf) + "IN." + name.substr(leaf));
    names.push_back(name.substr(0, leaf) + "BN." + name.substr(leaf));
  }
  return names;
}

TEST(PublishedNames, a_trunk_with_ibn_a_is_found_and_told_from_one_without) {
  const std::vector<std::string> ours = ibn_names(kTorchvision);
  ASSERT_THAT(ours, SizeIs(265 + 13 * 2));
  NamedTensors trunk;
  for (const std::string& name : ours) trunk[name];
  for (const std::size_t index : {0U, 1U, 2U, 3U}) {  // homes in which a network with IBN-a has been seen, or could be
    const Home& home = kHomes.at(index);
    const std::vector<std::string> theirs = ibn_names(home);
    FileTensors tensors = file_of(theirs);
    tensors[home.prefix + home.levels[0] + ".0.bn1.BN.num_batches_tracked"];
    TrunkNames names = find_trunk(tensors, trunk, {});
    EXPECT_EQ(names.spelling, home.spelling);
    EXPECT_EQ(names.prefix, home.prefix);
    EXPECT_THAT(names.foreign, IsEmpty());
    for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(names.in_file.at(ours[i]), theirs[i]);
    names = find_trunk(file_of(names_of(home)), trunk, {});
    EXPECT_EQ(names.network, "a ResNet without IBN-a");
    EXPECT_EQ(names.foreign.front(), home.prefix + home.levels[0] + ".0.bn1.weight");
    EXPECT_THAT(names.foreign, SizeIs(13 * 4));
    names = found_in(tensors);
    EXPECT_EQ(names.network, "a ResNet with IBN-a");
    EXPECT_THAT(names.foreign, SizeIs(13 * 6));
  }
  EXPECT_EQ(find_trunk(file_of(ibn_names(kTorchvision, {3, 4, 23, 3})), trunk, {}).network, "a deeper ResNet");
  FileTensors gated = file_of(ours);
  gated["layer1.0.se.fc1.weight"];
  EXPECT_EQ(find_trunk(gated, trunk, {}).network, "an SE-ResNet");
}

TEST(PublishedNames, a_deeper_network_is_told_in_every_home) {
  for (const Home& home : kHomes) {
    const TrunkNames names = found_in(file_of(names_of(home, {3, 4, 23, 3})));
    EXPECT_EQ(names.network, "a deeper ResNet") << home.spelling;
    EXPECT_EQ(names.prefix, home.prefix);
    EXPECT_THAT(names.foreign, SizeIs(17 * 15));
  }
}

TEST(PublishedNames, a_block_of_another_network_is_no_home) {
  for (const char* prefix : {"", "state_dict.encoder.block."}) {
    const TrunkNames names =
        found_in(file_of({std::string(prefix) + "conv1.weight", std::string(prefix) + "bn1.bias"}));
    EXPECT_EQ(names.prefix, "");
    EXPECT_EQ(names.spelling, "torchvision");
  }
  EXPECT_EQ(found_in({}, "module.").in_file.at("bn1.bias"), "module.bn1.bias");
}

}  // namespace
}  // namespace resolute::networks::published_names_test
