#include "results/records/gradient_log.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/crc32c.h"

namespace resolute::results {
namespace {

constexpr std::string_view kMagic = "RSLTGRAD";
constexpr std::uint32_t kVersion = 2;
constexpr int kMostLanes = 1 << 16;
constexpr std::size_t kChecksumSize = sizeof(std::uint32_t);
// Magic, version, length of the names, checksum: one of its own, so that a damaged length is not taken for a torn file.
constexpr std::size_t kPreambleSize = 16 + kChecksumSize;

std::size_t record_size(std::size_t lanes, std::size_t tensors) {
  return sizeof(std::uint64_t) * (1 + lanes) + sizeof(std::uint32_t) * tensors + kChecksumSize;
}

void append_checksum(core::Bytes& bytes, std::size_t from) {
  core::append_little_endian(bytes, core::crc32c(std::span(bytes).subspan(from)));
}

// Tells whether `bytes` end with the checksum of what stands before it.
bool checksum_is_right(std::span<const std::byte> bytes) {
  core::ByteReader reader(bytes.last(kChecksumSize), "checksum");
  return reader.take<std::uint32_t>() == core::crc32c(bytes.first(bytes.size() - kChecksumSize));
}

bool all_different_and_named(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size() &&
         std::find(names.begin(), names.end(), "") == names.end();
}

void parse_names(std::string_view text, const std::string& where, GradientLog& log) {
  const core::Json json = core::parse_json(text, where);
  core::ObjectReader reader(json, where);
  log.lanes = reader.required<int>("lanes");
  log.tensors = reader.required<std::vector<std::string>>("tensors");
  reader.finish();
  if (log.lanes < 1 || log.lanes > kMostLanes) throw core::input_error(fmt::format("{}: {} lanes", where, log.lanes));
  if (!all_different_and_named(log.tensors))
    throw core::input_error(where + ": a tensor has no name or that of another");
}

StepGradients parse_record(std::span<const std::byte> bytes, const GradientLog& log, const std::string& where) {
  if (!checksum_is_right(bytes))
    throw core::corrupt_error(fmt::format("{}: record {} is damaged", where, log.steps.size()),
                              "its checksum is wrong");
  core::ByteReader reader(bytes, where);
  StepGradients gradients{reader.take<std::uint64_t>(), {}, {}};
  for (int lane = 0; lane < log.lanes; ++lane) gradients.lanes.push_back(reader.take<std::uint64_t>());
  for (std::size_t tensor = 0; tensor < log.tensors.size(); ++tensor)
    gradients.tensors.push_back(reader.take<std::uint32_t>());
  if (gradients.step <= (log.steps.empty() ? 0 : log.steps.back().step))
    throw core::corrupt_error(
        fmt::format("{}: record {} is of step {}", where, log.steps.size(), gradients.step),
        log.steps.empty() ? "steps count from 1" : fmt::format("step {} stands before it", log.steps.back().step));
  return gradients;
}

}  // namespace

GradientLogWriter::GradientLogWriter(core::FileSystem& files, const std::filesystem::path& path, int lanes,
                                     std::vector<std::string> tensor_names)
    : lanes_(static_cast<std::size_t>(lanes)), tensors_(tensor_names.size()) {
  RESOLUTE_EXPECT(lanes >= 1 && lanes <= kMostLanes, fmt::format("{} lanes", lanes));
  RESOLUTE_EXPECT(all_different_and_named(tensor_names), "a tensor has no name or that of another");
  const std::string names = core::canonical_json({{"lanes", lanes}, {"tensors", tensor_names}}) + "\n";
  core::Bytes header;
  core::append_bytes(header, core::as_byte_span(kMagic));
  core::append_little_endian(header, kVersion);
  core::append_little_endian(header, static_cast<std::uint32_t>(names.size()));
  append_checksum(header, 0);
  core::append_bytes(header, core::as_byte_span(names));
  append_checksum(header, kPreambleSize);
  files.create_directories(path.parent_path());
  file_ = files.open_for_write(path, core::OpenMode::kTruncate);
  file_->write(header);
  record_.reserve(record_size(lanes_, tensors_));
}

void GradientLogWriter::write(const StepGradients& gradients) {
  RESOLUTE_EXPECT(gradients.lanes.size() == lanes_ && gradients.tensors.size() == tensors_,
                  fmt::format("{} lanes and {} tensors for a log of {} and {}", gradients.lanes.size(),
                              gradients.tensors.size(), lanes_, tensors_));
  RESOLUTE_EXPECT(gradients.step > last_step_, fmt::format("step {} after step {}", gradients.step, last_step_));
  record_.clear();
  core::append_little_endian(record_, gradients.step);
  core::append_bytes(record_, std::as_bytes(std::span(gradients.lanes)));
  core::append_bytes(record_, std::as_bytes(std::span(gradients.tensors)));
  append_checksum(record_, 0);
  file_->write(record_);
  last_step_ = gradients.step;
}

void GradientLogWriter::close() {
  file_->sync();
  file_->close();
}

GradientLog read_gradient_log(core::FileSystem& files, const std::filesystem::path& path) {
  const core::Bytes bytes = files.read(path);
  const std::string where = fmt::format("gradient log '{}'", path.string());
  const std::span<const std::byte> all(bytes);
  const std::size_t known = std::min(bytes.size(), kMagic.size());
  if (core::as_text(all.first(known)) != kMagic.substr(0, known))
    throw core::corrupt_error(where + " is not a gradient log", fmt::format("it does not begin with {}", kMagic));
  if (bytes.size() < kPreambleSize) return {};
  core::ByteReader reader(all, where);
  reader.take_bytes(kMagic.size());
  const auto version = reader.take<std::uint32_t>();
  const auto length = reader.take<std::uint32_t>();
  if (!checksum_is_right(all.first(kPreambleSize)))
    throw core::corrupt_error(where + " is damaged", "the checksum of its first bytes is wrong");
  if (version != kVersion)
    throw core::input_error(fmt::format("{} has version {}", where, version),
                            fmt::format("this program reads version {}", kVersion));
  const std::size_t header_size = kPreambleSize + length + kChecksumSize;
  if (bytes.size() < header_size) return {};
  if (!checksum_is_right(all.subspan(kPreambleSize, length + kChecksumSize)))
    throw core::corrupt_error(where + " is damaged", "the checksum of its names is wrong");
  GradientLog log;
  try {
    parse_names(core::as_text(all.subspan(kPreambleSize, length)), "header", log);
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(where + " is damaged", error.what());
  }
  const std::size_t size = record_size(static_cast<std::size_t>(log.lanes), log.tensors.size());
  for (auto rest = all.subspan(header_size); rest.size() >= size; rest = rest.subspan(size))
    log.steps.push_back(parse_record(rest.first(size), log, where));
  return log;
}

}  // namespace resolute::results
