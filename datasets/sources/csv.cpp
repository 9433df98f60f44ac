#include "datasets/sources/csv.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/files/csv.h"
#include "datasets/image/low_resolution.h"
#include "datasets/samples/listing.h"
#include "datasets/samples/sample_path.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::array<std::string_view, 5> kColumns{"path", "identity", "camera", "subset", "rate"};
enum Column : std::size_t { kPath, kIdentity, kCamera, kSubset, kRate };
constexpr std::size_t kNeededColumns = 3;  // the first of them
constexpr std::array<std::string_view, 3> kSubsetNames{"train", "query", "gallery"};
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// A line of the list and the messages about it.
struct Line {
  std::string_view text;
  std::string_view list;
  std::size_t number = 0;

  core::RuntimeError wrong(std::string_view problem, std::string_view why, std::string_view suggestion = {}) const {
    return core::input_error(problem, why, suggestion).at(fmt::format("'{}', line {}", list, number));
  }
};

// A shown field of at most so many bytes: lines may be long.
std::string shown(std::string_view field) {
  constexpr std::size_t kShown = 200;
  if (field.size() <= kShown) return printable(field);
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(field[end]) & 0xC0U) == 0x80U) --end;  // no letter cut in two
  return printable(field.substr(0, end)) + "...";
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Takes a field and the comma behind it. \return nothing after the last one
std::optional<std::string> take_field(const Line& line, std::size_t& at) {
  if (at > line.text.size()) return std::nullopt;
  core::CsvField field = core::csv_field_at(line.text, at);
  if (!field.closed)
    throw line.wrong("a quoted field does not end", "no value of a list may hold a line's end", "close the quotes");
  if (field.quoted && field.end < line.text.size() && line.text[field.end] != ',')
    throw line.wrong(fmt::format("text follows the closing quote of '{}'", shown(field.value)), "a comma should",
                     "double a quote that is part of a value");
  if (!field.quoted && field.value.find('"') != std::string::npos)
    throw line.wrong(fmt::format("a quote stands inside of '{}'", shown(field.value)), "which is not quoted as a whole",
                     "put the value in quotes and double those in it");
  at = field.end + 1;
  return std::move(field.value);
}

std::vector<std::string> fields_of(const Line& line) {
  if (line.text.size() > kMaxListLine)
    throw line.wrong(fmt::format("the line has {} bytes", line.text.size()),
                     fmt::format("{} are the most", kMaxListLine));
  if (printable(line.text) != line.text)
    throw line.wrong("the line has a control character or bytes that are not UTF-8", {}, "save the list as UTF-8 text");
  std::vector<std::string> fields;
  std::size_t at = 0;
  while (auto field = take_field(line, at)) fields.push_back(std::move(*field));
  return fields;
}

// Where each of kColumns stands in a line.
using Positions = std::array<std::optional<std::size_t>, kColumns.size()>;

Positions read_header(const Line& line) {
  const std::vector<std::string> names = fields_of(line);
  Positions positions;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto known = std::find(kColumns.begin(), kColumns.end(), names[i]);
    if (known == kColumns.end())
      throw line.wrong(fmt::format("column '{}' is unknown", shown(names[i])),
                       fmt::format("the first line names columns, of {}", fmt::join(kColumns, ", ")),
                       "rename it or take it out");
    auto& position = positions.at(static_cast<std::size_t>(known - kColumns.begin()));
    if (position) throw line.wrong(fmt::format("column '{}' is there twice", names[i]), {}, "take one of the two out");
    position = i;
  }
  for (std::size_t column = 0; column < kNeededColumns; ++column)
    if (!positions.at(column))
      throw line.wrong(fmt::format("column '{}' is missing", kColumns.at(column)),
                       "path, identity and camera are needed, subset and rate may be there", "add it");
  return positions;
}

std::int64_t read_number(const Line& line, Column column, const std::string& field, std::int64_t low,
                         std::int64_t high) {
  NameReader reader(field);
  const std::int64_t value = reader.number();
  if (!reader.finished() || value < low || value > high)
    throw line.wrong(fmt::format("{} is '{}'", kColumns.at(column), shown(field)),
                     fmt::format("it must be {} to {}", low, high), "correct it");
  return value;
}

