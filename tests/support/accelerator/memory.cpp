#include "tests/support/accelerator/memory.h"

#include <c10/util/Exception.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

#include "core/error.h"

namespace resolute::accelerator {
namespace {

constexpr std::size_t kArena = std::size_t{32} << 30;  // of addresses; pages exist once they are written
constexpr std::size_t kAlignment = 512;                // CUDA's
constexpr int kPoison = 0xFF;                          // float32, float64 and bfloat16: NaN

struct Block {
  std::size_t bytes = 0;
  std::size_t taken = 0;  // that were asked for, to the next multiple of kAlignment
  StreamKey stream;
  std::set<StreamKey> used_on;
};

struct Waiting {
  std::size_t offset = 0;
  std::vector<MarkPointer> marks;
};

struct Pool {
  int recordings = 0;
  std::uint64_t now = 0, most = 0;  // bytes of its blocks
};

// Two views of one memory: `shown` for tensors, without any rights, `kernels` for those.
struct Arena {
  std::byte* shown = nullptr;
  std::byte* kernels = nullptr;
  std::size_t used = 0;
  MemoryUse use{.taken = 0, .most = 0, .limit = kArena, .refusals = 0};
  std::map<std::size_t, Block> blocks;  // by offset
  std::map<std::pair<StreamKey, std::size_t>, std::vector<std::size_t>> free;
  std::vector<Waiting> waiting;
  std::map<StreamKey, Pool> pools;
};

bool in_arena(const Arena& arena, const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address), begin = reinterpret_cast<std::uintptr_t>(arena.shown);
  return at >= begin && at < begin + kArena;
}

Arena& arena();

// A host that touches a device's memory: said with its stack, and the end.
void tell_of_touch(int, siginfo_t* info, void*) {
  if (in_arena(arena(), info->si_addr)) {
    constexpr char kMessage[] = "accelerator: the host touched a device's memory\n";
    static_cast<void>(!::write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1));
    void* frames[64];
    ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), STDERR_FILENO);
  }
  ::signal(SIGSEGV, SIG_DFL);
  ::raise(SIGSEGV);
}

Arena open_arena() {
  Arena arena;
  const int file = ::memfd_create("accelerator", MFD_CLOEXEC);
  RESOLUTE_EXPECT(file >= 0 && ::ftruncate(file, kArena) == 0, "memory for the simulated accelerator");
  const auto view = [&](int rights) {
    void* at = ::mmap(nullptr, kArena, rights, MAP_SHARED | MAP_NORESERVE, file, 0);
    RESOLUTE_EXPECT(at != MAP_FAILED, "addresses for the simulated accelerator");
    return static_cast<std::byte*>(at);
  };
  arena.shown = view(PROT_NONE);
  arena.kernels = view(PROT_READ | PROT_WRITE);
  ::close(file);
  struct sigaction action {};
  action.sa_sigaction = tell_of_touch;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSEGV, &action, nullptr);
  return arena;
}

Arena& arena() {
  static Arena* const only = new Arena(open_arena());
  return *only;
}

// Few sizes, so that blocks find a taker: 2^n and 1.5 · 2^n.
std::size_t rounded(std::size_t bytes) {
  std::size_t size = kAlignment;
  while (size < bytes) size = size + size / 2 >= bytes ? size + size / 2 : 2 * size;
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

void release(Arena& from, std::size_t offset) {
  Block& block = from.blocks.at(offset);
  block.used_on.clear();
  from.free[{block.stream, block.bytes}].push_back(offset);
}

// A pool that no recording has keeps nothing back.
void shrink(Arena& arena, Pool& pool) {
  if (pool.recordings > 0) return;
  arena.use.taken -= pool.most - pool.now;
  pool.most = pool.now;
}

// What a block of so many bytes takes besides. \param pool null: none
std::uint64_t growth(const Pool* pool, std::uint64_t bytes) {
  if (pool == nullptr) return bytes;
  return pool->now + bytes > pool->most ? pool->now + bytes - pool->most : 0;
}

Pool* pool_of(Arena& arena, const StreamKey& stream) {
  const auto found = arena.pools.find(stream);
  return found == arena.pools.end() ? nullptr : &found->second;
}

bool all_reached(const std::vector<MarkPointer>& marks) {
  for (const MarkPointer& mark : marks)
    if (!mark->reached) return false;
  return true;
}

void release_waiting(Arena& from) {
  std::erase_if(from.waiting, [&](const Waiting& waiting) {
    if (!all_reached(waiting.marks)) return false;
    release(from, waiting.offset);
    return true;
  });
}

struct PinnedBlock {
  std::size_t bytes = 0;
  bool given_back = false;
  std::vector<MarkPointer> marks;
};

// By first address. Blocks stay the process's: what reads one too late finds NaN, not another's page.
std::map<std::uintptr_t, PinnedBlock>& pinned_blocks() {
  static auto* const blocks = new std::map<std::uintptr_t, PinnedBlock>;
  return *blocks;
}

// Reused when given back, poisoned and of the size asked for.
std::map<std::size_t, std::vector<std::uintptr_t>>& free_pinned() {
  static auto* const blocks = new std::map<std::size_t, std::vector<std::uintptr_t>>;
  return *blocks;
}

void poison_what_no_copy_needs() {
  for (auto& [address, block] : pinned_blocks()) {
    if (!block.given_back || !all_reached(block.marks)) continue;
    std::memset(reinterpret_cast<void*>(address), kPoison, block.bytes);
    block.given_back = false;
    block.marks.clear();
    free_pinned()[block.bytes].push_back(address);
  }
}

}  // namespace

