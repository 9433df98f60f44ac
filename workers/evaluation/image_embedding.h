#pragma once
//! \file
//! Images of a pack, or of files, through a method's networks, with batch norms folded (networks/nn/folded_backbone.h),
//! in the precision of their training, on one process rank or several.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "datasets/loader/file_images.h"
#include "datasets/pack/pack.h"
#include "experiments/specification/specification.h"
#include "methods/networks/method.h"
#include "results/scores/ranking.h"
#include "workers/ddp/communicator.h"

namespace resolute::workers {

//! Images embedded at a time, and shared among process ranks as a whole: the cut must depend on nothing else.
inline constexpr std::size_t kEmbeddingBatch = 64;

struct EmbeddingOptions {
  at::ScalarType precision = at::kFloat;  //!< of the networks; features are float32
  Communicator* communicator = nullptr;   //!< process ranks that share the work; null: a single process
  bool flip = false;  //!< a row is the mean of those of the image and of its mirror image, weights of branches too
};

//! at::kFloat, or at::kBFloat16 for the recipe precision "bf16": an evaluation computes as its training did.
at::ScalarType embedding_precision(const experiments::Recipe& recipe);

//! Called before each batch and after the last with the number of images done and in all (of this process rank's
//! share). False ends the evaluation.
using EmbeddingProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

//! One image of a source as a camera would have stored it at a rate, enlarged to network size.
struct ImageView {
  std::size_t row = 0;                        //!< of the pack, or number of the file
  int rate = 1;                               //!< 1: the HR image
  methods::Side side = methods::Side::kHigh;  //!< which of the method's networks it passes, where it has several
  int level = 0;  //!< of resolution, where the method tells levels apart; 0: that of the rate
  bool operator==(const ImageView&) const = default;
};

//! The source of the images of views: the one or the other gives the same bits of the same raw images. Alive as long
//! as what it was made of, which is what may stand in its place.
class ImageSource {
 public:
  ImageSource(const datasets::PackReader& pack) : from_(&pack) {}
  ImageSource(const datasets::FileImages& files) : from_(&files) {}

  //! Those of the pack, or that a pack of the files would have.
  const settings::PackSettings& options() const;
  //! Pixels of the raw image.
  datasets::ImageSize native_size(std::size_t row) const;
  //! Writes a view's height×width×3 floats. For one thread at a time.
  using Load = std::function<void(const ImageView& view, std::span<float> to)>;
  Load open() const;

 private:
  std::variant<const datasets::PackReader*, const datasets::FileImages*> from_;
};

//! The level of resolution that a view is taken for. \param level_rates Tells::level_rates, not empty
int level_of_view(const std::vector<int>& level_rates, const ImageView& view);

//! How many leading dimensions each view's row has, those beyond being zeros: Method::compared_dimensions() of its
//! level. Empty where the method tells no levels apart.
std::vector<std::int64_t> dimensions_of(const methods::Method& method, std::span<const ImageView> views);

//! The share of so many images that this process rank embeds in one pass; all of them where `communicator` is null.
std::size_t images_of_rank(std::size_t images, const Communicator* communicator);

//! Images are loaded on loading_threads() while the networks compute, on the device where the method's parameters lie.
//! Process ranks bring equal networks; each gets all features, the same bits whatever the number of ranks. The method,
//! its running statistics and its mode stay as they are. If the method tells sides, the high side's images pass
//! first, then the low side's; of one that tells levels the highest level's, then those of the next. Each side and
//! level has a network of its own, made when its turn comes and gone before the next one; views alone decide how its
//! images are cut into batches.
//! \return views × embedding_size() features, row-major, in the order of the views; nothing if `progress` of any
//! process rank said so
//! \throws RuntimeError: kCorrupt for a damaged row; kInput for a rate that the pack lacks, a file that is no image, or
//! a feature that is not finite; kTransient for a lost process rank
std::optional<std::vector<float>> embed_images(methods::Method& method, const ImageSource& source,
                                               std::span<const ImageView> views, const EmbeddingOptions& options,
                                               const EmbeddingProgress& progress);

//! One branch's rows of images: a feature and a weight each.
struct BranchRows {
  std::size_t dimension = 0;
  std::vector<float> features;  //!< rows × dimension, row-major
  std::vector<float> weights;
  results::FeatureMatrix matrix() const { return {features, weights.size(), dimension}; }
};

//! Embeds as embed_images() does, by the method's branch_embedder(). \param views all on one side
//! \return one for each of its branches in their order, rows in the order of the views
std::optional<std::vector<BranchRows>> embed_branches(methods::Method& method, const ImageSource& source,
                                                      std::span<const ImageView> views, const EmbeddingOptions& options,
                                                      const EmbeddingProgress& progress);

}  // namespace resolute::workers
