#include "experiments/language/search_text.h"

#include <algorithm>
#include <boost/random/sobol.hpp>
#include <cmath>
#include <optional>
#include <set>

#include "core/numbers.h"
#include "core/random/random.h"
#include "experiments/language/table_reader.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

constexpr std::size_t kMostKeys = 16, kMostRungs = 8;
constexpr int kMostDrawn = 4096, kMostFactor = 64;
// Points that repeat one before them are drawn again, so many times as many as are asked for.
constexpr std::size_t kMostTries = 16;

//! Keys by which points would be asked otherwise than one another, or trained otherwise than the rungs say.
void refuse_fixed(const std::string& key, const std::string& place, bool searched) {
  const bool asks = key.starts_with("split.") || key.starts_with("evaluate.");
  const bool long_as = key == "train.steps" || key == "train.epochs" || key == "trials";
  if (long_as)
    throw core::input_error(fmt::format("{}: key '{}' stands in a search", place, key),
                            key == "trials" ? "a search has 'trials' of its own" : "'rungs' says how long points train",
                            "leave it out");
  if (searched && asks)
    throw core::input_error(fmt::format("{}: key 'over' names '{}'", place, key),
                            "all points are asked the same of the same validation people",
                            "give it to the [[search]] itself");
}

bool takes_integers(const std::string& key) {
  const auto& texts = setting_texts();
  const auto found = std::ranges::find(texts, key, &SettingText::key);
  return found != texts.end() && found->text.type == "integer";
}

void check_type(const SearchedKey& searched, const core::Json& value, const PythonMethods& methods) {
  Settings scratch;
  add_settings(scratch, {{searched.key, {Node::Kind::kValue, searched.place, value, {}, {}}}}, PackKeys::kRefused,
               methods);
}

SearchedKey read_range(const Node& node, SearchedKey searched, const PythonMethods& methods) {
  TableReader reader(node, fmt::format("'over.{}'", searched.key));
  const auto refuse = [&](const std::string& why) {
    throw core::input_error(fmt::format("{}: key 'over' has no range for '{}'", searched.place, searched.key), why,
                            "write { from = LOW, to = HIGH }");
  };
  searched.from = reader.value<double>("from");
  searched.to = reader.value<double>("to");
  searched.scale = reader.value<Scale>("scale", Scale::kLinear);
  reader.finish();
  searched.whole = takes_integers(searched.key);
  if (!(searched.from < searched.to)) refuse("'from' must be below 'to'");
  if (searched.scale == Scale::kLog && searched.from <= 0) refuse("a logarithm needs numbers above 0");
  if (searched.whole && (searched.from != std::floor(searched.from) || searched.to != std::floor(searched.to)))
    refuse("its values are integers");
  for (const double end : {0.0, std::nextafter(1.0, 0.0)}) check_type(searched, value_at(searched, end), methods);
  return searched;
}

void read_over(const Node& node, const std::string& prefix, const PythonMethods& methods,
               std::vector<SearchedKey>& over) {
  for (const auto& [name, member] : node.members) {
    const std::string written = prefix.empty() ? name : prefix + "." + name;
    SearchedKey searched{written == "backbone" ? "network.backbone" : written, member.place};
    const auto has = [&, &members = member.members](const char* key) {
      return std::ranges::any_of(members, [&](const Member& one) { return one.key == key; });
    };
    if (member.kind == Node::Kind::kTable && !has("from") && !has("to")) {
      read_over(member, searched.key, methods, over);
      continue;
    }
    refuse_fixed(searched.key, searched.place, true);
    if (std::ranges::any_of(over, [&](const SearchedKey& one) { return one.key == searched.key; }))
      throw core::input_error(fmt::format("{}: key 'over' names '{}' twice", searched.place, searched.key));
    if (member.kind == Node::Kind::kTable) {
      over.push_back(read_range(member, std::move(searched), methods));
      continue;
    }
    if (member.kind != Node::Kind::kValue || !member.value.is_array() || member.value.size() < 2)
      throw core::input_error(fmt::format("{}: key 'over' has no values for '{}'", searched.place, searched.key), {},
                              "write [A, B] with two values or more, or { from = LOW, to = HIGH }");
    for (const core::Json& value : member.value) {
      check_type(searched, value, methods);
      searched.values.push_back(value);
    }
    over.push_back(std::move(searched));
  }
}

int whole_number(TableReader& reader, const char* key, std::optional<int> otherwise, int least, int most) {
  const int value = otherwise ? reader.value<int>(key, *otherwise) : reader.value<int>(key);
  if (value < least || value > most)
    throw core::input_error(fmt::format("{}: key '{}' has the value {}", reader.place(key), key, value),
                            fmt::format("it must be {} to {}", least, most));
  return value;
}

void check_rungs(const Located<std::vector<int>>& rungs) {
  const auto& steps = rungs.value;
  if (steps.empty() || steps.size() > kMostRungs || steps.front() < 1 || steps.back() > Recipe::kMostSteps ||
      std::ranges::adjacent_find(steps, std::greater_equal()) != steps.end())
    throw core::input_error(
        fmt::format("{}: key 'rungs' has the value [{}]", rungs.place, fmt::join(steps, ", ")),
        fmt::format("it names the steps at whose end points are compared: 1 to {} numbers, ascending", kMostRungs),
        "write for example [100, 300, 900]");
}

}  // namespace

