#include "workers/training/training_evaluation.h"

#include "core/error.h"
#include "core/files/json.h"
#include "settings/epochs.h"
#include "workers/rank/stop_flag.h"

namespace resolute::workers {
namespace {

// Running statistics move with lane 0 alone, so on process rank 0 alone: the others, whose own nobody ever reads, take
// them over. Buffers that count steps are the same everywhere.
void share_statistics(torch::nn::Module& module, Communicator& communicator) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> buffers = module.buffers();
  std::erase_if(buffers, [](const at::Tensor& buffer) { return !buffer.is_floating_point(); });
  if (buffers.empty()) return;
  std::vector<at::Tensor> flat;
  for (const at::Tensor& buffer : buffers) flat.push_back(buffer.flatten());
  at::Tensor all = at::cat(flat);
  communicator.broadcast(all);
  if (communicator.process_rank() == 0) return;
  std::int64_t begin = 0;
  for (at::Tensor& buffer : buffers) {
    buffer.copy_(all.narrow(0, begin, buffer.numel()).view(buffer.sizes()));
    begin += buffer.numel();
  }
}

}  // namespace

Comparison training_comparison(const experiments::MethodOptions& method, const datasets::PackReader& pack) {
  Comparison comparison = comparison_of({}, method);
  if (!pack.has_rate(comparison.gallery_copy_rate)) comparison.gallery_copy_rate = 0;
  return comparison;
}

void TrainingEvaluation::write_to(core::FileSystem& files, const std::filesystem::path& path) {
  files.create_directories(path.parent_path());
  file_ = files.open_for_write(path, core::OpenMode::kTruncate);
}

void TrainingEvaluation::run(std::uint64_t step) {
  if (parts_.communicator) share_statistics(parts_.method.module(), *parts_.communicator);
  const EmbeddingOptions options{embedding_precision(parts_.recipe), parts_.communicator};
  const std::optional<Embedding> embedding = embed_split(parts_.method, parts_.pack, parts_.split, parts_.comparison,
                                                         options, [&](std::uint64_t done, std::uint64_t total) {
                                                           parts_.progress.evaluating(done, total);
                                                           return !stop_requested();
                                                         });
  const bool first = parts_.communicator == nullptr || parts_.communicator->process_rank() == 0;
  if (!embedding || !first) return;
  experiments::EvaluationProtocol protocol;
  // The only one that such a split has (experiments/specification/validation.cpp).
  if (parts_.split.options.lr_side == settings::LrSide::kQuery) protocol.name = settings::ProtocolName::kWholeGallery;
  const std::map<std::string, double> metrics = score_embedding(*embedding, parts_.split, protocol);
  parts_.progress.evaluation(step, metrics.at("mAP"), metrics.at("rank1"));
  if (!file_) return;
  const double epoch = settings::epochs_of_steps(step, parts_.split.train.size(), parts_.recipe);
  const core::Json line = {{"step", step}, {"epoch", epoch}, {"metrics", metrics}};
  file_->write(core::as_byte_span(core::canonical_json(line) + "\n"));
}

void TrainingEvaluation::close() {
  if (!file_) return;
  file_->sync();
  file_->close();
}

}  // namespace resolute::workers
