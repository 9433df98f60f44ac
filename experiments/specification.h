#pragma once
//! \file
//! What a job is: the specification from whose canonical JSON its id is hashed (design, §4). Two specifications that
//! are equal here are the same job, wherever and however often it runs. Titles, row labels, node counts, the number of
//! process ranks W and every path stay out of it.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/json.h"

namespace resolute::experiments {

//! 64 lower-case hexadecimal digits: the SHA-256 of a specification's canonical JSON.
struct JobId {
  std::string hex;
  auto operator<=>(const JobId&) const = default;
};

//! The procedural people or vehicles of datasets/sources/synthetic.h. Sizes in pixels.
struct SyntheticSettings {
  std::string subject = "person";  //!< or "vehicle": seen from above, turned any way
  int identities = 64;
  int cameras = 2;
  int images_per_camera = 4;
  int height = 128;
  int width = 64;
  std::uint64_t seed = 0;
  double fine_contrast = 1.0;  //!< contrast of the fine cue (gratings gone at rates 2 and up), 0 to 1
  bool operator==(const SyntheticSettings&) const = default;
};

//! Everything that decides the bytes of a pack, given the raw images. Known before the pack exists.
struct PackSettings {
  std::string name;                            //!< the data set's name: [a-z0-9-]+, part of the folder's name
  std::string source;                          //!< one of source_names() (validation.h)
  std::optional<SyntheticSettings> synthetic;  //!< present exactly when source is "synthetic"
  std::vector<int> rates = {2, 3, 4};          //!< rates r of the low-resolution images, ascending, each 1 to 16
  std::string kernel = "triangle";             //!< down-sampling: "triangle", "bilinear-point", "cubic", "lanczos3"
  int height = 256;                            //!< network size in pixels
  int width = 128;
  int shards = 1;
  //! What the LR image of a camera is shrunk from: "native" (the raw image) or "network" (the one at network size).
  std::string view_from = "native";
  bool operator==(const PackSettings&) const = default;
};

//! How one trial divides a pack into training, query and gallery images.
struct SplitSettings {
  //! Identities: "random-halves" by seed, "official" (the source's subsets), or "published": the source's own test set
  //! of the number `seed`.
  std::string partition = "random-halves";
  std::uint64_t seed = 0;  //!< the trial: keys the halves, the rates drawn and the gallery draws
  int lr_camera = 2;       //!< the camera whose images become low-resolution; 0: images of any camera do (MLR-VRU)
  std::vector<int> query_rates = {2, 3, 4};  //!< rates of low-resolution images, drawn uniformly per image
  std::string train_pool = "mlr";            //!< "mlr", "hr-both-views", "hr-view-only": docs/formats/manifest.md
  int train_identities = 0;                  //!< so many of the training half, drawn by seed; 0: all of it
  //! Whose images become low-resolution: "camera": lr_camera's; "drawn": one camera's, by seed; "pair": of cameras 1
  //! and 2, of 3 and 4, … one each, by seed; "identity": of each identity one of its cameras, by seed. lr_camera is at
  //! its default with all but the first.
  std::string lr_side = "camera";
  int test_identities = 0;  //!< of random-halves: so many are tested, the others train; 0: half
  bool operator==(const SplitSettings&) const = default;
};

//! The network's trunk.
struct NetworkSettings {
  std::string backbone = "resnet50";  //!< "resnet50" or "resnet-small"
  int last_stride = 1;                //!< stride of the last stage, 1 or 2
  bool neck = false;                  //!< a batch norm between the pooled feature and the classifier
  std::string bn_streams = "joint";   //!< HR and LR images share a batch-norm batch ("joint") or not ("separate")
  bool operator==(const NetworkSettings&) const = default;
};

//! How a training runs. A batch holds `identities` × `images` HR images (and, where the method wants them, their LR
//! copies).
struct Recipe {
  int steps = 0;        //!< optimiser steps, at least 1
  int identities = 16;  //!< P identities a global batch
  int images = 4;       //!< K images of each identity
  //! Of the K, how many stand in the batch as LR images alone (datasets/sampling.h); 0: as the pool has them, cameras
  //! taking turns.
  int lr_images = 0;
  std::vector<int> train_rates = {2, 3,
                                  4};  //!< rates of the LR copies, drawn uniformly per image; a subset of the pack's
  double learning_rate = 3.5e-4;       //!< Adam
  double weight_decay = 5e-4;
  std::string decay = "all";      //!< "all" parameters, or "weights": not biases and batch norms
  double gradient_clip = 0;       //!< largest norm of a group's summed gradient; 0: no limit
  int warmup_steps = 0;           //!< linear warm-up from learning_rate / 100
  std::string schedule = "step";  //!< after the warm-up: "step" (milestones) or "cosine" (to 0 at the last step)
  std::vector<int> milestones;    //!< steps at which the rate is multiplied by gamma, ascending
  double gamma = 0.1;
  double label_smoothing = 0;  //!< share of a label's probability spread evenly over all identities, below 1
  //! Share of each identity's training images that carry a label, 0 to 1 (datasets/labelled.h). What the others still
  //! teach is the method's business.
  double labelled_fraction = 1;
  double discriminator_learning_rate = 1e-4;  //!< Adam, betas (0.5, 0.999)
  double flip = 0.5;              //!< probability of a horizontal flip, the same draw for an image and its copy
  int pad = 10;                   //!< zero padding before a random crop back to size, pixels
  double erasing = 0.0;           //!< probability of random erasing
  std::string precision = "f32";  //!< "f32" or "bf16" (autocast)
  bool operator==(const Recipe&) const = default;
};

//! Baseline: one trunk trained with classification and triplet losses.
struct BaselineOptions {
  static constexpr const char* kMethod = "baseline";
  static constexpr int kRevision = 1;  //!< raised when the method's arithmetic changes
  std::string images =
      "hr";  //!< HR images alone (RAIN's table 1), or "stored": each image as the pool has it, HR or LR
  bool classification = true;
  bool triplet = true;
  double margin = 0.3;
  std::string mining = "random";  //!< "random" (literal: one sampled positive and negative), "batch-hard" or "all"
  double classification_weight = 1;
  bool operator==(const BaselineOptions&) const = default;
};

//! RAIN (Chen et al., AAAI 2019). Without the adversary it is the paper's "Baseline (train on HR & LR)" and "without
//! L_adv".
struct RainOptions {
  static constexpr const char* kMethod = "rain";
  static constexpr int kRevision = 1;
  std::vector<int> levels = {4,
                             5};  //!< feature levels with a discriminator, ascending, of 1..5; empty: adversary "off"
  bool classification = true;
  bool triplet = true;
  bool reconstruction = true;
  double margin = 0.3;
  std::string mining = "random";
  std::string adversary = "minimax";    //!< or "non-saturating", or "off" (exactly where levels are empty)
  std::string updates = "alternating";  //!< D steps, then the others against it; or "simultaneous": both from one state
  std::string discriminator = "convolutional";  //!< its layers, or "pixelwise": 1×1 convolutions alone
  std::string decoder = "nearest";              //!< its doublings, or "transposed" convolutions
  double adversarial_weight = 1.0;              //!< the paper's eq. 7 has 1
  double reconstruction_weight = 1.0;
  std::string supervision =
      "all";  //!< or "hr-only-labels": LR copies enter the adversarial and reconstruction losses alone
  bool operator==(const RainOptions&) const = default;
};

//! FTWA (Zhang et al., "Resolution-Invariant Person ReID Based on Feature Transformation and Self-Weighted Attention").
//! Without the weighting it is table 2's FTWA_R, without the transformation too FTWA_B.
struct FtwaOptions {
  static constexpr const char* kMethod = "ftwa";
  static constexpr int kRevision = 1;
  bool classification = true;
  bool triplet = true;
  double margin = 0.3;
  std::string mining = "batch-hard";   //!< mean over the hardest; or "random"; or "all": the sum of eq. 6 as printed
  double classification_weight = 3;    //!< lambda 1
  double triplet_weight = 1;           //!< lambda 2
  bool transformation = true;          //!< RAFT: F'_HR = T(F_LR)
  double transformation_weight = 0.1;  //!< lambda 3
  std::string transformation_detach = "hr";  //!< side of eq. 2 taken as a constant: "hr", "lr" or "none"
  bool transformed_losses = true;            //!< v'_HR enters eqs. 5 and 7; without, T learns from eq. 2 alone
  int transformation_blocks = 4;             //!< RAFT blocks
  bool weighting = true;                     //!< SWA: weights w in eqs. 5 and 7; needs the transformation
  std::string classification_weighting = "per-sample";  //!< or "batch-mean": w's mean over the lane
  std::string triplet_weighting = "batch-mean";         //!< or "per-sample": i-th HR with i-th LR row of an identity
  double weight_balance = 0;  //!< pulls the two weights of a pair of eq. 5 together; 0: the paper
  bool operator==(const FtwaOptions&) const = default;
};

//! MSIFLA (Zhang et al., "Multi-Scale Image- and Feature-Level Alignment for Cross-Resolution Person
//! Re-Identification", Remote Sensing 16(2), 2024). With scales {1} it is table 2's Baseline, with a shared re-ID
//! network its "+ CMSR²".
struct MsiflaOptions {
  static constexpr const char* kMethod = "msifla";
  static constexpr int kRevision = 1;
  //! Rates whose look the cascade's image-recovery (IR) networks aim at, in its order: 1 to 4 of them, descending, the
  //! last 1; each other one of train.train_rates.
  std::vector<int> scales = {3, 2, 1};
  std::string reid_networks = "per-scale";  //!< MR²L: one for each scale; or "shared": one for all
  bool classification = true;
  bool triplet = true;
  double margin = 0.5;
  std::string mining = "batch-hard";
  double recovery_weight = 1;  //!< factor of L_IR
  bool reid_into_ir = true;    //!< L_ReID's gradient reaches the IR networks too
  int ir_width = 64;           //!< channels of an encoder's first part; its second has twice, the decoder's end half
  bool ir_residual = false;    //!< an IR network adds its input to its output
  double ir_learning_rate = 3e-3;  //!< Adam; follows the schedule
  int ir_warmup_steps = 0;         //!< steps of L_IR alone, before the re-ID networks begin
  bool unit_parts = false;         //!< each part of the descriptor is divided by its length
  bool operator==(const MsiflaOptions&) const = default;
};

//! Resolution-adaptive representations (Wu et al., "Learning Resolution-Adaptive Representations for Cross-Resolution
//! Person Re-Identification", arXiv 2207.13037). Plain, with neither varying length nor masks, it is a trunk with a
//! linear layer, classification and verification.
struct ResolutionAdaptiveOptions {
  static constexpr const char* kMethod = "resolution_adaptive";
  static constexpr int kRevision = 1;
  //! The rate of each level of resolution, from the lowest, level 1, to the highest, level m: 2 to 4, descending, the
  //! last 1.
  std::vector<int> level_rates = {4, 3, 2, 1};
  std::vector<int> widths = {512, 512, 512, 512};  //!< dimensions of the sub-vectors v_1 to v_m
  bool varying_length = true;                      //!< an image of level k has v_1 to v_k; off: every image has all m
  std::string masks = "progressive";               //!< or "joint": all from the first step; or "off"
  std::string mask_blocks = "blocks";  //!< a mask behind every residual block, or behind each of the four "stages"
  double mask_mean = 0;                //!< masks start normally distributed, before the sigmoid
  double mask_deviation = 1;
  double mask_learning_rate = 3.5e-4;  //!< Adam; follows the schedule, no weight decay
  int stage_steps = 0;  //!< "progressive": T, steps of a stage; 0: train.steps / (masks + 1), rounded down
  bool classification = true;
  bool verification = true;
  double verification_weight = 1;  //!< lambda
  int verification_width = 512;    //!< hidden units of the MLP
  bool operator==(const ResolutionAdaptiveOptions&) const = default;
};

using MethodOptions = std::variant<BaselineOptions, RainOptions, FtwaOptions, MsiflaOptions, ResolutionAdaptiveOptions>;

struct ShardSpecification {
  PackSettings pack;
  int shard = 0;  //!< 0 to pack.shards - 1
  bool operator==(const ShardSpecification&) const = default;
};

struct SealSpecification {
  PackSettings pack;
  bool operator==(const SealSpecification&) const = default;
};

struct TrainingSpecification {
  MethodOptions method;
  NetworkSettings network;
  Recipe recipe;
  PackSettings pack;
  SplitSettings split;
  int lanes = 1;               //!< L; part of the experiment (design, §6)
  std::string device = "cpu";  //!< "cpu" or "cuda"
  std::uint64_t seed = 0;
  std::string initial_weights;  //!< SHA-256 of the weights started from; empty: from scratch
  bool operator==(const TrainingSpecification&) const = default;
};

struct EvaluationProtocol {
  std::string name = "single-shot";
  int draws = 100;                //!< gallery draws a split
  std::vector<int> query_rates;   //!< query rates; empty: those of the split (an unseen rate goes here)
  int panels = 0;                 //!< queries shown in each panel (ranked galleries, reconstructions); 0: no panels
  std::vector<int> sample_rates;  //!< rates at which test images are embedded for a look at the features; empty: none
  int sample_identities = 35;     //!< test identities in that sample
  bool resolution_probe = false;  //!< measure how well a linear probe tells HR from LR features
  int gallery_rate = 1;           //!< gallery images are shrunk by it first: a control; 1: as they are
  //! How a method of several branches compares: "default", or one of distances_of().
  std::string distance = "default";
  int gallery_copy_rate = 3;  //!< rate of the gallery's LR copies where branches compare those; 0: the query's rate
  //! The level of resolution that a query is taken for, where the method tells levels apart: "known" from its rate,
  //! "native-size" (estimated from the size it was stored at), "highest" or "lowest" whatever it is.
  std::string query_level = "known";
  bool operator==(const EvaluationProtocol&) const = default;
};

struct EvaluationSpecification {
  JobId training;
  PackSettings pack;
  SplitSettings split;
  EvaluationProtocol protocol;
  bool operator==(const EvaluationSpecification&) const = default;
};

using JobSpecification =
    std::variant<ShardSpecification, SealSpecification, TrainingSpecification, EvaluationSpecification>;

//! "shard", "seal", "training", "evaluation".
std::string kind_name(const JobSpecification& specification);
//! The method's name: "baseline", "rain", "ftwa", "msifla", "resolution_adaptive".
std::string method_name(const MethodOptions& options);
//! Every method's name, in alphabetical order.
const std::vector<std::string>& method_names();

//! Whether the level of resolution that an image is taken for makes a difference to the method: resolution_adaptive,
//! unless it is plain.
bool uses_levels(const MethodOptions& options);

//! What EvaluationProtocol::distance may name for a method beside "default"; the first of them is what "default" means.
//! Empty: it compares by the Euclidean distance of one embedding. FTWA has "weighted" (with weighting), "equal" (both
//! branches alike, with the transformation), "hr" (v'_HR, or v_LR without the transformation, against v_HR), "lr" (v_LR
//! against v'_LR of the gallery's copy).
std::vector<std::string> distances_of(const MethodOptions& options);
//! Whether a distance of distances_of() looks at LR copies of gallery images.
bool compares_copies(const std::string& distance);

//! JSON with "kind" and "schema"; every member stands in it, defaults too, so the id never depends on what was left
//! out. A training carries "method", "method_revision" and "options".
core::Json to_json(const JobSpecification& specification);
//! canonical_json() of it, which is hashed to the job's id and stands in its spec.json.
std::string canonical_text(const JobSpecification& specification);
core::Json to_json(const PackSettings& settings);
core::Json to_json(const SplitSettings& settings);

//! What a pack itself says of its settings, and what its folder's name is hashed from: to_json() without the members
//! that came after the first packs, where they have their defaults. So a pack's bytes and place stay what they were.
core::Json settings_in_pack(const PackSettings& settings);

//! The inverse, strict: unknown keys, wrong types, values out of range and another method_revision are refused with a
//! kInput RuntimeError that opens with `where`.
JobSpecification specification_from_json(const core::Json& json, const std::string& where);
PackSettings pack_settings_from_json(const core::Json& json, const std::string& where);
SplitSettings split_settings_from_json(const core::Json& json, const std::string& where);

//! Range checks of every member and of members against one another. Refused: a lane with fewer than 2 identities or,
//! where a triplet loss is on, fewer than 2 images of each; lanes < 1; train_rates that the pack lacks; a discriminator
//! level twice. \throws RuntimeError (kInput), naming the member as the suite file spells it, e.g. 'train.identities'
void validate(const JobSpecification& specification, const std::string& where);

//! Lane sizes in identities: P identities over L lanes, the first P mod L lanes have one more.
std::vector<int> identities_per_lane(int identities, int lanes);

JobId job_id(const JobSpecification& specification);

}  // namespace resolute::experiments
