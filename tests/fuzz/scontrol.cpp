// What `scontrol show job -o` prints, after a line "ID NAME" of what was asked for: refused whole, or a job whose every
// value stands in the text once.
#include <sstream>

#include "tests/fuzz/targets.h"
#include "tests/slurm/support/job_texts.h"

RESOLUTE_FUZZER(scontrol)(const std::uint8_t* data, std::size_t size) {
  using namespace resolute;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  if (end == std::string::npos) return -1;
  std::istringstream asked(input.substr(0, end));
  slurm::JobNumber id = 0;
  std::string name;
  if (!(asked >> id >> name) || !slurm::is_job_name(name)) return -1;
  const std::string text = input.substr(end + 1);
  return tests::understood([&] {
    const std::string wrong = tests::disagreement(text, id, name, slurm::parse_shown_job(text, id, name));
    tests::require(wrong.empty(), wrong.c_str());
  });
}
