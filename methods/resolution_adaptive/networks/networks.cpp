#include "methods/resolution_adaptive/networks/networks.h"

#include "core/error.h"
#include "networks/nn/losses.h"
#include "networks/nn/placed.h"

namespace resolute::methods {

at::Tensor one_hot_levels(const at::Tensor& levels, std::int64_t count, const at::Tensor& like) {
  RESOLUTE_EXPECT(levels.ge(1).logical_and(levels.le(count)).all().item<bool>(), "levels are 1 to m");
  return networks::placed(levels.unsqueeze(1).eq(at::arange(1, count + 1)).to(like.scalar_type()), like.device());
}

ResolutionMask::ResolutionMask(std::int64_t count, std::int64_t channels, double mean, double deviation)
    : mean_(mean), deviation_(deviation) {
  levels = register_parameter("levels", at::zeros({count, channels}));
}

at::Tensor ResolutionMask::factors(const at::Tensor& one_hot, bool frozen) const {
  const at::Tensor of_level = at::sigmoid(frozen ? levels.detach() : levels);
  return (one_hot.unsqueeze(2) * of_level.unsqueeze(0)).sum(1);
}

void ResolutionMask::initialise(std::uint64_t seed, const std::string& name) {
  networks::fill_normal(levels, deviation_, seed, name + ".levels");
  const at::NoGradGuard no_grad;
  levels.add_(mean_);
}

ResolutionMasks::ResolutionMasks(const settings::TrunkShape& shape, const ResolutionAdaptiveOptions& options) {
  const bool stages = options.mask_blocks == MaskBlocks::kStages;
  int number = 0;
  for (const settings::TrunkStage& stage : shape.stages) {
    const std::string layer = "layer" + std::to_string(++number);
    const auto made = [&] {
      return std::make_shared<ResolutionMask>(static_cast<std::int64_t>(options.level_rates.size()), stage.channels,
                                              options.mask_mean, options.mask_deviation);
    };
    if (stages) {
      for (int block = 0; block < stage.blocks; ++block)
        mask_behind_.push_back(block + 1 == stage.blocks ? masks_.size() : kNone);
      names_.push_back(layer);
      masks_.push_back(register_module(layer, made()));
      continue;
    }
    torch::nn::ModuleList list;
    for (int block = 0; block < stage.blocks; ++block) {
      mask_behind_.push_back(masks_.size());
      names_.push_back(fmt::format("{}.{}", layer, block));
      masks_.push_back(made());
      list->push_back(masks_.back());
    }
    register_module(layer, list);
  }
}

networks::AfterBlock ResolutionMasks::after_block(const at::Tensor& one_hot, ActingMasks acting) const {
  return [this, one_hot, acting](std::size_t block, const at::Tensor& map) {
    const std::size_t mask = mask_behind_[block];
    if (mask == kNone || mask < acting.first) return map;
    const at::Tensor factors = masks_[mask]->factors(one_hot, mask >= acting.frozen).to(map.scalar_type());
    return map * factors.view({map.size(0), map.size(1), 1, 1});
  };
}

std::vector<at::Tensor> ResolutionMasks::scales(int level, ActingMasks acting) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> found;
  for (const std::size_t mask : mask_behind_)
    found.push_back(mask == kNone || mask < acting.first ? at::Tensor() : at::sigmoid(masks_[mask]->levels[level - 1]));
  return found;
}

at::Tensor ResolutionMasks::values(std::size_t mask) const {
  const at::NoGradGuard no_grad;
  return at::sigmoid(masks_[mask]->levels).to(at::kCPU, at::kFloat).contiguous();
}

at::Tensor zero_padded(const at::Tensor& rows, const at::Tensor& lengths) {
  const at::Tensor column = at::arange(rows.size(1), rows.options().dtype(at::kLong));
  const at::Tensor kept = column.unsqueeze(0) < networks::placed(lengths, rows.device()).unsqueeze(1);
  return at::where(kept, rows, at::zeros({}, rows.options()));
}

at::Tensor verification_logits(const networks::Linear& first, const networks::Linear& second,
                               const at::Tensor& differences) {
  const at::Tensor product = at::linear(differences, first.weight);
  const at::Tensor hidden = at::cat({first.bias + product, first.bias - product}).relu_();
  return second.forward(hidden).squeeze(1);
}

at::Tensor verification_loss(const at::Tensor& logits) {
  if (logits.size(0) == 0) return networks::zero_loss(logits);
  const at::Tensor wide = networks::loss_precision(logits);
  const std::int64_t quarter = wide.size(0) / 4;
  const at::Tensor same = at::ones({quarter}, wide.options()), other = at::zeros({quarter}, wide.options());
  return at::binary_cross_entropy_with_logits(wide, at::cat({same, other, same, other}));
}

}  // namespace resolute::methods
