//! Mutated suites (refusals/corpus.txt): each is refused with file, line, column, key and what would do instead.

#include <gmock/gmock.h>

#include "experiments/language/settings.h"
#include "experiments/suite.h"
#include "tests/support/folders.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/refusal.h"

namespace resolute::experiments::refusals_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::filesystem::path kFolder = tests::source_folder() / "tests/experiments/refusals";

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts{""};
  for (const char c : text)
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

std::vector<std::string> lines_of(const char* file) {
  std::vector<std::string> lines = split(core::read_text(core::real_file_system(), kFolder / file), '\n');
  lines.pop_back();
  return lines;
}

//! The base suite, mutated, under the name s.toml.
class MutatedSuite final : public tests::ForwardingFileSystem {
 public:
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override {
    if (path != "s.toml") return ForwardingFileSystem::read(path, limit);
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
  }

  std::string text;
};

std::string unescaped(const std::string& text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      result += text[at];
    } else if (text[++at] == 'x') {
      result += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
      at += 2;
    } else {
      result += text[at];
    }
  }
  return result;
}

//! One line of the corpus, its EDIT done to the base.
struct Mutation {
  explicit Mutation(const std::string& line) {
    const std::vector<std::string> fields = split(line, '\t');
    place = fields.at(0);
    key = fields.at(1);
    help = fields.at(2);
    edit = fields.at(3);
  }

  void apply(std::vector<std::string> lines, MutatedSuite& suite, SuiteOptions& options) const {
    const std::string rest = edit.substr(std::min(edit.find(' '), edit.size() - 1) + 1);
    if (edit.starts_with("--profile")) {
      options.profile = rest;
    } else if (edit.starts_with("--set")) {
      options.sets = {parse_assignment(rest)};
    } else {
      const auto at = lines.begin() + std::stoi(edit.substr(1)) - 1;
      if (edit[0] == '+')
        lines.insert(at + 1, unescaped(rest));
      else if (edit[0] == '-')
        lines.erase(at);
      else
        *at = unescaped(rest);
    }
    suite.text.clear();
    for (const std::string& line : lines) suite.text += line + "\n";
  }

  std::string place, key, help, edit;
};

std::string refusal(MutatedSuite& suite, const SuiteOptions& options) {
  return tests::refusal([&] { read_suite(suite, "s.toml", options); });
}

SuiteOptions usual() {
  SuiteOptions options;
  options.store = "/nowhere";
  options.reference_file = kFolder / "papers.toml";
  options.training_images = [](const DatasetPlan&, const SplitSettings&) { return settings::TrainingCount{96, 96}; };
  return options;
}

TEST(Refusals, the_base_is_good_and_has_every_key) {
  MutatedSuite suite;
  suite.text = core::read_text(core::real_file_system(), kFolder / "base.toml");
  EXPECT_EQ("", refusal(suite, usual()));
  for (const std::string& key : setting_keys()) {
    if (key == "degradation.rate") continue;  // beside several rates it is refused
    // Beside the same in steps, and with methods that take no degraded copies, it would be refused: it stands in a row.
    if (key.ends_with("epochs") || key.starts_with("train.copies.")) {
      EXPECT_THAT(suite.text, HasSubstr("\n" + key + " = "));
      continue;
    }
    const std::string last = "\n" + key.substr(key.rfind('.') + 1) + " = ";
    const auto section =
        key.find('.') == std::string::npos ? "[defaults]" : "[defaults." + key.substr(0, key.find('.'));
    const std::size_t begin = suite.text.find(section);
    EXPECT_LT(suite.text.find(last, begin), suite.text.find("\n[", begin + 1)) << key;
  }
}

TEST(Refusals, every_mutation_is_refused_with_place_key_and_help) {
  const std::vector<std::string> base = lines_of("base.toml"), corpus = lines_of("corpus.txt");
  EXPECT_EQ(corpus.size(), 1108U);
  MutatedSuite suite;
  for (const std::string& line : corpus) {
    SCOPED_TRACE(line);
    const Mutation mutation(line);
    SuiteOptions options = usual();
    mutation.apply(base, suite, options);
    const std::string message = refusal(suite, options);
    const bool option = mutation.place.starts_with("--");
    EXPECT_THAT(message, StartsWith((option ? "" : "s.toml:") + mutation.place + ": "));
    EXPECT_THAT(message, HasSubstr(mutation.help));
    if (mutation.key == "-") continue;  // not TOML where no key is, or a profile
    EXPECT_THAT(message, HasSubstr(mutation.key[0] == '[' ? mutation.key : "'" + mutation.key + "'"));
  }
}

}  // namespace
}  // namespace resolute::experiments::refusals_test
