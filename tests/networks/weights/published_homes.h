#pragma once
//! \file
//! How published networks write the names of a ResNet of bottleneck blocks, told apart from the code that finds them.

#include <array>
#include <string>
#include <vector>

#include "networks/weights/published_names.h"

namespace resolute::networks::published_homes {

//! How one home writes its names.
struct Home {
  std::string spelling, prefix, stem, stem_norm;
  std::array<std::string, 4> levels;
  std::array<std::string, 3> convolutions, norms;
  std::string shortcut, shortcut_norm;
};

inline const std::array<std::string, 4> kLevels{"layer1", "layer2", "layer3", "layer4"},
    kResLevels{"res2", "res3", "res4", "res5"};
inline const std::array<std::string, 3> kConvolutions{"conv1", "conv2", "conv3"}, kNorms{"bn1", "bn2", "bn3"},
    kInnerNorms{"conv1.norm", "conv2.norm", "conv3.norm"};
inline const Home kTorchvision{"torchvision", "",     "conv1",        "bn1",         kLevels,
                               kConvolutions, kNorms, "downsample.0", "downsample.1"};

inline Home numbered(const std::string& spelling, const std::array<std::string, 4>& levels) {
  return {spelling, "state_dict.module.base.", "0", "1", levels, kConvolutions, kNorms, "downsample.0", "downsample.1"};
}

inline const std::array kHomes{
    kTorchvision,
    Home{"torchvision", "model.backbone.", "conv1", "bn1", kLevels, kConvolutions, kNorms, "downsample.0",
         "downsample.1"},
    Home{"layer0", "module.", "layer0.conv1", "layer0.bn1", kLevels, kConvolutions, kNorms, "downsample.0",
         "downsample.1"},
    numbered("numbered", {"4", "5", "6", "7"}),
    numbered("numbered-without-relu", {"3", "4", "5", "6"}),
    Home{"hugging-face",
         "resnet.",
         "embedder.embedder.convolution",
         "embedder.embedder.normalization",
         {"encoder.stages.0.layers", "encoder.stages.1.layers", "encoder.stages.2.layers", "encoder.stages.3.layers"},
         {"layer.0.convolution", "layer.1.convolution", "layer.2.convolution"},
         {"layer.0.normalization", "layer.1.normalization", "layer.2.normalization"},
         "shortcut.convolution",
         "shortcut.normalization"},
    Home{"detectron2", "model.backbone.bottom_up.", "stem.conv1", "stem.conv1.norm", kResLevels, kConvolutions,
         kInnerNorms, "shortcut", "shortcut.norm"},
    Home{"detectron2-without-stem", "backbone.", "conv1", "conv1.norm", kResLevels, kConvolutions, kInnerNorms,
         "shortcut", "shortcut.norm"}};

//! \param blocks of each level
inline std::vector<std::string> names_of(const Home& home, const std::array<int, 4>& blocks = {3, 4, 6, 3}) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& convolution, const std::string& norm) {
    names.push_back(home.prefix + convolution + ".weight");
    for (const char* leaf : {"weight", "bias", "running_mean", "running_var"})
      names.push_back(home.prefix + norm + "." + leaf);
  };
  add(home.stem, home.stem_norm);
  for (std::size_t level = 0; level < blocks.size(); ++level)
    for (int b = 0; b < blocks.at(level); ++b) {
      const std::string block = home.levels.at(level) + "." + std::to_string(b) + ".";
      for (std::size_t i = 0; i < home.norms.size(); ++i)
        add(block + home.convolutions.at(i), block + home.norms.at(i));
      if (b == 0) add(block + home.shortcut, block + home.shortcut_norm);
    }
  return names;
}

inline FileTensors file_of(const std::vector<std::string>& names) {
  FileTensors tensors;
  for (const std::string& name : names) tensors[name];
  return tensors;
}

}  // namespace resolute::networks::published_homes
