// What `scontrol show job -o` prints, after a line "ID NAME" of what was asked for: refused whole, or a job whose every
// value stands in the text once.
#include <sstream>

#include "tests/fuzz/targets.h"
#include "tests/slurm/support/job_texts.h"
#include "tests/slurm/support/recorded.h"

namespace resolute::tests::scontrol_fuzzer {
namespace {

std::vector<std::string> scontrol_examples() {
  std::vector<std::string> examples;
  for (const std::string& text : recorded("scontrol", {"array", "pending", "running", "preempting", "cancelled"})) {
    const std::size_t name = text.find("JobName=") + 8;
    examples.push_back(
        fmt::format("{} {}\n{}", std::stoll(text.substr(6)), text.substr(name, text.find(' ', name) - name), text));
  }
  return examples;
}

}  // namespace

RESOLUTE_FUZZER(scontrol, .rounds = 20'000, .examples = scontrol_examples)(std::string_view bytes) {
  const std::string input(bytes);
  const std::size_t end = input.find('\n');
  if (end == std::string::npos) return false;
  std::istringstream asked(input.substr(0, end));
  slurm::SlurmJobId id = 0;
  std::string name;
  if (!(asked >> id >> name) || !slurm::is_job_name(name)) return false;
  const std::string text = input.substr(end + 1);
  return understood([&] {
    const std::string wrong = disagreement(text, id, name, slurm::parse_shown_job(text, id, name));
    require(wrong.empty(), wrong.c_str());
  });
}

}  // namespace resolute::tests::scontrol_fuzzer
