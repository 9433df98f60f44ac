#include "workers/ddp/gradient_exchange.h"

#include <ATen/Parallel.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <omp.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "workers/ddp/tensor_digest.h"

namespace resolute::workers {
namespace {

void put(TensorList&& values, const std::vector<std::size_t>& places, TensorList& to) {
  for (std::size_t i = 0; i < values.size(); ++i) to[places[i]] = std::move(values[i]);
}

// Each tensor's, over its elements as they lie in memory: the same order of additions for every W and wherever it is
// done. \param tensors of a GPU: aligned
TensorList norms_of(const TensorList& tensors) {
  TensorList flat, norms(tensors.size());
  for (const at::Tensor& tensor : tensors) flat.push_back(tensor.as_strided({tensor.numel()}, {1}));
  if (!flat.front().device().is_cpu()) return at::_foreach_norm(flat);
  at::parallel_for(0, static_cast<std::int64_t>(flat.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      norms[static_cast<std::size_t>(i)] = at::linalg_vector_norm(flat[static_cast<std::size_t>(i)]);
  });
  return norms;
}

// The tensors, or copies of those of a GPU whose memory is not aligned as memory of their own would be: what a kernel
// computes depends on that (how a reduction adds up, how Adam rounds), and where a sum lies depends on W.
// \param room for copies of tensors of these sizes, made when it is undefined
TensorList aligned(TensorList tensors, at::Tensor& room) {
  constexpr std::int64_t kAlignment = 512 / sizeof(float);  // of CUDA's memory
  if (tensors.front().device().is_cpu()) return tensors;
  std::vector<std::pair<std::size_t, std::int64_t>> moved;  // which tensor, and where to
  std::int64_t end = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (reinterpret_cast<std::uintptr_t>(tensors[i].const_data_ptr()) % (kAlignment * sizeof(float)) == 0) continue;
    moved.emplace_back(i, end);
    end += (tensors[i].numel() + kAlignment - 1) / kAlignment * kAlignment;
  }
  if (moved.empty()) return tensors;
  if (!room.defined() || room.numel() < end) room = at::empty({end}, tensors.front().options());
  TensorList from, to;
  for (const auto& [i, begin] : moved) {
    from.push_back(tensors[i]);
    to.push_back(room.as_strided(tensors[i].sizes(), tensors[i].strides(), begin));
    tensors[i] = to.back();
  }
  at::_foreach_copy_(to, from);
  return tensors;
}

// float32 norms of parameters, added up in the group's order.
at::Tensor total_norm(const TensorList& norms) { return at::linalg_vector_norm(at::stack(norms).to(at::kDouble)); }

}  // namespace

at::Tensor gradient_norm(const TensorList& tensors) {
  at::Tensor room;
  return total_norm(norms_of(aligned(tensors, room)));
}

//! Gradients that travel together: consecutive parameters, from the last to the first, as a backward pass reaches them.
struct GradientExchange::Bucket {
  Group* group = nullptr;
  std::vector<std::size_t> parameters;  // ascending in the order of arrival: from the group's end
  std::size_t waiting = 0;              // parameters of the running lane that have not arrived
  TensorList arrived;                   // in the order of `parameters`; undefined until it is there
  // The gathering thread has these:
  LaneSum sum;
  DigestKeys keys;
  // The exchanging thread has these:
  at::Tensor flat;
  at::Tensor room;  // for those of it that are not aligned

  void put_sums(TensorList sums);
};

struct GradientExchange::Group {
  std::vector<at::Tensor> parameters;
  std::vector<Bucket> buckets;
  std::vector<std::pair<std::size_t, std::size_t>> place;  // of each parameter: bucket, position in it
  // The threads write these, and they are read after the last task:
  TensorList gradients, norms;
  std::vector<TensorList> lane_digests;  // own lanes × parameters
};

void GradientExchange::Bucket::put_sums(TensorList sums) {
  sums = aligned(std::move(sums), room);
  put(norms_of(sums), parameters, group->norms);
  put(std::move(sums), parameters, group->gradients);
}

//! On a GPU a thread queues its work on a stream of its own, ordered with the backward pass and with the other thread's
//! by events. On the CPU there is nothing to order.
struct GradientExchange::SideStream {
  explicit SideStream(at::Device where) : guard(where.type()), stream(guard.getStreamFromGlobalPool(where, true)) {}
  c10::Event mark(const c10::Stream& on) {
    c10::Event event(on.device_type());
    event.record(on);
    return event;
  }
  c10::Stream current() { return guard.getStream(stream.device()); }
  c10::impl::VirtualGuardImpl guard;
  c10::Stream stream;
};

