#pragma once
//! \file
//! The network that is trained, and how.

#include <cmath>
#include <string>
#include <vector>

#include "settings/degradation.h"
#include "settings/member.h"

namespace resolute::settings {

//! Feature levels f1 … f5 of every trunk.
inline constexpr int kTrunkLevels = 5;

enum class Trunk { kResnet50, kResnetSmall, kEfficientnetLite0, kResnet50IbnA };
constexpr auto words_of(Trunk) { return words("resnet50", "resnet-small", "efficientnet-lite0", "resnet50-ibn-a"); }

//! HR and LR images share a batch-norm batch, or have their own.
enum class BatchNormStreams { kJoint, kSeparate };
constexpr auto words_of(BatchNormStreams) { return words("joint", "separate"); }

//! The image from which a training makes its LR copies.
enum class CopiesFrom {
  kNative,   //!< the image from which the pack's LR views are made: the raw image, unless PackSettings::view_from says
             //!< otherwise. An image and its copy then differ as a gallery image and a query do
  kNetwork,  //!< the image at network size. Copies of smaller raw images then have a higher resolution than queries of
             //!< the same rate, copies of larger raw images a lower one
};
constexpr auto words_of(CopiesFrom) { return words("native", "network"); }

//! The unit that keeps its label with Recipe::labelled_fraction.
enum class LabelledBy {
  kImage,     //!< a share of each identity's images
  kIdentity,  //!< all images of a share of the identities
};
constexpr auto words_of(LabelledBy) { return words("image", "identity"); }

//! The number of identities that keep their labels with LabelledBy::kIdentity: rounded to the nearest.
inline int labelled_identities(double fraction, int identities) {
  return static_cast<int>(std::floor(fraction * identities + 0.5));
}

//! As in torch.optim.
enum class Optimiser { kAdam, kAdamw, kSgd };
constexpr auto words_of(Optimiser) { return words("adam", "adamw", "sgd"); }

enum class Decay { kAll, kWeights };
constexpr auto words_of(Decay) { return words("all", "weights"); }

enum class Schedule { kStep, kCosine, kConstant, kLinear, kPolynomial };
constexpr auto words_of(Schedule) { return words("step", "cosine", "constant", "linear", "polynomial"); }

//! Changes of an image's colours that are drawn from a list.
enum class ColourPolicy {
  kNone,
  kRandAugmentColour,  //!< RandAugment (Cubuk et al., NeurIPS 2020) without what moves pixels: two of nine operations
};
constexpr auto words_of(ColourPolicy) { return words("none", "rand-augment-colour"); }

//! Float32; autocast to bfloat16; or float32 whose products a GPU forms of factors with 10 bits behind the point in
//! place of 23 (NVIDIA's TF32).
enum class Precision { kF32, kBf16, kTf32 };
constexpr auto words_of(Precision) { return words("f32", "bf16", "tf32"); }

enum class Device { kCpu, kCuda };
constexpr auto words_of(Device) { return words("cpu", "cuda"); }

//! The network's trunk.
struct NetworkSettings {
  Trunk backbone = Trunk::kResnet50;
  int last_stride = 1;
  bool neck = false;
  BatchNormStreams bn_streams = BatchNormStreams::kJoint;
  int frozen_levels = 0;
  bool operator==(const NetworkSettings&) const = default;

