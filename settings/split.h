#pragma once
//! \file
//! How one trial divides a pack into training, query and gallery images.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "settings/choice.h"
#include "settings/member.h"

namespace resolute::settings {

//! The rule of who trains and who is tested.
enum class Partition {
  kRandomHalves,  //!< halves of the identities, drawn by seed
  kOfficial,      //!< the source's train subset against its query and gallery
  kPublished,     //!< the source's own test set of the number `seed`, from 0, is tested; all others train
};
constexpr auto words_of(Partition) { return words("random-halves", "official", "published"); }

//! Which training images exist, and in which resolution (docs/inside/formats/manifest.md).
enum class TrainPool {
  kMlr,               //!< those of the LR side exist in low resolution only
  kHrBothViews,       //!< all, in high resolution
  kHrViewOnly,        //!< those of the LR side are left out
  kMlrWithOriginals,  //!< as kMlr, and a method may aim at the HR originals of the LR side's, which it does not see
};
constexpr auto words_of(TrainPool) { return words("mlr", "hr-both-views", "hr-view-only", "mlr-with-originals"); }

//! True where training images of the LR side exist in low resolution only, as far as a network sees them.
constexpr bool shows_low(TrainPool pool) { return pool == TrainPool::kMlr || pool == TrainPool::kMlrWithOriginals; }

//! The images that become low-resolution.
enum class LrSide {
  kCamera,    //!< lr_camera's
  kDrawn,     //!< one camera's, by seed
  kPair,      //!< of cameras 1 and 2, of 3 and 4, … one each, by seed (CUHK03)
  kIdentity,  //!< of each identity one of its cameras, by seed
  kQuery,  //!< in test the source's queries, whatever their cameras (Market-1501's usual test); in training lr_camera's
};
constexpr auto words_of(LrSide) { return words("camera", "drawn", "pair", "identity", "query"); }

//! The partitions with which distractors stand in the gallery.
enum class Distractors {
  kOfficial,  //!< with `official` alone
  kAlways,    //!< with any
};
constexpr auto words_of(Distractors) { return words("official", "always"); }

//! How one trial divides a pack into training, query and gallery images. Schemas are those of published splits
//! (docs/inside/formats/manifest.md).
struct SplitSettings {
  Partition partition = Partition::kRandomHalves;
  std::uint64_t seed = 0;
  int lr_camera = 2;
  std::vector<int> query_rates = {2, 3, 4};
  TrainPool train_pool = TrainPool::kMlr;
  int train_identities = 0;
  LrSide lr_side = LrSide::kCamera;
  int test_identities = 0;
  Distractors distractors = Distractors::kOfficial;
  std::vector<int> lr_cameras = {};
  std::vector<int> tested = {};
  int validation_identities = 0;
  bool operator==(const SplitSettings&) const = default;

  //! With lr_side camera: whose images become LR; 0: any camera's.
  std::vector<int> low_cameras() const { return lr_cameras.empty() ? std::vector{lr_camera} : lr_cameras; }

  static void members(auto&& visit) {
    using S = SplitSettings;
    visit(
        member(
            "partition", &S::partition,
            "who trains and who is tested. random-halves: by seed. official: the source's own division. published: its "
            "published test set number SEED")
            .since(3, Partition::kPublished));
    visit(member("seed", &S::seed, "the trial: keys the halves, the rates drawn and the gallery draws").spelled(""));
    visit(member("lr_camera", &S::lr_camera, between(0, 1'000'000),
                 "camera whose images become LR with lr_side camera; 0: images of any camera do (MLR-VRU)")
              .since(2, 0));
    visit(member("query_rates", &S::query_rates, some_rates(), "rates of LR images, drawn uniformly per image"));
    visit(member("train_pool", &S::train_pool,
                 "mlr: training images of the LR side exist in LR only. mlr-with-originals: the same, and rain's "
                 "reconstruction aims at their HR originals, which no network sees; the others have HR images alone")
              .since(5, TrainPool::kMlrWithOriginals));
    visit(member("train_identities", &S::train_identities, between(0, 1'000'000),
                 "so many of those that may train, drawn by seed; 0: all of them")
              .since(2));
    visit(
        member(
            "lr_side", &S::lr_side,
            "whose images become LR. camera: lr_camera's. drawn: one camera's, by seed. pair: one's of each pair of "
            "cameras (CUHK03). identity: one camera's of each identity. query: the source's queries (official), and in "
            "training lr_camera's")
            .since(3)
            .since(4, LrSide::kQuery));
    visit(member("test_identities", &S::test_identities, between(0, 1'000'000),
                 "with random-halves, so many are tested, the others train; 0: half")
              .since(3));
    visit(member("distractors", &S::distractors,
                 "with which partitions distractors stand in the gallery: official alone, or always (PRID, GRID)")
              .since(4)
              .silent_at_default());
    visit(member("lr_cameras", &S::lr_cameras, ascending(1, 1'000'000),
                 "with lr_side camera: cameras of one view, all of which become LR (GRID); []: lr_camera alone")
              .since(4)
              .silent_at_default());
    visit(member("tested", &S::tested, ascending(1, 1'000'000),
                 "with random-halves: the identities that are tested, somebody's published list; the others train. []: "
                 "drawn by seed")
              .since(6)
              .silent_at_default());
    visit(member("validation_identities", &S::validation_identities, between(0, 1'000'000),
                 "so many of those that would train, drawn by seed, are asked for in the place of the tested ones, who "
                 "take no part; 0: none")
              .since(7)
              .silent_at_default());
  }
};

//! The setting that names the LR cameras, for messages: "lr_camera" or "lr_cameras", `between`, and its value.
std::string low_cameras_text(const SplitSettings& settings, std::string_view between);

//! SplitSettings::tested of a list in a file: an identity per line, as the pack's manifest numbers it. Empty lines,
//! those that begin with '#' and the mark of UTF-8 are passed over. \param name of the file in messages \param
//! identity_of the identity of what else a line may name, 0 for none; null: numbers alone may stand there \return
//! ascending, each once \throws RuntimeError (kInput) with the number of a line that names no identity; a list without
//! one; an array of NumPy's or MATLAB's, or JSON, with the command that makes a list of it
std::vector<int> tested_of(std::string_view text, std::string_view name,
                           const std::function<std::int64_t(std::string_view line)>& identity_of = nullptr);

//! \param section text before the keys in messages: "split." in suites
//! \throws MemberError for the first member out of range, alone or against the others
void check(const SplitSettings& settings, const std::string& section = {});

}  // namespace resolute::settings
