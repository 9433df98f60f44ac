#include "workers/ddp/lone.h"

namespace resolute::workers {
namespace {

class LoneCommunicator final : public Communicator {
 public:
  int process_rank() const override { return 0; }
  int process_ranks() const override { return 1; }
  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>&,
                  const std::vector<std::int64_t>&) override {
    to.copy_(from);
  }
  void all_gather(at::Tensor& to, const at::Tensor& from) override { to.copy_(from); }
  void broadcast(at::Tensor&) override {}
  void barrier() override {}
};

}  // namespace

std::unique_ptr<Communicator> connect_alone() { return std::make_unique<LoneCommunicator>(); }

}  // namespace resolute::workers
