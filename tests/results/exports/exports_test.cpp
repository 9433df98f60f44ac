//! Exports are there whole or not at all; their bytes are known.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>

#include "core/error.h"
#include "results/exports/csv_export.h"
#include "results/exports/sqlite_export.h"
#include "results/exports/suite_bundle.h"
#include "tests/results/exports/stored_suite.h"
#include "tests/support/refusal.h"

namespace resolute::results::exports_test {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using tests::FaultyFileSystem;

class ExportsTest : public StoredSuite {
 protected:
  ExportsTest() {
    for (const char* name : {"multi easy 0", "multi easy 1", "baseline hard 0"})
      put(suite_.training(name), "attempt-001-metrics.jsonl", step_line(1, 2) + step_line(2, 1));
    fs::create_directory(folder_ / "out");
  }
  fs::path out() const { return folder_ / "out" / "export"; }
  std::string text(const std::string& name) { return core::read_text(files_, out() / name); }
};

TEST_F(ExportsTest, csv_files_have_a_header_and_quote_what_needs_it) {
  export_csv(source(), out());
  EXPECT_THAT(text("suite.csv"), "suite,title,complete\ndemo,Demonstration | with a bar,1\n");
  EXPECT_THAT(text("notes.csv"), "position,note\n0,\"from scratch, small backbone\"\n1,synthetic images\n");
  EXPECT_THAT(text("cells.csv"), HasSubstr("\nlevels,multi,easy,rank1,4,\"RAIN, \"\"multi\"\"\",complete,,53.125,"));
  std::vector<std::string> names;
  for (const Relation& relation : relations()) names.push_back(fmt::format("{}.csv", relation.name));
  EXPECT_THAT(files_.list(out()), UnorderedElementsAreArray(names));
}

TEST_F(ExportsTest, csv_files_are_there_whole_or_not_at_all) {
  const auto calls = {FaultyFileSystem::kOpen,  FaultyFileSystem::kWrite,  FaultyFileSystem::kClose,
                      FaultyFileSystem::kMkdir, FaultyFileSystem::kRename, FaultyFileSystem::kSyncPath,
                      FaultyFileSystem::kRead};
  expect_whole_or_nothing(
      files_, out(), [&] { export_csv(source(), out()); }, calls);
}

TEST_F(ExportsTest, an_sqlite_file_is_there_whole_or_not_at_all) {
  expect_whole_or_nothing(files_, out(), [&] { export_sqlite(source(), out()); },
                          {FaultyFileSystem::kRename, FaultyFileSystem::kSyncPath, FaultyFileSystem::kRead});
}

TEST_F(ExportsTest, a_bundle_is_there_whole_or_not_at_all) {
  for (const auto& [job, record] : suite_.records)
    if (const auto* evaluation = std::get_if<EvaluationRecord>(&record))
      for (const char* row : {"baseline", "multi"})
        for (const char* dataset : {"easy", "hard"})
          for (const int trial : {0, 1})
            if (const std::string text = fmt::format("features {} {} {}", row, dataset, trial);
                core::sha256_hex(text) == evaluation->features_sha256)
              put(job, "features.h5", text);
  const auto write = [&] {
    return write_suite_bundle(source(), {"suite = 1", {}, "plan-1.json", "{}", "resolute", {}}, out());
  };
  expect_whole_or_nothing(files_, out(), write,
                          {FaultyFileSystem::kRename, FaultyFileSystem::kSyncPath, FaultyFileSystem::kRead});
  const BundleSummary summary = write();
  EXPECT_EQ(summary.jobs, suite_.plan.jobs.size());
  EXPECT_TRUE(summary.complete);
  EXPECT_THAT(write, tests::fails(core::ErrorKind::kInput, HasSubstr("is there already")));
  fs::remove(out());
  const JobId evaluation = suite_.evaluation("multi hard 1");
  put(evaluation, "features.h5", "features multi hard 2");
  EXPECT_THAT(write, tests::fails(core::ErrorKind::kCorrupt,
                                  HasSubstr("features.h5' does not have the bytes that the store recorded")));
  put(evaluation, "features.h5", "features multi hard");
  EXPECT_THAT(write, tests::fails(core::ErrorKind::kCorrupt,
                                  HasSubstr("features.h5' does not have the bytes that the store recorded")));
  fs::remove(store_.job_folder(evaluation) / "features.h5");
  EXPECT_THAT(write, tests::fails(core::ErrorKind::kCorrupt, HasSubstr("features.h5' is missing")));
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(ExportsTest, an_sqlite_file_for_which_the_disk_is_too_small_is_said_and_removed) {
  // SQLite writes by itself: a limit of the process stands for the full disk.
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const rlimit small{8192, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto error = tests::error_of([&] { export_sqlite(source(), out()); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
  std::signal(SIGXFSZ, before);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("cannot write '"));
  EXPECT_THAT(fs::directory_iterator(folder_ / "out"), fs::directory_iterator());
}

TEST_F(ExportsTest, an_sqlite_file_is_believed_only_as_it_was_written) {
  export_sqlite(source(), out());
  const std::string whole = core::read_text(files_, out());
  const RowsOfTables rows{{"suite", 1}, {"notes", 2}};
  EXPECT_NO_THROW(read_again(out(), rows));
  const auto is_doubted = [&](const std::string& bytes, const RowsOfTables& written) {
    fs::remove(out());
    core::write_atomic(files_, out(), bytes);
    EXPECT_THAT(
        [&] { read_again(out(), written); },
        tests::fails(core::ErrorKind::kEnvironment, HasSubstr("/out/export' does not read as it was written (")));
  };
  is_doubted(whole, {{"suite", 2}});
  is_doubted(whole, {{"none", 0}});
  is_doubted(whole.substr(0, whole.size() / 2), rows);
  is_doubted("", rows);
  constexpr std::size_t kPage = 4096;
  ASSERT_EQ(whole.size() % kPage, 0U);
  for (std::size_t page = 0; page < whole.size() / kPage; ++page) {
    if (whole[page * kPage] == 0) continue;  // the rest of a long text, of which SQLite has no checksum
    SCOPED_TRACE(page);
    std::string lost = whole;
    std::fill_n(lost.begin() + static_cast<std::ptrdiff_t>(page * kPage), kPage, '\0');
    is_doubted(lost, rows);
  }
}

// Lustre without flock, NFS with nolock, FUSE: every lock of a file is refused.
TEST_F(ExportsTest, an_sqlite_file_needs_no_locks) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::array filter{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 4),
                      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
                      sock_filter BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, F_GETLK, 0, 2),
                      sock_filter BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, F_SETLKW, 1, 0),
                      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
                      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program{filter.size(), filter.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      ::_exit(9);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    if (::fcntl(0, F_SETLK, &lock) != -1 || errno != ENOLCK) ::_exit(8);
    try {
      export_sqlite(source(), out());
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fputs(error.what(), stderr);
      ::_exit(1);
    }
  }
  int word = 0;
  ASSERT_EQ(::waitpid(child, &word, 0), child);
  ASSERT_TRUE(WIFEXITED(word));
  if (WEXITSTATUS(word) == 9) GTEST_SKIP() << "no filter of system calls can be set here";
  EXPECT_EQ(WEXITSTATUS(word), 0);
  EXPECT_TRUE(fs::exists(out()));
}

TEST_F(ExportsTest, nothing_that_stands_there_is_written_over) {
  core::write_atomic(files_, out(), "mine");
  for (const std::function<void()>& write : std::vector<std::function<void()>>{[&] { export_csv(source(), out()); },
                                                                               [&] { export_sqlite(source(), out()); }})
    EXPECT_THAT(write, tests::fails(core::ErrorKind::kInput, HasSubstr("/out/export' is ")));
  EXPECT_EQ(core::read_text(files_, out()), "mine");
  fs::remove(out());
  fs::create_symlink("nowhere", out());
  EXPECT_THAT([&] { export_sqlite(source(), out()); },
              tests::fails(core::ErrorKind::kInput, HasSubstr("is there already")));
  EXPECT_THAT([&] { export_sqlite(source(), folder_ / "none" / "x"); },
              tests::fails(core::ErrorKind::kInput, HasSubstr("there is no folder")));
}

// SQLite reads them into the file of that name: it shows numbers of an earlier one, or is damaged.
TEST_F(ExportsTest, an_sqlite_file_gets_no_pages_that_an_earlier_one_has_left) {
  for (const std::string ending : {"-wal", "-journal"}) {
    const fs::path left = out().string() + ending;
    core::write_atomic(files_, left, "pages");
    EXPECT_THAT([&] { export_sqlite(source(), out()); },
                tests::fails(core::ErrorKind::kInput,
                             AllOf(HasSubstr(fmt::format("'{}'", left.string())), HasSubstr("; end the program"))));
    EXPECT_FALSE(fs::exists(out())) << ending;
    EXPECT_EQ(core::read_text(files_, left), "pages");
    fs::remove(left);
  }
  // Nothing is in them, or they are another file's.
  for (const std::string name : {"export-wal", "export-journal"})
    core::write_atomic(files_, folder_ / "out" / name, "");
  for (const std::string name : {"export-shm", "export2-wal"}) core::write_atomic(files_, folder_ / "out" / name, "x");
  export_sqlite(source(), out());
  EXPECT_TRUE(fs::exists(out()));
}

TEST_F(ExportsTest, equal_stores_have_equal_exports) {
  const auto bytes = [&] {
    export_csv(source(), out());
    std::string all;
    for (const std::string& name : files_.list(out())) all += text(name);
    fs::remove_all(out());
    export_sqlite(source(), out());
    all += core::read_text(files_, out());
    fs::remove_all(out());
    return all;
  };
  const std::string first = bytes();
  EXPECT_EQ(first, bytes());
}

}  // namespace
}  // namespace resolute::results::exports_test