  static void members(auto&& visit) {
    using N = NetworkSettings;
    visit(member("backbone", &N::backbone, "the trunk; in suites also backbone alone"));
    visit(member("last_stride", &N::last_stride, between(1, 2), "stride of the last stage"));
    visit(member("neck", &N::neck, "a batch norm between the pooled feature and the classifier"));
    visit(member("bn_streams", &N::bn_streams,
                 "separate: HR and LR images are in batch-norm batches of their own (rain, cadnet, ftwa, "
                 "resolution_adaptive; the others' networks see all images together)"));
    visit(member("frozen_levels", &N::frozen_levels, between(0, kTrunkLevels),
                 "levels of the trunk, from the image on, that keep their weights and their batch norms' statistics as "
                 "they came"));
  }
};

//! How a training runs. A batch holds `identities` × `images` HR images (and, where the method wants them, their LR
//! copies).
struct Recipe {
  int steps = 0;
  int identities = 16;
  int images = 4;
  int lr_images = 0;  //!< datasets/loader/sampling.h
  std::vector<int> train_rates = {2, 3, 4};
  CopiesFrom copies_from = CopiesFrom::kNative;
  DegradationSettings copies = {};  //!< of LR copies; with a rate they are shrunk from the image at network size
  Optimiser optimiser = Optimiser::kAdam;
  double momentum = 0;
  bool nesterov = false;
  double learning_rate = 3.5e-4;
  double trunk_learning_rate_factor = 1;
  double layer_decay = 1;
  double weight_decay = 5e-4;
  Decay decay = Decay::kAll;
  double gradient_clip = 0;
  int warmup_steps = 0;
  Schedule schedule = Schedule::kStep;
  std::vector<int> milestones;
  double gamma = 0.1;
  double power = 1;
  double ema = 0;
  double label_smoothing = 0;
  double labelled_fraction = 1;  //!< datasets/split/labelled.h
  LabelledBy labelled_by = LabelledBy::kImage;
  //! A group of parameters whose gradient is exactly zero in a step does not move in it. No suite sets it: planning
  //! does where steps without any loss are the rule (experiments/planning/normalised.h). Without it weight decay moves
  //! such a group, by Adam's full rate once its moments hold nothing else.
  bool rests_without_loss = false;
  double discriminator_learning_rate = 1e-4;
  double flip = 0.5;
  int pad = 10;
  double erasing = 0.0;
  double jitter = 0;  //!< datasets/loader/augmentation.h, and the six that follow; strengths are fast-reid's
  double jitter_brightness = 0.15;
  double jitter_contrast = 0.15;
  double jitter_saturation = 0.1;
  double jitter_hue = 0.1;
  ColourPolicy policy = ColourPolicy::kNone;
  int policy_magnitude = 9;
  Precision precision = Precision::kF32;
  //! Groups of parameters that keep their values (methods::Row::groups), or parts of the module of a method in Python:
  //! names in order, joined by ','. A suite says so by a row's `freeze`.
  std::string frozen;
  //! Not 0: a program that is not resolute-worker trains (docs/inside/worker.md), so its jobs have other ids.
  int program = 0;
  //! SHA-256 of that program's files (`worker_files` of a suite), or of a method's file, 64 hexadecimal digits; empty:
  //! they are not named.
  std::string program_sha256;
  //! The options of a method in Python, which that one file is: the canonical JSON of an object, all of them by value.
  //! Empty: it is a program of another kind, or resolute-worker trains.
  std::string program_options;
  bool operator==(const Recipe&) const = default;

  static constexpr int kMostSteps = 100'000'000;
  static constexpr int kMostImages = 1'000'000;  // of a batch
  static constexpr int kLargestPad = 256;

