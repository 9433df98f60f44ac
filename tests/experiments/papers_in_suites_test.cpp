//! Whether suites show each number of the papers in the cell that it belongs to: a row's number beside what reproduces
//! it, on the paper's data set and with the settings that the paper's words ask for, others' methods as published rows.
//! Counted and compared by a reading of the reference file of the test's own.

#include <gmock/gmock.h>

#include <functional>

#include "experiments/language/table_reader.h"
#include "experiments/language/toml_document.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::papers_in_suites_test {
namespace {

using namespace testing;

// The suites of the catalogue, and here alone: each entry of the papers stands in one of them.
constexpr std::array kCatalogue = {"rain.toml", "ftwa.toml", "msifla.toml", "resolution_adaptive.toml", "cadnet.toml"};

// Papers whose entries the catalogue shows: ours, and of others those that stand in their tables.
constexpr std::array kPapers = {"rain", "ftwa", "msifla", "wu2022", "cad-net"};

// What no suite of the catalogue shows, and why.
const char* const kUnseen = "a table's published rows are of one variant, the seen rates";
const std::map<PaperEntry, std::string> kNotShown = {
    {{"cad-net", "table2", "cyclegan", "mlr-cuhk03", "test r=8 (unseen)"}, kUnseen},
    {{"cad-net", "table2", "sing", "mlr-cuhk03", "test r=8 (unseen)"}, kUnseen},
    {{"cad-net", "table2", "csr-gan", "mlr-cuhk03", "test r=8 (unseen)"}, kUnseen}};

struct Entry {
  PaperEntry key;
  std::map<std::string, double> metrics;
  bool reproduce = false;
};

std::string name_of(const PaperEntry& key) {
  return fmt::format("{} {} {} on {}{}", key.paper, key.table, key.method, key.dataset,
                     key.variant.empty() ? "" : ", " + key.variant);
}

//! All entries of those papers, as the file has them.
std::vector<Entry> entries() {
  const auto file = kSource / "reference" / "papers.toml";
  const Node document = parse_toml(core::read_text(core::real_file_system(), file), "papers.toml");
  TableReader reader(document, "papers");
  std::vector<Entry> found;
  for (const Node* node : reader.tables("result")) {
    TableReader result(*node, "[[result]]");
    Entry entry{
        {result.value<std::string>("paper"), result.value<std::string>("table"), result.value<std::string>("method"),
         result.value<std::string>("dataset"), result.value<std::string>("variant")},
        {},
        result.value<bool>("reproduce", false)};
    if (std::find(kPapers.begin(), kPapers.end(), entry.key.paper) == kPapers.end()) continue;
    if (const Node* metrics = result.find("metrics"))
      for (const Member& member : metrics->members) entry.metrics[member.key] = member.node.value.get<double>();
    found.push_back(std::move(entry));
  }
  return found;
}

struct Asked {
  const TrainingSpecification& training;
  const EvaluationSpecification& evaluation;
};

std::vector<int> query_rates(const Asked& asked) {
  const auto& rates = asked.evaluation.protocol.query_rates;
  return rates.empty() ? asked.training.split.query_rates : rates;
}

//! A condition on a method's options; never of another method.
template <class Options>
auto of(std::function<bool(const Options&)> condition) {
  return [condition = std::move(condition)](const Asked& asked) {
    const auto* options = std::get_if<Options>(&asked.training.method);
    return options != nullptr && condition(*options);
  };
}

using Condition = std::function<bool(const Asked&)>;

std::size_t rain_levels(const RainOptions& rain) {
  return rain.opponent() == nullptr ? 0 : rain.opponent()->levels.size();
}

//! What the paper's name of a method asks of a row's job.
const std::map<std::string, Condition>& methods_by_name() {
  static const std::map<std::string, Condition> all = {
      {"rain-baseline-hr", of<BaselineOptions>([](auto& one) { return one.images == methods::BaselineImages::kHr; })},
      {"rain-baseline-hr-lr", of<RainOptions>([](auto& one) { return rain_levels(one) == 0; })},
      {"rain-single-level", of<RainOptions>([](auto& one) { return rain_levels(one) == 1; })},
      {"rain", of<RainOptions>([](auto&) { return true; })},
      {"ftwa-baseline", of<BaselineOptions>([](auto& one) { return one.images == methods::BaselineImages::kStored; })},
      {"ftwa-b", of<FtwaOptions>([](auto& one) { return !one.transforms(); })},
      {"ftwa-r", of<FtwaOptions>([](auto& one) { return one.form == methods::FtwaForm::kTransformed; })},
      {"ftwa", of<FtwaOptions>([](auto& one) { return one.form == methods::FtwaForm::kWeighted; })},
      {"msifla-baseline", of<MsiflaOptions>([](auto& one) { return one.scales.size() == 1; })},
      {"msifla-cmsr2",
       of<MsiflaOptions>([](auto& one) { return one.reid_networks == methods::ReidNetworks::kShared; })},
      {"msifla", of<MsiflaOptions>([](auto& one) { return one.reid_networks == methods::ReidNetworks::kPerScale; })},
      {"wu2022", of<ResolutionAdaptiveOptions>([](auto&) { return true; })},
      {"cad-net", of<CadnetOptions>([](auto& one) { return one.features == methods::JointFeature::kBoth; })},
      {"cad-net-f-only", of<CadnetOptions>([](auto& one) { return one.features == methods::JointFeature::kF; })},
      {"cad-net-g-only", of<CadnetOptions>([](auto& one) { return one.features == methods::JointFeature::kG; })}};
  return all;
}

Condition trained_at(std::vector<int> rates) {
  return [rates = std::move(rates)](const Asked& asked) { return asked.training.recipe.train_rates == rates; };
}
Condition asked_at(std::vector<int> rates) {
  return [rates = std::move(rates)](const Asked& asked) { return query_rates(asked) == rates; };
}
Condition labelled(double share) {
  return [share](const Asked& asked) { return asked.training.recipe.labelled_fraction == share; };
}
Condition scales(std::vector<int> all) {
  return of<MsiflaOptions>([all = std::move(all)](auto& one) { return one.scales == all; });
}
Condition adaptive(bool lengths, methods::Masks masks) {
  return of<ResolutionAdaptiveOptions>([=](auto& one) { return one.varying_length == lengths && one.masks == masks; });
}

//! What a variant of the papers asks of a row's job.
const std::map<std::string, Condition>& variants_by_name() {
  using methods::Masks;
  static const auto losses = [](bool classification, bool triplet, bool reconstruction, bool adversary) {
    return of<RainOptions>([=](auto& one) {
      return one.classification == classification && one.triplet == triplet && one.reconstruction == reconstruction &&
             (rain_levels(one) > 0) == adversary;
    });
  };
  // Left out by RAIN's paper or by CAD-Net's.
  static const auto left_out = [](const Condition& by_rain, std::function<bool(const CadnetOptions&)> by_cadnet) {
    return [=, condition = of<CadnetOptions>(std::move(by_cadnet))](const Asked& asked) {
      return by_rain(asked) || condition(asked);
    };
  };
  static const std::map<std::string, Condition> all = {
      {"train r=1,2,3,4; test r=2,3,4", asked_at({2, 3, 4})},
      {"train r=1,2,3,4; test r=8", asked_at({8})},
      {"test r=2,3,4 (seen)", asked_at({2, 3, 4})},
      {"test r=8 (unseen)", asked_at({8})},
      {"without image-level L_adv", of<CadnetOptions>([](auto& one) { return !one.image_adversary; })},
      {"without feature-level L_adv", of<CadnetOptions>([](auto& one) { return !one.feature_adversary; })},
      {"without L_cls", left_out(losses(false, true, true, true), [](auto& one) { return !one.identifies(); })},
      {"without L_tri", losses(true, false, true, true)},
      {"without L_rec", left_out(losses(true, true, false, true), [](auto& one) { return !one.reconstruction; })},
      {"without L_adv", losses(true, true, true, false)},
      {"train LR r=2", trained_at({2})},
      {"train LR r=3", trained_at({3})},
      {"train LR r=4", trained_at({4})},
      {"train LR r=2,3,4", trained_at({2, 3, 4})},
      {"0% labelled", labelled(0)},
      {"20% labelled", labelled(0.2)},
      {"40% labelled", labelled(0.4)},
      {"60% labelled", labelled(0.6)},
      {"80% labelled", labelled(0.8)},
      {"100% labelled", labelled(1)},
      {"IR1", scales({1})},
      {"IR1+IR1/2", scales({2, 1})},
      {"IR1+IR1/2+IR1/3", scales({3, 2, 1})},
      {"IR1+IR1/2+IR1/3+IR1/4", scales({4, 3, 2, 1})},
      {"14,611 training images, 1,415 ids",
       [](const Asked& asked) { return asked.training.split.train_identities == 1415; }},
      {"larger training sets",
       [](const Asked& asked) {
         const int some = asked.training.split.train_identities;
         return some == 0 || some > 1415;
       }},
      {"the largest training sets", [](const Asked& asked) { return asked.training.split.train_identities == 0; }},
      {"no mechanism (plain backbone)", adaptive(false, Masks::kOff)},
      {"varying length only", adaptive(true, Masks::kOff)},
      {"masks only", adaptive(false, Masks::kJoint)},
      {"both, masks trained jointly", adaptive(true, Masks::kJoint)},
      {"both, masks trained progressively", adaptive(true, Masks::kProgressive)}};
  return all;
}

//! A method as a whole: of RAIN both levels and all losses, of Wu et al. both mechanisms.
bool is_whole(const PaperEntry& key, const Asked& asked) {
  if (key.method == "rain")
    return of<RainOptions>([](auto& one) {
      return rain_levels(one) == 2 && one.classification && one.triplet && one.reconstruction;
    })(asked);
  if (key.paper == "cad-net")
    return of<CadnetOptions>([](auto& one) {
      return one.identifies() && one.reconstruction && one.feature_adversary && one.image_adversary;
    })(asked);
  if (key.method == "wu2022") return adaptive(true, methods::Masks::kProgressive)(asked);
  return key.method != "msifla" || scales({3, 2, 1})(asked);
}

//! Whether a row's job is what the paper's words say, on the papers' data sets.
bool is_the_papers(const PaperEntry& key, const Asked& asked) {
  if (!methods_by_name().at(key.method)(asked)) return false;
  return key.variant.empty() || key.variant == "full" ? is_whole(key, asked)
                                                      : variants_by_name().at(key.variant)(asked);
}

settings::Source source_of(const std::string& papers_dataset) {
  using settings::Source;
  return std::map<std::string, Source>{{"mlr-cuhk03", Source::kCuhk03},
                                       {"mlr-viper", Source::kViper},
                                       {"caviar", Source::kCaviar},
                                       {"mlr-sysu", Source::kSysu},
                                       {"mlr-market-1501", Source::kMarket1501},
                                       {"mlr-duke", Source::kDukemtmc},
                                       {"mlr-vru", Source::kVru}}
      .at(papers_dataset);
}

class Shown {
 public:
  //! \param on_papers_data_sets whether a cell must be on the paper's own data set, of what the paper's words say
  Shown(const std::vector<Plan>& plans, bool on_papers_data_sets) : plans_(plans), strict_(on_papers_data_sets) {}

