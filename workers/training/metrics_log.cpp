#include "workers/training/metrics_log.h"

#include "core/files/json.h"

namespace resolute::workers {

MetricsLog::MetricsLog(core::FileSystem& files, const std::filesystem::path& path) {
  files.create_directories(path.parent_path());
  file_ = files.open_for_write(path, core::OpenMode::kTruncate);
}

void MetricsLog::write(const StepMetrics& metrics) {
  core::Json terms = core::Json::object();
  for (const auto& [name, value] : metrics.terms) terms[name] = value;
  core::Json norms = core::Json::object();
  for (const auto& [name, value] : metrics.gradient_norms) norms[name] = value;
  core::Json line = {{"step", metrics.step},
                     {"loss", metrics.loss},
                     {"losses", terms},
                     {"gradient_norms", norms},
                     {"learning_rate_factor", metrics.learning_rate_factor}};
  if (!metrics.gradients.empty()) line["gradients"] = metrics.gradients;
  file_->write(core::as_byte_span(core::canonical_json(line) + "\n"));
}

void MetricsLog::close() {
  file_->sync();
  file_->close();
}

}  // namespace resolute::workers