  static void members(auto&& visit) {
    using R = Recipe;
    visit(member("steps", &R::steps, between(1, kMostSteps), "optimiser steps"));
    visit(member("identities", &R::identities, between(1, kMostImages), "P identities per batch, at least 2 per lane"));
    visit(member("images", &R::images, between(1, kMostImages), "K images of each identity"));
    visit(member("lr_images", &R::lr_images, at_least(0),
                 "so many of the K stand in the batch as LR images alone, 0 to K - 1; 0: as the training pool has "
                 "them, cameras taking turns"));
    visit(member("train_rates", &R::train_rates, some_rates(),
                 "rates of the LR copies, drawn uniformly per image: of the data set's rates, or 1, which every pack "
                 "holds. msifla takes a copy at each of them"));
    visit(member("copies_from", &R::copies_from,
                 "size of the image that LR copies are shrunk from: native, as queries are, or network, that of height "
                 "and width"));
    visit(member("copies", &R::copies, "what is done to LR copies besides").spelled("").silent_at_default());
    visit(
        member(
            "optimiser", &R::optimiser,
            "adam, adamw (weight decay apart from the gradient) or sgd, of all networks but the discriminators of rain "
            "and cadnet, which keep Adam")
            .silent_at_default());
    visit(member("momentum", &R::momentum, between(0, 0.9999), "of sgd").silent_at_default());
    visit(member("nesterov", &R::nesterov, "sgd's momentum is Nesterov's").silent_at_default());
    visit(member("learning_rate", &R::learning_rate, above_zero(10), "of train.optimiser"));
    visit(member("trunk_learning_rate_factor", &R::trunk_learning_rate_factor, above_zero(10),
                 "factor of the rate of a trunk's parameters; what a method adds to it has the rate itself")
              .silent_at_default());
    visit(member(
              "layer_decay", &R::layer_decay, above_zero(1),
              "factor of the rate from each level of a trunk to the one below: level 5 has it once, level 1 five times")
              .silent_at_default());
    visit(member("weight_decay", &R::weight_decay, between(0, 1), "of train.optimiser"));
    visit(member("decay", &R::decay,
                 "which parameters weight_decay draws to zero: all, or weights (not biases and batch norms)"));
    visit(member("gradient_clip", &R::gradient_clip, between(0, 1e9),
                 "largest norm of a parameter group's gradient, summed over lanes; 0: no limit"));
    visit(member("warmup_steps", &R::warmup_steps, at_least(0),
                 "linear warm-up from a hundredth of learning_rate, at most train.steps"));
    visit(member(
        "schedule", &R::schedule,
        "after the warm-up: step (milestones), constant, or down to 0 behind the last step: cosine (half a period), "
        "linear or polynomial (power)"));
    visit(member("milestones", &R::milestones, ascending(1, kMostSteps),
                 "steps at which the rate is multiplied by gamma"));
    visit(member("gamma", &R::gamma, above_zero(1), "factor of the rate at each milestone"));
    visit(
        member("power", &R::power, above_zero(10), "of a polynomial schedule: that of the share of steps that are left")
            .silent_at_default());
    visit(member("ema", &R::ema, between(0, 0.99999),
                 "decay of a moving average over steps, of weights and running statistics, which evaluations and the "
                 "result have in their place; 0: none")
              .silent_at_default());
    visit(member("label_smoothing", &R::label_smoothing, between(0, 0.999),
                 "share of a label's probability spread evenly over all identities"));
    visit(
        member("labelled_fraction", &R::labelled_fraction, between(0, 1),
               "share of each identity's training images that keep their label; what the others teach is the "
               "method's business. A batch that holds less than one label on average: parameters that no loss asks for "
               "in a step do not move"));
    visit(member("labelled_by", &R::labelled_by,
                 "with labelled_fraction: that share of each identity's images keeps its label, or all images of that "
                 "share of the identities (identity)")
              .silent_at_default());
    visit(member("rests_without_loss", &R::rests_without_loss,
                 "parameters that no loss asks for in a step do not move: planning sets it by labelled_fraction")
              .spelled("")
              .silent_at_default());
    visit(member("discriminator_learning_rate", &R::discriminator_learning_rate, above_zero(10),
                 "of the discriminators' Adam, betas (0.5, 0.999)"));
    visit(member("flip", &R::flip, between(0, 1),
                 "probability of a horizontal flip, the same draw for an image and its copy"));
    visit(member("pad", &R::pad, between(0, kLargestPad),
                 "zero padding before a random crop back to size, pixels; at most height and width"));
    visit(member("erasing", &R::erasing, between(0, 1), "probability of random erasing"));
    visit(
        member("jitter", &R::jitter, between(0, 1),
               "probability that brightness, contrast, saturation and hue change, in drawn order and before all else, "
               "as torchvision's ColorJitter changes them; the same draw for an image and its copy")
            .silent_at_default());
    visit(member("jitter_brightness", &R::jitter_brightness, between(0, 1),
                 "with jitter: the factor of the brightness is 1 give or take so much at most; 0: as it is")
              .silent_at_default());
    visit(member("jitter_contrast", &R::jitter_contrast, between(0, 1),
                 "with jitter: likewise the factor of the contrast")
              .silent_at_default());
    visit(member("jitter_saturation", &R::jitter_saturation, between(0, 1),
                 "with jitter: likewise the factor of the saturation")
              .silent_at_default());
    visit(member("jitter_hue", &R::jitter_hue, between(0, 0.5),
                 "with jitter: the hue turns by so much at most either way; 1 would be a whole turn")
              .silent_at_default());
    visit(member("policy", &R::policy,
                 "rand-augment-colour: after the jitter two operations of RandAugment's, drawn of those that move no "
                 "pixel: brightness, contrast, colour, sharpness, posterize, solarize, autocontrast, equalize, none")
              .silent_at_default());
    visit(member("policy_magnitude", &R::policy_magnitude, between(0, 30), "of those operations, of 30")
              .silent_at_default());
    visit(member("precision", &R::precision, "a training's evaluation computes in it too; tf32 on GPUs alone"));
    visit(member("frozen", &R::frozen, "groups of parameters that keep their values, as a row's freeze names them")
              .spelled("")
              .silent_at_default());
    visit(member("program", &R::program, at_least(0),
                 "number that you give to a program of yours that trains in place of resolute-worker (worker), another "
                 "one to each version; 0: resolute-worker trains")
              .silent_at_default());
    visit(member("program_sha256", &R::program_sha256,
                 "SHA-256 of the program's files, as a suite's worker_files names them")
              .spelled("")
              .silent_at_default());
    visit(member("program_options", &R::program_options, "options of a method in Python (a suite's [[method]])")
              .spelled("")
              .silent_at_default());
  }
};

//! Numbers that the optimiser keeps of each parameter from step to step.
inline int moments(const Recipe& recipe) {
  if (recipe.optimiser != Optimiser::kSgd) return 2;
  return recipe.momentum > 0 ? 1 : 0;
}

}  // namespace resolute::settings