  bool operator()(const Entry& entry) const {
    return std::any_of(plans_.begin(), plans_.end(), [&](const Plan& plan) {
      return std::any_of(plan.tables.begin(), plan.tables.end(), [&](const TablePlan& table) {
        return entry.reproduce ? in_row(entry, plan, table) : in_published_row(entry, plan, table);
      });
    });
  }

 private:
  static bool is_among(const PaperCell& cell, const PaperEntry& key) {
    return std::find(cell.entries.begin(), cell.entries.end(), key) != cell.entries.end();
  }
  //! The numbers are the entry's, all of them; of one whose numbers are missing the cell says so.
  static bool has_numbers(const Entry& entry, const TablePlan& table, const std::map<std::string, double>& numbers,
                          const PaperCell& cell) {
    if (entry.metrics.empty()) return !cell.no_reference.empty() && !cell.footnotes.empty();
    return std::all_of(entry.metrics.begin(), entry.metrics.end(), [&](const auto& one) {
      const auto number = numbers.find(one.first);
      return std::find(table.metrics.begin(), table.metrics.end(), one.first) != table.metrics.end() &&
             number != numbers.end() && number->second == one.second;
    });
  }
  bool is_papers_data(const Plan& plan, const std::string& ours, const std::string& papers) const {
    if (!strict_) return true;
    return std::any_of(plan.datasets.begin(), plan.datasets.end(),
                       [&](const DatasetPlan& one) { return one.id == ours && one.pack.source == source_of(papers); });
  }
  bool in_row(const Entry& entry, const Plan& plan, const TablePlan& table) const {
    for (const RowPlan& row : table.rows)
      for (const CellPlan& cell : row.cells)
        if (is_among(cell.paper, entry.key) && has_numbers(entry, table, cell.references, cell.paper) &&
            is_papers_data(plan, cell.dataset, entry.key.dataset) &&
            (!strict_ || is_the_papers(entry.key, asked(plan, cell.evaluations.front()))))
          return true;
    return false;
  }
  bool in_published_row(const Entry& entry, const Plan& plan, const TablePlan& table) const {
    for (const PublishedRow& row : table.published)
      for (const auto& [ours, cell] : row.paper)
        if (row.method == entry.key.method && is_among(cell, entry.key) && row.numbers.contains(ours) &&
            has_numbers(entry, table, row.numbers.at(ours), cell) && is_papers_data(plan, ours, entry.key.dataset))
          return true;
    return false;
  }
  static Asked asked(const Plan& plan, const JobId& evaluation) {
    const auto find = [&](const JobId& id) -> const JobSpecification& {
      return std::find_if(plan.jobs.begin(), plan.jobs.end(), [&](const PlannedJob& job) { return job.id == id; })
          ->specification;
    };
    const auto& evaluated = std::get<EvaluationSpecification>(find(evaluation));
    return {std::get<TrainingSpecification>(find(evaluated.training)), evaluated};
  }

