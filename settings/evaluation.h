#pragma once
//! \file
//! How a trained network is evaluated.

#include <vector>

#include "settings/member.h"

namespace resolute::settings {

//! The galleries against which queries are ranked (results/scores/galleries.h).
enum class ProtocolName {
  kSingleShot,    //!< drawn ones, one image of each identity
  kMultiShot,     //!< drawn ones, EvaluationProtocol::shots images of each
  kWholeGallery,  //!< the one of all images
};
constexpr auto words_of(ProtocolName) { return words("single-shot", "multi-shot", "whole-gallery"); }

//! How images are compared. kDefault: by the first of experiments::distances_of(), or by the Euclidean distance for a
//! method of one embedding. The others but kCosine are for methods with several branches.
enum class DistanceName { kDefault, kWeighted, kEqual, kHr, kLr, kCosine };
constexpr auto words_of(DistanceName) { return words("default", "weighted", "equal", "hr", "lr", "cosine"); }

//! The level of resolution that a query is taken for, where the method tells levels apart.
enum class QueryLevel { kKnown, kNativeSize, kHighest, kLowest };
constexpr auto words_of(QueryLevel) { return words("known", "native-size", "highest", "lowest"); }

//! The device that embeds the images.
enum class EvaluationDevice {
  kTraining,  //!< what the training ran on
  kCpu,
};
constexpr auto words_of(EvaluationDevice) { return words("training", "cpu"); }

//! Gallery draws of one split: as many as a split file may list (docs/inside/formats/manifest.md).
inline constexpr int kMostDraws = 10'000;
//! Images of an identity in a gallery that is drawn.
inline constexpr int kMostShots = 1000;

struct EvaluationProtocol {
  ProtocolName name = ProtocolName::kSingleShot;
  int draws = 100;
  std::vector<int> query_rates = {};
  int panels = 0;
  std::vector<int> sample_rates = {};
  int sample_identities = 35;
  bool resolution_probe = false;
  int gallery_rate = 1;
  DistanceName distance = DistanceName::kDefault;
  int gallery_copy_rate = 3;
  QueryLevel query_level = QueryLevel::kKnown;
  int shots = 5;
  bool flip = false;
  int query_expansion = 0;
  double query_expansion_alpha = 3;
  bool re_ranking = false;
  int re_ranking_k1 = 20;
  int re_ranking_k2 = 6;
  double re_ranking_lambda = 0.3;
  EvaluationDevice device = EvaluationDevice::kTraining;
  bool operator==(const EvaluationProtocol&) const = default;

  static constexpr int kMostPanelQueries = 32;  // pictures that one looks at, on one page with those of all rows

  static void members(auto&& visit) {
    using P = EvaluationProtocol;
    visit(member("name", &P::name,
                 "the galleries: drawn with one image of each identity (single-shot) or with evaluate.shots of each "
                 "(multi-shot), or all images at once, as in Market-1501's usual test (whole-gallery); mAP and mINP "
                 "are always over all images")
              .spelled("protocol"));
    visit(member("draws", &P::draws, between(1, kMostDraws), "gallery draws per split; whole-gallery has none"));
    visit(member("query_rates", &P::query_rates, rates(),
                 "other query rates than the split's (an unseen one); not of queries that came in low resolution"));
    visit(
        member("panels", &P::panels, between(0, kMostPanelQueries),
               "queries shown in each panel: the first gallery of evaluate.protocol as ranked, and reconstructions, as "
               "pictures; 0: none"));
    visit(member("sample_rates", &P::sample_rates, rates(),
                 "rates at which a sample of test images is embedded for a look at the features (t-SNE) and, where the "
                 "method has a decoder, at how well it recovers these images; []: none"));
    // All features of the sample are held at once.
    visit(member("sample_identities", &P::sample_identities, between(1, 1000), "test identities in that sample"));
    visit(member("resolution_probe", &P::resolution_probe,
                 "measure how well a linear probe tells HR from LR features: the metric resolution_probe"));
    visit(member("gallery_rate", &P::gallery_rate, between(1, kLargestRate),
                 "gallery images are shrunk by this rate first, of the data set's rates: a control that shows what "
                 "asking at one resolution is worth by itself. For methods of one embedding (all but ftwa)"));
    visit(member("distance", &P::distance,
                 "how FTWA compares: weighted (its default), equal (both branches alike: the default without "
                 "ftwa.weighting), hr (the default without ftwa.transformation) or lr; others have default, the "
                 "Euclidean distance, and cosine"));
    visit(member("gallery_copy_rate", &P::gallery_copy_rate, between(0, kLargestRate),
                 "rate of the gallery's LR copies where FTWA's distance looks at those (weighted, equal, lr), of the "
                 "data set's rates; 0: the query's own rate"));
    visit(member("query_level", &P::query_level,
                 "the level of resolution that resolution_adaptive takes a query for: that of its rate (known), of "
                 "the size it was stored at (native-size), highest or lowest whatever it is; others have only known"));
    visit(member("shots", &P::shots, between(2, kMostShots),
                 "with protocol multi-shot: images of each identity in a gallery; of one that has fewer, all")
              .silent_at_default());
    visit(member("flip", &P::flip, "a feature is the mean of those of the image and of its mirror image")
              .silent_at_default());
    visit(member("query_expansion", &P::query_expansion, between(0, 1000),
                 "so many of the nearest gallery images are added to a query's feature first (Radenovic 2019), with "
                 "evaluate.distance cosine; 0: none")
              .silent_at_default());
    visit(member("query_expansion_alpha", &P::query_expansion_alpha, between(0, 100),
                 "the power of their cosines that they are weighted by")
              .silent_at_default());
    visit(member("re_ranking", &P::re_ranking, "re-rank by k-reciprocal neighbours (Zhong 2017)").silent_at_default());
    visit(member("re_ranking_k1", &P::re_ranking_k1, between(1, 1000), "neighbours that a reciprocal set is of")
              .silent_at_default());
    visit(member("re_ranking_k2", &P::re_ranking_k2, between(1, 1000),
                 "neighbours whose encodings are averaged, at most re_ranking_k1")
              .silent_at_default());
    visit(member("re_ranking_lambda", &P::re_ranking_lambda, between(0, 1), "share of the original distance")
              .silent_at_default());
    visit(member("device", &P::device,
                 "the device that embeds: training, the one that the training ran on, or cpu: evaluations then hold no "
                 "GPUs, "
                 "and their features are rounded otherwise")
              .silent_at_default());
  }
};

}  // namespace resolute::settings
