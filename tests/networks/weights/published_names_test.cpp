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
