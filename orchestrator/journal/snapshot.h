#pragma once
//! \file
//! A State as bytes: where replay may begin instead of at the first event. Layout: docs/inside/formats/snapshot.md.

#include <optional>
#include <vector>

#include "core/files/file_system.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/journal/journal.h"

namespace resolute::orchestrator {

//! Epoch and how far its journal had been applied.
struct SnapshotPosition {
  std::int64_t epoch = 0;
  std::uint64_t length = 0;  //!< bytes of that epoch's journal; all of them when the next epoch begins
};
struct Snapshot {
  SnapshotPosition position;
  State state;
};

//! `snapshot-000007`: the state after epoch 7.
std::string snapshot_name(std::int64_t epoch);
//! Those in a suite's folder, ascending.
std::vector<std::int64_t> snapshot_epochs(core::FileSystem& files, const std::filesystem::path& suite_folder);
//! Equal states give equal bytes.
core::Bytes encode_snapshot(const SnapshotPosition& position, const State& state);
//! \throws RuntimeError (kCorrupt) for bytes that encode_snapshot() does not write; kInput for a newer version
Snapshot parse_snapshot(std::span<const std::byte> bytes, const std::string& name);

//! Writes the snapshot of a sealed epoch (temporary name, fsync, rename) and removes what is needed no more: all
//! snapshots but the newest two and, oldest first, the journals up to the older of those two that are together over
//! `keep` bytes, with their owner files. A failure is logged and costs only time at the next replay.
void keep_snapshot(core::FileSystem& files, const std::filesystem::path& suite_folder, const SnapshotPosition& position,
                   const State& state, std::uint64_t keep = kEpochLength);
//! The newest that can be read and whose epoch was sealed where it says, or nothing; the others are named in the log.
std::optional<Snapshot> newest_snapshot(core::FileSystem& files, const std::filesystem::path& suite_folder);

}  // namespace resolute::orchestrator