void* take_device_memory(std::size_t bytes, StreamKey stream) {
  if (bytes == 0) return nullptr;
  const std::lock_guard lock(streams().mutex());
  Arena& from = arena();
  release_waiting(from);
  const std::size_t size = rounded(bytes), taken = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  std::vector<std::size_t>& free = from.free[{stream, size}];
  std::size_t offset = from.used;
  Pool* const pool = pool_of(from, stream);
  const std::uint64_t more = growth(pool, taken);
  const bool fits = from.use.taken + more <= from.use.limit && (!free.empty() || from.used + size <= kArena);
  if (!fits) ++from.use.refusals;
  TORCH_CHECK_WITH(OutOfMemoryError, fits, "accelerator: ", bytes, " bytes of memory are refused");
  from.use.taken += more;
  if (pool != nullptr) {
    pool->now += taken;
    pool->most = std::max(pool->most, pool->now);
  }
  from.use.most = std::max(from.use.most, from.use.taken);
  if (!free.empty()) {
    offset = free.back();
    free.pop_back();
  } else {
    from.used += size;
    from.blocks[offset] = {size, 0, stream, {}};
  }
  from.blocks.at(offset).taken = taken;
  streams().count_allocation();
  streams().enqueue(stream, "", [at = from.kernels + offset, bytes] { std::memset(at, kPoison, bytes); });
  return from.shown + offset;
}

void give_device_memory_back(void* address) {
  if (address == nullptr) return;
  const std::lock_guard lock(streams().mutex());
  Arena& to = arena();
  const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(address) - to.shown);
  const Block& block = to.blocks.at(offset);
  if (Pool* const pool = pool_of(to, block.stream); pool != nullptr) {
    pool->now -= block.taken;
    shrink(to, *pool);
  } else {
    to.use.taken -= block.taken;
  }
  Waiting waiting{offset, {}};
  for (const StreamKey& stream : block.used_on) waiting.marks.push_back(streams().mark(stream));
  if (waiting.marks.empty())
    release(to, offset);
  else
    to.waiting.push_back(std::move(waiting));
}

void join_pool(StreamKey stream) {
  const std::lock_guard lock(streams().mutex());
  ++arena().pools[stream].recordings;
}

void leave_pool(StreamKey stream) {
  const std::lock_guard lock(streams().mutex());
  Pool& pool = arena().pools.at(stream);
  --pool.recordings;
  shrink(arena(), pool);
}

MemoryUse memory_use() {
  const std::lock_guard lock(streams().mutex());
  return arena().use;
}

void set_memory_limit(std::uint64_t bytes) {
  const std::lock_guard lock(streams().mutex());
  MemoryUse& use = arena().use;
  use.limit = bytes == 0 ? kArena : bytes;
  use.most = use.taken;
}

void use_on_stream(void* address, StreamKey stream) {
  if (address == nullptr) return;
  const std::lock_guard lock(streams().mutex());
  Block& block = arena().blocks.at(static_cast<std::size_t>(static_cast<std::byte*>(address) - arena().shown));
  if (stream != block.stream) block.used_on.insert(stream);
}

std::byte* contents(const void* address) {
  if (address == nullptr) return nullptr;
  RESOLUTE_EXPECT(is_device_memory(address), "a kernel's tensor lies on the device");
  return arena().kernels + (static_cast<const std::byte*>(address) - arena().shown);
}

bool is_device_memory(const void* address) { return in_arena(arena(), address); }

void* take_pinned_memory(std::size_t bytes) {
  const std::lock_guard lock(streams().mutex());
  poison_what_no_copy_needs();
  const std::size_t size = rounded(bytes);
  std::vector<std::uintptr_t>& free = free_pinned()[size];
  if (!free.empty()) {
    const std::uintptr_t address = free.back();
    free.pop_back();
    return reinterpret_cast<void*>(address);
  }
  void* address = std::aligned_alloc(kAlignment, size);
  if (address == nullptr) throw std::bad_alloc();
  std::memset(address, kPoison, size);
  pinned_blocks()[reinterpret_cast<std::uintptr_t>(address)] = {size, false, {}};
  return address;
}

void give_pinned_memory_back(void* address) {
  const std::lock_guard lock(streams().mutex());
  pinned_blocks().at(reinterpret_cast<std::uintptr_t>(address)).given_back = true;
  poison_what_no_copy_needs();
}

bool is_pinned(const void* address) {
  const std::lock_guard lock(streams().mutex());
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  auto next = pinned_blocks().upper_bound(at);
  return next != pinned_blocks().begin() && at < (--next)->first + next->second.bytes;
}

void keep_pinned_until(void* address, const MarkPointer& mark) {
  const std::lock_guard lock(streams().mutex());
  if (const auto found = pinned_blocks().find(reinterpret_cast<std::uintptr_t>(address));
      found != pinned_blocks().end())
    found->second.marks.push_back(mark);
}

}  // namespace resolute::accelerator
