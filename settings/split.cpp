#include "settings/split.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/error.h"
#include "core/split.h"
#include "settings/names.h"

namespace resolute::settings {

std::string low_cameras_text(const SplitSettings& s, std::string_view between) {
  return s.lr_cameras.empty() ? fmt::format("lr_camera{}{}", between, s.lr_camera)
                              : fmt::format("lr_cameras{}{}", between, text_of(s.lr_cameras));
}

namespace {

struct OtherList {
  std::string_view opening;  // bytes
  std::string_view kind;
  std::string_view program;  // in Python, that prints the list
};

// Published lists in other programs' files: which of their numbers are people, and from which one they count, no reader
// can tell.
constexpr OtherList kOtherLists[] = {
    {"\x93NUMPY", "an array of NumPy's", "import numpy; print(*numpy.unique(numpy.load(\"FILE\")), sep=\"\\n\")"},
    {"MATLAB ", "a file of MATLAB's",
     "import numpy, scipy.io; print(*numpy.unique(scipy.io.loadmat(\"FILE\")[\"NAME\"]), sep=\"\\n\")"},
    {"\x89HDF", "an HDF5 file, as MATLAB's of version 7.3 are",
     "import h5py, numpy; print(*numpy.unique(h5py.File(\"FILE\")[\"NAME\"]).astype(int), sep=\"\\n\")"},
    {"PK\x03\x04", "an archive of arrays, as NumPy's .npz are",
     "import numpy; print(*numpy.unique(numpy.load(\"FILE\")[\"NAME\"]), sep=\"\\n\")"},
    {"{", "JSON", "import json; print(*json.load(open(\"FILE\"))[\"NAME\"], sep=\"\\n\")"},
    {"[", "JSON", "import json; print(*json.load(open(\"FILE\")), sep=\"\\n\")"}};

void refuse_other_list(std::string_view text, std::string_view name) {
  for (const OtherList& other : kOtherLists)
    if (text.starts_with(other.opening))
      throw core::input_error(fmt::format("'{}' is {}", name, other.kind), "a list is a text, an identity per line",
                              fmt::format("make one of it: python3 -c '{}' > LIST.txt", other.program));
}

}  // namespace

std::vector<int> tested_of(std::string_view text, std::string_view name,
                           const std::function<std::int64_t(std::string_view line)>& identity_of) {
  constexpr std::string_view kBlanks = " \t";
  constexpr std::int64_t kLargest = 1'000'000;
  refuse_other_list(core::without_byte_order_mark(text), name);
  std::set<int> tested;
  std::size_t number = 0;
  for (std::string_view line : core::list_lines(text)) {
    ++number;
    line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    if (line.empty() || line.starts_with('#')) continue;
    std::int64_t identity = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), identity);
    if (error != std::errc() || end != line.data() + line.size()) identity = identity_of ? identity_of(line) : 0;
    if (identity < 1 || identity > kLargest)
      throw core::input_error(
          fmt::format("'{}', line {}: {} is no identity", name, number, quoted_text(line)),
          fmt::format("each line is {}, 1 to {}", identity_of ? "an image of the pack or a number" : "a number",
                      kLargest),
          identity_of ? "" : "`resolute data split PACK --tested-file FILE` makes numbers of images' paths");
    tested.insert(static_cast<int>(identity));
  }
  if (tested.empty()) throw core::input_error(fmt::format("'{}' names no identity", name), "each line is one");
  return {tested.begin(), tested.end()};
}

void check(const SplitSettings& s, const std::string& section) {
  check_members(s, section);
  const auto refuse = [&](std::string_view key, const auto& value, const std::string& why, const std::string& instead) {
    throw MemberError(fmt::format("{}{}", section, key), value, why, instead);
  };
  if (s.lr_side == LrSide::kQuery) {
    if (s.partition != Partition::kOfficial)
      refuse("lr_side", "'query'", "only the partition 'official' takes the source's queries",
             fmt::format("set {}partition = \"official\"", section));
    if (s.validation_identities != 0)
      refuse("validation_identities", s.validation_identities, "the source's queries show tested people alone",
             fmt::format("set {}lr_side = \"camera\"", section));
    if (s.lr_camera == 0)
      refuse("lr_camera", 0, fmt::format("with '{}lr_side' \"query\" it says whose training images are LR", section),
             "name a camera");
  } else if (s.lr_side != LrSide::kCamera && s.lr_camera != SplitSettings().lr_camera)
    refuse("lr_camera", s.lr_camera,
           fmt::format("with '{}lr_side' \"{}\" nothing looks at it", section, word(s.lr_side)),
           fmt::format("leave it out or set {}lr_side = \"camera\"", section));
  if (!s.lr_cameras.empty() && (s.lr_side != LrSide::kCamera || s.lr_camera != SplitSettings().lr_camera))
    refuse("lr_cameras", text_of(s.lr_cameras), "with another lr_side or lr_camera nothing looks at it",
           fmt::format("leave it out, or {0}lr_side and {0}lr_camera", section));
  if (s.distractors == Distractors::kAlways && s.partition == Partition::kOfficial)
    refuse("distractors", "'always'", "the partition 'official' has them in its gallery as it is", "leave it out");
  if (s.lr_camera == 0 && s.train_pool == TrainPool::kHrViewOnly)
    refuse("train_pool", "'hr-view-only'",
           fmt::format("with '{}lr_camera' 0 images of any camera are LR, so none is the HR view", section),
           "set it to mlr or hr-both-views");
  if (s.train_identities == 1)
    refuse("train_identities", 1, "classification and triplets need at least 2", "set it to 0 for all of them");
  if (!s.tested.empty() && s.partition != Partition::kRandomHalves)
    refuse("tested", fmt::format("{} identities", s.tested.size()),
           fmt::format("with the partition '{}' the source says who is tested", word(s.partition)),
           fmt::format("leave it out or set {}partition = \"random-halves\"", section));
  if (!s.tested.empty() && s.test_identities != 0)
    refuse("test_identities", s.test_identities, fmt::format("'{}tested' names who is tested", section), "set it to 0");
  if (s.test_identities != 0 && s.partition != Partition::kRandomHalves)
    refuse("test_identities", s.test_identities,
           fmt::format("with the partition '{}' the source says who is tested", word(s.partition)),
           fmt::format("set it to 0 or {}partition = \"random-halves\"", section));
}

}  // namespace resolute::settings