Sample read_sample(const Line& line, const std::vector<std::string>& fields, const Positions& positions) {
  constexpr std::int64_t kMost = 999'999'999;
  auto field = [&](Column column) -> const std::string* {
    const auto& position = positions.at(column);
    return position ? &fields[*position] : nullptr;
  };
  Sample sample;
  sample.path = *field(kPath);
  if (const std::string_view problem = path_problem(sample.path); !problem.empty())
    throw line.wrong(fmt::format("path '{}' is refused", shown(sample.path)), problem,
                     fmt::format("name a file below the folder that holds {}, as 'camera-1/0001.jpg'", kImageList));
  sample.identity = read_number(line, kIdentity, *field(kIdentity), 0, kMost);
  sample.camera = read_number(line, kCamera, *field(kCamera), 1, kMost);
  const std::string* subset = field(kSubset);
  sample.subset = subset == nullptr ? "gallery" : *subset;
  if (std::find(kSubsetNames.begin(), kSubsetNames.end(), sample.subset) == kSubsetNames.end())
    throw line.wrong(fmt::format("subset is '{}'", shown(sample.subset)),
                     fmt::format("it must be {}", fmt::join(kSubsetNames, ", ")), "correct it");
  if (sample.identity == 0 && sample.subset != "gallery")
    throw line.wrong(fmt::format("identity 0 is in the subset '{}'", sample.subset),
                     "0 marks a distractor, which belongs in the gallery alone", "number identities from 1");
  if (const std::string* rate = field(kRate))
    sample.rate = static_cast<int>(read_number(line, kRate, *rate, 0, kMaxRate));
  return sample;
}

// Whether `path` is `folder` or below it; both canonical.
bool is_below(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

core::RuntimeError outside(const Line& line, const std::string& path, const fs::path& target) {
  return line.wrong(fmt::format("path '{}' is refused", shown(path)),
                    fmt::format("a symbolic link leads out of the folder, to '{}'", printable(target.string())),
                    "copy the image into the folder");
}

// Where the folders that a list names really are: by their names in it.
using RealFolders = std::unordered_map<std::string, fs::path>;

// Holds what a line names against what is there.
void check_file(const fs::path& root, const fs::path& real_root, const ListedImage& image, std::string_view list,
                RealFolders& folders) {
  const std::string& path = image.sample.path;
  const Line line{{}, list, image.line};
  std::error_code error;
  const auto [folder, is_new] = folders.try_emplace(path.substr(0, std::min(path.rfind('/') + 1, path.size())));
  if (is_new) folder->second = fs::weakly_canonical(real_root / folder->first, error);
  if (!error && !is_below(folder->second, real_root)) throw outside(line, path, folder->second);
  fs::file_status status;
  if (!error) status = fs::symlink_status(real_root / path, error);
  if (fs::is_symlink(status)) {
    const fs::path target = fs::canonical(real_root / path, error);
    if (!error && !is_below(target, real_root)) throw outside(line, path, target);
    if (!error) status = fs::status(target, error);
  }
  if (error && is_new) folders.erase(folder);  // the next image in it looks again
  constexpr std::string_view kRight = "correct the path, or fetch the image again";
  if (status.type() == fs::file_type::not_found || error == std::errc::no_such_file_or_directory)
    throw line.wrong(fmt::format("image '{}' is missing", (root / path).string()), {}, kRight);
  if (error)
    throw core::system_error(fmt::format("cannot look at '{}'", (root / path).string()), error.value())
        .at(fmt::format("'{}', line {}", list, image.line));
  if (!fs::is_regular_file(status))
    throw line.wrong(fmt::format("'{}' is no file", (root / path).string()), {}, kRight);
}

void check_files(const fs::path& root, std::span<const ListedImage> images, std::string_view list, Remarks& remarks) {
  std::error_code error;
  const fs::path real_root = fs::canonical(root, error);
  if (error) throw core::system_error(fmt::format("cannot look at '{}'", root.string()), error.value());
  RealFolders folders;
  for (const ListedImage& image : images)
    remarks.gather(image.sample.path, [&] { check_file(root, real_root, image, list, folders); });
}

// Lists that count people from 0 make a distractor of the first one, and nothing else tells: seen by two cameras, and
// not more often than others are.
void warn_of_person_0(const std::vector<ListedImage>& images, std::string_view list, Remarks& remarks) {
  std::map<std::int64_t, std::size_t> counts;
  std::set<std::int64_t> cameras;
  for (const ListedImage& image : images) {
    ++counts[image.sample.identity];
    if (image.sample.identity == 0) cameras.insert(image.sample.camera);
  }
  const std::size_t own = counts[0];
  if (cameras.size() < 2 ||
      std::ranges::none_of(counts, [&](const auto& one) { return one.first != 0 && one.second >= own; }))
    return;
  remarks.warn(fmt::format(
      "identity 0 of '{}' is a distractor, nobody's match, and has {} images by {} cameras, as a person has; "
      "if people count from 0 there, number them from 1",
      list, own, cameras.size()));
}

}  // namespace

