#pragma once
//! \file
//! Pictures of an evaluation: what a method puts first in the gallery, and what its decoder makes of LR images
//! (docs/inside/formats/panels.md). Which queries are shown depends on the split alone, so that the panels of several
//! methods on one trial stand side by side.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "experiments/specification/specification.h"
#include "results/pictures/view_pictures.h"
#include "results/records/output_file.h"
#include "results/records/panels.h"
#include "results/scores/galleries.h"

namespace resolute::results {

//! Indices into split.query, ascending: `count` of them or all, in a random order keyed by the split's seed and the
//! pack's name, different identities as far as there are any. The rates drawn do not matter.
std::vector<std::size_t> choose_panel_queries(const datasets::Split& split, std::size_t count);

//! The images of the protocol's gallery of this number: of whole-gallery all of split.gallery, whatever the number.
GalleryDraw gallery_of(const datasets::Split& split, const experiments::EvaluationProtocol& protocol, int draw);

//! How far a query and a gallery image are from each other, indices into split.query and split.gallery: a number that
//! grows with the distance that decides scores.
using PairDistance = std::function<double(std::size_t query, std::size_t image)>;

//! One gallery in a method's order, indices into split.gallery; of equally far images the wrong ones first, then by
//! path. Left out: images of the query's identity and camera, which count for nothing in the scores either.
//! \param query index into split.query
std::vector<std::size_t> rank_gallery(const PairDistance& distance, const datasets::Split& split, std::size_t query,
                                      const GalleryDraw& gallery);

//! One picture of a query as each decoder recovers it, in descending order of scales; empty without a decoder.
//! \param query index into split.query \param input the LR query, enlarged
using Recover = std::function<std::vector<RecoveredPictures>(std::size_t query, const datasets::Image& input)>;

//! The protocol's first gallery (gallery_of()) for each of `queries`: the pictures and panels.json. \param recover
//! asked of each query that has an HR original \param go_on asked before each query; false ends it \return nothing if
//! it was ended \throws RuntimeError (kCorrupt) for a damaged row
std::optional<OutputFiles> draw_panels(const datasets::PackReader& pack, const datasets::Split& split,
                                       const std::vector<std::size_t>& queries,
                                       const experiments::EvaluationProtocol& protocol, const PairDistance& distance,
                                       const Recover& recover, const std::function<bool()>& go_on);

}  // namespace resolute::results