//! The memory of the buckets that may be under way.
class GradientExchange::Flights {
 public:
  //! Waits until some is free. It is free again once nobody holds it.
  std::shared_ptr<ExchangeBuffers> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !free_.empty(); });
    ExchangeBuffers* const taken = free_.back();
    free_.pop_back();
    return {taken, [this](ExchangeBuffers* buffers) {
              const std::lock_guard give(mutex_);
              free_.push_back(buffers);
              changed_.notify_all();
            }};
  }
  int taken() {
    const std::lock_guard lock(mutex_);
    return kMostUnderWay - static_cast<int>(free_.size());
  }

 private:
  std::array<ExchangeBuffers, kMostUnderWay> all_;
  std::vector<ExchangeBuffers*> free_{&all_[0], &all_[1]};
  std::mutex mutex_;
  std::condition_variable changed_;
};

class GradientExchange::Hook final : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(GradientExchange& exchange, std::size_t group, std::size_t parameter)
      : exchange_(exchange), group_(group), parameter_(parameter) {}
  void operator()(const at::Tensor&) override { exchange_.arrived(group_, parameter_); }

 private:
  GradientExchange& exchange_;
  std::size_t group_, parameter_;
};

GradientExchange::GradientExchange(const std::vector<methods::ParameterGroup>& groups, int lanes, LaneRange range,
                                   Communicator* communicator, std::optional<std::int64_t> given_bytes)
    : lanes_(lanes), own_(range), communicator_(communicator) {
  const at::Device device = groups.at(0).parameters.at(0).second.device();
  const std::int64_t bucket_bytes =
      given_bytes.value_or(communicator != nullptr ? bucket_bytes_of(communicator->process_ranks())
                           : device.is_cpu()       ? bucket_bytes_of(1)
                                                   : kBucketBytesAlone);
  for (const methods::ParameterGroup& given : groups) {
    auto group = std::make_unique<Group>();
    for (const auto& [name, parameter] : given.parameters) group->parameters.push_back(parameter);
    group->place.resize(group->parameters.size());
    std::int64_t bytes = 0;
    for (std::size_t i = group->parameters.size(); i-- > 0;) {
      if (group->buckets.empty() || bytes >= bucket_bytes) {
        group->buckets.emplace_back();
        group->buckets.back().group = group.get();
        bytes = 0;
      }
      Bucket& bucket = group->buckets.back();
      group->place[i] = {group->buckets.size() - 1, bucket.parameters.size()};
      bucket.parameters.push_back(i);
      bytes += static_cast<std::int64_t>(group->parameters[i].nbytes());
    }
    for (std::size_t i = 0; i < group->parameters.size(); ++i)
      torch::autograd::impl::set_post_acc_grad_hooks(group->parameters[i],
                                                     std::make_unique<Hook>(*this, groups_.size(), i));
    groups_.push_back(std::move(group));
  }
  if (!device.is_cpu()) side_ = std::make_unique<SideStream>(device);
  if (communicator_ != nullptr) {
    if (side_) exchange_side_ = std::make_unique<SideStream>(device);
    flights_ = std::make_unique<Flights>();
    exchanger_ = make_thread(exchange_side_.get());
  }
  if (side_ || communicator_ != nullptr) gatherer_ = make_thread(side_.get());
}

GradientExchange::~GradientExchange() {
  for (const auto& group : groups_)
    for (const at::Tensor& parameter : group->parameters)
      torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
}

void GradientExchange::begin(const std::vector<std::size_t>& groups, bool digests) {
  RESOLUTE_EXPECT(active_.empty() && !groups.empty(), "a phase is finished before the next begins");
  active_ = groups;
  digests_ = digests;
  lane_ = own_.first;
  order_.clear();
  next_bucket_ = 0;
  for (std::size_t index : active_) {
    Group& group = *groups_.at(index);
    group.gradients.assign(group.parameters.size(), {});
    group.norms = group.gradients;
    group.lane_digests.assign(static_cast<std::size_t>(own_.count), group.gradients);
    for (Bucket& bucket : group.buckets) {
      bucket.waiting = bucket.parameters.size();
      bucket.arrived.assign(bucket.waiting, {});
      bucket.sum = {};
      // Sums that a caller still holds lie in it: it is theirs.
      for (at::Tensor* memory : {&bucket.flat, &bucket.room})
        if (memory->defined() && memory->storage().use_count() > 1) memory->reset();
      order_.push_back(&bucket);
    }
  }
}

void GradientExchange::arrived(std::size_t index, std::size_t parameter) {
  // Another group's parameter that the loss reaches too: its gradient is of no use in this phase.
  at::Tensor gradient = std::exchange(groups_[index]->parameters[parameter].mutable_grad(), {});
  if (std::find(active_.begin(), active_.end(), index) == active_.end()) return;
  Group& group = *groups_[index];
  const auto [where, position] = group.place[parameter];
  Bucket& bucket = group.buckets[where];
  bucket.arrived[position] = std::move(gradient);
  --bucket.waiting;
  // In the buckets' own order, which is that of every rank, whatever the order in which they are completed.
  while (next_bucket_ < order_.size() && order_[next_bucket_]->waiting == 0) hand_over(*order_[next_bucket_++]);
}

