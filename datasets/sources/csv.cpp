#include "datasets/sources/csv.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/files/csv.h"
#include "datasets/image/low_resolution.h"
#include "datasets/samples/list_dialect.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::array<std::string_view, 3> kSubsetNames{"train", "query", "gallery"};

Sample read_sample(const ListText& list, const ListLine& line) {
  constexpr std::int64_t kMost = 999'999'999;
  const auto values = list.values_of(line);
  Sample sample;
  sample.path = *values[kPath];
  if (const std::string_view problem = path_problem(sample.path); !problem.empty())
    throw line.wrong(fmt::format("path '{}' is refused", shown_field(sample.path)), problem,
                     fmt::format("name a file below the folder that holds {}, as 'camera-1/0001.jpg'", kImageList));
  sample.identity = read_list_number(line, kIdentity, *values[kIdentity], 0, kMost);
  sample.camera = read_list_number(line, kCamera, *values[kCamera], 0, kMost);
  sample.subset = values[kSubset].value_or("gallery");
  if (std::ranges::find(kSubsetNames, sample.subset) == kSubsetNames.end())
    throw line.wrong(fmt::format("subset is '{}'", shown_field(sample.subset)),
                     fmt::format("it must be {}", fmt::join(kSubsetNames, ", ")), "correct it");
  if (values[kRate])
    sample.rate = static_cast<int>(read_list_number(line, kRate, *values[kRate], 0, settings::kLargestRate));
  return sample;
}

// Told as one, with the first few: a list that counts from 0 has as many such lines as images of its first person, or
// by its first camera.
void refuse_as_one(const std::vector<ListedImage>& images, std::string_view list, Remarks& remarks,
                   bool (*is_wrong)(const Sample&), std::string (*problem_of)(const Sample&), std::string_view why,
                   std::string_view suggestion) {
  constexpr std::size_t kShown = 4;
  std::string problem;
  std::vector<std::size_t> lines;
  for (const auto& [sample, line] : images) {
    if (!is_wrong(sample)) continue;
    if (lines.empty()) problem = problem_of(sample);
    lines.push_back(line);
  }
  if (lines.empty()) return;
  const ListLine first{{}, list, lines.front()};
  if (const std::size_t count = lines.size(); count > 1) {
    lines.resize(std::min(count, kShown));
    problem +=
        fmt::format(", the first of {} such lines: {}{}", count, fmt::join(lines, ", "), count > kShown ? ", …" : "");
  }
  remarks.refuse(fmt::format("'{}', line {}", list, first.number), first.wrong(problem, why, suggestion));
}

void refuse_numbers_from_0(const std::vector<ListedImage>& images, std::string_view list, Remarks& remarks) {
  refuse_as_one(
      images, list, remarks, [](const Sample& one) { return one.identity == 0 && one.subset != "gallery"; },
      [](const Sample& one) { return fmt::format("identity 0 is in the subset '{}'", one.subset); },
      "0 marks a distractor, which belongs in the gallery alone", "number identities from 1");
  refuse_as_one(
      images, list, remarks, [](const Sample& one) { return one.camera == 0; },
      [](const Sample&) { return std::string("camera is 0"); }, "cameras are numbered from 1",
      "if they count from 0 there, add 1 to each");
}

// Holds what a line names against what is there.
void check_file(const fs::path& path, const ListLine& line) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  constexpr std::string_view kRight = "correct the path, or fetch the image again";
  if (status.type() == fs::file_type::not_found)
    throw line.wrong(fmt::format("image '{}' is missing", path.string()),
                     std::ranges::any_of(path.string(), [](unsigned char c) { return c >= 0x80; })
                         ? "Unicode writes 'é' in two forms, and a list from another system may have the other one"
                         : "",
                     kRight);
  if (error)
    throw core::system_error(fmt::format("cannot look at '{}'", path.string()), error.value())
        .at(fmt::format("'{}', line {}", line.list, line.number));
  if (!fs::is_regular_file(status)) throw line.wrong(fmt::format("'{}' is no file", path.string()), {}, kRight);
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
  const std::size_t images_of_0 = counts[0];
  if (cameras.size() < 2 ||
      std::ranges::none_of(counts, [&](const auto& one) { return one.first != 0 && one.second >= images_of_0; }))
    return;
  remarks.warn(fmt::format(
      "identity 0 of '{}' is a distractor, nobody's match, and has {} images by {} cameras, as a person has; "
      "if people count from 0 there, number them from 1",
      list, images_of_0, cameras.size()));
}

