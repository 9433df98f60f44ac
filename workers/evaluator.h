#pragma once
//! \file
//! Evaluation: embeds the queries of a split (the LR views that a camera would have stored, enlarged) and its gallery
//! (HR), and scores them. What a report shows of features it reads from the file that this writes. Networks compute
//! with batch norms folded (workers/nn/folded_backbone.h), in the precision of their training.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/hdf5/array_file.h"
#include "datasets/pack/pack.h"
#include "datasets/split.h"
#include "experiments/specification.h"
#include "results/gemm.h"
#include "results/single_shot.h"
#include "workers/ddp/communicator.h"
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

//! Images embedded at a time, and shared among process ranks as a whole: the cut must depend on nothing else.
inline constexpr std::size_t kEmbeddingBatch = 64;

struct EmbeddingOptions {
  at::ScalarType precision = at::kFloat;  //!< of the networks; features are float32
  Communicator* communicator = nullptr;   //!< process ranks that share the work; null: a single process
};

//! at::kFloat, or at::kBFloat16 for the recipe precision "bf16": an evaluation computes as its training did.
at::ScalarType embedding_precision(const experiments::Recipe& recipe);

//! Called before each batch and after the last with the number of images done and in all (of this process rank's
//! share). False ends the evaluation.
using EmbeddingProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

//! One image of a pack as a camera would have stored it at a rate, enlarged to network size.
struct ImageView {
  std::size_t row = 0;
  int rate = 1;  //!< 1: the HR image
  bool operator==(const ImageView&) const = default;
};

//! Images are loaded on a thread of their own while the networks compute, on the device where the method's parameters
//! lie. Process ranks bring equal networks; each gets all features, the same bits whatever the number of ranks. The
//! method, its running statistics and its mode stay as they are.
//! \return views × embedding_size() features, row-major; nothing if `progress` of any process rank said so
//! \throws RuntimeError: kCorrupt for a damaged row; kInput for a rate that the pack lacks, or a feature that is not
//! finite; kTransient for a lost process rank
std::optional<std::vector<float>> embed_images(Method& method, const datasets::PackReader& pack,
                                               std::span<const ImageView> views, const EmbeddingOptions& options,
                                               const EmbeddingProgress& progress);

//! The queries and the gallery of a split, as embed_images().
std::optional<Embedding> embed_split(Method& method, const datasets::PackReader& pack, const datasets::Split& split,
                                     const EmbeddingOptions& options, const EmbeddingProgress& progress);

//! The split's scores by the protocol, each query's own too.
results::SingleShotScores score_split(const Embedding& embedding, const datasets::Split& split,
                                      const experiments::EvaluationProtocol& protocol);

//! The metrics of result.json (docs/formats/result.md): fractions, and counts.
std::map<std::string, double> metrics_of(const results::SingleShotScores& scores);

//! Both in one.
std::map<std::string, double> score_embedding(const Embedding& embedding, const datasets::Split& split,
                                              const experiments::EvaluationProtocol& protocol);

//! The file that `resolute rank` reads. \return its SHA-256
std::string write_features(core::FileSystem& files, const std::filesystem::path& path, const Embedding& embedding);

//! libtorch's matrix product, for results/; float32 throughout.
results::Gemm libtorch_gemm();

}  // namespace resolute::workers
