#include "tests/support/accelerator/streams.h"

#include <c10/util/Exception.h>
#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "core/overloaded.h"

namespace resolute::accelerator {
namespace {

// SplitMix64's finaliser.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

// Kernels that may stay queued behind a stream's kernel number `given`.
std::size_t lag(const Lateness& lateness, StreamKey key, std::uint64_t given) {
  if (lateness.kind == Lateness::Kind::kNone) return 0;
  if (lateness.kind == Lateness::Kind::kMost) return SIZE_MAX;
  if (lateness.kind == Lateness::Kind::kMain) return key.second == 0 ? SIZE_MAX : 0;
  const auto stream = static_cast<std::uint64_t>(key.first) << 32 | static_cast<std::uint64_t>(key.second);
  const std::uint64_t drawn = mixed(mixed(lateness.seed ^ mixed(stream)) + given);
  constexpr std::array<std::uint64_t, 4> kMost = {1, 8, 64, 512};
  return static_cast<std::size_t>(drawn / 4 % kMost[drawn % 4]);
}

// The product's function that an address lies in; empty for another's.
std::string product_function(void* address) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_sname == nullptr) return {};
  int failed = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &failed),
                                                    std::free);
  const std::string text = failed == 0 ? name.get() : info.dli_sname;
  std::size_t begin = std::string::npos, name_begin = 0;
  for (const std::string_view part : {"resolute::methods::", "resolute::networks::", "resolute::workers::"})
    if (const std::size_t at = text.find(part); at < begin) begin = at, name_begin = at + part.size();
  if (begin == std::string::npos || text.find("_test") != std::string::npos) return {};
  return text.substr(name_begin, text.find('(', begin) - name_begin);
}

// The nearest caller that is the product's. \param known of each address so far: looking one up is slow
// \param calls null, or the addresses from here to that caller
std::string caller(std::unordered_map<void*, std::string>& known, std::vector<void*>* calls = nullptr) {
  std::array<void*, 64> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  for (int i = 0; i < count; ++i) {
    void* const frame = frames[static_cast<std::size_t>(i)];
    if (calls != nullptr) calls->push_back(frame);
    auto found = known.find(frame);
    if (found == known.end()) found = known.emplace(frame, product_function(frame)).first;
    if (!found->second.empty()) return found->second;
  }
  return "a test";
}

void refuse_recorded(const Mark& mark) {
  TORCH_CHECK(!mark.recorded, "accelerator: the host waits for a stream while that records");
}

}  // namespace

