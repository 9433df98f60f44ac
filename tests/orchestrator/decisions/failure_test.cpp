#include "orchestrator/decisions/failure.h"

#include <gtest/gtest.h>

#include <csignal>
#include <limits>

#include "tests/orchestrator/support/events.h"

namespace resolute::tests::failure_test {
namespace {

using namespace orchestrator;

Cause cause_of(int code, int signal, const std::string& evidence) {
  return classify(rank_exit(0, 1, 0, code, signal, evidence));
}

TEST(Failure, exit_codes_of_the_contract_say_what_they_mean) {
  EXPECT_EQ(cause_of(2, 0, "CUDA error"), Cause::kConfiguration);
  EXPECT_EQ(cause_of(75, 0, ""), Cause::kInterrupted);
  EXPECT_EQ(cause_of(1, 0, ""), Cause::kExitCode);
  EXPECT_EQ(cause_of(139, 0, "something"), Cause::kExitCode);
  for (const int code : {std::numeric_limits<int>::min(), -1, 128, std::numeric_limits<int>::max()})
    EXPECT_EQ(cause_of(code, 0, ""), Cause::kExitCode) << "as a damaged journal may have it: " << code;
  EXPECT_EQ(cause_of(0, 11, ""), Cause::kSignal);
}

TEST(Failure, a_limit_of_the_process_is_no_full_disk) {
  for (const char* line : {"", "step 300", "tar: features.tar: wrote only 4096 of 10240 bytes"}) {
    EXPECT_EQ(cause_of(0, SIGXFSZ, line), Cause::kSignal) << line;
    EXPECT_FALSE(accuses_store(rank_exit(0, 1, 0, 0, SIGXFSZ, line))) << line;
  }
}

TEST(Failure, a_signal_that_asks_to_end_is_no_fault_of_job_or_host) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) {
    EXPECT_EQ(cause_of(0, signal, "Terminated"), Cause::kInterrupted) << signal;
    EXPECT_EQ(cause_of(128 + signal, 0, "Traceback"), Cause::kInterrupted) << "as a shell says it: " << signal;
  }
  for (const int signal : {SIGKILL, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGPIPE}) {
    EXPECT_EQ(cause_of(0, signal, ""), Cause::kSignal) << signal;
    EXPECT_EQ(cause_of(128 + signal, 0, ""), Cause::kExitCode) << signal;
  }
}

TEST(Failure, a_program_that_cannot_be_loaded_is_configuration) {
  for (const char* line :
       {"/opt/worker: error while loading shared libraries: libnccl.so.2: cannot open shared object file",
        "python3: error while loading shared libraries: libpython3.12.so.1.0: file too short",
        "./resolute-torch: symbol lookup error: ./resolute-torch: undefined symbol: _ZN3c10"}) {
    EXPECT_EQ(cause_of(127, 0, line), Cause::kConfiguration) << line;
    EXPECT_NE(cause_of(1, 0, line), Cause::kConfiguration) << line;
  }
  EXPECT_EQ(cause_of(127, 0, "sh: 1: worker: not found"), Cause::kExitCode);
}

TEST(Failure, the_last_line_tells_exit_code_1_apart) {
  const std::vector<std::pair<std::string, Cause>> lines{
      {"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", Cause::kOutOfMemory},
      {"RuntimeError: CUDA error: out of memory", Cause::kOutOfMemory},
      {"resolute-worker: out of memory (std::bad_alloc)", Cause::kOutOfMemory},
      {"cuDNN error: CUDNN_STATUS_ALLOC_FAILED", Cause::kOutOfMemory},
      {"CUDA error: an illegal memory access was encountered", Cause::kDeviceError},
      {"cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", Cause::kDeviceError},
      {"NCCL error: unhandled cuda error", Cause::kDeviceError},
      {"NCCL error: remote process exited or there was a network error", Cause::kPeerLost},
      {"Watchdog caught collective operation timeout: WorkNCCL", Cause::kPeerLost},
      {"resolute-worker: process rank 2 did not arrive (silent for 30.4 s); look at its log", Cause::kPeerLost},
      {"[..]/gloo/transport/tcp/pair.cc:553: Connection closed by peer [10.0.0.1]:4711", Cause::kPeerLost},
      {"OSError: [Errno 28] No space left on device", Cause::kStorageFull},
      {"resolute-worker: the checkpoint cannot be written (Disk quota exceeded)", Cause::kStorageFull},
      {"Error while creating shared memory segment /dev/shm/nccl-k (size 9637888), error: No space left on device (28)",
       Cause::kExitCode},
      {"resolute-worker: process rank 1 failed (all-to-all: unhandled system error: /dev/shm/nccl-x: No space left on "
       "device)",
       Cause::kExitCode},
      {"RuntimeError: unable to write to file </torch_42_7_3>: No space left on device (28)", Cause::kExitCode},
      {"inotify_add_watch: No space left on device", Cause::kExitCode},
      {"DataLoader worker (pid 7) is killed by signal: Bus error: insufficient shared memory (shm)", Cause::kExitCode},
      {"OSError: [Errno 28] No space left on device: '/dev/shm/store/jobs'", Cause::kStorageFull},
      {"KeyError: 'lr'", Cause::kExitCode},
      {"ValueError: label file too large", Cause::kExitCode},
      {"resolute-worker: cannot write 'features.h5' (File too large); raise the limit", Cause::kExitCode},
      {"ImportError: libcudnn_cnn.so.9: cannot open shared object file", Cause::kExitCode},
      {"AssertionError: process rank 0 has no images", Cause::kExitCode},
      {"RuntimeError: CUDA error: device-side assert triggered", Cause::kDeviceError},
      {"MemoryError: Unable to allocate 12.3 GiB", Cause::kOutOfMemory}};
  for (const auto& [line, cause] : lines) {
    EXPECT_EQ(cause_of(1, 0, line), cause) << line;
    EXPECT_EQ(cause_of(0, 6, line), cause == Cause::kExitCode ? Cause::kSignal : cause) << line;
    EXPECT_EQ(cause_of(0, 9, line), Cause::kSignal) << line;
  }
}

