#include "workers/rank/publish_result.h"

#include "core/files/json.h"
#include "core/log.h"

namespace resolute::workers {

bool has_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job) {
  const bool there = files.exists(store.result_file(job));
  if (there) core::log_info("job {} has its result already", job.hex);
  return there;
}

void publish_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                    const results::Record& record) {
  if (!core::publish_exclusive(files, store.result_file(job), results::record_text(record)))
    core::log_info("job {} was finished by another attempt first", job.hex);
}

}  // namespace resolute::workers
