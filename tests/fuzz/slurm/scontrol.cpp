// What `scontrol show job -o` prints, after a line "ID NAME" of what was asked for: refused whole, or a job whose every
// value stands in the text once.
#include <sstream>

#include "tests/fuzz/targets.h"
#include "tests/slurm/support/job_texts.h"

namespace resolute::tests::scontrol_fuzzer {

RESOLUTE_FUZZER(scontrol, .rounds = 20'000)(std::string_view bytes) {
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
