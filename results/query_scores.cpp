#include "results/query_scores.h"

#include <charconv>
#include <limits>
#include <set>
#include <tuple>

#include "core/error.h"
#include "results/output_file.h"

namespace resolute::results {
namespace {

constexpr std::string_view kHeader =
    "path,identity,camera,rate,has_match,rank1,rank5,rank10,rank20,average_precision\n";
constexpr std::size_t kFields = 10;

bool needs_quotes(std::string_view text) { return text.find_first_of(",\"\r\n") != std::string_view::npos; }

std::string field(std::string_view text) {
  if (!needs_quotes(text)) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string line_of(const QueryScore& score) {
  std::string line = fmt::format("{},{},{},{},{}", field(score.path), score.identity, score.camera, score.rate,
                                 score.has_match ? 1 : 0);
  for (double share : score.cmc) line += fmt::format(",{}", share + 0.0);  // -0.0 equals 0.0 and must have its text
  return line + fmt::format(",{}\n", score.average_precision + 0.0);
}

//! Reads records of fields; a quoted one may hold line ends.
class Reader {
 public:
  Reader(std::string_view text, const std::string& where) : text_(text), where_(where) {
    if (!text_.starts_with(kHeader)) refuse("the header is another", kHeader.substr(0, kHeader.size() - 1));
    at_ = kHeader.size();
    line_ = 2;
  }
  bool done() const { return at_ == text_.size(); }

  QueryScore score() {
    const std::size_t begin = at_;
    QueryScore score;
    score.path = path();
    score.identity = number<std::int64_t>("identity", -1, std::numeric_limits<std::int64_t>::max());
    score.camera = number<std::int64_t>("camera", -1, std::numeric_limits<std::int64_t>::max());
    score.rate = number<int>("rate", 1, std::numeric_limits<int>::max());
    score.has_match = number<int>("has_match", 0, 1) == 1;
    for (std::size_t k = 0; k < score.cmc.size(); ++k) {
      score.cmc[k] = number<double>(fmt::format("rank{}", kQueryRanks[k]), 0, 1);
      if (k > 0 && score.cmc[k] < score.cmc[k - 1])
        refuse(fmt::format("rank{} is below rank{}", kQueryRanks[k], kQueryRanks[k - 1]));
    }
    score.average_precision = number<double>("average_precision", 0, 1);
    if (!score.has_match && (score.cmc.back() > 0 || score.average_precision > 0))
      refuse("a query without a match has a score");
    // One text a value: no "0.50", no needless quotes.
    if (text_.substr(begin, at_ - begin) != line_of(score)) refuse("the line is not written as this program writes it");
    fields_ = 0;
    return score;
  }
  void next_line(const QueryScore& score) {
    ++line_;
    for (char c : score.path) line_ += static_cast<std::size_t>(c == '\n');
  }

  [[noreturn]] void refuse(const std::string& problem, std::string_view why = {}) const {
    throw core::input_error(fmt::format("{}:{}: {}", where_, line_, problem), why);
  }

 private:
  std::string path() {
    std::string path;
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      for (bool open = true; open;) {
        if (at_ == text_.size()) refuse("a quoted path does not end");
        const bool quote = text_[at_] == '"';
        if (quote && at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
          path += '"';
          at_ += 2;
        } else if (quote) {
          ++at_;
          open = false;
        } else {
          path += text_[at_++];
        }
      }
      end_field();
    } else {
      path = plain_field();
    }
    if (path.empty() || path.find('\0') != std::string::npos) refuse("the path is none");
    return path;
  }

  std::string_view plain_field() {
    const std::size_t end = text_.find_first_of(",\n", at_);
    if (end == std::string_view::npos) refuse("the line does not end");
    const std::string_view value = text_.substr(at_, end - at_);
    at_ = end;
    end_field();
    return value;
  }

  //! Passes over what ends a field: a comma, or the line's end after the last.
  void end_field() {
    ++fields_;
    const char wanted = fields_ == kFields ? '\n' : ',';
    if (at_ == text_.size() || text_[at_] != wanted)
      refuse(fmt::format("field {} does not end in its place", fields_), fmt::format("a line has {} fields", kFields));
    ++at_;
  }

  template <class T>
  T number(const std::string& name, T low, T high) {
    const std::string_view text = plain_field();
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // Written so that NaN fails.
    if (error != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high))
      refuse(fmt::format("{} is '{}'", name, text.substr(0, 40)), fmt::format("a number from {} to {}", low, high));
    return value;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t fields_ = 0;  // of this line, so far
};

}  // namespace

std::string query_scores_text(const std::vector<QueryScore>& scores) {
  std::string text(kHeader);
  for (const QueryScore& score : scores) text += line_of(score);
  return text;
}

std::vector<QueryScore> parse_query_scores(std::string_view text, const std::string& where) {
  Reader reader(text, where);
  std::vector<QueryScore> scores;
  std::set<std::tuple<std::string, int>> seen;
  while (!reader.done()) {
    scores.push_back(reader.score());
    const QueryScore& score = scores.back();
    if (!seen.emplace(score.path, score.rate).second) reader.refuse("the path stands twice at this rate");
    reader.next_line(score);
  }
  return scores;
}

std::vector<QueryScore> read_query_scores(core::FileSystem& files, const std::filesystem::path& path,
                                          const std::string& sha256) {
  const core::Bytes bytes = read_output(files, path, sha256);
  return parse_query_scores(core::as_text(bytes), fmt::format("'{}'", path.string()));
}

}  // namespace resolute::results
