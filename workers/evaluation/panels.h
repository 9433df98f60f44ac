#pragma once
//! \file
//! Pictures of an evaluation: what a method puts first in the gallery, and what its decoder makes of LR images
//! (docs/inside/formats/panels.md). Which queries are shown depends on the split alone, so that the panels of several
//! methods on one trial stand side by side.

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "methods/networks/method.h"
#include "results/records/panels.h"
#include "results/scores/galleries.h"
#include "workers/evaluation/evaluator.h"

namespace resolute::workers {

//! Indices into split.query, ascending: `count` of them or all, in a random order keyed by the split's seed and the
//! pack's name, different identities as far as there are any. The rates drawn do not matter.
std::vector<std::size_t> choose_panel_queries(const datasets::Split& split, std::size_t count);

//! One gallery in the method's order, indices into split.gallery: by squared Euclidean distance, over the dimensions
//! that the query is compared by, in doubles summed in a fixed order, or by the distances that the method gave; of
//! equally far images the wrong ones first, then by path. Left out: images of the query's identity and camera, which
//! count for nothing in the scores either. \param query index into split.query
std::vector<std::size_t> rank_gallery(const Embedding& embedding, const datasets::Split& split, std::size_t query,
                                      const results::GalleryDraw& gallery);

//! Files by their name relative to the job's folder.
using OutputFiles = std::map<std::string, core::Bytes>;

//! The protocol's first gallery (gallery_of()) for each of `queries`: the pictures and panels.json. The method's
//! networks compute one image at a time. \param go_on asked before each query; false ends it \return nothing if it was
//! ended \throws RuntimeError (kCorrupt) for a damaged row
std::optional<OutputFiles> draw_panels(methods::Method& method, const datasets::PackReader& pack,
                                       const datasets::Split& split, const Embedding& embedding,
                                       const std::vector<std::size_t>& queries,
                                       const experiments::EvaluationProtocol& protocol,
                                       const std::function<bool()>& go_on);

}  // namespace resolute::workers
