#include "experiments/store/bundle.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <set>
#include <utility>

#include "core/hash/crc32c.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "experiments/specification/validation.h"

namespace resolute::experiments {
namespace {

constexpr std::string_view kBundleMagic = "RSLTBNDL";
constexpr std::uint32_t kBundleVersion = 1;
constexpr std::size_t kBundleHeader = 40;
constexpr std::uint64_t kLargestContents = std::uint64_t{1} << 30;
constexpr std::string_view kBundleAdvice = "restore it from a copy; the jobs' results do not depend on it";

void append_hash(core::Bytes& to, const std::string& hex) {
  RESOLUTE_EXPECT(core::is_sha256_hex(hex), "a bundle holds SHA-256");
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    std::uint8_t value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    core::append_little_endian(to, value);
  }
}

core::Bytes encode_contents(const std::vector<BundleEntry>& entries) {
  core::Bytes contents;
  core::append_little_endian(contents, static_cast<std::uint32_t>(entries.size()));
  for (const BundleEntry& entry : entries) {
    append_hash(contents, entry.job.hex);
    append_hash(contents, entry.result_sha256);
    core::append_little_endian(contents, static_cast<std::uint32_t>(entry.files.size()));
    for (const BundleEntry::File& file : entry.files) {
      core::append_little_endian(contents, static_cast<std::uint32_t>(file.name.size()));
      core::append_bytes(contents, core::as_byte_span(file.name));
      core::append_little_endian(contents, file.offset);
      core::append_little_endian(contents, file.size);
      core::append_little_endian(contents, file.checksum);
    }
  }
  return contents;
}

std::vector<BundleEntry> decode_contents(std::span<const std::byte> contents, std::uint64_t payload_end) {
  core::ByteReader reader(contents, "its table of contents");
  std::vector<BundleEntry> entries;
  for (auto jobs = reader.take<std::uint32_t>(); jobs > 0; --jobs) {
    BundleEntry entry;
    entry.job.hex = core::to_hex(reader.take_bytes(32));
    entry.result_sha256 = core::to_hex(reader.take_bytes(32));
    std::set<std::string> names;
    for (auto files = reader.take<std::uint32_t>(); files > 0; --files) {
      BundleEntry::File file;
      file.name = core::as_text(reader.take_bytes(reader.take<std::uint32_t>()));
      file.offset = reader.take<std::uint64_t>();
      file.size = reader.take<std::uint64_t>();
      file.checksum = reader.take<std::uint32_t>();
      if (!is_bundled_name(file.name) || !names.insert(file.name).second)
        throw core::corrupt_error("the name of one of its files is not valid");
      if (file.offset < kBundleHeader || file.offset > payload_end || file.size > payload_end - file.offset)
        throw core::corrupt_error(fmt::format("'{}' lies outside of it", file.name));
      entry.files.push_back(std::move(file));
    }
    entries.push_back(std::move(entry));
  }
  if (reader.remaining() > 0) throw core::corrupt_error("its table of contents goes on behind its end");
  return entries;
}

}  // namespace

// It becomes a path below the job's folder.
bool is_bundled_name(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && name.size() <= 255 && path.is_relative() && path.lexically_normal().string() == name &&
         path.begin()->string() != ".." && *path.begin() != "." && path.has_filename() &&
         name.find('\0') == std::string::npos;
}

core::Bytes encode_bundle(const std::vector<BundledJob>& jobs) {
  core::Bytes bytes(kBundleHeader);
  std::vector<BundleEntry> entries;
  for (const BundledJob& job : jobs) {
    if (job.files.empty()) continue;
    BundleEntry entry{job.job, job.result_sha256, {}};
    for (const BundledFile& file : job.files) {
      RESOLUTE_EXPECT(is_bundled_name(file.name), "a bundled file stands below its job's folder");
      entry.files.push_back({file.name, bytes.size(), file.bytes.size(), core::crc32c(file.bytes)});
      core::append_bytes(bytes, file.bytes);
    }
    entries.push_back(std::move(entry));
  }
  const core::Bytes contents = encode_contents(entries);
  core::Bytes header;
  core::append_bytes(header, core::as_byte_span(kBundleMagic));
  core::append_little_endian(header, kBundleVersion);
  core::append_little_endian(header, core::crc32c(contents));
  core::append_little_endian(header, std::uint64_t{bytes.size()});
  core::append_little_endian(header, std::uint64_t{contents.size()});
  core::append_little_endian(header, std::uint32_t{0});
  core::append_little_endian(header, core::crc32c(header));
  std::copy(header.begin(), header.end(), bytes.begin());
  core::append_bytes(bytes, contents);
  return bytes;
}