TEST(Failure, a_gpu_that_was_asked_decides_and_no_words) {
  for (const char* line : {"CUDA error: an illegal memory access was encountered", "NCCL error", "KeyError: 'lr'",
                           "CUDA error: out of memory", "no space left on device"}) {
    EXPECT_EQ(cause_of(1, 0, std::string(kGpuIsSound) + line), Cause::kExitCode) << line;
    EXPECT_EQ(cause_of(0, 6, std::string(kGpuIsSound) + line), Cause::kSignal) << line;
    EXPECT_EQ(cause_of(1, 0, std::string(kGpuIsBroken) + line), Cause::kDeviceError) << line;
    EXPECT_EQ(cause_of(2, 0, std::string(kGpuIsBroken) + line), Cause::kConfiguration) << line;
  }
  RankExited exited = rank_exit(0, 1, 0, 1, 0, "CUDA error: unspecified launch failure");
  EXPECT_FALSE(accuses_gpu(exited)) << "it had none";
  exited.gpu = "GPU-a";
  EXPECT_TRUE(accuses_gpu(exited));
  exited.store_failed = true;
  EXPECT_FALSE(accuses_gpu(exited)) << "the store failed";
}

TEST(Failure, a_store_that_has_room_decides_and_no_words) {
  for (const char* line : {"RuntimeError: no space left on device 3 of the mesh", "tar: Disk quota exceeded",
                           "rsync: write failed on \"/scratch/tmp\": No space left on device (28)"}) {
    EXPECT_TRUE(accuses_store(rank_exit(0, 1, 0, 1, 0, line))) << line;
    const RankExited asked = rank_exit(0, 1, 0, 1, 0, std::string(kStoreHasRoom) + line);
    EXPECT_EQ(classify(asked), Cause::kExitCode) << line;
    EXPECT_EQ(cause_of(0, 6, asked.evidence), Cause::kSignal) << line;
    EXPECT_FALSE(accuses_store(asked)) << line;
  }
  EXPECT_FALSE(accuses_store(rank_exit(0, 1, 0, 1, 0, "RuntimeError: CUDA error: unspecified launch failure")));
}

TEST(Failure, what_was_killed_for_memory_ran_out_of_memory) {
  RankExited exited = rank_exit(0, 1, 0, 0, 9);
  exited.out_of_memory = true;
  EXPECT_EQ(classify(exited), Cause::kOutOfMemory);
}

TEST(Failure, causes_differ_in_weight_and_a_lost_peer_says_least) {
  std::set<int> weights;
  for (std::size_t i = 0; i < kCauses; ++i) weights.insert(weight_of(static_cast<Cause>(i)));
  EXPECT_EQ(weights.size(), kCauses);
  EXPECT_EQ(*weights.begin(), weight_of(Cause::kPeerLost));
  EXPECT_EQ(*weights.rbegin(), weight_of(Cause::kStoreError)) << "what else was seen may be its doing";
  EXPECT_EQ(*std::next(weights.rbegin()), weight_of(Cause::kConfiguration));
}

TEST(Failure, waits_grow_by_their_factor_up_to_the_longest) {
  const Budget full = budget_of(Cause::kStorageFull);
  EXPECT_EQ(back_off(full, 1), Milliseconds(1'000));
  EXPECT_EQ(back_off(full, 2), Milliseconds(2'000));
  EXPECT_EQ(back_off(full, 7), Milliseconds(60'000));
  EXPECT_EQ(back_off(full, 1'000'000), Milliseconds(60'000));
  EXPECT_EQ(back_off(budget_of(Cause::kStoreError), 3), Milliseconds(4'000));
  EXPECT_EQ(back_off(budget_of(Cause::kStoreError), 1'000'000), Milliseconds(60'000));
  EXPECT_EQ(back_off(budget_of(Cause::kExitCode), 2), Milliseconds(1'000));
  EXPECT_EQ(back_off(budget_of(Cause::kNoProgress), 2), Milliseconds(0));
}

}  // namespace
}  // namespace resolute::tests::failure_test
