#include "datasets/samples/remarks.h"

#include <algorithm>

#include "core/log.h"
#include "datasets/samples/listing.h"

namespace resolute::datasets {
namespace {

std::string message_of(const std::vector<RefusedFile>& named, std::size_t count) {
  const std::string& first = named.at(0).problem;
  if (count == 1) return first;
  return fmt::format("{}; {} more {} refused", first, count - 1, count == 2 ? "file is" : "files are");
}

}  // namespace

RefusedFiles::RefusedFiles(std::vector<RefusedFile> named, std::size_t count)
    : RuntimeError(core::ErrorKind::kInput, message_of(named, count)), named_(std::move(named)), count_(count) {}

void log_refused(const RefusedFiles& refused) {
  constexpr std::size_t kShown = 20;
  if (refused.count() == 1) return;
  core::log_error("{} files are refused:", refused.count());
  const std::size_t shown = std::min(kShown, refused.named().size());
  for (std::size_t i = 0; i < shown; ++i) core::log_error("  {}", refused.named()[i].problem);
  if (refused.count() > shown) core::log_error("  and {} more", refused.count() - shown);
}

void Remarks::refuse(std::string_view file, const core::RuntimeError& error) {
  if (error.kind() != core::ErrorKind::kInput) throw core::RuntimeError(error);
  ++count_;
  if (named_.size() < RefusedFiles::kMostNamed) named_.push_back({sources::printable(file), error.what()});
}

void Remarks::refuse(const RefusedFiles& others) {
  count_ += others.count();
  for (const RefusedFile& file : others.named())
    if (named_.size() < RefusedFiles::kMostNamed) named_.push_back(file);
}

void Remarks::throw_refused() const {
  if (refused_any()) throw RefusedFiles(named_, count_);
}

void Remarks::leave_out(const std::string& why, std::size_t images) {
  if (images > 0) left_out_[why] += images;
}

}  // namespace resolute::datasets
