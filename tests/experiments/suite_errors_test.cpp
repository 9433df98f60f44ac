//! Wrong suites: each is refused with one line that names file, line and key.

#include <gmock/gmock.h>

#include "core/random/random.h"
#include "experiments/language/toml_document.h"
#include "tests/experiments/suite_refusal.h"

namespace resolute::experiments::suite_errors_test {
namespace {

using namespace testing;

TEST(SuiteErrors, the_unchanged_suite_is_good) { EXPECT_EQ("", message_for(kGood)); }

TEST(SuiteErrors, a_refusal_is_one_line_of_place_problem_reason_and_suggestion) {
  EXPECT_EQ("s.toml:10:1: key 'train.step' is unknown; did you mean 'train.steps'", with("steps = 10", "step = 10"));
  EXPECT_EQ("s.toml:10:1: key 'train.steps' has the value \"ten\" (an integer is needed)",
            with("steps = 10", "steps = \"ten\""));
  EXPECT_EQ(
      "s.toml:10:1: key 'train.steps' has the value 0 (it must be 1 to 100000000, for row 'r' on data set 'easy'); "
      "give "
      "it, or train.epochs",
      with("steps = 10", "steps = 0"));
  EXPECT_EQ(
      "s.toml:11:1: key 'train.identities' has the value 3 (2 lanes leave a lane with 1 of the 2 identities that it "
      "needs, for row 'r' on data set 'easy'); raise it to 4 or lower 'lanes'",
      with("identities = 8", "identities = 3"));
  EXPECT_EQ("s.toml:24:1: key 'metrics' is missing ([[table]] needs it); is 'metric' at s.toml:27:1 meant for it",
            with("metrics = ", "metric = "));
  EXPECT_EQ("s.toml:32:7: key 'train.paad' is unknown; did you mean 'train.pad'", with("train.pad", "train.paad"));
}

// Characters, not bytes.
TEST(SuiteErrors, columns_count_characters) {
  EXPECT_THAT(with("set = { \"rain.{loss}\" = false }", "set = { \"rain.ö\" = 1, \"rain.é\" = 1 }"),
              StartsWith("s.toml:37:9: key 'rain.ö' is unknown"));
  EXPECT_THAT(with("title = \"Good\"", "\"ö\" = 1\n\"é\" = \"ü\" 3"), StartsWith("s.toml:3:11: not TOML"));
}

TEST(SuiteErrors, a_quote_that_is_not_closed_is_told_where_it_opens) {
  const std::string title = "title = \"Good\"", ends = "a text ends on the line it begins on";
  EXPECT_EQ("s.toml:2:9: key 'title' is followed by a quote that is not closed (" + ends + "); end it with \"",
            with(title, "title = \"My market"));
  EXPECT_EQ("s.toml:2:9: key 'title' is followed by a quote that is not closed (" + ends + "); end it with '",
            with(title, "title = 'My market"));
  EXPECT_EQ("s.toml:2:9: key 'title' is followed by a quote that is not closed (" + ends + "); end it with \"",
            with(title, "title = \"My market\\"));
  EXPECT_EQ("s.toml:2:1: a quote that is not closed (" + ends + "); end it with \"", with(title, "\"title = 1"));
  EXPECT_THAT(with(title, "title = \"\"\"My market"),
              AllOf(StartsWith("s.toml:2:9: key 'title' is followed by a quote that is not closed (the text of three "),
                    EndsWith("end it with \"\"\"")));
}

TEST(SuiteErrors, what_is_no_text_is_not_read_as_toml) {
  for (const std::string& bytes :
       {std::string("PK\3\4\24\0\"", 7), std::string("\x89HDF\r\n\32\n\0'", 10), std::string("\xff\xfet\0i\0", 6)})
    EXPECT_EQ("s.toml:1:1: no text (one of its first bytes is 0); a bundle is unzipped first",
              tests::refusal([&] { parse_toml(bytes, "s.toml"); }));
}

TEST(SuiteErrors, quotes_that_are_closed_pass) {
  for (const char* title : {"title = \"it's\"", "title = 'say \"x\"'", "title = \"\"\"\"a\"\"\"\"",
                            "title = \"a\\\"b\"", "title = \"Good\"  # it's", "title = '''it's'''"})
    EXPECT_EQ("", with("title = \"Good\"", title)) << title;
}

TEST(SuiteErrors, a_program_of_one_s_own_needs_a_worker) {
  EXPECT_EQ(
      with("train.pad = 4", "train.program = 1"),
      "s.toml:32:7: key 'train.program' has the value 1 (the suite has no 'worker', so resolute-worker trains, for "
      "row 'r' on data set 'easy'); name the program by 'worker', or leave the key out");
}

TEST(SuiteErrors, files_of_a_program_need_the_program) {
  const std::string title = "title = \"Good\"";
  EXPECT_EQ(
      with(title, title + "\nworker_files = [\"mine.py\"]"),
      "s.toml:3:1: key 'worker_files' stands without 'worker' (resolute-worker has no files of a suite's); name the "
      "program by 'worker', or leave the key out");
  const std::string worker = title + "\nworker = [\"sh\"]\n";
  EXPECT_THAT(with(title, worker + "worker_files = [\"gone.py\"]"),
              AllOf(StartsWith("s.toml:4:1: key 'worker_files': "), HasSubstr("gone.py' does not exist")));
  EXPECT_THAT(with(title, worker + "worker_files = [\"/etc/passwd\"]"), HasSubstr("is no relative path"));
  EXPECT_EQ(
      with(title, worker + "worker_files_sha256 = \"" + std::string(64, 'a') + "\""),
      "s.toml: key 'worker_files' has no effect (no row has a 'train.program'); set train.program = 1, or leave the "
      "key out");
}

TEST(SuiteErrors, files_of_a_program_are_of_whichever_table_trains_by_it) {
  const std::string head = "suite = \"s\"\ntitle = \"S\"\nworker = [\"sh\"]\nworker_files_sha256 = \"" +
                           std::string(64, 'a') + "\"\n" +
                           "[defaults]\nmethod = \"baseline\"\ntrain.steps = 10\n[[dataset]]\nid = \"easy\"\nsource = "
                           "\"synthetic\"\nidentities = 64\n";
  for (const int trains : {0, 1, 2, 3}) {
    std::string text = head;
    for (const int table : {0, 1, 2})
      text += fmt::format(
          "[[table]]\nid = \"t{0}\"\ntitle = \"T\"\nmetrics = [\"rank1\"]\ndatasets = [\"easy\"]\n"
          "[[table.row]]\nid = \"r\"\nlabel = \"R\"\ntrain.program = {1}\n",
          table, table == trains ? 1 : 0);
    EXPECT_EQ(trains < 3, message_for(text).empty()) << trains << ": " << message_for(text);
  }
}

TEST(SuiteErrors, an_unknown_method_option_is_wrong_even_where_no_row_uses_it) {
  EXPECT_THAT(with("levels = [4, 5]", "mode = 1"), StartsWith("s.toml:13:1: key 'rain.mode' is unknown"));
}

// It trained the method's defaults under the row's label, without a word.
TEST(SuiteErrors, a_row_that_sets_an_option_of_another_method_is_refused) {
  EXPECT_EQ(
      "s.toml:37:9: key 'rain.triplet' has no effect (row 'no-triplet' is of method 'baseline'); write "
      "'baseline.triplet', or leave it out",
      with("method = \"rain\"", "method = \"baseline\""));
  EXPECT_EQ(
      "s.toml:32:8: key 'cadnet.margin' has no effect (row 'r' is of method 'rain'); write 'rain.margin', or leave it "
      "out",
      with("train.pad = 4", "cadnet.margin = 0.2"));
  EXPECT_THAT(with("train.pad = 4", "msifla.ir_width = 8"), EndsWith("(row 'r' is of method 'rain'); leave it out"));
  EXPECT_EQ("", with("levels = [4, 5]", "levels = [4, 5]\n[defaults.cadnet]\nmargin = 0.2")) << "it is for all rows";
  std::string text = kGood;
  text.replace(text.find("grid = "), std::string::npos,
               "grid = { method = [\"rain\", \"cadnet\"] }\nset = { method = \"{method}\", \"rain.margin\" = 0.2, "
               "\"cadnet.margin\" = 0.1 }\n");
  EXPECT_EQ(
      "", message_for(text.replace(text.find("no-{loss}"), 9, "{method}").replace(text.find("{loss}"), 6, "{method}")))
      << "one row of the grid uses it";
}

TEST(SuiteErrors, impossible_options) {
  EXPECT_THAT(with("identities = 8", "identities = 8\nimages = 1"),
              StartsWith("s.toml:12:1: key 'train.images' has the value 1 (the triplet loss"));
  EXPECT_THAT(with("rates = [2, 3, 4]", "rates = [2, 3]"),
              HasSubstr("key 'split.query_rates' has the value [2, 3, 4] (data set 'easy' has rates [2, 3]"));
  EXPECT_THAT(with("identities = 8", "identities = 40"),
              StartsWith("s.toml:11:1: key 'train.identities' has the value 40 (data set 'easy' has 32"));
  EXPECT_THAT(with("train.pad = 4", "height = 64"), StartsWith("s.toml:32:1: key 'height' stands in a row"));
}

TEST(SuiteErrors, tables_and_rows) {
  EXPECT_THAT(with("[defaults.rain]", "[defaults.rainy]\n[defaults.rain]"),
              StartsWith("s.toml:12:11: key 'rainy' is unknown"));
  EXPECT_THAT(with("id = \"r\"", "id = \"../r\""), StartsWith("s.toml:30:1: key 'id' has the value '../r'"));
  EXPECT_THAT(with("suite = \"good\"", "suite = \"../good\""),
              StartsWith("s.toml:1:1: key 'suite' has the value '../good'"));
  EXPECT_THAT(with("title = \"Good\"", "title = \"a\\nb\""),
              StartsWith("s.toml:2:1: key 'title' is not a title (it holds a control"));
  for (const char* blank : {" ", "   "})
    EXPECT_THAT(with("title = \"Good\"", fmt::format("title = \"{}\"", blank)),
                StartsWith("s.toml:2:1: key 'title' is not a title (it is blank)"));
  const std::string text(kGood);
  EXPECT_EQ("s.toml:24:1: key 'row' is missing (table 't' has no [[table.row]])",
            message_for(text.substr(0, text.find("[[table.row]]"))));
  EXPECT_THAT(message_for(text.substr(0, text.find("[[table]]"))), StartsWith("s.toml:1:1: key 'table' is missing"));
  EXPECT_THAT(message_for(""), StartsWith("s.toml:1:1: key 'suite' is missing"));
  std::string grid = "loss = [\"triplet\"]";
  for (const char* name : {"a", "b", "c", "d"}) grid += fmt::format(", {} = [1, 2, 3, 4, 5, 6, 7]", name);
  EXPECT_THAT(with("loss = [\"triplet\", \"classification\"]", grid), HasSubstr("key 'grid' has too many points"));
}

TEST(SuiteErrors, references) {
  EXPECT_THAT(with("variant = \"full\"", "variant = \"full\", of = 1"), HasSubstr("key 'of' is unknown"));
  SuiteOptions options;
  options.reference_file = "/nowhere/papers.toml";
  EXPECT_THAT(message_for(kGood, options), StartsWith("reference numbers '/nowhere/papers.toml' are missing"));
}

TEST(SuiteErrors, profiles_and_sets) {
  SuiteOptions paper;
  paper.profile = "paper";
  EXPECT_THAT(message_for(kGood, paper),
              AllOf(StartsWith("s.toml:16:1: key 'weights' has the value 'imagenet'"), HasSubstr("--from-scratch")));
  SuiteOptions wrong;
  wrong.profile = "papre";
  EXPECT_THAT(message_for(kGood, wrong), AllOf(StartsWith("--profile papre: "), HasSubstr("did you mean 'paper'")));
  auto set = [](const std::string& assignment) {
    SuiteOptions options;
    options.sets = {parse_assignment(assignment)};
    return message_for(kGood, options);
  };
  EXPECT_THAT(set("train.steps=1\nsuite=2"), HasSubstr("an integer is needed"));
  EXPECT_THAT(set("rates=[2, 3]"), StartsWith("--set rates: key 'rates' has no effect"));
  // No row is FTWA's.
  EXPECT_THAT(set("ftwa.margin=0.5"),
              StartsWith("--set ftwa.margin: key 'ftwa.margin' has no effect (no row is of the method"));
  EXPECT_THAT(set("ftwa.margin=-5"), StartsWith("--set ftwa.margin: key 'ftwa.margin' has the value -5"));
  EXPECT_THAT(set("rates=\xff"), StartsWith("--set rates: the value is not UTF-8"));
  EXPECT_THROW(parse_assignment("train.steps"), core::RuntimeError);
  EXPECT_THROW(parse_assignment("=3"), core::RuntimeError);
}

TEST(SuiteErrors, roots) {
  const std::string market = "source = \"market1501\"\nroot = \"${MARKET}\"\n";
  auto root = [&](const std::string& text, std::map<std::string, std::string> environment) {
    SuiteOptions options;
    options.environment = std::move(environment);
    return with("source = \"synthetic\"\nidentities = 64\n", text, options);
  };
  EXPECT_EQ(
      "s.toml:21:1: key 'root' of data set 'easy' names the variable 'MARKET' (it is not set in the environment); "
      "export "
      "MARKET=FOLDER with the raw images",
      root(market, {}));
  EXPECT_THAT(root(market, {{"MARKET", "/nowhere/at/all"}}),
              AllOf(StartsWith("s.toml:21:1: key 'root'"), HasSubstr("/nowhere/at/all")));
  EXPECT_THAT(root("source = \"market1501\"\nroot = \"${MARKET\"\n", {}), StartsWith("s.toml:21:1: key 'root'"));
  EXPECT_THAT(root("source = \"market1501\"\n", {}), StartsWith("s.toml:18:1: key 'root' is missing"));
  EXPECT_THAT(root("source = \"market1501\"\nroot = \"\"\n", {}),
              AllOf(StartsWith("s.toml:21:1: key 'root' of data set 'easy' is ''"), HasSubstr("no such folder")));
  EXPECT_THAT(root(market, {{"MARKET", "\xff\xfe"}}), HasSubstr("is not UTF-8"));
  EXPECT_EQ("", root(market, {{"MARKET", "/"}}));
}

TEST(SuiteErrors, hostile_text) {
  EXPECT_THAT(message_for(std::string(1 << 20, '[')),
              AllOf(StartsWith("s.toml:1:33: not usable TOML"), HasSubstr("nested")));
  EXPECT_THAT(message_for("a = " + std::string(1 << 20, '[')), HasSubstr("nested deeper"));
  std::string dots = "a";
  for (int i = 0; i < 300'000; ++i) dots += ".a";
  EXPECT_THAT(message_for(dots + " = 1"), HasSubstr("nested deeper"));
  EXPECT_THAT(message_for("[" + dots + "]\n"), HasSubstr("nested deeper"));
  std::string quoted = "\"a\"";
  for (int i = 0; i < 100'000; ++i) quoted += ".'a'";
  EXPECT_THAT(message_for(quoted + " = 1"), HasSubstr("nested deeper"));
  EXPECT_THAT(message_for(std::string(5 << 20, '\n')), HasSubstr("at most"));
  // Dots inside strings and comments nest nothing.
  EXPECT_EQ("", with("title = \"Good\"", "title = \"" + std::string(100, '.') + "[[[[\" # " + std::string(100, '.')));
}

TEST(SuiteErrors, every_prefix_of_a_suite_is_refused_or_read) {
  const std::string text(kGood);
  for (std::size_t length = 0; length < text.size(); length += 7) {
    SCOPED_TRACE(length);
    EXPECT_NO_THROW(message_for(text.substr(0, length)));
  }
}

TEST(SuiteErrors, mutated_text_is_read_or_refused) {
  const std::string good(kGood);
  const std::string pieces = "[]{}=.,\"'#\n\\\t 0-1eE_+:TZuUx\x80\xff";
  core::RandomStream random("mutate suite", {1});
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text = good;
    for (std::uint64_t edits = 1 + random.below(8); edits > 0; --edits) {
      const std::size_t at = random.below(text.size());
      const char piece = pieces[random.below(pieces.size())];
      switch (random.below(4)) {
        case 0:
          text[at] = piece;
          break;
        case 1:
          text.insert(at, 1 + random.below(40), piece);
          break;
        case 2:
          text.erase(at, 1 + random.below(20));
          break;
        default:
          text.insert(at, text.substr(random.below(text.size()), random.below(60)));
      }
    }
    const std::string message = tests::refusal([&] { parse_toml(text, "m.toml"); });
    if (message.empty()) continue;
    ++refused;
    EXPECT_THAT(message, StartsWith("m.toml:"));
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 5000);
}

TEST(SuiteErrors, a_missing_file) {
  EXPECT_THAT(tests::refusal([] { read_suite(core::real_file_system(), "/nowhere/s.toml", {}); }),
              HasSubstr("/nowhere/s.toml"));
}

}  // namespace
}  // namespace resolute::experiments::suite_errors_test
