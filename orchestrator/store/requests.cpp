#include "orchestrator/store/requests.h"

#include <unistd.h>

#include <cerrno>

#include "core/files/json.h"
#include "core/files/ownership.h"
#include "core/log.h"
#include "core/overloaded.h"
#include "core/process/secret.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::orchestrator {
namespace {

constexpr std::string_view kRequestSuffix = ".json";
constexpr std::uint64_t kLongestFile = 64 << 10;
constexpr std::size_t kLongestName = 255;  // of a host or a user: they go into the journal

fs::path requests_folder(const fs::path& suite_folder) { return suite_folder / "requests"; }

std::string this_user() {
  return core::user_name(::getuid()).value_or(std::to_string(::getuid())) + "@" + core::host_name();
}

core::Json to_json(const Request& request) {
  return std::visit(
      core::Overloaded{[](const StopRun&) {
                         return core::Json{{"request", "stop"}};
                       },
                       [](const CancelJob& cancel) {
                         return core::Json{{"request", "cancel"}, {"job", cancel.job.hex}};
                       },
                       [](const DrainHost& drain) {
                         return core::Json{{"request", drain.on ? "drain" : "undrain"}, {"host", drain.host}};
                       }},
      request);
}

PendingRequest parse(core::FileSystem& files, const fs::path& path) {
  const core::Bytes bytes = files.read(path, kLongestFile);
  const core::Json json = core::parse_json(core::as_text(bytes), path.string());
  core::ObjectReader reader(json, path.string());
  auto name = [&](const char* key) {
    auto text = reader.required<std::string>(key);
    if (text.empty() || text.size() > kLongestName)
      throw core::input_error(fmt::format("{}: '{}' has {} bytes", path.string(), key, text.size()),
                              fmt::format("1 to {} are allowed", kLongestName));
    return text;
  };
  PendingRequest pending{path.filename().string(), StopRun{}, name("by"), reader.required<std::int64_t>("epoch")};
  const auto kind = reader.required<std::string>("request");
  if (kind == "cancel") {
    pending.request = CancelJob{{name("job")}};
  } else if (kind == "drain" || kind == "undrain") {
    pending.request = DrainHost{name("host"), kind == "drain"};
  } else if (kind != "stop") {
    throw core::input_error(fmt::format("{}: request '{}' is unknown", path.string(), kind));
  }
  reader.finish();
  return pending;
}

}  // namespace

void write_request(core::FileSystem& files, const fs::path& suite_folder, std::int64_t epoch, const Request& request) {
  core::Json json = to_json(request);
  json["by"] = this_user();
  json["epoch"] = epoch;
  const std::string name =
      fmt::format("{:015}-{}{}", wall_clock().time_since_epoch().count(), core::random_token(4), kRequestSuffix);
  core::write_atomic(files, requests_folder(suite_folder) / name, core::canonical_json(json) + "\n");
}

RequestBox::RequestBox(core::FileSystem& files, const fs::path& suite_folder, std::int64_t epoch)
    : files_(files), folder_(requests_folder(suite_folder)), epoch_(epoch) {}

void RequestBox::warn_once(const std::string& about, const std::exception& error) {
  if (warned_.insert(about).second) core::log_warning("requests: {}", error.what());
}

std::vector<PendingRequest> RequestBox::read() {
  std::vector<PendingRequest> waiting;
  std::vector<std::string> names;
  try {
    names = files_.list(folder_);
  } catch (const core::RuntimeError& error) {
    warn_once("", error);
  }
  for (const std::string& name : names) {
    // A name with a dot before it is still being written.
    if (name.starts_with(".") || !name.ends_with(kRequestSuffix)) continue;
    try {
      if (discarded_.contains(name)) {
        discard(name);
        continue;
      }
      PendingRequest pending = parse(files_, folder_ / name);
      if (pending.epoch == epoch_) {
        waiting.push_back(std::move(pending));
        continue;
      }
      core::log_warning("a request of {} is left out: it was meant for run {}, this is run {}", pending.by,
                        pending.epoch, epoch_);
      discard(name);
    } catch (const core::RuntimeError& error) {
      warn_once(name, error);
      // The store may give later a file that it cannot give now; a file that is no request never becomes one.
      const bool is_closed = error.error_number() == EACCES || error.error_number() == EPERM;  // perhaps for a while
      if (is_closed || (error.kind() != core::ErrorKind::kInput && error.kind() != core::ErrorKind::kCorrupt)) continue;
      try {
        files_.rename(folder_ / name, folder_ / (name + ".bad"));
      } catch (const core::RuntimeError&) {
        discarded_.insert(name);
      }
    }
  }
  return waiting;
}

void RequestBox::discard(const std::string& name) {
  try {
    files_.remove(folder_ / name);
    discarded_.erase(name);
  } catch (const core::RuntimeError& error) {
    discarded_.insert(name);
    warn_once(name, error);
  }
}

}  // namespace resolute::orchestrator
