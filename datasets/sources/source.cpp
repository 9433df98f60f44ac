#include "datasets/sources/source.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/files/drawing_folder.h"
#include "datasets/samples/links.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets {
namespace {

using sources::SourceReader;

// Raised when files of an irregular set of the same settings change; 1 was `true`.
constexpr int kOddRevision = 3;

const SourceReader& reader_of(Source source) {
#define RESOLUTE_READER(enumerator, ...) &sources::enumerator##Reader,
  static constexpr std::array kReaders{RESOLUTE_SOURCES(RESOLUTE_READER)};
#undef RESOLUTE_READER
  return *kReaders.at(static_cast<std::size_t>(source));
}

// Manifests are text that others read: whatever a file system allows, a path in them is plain.
void check_paths(const std::vector<Sample>& samples, Remarks& remarks) {
  for (const Sample& sample : samples) {
    const std::string_view problem = sources::name_problem(sample.path);
    if (!problem.empty())
      remarks.refuse(sample.path,
                     core::input_error(fmt::format("'{}' cannot stand in a manifest", sources::printable(sample.path)),
                                       problem, "rename it"));
  }
}

struct Seen {
  Sample* first = nullptr;
  const Sample* in_other = nullptr;  // the first in training where `first` is in test, or the reverse
  std::size_t count = 0;
  bool trains() const { return first->subset == "train"; }
  // These two: for an identity that is in both.
  const std::string& training_path() const { return (trains() ? first : in_other)->path; }
  const std::string& test_path() const { return (trains() ? in_other : first)->path; }
};

using Identities = std::map<std::int64_t, Seen>;

// Many people of one number in training and in test are one fault of the whole: numbers begin anew in the test, as
// CUHK03-NP's and MSMT17's do. \param trains_0 people count from 0
core::RuntimeError numbers_anew(const Identities& identities, const Identities::value_type& example, std::size_t both,
                                bool trains_0) {
  std::int64_t largest = 0;
  for (const auto& [identity, seen] : identities)
    if (seen.trains() || seen.in_other != nullptr) largest = identity;
  const auto& [identity, seen] = example;
  const std::string added = trains_0
                                ? fmt::format("add 1 to all, and {} more to those of query and gallery", largest + 1)
                                : fmt::format("add {} to those of query and gallery", largest);
  return core::input_error(
      fmt::format("{} identities are both in training and in test, as {} ('{}' and '{}')", both, identity,
                  seen.training_path(), seen.test_path()),
      "no identity may be in both",
      fmt::format("if numbers begin anew in the test, {}; if they are the same people, take them out of one", added));
}

void refuse_in_both(const Identities& identities, bool trains_0, Remarks& remarks) {
  constexpr std::size_t kMany = 3;
  std::size_t train = 0, test = 0, both = 0;
  for (const auto& [identity, seen] : identities) {
    both += seen.in_other != nullptr ? 1 : 0;
    train += seen.in_other != nullptr || seen.trains() ? 1 : 0;
    test += seen.in_other != nullptr || !seen.trains() ? 1 : 0;
  }
  const bool anew = both >= kMany && 2 * both >= std::min(train, test);
  for (const auto& one : identities) {
    const auto& [identity, seen] = one;
    if (seen.in_other == nullptr) continue;
    remarks.refuse(seen.in_other->path,
                   anew ? numbers_anew(identities, one, both, trains_0)
                        : core::input_error(fmt::format("identity {} is both in training ('{}') and in test ('{}')",
                                                        identity, seen.training_path(), seen.test_path()),
                                            "no identity may be in both", "correct the one that is wrong"));
    if (anew) return;
  }
}

void check_identities(std::vector<Sample>& samples, SingleImages single_images, Remarks& remarks) {
  Identities identities;
  bool trains_0 = false;  // which has been refused where it was read
  for (Sample& sample : samples) {
    if (sample.identity == 0) {
      trains_0 = trains_0 || sample.subset == "train";
      continue;
    }
    Seen& seen = identities[sample.identity];
    if (seen.first == nullptr) seen.first = &sample;
    ++seen.count;
    if (seen.in_other == nullptr && (seen.first->subset == "train") != (sample.subset == "train"))
      seen.in_other = &sample;
  }
  refuse_in_both(identities, trains_0, remarks);
  // A refused image may be the other one of an identity that has a single one.
  if (remarks.refused_any()) return;
  for (const auto& [identity, seen] : identities) {
    if (seen.count > 1) continue;
    const bool in_gallery = seen.first->subset == "gallery";
    if (in_gallery && single_images == SingleImages::kDistractors)
      seen.first->identity = 0;
    else
      remarks.refuse(
          seen.first->path,
          core::input_error(fmt::format("identity {} has only one image, '{}'", identity, seen.first->path),
                            "a match needs two",
                            in_gallery ? "add another image of it, or make distractors of such people: single_images = "
                                         "\"distractors\", in data ingest --single-images distractors"
                                       : "add another image of it"));
  }
}

// Empty where no program has drawn the images.
fs::path drawn_file_of(core::FileSystem& files, Source source, const fs::path& root) {
  if (root.empty() || !files.exists(root)) return {};
  for (const auto& folder : {root, source_root(files, source, root)})
    if (files.exists(folder / kDrawnFile)) return folder / kDrawnFile;
  return {};
}

}  // namespace