std::int64_t Counts::sum(const std::map<std::string, std::int64_t>& counts) {
  std::int64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

void Streams::set_lateness(const Lateness& lateness) {
  const std::lock_guard lock(mutex_);
  lateness_ = lateness;
}

void Streams::enqueue(StreamKey key, const std::string& name, std::function<void()> kernel) {
  const std::lock_guard lock(mutex_);
  if (const auto recording = recordings_.find(key); recording != recordings_.end()) {
    recording->second.push_back(std::move(kernel));
    return;
  }
  Stream& stream = streams_[key];
  if (!name.empty()) ++(key.second == 0 ? counts_.kernels : counts_.side_kernels)[name];
  if (!name.empty() && key.second == 0) ++counts_.phases[phase_];
  stream.items.push_back(Kernel{std::move(kernel)});
  ++stream.given;
  catch_up(key, stream);
}

MarkPointer Streams::mark(StreamKey key) {
  const std::lock_guard lock(mutex_);
  auto mark = std::make_shared<Mark>(Mark{key});
  mark->recorded = recordings_.contains(key);
  if (mark->recorded) return mark;
  Stream& stream = streams_[key];
  stream.items.push_back(Reached{mark});
  if (stream.items.size() == 1) run_first(stream, false);
  return mark;
}

void Streams::wait(StreamKey key, const MarkPointer& mark) {
  const std::lock_guard lock(mutex_);
  TORCH_CHECK(mark->stream == key || (!mark->recorded && !recordings_.contains(key)),
              "accelerator: a recording and another stream wait for each other");
  if (mark->recorded || mark->stream == key) return;
  std::vector<void*> calls;
  const std::string asked_by = caller(callers_, &calls);
  std::vector<std::vector<void*>>& places = places_[asked_by];
  const auto known = std::find(places.begin(), places.end(), calls);
  const std::string place = asked_by + ", " + std::to_string(known - places.begin());
  if (known == places.end()) places.push_back(std::move(calls));
  ++counts_.stream_waits[place];
  if (!mark->reached && place != left_out_) streams_[key].items.push_back(Wait{mark});
}

bool Streams::query(const MarkPointer& mark) {
  const std::lock_guard lock(mutex_);
  refuse_recorded(*mark);
  if (!mark->reached) run_first(streams_[mark->stream], true);
  return mark->reached;
}

void Streams::reach(const MarkPointer& mark, const std::string& what) {
  const std::lock_guard lock(mutex_);
  refuse_recorded(*mark);
  if (!what.empty()) ++counts_.waits[what + " in " + caller(callers_)];
  finish(mark);
}

void Streams::reach_all(int device, const std::string& what) {
  const std::lock_guard lock(mutex_);
  TORCH_CHECK(recordings_.empty(), "accelerator: the host waits for the device while that records");
  if (!what.empty()) ++counts_.waits[what + " in " + caller(callers_)];
  for (auto& [key, stream] : streams_)
    while (key.first == device && !stream.items.empty()) run_first(stream, true);
}

void Streams::begin_recording(StreamKey key) {
  const std::lock_guard lock(mutex_);
  TORCH_CHECK(recordings_.emplace(key, std::vector<std::function<void()>>()).second,
              "accelerator: a stream records once at a time");
}

std::vector<std::function<void()>> Streams::end_recording(StreamKey key) {
  const std::lock_guard lock(mutex_);
  return std::move(recordings_.extract(key).mapped());
}

void Streams::set_phase(std::string name) {
  const std::lock_guard lock(mutex_);
  phase_ = std::move(name);
}

void Streams::leave_out(std::string what) {
  const std::lock_guard lock(mutex_);
  left_out_ = std::move(what);
}

bool Streams::fetch() {
  const std::lock_guard lock(mutex_);
  const std::string asked_by = caller(callers_);
  ++counts_.fetches[asked_by];
  return asked_by != left_out_;
}

bool Streams::sets_device() const {
  const std::lock_guard lock(mutex_);
  return left_out_ != "setDevice";
}

void Streams::count_bytes(std::int64_t to_device, std::int64_t to_host) {
  const std::lock_guard lock(mutex_);
  counts_.bytes_to_device += to_device;
  counts_.bytes_to_host += to_host;
}

void Streams::count_allocation() {
  const std::lock_guard lock(mutex_);
  ++counts_.allocations;
}

Counts Streams::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Streams::reset_counts() {
  const std::lock_guard lock(mutex_);
  counts_ = {};
}

// False where the first item waits for another stream and nobody forces that.
bool Streams::run_first(Stream& stream, bool forced) {
  if (const Wait* wait = std::get_if<Wait>(&stream.items.front()); wait != nullptr && !wait->mark->reached) {
    if (!forced) return false;
    finish(MarkPointer(wait->mark));
  }
  const Item item = std::move(stream.items.front());
  stream.items.pop_front();
  std::visit(core::Overloaded{[](const Kernel& kernel) { kernel.run(); },
                              [](const Reached& reached) { reached.mark->reached = true; }, [](const Wait&) {}},
             item);
  return true;
}

// A mark stands behind all that it waits for, so this ends.
void Streams::finish(const MarkPointer& mark) {
  Stream& stream = streams_[mark->stream];
  while (!mark->reached) run_first(stream, true);
}

void Streams::catch_up(StreamKey key, Stream& stream) {
  const std::size_t allowed = lag(lateness_, key, stream.given);
  while (stream.items.size() > allowed && run_first(stream, false)) {
  }
  // Marks cost nothing: those at the front are reached.
  while (!stream.items.empty() && std::holds_alternative<Reached>(stream.items.front())) run_first(stream, false);
}

Streams& streams() {
  static Streams* const all = new Streams;
  return *all;
}

}  // namespace resolute::accelerator
