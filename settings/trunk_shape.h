#pragma once
//! \file
//! The trunks, each a row of numbers: from it follow the network (networks/nn/backbone.h), the widths of what methods
//! add to one, and the checks that must not wait for a network. Another trunk of these kinds of blocks is a word of
//! Trunk and a row here.

#include <array>
#include <optional>
#include <vector>

#include "settings/training.h"

namespace resolute::settings {

//! The kinds of residual blocks (networks/nn/residual_blocks.h).
enum class TrunkBlock { kBasic, kBottleneck, kInverted };

//! Blocks of one width in a row.
struct TrunkStage {
  int level = 0;     //!< 1 to 5: the feature level that it is part of
  int channels = 0;  //!< of each block's output
  int blocks = 0;
  int stride = 1;     //!< of its first block
  int kernel = 3;     //!< of the convolution that carries the stride
  int expansion = 1;  //!< of inverted blocks: inner channels by those of the input
};

//! Pixels as the loader normalises them, with ImageNet's mean and deviation: red, green, blue; of levels / 255.
inline constexpr std::array<float, 3> kChannelMean{0.485F, 0.456F, 0.406F};
inline constexpr std::array<float, 3> kChannelDeviation{0.229F, 0.224F, 0.225F};

//! Pixels as a trunk's weights were trained on them: (level - mean) / deviation, of levels 0 to 255.
struct PixelScale {
  double mean = 0, deviation = 1;
};

struct TrunkShape {
  TrunkBlock block = TrunkBlock::kBasic;
  int stem_channels = 0, stem_kernel = 3, stem_stride = 1;
  bool pooling = false;                             //!< 3×3 max-pooling of stride 2 behind f1
  std::vector<TrunkStage> stages;                   //!< in order, levels ascending
  int head_channels = 0;                            //!< of a 1×1 convolution that ends f5; 0: the last block does
  double norm_epsilon = 1e-5, norm_momentum = 0.1;  //!< of batch norms
  std::optional<PixelScale> pixels = std::nullopt;  //!< nothing: as the loader normalises them
  bool small = false;                               //!< made for small images on few cores: tables say so in a note
  //! In blocks of levels 1 to this one the first half of the first convolution's channels is instance-normalised, the
  //! rest batch-normalised (IBN-a: Pan et al., "Two at Once: Enhancing Learning and Generalization Capacities via
  //! IBN-Net", ECCV 2018).
  int instance_levels = 0;
  //! The trunk whose convolutions these are: prices that nobody has measured of this one are that one's.
  std::optional<Trunk> same_convolutions = std::nullopt;
  int frozen_levels = 0;  //!< levels 1 to this one keep weights and batch norms' statistics as they came
  //! RAIN's own networks (methods/rain/networks/networks.h): the decoder's maps from f5 on, one for each time that its
  //! sides are doubled up to the image's at last stride 2, and the discriminators.
  std::vector<int> decoder_widths;
  int discriminator_width = 0;

  //! Of f_level, level 1 to 5.
  int channels(int level) const;
  //! Image pixels per pixel of f_level along each side, a power of 2; sides are halved rounding up.
  int stride(int level) const;
  //! Residual blocks of all stages together.
  int blocks() const;
};

//! The row of the network's trunk, with the network's last stride at its last level, and its frozen levels.
TrunkShape trunk_shape(const NetworkSettings& network);

}  // namespace resolute::settings