std::vector<ListedImage> parse_image_list(std::string_view text, std::string_view name, Remarks& remarks) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.empty())
    throw core::input_error(fmt::format("'{}' is empty", name),
                            fmt::format("its first line names columns, of {}", fmt::join(kColumns, ", ")));
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (lines > kMaxListLines)
    throw core::input_error(fmt::format("'{}' has {} lines", name, lines),
                            fmt::format("{} are the most", kMaxListLines), "make several data sets of it");
  Line line{take_line(text), name, 1};
  const Positions positions = read_header(line);
  const auto columns = static_cast<std::size_t>(
      std::count_if(positions.begin(), positions.end(), [](const auto& position) { return position.has_value(); }));
  std::vector<ListedImage> images;
  std::unordered_map<std::string, std::size_t> listed;  // path → line
  while (!text.empty()) {
    line.text = take_line(text);
    ++line.number;
    try {
      const std::vector<std::string> fields = fields_of(line);
      if (fields.size() != columns)
        throw line.wrong(line.text.empty() ? "the line is empty" : fmt::format("the line has {} fields", fields.size()),
                         fmt::format("the header has {}", columns), "correct it or take it out");
      Sample sample = read_sample(line, fields, positions);
      const auto [first, is_new] = listed.emplace(sample.path, line.number);
      if (!is_new)
        throw line.wrong(fmt::format("path '{}' is listed again", shown(first->first)),
                         fmt::format("first in line {}", first->second), "take one of the lines out");
      images.push_back({std::move(sample), line.number});
    } catch (const core::RuntimeError& wrong) {
      remarks.refuse(fmt::format("'{}', line {}", name, line.number), wrong);
    }
  }
  if (images.empty() && !remarks.refused_any())
    throw core::input_error(fmt::format("'{}' names no images", name), "one line per image follows the header");
  return images;
}

std::vector<ListedImage> parse_image_list(std::string_view text, std::string_view name) {
  Remarks remarks;
  std::vector<ListedImage> images = parse_image_list(text, name, remarks);
  remarks.throw_refused();
  return images;
}

std::string image_list_text(std::span<const Sample> samples) {
  std::string text = fmt::format("{}\n", fmt::join(kColumns, ","));
  for (const Sample& sample : samples)
    text += fmt::format("{},{},{},{},{}\n", core::csv_field(sample.path), sample.identity, sample.camera, sample.subset,
                        sample.rate);
  return text;
}

std::vector<ListedImage> read_images_of(core::FileSystem& files, const fs::path& list, Remarks& remarks) {
  const std::string name = printable(list.filename().string());
  const core::Bytes bytes = files.read(list, kMaxListBytes);
  std::vector<ListedImage> images = parse_image_list(core::as_text(bytes), name, remarks);
  check_files(list.parent_path(), images, name, remarks);
  warn_of_person_0(images, name, remarks);
  return images;
}

std::vector<ListedImage> read_image_list(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  if (!files.exists(root / kImageList))
    throw core::input_error(fmt::format("file '{}' is missing in '{}'", kImageList, root.string()),
                            "it lists the images: a header 'path,identity,camera', then a line for each",
                            "write it, or name the folder that holds it");
  return read_images_of(files, root / kImageList, remarks);
}

namespace {

std::vector<Sample> list_csv(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Sample> samples;
  for (ListedImage& image : read_image_list(files, root, remarks)) samples.push_back(std::move(image.sample));
  return samples;
}

// A stand-in (source.h: write_stand_in()): images/IDENTITY/CAMERA-IMAGE.png, subsets as Market-1501's stand-in has
// them. Irregular: names with commas, quotes and letters beyond ASCII, a distractor, an identity of one camera, a
// second camera whose images came in low resolution, at a known or at an unknown rate, files that the list does not
// name.
void write_csv(NewFolder& folder, const StandInSettings& options) {
  std::vector<Sample> samples;
  auto write = [&](Sample sample, int identity, int camera, int image) {
    const Image native = stand_in_image(options, identity, camera, image);
    const int shrunk = sample.rate == 0 ? 4 : sample.rate;
    folder.write(sample.path, encode_png(low_resolution_view(native, shrunk, Kernel::kTriangle)));
    samples.push_back(std::move(sample));
  };
  for_each_image(options, [&](int identity, int camera, int image) {
    const bool training = identity < options.identities / 2;
    Sample sample{fmt::format("images/{:04}/{:02}-{:04}.png", identity + 1, camera + 1, image + 1), identity + 1,
                  camera + 1,
                  training     ? "train"
                  : image == 0 ? "query"
                               : "gallery"};
    if (options.irregular && image == 1)
      sample.path =
          fmt::format("images/{:04}/\"{:02}\", \xc3\xa9t\xc3\xa9 {}.png", identity + 1, camera + 1, image + 1);
    // The second camera stood far away: at a known rate, or at an unknown one.
    if (options.irregular && camera == 1) sample.rate = identity % 2 == 0 ? 2 : 0;
    write(std::move(sample), identity, camera, image);
  });
  if (options.irregular) {
    write({"images/nobody.png", 0, 1, "gallery"}, options.identities, 0, 0);
    folder.write("images/not-listed.png", encode_png(stand_in_image(options, options.identities + 1, 0, 0)));
    folder.write("images/Thumbs.db", "no image\n");
  }
  folder.write(std::string(kImageList), image_list_text(samples));
}

}  // namespace

const SourceReader kCsvReader{.list = list_csv, .write_stand_in = write_csv};

}  // namespace resolute::datasets::sources
