#pragma once
//! \file
//! Journals: read as the product reads them, with their records kept, and written as a run leaves them.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/decisions/apply.h"
#include "orchestrator/journal/journal.h"

namespace resolute::tests {

struct JournalContents : orchestrator::JournalExtent {
  std::vector<orchestrator::JournalRecord> records;
};

//! \param sealed as scan_journal()
inline JournalContents parse_journal(std::span<const std::byte> bytes, const std::string& name,
                                     std::optional<std::uint64_t> sealed = std::nullopt) {
  using namespace orchestrator;
  std::vector<JournalRecord> records;
  const JournalExtent extent = scan_journal(
      bytes, name, sealed, [&](const JournalHeader&, JournalRecord& record) { records.push_back(std::move(record)); });
  return {extent, std::move(records)};
}

inline JournalContents read_journal(core::FileSystem& files, const std::filesystem::path& path) {
  return parse_journal(files.read(path), path.string());
}

//! All that are still there of a suite's folder.
inline std::vector<JournalContents> read_journals(core::FileSystem& files, const std::filesystem::path& suite_folder) {
  using namespace orchestrator;
  const auto epochs = journal_epochs(files, suite_folder);
  std::map<std::int64_t, std::vector<JournalRecord>> records;
  const auto extents = scan_journals(
      files, suite_folder, epochs.empty() ? 1 : epochs.front(),
      [&](const JournalHeader& header, JournalRecord& record) { records[header.epoch].push_back(std::move(record)); });
  std::vector<JournalContents> journals;
  journals.reserve(extents.size());
  for (const JournalExtent& extent : extents) journals.push_back({extent, std::move(records[extent.header.epoch])});
  return journals;
}

inline std::vector<orchestrator::Event> events_of(const JournalContents& contents) {
  std::vector<orchestrator::Event> events;
  for (const auto& record : contents.records) events.push_back(record.event);
  return events;
}

//! Adds the journal of one more run to a suite's folder: its beginning on host node0, then the events, a second apart.
inline void write_run(const std::filesystem::path& suite_folder, const std::vector<orchestrator::Event>& events,
                      orchestrator::Instant begin = {}) {
  using namespace orchestrator;
  auto& files = core::real_file_system();
  files.create_directories(suite_folder);
  const auto before = read_journals(files, suite_folder);
  const auto epoch = static_cast<std::int64_t>(before.size()) + 1;
  const std::string run(32, static_cast<char>('0' + epoch));
  JournalWriter journal(files, suite_folder, {epoch, before.empty() ? 0 : before.back().valid_length, run, begin});
  journal.append(RunStarted{.epoch = epoch, .run = run, .host = "node0"}, begin);
  for (const Event& event : events) journal.append(event, begin += std::chrono::seconds(1));
  journal.sync();
}

//! The state after a journal's records.
inline orchestrator::State replay(std::span<const std::byte> bytes) {
  using namespace orchestrator;
  State state;
  scan_journal(bytes, "journal", std::nullopt,
               [&](const JournalHeader&, JournalRecord& record) { orchestrator::apply(state, record.event); });
  return state;
}

}  // namespace resolute::tests
