// The calls of a training step to a GPU besides computing, counted on the simulated accelerator, or on a GPU by
// libtorch's profiler: waits of the host, bytes of the batch, launches beside the backward pass. docs/inside/gpu.md has
// the table that this prints; bench/gpu/run puts a GPU's beside it.

#include <torch/csrc/autograd/profiler_kineto.h>

#include <set>

#include "tests/support/folders.h"
#include "tests/workers/evaluation/packed_trial.h"
#include "tests/workers/gpu/lone.h"
#include "tests/workers/gpu/packed_training.h"
#include "workers/training/make_method.h"

namespace resolute::workers::gpu_test::step_counts_test {
namespace {

using accelerator::Counts;
using accelerator::streams;

// The events of a GPU that libtorch's profiler saw, in a file of its format. Allocations are not counted.
Counts counts_of(const std::filesystem::path& file) {
  const core::Json trace = core::parse_json(core::read_text(core::real_file_system(), file), "trace");
  constexpr int kDefaultStream = 7;  // CUPTI's number
  Counts counts;
  std::set<std::int64_t> calls;  // a recording's kernels belong to one
  for (const core::Json& event : trace.at("traceEvents")) {
    const std::string kind = event.value("cat", ""), name = event.value("name", "");
    const core::Json arguments = event.value("args", core::Json::object());
    if (kind == "kernel" && calls.insert(arguments.at("correlation").get<std::int64_t>()).second)
      ++(arguments.at("stream").get<int>() == kDefaultStream ? counts.kernels : counts.side_kernels)[name];
    if (kind == "gpu_memcpy" && name.find("HtoD") != std::string::npos) {
      counts.bytes_to_device += arguments.at("bytes").get<std::int64_t>();
      if (arguments.at("stream").get<int>() != kDefaultStream) ++counts.side_kernels["copy to the device"];
    }
    if (kind == "gpu_memcpy" && name.find("DtoH") != std::string::npos)
      counts.bytes_to_host += arguments.at("bytes").get<std::int64_t>();
    if (kind == "cuda_runtime" && name.starts_with("cudaGraphLaunch")) ++counts.kernels["recording"];
    if (kind == "cuda_runtime" && (name.find("Synchronize") != std::string::npos || name == "cudaMemcpy"))
      ++counts.waits[name];
  }
  return counts;
}

// Counts steps of a training on a GPU: from when the first one's batch is asked for to when that behind the last is.
class CountedSteps final : public BatchSource {
 public:
  CountedSteps(BatchSource& source, std::uint64_t first, std::uint64_t steps, Counts& counts)
      : source_(source), first_(first), end_(first + steps), counts_(counts) {}
  std::vector<std::int64_t> lane_rows(std::uint64_t step) override { return source_.lane_rows(step); }
  double seconds_waited() const override { return source_.seconds_waited(); }
  methods::LaneBatch batch(std::uint64_t step, int lane) override {
    if (step == first_) begin();
    if (step == end_) end();
    return source_.batch(step, lane);
  }

 private:
  // Work that the GPU has yet to do would fall into the trace or out of it by chance.
  static void finish() {
    const at::Device place = device().place();
    c10::impl::VirtualGuardImpl(place.type()).synchronizeDevice(place.index());
  }
  static void begin() {
    finish();
    using torch::profiler::impl::ActivityType;
    const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
    const std::set<ActivityType> activities = {ActivityType::CUDA};
    torch::autograd::profiler::prepareProfiler(config, activities);
    torch::autograd::profiler::enableProfiler(config, activities);
  }
  void end() {
    finish();
    const tests::TemporaryFolder folder;
    torch::autograd::profiler::disableProfiler()->save(folder / "trace.json");
    counts_ = counts_of(folder / "trace.json");
  }

  BatchSource& source_;
  std::uint64_t first_, end_;
  Counts& counts_;
};

class StepCountsTest : public PackedTrial {
 protected:
  static void SetUpTestSuite() { pack_images(8, 4, of_size(48, 24)); }

