//! \file
//! The job of `script/bench orchestrator`: the worker contract (docs/inside/worker.md) and nothing besides. It
//! publishes its job's result by link(), so that what is timed is starting it, not what it does. Peers run it with the
//! same arguments. Linked statically and written without the standard library's objects: loading it is the larger part
//! of what it costs.
//!
//! bench_noop_worker run --store STORE --job ID [options]   the job's folder is there
//!
//! With RESOLUTE_BENCH_TRAININGS_WAIT in the environment a training waits for a signal instead, and publishes nothing.

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// A record of the job's kind that a run takes (docs/inside/formats/result.md).
const char* record_of(const char* specification) {
#define HASH "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
#define PROVENANCE "\"numeric_class\":\"none\",\"pack_sha256\":" HASH ",\"split_sha256\":" HASH
  if (std::strstr(specification, "\"kind\":\"shard\"") != nullptr)
    return "\"listing_sha256\":" HASH ",\"rows\":1,\"shard_sha256\":" HASH;
  if (std::strstr(specification, "\"kind\":\"seal\"") != nullptr) return "\"pack_sha256\":" HASH ",\"rows\":1";
  if (std::strstr(specification, "\"kind\":\"training\"") != nullptr)
    return "\"metrics\":{\"loss\":1},\"provenance\":{\"from_scratch\":true,\"lanes\":1," PROVENANCE
           "},\"weights_file\":\"weights\",\"weights_sha256\":" HASH;
  return "\"features_sha256\":" HASH
         ",\"metrics\":{\"mAP\":1,\"rank1\":1,\"rank10\":1,\"rank20\":1,\"rank5\":1},\"outputs\":{},"
         "\"provenance\":{" PROVENANCE ",\"training\":" HASH "},\"weights_sha256\":" HASH;
}

void read_specification(const char* store, const char* job, char (&text)[8192]) {
  char path[1024];
  std::snprintf(path, sizeof path, "%s/jobs/%.2s/%s/spec.json", store, job, job);
  const int file = ::open(path, O_RDONLY);
  const ssize_t length = file < 0 ? 0 : ::read(file, text, sizeof text - 1);
  text[length > 0 ? length : 0] = '\0';
  if (file >= 0) ::close(file);
}

}  // namespace

int main(int count, char** arguments) {
  const char* store = nullptr;
  const char* job = nullptr;
  for (int i = 2; i + 1 < count; i += 2) {
    if (std::strcmp(arguments[i], "--store") == 0) store = arguments[i + 1];
    if (std::strcmp(arguments[i], "--job") == 0) job = arguments[i + 1];
  }
  if (store == nullptr || job == nullptr) return 2;
  char specification[8192];
  read_specification(store, job, specification);
  if (std::getenv("RESOLUTE_BENCH_TRAININGS_WAIT") != nullptr &&
      std::strstr(specification, "\"kind\":\"training\"") != nullptr)
    return ::pause() == 0 ? 0 : 75;
  char temporary[1024];
  char result[1024];
  char text[1024];
  std::snprintf(temporary, sizeof temporary, "%s/jobs/%.2s/%s/.result.%d", store, job, job,
                static_cast<int>(::getpid()));
  std::snprintf(result, sizeof result, "%s/jobs/%.2s/%s/result.json", store, job, job);
  const int length = std::snprintf(text, sizeof text, "{\"job\":\"%s\",%s}\n", job, record_of(specification));
  const int file = ::open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (file < 0 || ::write(file, text, static_cast<std::size_t>(length)) != length || ::close(file) != 0) return 1;
  const bool published = ::link(temporary, result) == 0 || ::access(result, F_OK) == 0;
  return ::unlink(temporary) == 0 && published ? 0 : 1;
}
