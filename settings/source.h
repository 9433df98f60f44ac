#pragma once
//! \file
//! The sources of data sets: what every part knows of each before its images are looked at. A source is a row here and
//! a reader in a file of datasets/sources (datasets/sources/reader.h).

#include <array>
#include <string_view>

namespace resolute::settings {

//! Both ends are in it.
struct CountRange {
  int low = 0;
  int high = 0;
};

//! Limits of a stand-in: a set of drawn people or vehicles in a source's layout.
struct StandInFacts {
  CountRange cameras{1, 99};
  CountRange images{2, 9999};  //!< of each identity and camera
  CountRange identities{4, 9999};
  bool vehicles = false;  //!< are drawn unless another subject is asked for
};

struct SourceFacts {
  std::string_view name;
  bool rendered = false;    //!< its images are made as SyntheticSettings say, not read from a folder of the user's
  bool one_camera = false;  //!< all images count as one camera's
  bool came_low = false;    //!< its queries came in low resolution: no split chooses which images do
  int published_sets = 0;   //!< test sets for the partition "published", numbered from 0
  StandInFacts stand_in{};
};

//! People of a pair of cameras; boxes' names have ten places a person.
inline constexpr StandInFacts kCuhk03StandIn{.cameras = {2, 2}, .images = {2, 5}, .identities = {5, 9999}};

//! Vehicles of whom no file tells which camera took them.
inline constexpr StandInFacts kVehicleStandIn{.cameras = {1, 1}, .vehicles = true};

//! Names have one digit for the camera.
inline constexpr StandInFacts kOneDigitStandIn{.cameras = {2, 9}};

//! ROW(enumerator, facts) of each, by name: of these rows the enum, the facts and the list of readers are made.
#define RESOLUTE_SOURCES(ROW)                                                                                       \
  ROW(kCaviar, .name = "caviar", .came_low = true, .stand_in = {.cameras = {2, 2}, .images = {10, 10}})             \
  ROW(kCsv, .name = "csv")                                                                                          \
  ROW(kCuhk03, .name = "cuhk03", .published_sets = 20, .stand_in = kCuhk03StandIn)                                  \
  ROW(kCuhk03Detected, .name = "cuhk03-detected", .published_sets = 20, .stand_in = kCuhk03StandIn)                 \
  ROW(kCuhk03Np, .name = "cuhk03-np", .stand_in = {.cameras = {2, 2}})                                              \
  ROW(kCuhk03NpDetected, .name = "cuhk03-np-detected", .stand_in = {.cameras = {2, 2}})                             \
  ROW(kDukemtmc, .name = "dukemtmc", .stand_in = {.cameras = {1, 8}})                                               \
  ROW(kMarket1501, .name = "market1501")                                                                            \
  ROW(kMlrFolders, .name = "mlr-folders", .came_low = true, .stand_in = {.cameras = {2, 99}})                       \
  ROW(kMlrFoldersByIdentity, .name = "mlr-folders-by-identity", .came_low = true, .stand_in = {.cameras = {2, 99}}) \
  ROW(kMlrFoldersByResolution, .name = "mlr-folders-by-resolution", .came_low = true, .stand_in = kOneDigitStandIn) \
  ROW(kMsmt17, .name = "msmt17", .stand_in = {.cameras = {1, 15}})                                                  \
  ROW(kPkuReid, .name = "pku-reid", .stand_in = {.cameras = {2, 2}, .images = {2, 8}})                              \
  ROW(kSynthetic, .name = "synthetic", .rendered = true)                                                            \
  ROW(kSysu, .name = "sysu", .stand_in = {.cameras = {2, 2}})                                                       \
  ROW(kVehicleId1600, .name = "vehicleid-1600", .one_camera = true, .stand_in = kVehicleStandIn)                    \
  ROW(kVehicleId2400, .name = "vehicleid-2400", .one_camera = true, .stand_in = kVehicleStandIn)                    \
  ROW(kVehicleId800, .name = "vehicleid-800", .one_camera = true, .stand_in = kVehicleStandIn)                      \
  ROW(kVeri776, .name = "veri-776", .stand_in = {.cameras = {1, 20}, .vehicles = true})                             \
  ROW(kViper, .name = "viper", .stand_in = {.cameras = {2, 2}, .images = {1, 1}})                                   \
  ROW(kVru, .name = "vru", .one_camera = true, .stand_in = kVehicleStandIn)

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