void GradientExchange::end_lane() {
  for (; next_bucket_ < order_.size(); ++next_bucket_) {
    Bucket& bucket = *order_[next_bucket_];
    for (std::size_t i = 0; i < bucket.arrived.size(); ++i)
      if (!bucket.arrived[i].defined())
        bucket.arrived[i] = at::zeros_like(bucket.group->parameters[bucket.parameters[i]]);
    hand_over(bucket);
  }
  ++lane_;
  next_bucket_ = 0;
}

void GradientExchange::hand_over(Bucket& bucket) {
  TensorList gradients = std::exchange(bucket.arrived, TensorList(bucket.parameters.size()));
  bucket.waiting = bucket.parameters.size();
  std::shared_ptr<c10::Event> ready;
  if (side_) ready = std::make_shared<c10::Event>(side_->mark(side_->current()));
  post([this, &bucket, lane = lane_, ready, gradients = std::move(gradients)]() mutable {
    if (ready) {
      ready->block(side_->stream);
      for (const at::Tensor& gradient : gradients) gradient.record_stream(side_->stream);
    }
    add_lane(bucket, lane, std::move(gradients));
  });
}

void GradientExchange::add_lane(Bucket& bucket, int lane, TensorList gradients) {
  if (digests_) {
    TensorList& lane_digests = bucket.group->lane_digests[static_cast<std::size_t>(lane - own_.first)];
    put(tensor_digests(gradients, bucket.keys), bucket.parameters, lane_digests);
  }
  bucket.sum.add(lane, std::move(gradients));
  if (lane + 1 < own_.first + own_.count) return;
  if (communicator_ == nullptr)
    bucket.put_sums(sum_in_one_process(std::exchange(bucket.sum, {})));
  else
    gather(bucket);
}

void GradientExchange::gather(Bucket& bucket) {
  // Free, on a GPU too: an exchange has ended when it returns, and the last of a bucket comes behind all that read
  // this.
  const std::shared_ptr<ExchangeBuffers> buffers = flights_->take();
  const GatheredLanes lanes = gather_lanes(std::exchange(bucket.sum, {}), lanes_, *communicator_, *buffers);
  std::shared_ptr<c10::Event> gathered;
  if (side_) gathered = std::make_shared<c10::Event>(side_->mark(side_->stream));
  exchanger_->post([this, &bucket, buffers, lanes, gathered] {
    if (gathered) gathered->block(exchange_side_->stream);
    bucket.put_sums(exchange_lanes(lanes, lanes_, *communicator_, *buffers, bucket.flat));
  });
}

bool GradientExchange::gives_to_others() const {
  const int last = own_.first + own_.count - 1;
  return communicator_ != nullptr && (active_.empty() || lane_ > last || (lane_ == last && next_bucket_ > 0));
}

int GradientExchange::under_way() const { return flights_ ? flights_->taken() : 0; }

std::vector<SummedGradients> GradientExchange::finish() {
  RESOLUTE_EXPECT(!active_.empty() && lane_ == own_.first + own_.count, "a lane has not ended");
  const std::vector<std::size_t> finished = std::exchange(active_, {});
  // The gatherer's last task gives the exchanger its own.
  for (const auto& thread : {gatherer_.get(), exchanger_.get()})
    if (thread != nullptr) thread->wait();
  for (SideStream* side : {side_.get(), exchange_side_.get()})
    if (side != nullptr) side->mark(side->stream).block(side->current());
  std::vector<SummedGradients> sums;
  for (std::size_t index : finished) {
    const Group& group = *groups_[index];
    SummedGradients& sum = sums.emplace_back(SummedGradients{group.gradients, total_norm(group.norms), {}});
    if (!digests_) continue;
    std::vector<at::Tensor> lanes;
    for (const TensorList& lane : group.lane_digests) lanes.push_back(at::stack(lane));
    sum.lane_digests = at::stack(lanes);
  }
  return sums;
}

void GradientExchange::post(std::function<void()> task) {
  if (gatherer_) return gatherer_->post(std::move(task));
  const at::NoGradGuard no_grad;
  task();
}

std::unique_ptr<TaskThread> GradientExchange::make_thread(SideStream* side) const {
  return std::make_unique<TaskThread>([side] {
    at::GradMode::set_enabled(false);
    // The process's threads belong to the backward pass: a second team of them on the same cores would wait for the
    // first.
    at::internal::lazy_init_num_threads();
    omp_set_num_threads(1);
    if (side == nullptr) return;
    side->guard.setDevice(side->stream.device());  // a new thread's is 0, which is another rank's
    side->guard.exchangeStream(side->stream);
  });
}

}  // namespace resolute::workers
