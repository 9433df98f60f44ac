#include "datasets/samples/listing.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

namespace resolute::datasets::sources {
namespace {

// Bytes of the character that `text` begins with; 0 if that is a control character or no UTF-8.
std::size_t shown_bytes(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead < 0x20 || lead == 0x7f ? 0 : 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // The second byte excludes C1 controls, overlong forms, surrogates and what lies beyond U+10FFFF.
  if ((lead == 0xc2 && byte(1) < 0xa0) || (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

// In lower case; empty for a hidden file.
std::string extension_of(std::string_view name) {
  std::string extension(name.starts_with('.') ? "" : name.substr(stem_of(name).size()));
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

struct NumberedFolder {
  std::string path;  // below the root
  std::int64_t identity = 0;
};

std::vector<NumberedFolder> identity_folders(core::FileSystem& files, const fs::path& root, std::string_view folder,
                                             const Naming& naming, Remarks& remarks) {
  std::vector<NumberedFolder> found;
  for (const std::string& name : files.list(root / folder)) {
    if (!is_image_name(name) && name.find('.') != std::string::npos) continue;
    const std::string path = fmt::format("{}/{}", folder, name);
    NameReader reader(name);
    const std::int64_t identity = reader.number();
    if (reader.finished())
      found.push_back({path, identity});
    else
      remarks.refuse(path, wrong_name(path, naming));
  }
  if (found.empty() && !remarks.refused_any())
    throw core::input_error(fmt::format("folder '{}' has no identities in it", (root / folder).string()),
                            fmt::format("expected {}", naming.pattern), "unpack or prepare the data set again");
  return found;
}

}  // namespace

bool NameReader::optional(std::string_view text) {
  const bool begins = fits_ && rest_.starts_with(text);
  if (begins) rest_.remove_prefix(text.size());
  return begins;
}

bool NameReader::repeated(std::string_view text) {
  const bool any = optional(text);
  while (optional(text)) continue;
  return any;
}

std::int64_t NameReader::number() {
  constexpr std::size_t kMostDigits = 9;
  std::size_t digits = 0;
  std::int64_t value = 0;
  while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9' && digits <= kMostDigits)
    value = value * 10 + (rest_[digits++] - '0');
  fits_ = fits_ && digits >= 1 && digits <= kMostDigits;
  if (!fits_) return 0;
  rest_.remove_prefix(digits);
  return value;
}

NameNumbers NameReader::numbers(std::string_view form, Sample& sample) {
  NameNumbers numbers;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const char kind = form[i];
    if (kind != 'I' && kind != 'C' && kind != '#') {
      literal(form.substr(i, 1));
      continue;
    }
    numbers.push_back(number());
    if (kind == 'I') sample.identity = numbers.back();
    if (kind == 'C') sample.camera = numbers.back();
  }
  return numbers;
}

bool is_image_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> kExtensions{".jpg", ".jpeg", ".png", ".bmp"};
  return std::ranges::find(kExtensions, extension_of(name)) != kExtensions.end();
}

std::string why_no_image(std::string_view name) {
  constexpr std::array<std::string_view, 9> kPictures{".webp", ".gif",  ".tif",  ".tiff", ".jfif",
                                                      ".jpe",  ".avif", ".heic", ".ppm"};
  return std::ranges::find(kPictures, extension_of(name)) == kPictures.end()
             ? "not named as an image"
             : "pictures that are neither .jpg, .jpeg, .png nor .bmp";
}

std::string_view stem_of(std::string_view name) { return name.substr(0, std::min(name.rfind('.'), name.size())); }

std::string printable(std::string_view name) {
  std::string shown;
  while (!name.empty()) {
    const std::size_t length = shown_bytes(name);
    shown += length == 0 ? std::string_view("?") : name.substr(0, length);
    name.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return shown;
}

std::string_view name_problem(std::string_view path) {
  const std::string_view problem = path_problem(path);
  return problem.empty() && printable(path) != path ? "its bytes are not UTF-8" : problem;
}

void require_folder(core::FileSystem& files, const fs::path& root, std::string_view folder, std::string_view layout) {
  if (files.exists(root / folder)) return;
  throw core::input_error(fmt::format("folder '{}' is missing in '{}'", folder, root.string()),
                          fmt::format("the layout is {}", layout), "name the folder that holds them");
}

std::vector<std::string> image_names(core::FileSystem& files, const fs::path& root, std::string_view folder,
                                     Remarks& remarks) {
  const fs::path place = folder.empty() ? root : root / folder;
  std::vector<std::string> names = files.list(place);
  std::erase_if(names, [&](const std::string& name) {
    if (is_image_name(name)) return false;
    std::error_code unknown;
    if (!fs::is_directory(place / name, unknown)) {
      remarks.leave_out(why_no_image(name));
    } else {
      const fs::directory_iterator files_there(place / name, unknown);
      remarks.leave_out(fmt::format("in folder '{}', which is not read", printable((fs::path(folder) / name).string())),
                        static_cast<std::size_t>(std::distance(begin(files_there), end(files_there))));
    }
    return true;
  });
  // The interface promises the order; manifests depend on it, whatever file system stands behind.
  std::ranges::sort(names);
  if (names.empty())
    throw core::input_error(fmt::format("folder '{}' has no images in it", place.string()),
                            "files ending in .jpg, .jpeg, .png or .bmp are expected", "unpack the data set again");
  return names;
}

core::RuntimeError twice(std::string_view path, std::string_view again) {
  return core::input_error(fmt::format("'{}' and '{}' are one image by their names", printable(path), printable(again)),
                           {}, "take one of them out");
}

core::RuntimeError wrong_name(std::string_view path, const Naming& naming) {
  return core::input_error(
      fmt::format("'{}' is not a {} image name", printable(path), naming.source),
      fmt::format("expected {}, as {}", naming.pattern, naming.example),
      "give the file its published name, or move a file that is not part of the data set out of the folder");
}

ReadName read_form(std::string_view form, std::int64_t cameras, const Naming& naming) {
  return [=](NameReader& reader, Sample& sample) {
    NameNumbers numbers = reader.numbers(form, sample);
    if (!reader.finished() || sample.identity < 1 || sample.camera < 1 || sample.camera > cameras)
      throw wrong_name(sample.path, naming);
    return numbers;
  };
}

std::vector<Sample> list_folders(core::FileSystem& files, const fs::path& root, const FolderLayout& layout,
                                 Remarks& remarks, const ReadName& read) {
  for (const Folder& folder : layout.folders) require_folder(files, root, folder.name, layout.text);
  std::vector<Sample> samples;
  for (const Folder& folder : layout.folders) {
    std::map<NameNumbers, std::size_t> seen;
    std::vector<NumberedFolder> places{{std::string(folder.name)}};
    if (layout.by_identity) places = identity_folders(files, root, folder.name, *layout.by_identity, remarks);
    for (const NumberedFolder& place : places)
      for (const std::string& name : image_names(files, root, place.path, remarks)) {
        Sample sample{fmt::format("{}/{}", place.path, name), place.identity, 0, std::string(folder.subset)};
        remarks.gather(sample.path, [&] {
          NameReader reader(stem_of(name));
          NameNumbers numbers = read(reader, sample);
          if (numbers.empty()) return;
          const auto [first, is_new] = seen.try_emplace(std::move(numbers), samples.size());
          if (!is_new) throw twice(samples[first->second].path, sample.path);
          samples.push_back(std::move(sample));
        });
      }
  }
  return samples;
}

void count_from_1(std::vector<Sample>& samples, std::int64_t Sample::*number) {
  if (std::ranges::find(samples, 0, number) == samples.end()) return;
  for (Sample& sample : samples) ++(sample.*number);
}

void continue_numbers(std::vector<Sample>& samples) {
  std::set<std::int64_t> trained;
  for (const Sample& sample : samples)
    if (sample.subset == "train") trained.insert(sample.identity);
  const auto tested = [](const Sample& sample) { return sample.subset != "train" && sample.identity != 0; };
  if (std::ranges::none_of(samples, [&](const Sample& s) { return tested(s) && trained.contains(s.identity); })) return;
  for (Sample& sample : samples)
    if (tested(sample)) sample.identity += *trained.rbegin();
}

void leave_out_single(std::vector<Sample>& samples, Remarks& remarks) {
  std::map<std::int64_t, int> images;
  for (const Sample& sample : samples) ++images[sample.identity];
  remarks.leave_out("of people with a single image", std::erase_if(samples, [&](const Sample& sample) {
                      return sample.subset == "train" && images[sample.identity] < 2;
                    }));
}

}  // namespace resolute::datasets::sources
