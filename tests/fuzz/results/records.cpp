// What jobs leave behind. result.json: refused, or a record whose text is the one that was read.
#include "core/hash/sha256.h"
#include "results/exports/logged_numbers.h"
#include "results/records/branch_weights.h"
#include "results/records/csv.h"
#include "results/records/gradient_log.h"
#include "results/records/mask_values.h"
#include "results/records/panels.h"
#include "results/records/prefix_distances.h"
#include "results/records/query_scores.h"
#include "results/records/record.h"
#include "results/records/recovery.h"
#include "results/records/training_log.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/plain_path.h"
#include "tests/fuzz/targets.h"
#include "tests/support/pages.h"

namespace resolute::tests::records_fuzzer {
namespace {

using namespace results;

// The first block of a format's page.
std::string page_example(const std::string& page) {
  return fenced_blocks(page_text("inside/formats/" + page + ".md"), "")[0];
}

std::vector<std::string> result_examples() {
  const auto hash = [](int number) { return core::sha256_hex(std::to_string(number)); };
  std::vector<std::string> texts;
  for (const Record& record : std::vector<Record>{
           ShardRecord{{hash(0)}, hash(1), 96, hash(2)}, SealRecord{{hash(0)}, hash(1), 192},
           TrainingRecord{{hash(0)},
                          "weights-0123456789abcdef.safetensors",
                          hash(1),
                          {{"loss", 0.25}},
                          {hash(2), hash(3), "x86-64-v4", 2, true}},
           EvaluationRecord{{hash(0)},
                            hash(1),
                            hash(2),
                            {{"rank1", 0.5}, {"rank5", 0.75}, {"rank10", 1.0}, {"rank20", 1.0}, {"mAP", 0.375}},
                            {hash(3), hash(4), "x86-64-v4", {hash(5)}},
                            {{"panels/galleries.png", hash(6)}, {"queries.csv", hash(7)}}}})
    texts.push_back(record_text(record));
  return texts;
}

}  // namespace

RESOLUTE_FUZZER(result, .rounds = 40'000, .examples = result_examples, .mutate = mutate_json)(std::string_view bytes) {
  return understood([&] {
    const auto read = [](std::string_view text) { return parse_record(text, "result.json"); };
    const Record record = read(bytes);
    require_one_text(record, record_text, read, "a record is written otherwise than it was read");
    if (const auto* evaluation = std::get_if<EvaluationRecord>(&record))
      for (const auto& [file, hash] : evaluation->outputs) require_plain_path(file);
    if (const auto* training = std::get_if<TrainingRecord>(&record)) {
      const std::filesystem::path file = std::filesystem::path("/job") / training->weights_file;
      require(file.lexically_normal() == file && file.parent_path() == "/job" && file.has_filename(),
              "weights lie elsewhere than beside the result");
    }
  });
}

namespace {

std::vector<std::string> outputs_examples() {
  std::vector<std::string> texts;
  for (const char* page : {"weights", "masks", "prefixes", "queries", "recovery"}) texts.push_back(page_example(page));
  return texts;
}

template <class Row>
bool read_csv_text(std::string_view bytes) {
  return understood([&] {
    require(csv_text(parse_csv<Row>(bytes, "output")) == bytes, "rows are written otherwise than they were read");
  });
}

}  // namespace

// The CSV files of an evaluation: refused, or rows that are written as they came.
RESOLUTE_FUZZER(outputs, .rounds = 100'000, .examples = outputs_examples, .mutate = mutate_list)
(std::string_view bytes) {
  return read_csv_text<BranchWeights>(bytes) || read_csv_text<MaskSpread>(bytes) ||
         read_csv_text<PrefixDistances>(bytes) || read_csv_text<QueryScore>(bytes) ||
         read_csv_text<ImageRecoveryQuality>(bytes);
}

namespace {

std::vector<std::string> panels_examples() { return {page_example("panels")}; }

}  // namespace

RESOLUTE_FUZZER(panels, .rounds = 20'000, .examples = panels_examples, .mutate = mutate_json)
(std::string_view bytes) {
  return understood([&] {
    const auto read = [](std::string_view text) { return parse_panels(text, "panels.json"); };
    require_one_text(read(bytes), panels_text, read, "panels are written otherwise than they were read");
  });
}

namespace {

constexpr std::size_t kPreamble = 20;  // of a gradient log; its last four bytes are the checksum

core::Bytes with_right_checksums(core::Bytes bytes) {
  if (bytes.size() < kPreamble) return bytes;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 12, sizeof length);
  repair(bytes, kPreamble - 4, std::span(bytes).first(kPreamble - 4));
  if (length > bytes.size() - kPreamble || bytes.size() - kPreamble - length < 4) return bytes;
  repair(bytes, kPreamble + length, std::span(bytes).subspan(kPreamble, length));
  return bytes;
}

bool read_gradients(std::string_view bytes) {
  MemoryFolder files("gradients.bin", bytes);
  return understood([&] {
    const GradientLog log = read_gradient_log(files, "gradients.bin");
    for (const StepGradients& step : log.steps)
      require(std::cmp_equal(step.lanes.size(), log.lanes) && step.tensors.size() == log.tensors.size(),
              "a step has other lanes and tensors than its log");
  });
}

std::vector<std::string> gradients_examples() {
  WrittenFile files("gradients.bin");
  GradientLogWriter writer(files, "gradients.bin", 2, {"networks/neck.bias", "discriminators/5.weight"});
  writer.write({101, {1, 2}, {3, 4}});
  writer.write({102, {5, 6}, {7, 8}});
  writer.close();
  return {files.written};
}

}  // namespace

// Digests of a training's gradients, as they stand and with the checksums of the header put right.
RESOLUTE_FUZZER(gradients, .rounds = 100'000, .examples = gradients_examples)(std::string_view bytes) {
  const core::Bytes repaired = with_right_checksums(bytes_of(bytes));
  read_gradients(core::as_text(repaired));
  return read_gradients(bytes);
}

namespace {

std::vector<std::string> step_log_examples() {
  return {R"({"step": 1, "loss": 0.5, "losses": {"triplet": 0.25}, "gradients": "00ff", "text": "x"})"
          "\n"
          R"({"step": 2, "loss": 0.25, "gradient_norms": {"networks": 1e-3}, "gradients": "01ff"})"
          "\n{\"torn"};
}

}  // namespace

// metrics.jsonl: what `resolute repro` compares, and the numbers of curves.
RESOLUTE_FUZZER(step_log, .rounds = 40'000, .examples = step_log_examples, .mutate = mutate_lines)
(std::string_view bytes) {
  const bool digests = understood([&] { parse_logged_steps(bytes, "metrics.jsonl"); });
  const bool numbers =
      understood([&] { parse_number_lines(bytes, "metrics.jsonl", [](std::uint64_t, const auto&) {}); });
  return digests && numbers;
}

}  // namespace resolute::tests::records_fuzzer
