#include "workers/rank/progress_pipe.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <string>

namespace resolute::workers {
namespace {

constexpr std::chrono::milliseconds kInterval{500}, kGaugeInterval{5000};

}  // namespace

ProgressPipe::ProgressPipe(int descriptor, const core::Clock& clock)
    : descriptor_(descriptor), clock_(clock), start_(clock.now()) {}

double ProgressPipe::images_per_second(std::uint64_t images) const {
  const double seconds = std::chrono::duration<double>(clock_.now() - start_).count();
  return seconds > 0 ? static_cast<double>(images) / seconds : 0;
}

void ProgressPipe::step(std::uint64_t step, std::uint64_t steps, std::optional<double> loss, std::uint64_t images) {
  if (too_soon() && step != steps) return;
  core::Json line = {{"step", step}, {"steps", steps}};
  if (loss) line["loss"] = *loss;
  if (images > 0) line["images_per_second"] = std::round(images_per_second(images) * 10) / 10;
  if (const core::MonotonicTime now = clock_.now(); gauge_ && (!gauged_ || now - *gauged_ >= kGaugeInterval)) {
    gpu_ = gauge_();
    gauged_ = now;
  }
  if (!gpu_.empty()) line["gpu"] = gpu_;
  write_line(line);
}

void ProgressPipe::checkpoint(std::uint64_t step) { write_line({{"checkpoint", step}}); }

void ProgressPipe::evaluating(std::uint64_t done, std::uint64_t total) {
  if (!too_soon()) write_line({{"evaluating", {{"done", done}, {"total", total}}}});
}

void ProgressPipe::evaluation(std::uint64_t step, double map, double rank1) {
  write_line({{"evaluation", {{"step", step}, {"mAP", map}, {"rank1", rank1}}}});
}

// Notes the time of a line that may be written.
bool ProgressPipe::too_soon() {
  const core::MonotonicTime now = clock_.now();
  if (written_ && now - *written_ < kInterval) return true;
  written_ = now;
  return false;
}

void ProgressPipe::write_line(const core::Json& json) {
  if (descriptor_ < 0) return;
  const std::string line = core::canonical_json(json) + "\n";
  // Shorter than PIPE_BUF: written whole or not at all.
  ssize_t written = 0;
  do {
    written = ::write(descriptor_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0 && errno != EAGAIN) descriptor_ = -1;
}

}  // namespace resolute::workers