  //! \param communicator null: a single process
  Counts counted(const std::string& method, int steps, Communicator* communicator = nullptr) const {
    // No kernel runs by itself: each wait that there can be is one.
    const accelerator::Lagging lagging({accelerator::Lateness::Kind::kMost, 0});
    streams().reset_counts();
    streams().set_phase("before the first step");
    train_packed(*pack_, split_, device().place(), {.method = method, .steps = steps}, {}, nullptr, communicator);
    return streams().counts();
  }
  // CountedSteps waits once itself, so steps are counted by what one more of them adds.
  Counts counted_on_gpu(const std::string& method, std::uint64_t steps) const {
    constexpr std::uint64_t kFirst = 4;  // played, not recorded
    Counts counts;
    train_packed(*pack_, split_, device().place(), {.method = method, .steps = static_cast<int>(kFirst + steps) + 1},
                 {},
                 [&](BatchSource& source) { return std::make_unique<CountedSteps>(source, kFirst, steps, counts); });
    return counts;
  }
  // The eleventh of eleven steps has digests, as the tenth of ten has. On the simulated accelerator.
  const Counts& of_a_digested_step(const std::string& method) const {
    static std::map<std::string, Counts> known;
    if (const auto found = known.find(method); found != known.end()) return found->second;
    return known[method] = one_more(counted(method, 10), counted(method, 11));
  }
  // A step in the middle of a training, without digests; counted once.
  const Counts& of_a_step(const std::string& method) const {
    static std::map<std::string, Counts> known;
    if (const auto found = known.find(method); found != known.end()) return found->second;
    // The first step runs as it is, the second is recorded.
    return known[method] = device().place().is_cuda() ? one_more(counted_on_gpu(method, 1), counted_on_gpu(method, 2))
                                                      : one_more(counted(method, 3), counted(method, 4));
  }
  static Counts one_more(const Counts& shorter, const Counts& longer) {
    Counts step;
    const auto differ = [](const auto& more, const auto& fewer) {
      std::map<std::string, std::int64_t> difference;
      for (const auto& [name, count] : more) {
        const auto found = fewer.find(name);
        const std::int64_t before = found == fewer.end() ? 0 : found->second;
        if (count != before) difference[name] = count - before;
      }
      return difference;
    };
    step.kernels = differ(longer.kernels, shorter.kernels);
    step.side_kernels = differ(longer.side_kernels, shorter.side_kernels);
    step.phases = differ(longer.phases, shorter.phases);
    step.waits = differ(longer.waits, shorter.waits);
    step.bytes_to_device = longer.bytes_to_device - shorter.bytes_to_device;
    step.bytes_to_host = longer.bytes_to_host - shorter.bytes_to_host;
    step.allocations = longer.allocations - shorter.allocations;
    return step;
  }
  // For each row of a batch: the HR image, its LR image, copies.
  std::int64_t images_of(const std::string& method) const {
    const experiments::TrainingSpecification asked = packed_specification({.method = method});
    const methods::Needs needs = make_method(asked, split_.train_identities)->row().needs;
    return static_cast<std::int64_t>(1 + (needs.lr ? 1 : 0) + methods::copy_rates(needs, asked.recipe).size());
  }
};

// Those whose counts stand in docs/inside/gpu.md.
constexpr std::array<const char*, 6> kCounted = {"baseline", "rain", "cadnet", "ftwa", "msifla", "resolution_adaptive"};

// A launch of each kind for a bucket of gradients, however many parameters are in it.
constexpr std::int64_t kMostSideLaunches = 20;

std::int64_t buckets_of(const Counts& step) { return step.side_kernels.at("aten::_foreach_norm.Scalar"); }

TEST_F(StepCountsTest, the_host_waits_once_where_it_reads_losses) {
  for (const char* method : kCounted) {
    const Counts& step = of_a_step(method);
    const char* const wait = on_gpu() ? "cudaEventSynchronize" : "synchronize event in Trainer::exchange_losses";
    EXPECT_EQ((std::map<std::string, std::int64_t>{{wait, 1}}), step.waits) << method;
  }
}

// On streams of their own: what stands among the backward pass's kernels holds it up.
TEST_F(StepCountsTest, launches_beside_the_backward_pass_do_not_grow_with_parameters) {
  if (on_gpu()) GTEST_SKIP() << "a GPU makes several kernels of an operator";
  for (const char* method : kCounted) {
    const Counts& step = of_a_step(method);
    const Counts& digested = of_a_digested_step(method);
    EXPECT_EQ(buckets_of(step), buckets_of(digested)) << method;
    EXPECT_EQ(buckets_of(digested), digested.side_kernels.at("aten::cumsum.out")) << method;
    EXPECT_LE(Counts::sum(digested.side_kernels), kMostSideLaunches * buckets_of(step)) << method;
    for (const char* of_digests : {"aten::cumsum.out", "aten::mul.Tensor"}) {
      EXPECT_FALSE(step.side_kernels.contains(of_digests)) << method;
      if (std::string_view(of_digests) == "aten::cumsum.out") EXPECT_FALSE(digested.kernels.contains(of_digests));
    }
    EXPECT_EQ(step.kernels.at("recording"), digested.kernels.at("recording")) << method;
    EXPECT_LT(step.bytes_to_host, digested.bytes_to_host) << method;
  }
}

// Nor do they in a group of process ranks, whose buckets are cut up, exchanged and put together again.
TEST_F(StepCountsTest, launches_of_an_exchange_do_not_grow_with_parameters) {
  if (!on_simulated()) GTEST_SKIP() << "a GPU makes several kernels of an operator";
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  for (const char* method : {"baseline", "msifla"}) {
    const Counts step = one_more(counted(method, 3, alone.get()), counted(method, 4, alone.get()));
    EXPECT_LE(Counts::sum(step.side_kernels), kMostSideLaunches * buckets_of(step)) << method;
  }
}

// Buckets of two groups of 18 MiB, of three parameters each, as their norms count them.
std::int64_t buckets_with(Communicator* communicator) {
  std::vector<methods::ParameterGroup> groups;
  at::Tensor loss = at::zeros({}).to(device().place());
  for (const char* name : {"first", "second"}) {
    methods::ParameterGroup& group = groups.emplace_back(methods::ParameterGroup{name, {}, {}});
    for (const char* parameter : {"a", "b", "c"}) {
      group.parameters.emplace_back(parameter, at::ones({3 << 19}).to(device().place()).set_requires_grad(true));
      loss = loss + group.parameters.back().second.sum();
    }
  }
  GradientExchange exchange(groups, 1, {0, 1}, communicator);
  streams().reset_counts();
  exchange.begin({0, 1});
  loss.backward();
  exchange.end_lane();
  exchange.finish();
  return buckets_of(streams().counts());
}

TEST(Buckets, are_one_for_each_group_where_nothing_is_exchanged) {
  if (!on_simulated()) GTEST_SKIP() << "launches on a GPU's streams are not counted one by one";
  EXPECT_EQ(2, buckets_with(nullptr));
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  EXPECT_EQ(4, buckets_with(alone.get())) << "exchanges are of 8 MiB, or of the parameter that fills them";
}

// At a step's end ranks tell one another of a lane what the device told them, and what they wish.
TEST_F(StepCountsTest, losses_and_wishes_are_one_exchange_of_eight_bytes_each_with_digests_where_they_are_made) {
  if (!on_simulated()) GTEST_SKIP() << "another training than that counted above";
  struct Counting final : LoneCommunicator {
    void all_gather(at::Tensor& to, const at::Tensor& from) override {
      if (from.scalar_type() == at::kDouble) sent.push_back(static_cast<std::int64_t>(from.nbytes()));  // no gradients
      LoneCommunicator::all_gather(to, from);
    }
    std::vector<std::int64_t> sent;
  };
  auto given = std::make_unique<Counting>();
  const Counting& counting = *given;
  const std::unique_ptr<Communicator> alone = device().connect(std::move(given), std::chrono::seconds(60));
  counted("baseline", 4, alone.get());
  // The device tells a norm too, which all ranks know.
  const std::int64_t losses = of_a_step("baseline").bytes_to_host - 8 + 8;
  const std::int64_t digested = of_a_digested_step("baseline").bytes_to_host - 8 + 8;
  EXPECT_EQ((std::vector<std::int64_t>{digested, losses, losses, digested}), counting.sent);
}

// The same ones in each step once shapes have come again: forward and backward passes of networks.
TEST_F(StepCountsTest, passes_of_every_methods_networks_are_played) {
  if (!on_simulated()) GTEST_SKIP() << "a GPU's kernels in a recording are counted as one";
  for (const char* method : kCounted) {
    const auto& kernels = of_a_step(method).kernels;
    ASSERT_TRUE(kernels.contains("recording")) << method;
    EXPECT_GE(kernels.at("recording"), 2) << method;
    // Their discriminators judge among the losses.
    if (std::set<std::string>{"rain", "cadnet"}.contains(method)) continue;
    for (const char* of_networks : {"aten::convolution_overrideable", "aten::convolution_backward_overrideable"})
      EXPECT_FALSE(kernels.contains(of_networks)) << method << " asks for " << of_networks << " by itself";
  }
}

// With several ranks a trunk's halves are played one after the other, so that the deep one's gradients leave first.
TEST_F(StepCountsTest, a_trunk_is_played_in_halves_where_gradients_travel) {
  if (!on_simulated()) GTEST_SKIP() << "counted without others there";
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  const Counts travelling = one_more(counted("baseline", 3, alone.get()), counted("baseline", 4, alone.get()));
  EXPECT_EQ(2, of_a_step("baseline").kernels.at("recording"));
  EXPECT_EQ(4, travelling.kernels.at("recording"));
}

// Beside the computing of the step before: nothing of a batch's images is copied among the kernels.
TEST_F(StepCountsTest, images_travel_on_a_stream_of_their_own) {
  for (const char* name : kCounted) {
    const Counts& step = of_a_step(name);
    ASSERT_TRUE(step.side_kernels.contains("copy to the device")) << name;
    EXPECT_EQ(images_of(name), step.side_kernels.at("copy to the device")) << name;
  }
}

// Levels, one byte each, and not much beside them: labels, rows, what was drawn.
TEST_F(StepCountsTest, the_bytes_of_a_batch_are_those_of_its_levels) {
  for (const char* name : kCounted) {
    const experiments::TrainingSpecification asked = packed_specification({.method = name});
    const std::int64_t levels = images_of(name) * asked.recipe.identities * asked.recipe.images * 48 * 24 * 3;
    const std::int64_t bytes = of_a_step(name).bytes_to_device;
    EXPECT_GE(bytes, levels) << name;
    EXPECT_LE(static_cast<double>(bytes), 1.1 * static_cast<double>(levels)) << name;
  }
}

// In the place of the page's table with the same header.
void put_in_page(const std::string& table) {
  const std::filesystem::path page = tests::source_folder() / "docs" / "inside" / "gpu.md";
  std::string text = core::read_text(core::real_file_system(), page);
  const std::size_t begin = text.find(table.substr(0, table.find('\n') + 1)), end = text.find("\n\n", begin) + 1;
  ASSERT_NE(std::string::npos, begin);
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr)
    core::write_atomic(core::real_file_system(), page, text.replace(begin, end - begin, table));
  else
    EXPECT_EQ(table, text.substr(begin, end - begin));
}

// `docs/inside/gpu.md` has what this says; RESOLUTE_WRITE_GOLDEN=1 writes it there.
TEST_F(StepCountsTest, stand_in_the_page) {
  std::string table =
      "| method | kernels | recordings | side launches | buckets | waits | bytes to the GPU | bytes back | allocations "
      "|\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const char* method : kCounted) {
    const Counts& step = of_a_step(method);
    // A GPU's trace has a recording's launch beside its kernels, which count as one.
    const std::int64_t recordings = step.kernels.contains("recording") ? step.kernels.at("recording") : 0;
    table += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", method,
                         Counts::sum(step.kernels) - (on_gpu() ? recordings : 0), recordings,
                         Counts::sum(step.side_kernels), on_gpu() ? 0 : buckets_of(step), Counts::sum(step.waits),
                         step.bytes_to_device, step.bytes_to_host, step.allocations);
  }
  if (on_gpu()) {
    std::cout << table;
    return;
  }
  put_in_page(table);
  std::string phases = "| method | forward | losses | rest |\n| --- | --- | --- | --- |\n";
  for (const char* method : kCounted) {
    const Counts& step = of_a_step(method);
    phases += fmt::format("| {} | {} | {} | {} |\n", method, step.phases.at("forward"), step.phases.at("losses"),
                          step.phases.at("rest"));
  }
  put_in_page(phases);
  std::string digests =
      "| method | kernels | side launches | bytes back | allocations |\n| --- | --- | --- | --- | --- |\n";
  for (const char* method : kCounted) {
    const Counts& step = of_a_digested_step(method);
    digests += fmt::format("| {} | {} | {} | {} | {} |\n", method, Counts::sum(step.kernels),
                           Counts::sum(step.side_kernels), step.bytes_to_host, step.allocations);
  }
  put_in_page(digests);
}

}  // namespace
}  // namespace resolute::workers::gpu_test::step_counts_test
