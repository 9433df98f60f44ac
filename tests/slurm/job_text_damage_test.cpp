// 1,000 damaged outputs of each of SLURM's commands, from each recorded one: refused by RuntimeError, or what the
// records say is what the text says, by an independent reading of it (support/job_texts.h).
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/random/random.h"
#include "tests/slurm/support/job_texts.h"
#include "tests/support/folders.h"
#include "tests/support/matches.h"

namespace resolute::slurm::job_text_damage_test {
namespace {

namespace fs = std::filesystem;
using core::RandomStream;
using tests::disagreement;

std::map<std::string, std::string> recorded(const std::string& command) {
  std::map<std::string, std::string> texts;
  for (const auto& entry : fs::recursive_directory_iterator(tests::source_folder() / "tests/slurm/recorded"))
    if (entry.path().filename().string().starts_with(command + "-"))
      texts[entry.path().string()] = core::as_text(core::real_file_system().read(entry.path()));
  return texts;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

template <class T>
const T& any_of(const std::vector<T>& items, RandomStream& random) {
  return items.at(random.below(items.size()));
}

// A piece of `line` between two separators, as [begin, end).
std::pair<std::size_t, std::size_t> any_field(const std::string& line, char separator, RandomStream& random) {
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == separator) starts.push_back(i + 1);
  const std::size_t begin = any_of(starts, random);
  return {begin, std::min(line.find(separator, begin), line.size())};
}

// What a hostile user names a job, and what else may come to stand in an output.
const std::vector<std::string> kHostile = {"x JobState=COMPLETED",
                                           "resolute-toy-1a2b3c4d-1|N/A|COMPLETED",
                                           "a\n9|9|N/A|COMPLETED",
                                           "COMPLETED",
                                           "RUNNING",
                                           "CANCELLED by 0",
                                           "CANCELLED by nobody",
                                           " UserId=root(0) JobState=COMPLETED ",
                                           "JobId=1 JobName=x UserId=root(0)",
                                           "N/A",
                                           "Unknown",
                                           "NONE",
                                           "(null)",
                                           "2026-11-21T10:51:05",
                                           "0",
                                           "1",
                                           "-1",
                                           "4294967294",
                                           "99999999999999999999",
                                           "|",
                                           "\n",
                                           "\r\n",
                                           " ",
                                           ";",
                                           "\x1b[2J",
                                           std::string(1, '\0'),
                                           "\xff\xfe",
                                           "%s%n",
                                           "JobState=FAILED Reason=None Requeue=1",
                                           std::string(100'000, 'A')};
const std::vector<std::string> kOtherLines = {"",
                                              "Welcome to the cluster",
                                              "squeue: error: Unable to contact slurm controller (connect failure)",
                                              "slurm_load_jobs error: Socket timed out on send/recv operation",
                                              "JobId=9 JobName=x",
                                              "9|9|N/A|COMPLETED"};

std::string damaged(std::string text, char separator, const std::string& other, RandomStream& random) {
  auto lines = tests::lines_of(text);
  const bool has_lines = !lines.empty() && !text.empty();
  const std::size_t at = text.empty() ? 0 : random.below(text.size());
  std::string* line = has_lines ? &lines.at(random.below(lines.size())) : &text;
  switch (random.below(10)) {
    case 0:
      if (!text.empty()) text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << random.below(8)));
      return text;
    case 1:
      return text.substr(0, at);
    case 2:
      return text.substr(at);
    case 3:
      lines.push_back(*line);
      return joined(lines);
    case 4: {  // two fields change places
      const auto [a, a_end] = any_field(*line, separator, random);
      const auto [b, b_end] = any_field(*line, separator, random);
      if (a_end >= b) return text;
      *line = line->substr(0, a) + line->substr(b, b_end - b) + line->substr(a_end, b - a_end) +
              line->substr(a, a_end - a) + line->substr(b_end);
      return joined(lines);
    }
    case 5: {
      const auto [begin, end] = any_field(*line, separator, random);
      line->replace(begin, end - begin, any_of(kHostile, random));
      return joined(lines);
    }
    case 6: {
      const std::string word = any_of(kHostile, random);
      return text.insert(at, word);
    }
    case 7:
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(random.below(lines.size() + 1)),
                   any_of(kOtherLines, random));
      return joined(lines);
    case 8:  // another output begins in the midst of this one
      return text.substr(0, at) + other;
    default: {
      const std::size_t length = 1 + random.below(40);
      return text.erase(at, length);
    }
  }
}

struct Count {
  int accepted = 0;
  int refused = 0;
};

// \param check throws RuntimeError for a refusal, returns what is wrong with what was accepted
Count damage(const std::string& command, char separator,
             const std::function<std::string(const std::string& damaged, const std::string& original)>& check) {
  const auto texts = recorded(command);
  EXPECT_FALSE(texts.empty());
  std::vector<std::string> all;
  for (const auto& [file, text] : texts) all.push_back(text);
  Count count;
  for (const auto& [file, text] : texts) {
    RandomStream random("damaged " + command, {static_cast<std::uint64_t>(count.accepted + count.refused)});
    for (int i = 0; i < 1'000; ++i) {
      std::string broken = text;
      for (std::uint64_t n = 1 + random.below(3); n > 0; --n)
        broken = damaged(std::move(broken), separator, any_of(all, random), random);
      try {
        const std::string wrong = check(broken, text);
        EXPECT_EQ(wrong, "") << file << ", round " << i << ":\n" << broken;
        ++count.accepted;
      } catch (const core::RuntimeError& error) {
        EXPECT_EQ(error.kind(), core::ErrorKind::kTransient);
        EXPECT_EQ(std::string_view(error.what()).find_first_of("\n\r\x1b"), std::string_view::npos);
        ++count.refused;
      }
      if (testing::Test::HasFailure()) return count;
    }
  }
  return count;
}

void expect_both(const Count& count) {
  EXPECT_GT(count.refused, 1'000);
  EXPECT_GT(count.accepted, 100) << "only refusals prove nothing of what is accepted";
}

TEST(DamagedOutput, of_squeue_is_refused_or_what_it_says) {
  expect_both(damage("squeue", '|', [](const std::string& text, const std::string&) {
    return disagreement(text, parse_queue(text));
  }));
}

TEST(DamagedOutput, of_scontrol_is_refused_or_what_it_says) {
  expect_both(damage("scontrol", ' ', [](const std::string& text, const std::string& original) {
    const SlurmJobId id = std::stoll(original.substr(6));
    const std::string name = tests::matches(original, "JobName=([A-Za-z0-9-]+)").at(0).at(1);
    return disagreement(text, id, name, parse_shown_job(text, id, name));
  }));
}

TEST(DamagedOutput, of_sbatch_names_no_job_or_the_one_it_says) {
  int accepted = 0;
  const Count count = damage("sbatch", ';', [&](const std::string& text, const std::string&) {
    const auto job = parse_accepted(text);
    if (!job.has_value()) return std::string();
    ++accepted;
    return disagreement(text, *job);
  });
  EXPECT_EQ(count.refused, 0);
  EXPECT_GT(accepted, 10);
  EXPECT_GT(count.accepted - accepted, 500);
}

// A cut between two lines cannot be seen in the text: the exit code of the command must be asked too.
TEST(DamagedOutput, cut_anywhere_within_a_line_is_refused) {
  const auto expect_refused = [](const std::string& command, std::size_t least, const auto& parse) {
    for (const auto& [file, text] : recorded(command))
      for (std::size_t end = least; end < text.size(); ++end)
        if (end == 0 || text[end - 1] != '\n') {
          EXPECT_THROW(parse(text.substr(0, end), text), core::RuntimeError) << file << end;
        }
  };
  expect_refused("squeue", 1, [](const std::string& cut, const std::string&) { parse_queue(cut); });
  expect_refused("scontrol", 0, [](const std::string& cut, const std::string& whole) {
    parse_shown_job(cut, std::stoll(whole.substr(6)), "resolute-toy-1a2b3c4d-1");
  });
  for (const auto& [file, text] : recorded("sbatch"))
    for (std::size_t end = 0; end < text.size(); ++end)
      EXPECT_FALSE(parse_accepted(text.substr(0, end)).has_value()) << file << end;
}

}  // namespace
}  // namespace resolute::slurm::job_text_damage_test
