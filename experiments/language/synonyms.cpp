#include "experiments/language/synonyms.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace resolute::experiments {

const std::vector<Synonym>& synonyms() {
  static const std::vector<Synonym> all{
      {{"lr", "base_lr", "init_lr", "max_lr"}, {"train.learning_rate"}, {}},
      {{"batch_size", "batchsize", "batch", "bs", "ims_per_batch", "train_batch_size"},
       {"train.identities", "train.images"},
       "a batch has 'train.identities' × 'train.images' images"},
      {{"num_instances", "num_instance", "instances"}, {"train.images"}, {}},
      {{"num_pids"}, {"train.identities"}, {}},
      {{"optimizer", "optim", "opt"}, {"train.optimiser"}, {}},
      {{"betas", "beta1", "beta2", "eps"}, {"train.optimiser"}, "Adam has PyTorch's betas and eps; no key sets them"},
      {{"wd", "l2"}, {"train.weight_decay"}, {}},
      {{"num_epochs", "max_epochs", "max_epoch", "n_epochs", "nb_epochs"}, {"train.epochs"}, {}},
      {{"max_steps", "num_steps", "iterations", "max_iter", "iters", "num_iters"}, {"train.steps"}, {}},
      {{"scheduler", "lr_scheduler", "sched"}, {"train.schedule"}, {}},
      {{"step_size", "stepsize", "lr_steps"}, {"train.milestones", "train.milestone_epochs"}, {}},
      {{"lr_decay", "lr_gamma"}, {"train.gamma"}, {}},
      {{"warmup", "warmup_iters", "warm_up"}, {"train.warmup_steps", "train.warmup_epochs"}, {}},
      {{"clip", "grad_clip", "clip_grad", "clip_grad_norm", "max_grad_norm", "gradient_clip_val", "max_norm"},
       {"train.gradient_clip"},
       {}},
      {{"smoothing", "smooth"}, {"train.label_smoothing"}, {}},
      {{"model_ema", "moving_average"}, {"train.ema"}, {}},
      {{"pretrained", "pretrain", "pretrained_weights", "checkpoint", "init_weights"},
       {"weights"},
       "did you mean 'weights', as weights = \"imagenet\""},
      {{"amp", "fp16", "half", "bf16", "tf32", "mixed_precision", "autocast", "dtype"},
       {"train.precision"},
       "did you mean 'train.precision', which is f32, bf16 or tf32"},
      {{"seed", "seeds", "random_seed", "manual_seed", "rng_seed"},
       {"trials"},
       "did you mean 'trials': trial t has seed t, from 0"},
      {{"augment", "augmentation", "augmentations", "transforms", "transform", "data_augmentation"},
       {"train.flip", "train.pad", "train.erasing", "train.jitter", "train.policy"},
       {}},
      {{"random_erasing", "random_erase", "rea"}, {"train.erasing"}, {}},
      {{"random_flip", "hflip", "horizontal_flip"}, {"train.flip"}, {}},
      {{"random_crop", "padding"}, {"train.pad"}, {}},
      {{"color_jitter", "colour_jitter"}, {"train.jitter"}, {}},
      {{"randaugment", "rand_augment", "autoaugment", "trivial_augment"}, {"train.policy"}, {}},
      {{"num_workers", "pin_memory", "prefetch_factor", "persistent_workers"},
       {},
       "no key sets how images are loaded: each process rank loads ahead by as many threads as its machine has room "
       "for"},
      {{"world_size", "nproc", "nproc_per_node", "num_gpus", "gpus", "n_gpu", "devices", "local_rank"},
       {"lanes", "ranks"},
       "'ranks' processes train one job, a GPU each, and 'lanes' says into how many parts a batch is cut"},
      {{"cuda", "gpu", "use_gpu", "accelerator"}, {"device"}, "did you mean 'device', as device = \"cuda\""},
      {{"model", "arch", "architecture", "net"}, {"network.backbone"}, {}},
      {{"bnneck", "neck_feat"}, {"network.neck"}, {}},
      {{"freeze_layers", "freeze_at", "frozen_stages"}, {"network.frozen_levels"}, {}},
      {{"img_size", "image_size", "input_size", "size", "size_train"}, {"height", "width"}, {}},
      {{"scales_lr", "downsample", "downsampling", "scale_factor", "sr_scale"}, {"rates"}, {}},
      {{"interpolation", "resample"}, {"kernel"}, {}},
      {{"rerank", "re_rank", "reranking"}, {"evaluate.re_ranking"}, {}},
      {{"dist_metric", "distance_metric"}, {"evaluate.distance"}, {}},
      {{"test_flip", "flip_test", "tta"}, {"evaluate.flip"}, {}},
  };
  return all;
}

std::string squeezed(std::string_view word) {
  std::string result;
  for (const char c : word)
    if (c != '_' && c != '-') result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

const Synonym* synonym_of(std::string_view key) {
  const std::string word = squeezed(key.substr(key.rfind('.') + 1));
  const auto found = std::ranges::find_if(synonyms(), [&](const Synonym& synonym) {
    return std::ranges::find(synonym.words, word, squeezed) != synonym.words.end();
  });
  return found == synonyms().end() ? nullptr : &*found;
}

std::string hint_of(const Synonym& synonym) {
  if (!synonym.remark.empty()) return std::string(synonym.remark);
  return fmt::format("did you mean '{}'", fmt::join(synonym.keys, "', '"));
}

std::string hint_to_settings(std::string_view key) {
  const Synonym* synonym = synonym_of(key);
  if (synonym == nullptr) return {};
  return hint_of(*synonym) + (synonym->keys.empty() ? "" : ", which stands in [defaults], a profile or a row");
}

}  // namespace resolute::experiments