fs::path source_root(core::FileSystem& files, Source source, const fs::path& root) {
  const SourceReader& reader = reader_of(source);
  std::error_code unknown;
  // CUHK03's reader says what to do with its .mat.
  const bool is_file = fs::is_regular_file(root, unknown) && root.extension() != ".mat";
  if (is_file || !files.exists(root))
    throw core::input_error(fmt::format("folder '{}' {}", root.string(), is_file ? "is a file" : "does not exist"),
                            fmt::format("the images of source '{}' are read from it", settings::word(source)),
                            is_file ? "unpack an archive, and name the folder that holds its files" : "check the path");
  if (reader.own_folder.empty() || files.exists(root / reader.landmark)) return root;
  const bool has_folder = files.exists(root / reader.own_folder);
  const bool other = !reader.other_own_folder.empty() && files.exists(root / reader.other_own_folder);
  if (has_folder && other)
    throw core::input_error(
        fmt::format("folder '{}' holds '{}' and '{}'", root.string(), reader.own_folder, reader.other_own_folder),
        fmt::format("source '{}' reads one of them", settings::word(source)), "name that folder");
  return has_folder ? root / reader.own_folder : other ? root / reader.other_own_folder : root;
}

Listing list_data_set(core::FileSystem& files, Source source, const fs::path& root, SingleImages single_images,
                      bool follow_links) {
  Remarks remarks;
  const fs::path folder = source_root(files, source, root);
  std::vector<Sample> samples = reader_of(source).list(files, folder, remarks);
  std::ranges::sort(samples, {}, &Sample::path);
  check_paths(samples, remarks);
  if (!follow_links) {
    const auto raw = open_raw(files, source, root);
    sources::refuse_links(
        folder, samples, [&](const std::string& path) { return raw->place(path); }, remarks);
  }
  check_identities(samples, single_images, remarks);
  remarks.throw_refused();
  return {std::move(samples), remarks.left_out(), remarks.warnings()};
}

std::vector<Sample> list_samples(core::FileSystem& files, Source source, const fs::path& root,
                                 SingleImages single_images, bool follow_links) {
  return list_data_set(files, source, root, single_images, follow_links).samples;
}

bool holds_drawn_images(core::FileSystem& files, Source source, const fs::path& root, const fs::path& pack_folder) {
  return files.exists(pack_folder / kDrawnFile) || !drawn_file_of(files, source, root).empty();
}

void keep_drawn_file(core::FileSystem& files, Source source, const fs::path& root, const fs::path& pack_folder) {
  if (settings::facts_of(source).rendered) return;
  const fs::path from = drawn_file_of(files, source, root);
  if (from.empty() || files.exists(pack_folder / kDrawnFile)) return;
  files.create_directories(pack_folder);
  core::write_atomic(files, pack_folder / kDrawnFile, std::string_view(core::read_text(files, from)));
}

std::unique_ptr<RawReader> open_raw(core::FileSystem& files, Source source, const fs::path& root) {
  const fs::path folder = source_root(files, source, root);
  if (const auto open = reader_of(source).open) return open(files, folder);
  return std::make_unique<RawFolder>(files, folder);
}

StandInSettings stand_in_settings(Source layout) {
  return {settings::stand_in_of(layout), layout, !reader_of(layout).regular};
}

void write_stand_in(core::FileSystem& files, const fs::path& out, const StandInSettings& settings) {
  const SourceReader& reader = reader_of(settings.layout);
  settings::check_stand_in(settings, settings.layout);
  core::Json described = synthetic_json(settings);
  if (settings.irregular) described["irregular"] = kOddRevision;
  // Market-1501's has been written without it since before there were others.
  if (!reader.regular) described["layout"] = settings::word(settings.layout);
  sources::write_whole(files, out, core::canonical_json(described) + "\n",
                       [&](NewFolder& folder) { reader.write_stand_in(folder, settings); });
}

void draw_raw_images(core::FileSystem& files, const fs::path& out, const settings::PackSettings& pack) {
  RESOLUTE_EXPECT(pack.synthetic.has_value(), "images of a user's folder are not drawn");
  StandInSettings settings = stand_in_settings(pack.source);
  static_cast<SyntheticSettings&>(settings) = *pack.synthetic;
  write_stand_in(files, out, settings);
}

std::vector<Sample> list_drawn(core::FileSystem& files, const settings::PackSettings& pack) {
  RESOLUTE_EXPECT(pack.synthetic.has_value(), "images of a user's folder are not drawn");
  if (!settings::is_stand_in(pack)) return list_synthetic(*pack.synthetic);
  const core::DrawingFolder scratch("stand-in");
  draw_raw_images(files, scratch.path() / "drawn", pack);
  return list_samples(files, pack.source, scratch.path() / "drawn", pack.single_images);
}

}  // namespace resolute::datasets
