#pragma once
//! \file
//! Evaluation: embeds the queries of a split (the LR views that a camera would have stored, enlarged) and its gallery
//! (HR), and scores them: by the Euclidean distance of one embedding, or by the distance of a method with several
//! branches (results/scores/branched_distance.h). A report reads the features that it shows from the file that this
//! writes.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "datasets/hdf5/array_file.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "experiments/specification/specification.h"
#include "methods/networks/method.h"
#include "results/kernel/gemm.h"
#include "results/pictures/panels.h"
#include "results/scores/galleries.h"
#include "workers/evaluation/image_embedding.h"

namespace resolute::workers {

//! The identity on each image of one side of a ranking, in the split's order.
struct ImageLabels {
  std::vector<std::int64_t> identities;
  std::vector<std::int64_t> cameras;  //!< empty where they mean nothing (split.lr_camera 0)
  std::size_t rows() const { return identities.size(); }
};

//! \param items split.query or split.gallery
template <class Items>
ImageLabels image_labels(const datasets::Split& split, const Items& items) {
  ImageLabels labels;
  for (const auto& item : items) {
    labels.identities.push_back(item.identity);
    if (split.options.lr_camera != 0) labels.cameras.push_back(item.camera);
  }
  return labels;
}

//! One side of a ranking by one embedding.
struct EmbeddedImages : ImageLabels {
  std::size_t dimension = 0;
  std::vector<float> features;  //!< rows × dimension, row-major
};

//! The same as rankings want it; alive as long as its source.
results::Labels labels_of(const ImageLabels& images);
results::FeatureMatrix matrix_of(const EmbeddedImages& images);

//! The inputs of a ranking by one embedding: nearest by the Euclidean distance first, unless the protocol re-ranks.
struct FeatureEmbedding {
  EmbeddedImages query;
  EmbeddedImages gallery;
  //! Empty unless the method tells levels of resolution apart: each query's level, and how many leading dimensions
  //! it is compared by.
  std::vector<int> levels{};
  std::vector<std::int64_t> prefix{};
  double level_agreement = 0;  //!< share of the queries whose level is that of their rate; 0 without a query
};

//! The result of a ranking by several branches.
struct DistanceEmbedding {
  ImageLabels query;
  ImageLabels gallery;
  std::vector<float> distances;  //!< queries × gallery, row-major; rounded from branched_distances(), so that scores
                                 //!< here are those of the file
  //! The learned weights in the distance "weighted", as means over all pairs of a query and a gallery image:
  //! weight_query_NAME and weight_gallery_NAME of each branch, NAME_share of each but the last: what part of the pair's
  //! weight the branch has.
  std::map<std::string, double> weights;
};

using Embedding = std::variant<FeatureEmbedding, DistanceEmbedding>;

//! How queries are compared with gallery images.
struct Comparison {
  std::string distance{};     //!< one of experiments::distances_of(); empty: one embedding
  bool unit_length = false;   //!< features of one embedding are made so long: cosines
  int gallery_rate = 1;       //!< gallery images are shrunk by it first; 1 where `distance` is not empty
  int gallery_copy_rate = 3;  //!< of the gallery's LR copies; 0: each query's own rate
  settings::QueryLevel query_level = settings::QueryLevel::kKnown;  //!< as EvaluationProtocol::query_level
};

//! The level that each query of a split is taken for. \param level_rates Tells::level_rates, not empty
//! \param query_level as EvaluationProtocol::query_level; kKnown takes one whose rate nobody knows (0) by its size
std::vector<int> query_levels(const std::vector<int>& level_rates, const ImageSource& source,
                              const datasets::Split& split, settings::QueryLevel query_level);

//! The comparison that the protocol asks of the method's trainings. \pre experiments::check() of both has passed
Comparison comparison_of(const experiments::EvaluationProtocol& protocol, const experiments::MethodOptions& method);

//! The split that an evaluation asks: `trial`, or where the protocol's query_rates are not empty the same
//! trial with queries at those. \throws RuntimeError (kInput) naming the key evaluate.query_rates where they are others
//! than the trial's and its queries came in low resolution, which no rate changes; what make_split() throws
datasets::Split split_asked(const datasets::PackReader& pack, const datasets::Split& trial,
                            const std::vector<int>& query_rates);

//! The images that embed_split() passes through networks, all process ranks together.
std::uint64_t images_to_embed(const methods::Method& method, const datasets::Split& split,
                              const Comparison& comparison);

//! Rows that embed_images() would make of the views, the first `queries` of which are queries, where they are there
//! already.
using KnownFeatures = std::function<std::optional<std::vector<float>>(std::span<const ImageView> views,
                                                                      std::size_t queries, std::size_t dimension)>;

//! The queries and the gallery of a split, as embed_images(), where levels are told apart each query at that of
//! query_levels() and the gallery at the highest, whatever its rate; by branches where the comparison names a distance:
//! the query stands on the low side, the gallery image on the high side or, in a branch that wants it, as its LR copy
//! on the low side. Copies at several rates are embedded one rate after the other, so that a rate's features alone are
//! held. \param known asked first, where one embedding is compared; empty: every image passes the networks \pre the
//! method tells branches if, and only if, the comparison names a distance; they have the names it asks for
std::optional<Embedding> embed_split(methods::Method& method, const ImageSource& source, const datasets::Split& split,
                                     const Comparison& comparison, const EmbeddingOptions& options,
                                     const EmbeddingProgress& progress, const KnownFeatures& known = {});

//! How far a query and a gallery image are from each other: squared, over the dimensions that the query is compared
//! by, in doubles summed in a fixed order, or the distance that the method gave. Alive as long as the embedding.
results::PairDistance distances_of(const Embedding& embedding);

//! The split's scores by the protocol, each query's own too. Queries are expanded and distances re-ranked within each
//! gallery that is drawn, as if no other image were known.
results::GalleryScores score_split(const Embedding& embedding, const datasets::Split& split,
                                   const experiments::EvaluationProtocol& protocol);

//! The metrics of result.json (docs/inside/formats/result.md): fractions, and counts; DistanceEmbedding::weights;
//! level_agreement where levels are told apart.
std::map<std::string, double> metrics_of(const Embedding& embedding, const results::GalleryScores& scores,
                                         const experiments::EvaluationProtocol& protocol);

//! Both in one.
std::map<std::string, double> score_embedding(const Embedding& embedding, const datasets::Split& split,
                                              const experiments::EvaluationProtocol& protocol);

//! The image's path beside each row of features.h5, for rows that no evaluation's split describes.
struct ImagePaths {
  std::vector<std::string> query, gallery;
};

//! The file that `resolute rank` reads: features as they are compared, before queries are expanded and distances
//! re-ranked. \param paths nullptr: left out \return its SHA-256
std::string write_features(core::FileSystem& files, const std::filesystem::path& path, const Embedding& embedding,
                           const ImagePaths* paths = nullptr);

//! libtorch's matrix product, for results/; float32 throughout.
results::Gemm libtorch_gemm();

}  // namespace resolute::workers
