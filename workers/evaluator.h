#pragma once
//! \file
//! Evaluation: embeds the queries of a split (the LR views that a camera would have stored, enlarged) and its gallery
//! (HR), and scores them. What a report shows of features it reads from the file that this writes.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "datasets/hdf5/array_file.h"
#include "datasets/pack/pack.h"
#include "datasets/split.h"
#include "experiments/specification.h"
#include "results/gemm.h"
#include "workers/methods/method.h"

namespace resolute::workers {

//! One side of a ranking. Rows stand in the split's order.
struct EmbeddedImages {
  std::size_t dimension = 0;
  std::vector<float> features;  //!< rows × dimension, row-major
  std::vector<std::int64_t> identities;
  std::vector<std::int64_t> cameras;
  std::size_t rows() const { return identities.size(); }
};

struct Embedding {
  EmbeddedImages query;
  EmbeddedImages gallery;
};

//! Images embedded at a time. Fixed: features must not depend on a machine's memory.
inline constexpr std::size_t kEmbeddingBatch = 64;

//! Called between batches with the number of images done and in all; may throw to end the evaluation.
using EmbeddingProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

//! \throws RuntimeError: kCorrupt for a damaged row; kInput for a rate that the pack lacks; kEnvironment for a feature
//! that is
//!         not finite
Embedding embed_split(Method& method, const datasets::PackReader& pack, const datasets::Split& split,
                      const EmbeddingProgress& progress);

//! The metrics of result.json (docs/formats/result.md): fractions, and counts.
std::map<std::string, double> score_embedding(const Embedding& embedding, const datasets::Split& split,
                                              const experiments::EvaluationProtocol& protocol);

//! The file that `resolute rank` reads. \return its SHA-256
std::string write_features(core::FileSystem& files, const std::filesystem::path& path, const Embedding& embedding);

//! libtorch's matrix product, for results/; float32 throughout.
results::Gemm libtorch_gemm();

}  // namespace resolute::workers