// People whose images lie in folders of training and of test: where no subset tells the two apart, numbers that begin
// anew make one person of two.
void warn_of_folders(const std::vector<ListedImage>& images, std::string_view list, Remarks& remarks) {
  struct Person {
    const std::string* train = nullptr;
    const std::string* test = nullptr;
  };
  std::map<std::int64_t, Person> people;
  for (const auto& [sample, line] : images) {
    if (sample.identity == 0) continue;
    const std::string_view folder =
        std::string_view(sample.path).substr(0, std::min(sample.path.rfind('/'), sample.path.size()));
    const auto has = [&](std::string_view word) { return folder.find(word) != std::string_view::npos; };
    const bool train = has("train"), test = has("test") || has("query") || has("gallery");
    if (train == test) continue;
    Person& person = people[sample.identity];
    (train ? person.train : person.test) = &sample.path;
  }
  std::erase_if(people, [](const auto& one) { return one.second.train == nullptr || one.second.test == nullptr; });
  if (people.empty()) return;
  const auto& [identity, example] = *people.begin();
  remarks.warn(fmt::format(
      "people of '{}' with images in folders of training and of test: {}, as {} ('{}' and '{}'); if numbers begin anew "
      "in the test, each of them is two",
      list, people.size(), identity, *example.train, *example.test));
}

}  // namespace

std::vector<ListedImage> parse_image_list(std::string_view text, std::string_view name, Remarks& remarks) {
  ListText list(text, name);
  std::vector<ListedImage> images;
  std::unordered_map<std::string, std::size_t> listed;  // path → line
  while (const auto line = list.next())
    remarks.gather(fmt::format("'{}', line {}", name, line->number), [&] {
      Sample sample = read_sample(list, *line);
      const auto [first, is_new] = listed.emplace(sample.path, line->number);
      if (!is_new)
        throw line->wrong(fmt::format("path '{}' is listed again", shown_field(first->first)),
                          fmt::format("first in line {}", first->second), "take one of the lines out");
      images.push_back({std::move(sample), line->number});
    });
  refuse_numbers_from_0(images, name, remarks);
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
  std::string text = fmt::format("{}\n", fmt::join(kListColumns, ","));
  for (const Sample& sample : samples)
    text += fmt::format("{},{},{},{},{}\n", core::csv_field(sample.path), sample.identity, sample.camera, sample.subset,
                        sample.rate);
  return text;
}

std::vector<ListedImage> read_images_of(core::FileSystem& files, const fs::path& list, Remarks& remarks) {
  const std::string name = printable(list.filename().string());
  const core::Bytes bytes = files.read(list, kMaxListBytes);
  std::vector<ListedImage> images = parse_image_list(core::as_text(bytes), name, remarks);
  for (const ListedImage& image : images)
    remarks.gather(image.sample.path, [&] {
      check_file(list.parent_path() / image.sample.path, {{}, name, image.line});
    });
  warn_of_person_0(images, name, remarks);
  warn_of_folders(images, name, remarks);
  return images;
}

std::vector<ListedImage> read_image_list(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  if (!files.exists(root / kImageList)) {
    refuse_other_layout(files, root);
    throw core::input_error(fmt::format("file '{}' is missing in '{}'", kImageList, root.string()),
                            "it lists the images: a header 'path,identity,camera', then a line for each",
                            "write it, or name the folder that holds it");
  }
  return read_images_of(files, root / kImageList, remarks);
}

namespace {

// Images beside those that the list names: whoever wrote it may have lost some.
void count_unlisted(core::FileSystem& files, const fs::path& root, const std::vector<Sample>& samples,
                    Remarks& remarks) {
  std::map<std::string, std::size_t> listed;  // images by folder
  for (const Sample& sample : samples) {
    const fs::path path = sample.path;
    if (is_image_name(path.filename().string())) ++listed[path.parent_path().string()];
  }
  for (const auto& [folder, images] : listed) {
    const std::vector<std::string> names = files.list(root / folder);
    const auto stored = static_cast<std::size_t>(std::ranges::count_if(names, is_image_name));
    remarks.leave_out("in no list that is read", stored - std::min(stored, images));
  }
}

std::vector<Sample> list_csv(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::vector<Sample> samples;
  for (ListedImage& image : read_image_list(files, root, remarks)) samples.push_back(std::move(image.sample));
  if (!remarks.refused_any()) count_unlisted(files, root, samples, remarks);
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
