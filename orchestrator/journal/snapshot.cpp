#include "orchestrator/journal/snapshot.h"

#include <algorithm>

#include "core/hash/crc32c.h"
#include "core/log.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/messages/binary.h"

namespace resolute::orchestrator {

namespace {

constexpr std::string_view kSnapshotMagic = "RSLTSNAP";
constexpr std::string_view kSnapshotPrefix = "snapshot-";
constexpr std::uint32_t kVersion = 5;
constexpr std::size_t kHeaderSize = 48;

// The jobs that build_indexes() and check_invariants() look up by number must be there.
void require_known_jobs(const State& state) {
  auto require = [&](const auto& numbers) {
    for (JobIndex number : numbers)
      if (static_cast<std::size_t>(number.value) >= state.jobs.size())
        throw core::corrupt_error(fmt::format("job {} is named and not there", number.value));
  };
  for (const Job& job : state.jobs) {
    require(job.after);
    require(job.needed_by);
  }
  for (const auto& [agent, slots] : state.agents)
    for (const auto& [gpu, record] : slots.gpu_records)
      for (const PlaceEnd& end : record.ends) require(std::array{end.job});
  for (const auto& [name, host] : state.hosts) {
    require(host.suspects);
    require(host.evidence);
    for (const PlaceEnd& end : host.place.ends) require(std::array{end.job});
  }
}

// Refuses numbers that apply() would have refused: sums of numbers in range are in range too.
void require_ranges(const State& state) {
  auto require = [](bool holds, const std::string& name) {
    if (!holds) throw core::corrupt_error(fmt::format("{} is out of range", name));
  };
  auto require_event = [&](const Event& event, const std::string& name) {
    const std::string wrong = out_of_range(event);
    require(wrong.empty(), fmt::format("{}: {}, which", name, wrong));
  };
  auto within = [](std::int64_t value, std::int64_t most) { return value >= 0 && value <= most; };
  require(state.agents.size() <= kMostAgents, "the number of agents");
  for (const auto& [number, agent] : state.agents) {
    const std::string name = fmt::format("agent {}", number.value);
    require_event(AgentJoined{number, {}, agent.slots, agent.gpus, agent.memory_mib, {}}, name);
    require(within(agent.free, agent.slots) && within(agent.free_gpus, agent.gpus) &&
                within(agent.free_memory_mib, agent.memory_mib),
            name);
  }
  for (const auto& [number, gpus] : state.shared) {
    const std::string name = fmt::format("what agent {} shares", number.value);
    require_event(GpusShared{number, gpus.jobs, {}}, name);
    require(state.agents.contains(number), name);
    for (const auto& [gpu, jobs] : gpus.at_work)
      for (const auto& [job, places] : jobs) require(within(places, kMostJobsAGpu), name);
  }
  for (const auto& [number, speeds] : state.speeds)
    require(state.agents.contains(number) && !speeds.empty(), "the speed of an agent");
  std::int64_t taken = 0;  // by all that runs
  for (const Job& job : state.jobs) {
    const std::string name = fmt::format("job '{}'", job.label);
    JobAdded added;
    added.slots = job.slots;
    added.memory_mib = job.memory_mib;
    require_event(added, name);
    require(within(job.attempts, 2 * kMostAttempts), name);
    const auto* running = std::get_if<Running>(&job.state);
    if (running == nullptr) continue;
    std::int64_t slots = 0;
    for (const Share& share : running->placement) {
      require(share.slots > 0, name);
      slots += share.slots;
    }
    require(slots == job.slots && running->ended.size() == static_cast<std::size_t>(job.slots), name);
    taken += slots;
  }
  require(within(taken, std::int64_t{kMostAgents} * kMostSlots), "the number of slots that are taken");
}

std::uint64_t size_of(core::FileSystem& files, const fs::path& path) { return files.open_for_read(path)->size(); }

// `run_epoch`: the run whose owner file may still be renewed.
void remove_covered(core::FileSystem& files, const fs::path& suite_folder, std::uint64_t keep, std::int64_t run_epoch) {
  auto snapshots = snapshot_epochs(files, suite_folder);
  if (snapshots.size() < 2) return;
  const std::int64_t covered = snapshots[snapshots.size() - 2];
  snapshots.resize(snapshots.size() - 2);
  for (std::int64_t epoch : snapshots) files.remove(suite_folder / snapshot_name(epoch));
  auto epochs = journal_epochs(files, suite_folder);
  epochs.erase(std::ranges::upper_bound(epochs, covered), epochs.end());
  std::uint64_t together = 0;
  while (!epochs.empty() && together <= keep) {
    together += size_of(files, suite_folder / journal_name(epochs.back()));
    if (together <= keep) epochs.pop_back();
  }
  for (std::int64_t epoch : epochs) {
    files.remove(suite_folder / journal_name(epoch));
    if (epoch != run_epoch) files.remove(owner_file(suite_folder, epoch));
  }
}

// Was the snapshot's epoch sealed at the same length by its successor? A copy put together from two folders was not.
void require_sealed_there(core::FileSystem& files, const fs::path& suite_folder, const SnapshotPosition& position) {
  const fs::path successor = suite_folder / journal_name(position.epoch + 1);
  if (!files.exists(successor)) return;
  const auto header = read_journal_header(files, successor);
  if (header && header->sealed_length != position.length)
    throw core::corrupt_error(
        fmt::format("'{}' does not belong to its snapshot", successor.string()),
        fmt::format("it sealed {} bytes, the snapshot has {}", header->sealed_length, position.length));
}

}  // namespace

std::string snapshot_name(std::int64_t epoch) { return fmt::format("{}{:06}", kSnapshotPrefix, epoch); }

std::vector<std::int64_t> snapshot_epochs(core::FileSystem& files, const fs::path& suite_folder) {
  return numbered_files(files, suite_folder, kSnapshotPrefix);
}

core::Bytes encode_snapshot(const SnapshotPosition& position, const State& state) {
  core::Bytes payload;
  BinaryWriter writer(payload);
  writer.put(static_cast<const Facts&>(state));
  if (!state.shared.empty()) {
    writer.put(state.shared);
    writer.put(state.speeds);
    writer.put(state.on_slow);
  }
  core::Bytes bytes;
  core::append_bytes(bytes, core::as_byte_span(kSnapshotMagic));
  core::append_little_endian(bytes, kVersion);
  core::append_little_endian(bytes, std::uint32_t{0});
  core::append_little_endian(bytes, position.epoch);
  core::append_little_endian(bytes, position.length);
  core::append_little_endian(bytes, std::uint64_t{payload.size()});
  core::append_little_endian(bytes, core::crc32c(payload));
  core::append_little_endian(bytes, core::crc32c(bytes));
  core::append_bytes(bytes, payload);
  return bytes;
}

Snapshot parse_snapshot(std::span<const std::byte> bytes, const std::string& name) {
  const std::string problem = fmt::format("'{}' is not a snapshot that can be read", name);
  constexpr std::string_view kAdvice = "remove it where the journals before it are still there, or restore it";
  if (bytes.size() < kHeaderSize || core::as_text(bytes.first(8)) != kSnapshotMagic)
    throw core::corrupt_error(problem, "it does not begin with a header at offset 0", kAdvice);
  core::ByteReader header(bytes.subspan(8, kHeaderSize - 8), name);
  const auto version = header.take<std::uint32_t>();
  header.take<std::uint32_t>();
  Snapshot snapshot;
  snapshot.position.epoch = header.take<std::int64_t>();
  snapshot.position.length = header.take<std::uint64_t>();
  const auto size = header.take<std::uint64_t>();
  const auto payload_crc = header.take<std::uint32_t>();
  if (header.take<std::uint32_t>() != core::crc32c(bytes.first(kHeaderSize - 4)))
    throw core::corrupt_error(problem, "the header's checksum at offset 44 differs", kAdvice);
  if (version != kVersion)
    throw core::input_error(
        problem, fmt::format("it has version {}, this resolute reads {}", version, kVersion),
        version > kVersion ? "use the resolute that wrote it" : "it was made before 0.1.0: remove it");
  const auto payload = bytes.subspan(kHeaderSize);
  if (payload.size() != size || core::crc32c(payload) != payload_crc)
    throw core::corrupt_error(problem, "the checksum of what follows offset 48 differs", kAdvice);
  try {
    BinaryReader reader(payload, "its state");
    reader.take(static_cast<Facts&>(snapshot.state));
    if (reader.has_more()) {
      reader.take(snapshot.state.shared);
      reader.take(snapshot.state.speeds);
      reader.take(snapshot.state.on_slow);
    }
    reader.finish();
    require_known_jobs(snapshot.state);
    require_ranges(snapshot.state);
    build_indexes(snapshot.state);
    if (snapshot.state.numbers.size() != snapshot.state.jobs.size()) throw core::corrupt_error("a job is there twice");
    check_invariants(snapshot.state);
  } catch (const std::exception& error) {  // also a broken promise of check_invariants(): it is the file's
    throw core::corrupt_error(problem, error.what(), kAdvice);
  }
  return snapshot;
}

void keep_snapshot(core::FileSystem& files, const fs::path& suite_folder, const SnapshotPosition& position,
                   const State& state, std::uint64_t keep) {
  try {
    core::write_atomic(files, suite_folder / snapshot_name(position.epoch), encode_snapshot(position, state),
                       core::Folders::kMustExist);
    remove_covered(files, suite_folder, keep, state.run.epoch);
  } catch (const core::RuntimeError& error) {
    core::log_warning("the suite's history could not be cut short: {}", error.what());
  }
}

std::optional<Snapshot> newest_snapshot(core::FileSystem& files, const fs::path& suite_folder) {
  const auto epochs = snapshot_epochs(files, suite_folder);
  for (auto epoch = epochs.rbegin(); epoch != epochs.rend(); ++epoch) {
    const fs::path path = suite_folder / snapshot_name(*epoch);
    try {
      Snapshot snapshot = parse_snapshot(files.read(path), path.string());
      if (snapshot.position.epoch != *epoch)
        throw core::corrupt_error(fmt::format("'{}' is damaged at offset 16", path.string()),
                                  fmt::format("its header says epoch {}", snapshot.position.epoch));
      require_sealed_there(files, suite_folder, snapshot.position);
      return snapshot;
    } catch (const core::RuntimeError& error) {
      core::log_warning("a snapshot is left out: {}", error.what());
    }
  }
  return std::nullopt;
}

}  // namespace resolute::orchestrator
