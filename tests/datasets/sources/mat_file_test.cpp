// Processes that read .mat files for others: whatever becomes of one, the others get an error about the file.
#include "datasets/hdf5/mat_file.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "datasets/hdf5/layout.h"
#include "tests/datasets/sources/cuhk03_scratch.h"
#include "tests/support/folders.h"

namespace resolute::datasets::mat_file_test {
namespace {

using hdf5::CellTable;
using hdf5::MatFile;
using hdf5::MatHelpers;
using hdf5::MatHelperSettings;
using hdf5::MatRequest;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

// Gone, or dead and not yet waited for by whoever inherits it.
bool is_over(pid_t process) {
  std::ifstream status(fmt::format("/proc/{}/stat", process));
  std::string line;
  if (!std::getline(status, line)) return true;
  const char state = line[line.rfind(')') + 2];
  return state == 'Z' || state == 'X';
}

bool becomes_over(pid_t process) {
  for (int i = 0; i < 1000; ++i) {
    if (is_over(process)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

class MatFiles : public Cuhk03 {
 protected:
  MatFile file_with(MatHelperSettings settings = {}) {
    helpers_ = std::make_shared<MatHelpers>(std::move(settings));
    return {file(), helpers_};
  }
  //! A program of the shell's in the place of resolute-mat: its standard input is the socket.
  MatFile file_read_by(const std::string& script, std::chrono::milliseconds limit = std::chrono::seconds(60)) {
    const auto program = root_ / fmt::format("helper-{}", programs_++);
    core::replace_unsynced(files_, program, "#!/bin/bash\n" + script + "\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    return file_with({program, limit, limit});
  }
  template <class Ask>
  std::string refusal_of(const Ask& ask) {
    try {
      ask();
    } catch (const core::RuntimeError& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kInput) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return without_root(error.what());
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
  }
  std::string refusal_of_tables(const MatFile& mat) {
    return refusal_of([&] { mat.tables("labeled"); });
  }

  std::shared_ptr<MatHelpers> helpers_;
  int programs_ = 0;
  const std::vector<CellTable> tables_{{10, 3}, {10, 1}, {10, 2}, {10, 1}, {10, 1}};
};

TEST_F(MatFiles, one_process_answers_one_thread_after_the_other) {
  const MatFile mat = file_with();
  EXPECT_THAT(helpers_->idle(), SizeIs(0));
  EXPECT_EQ(mat.tables("labeled"), tables_);
  const auto first = helpers_->idle();
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(mat.tables("detected"), tables_);
  EXPECT_EQ(mat.image("labeled", 0, 0).size, (hdf5::CellSize{4, 4}));
  EXPECT_EQ(mat.matrices("testsets").size(), 3u);
  EXPECT_THAT(refusal_of([&] { mat.tables("nothing"); }), EndsWith("'nothing' is missing; fetch it again"));
  EXPECT_EQ(helpers_->idle(), first);
}

TEST_F(MatFiles, processes_end_with_their_owner) {
  pid_t helper = 0;
  {
    const MatFile mat = file_with();
    mat.tables("labeled");
    helper = helpers_->idle().at(0);
    EXPECT_FALSE(is_over(helper));
    helpers_.reset();
  }
  EXPECT_EQ(::kill(helper, 0), -1);  // waited for
  EXPECT_EQ(errno, ESRCH);
}

// The owner leaves without a word, as a killed process does.
TEST_F(MatFiles, processes_end_when_their_owner_is_killed) {
  core::Pipe pipe = core::make_pipe();
  const pid_t owner = ::fork();
  if (owner == 0) {
    const MatFile mat(file(), std::make_shared<MatHelpers>());
    const MatFile other(file(), std::make_shared<MatHelpers>());
    auto helpers = std::make_shared<MatHelpers>();
    MatFile(file(), helpers).tables("labeled");
    const pid_t helper = helpers->idle().at(0);
    const bool told = ::write(pipe.write_end.get(), &helper, sizeof helper) == sizeof helper;
    ::kill(told ? ::getpid() : 0, SIGKILL);
  }
  pipe.write_end.reset();
  pid_t helper = 0;
  ASSERT_EQ(::read(pipe.read_end.get(), &helper, sizeof helper), static_cast<ssize_t>(sizeof helper));
  int word = 0;
  ASSERT_EQ(::waitpid(owner, &word, 0), owner);
  EXPECT_TRUE(becomes_over(helper));
}

TEST_F(MatFiles, a_killed_process_is_replaced) {
  const MatFile mat = file_with();
  mat.tables("labeled");
  const pid_t first = helpers_->idle().at(0);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  EXPECT_EQ(mat.tables("labeled"), tables_);
  EXPECT_NE(helpers_->idle().at(0), first);
  EXPECT_TRUE(is_over(first));
}

// Linux ends a child with the thread that started it.
TEST_F(MatFiles, a_process_that_ended_with_its_thread_is_replaced) {
  const MatFile mat = file_with();
  std::thread([&] { mat.tables("labeled"); }).join();
  EXPECT_EQ(mat.tables("labeled"), tables_);
}

TEST_F(MatFiles, a_process_that_stands_still_is_given_up_and_replaced) {
  const MatFile mat = file_with({{}, std::chrono::milliseconds(300), std::chrono::milliseconds(300)});
  for (int tries = 0; helpers_->idle().empty() && tries < 100; ++tries) try {  // a busy machine may take longer
      mat.tables("labeled");
    } catch (const core::RuntimeError&) {
    }
  const pid_t first = helpers_->idle().at(0);
  ASSERT_EQ(::kill(first, SIGSTOP), 0);
  EXPECT_EQ(
      refusal_of_tables(mat),
      "'ROOT/cuhk-03.mat' cannot be read (the HDF5 library fell over it: no answer within 0.3 s); fetch it again");
  EXPECT_TRUE(is_over(first));
  EXPECT_THAT(helpers_->idle(), SizeIs(0));
  EXPECT_EQ(MatFile(file(), std::make_shared<MatHelpers>()).tables("labeled"), tables_);
}

TEST_F(MatFiles, one_that_dies_each_time_is_an_error_of_the_file) {
  const std::string start = "'ROOT/cuhk-03.mat' cannot be read (the HDF5 library fell over it: ";
  EXPECT_EQ(refusal_of_tables(file_read_by("kill -SEGV $$")), start + "killed by signal 11); fetch it again");
  EXPECT_EQ(refusal_of_tables(file_read_by("exit 3")), start + "exit code 3); fetch it again");
  EXPECT_EQ(refusal_of_tables(file_read_by("head -c 4 <&0 >/dev/null; printf '\\xd0\\x08' >&0; exit 3")),
            start + "exit code 3); fetch it again");
  EXPECT_THAT(helpers_->idle(), SizeIs(0));
}

TEST_F(MatFiles, one_that_never_answers_is_an_error_of_the_file) {
  const std::chrono::milliseconds limit(200);
  const std::string expected =
      "'ROOT/cuhk-03.mat' cannot be read (the HDF5 library fell over it: no answer within 0.2 s); fetch it again";
  EXPECT_EQ(refusal_of_tables(file_read_by("sleep 1000", limit)), expected);
  EXPECT_EQ(refusal_of_tables(file_read_by("while true; do :; done", limit)), expected);
  // Byte by byte: the limit is the whole answer's.
  EXPECT_EQ(refusal_of_tables(file_read_by("printf '\\xd0\\xff\\0\\0\\0\\0\\0\\0\\0' >&0; while true; do printf . >&0; "
                                           "sleep 0.02; done",
                                           limit)),
            expected);
}

// Two sound files with a few bytes changed. In crash.mat that is found by chance; in endless.mat the root group's heap
// has a free block that is its own successor, and the library makes one more of them until there is no memory.
TEST_F(MatFiles, files_that_hdf5_falls_over_are_refused) {
  const std::filesystem::path goldens = tests::source_folder() / "tests/golden/mat";
  for (const auto& [name, limit] : {std::pair("crash.mat", std::chrono::milliseconds(60'000)),
                                    std::pair("endless.mat", std::chrono::milliseconds(500))}) {
    const MatFile mat(goldens / name, std::make_shared<MatHelpers>(MatHelperSettings{{}, limit, limit}));
    const auto read_all = [&] {
      const auto reader = sources::open_cuhk03(mat);
      for (const char* boxes : {"labeled", "detected"})
        for (const Sample& sample : sources::list_cuhk03(mat, boxes)) reader->read(sample.path);
    };
    if (hdf5::library_version() == "1.10.8") {
      // Whether the endless one meets its time or its memory first depends on the machine.
      EXPECT_THAT(refusal_of(read_all), HasSubstr("' cannot be read")) << name;
    } else {  // another version may read it, or refuse it in words
      try {
        read_all();
      } catch (const core::RuntimeError& error) {
        EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
      }
    }
  }
  EXPECT_EQ(file_with().tables("labeled"), tables_);
}

TEST_F(MatFiles, nonsense_is_an_error_of_the_file) {
  const std::string expected =
      "'ROOT/cuhk-03.mat' cannot be read (the HDF5 library fell over it: its answer makes no sense); fetch it again";
  const std::string end = "; exec sleep 1000";
  // An unknown status, a size beyond what tables can need, half a table, more cells than there may be.
  for (const char* answer : {"\\0\\0\\0\\0\\0\\0\\0\\0\\0", "\\xd0\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x7f",
                             "\\xe7\\0\\0\\0\\0\\0\\0\\0\\0", "\\xe0\\x01\\x10\\0\\0\\0\\0\\0\\0",
                             "\\xd0\\x04\\0\\0\\0\\0\\0\\0\\0abcd", "\\xd0\\x08\\0\\0\\0\\0\\0\\0\\0abcdefgh"})
    EXPECT_EQ(refusal_of_tables(file_read_by(fmt::format("printf '{}' >&0{}", answer, end))), expected) << answer;
  // An image of no pixels; one that is shorter than its size; fewer sizes than asked for, an impossible one.
  for (const char* answer : {"\\xd0\\x08\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0",
                             "\\xd0\\x09\\0\\0\\0\\0\\0\\0\\0\\x01\\0\\0\\0\\x01\\0\\0\\0a"})
    EXPECT_EQ(refusal_of([&] { file_read_by(fmt::format("printf '{}' >&0{}", answer, end)).image("labeled", 0, 0); }),
              expected);
  for (const char* answer :
       {"\\xd0\\0\\0\\0\\0\\0\\0\\0\\0", "\\xd0\\x08\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\x01\\0\\0\\0"})
    EXPECT_EQ(
        refusal_of([&] { file_read_by(fmt::format("printf '{}' >&0{}", answer, end)).sizes("labeled", 0, 0, 1); }),
        expected);
}

TEST_F(MatFiles, what_it_says_is_shown_on_one_line) {
  EXPECT_EQ(refusal_of_tables(file_read_by("printf '\\xe0\\x05\\0\\0\\0\\0\\0\\0\\0a\\nb\\x1bc' >&0; exec sleep 1000")),
            "'ROOT/cuhk-03.mat' cannot be read: a?b?c; fetch it again");
}

TEST_F(MatFiles, errors_of_the_machine_are_not_the_files) {
  const MatFile mat = file_read_by("printf '\\xe2\\x05\\0\\0\\0\\0\\0\\0\\0a b c' >&0; exec sleep 1000");
  try {
    mat.tables("labeled");
    ADD_FAILURE() << "nothing was refused";
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kTransient);
    EXPECT_EQ(without_root(error.what()), "'ROOT/cuhk-03.mat' cannot be read: a b c");
  }
  try {
    file_with({root_ / "nowhere"}).tables("labeled");
    ADD_FAILURE() << "nothing was refused";
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kEnvironment);
    EXPECT_THAT(without_root(error.what()),
                StartsWith("program 'ROOT/nowhere' cannot be executed (.mat files are read"));
  }
}

// Requests and answers are read as they were written, and no part or byte more of them is.
TEST(MatMessages, are_read_as_they_were_written_or_refused) {
  const MatRequest request{MatRequest::What::kSizes, "/data/cuhk-03.mat", "labeled", 4, 17, 1000};
  EXPECT_EQ(hdf5::decode_request(hdf5::encode(request)), request);
  const std::vector<CellTable> tables{{10, 3}, {0, 5}, {1, 1}};
  EXPECT_EQ(hdf5::decode_tables(hdf5::encode(tables)), tables);
  const std::vector<hdf5::CellSize> sizes{{0, 0}, {3, 4}};
  EXPECT_EQ(hdf5::decode_sizes(hdf5::encode(sizes), 2), sizes);
  const hdf5::CellImage image{{2, 1}, core::Bytes(6, std::byte{7})};
  EXPECT_EQ(hdf5::decode_cell_image(hdf5::encode(image)), image);
  const std::vector<hdf5::CellMatrix> matrices{{2, 3, {1, 2, 3, 4, 5, 6}}, {0, 0, {}}};
  EXPECT_EQ(hdf5::decode_matrices(hdf5::encode(matrices)), matrices);
  const auto refused = [](const core::Bytes& whole, const auto& decode) {
    for (std::size_t length = 1; length < whole.size(); ++length)
      if (length % 8 != 0) {
        EXPECT_THROW(decode(std::span(whole).first(length)), core::RuntimeError) << length;
      }
    core::Bytes longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_THROW(decode(std::span<const std::byte>(longer)), core::RuntimeError);
  };
  refused(hdf5::encode(request), hdf5::decode_request);
  refused(hdf5::encode(tables), hdf5::decode_tables);
  refused(hdf5::encode(sizes), [](std::span<const std::byte> bytes) { return hdf5::decode_sizes(bytes, 2); });
  refused(hdf5::encode(image), hdf5::decode_cell_image);
  refused(hdf5::encode(matrices), hdf5::decode_matrices);
  EXPECT_THROW(hdf5::decode_tables(hdf5::encode(std::vector<CellTable>(1025, {1, 1}))), core::RuntimeError);
  EXPECT_THROW(hdf5::decode_tables(hdf5::encode(std::vector<CellTable>{{1000, 1000}})), core::RuntimeError);
  EXPECT_THROW(hdf5::decode_matrices(hdf5::encode(std::vector<hdf5::CellMatrix>{{1 << 20, 1 << 20, {}}})),
               core::RuntimeError);
}

}  // namespace
}  // namespace resolute::datasets::mat_file_test
