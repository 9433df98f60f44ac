#include "core/process/last_words.h"

#include <gtest/gtest.h>

#include <vector>

namespace resolute::core::last_words_test {
namespace {

TEST(LastWords, are_the_last_line_that_is_not_empty) {
  EXPECT_EQ(last_words(""), "");
  EXPECT_EQ(last_words("\n \n\r\n"), "");
  EXPECT_EQ(last_words("one\ntwo\n\n"), "two");
  EXPECT_EQ(last_words("resolute-worker: no such file"), "resolute-worker: no such file");
}

TEST(LastWords, are_what_a_terminal_shows_of_a_progress_bar) {
  std::string bar;
  for (int step = 0; step < 2'000; ++step) bar += "\rtrain 17%|###|";
  EXPECT_EQ(last_words(bar), "train 17%|###|");
  EXPECT_EQ(last_words(bar + "\r"), "train 17%|###|");
  EXPECT_EQ(last_words(bar + "\rterminate called\n"), "terminate called");
}

TEST(LastWords, are_the_exception_of_the_last_traceback_whatever_comes_behind_it) {
  const std::string traceback =
      "Traceback (most recent call last):\n"
      "  File \"train.py\", line 3, in <module>\n"
      "    main()\n"
      "ValueError: label 751 is out of range\n";
  EXPECT_EQ(last_words(traceback), "ValueError: label 751 is out of range");
  for (const char* behind :
       {"[rank0]:[W1128 10:00:00 ProcessGroupNCCL.cpp:1538] Warning: WARNING: destroy_process_group() was not called\n",
        "resource_tracker: There appear to be 6 leaked semaphore objects to clean up at shutdown\n",
        "wandb: run finished\n", "train 17%|###|\r"})
    EXPECT_EQ(last_words(traceback + behind), "ValueError: label 751 is out of range") << behind;
  EXPECT_EQ(last_words("Traceback (most recent call last):\n  File \"a\"\nKeyError: 'lr'\n\n"
                       "During handling of the above exception, another exception occurred:\n\n" +
                       traceback),
            "ValueError: label 751 is out of range");
}

TEST(LastWords, are_the_childs_where_its_launcher_tells_of_it) {
  const std::string child =
      "[rank0]: Traceback (most recent call last):\n[rank0]:   File \"a.py\"\n[rank0]: KeyError: 'lr'\n";
  const std::string launcher =
      "Traceback (most recent call last):\n  File \"run.py\"\n"
      "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n====\na.py FAILED\n----\n";
  EXPECT_EQ(last_words(child + launcher), "KeyError: 'lr'");
  EXPECT_EQ(last_words("it broke\n" + launcher), "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:");
}

TEST(LastWords, know_what_launchers_put_before_each_line) {
  EXPECT_EQ(last_words("[rank1]: Traceback (most recent call last):\n[rank1]:   File \"a.py\", line 1\n"
                       "[rank1]: RuntimeError: it broke\n[rank1]: more of it\n"),
            "RuntimeError: it broke");
}

TEST(LastWords, of_a_group_of_exceptions_are_the_last_that_has_a_traceback) {
  const std::string group =
      "  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1, in f\n"
      "  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | ";
  const std::string end = "    +------------------------------------\n";
  EXPECT_EQ(last_words("step 7\n" + group + "KeyError: 'lr'\n" + end), "ExceptionGroup: two (2 sub-exceptions)");
  EXPECT_EQ(last_words(group + "Exception Group Traceback (most recent call last):\n    |   File \"b.py\", line 2\n" +
                       "    | ExceptionGroup: inner (1 sub-exception)\n    +-+---------------- 1 ----------------\n" +
                       "      | KeyError: 'lr'\n      +------------------------------------\n"),
            "ExceptionGroup: inner (1 sub-exception)");
  EXPECT_EQ(
      last_words(group + "Traceback (most recent call last):\n    |   File \"b.py\", line 2\n" +
                 "    | ValueError: no number\n    +---------------- 2 ----------------\n    | TypeError\n" + end),
      "ValueError: no number");
  EXPECT_EQ(last_words("[rank1]:   + Exception Group Traceback (most recent call last):\n[rank1]:   |   File \"a\"\n"
                       "[rank1]:   | ExceptionGroup: one (1 sub-exception)\n[rank1]:   +-+--- 1 ---\n"),
            "ExceptionGroup: one (1 sub-exception)");
}

TEST(LastWords, are_the_fatal_error_of_a_python_that_cannot_start_or_crashes) {
  const std::string hash_seed =
      "Fatal Python error: config_init_hash_seed: PYTHONHASHSEED must be \"random\" or an integer";
  EXPECT_EQ(last_words(hash_seed + "\nPython runtime state: preinitialized\n\nCurrent thread 0x00 (most recent call "
                                   "first):\n  <no Python frame>\n"),
            hash_seed);
  const std::string home = "Fatal Python error: init_fs_encoding: failed to get the Python codec";
  EXPECT_EQ(last_words("Could not find platform independent libraries <prefix>\n" + home +
                       "\nPython runtime state: core initialized\nModuleNotFoundError: No module named 'encodings'\n\n"
                       "Current thread 0x00 (most recent call first):\n  <no Python frame>\n"),
            home);
  EXPECT_EQ(last_words("step 3\nFatal Python error: Segmentation fault\n\nThread 0x00 (most recent call first):\n"
                       "  File \"train.py\", line 3 in <module>\n"),
            "Fatal Python error: Segmentation fault");
}

TEST(LastWords, are_the_exception_that_nobody_caught_and_no_frame_of_it) {
  const std::string wandb =
      "Traceback (most recent call last):\n  File \"a\"\nConnectionError: the server is away\nstep 7\n";
  std::string frames =
      "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n\nException raised from f at c.cpp:42\n";
  for (int i = 0; i < 30; ++i)
    frames += "frame #" + std::to_string(i) + ": c10::Error::Error() + 0x80 (0x7f30 in libc10.so)\n";
  for (const std::string words : {"CUDA error: uncorrectable ECC error encountered", "std::bad_alloc",
                                  "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7)"}) {
    const std::string ended = "terminate called after throwing an instance of 'c10::X'\n  what():  " + words + "\n";
    EXPECT_EQ(last_words(wandb + ended + frames), words);
    EXPECT_EQ(last_words(ended + frames + "Fatal Python error: Aborted\n\nThread 0x00 (most recent call first):\n"),
              words);
    EXPECT_EQ(last_words(ended + frames + wandb), "ConnectionError: the server is away") << "of another process";
  }
  EXPECT_EQ(last_words("terminate called without an active exception\n"),
            "terminate called without an active exception");
}

TEST(LastWords, of_a_traceback_that_was_cut_are_the_last_line) {
  EXPECT_EQ(last_words("Traceback (most recent call last):\n  File \"a.py\", line 1\n    x = 1"), "    x = 1");
}

TEST(LastWords, are_no_warning_unless_there_is_nothing_else) {
  EXPECT_EQ(last_words("it broke\n/x/a.py:3: UserWarning: NCCL is old\n  warnings.warn(\n"), "it broke");
  EXPECT_EQ(last_words("it broke\n[W1128 10:00:00.1 socket.cpp:5] cuDNN\n"), "it broke");
  EXPECT_EQ(last_words("WARNING: one\nWARNING: two\n"), "WARNING: two");
  for (const char* note :
       {"[I1128 10:00:00.1 ProcessGroupNCCL.cpp:1538] destroyed", "n1:7:9 [0] NCCL INFO Abort COMPLETE",
        "INFO:root:closed", "2026-12-01 10:00:00,123 - DEBUG - cuDNN"})
    EXPECT_EQ(last_words(std::string("resolute-worker: it broke\n") + note + "\n"), "resolute-worker: it broke");
  EXPECT_EQ(last_words("one\nINFORMATION is missing\n"), "INFORMATION is missing");
}

}  // namespace
}  // namespace resolute::core::last_words_test
