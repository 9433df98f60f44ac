#include "workers/device/step_trace.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <set>
#include <utility>

#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"

namespace resolute::workers {
namespace {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;
using torch::profiler::impl::ProfilerConfig;
using torch::profiler::impl::ProfilerState;

void wait_for(at::Device place) {
  if (!place.is_cpu()) c10::impl::VirtualGuardImpl(place.type()).synchronizeDevice(place.index());
}

}  // namespace

StepTrace::StepTrace(core::FileSystem& files, TraceRequest request, at::Device place)
    : files_(files), request_(std::move(request)), place_(place) {
  if (request_.file.empty() && place_.is_cpu())
    throw core::input_error("--nvtx is given for a training on the CPU", "NVTX shows what a GPU does",
                            "give --trace FILE");
  if (!request_.file.empty() && !files_.exists(core::folder_above(request_.file)))
    throw core::input_error(fmt::format("--trace '{}': its folder is not there", request_.file.string()), {},
                            "make the folder first");
}

StepTrace::~StepTrace() {
  if (state_ != State::kTracing) return;
  try {
    profiler::disableProfiler();
  } catch (const std::exception& error) {
    core::log_warning("the trace could not be stopped: {}", error.what());
  }
}

void StepTrace::before(std::uint64_t step) {
  if (state_ != State::kAwaited || step < request_.first_step || step > request_.last_step) return;
  wait_for(place_);
  if (request_.file.empty()) {
    profiler::enableProfiler(ProfilerConfig(ProfilerState::NVTX), {});
  } else {
    std::set<ActivityType> activities{ActivityType::CPU};
    if (!place_.is_cpu()) activities.insert(ActivityType::CUDA);
    const ProfilerConfig config(ProfilerState::KINETO);
    profiler::prepareProfiler(config, activities);
    profiler::enableProfiler(config, activities);
  }
  state_ = State::kTracing;
}

void StepTrace::after(std::uint64_t step, bool last) {
  if (state_ != State::kTracing || (step < request_.last_step && !last)) return;
  wait_for(place_);
  write();
}

// libtorch says nothing of a disk that is full, so the file is looked at before it takes its name.
void StepTrace::write() {
  const auto result = profiler::disableProfiler();
  state_ = State::kMade;
  if (request_.file.empty()) return;
  const std::filesystem::path unfinished = core::temporary_beside(request_.file);
  result->save(unfinished.string());
  const core::Bytes bytes = files_.exists(unfinished) ? files_.read(unfinished) : core::Bytes();
  if (!core::Json::accept(core::as_text(bytes)))
    throw core::RuntimeError(core::ErrorKind::kEnvironment,
                             fmt::format("the trace '{}' is not whole", request_.file.string()),
                             "libtorch could not write all of it", "look whether its disk is full");
  files_.rename(unfinished, request_.file);
}

}  // namespace resolute::workers
