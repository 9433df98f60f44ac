#pragma once
//! \file
//! The sources of data sets: what every part knows of each before its images are looked at. A source is a row here and
//! a file of its own, datasets/sources/NAME.cpp, that reads it (datasets/sources/reader.h).

#include <array>
#include <string_view>

namespace resolute::settings {

struct SourceFacts {
  std::string_view name;
  bool rendered = false;    //!< its images are made as SyntheticSettings say, not read from a folder of the user's
  bool one_camera = false;  //!< all images count as one camera's
  bool came_low = false;    //!< its queries came in low resolution: no split chooses which images do
  int published_sets = 0;   //!< test sets for the partition "published", numbered from 0
};

//! ROW(enumerator, facts) of each, by name: of these rows the enum, the facts and the list of readers are made.
#define RESOLUTE_SOURCES(ROW)                                                     \
  ROW(kCaviar, .name = "caviar", .came_low = true)                                \
  ROW(kCsv, .name = "csv")                                                        \
  ROW(kCuhk03, .name = "cuhk03", .published_sets = 20)                            \
  ROW(kCuhk03Detected, .name = "cuhk03-detected", .published_sets = 20)           \
  ROW(kDukemtmc, .name = "dukemtmc")                                              \
  ROW(kMarket1501, .name = "market1501")                                          \
  ROW(kMlrFolders, .name = "mlr-folders", .came_low = true)                       \
  ROW(kMlrFoldersByIdentity, .name = "mlr-folders-by-identity", .came_low = true) \
  ROW(kPkuReid, .name = "pku-reid")                                               \
  ROW(kSynthetic, .name = "synthetic", .rendered = true)                          \
  ROW(kSysu, .name = "sysu")                                                      \
  ROW(kViper, .name = "viper")                                                    \
  ROW(kVru, .name = "vru", .one_camera = true)

#define RESOLUTE_ENUMERATOR(enumerator, ...) enumerator,
enum class Source { RESOLUTE_SOURCES(RESOLUTE_ENUMERATOR) };
#undef RESOLUTE_ENUMERATOR

#define RESOLUTE_FACTS(enumerator, ...) SourceFacts{__VA_ARGS__},
inline constexpr std::array kSources{RESOLUTE_SOURCES(RESOLUTE_FACTS)};
#undef RESOLUTE_FACTS

constexpr const SourceFacts& facts_of(Source source) { return kSources.at(static_cast<std::size_t>(source)); }

constexpr auto words_of(Source) {
  std::array<std::string_view, kSources.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kSources[i].name;
  return names;
}

}  // namespace resolute::settings