Bundle::Bundle(core::FileSystem& files, fs::path path) : path_(std::move(path)), file_(files.open_for_read(path_)) {
  const std::string problem = fmt::format("'{}' is not a bundle that can be read", path_.string());
  const bool long_enough = file_->size() >= kBundleHeader;
  std::array<std::byte, kBundleHeader> first{};
  if (long_enough) file_->read_at(0, first);
  const std::span<const std::byte> header(first);
  if (!long_enough || core::as_text(header.first(8)) != kBundleMagic)
    throw core::corrupt_error(problem, "it does not begin with a header at offset 0", kBundleAdvice);
  const std::string name = path_.string();
  core::ByteReader reader{header.subspan(8), name};
  const auto version = reader.take<std::uint32_t>();
  const auto checksum = reader.take<std::uint32_t>();
  const auto offset = reader.take<std::uint64_t>();
  const auto size = reader.take<std::uint64_t>();
  reader.take<std::uint32_t>();
  if (reader.take<std::uint32_t>() != core::crc32c(header.first(kBundleHeader - 4)))
    throw core::corrupt_error(problem, "the header's checksum at offset 36 differs", kBundleAdvice);
  if (version != kBundleVersion)
    throw core::input_error(problem, fmt::format("it has version {}, this resolute reads {}", version, kBundleVersion),
                            "use the resolute that wrote it");
  if (size > kLargestContents || offset < kBundleHeader || offset > file_->size() || size != file_->size() - offset)
    throw core::corrupt_error(problem, fmt::format("it has {} bytes, its header speaks of others", file_->size()),
                              kBundleAdvice);
  core::Bytes contents(static_cast<std::size_t>(size));
  file_->read_at(offset, contents);
  if (core::crc32c(contents) != checksum)
    throw core::corrupt_error(problem, fmt::format("the checksum of what follows offset {} differs", offset),
                              kBundleAdvice);
  try {
    entries_ = decode_contents(contents, offset);
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(problem, error.what(), kBundleAdvice);
  }
}

core::Bytes Bundle::read(const BundleEntry::File& file) const {
  core::Bytes bytes(static_cast<std::size_t>(file.size));
  file_->read_at(file.offset, bytes);
  if (core::crc32c(bytes) != file.checksum)
    throw core::corrupt_error(fmt::format("'{}' is damaged at offset {}", path_.string(), file.offset),
                              fmt::format("the checksum of '{}' differs", file.name), kBundleAdvice);
  return bytes;
}

fs::path bundles_folder(const StoreLayout& store) { return store.root() / "bundles"; }

namespace {

constexpr std::size_t kTaker = 8;  // hexadecimal digits behind a dot, by an --undo of an earlier version

std::string without_taker(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  const bool taken = dot != std::string::npos && name.size() == dot + 1 + kTaker &&
                     name.find_first_not_of("0123456789abcdef", dot + 1) == std::string::npos;
  return taken ? name.substr(0, dot) : name;
}

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
    if (const auto of = suite_of(without_taker(name)); of && (!suite || *of == *suite))
      found.push_back(bundles_folder(store) / name);
  return found;
}

namespace {

// The first path behind the suite's last bundle that `publish` can take.
fs::path under_next_number(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                           const std::function<bool(const fs::path&)>& publish) {
  const auto there = bundle_files(files, store, suite);
  int number = 1;
  if (!there.empty()) {
    const std::string last = there.back().filename().string().substr(suite.size() + 1);
    std::from_chars(last.data(), last.data() + last.size(), number);
    ++number;
  }
  for (;; ++number) {
    if (number > 999'999)
      throw core::input_error(fmt::format("'{}' has no number left", bundles_folder(store).string()), {},
                              "`resolute suite compact --undo` unpacks what is there");
    fs::path path = bundles_folder(store) / fmt::format("{}-{:06}", suite, number);
    if (publish(path)) return path;
  }
}

}  // namespace

fs::path publish_bundle(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                        std::span<const std::byte> bytes) {
  if (bundle_files(files, store, suite).empty()) {
    // The folder's own entry has to last, too.
    files.create_directories(bundles_folder(store));
    files.sync_path(store.root());
  }
  return under_next_number(files, store, suite,
                           [&](const fs::path& path) { return core::publish_exclusive(files, path, bytes); });
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
