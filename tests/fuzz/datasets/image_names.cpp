// Names of raw images: the word of a source, then a path a line, and what stands in a file with a blank before each
// line. Refused, or samples whose paths lead to nothing outside of the data set, each once, with numbers in range.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "datasets/sources/source.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/plain_path.h"
#include "tests/fuzz/targets.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::image_names_fuzzer {
namespace {

using datasets::Source;

const std::filesystem::path kRoot = "set";

// Files of these names below kRoot. What has no text of its own is an image, of each ten larger or smaller than before:
// by that CAVIAR's cameras are told apart.
class NamedFiles final : public UnwritableFiles {
 public:
  explicit NamedFiles(std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::string* last = nullptr;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(' ') && last != nullptr)
        *last += line.substr(1) + "\n";
      else if (can_be_named(line))
        last = &texts_[line];
    }
  }

  core::Bytes read(const std::filesystem::path& path, std::uint64_t) override {
    const auto found = texts_.find(below(path));
    if (found == texts_.end()) throw core::system_error("cannot open '" + path.string() + "'", ENOENT);
    if (!found->second.empty()) return bytes_of(found->second);
    const auto place = std::distance(texts_.begin(), found);
    return datasets::encode_png(datasets::make_image(place / 10 % 2 == 0 ? 8 : 32, 4));
  }
  bool exists(const std::filesystem::path& path) override {
    const std::string name = below(path);
    const auto at = texts_.lower_bound(name);
    return name.empty() || (at != texts_.end() && at->first == name) || !list(path).empty();
  }
  std::vector<std::string> list(const std::filesystem::path& folder) override {
    const std::string name = below(folder);
    const std::string prefix = name.empty() ? "" : name + "/";
    std::set<std::string> names;
    for (auto at = texts_.lower_bound(prefix); at != texts_.end() && at->first.starts_with(prefix); ++at)
      names.insert(at->first.substr(prefix.size(), at->first.find('/', prefix.size()) - prefix.size()));
    return {names.begin(), names.end()};
  }

 private:
  // By a file system.
  static bool can_be_named(const std::string& path) {
    if (path.find('\0') != std::string::npos || path.starts_with('/')) return false;
    std::istringstream parts(path + "/");
    for (std::string part; std::getline(parts, part, '/');)
      if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    return !path.empty();
  }
  static std::string below(const std::filesystem::path& path) {
    const std::string text = path.lexically_normal().string(), root = kRoot.string();
    if (text == root || text == root + "/") return "";
    return text.starts_with(root + "/") ? text.substr(root.size() + 1) : "/elsewhere";
  }

  std::map<std::string, std::string> texts_;
};

std::string example_of(Source source) {
  datasets::StandInSettings wanted = datasets::stand_in_settings(source);
  wanted.identities = std::max(settings::facts_of(source).stand_in.identities.low, 5);
  const TemporaryFolder folder;
  datasets::write_stand_in(core::real_file_system(), folder / "set", wanted);
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "set"))
    if (entry.is_regular_file()) {
      std::string& text = files[entry.path().lexically_relative(folder / "set").string()];
      if (const auto ending = entry.path().extension(); ending != ".json" && ending != ".txt" && ending != ".csv")
        continue;
      std::ifstream content(entry.path());
      for (std::string line; std::getline(content, line);) text += " " + line + "\n";
    }
  std::string example = fmt::format("{}\n", settings::word(source));
  for (const auto& [path, text] : files) example += path + "\n" + text;
  return example;
}

std::vector<std::string> examples() {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < settings::kSources.size(); ++i)
    // What has a list of images is held against the machine's file system: image_list.cpp has its parser.
    if (const auto source = static_cast<Source>(i); source != Source::kCsv && source != Source::kSysu)
      all.push_back(example_of(source));
  return all;
}

}  // namespace

RESOLUTE_FUZZER(image_names, .rounds = 20'000, .examples = examples, .mutate = mutate_lines)(std::string_view bytes) {
  return understood([&] {
    const auto source = settings::parse_word<Source>(bytes.substr(0, bytes.find('\n')), "source");
    NamedFiles files(bytes.substr(std::min(bytes.find('\n'), bytes.size())));
    const std::vector<datasets::Sample> samples = datasets::list_samples(files, source, kRoot);
    std::set<std::string> paths;
    for (const datasets::Sample& sample : samples) {
      require_plain_path(sample.path);
      require(paths.insert(sample.path).second, "an image is listed twice");
      require(sample.identity >= 0 && sample.camera >= 1, "an image is of nobody or by no camera");
    }
  });
}

}  // namespace resolute::tests::image_names_fuzzer