  const std::vector<Plan>& plans_;
  bool strict_;
};

struct PapersInSuites : Suite {
  PapersInSuites() {
    options_.need_roots = false;
    options_.from_scratch = true;
    have_training_images(12'936);
  }
};

TEST_F(PapersInSuites, the_file_has_so_many_entries_to_reproduce_and_of_others) {
  std::array<std::size_t, 2> those{}, numbers{};
  for (const Entry& entry : entries()) {
    ++those[entry.reproduce];
    numbers[entry.reproduce] += entry.metrics.size();
  }
  EXPECT_THAT(those, ElementsAre(105, 129));
  EXPECT_THAT(numbers, ElementsAre(254, 223));
}

TEST_F(PapersInSuites, each_method_and_variant_is_known_to_this_test) {
  for (const Entry& entry : entries()) {
    if (!entry.reproduce) continue;
    EXPECT_TRUE(methods_by_name().contains(entry.key.method)) << name_of(entry.key);
    const std::string& variant = entry.key.variant;
    EXPECT_TRUE(variant.empty() || variant == "full" || variants_by_name().contains(variant)) << name_of(entry.key);
  }
}

// On made-up people and PKU-Reid beside the paper's numbers on its own data sets.
TEST_F(PapersInSuites, the_studies_show_the_entries_that_they_ask_for_and_no_others) {
  const std::vector<Plan> plans = {shipped("rain_study.toml"), shipped("rain_labels_study.toml"),
                                   shipped("ftwa_study.toml"), shipped("msifla_study.toml"),
                                   shipped("resolution_adaptive_study.toml")};
  const Shown shown(plans, false), on_papers(plans, true);
  std::map<std::string, int> by_table;
  for (const Entry& entry : entries()) {
    by_table[entry.key.paper + " " + entry.key.table] += shown(entry);
    EXPECT_FALSE(on_papers(entry)) << name_of(entry.key);
  }
  EXPECT_THAT(by_table, ElementsAre(Pair("cad-net table1", 0), Pair("cad-net table2", 0), Pair("cad-net table3", 0),
                                    Pair("ftwa table1", 0), Pair("ftwa table2", 4), Pair("msifla table1", 0),
                                    Pair("msifla table2", 3), Pair("msifla table3", 4), Pair("msifla table4", 2),
                                    Pair("rain figure5", 6), Pair("rain table1", 4), Pair("rain table2", 2),
                                    Pair("rain table3", 5), Pair("rain table4", 4), Pair("wu2022 ablation", 5),
                                    Pair("wu2022 main", 0)));
}

TEST_F(PapersInSuites, a_number_in_the_wrong_cell_is_not_shown) {
  const auto suite = [&](const char* source, const char* levels, const char* metrics) {
    return plan(fmt::format(R"(suite = "s"
title = "S"
[defaults]
method = "rain"
train = {{ steps = 10, identities = 4 }}
[[dataset]]
id = "set"
source = "{}"
root = "none"
[[table]]
id = "t"
title = "T"
metrics = [{}]
datasets = ["set"]
reference = {{ paper = "rain", table = "table1", dataset = "mlr-viper" }}
published = ["sdf"]
  [[table.row]]
  id = "r"
  label = "R"
  rain.levels = [{}]
  reference.method = "rain-single-level"
)",
                            source, metrics, levels));
  };
  const auto number_of = [&](const char* source, const char* levels, const char* metrics) {
    const std::vector<Plan> plans = {suite(source, levels, metrics)};
    const std::vector<Entry> all = entries();
    return std::count_if(all.begin(), all.end(), Shown(plans, true));
  };
  const char* const all = R"("rank1", "rank5", "rank10", "rank20")";
  EXPECT_EQ(2, number_of("viper", "5", all));
  EXPECT_EQ(1, number_of("viper", "4, 5", all)) << "the row is of another method";
  EXPECT_EQ(0, number_of("pku-reid", "5", all)) << "on another data set";
  EXPECT_EQ(0, number_of("viper", "5", R"("rank1")")) << "numbers are left out";
}

TEST_F(PapersInSuites, the_catalogue_shows_each_number_in_its_cell) {
  std::vector<Plan> plans;
  for (const char* suite : kCatalogue) plans.push_back(shipped(suite));
  const Shown shown(plans, true);
  std::size_t found = 0;
  for (const Entry& entry : entries()) {
    const bool is_shown = shown(entry);
    found += is_shown;
    EXPECT_EQ(is_shown, !kNotShown.contains(entry.key)) << name_of(entry.key);
  }
  EXPECT_EQ(234U - kNotShown.size(), found);
}

}  // namespace
}  // namespace resolute::experiments::papers_in_suites_test
