#include "orchestrator/transport/in_process.h"

#include "core/error.h"

namespace resolute::orchestrator {

class InProcessTransport final : public Transport {
 public:
  InProcessTransport(std::shared_ptr<InProcessHub> hub, Address self) : hub_(std::move(hub)), self_(self) {}
  Address self() const override { return self_; }
  int size() const override { return static_cast<int>(hub_->boxes_.size()); }

  void send(Address to, std::string bytes) override {
    std::lock_guard lock(hub_->mutex_);
    hub_->boxes_.at(static_cast<std::size_t>(to)).push_back({self_, std::move(bytes)});
  }

  std::optional<Delivery> receive() override {
    std::lock_guard lock(hub_->mutex_);
    auto& box = hub_->boxes_.at(static_cast<std::size_t>(self_));
    if (box.empty()) return std::nullopt;
    Delivery delivery = std::move(box.front());
    box.pop_front();
    return delivery;
  }

  void forget(Address peer) override {
    std::lock_guard lock(hub_->mutex_);
    std::erase_if(hub_->boxes_.at(static_cast<std::size_t>(peer)), [&](const Delivery& d) { return d.from == self_; });
  }

  bool flush(std::chrono::milliseconds) override { return true; }

 private:
  std::shared_ptr<InProcessHub> hub_;
  Address self_;
};

std::shared_ptr<InProcessHub> InProcessHub::create(int size) {
  RESOLUTE_EXPECT(size > 0, "a hub needs an endpoint");
  return std::shared_ptr<InProcessHub>(new InProcessHub(size));
}

std::unique_ptr<Transport> InProcessHub::endpoint(Address self) {
  RESOLUTE_EXPECT(self >= 0 && static_cast<std::size_t>(self) < boxes_.size(), "no such endpoint");
  return std::make_unique<InProcessTransport>(shared_from_this(), self);
}

}  // namespace resolute::orchestrator
