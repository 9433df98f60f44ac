#pragma once
//! \file
//! How a trained network is evaluated.

#include <vector>

#include "settings/member.h"

namespace resolute::settings {

enum class ProtocolName { kSingleShot };
constexpr auto words_of(ProtocolName) { return words("single-shot"); }

//! How a method of several branches compares; kDefault: by the first that it has (experiments::distances_of()).
enum class DistanceName { kDefault, kWeighted, kEqual, kHr, kLr };
constexpr auto words_of(DistanceName) { return words("default", "weighted", "equal", "hr", "lr"); }

//! The level of resolution that a query is taken for, where the method tells levels apart.
enum class QueryLevel { kKnown, kNativeSize, kHighest, kLowest };
constexpr auto words_of(QueryLevel) { return words("known", "native-size", "highest", "lowest"); }

struct EvaluationProtocol {
  ProtocolName name = ProtocolName::kSingleShot;
  int draws = 100;
  std::vector<int> query_rates;
  int panels = 0;
  std::vector<int> sample_rates;
  int sample_identities = 35;
  bool resolution_probe = false;
  int gallery_rate = 1;
  DistanceName distance = DistanceName::kDefault;
  int gallery_copy_rate = 3;
  QueryLevel query_level = QueryLevel::kKnown;
  bool operator==(const EvaluationProtocol&) const = default;

  static constexpr int kMostPanelQueries = 32;  // pictures that one looks at, on one page with those of all rows

  static void members(auto&& visit) {
    using P = EvaluationProtocol;
    visit(member("name", &P::name, "how galleries are drawn").spelled("protocol"));
    visit(member("draws", &P::draws, between(1, 100'000), "gallery draws per split"));
    visit(member("query_rates", &P::query_rates, rates(),
                 "other query rates than the split's (an unseen one); not of queries that came in low resolution"));
    visit(member("panels", &P::panels, between(0, kMostPanelQueries),
                 "queries shown in each panel: ranked galleries and reconstructions as pictures; 0: none"));
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
                 "ftwa.weighting), hr (the default without ftwa.transformation) or lr; others have only default"));
    visit(member("gallery_copy_rate", &P::gallery_copy_rate, between(0, kLargestRate),
                 "rate of the gallery's LR copies where FTWA's distance looks at those (weighted, equal, lr), of the "
                 "data set's rates; 0: the query's own rate"));
    visit(member("query_level", &P::query_level,
                 "the level of resolution that resolution_adaptive takes a query for: that of its rate (known), of "
                 "the size it was stored at (native-size), highest or lowest whatever it is; others have only known"));
  }
};

}  // namespace resolute::settings