SearchText read_search(const Node& node, const std::vector<std::string>& datasets, const PythonMethods& methods) {
  TableReader reader(node, "[[search]]");
  SearchText search;
  search.place = node.place;
  search.id = {plain_name(reader, "id"), reader.place("id")};
  search.title = reader.title("title");
  search.dataset = {reader.value<std::string>("dataset"), reader.place("dataset")};
  if (!settings::is_among(datasets, search.dataset.value))
    throw core::input_error(fmt::format("{}: key 'dataset' names '{}'", search.dataset.place, search.dataset.value),
                            "there is no data set of that name",
                            settings::nearest_or_all(search.dataset.value, datasets));
  search.metric = reader.value<std::string>("metric", "rank1");
  if (search.metric != "rank1" && search.metric != "mAP")
    throw core::input_error(fmt::format("{}: key 'metric' has the value '{}'", reader.place("metric"), search.metric),
                            "points are chosen by rank1 or mAP");
  search.points = whole_number(reader, "points", std::nullopt, 2, kMostDrawn);
  search.draw = reader.value<Draw>("draw", Draw::kSobol);
  search.seed = reader.value<std::uint64_t>("seed", 0);
  search.rungs = {reader.value<std::vector<int>>("rungs"), reader.place("rungs")};
  check_rungs(search.rungs);
  search.factor = whole_number(reader, "factor", 3, 2, kMostFactor);
  search.trials = {whole_number(reader, "trials", 1, 1, kMostTrials), reader.place("trials")};
  const Node* over = reader.find("over");
  if (over == nullptr || over->kind != Node::Kind::kTable)
    throw core::input_error(fmt::format("{}: key 'over' is missing", reader.place("over")),
                            "it names the keys that the search looks over",
                            "write [search.over] with keys, each with a list of values or { from = LOW, to = HIGH }");
  read_over(*over, "", methods, search.over);
  if (search.over.empty() || search.over.size() > kMostKeys)
    throw core::input_error(fmt::format("{}: key 'over' names {} keys", over->place, search.over.size()),
                            fmt::format("1 to {} can be looked over", kMostKeys));
  add_settings(search.settings, reader.rest(), PackKeys::kRefused, methods, reader.known());
  for (const auto& [key, setting] : search.settings) {
    refuse_fixed(key, setting.place, false);
    if (std::ranges::any_of(search.over, [&, &named = key](const SearchedKey& one) { return one.key == named; }))
      throw core::input_error(fmt::format("{}: key '{}' stands in 'over' too", setting.place, key), {},
                              "leave it out of one of them");
  }
  return search;
}

std::vector<std::vector<double>> coordinates(Draw draw, std::uint64_t seed, std::size_t dimensions,
                                             std::size_t points) {
  std::vector<std::vector<double>> drawn(points, std::vector<double>(dimensions));
  if (draw == Draw::kRandom) {
    core::RandomStream stream("search-random", {seed});
    for (std::vector<double>& point : drawn)
      for (double& coordinate : point) coordinate = stream.uniform();
    return drawn;
  }
  boost::random::sobol_engine<std::uint32_t, 32, boost::random::default_sobol_table> sobol(dimensions);
  core::RandomStream stream("search-sobol", {seed});
  std::vector<std::uint32_t> shift(dimensions);
  for (std::uint32_t& bits : shift) bits = static_cast<std::uint32_t>(stream.next_u64() >> 32);
  // Boost leaves out the first point, which is 0 in every dimension.
  for (std::size_t i = 0; i < points; ++i)
    for (std::size_t d = 0; d < dimensions; ++d)
      drawn[i][d] = static_cast<double>((i == 0 ? 0 : static_cast<std::uint32_t>(sobol())) ^ shift[d]) / 0x1p32;
  return drawn;
}

core::Json value_at(const SearchedKey& key, double coordinate) {
  if (!key.values.empty())
    return key.values[static_cast<std::size_t>(coordinate * static_cast<double>(key.values.size()))];
  const bool by_log = key.scale == Scale::kLog;
  const double low = by_log ? std::log(key.from) : key.from;
  // An integer stands for all that are rounded down to it.
  const double end = key.whole ? key.to + 1 : key.to, high = by_log ? std::log(end) : end;
  const double between = low + coordinate * (high - low), found = by_log ? std::exp(between) : between;
  if (key.whole) {
    // As far from a whole number as rounding goes is taken for it: no machine's logarithm decides.
    const double settled = std::floor(found + 1e-9);
    return static_cast<std::int64_t>(std::clamp(settled, key.from, key.to));
  }
  const auto rounded = core::number_of<double>(fmt::format("{:.4g}", found));
  RESOLUTE_EXPECT(rounded.has_value(), "a number is written as one");
  return std::clamp(*rounded, key.from, key.to);
}

std::vector<Settings> points_of(const SearchText& search) {
  const auto wanted = static_cast<std::size_t>(search.points);
  std::vector<Settings> points;
  std::set<std::string> known;
  for (const std::vector<double>& at : coordinates(search.draw, search.seed, search.over.size(), kMostTries * wanted)) {
    Settings point;
    core::Json values = core::Json::array();
    for (std::size_t i = 0; i < at.size(); ++i) {
      const SearchedKey& key = search.over[i];
      point[key.key] = {value_at(key, at[i]), key.place};
      values.push_back(point[key.key].value);
    }
    if (!known.insert(core::canonical_json(values)).second) continue;
    points.push_back(std::move(point));
    if (points.size() == wanted) break;
  }
  return points;
}

std::string point_label(const SearchText& search, const Settings& point) {
  const auto last_word = [](const std::string& key) { return key.substr(key.rfind('.') + 1); };
  std::vector<std::string> words;
  for (const SearchedKey& one : search.over) {
    const std::string word = last_word(one.key);
    const bool tells =
        std::ranges::count_if(search.over, [&](const SearchedKey& other) { return last_word(other.key) == word; }) == 1;
    const core::Json& value = point.at(one.key).value;
    words.push_back(fmt::format("{} {}", tells ? word : one.key,
                                value.is_string() ? value.get<std::string>() : core::canonical_json(value)));
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace resolute::experiments
