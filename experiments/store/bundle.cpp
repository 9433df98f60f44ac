#include "experiments/store/bundle.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "core/hash/sha256.h"
#include "core/log.h"
#include "experiments/specification/validation.h"

namespace resolute::experiments {
namespace {

constexpr int kBundleSchema = 1;
constexpr const char* kBundleList = "bundle.json";
constexpr std::string_view kEarlierMagic = "RSLTBNDL";
constexpr const char* kBundleAdvice = "restore it from a copy; the jobs' results do not depend on it";

// Below the store's root, so that `unzip` in a store puts a file back.
std::string name_in_bundle(const JobId& job, const std::string& name) {
  return (StoreLayout({}).job_folder(job) / name).generic_string();
}

core::ZipReader open_bundle(core::FileSystem& files, const fs::path& path) {
  auto file = files.open_for_read(path);
  core::Bytes first(kEarlierMagic.size());
  if (file->size() >= first.size()) file->read_at(0, first);
  if (core::as_text(first) == kEarlierMagic)
    throw core::input_error(fmt::format("the bundle '{}' was made before 0.1.0", path.string()),
                            "its format is read no more",
                            "unpack it by `store compact --undo` of the resolute that made it");
  return {std::move(file), fmt::format("bundle '{}'", path.string()), kBundleAdvice};
}

}  // namespace

// It becomes a path below the job's folder.
bool is_bundled_name(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && name.size() <= 255 && path.is_relative() && path.lexically_normal().string() == name &&
         path.begin()->string() != ".." && *path.begin() != "." && path.has_filename() && core::is_utf8(name) &&
         std::ranges::none_of(name, [](char letter) { return letter >= 0 && letter < ' '; });
}

core::Bytes encode_bundle(const std::vector<BundledJob>& jobs) {
  core::Json list = core::Json::array();
  std::vector<core::ZipEntry> entries(1);
  for (const BundledJob& job : jobs) {
    if (job.files.empty()) continue;
    core::Json names = core::Json::array();
    for (const BundledFile& file : job.files) {
      RESOLUTE_EXPECT(is_bundled_name(file.name), "a bundled file stands below its job's folder");
      names.push_back(file.name);
      entries.push_back(core::stored_entry(name_in_bundle(job.job, file.name), file.bytes));
    }
    list.push_back({{"job", job.job.hex}, {"result_sha256", job.result_sha256}, {"files", std::move(names)}});
  }
  const std::string text = core::canonical_json({{"schema", kBundleSchema}, {"jobs", std::move(list)}}) + "\n";
  entries.front() = core::stored_entry(kBundleList, core::as_byte_span(text));
  return core::encode_zip(entries);
}

Bundle::Bundle(core::FileSystem& files, fs::path path) : path_(std::move(path)), zip_(open_bundle(files, path_)) {
  const std::string problem = fmt::format("'{}' is not a bundle that can be read", path_.string());
  if (zip_.entries().empty() || zip_.entries().front().name != kBundleList)
    throw core::corrupt_error(problem, fmt::format("its first entry is not '{}'", kBundleList), kBundleAdvice);
  const core::Json list = core::parse_json(core::as_text(zip_.read(0)), path_.string());
  core::ObjectReader reader(list, path_.string());
  core::read_schema(reader, "a bundle", kBundleSchema, "use the resolute that wrote it");
  try {
    read_list(reader.required<std::vector<core::Json>>("jobs"));
    reader.finish();
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(problem, error.what(), kBundleAdvice);
  }
}

void Bundle::read_list(const std::vector<core::Json>& jobs) {
  std::size_t place = 1;
  for (const core::Json& job : jobs) {
    core::ObjectReader reader(job, fmt::format("job {} of its list", entries_.size()));
    BundleEntry entry{{reader.required<std::string>("job")}, reader.required<std::string>("result_sha256"), {}};
    if (!core::is_sha256_hex(entry.job.hex)) throw core::corrupt_error(reader.where() + " has no id");
    std::set<std::string> names;
    for (std::string& name : reader.required<std::vector<std::string>>("files")) {
      if (!is_bundled_name(name) || !names.insert(name).second)
        throw core::corrupt_error("the name of one of its files is not valid");
      if (place >= zip_.entries().size() || zip_.entries()[place].name != name_in_bundle(entry.job, name))
        throw core::corrupt_error(fmt::format("its entry {} is not '{}'", place, name));
      const std::uint64_t size = zip_.entries()[place].size;
      entry.files.push_back({std::move(name), place++, size});
    }
    reader.finish();
    entries_.push_back(std::move(entry));
  }
  if (place != zip_.entries().size()) throw core::corrupt_error(fmt::format("its entry {} is not in its list", place));
}

fs::path bundles_folder(const StoreLayout& store) { return store.root() / "bundles"; }

namespace {

std::optional<std::string> suite_of(const std::string& name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string::npos || !is_plain_name(name.substr(0, dash))) return std::nullopt;
  const std::string number = name.substr(dash + 1);
  if (number.size() != 6 || number.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return name.substr(0, dash);
}

}  // namespace

std::vector<fs::path> bundle_files(core::FileSystem& files, const StoreLayout& store,
                                   const std::optional<std::string>& suite) {
  std::vector<fs::path> found;
  for (const std::string& name : files.list(bundles_folder(store)))
    if (const auto of = suite_of(name); of && (!suite || *of == *suite)) found.push_back(bundles_folder(store) / name);
  return found;
}

fs::path publish_bundle(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                        std::span<const std::byte> bytes) {
  const auto bundles = bundle_files(files, store, suite);
  int number = 0;
  if (bundles.empty()) {
    // The folder's own entry has to last, too.
    files.create_directories(bundles_folder(store));
    files.sync_path(store.root());
  } else {
    const std::string last = bundles.back().filename().string().substr(suite.size() + 1);
    std::from_chars(last.data(), last.data() + last.size(), number);
  }
  while (++number <= 999'999)
    if (fs::path path = bundles_folder(store) / fmt::format("{}-{:06}", suite, number);
        core::publish_exclusive(files, path, bytes))
      return path;
  throw core::input_error(fmt::format("'{}' has no number left", bundles_folder(store).string()), {},
                          "`resolute suite compact --undo` unpacks what is there");
}

core::Bytes BundledFiles::read(const fs::path& path, std::uint64_t limit) {
  try {
    return files_.read(path, limit);
  } catch (const core::RuntimeError& error) {
    if (!error.is_missing()) throw;
    const Found found = find(path);
    if (found.places == nullptr) throw;
    const auto place = found.places->find(found.name);
    if (place == found.places->end()) throw;
    if (place->second.file->size > limit) throw core::too_large_error(path, limit);
    return place->second.bundle->read(*place->second.file);
  }
}

std::unique_ptr<core::ReadableFile> BundledFiles::open_for_read(const fs::path& path) {
  return files_.exists(path) ? files_.open_for_read(path) : FileSystem::open_for_read(path);
}

bool BundledFiles::exists(const fs::path& path) {
  if (files_.exists(path)) return true;
  const Found found = find(path);
  if (found.places == nullptr) return false;
  const auto at = found.places->lower_bound(found.name);
  return at != found.places->end() && (at->first == found.name || at->first.starts_with(found.name + "/"));
}

std::vector<std::string> BundledFiles::list(const fs::path& folder) {
  std::vector<std::string> names = files_.list(folder);
  const Found found = find(folder / "x");
  if (found.places == nullptr) return names;
  const std::string prefix = found.name.substr(0, found.name.size() - 1);
  for (const auto& [name, place] : *found.places)
    if (name.starts_with(prefix))
      names.push_back(name.substr(prefix.size(), name.find('/', prefix.size()) - prefix.size()));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

BundledFiles::Found BundledFiles::find(const fs::path& path) {
  // jobs/ab/abcdef…/NAME
  const fs::path below = path.lexically_relative(store_.root());
  auto part = below.begin();
  if (std::distance(part, below.end()) < 4 || *part++ != "jobs") return {};
  const std::string start = (part++)->string();
  const std::string job = (part++)->string();
  if (!core::is_sha256_hex(job) || job.substr(0, 2) != start) return {};
  fs::path name;
  for (; part != below.end(); ++part) name /= *part;
  const std::lock_guard lock(guard_);
  look_for_bundles();
  if (!entries_.contains(job)) return {};
  return {&places_of(job), name.string()};
}

void BundledFiles::look_for_bundles() {
  if (std::exchange(looked_, true)) return;
  for (const fs::path& path : bundle_files(files_, store_)) {
    try {
      bundles_.push_back(std::make_unique<Bundle>(files_, path));
    } catch (const core::RuntimeError& error) {
      core::log_warning("a bundle is left out: {}", error.what());
      continue;
    }
    for (const BundleEntry& entry : bundles_.back()->entries())
      entries_[entry.job.hex].emplace_back(bundles_.back().get(), &entry);
  }
}

const BundledFiles::Places& BundledFiles::places_of(const std::string& job) {
  const auto [known, fresh] = places_.try_emplace(job);
  if (!fresh) return known->second;
  const auto result = core::read_text_if_exists(files_, store_.result_file({job}));
  if (!result) return known->second;
  const std::string hash = core::sha256_hex(*result);
  for (const auto& [bundle, entry] : entries_.at(job))
    if (entry->result_sha256 == hash)
      for (const BundleEntry::File& file : entry->files) known->second[file.name] = {bundle, &file};
  return known->second;
}

}  // namespace resolute::experiments
