#include "experiments/suite.h"

#include <algorithm>

#include "core/files/file_tree.h"
#include "experiments/include.h"
#include "experiments/language/synonyms.h"
#include "experiments/language/table_reader.h"
#include "experiments/method_files.h"
#include "experiments/planning/planner.h"
#include "experiments/specification/validation.h"
#include "experiments/suite_parts.h"
#include "methods/row.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

Settings read_layer(const Node* table, const std::string& name, const PythonMethods& methods) {
  Settings layer;
  if (table == nullptr) return layer;
  const TableReader checked(*table, name);
  add_settings(layer, table->members, PackKeys::kAllowed, methods);
  return layer;
}

Settings read_sets(const std::vector<std::pair<std::string, std::string>>& sets, const PythonMethods& methods) {
  Settings layer;
  for (const auto& [key, value] : sets) {
    const Member member{key, parse_toml_value(value, "--set " + key)};
    Settings one;
    add_settings(one, {member}, PackKeys::kAllowed, methods);
    layer = laid_over(layer, one);  // the last of two wins, as with other options
  }
  return layer;
}

//! \param read the defaults
SyntheticSettings read_synthetic(TableReader& reader, SyntheticSettings read) {
  SyntheticSettings::members([&](const auto& one) {
    auto& member = read.*one.at;
    member = reader.value(std::string(one.suite_key), member);
  });
  return read;
}

//! A data set's table, for DatasetText::written.
core::Json json_of(const Node& node) {
  core::Json json = node.value;
  for (const Member& member : node.members) json[member.key] = json_of(member.node);
  for (const Node& table : node.tables) json.push_back(json_of(table));
  return json;
}

//! Two data sets of one id in two files: the same images packed in the same way, or two things under one name. Their
//! settings of trainings (`train`, and those of a method) may differ.
void check_same(const DatasetText& known, const DatasetText& again, const std::vector<Settings>& bases) {
  const auto refuse = [&](const std::string& key) {
    throw core::input_error(
        fmt::format("{}: key '{}' makes data set '{}' another one", again.place_of(key, again.place), key, again.id),
        fmt::format("a data set of that id stands at {}, and a suite has one of an id", known.place),
        "give both the same keys, or one of them another id");
  };
  for (const auto& [one, other] : {std::pair(&known.written, &again.written), {&again.written, &known.written}})
    for (const auto& [key, value] : one->items())
      // A file's settings of batches and methods there belong to its recipe, and reach its own tables alone.
      if (key != "train" && !settings::is_among(methods::method_names(), key) &&
          (!other->contains(key) || other->at(key) != value))
        refuse(key);
  const auto pack = [&](const DatasetText& dataset) {
    return make_draft(laid_over(bases[dataset.base], dataset.settings)).pack;
  };
  const PackSettings one = pack(known), other = pack(again);
  PackSettings::members([&](const auto& member) {
    if (one.*member.at != other.*member.at) refuse(std::string(member.key));
  });
}

class SuiteReader {
 public:
  SuiteReader(core::FileSystem& files, const std::filesystem::path& path, const SuiteOptions& options)
      : files_(files), path_(path), options_(options) {}

  Plan run() {
    parts_ = read_suite_files(files_, path_, options_.relative_to);
    suite_.file = path_.string();
    suite_.options = options_;
    suite_.methods = read_methods(parts_, options_.environment, options_.estimate || options_.need_roots);
    suite_.python = python_program(options_.environment);
    suite_.sets = read_sets(options_.sets, suite_.methods);
    for (std::size_t i = 0; i < parts_.size(); ++i) read_part(i);
    check_workers();
    if (suite_.tables.empty() && suite_.searches.empty())
      throw core::input_error(fmt::format("{}: key 'table' is missing", parts_.back().document.place),
                              "without a [[table]] nothing is to be made");
    check_stand_ins();
    choose_columns(suite_, options_.datasets, columns_);
    take_stand_ins(suite_, [&](std::size_t part) { return stands_in(part); });
    for (const auto& [dataset, node] : used_roots()) set_root(*dataset, *node);
    const bool wanted = std::ranges::any_of(suite_.tables, [](const TableText& table) {
      return !table.paper.value.empty() ||
             std::ranges::any_of(table.rows, [](const RowText& row) { return !row.references.empty(); });
    });
    const WeightsCatalogue weights(files_, StoreLayout(options_.store));
    if (!wanted) return make_plan(suite_, nullptr, weights);
    const auto file = options_.reference_file.empty() ? find_reference_file(files_, options_.environment, {})
                                                      : options_.reference_file;
    const auto folder = options_.relative_to.empty() ? path_.parent_path() : options_.relative_to;
    const auto references = ReferenceNumbers::read(files_, file, reference_files_beside(files_, folder));
    return make_plan(suite_, &references, weights);
  }

 private:
  //! One of the suite's files; the last is its own.
  void read_part(std::size_t at) {
    const SuiteFile& part = parts_[at];
    part_ = at;
    TableReader reader(part.document, "the suite");
    suite_.name = plain_name(reader, "suite");
    suite_.title = reader.title("title");
    suite_.worker = reader.value<std::vector<std::string>>("worker", {});
    if (!suite_.worker.empty() && !suite_.methods.empty())
      throw core::input_error(fmt::format("{}: key 'worker' stands beside a [[method]]", reader.place("worker")),
                              "one worker runs all jobs, and the package's runs methods in Python",
                              "leave one of the two out, or plan them apart");
    workers_.push_back({{suite_.worker, reader.place("worker")},
                        reader.located<std::vector<std::string>>("worker_files", {}),
                        reader.value<std::string>("worker_files_sha256", "")});
    reader.find("include");
    reader.find("only_tables");
    reader.find("method");  // read_methods() has read them
    if (at + 1 == parts_.size()) {
      reader.find("included");
      reader.find("method_schemas");
    }
    const bool stand_ins = reader.value<bool>("stand_ins", false);
    const Settings defaults = read_layer(reader.find("defaults"), "[defaults]", suite_.methods);
    const Node* profiles = reader.find("profiles");
    const auto datasets = reader.tables("dataset");
    const auto tables = reader.tables("table"), searches = reader.tables("search");
    reader.finish(hint_to_settings);
    dataset_ids_.emplace_back();
    std::vector<std::string> columns = visible_datasets();
    for (const Node* node : datasets) columns.push_back(id_of(*node));
    // A suite that joins others and has no row of its own has nothing that a profile would be laid over.
    const bool rows = !tables.empty() || !searches.empty() || part.first == at;
    Profile profile = read_profiles(profiles, options_.profile, part.file, columns, suite_.methods, rows);
    suite_.bases.push_back(laid_over(laid_over(defaults, profile.settings), suite_.sets));
    columns_.push_back(std::move(profile.datasets));
    stand_ins_.push_back(profile.stand_ins.value_or(stand_ins));
    for (const Node* node : datasets) read_dataset(*node);
    for (const Node* node : searches) add_search(*node);
    for (const Node* node : tables) read_table(*node);
    if (reader.find("only_tables") != nullptr) leave_tables(reader, part);
  }

  //! Takes out what the part's `only_tables` does not name, of its own tables and those of what it includes.
  void leave_tables(TableReader& reader, const SuiteFile& part) {
    const auto is_own = [&](const TableText& table) { return table.base >= part.first; };
    std::vector<std::string> ids;
    for (const TableText& table : suite_.tables)
      if (is_own(table)) ids.push_back(table.id.substr(part.prefix.size()));
    const auto left = reader.names("only_tables", ids);
    std::erase_if(suite_.tables, [&](const TableText& table) {
      return is_own(table) && !settings::is_among(left, table.id.substr(part.prefix.size()));
    });
  }

  static std::string id_of(const Node& dataset) {
    TableReader reader(dataset, "[[dataset]]");
    return plain_name(reader, "id");
  }

  //! Tells whether the images of a file's data sets are made up: the suite's own file speaks for those that it
  //! includes.
  bool stands_in(std::size_t part) const { return options_.stand_ins || stand_ins_.back() || stand_ins_[part]; }

  void check_stand_ins() const {
    for (const auto& [dataset, part, place] : again_)
      if (stands_in(part) != stands_in(suite_.datasets[dataset].base))
        throw core::input_error(
            fmt::format("{}: data set '{}' is made up in one suite and not in another", place,
                        suite_.datasets[dataset].id),
            fmt::format("it stands at {} too, and 'stand_ins' differs", suite_.datasets[dataset].place),
            "give --stand-ins, or leave it out in both");
  }

  //! One worker runs all.
  void check_workers() {
    const WorkerText& worker = workers_.back();
    for (const WorkerText& one : workers_)
      if (!one.command.value.empty() && one.command.value != worker.command.value)
        throw core::input_error(
            fmt::format("{}: key 'worker' is not that of the suite which includes this one", one.command.place),
            fmt::format(
                "one worker runs all jobs, and {} gives {}", path_.string(),
                worker.command.value.empty() ? "none" : fmt::format("'{}'", fmt::join(worker.command.value, " "))),
            "give the same in both, or plan them apart");
    suite_.program_sha256 = program_of(workers_.size() - 1);
    for (std::size_t part = 0; part < workers_.size() && worker.files_sha256.empty(); ++part)
      if (!workers_[part].files.value.empty() && program_of(part) != suite_.program_sha256)
        throw core::input_error(fmt::format("{}: key 'worker_files' is not that of the suite which includes this one",
                                            workers_[part].files.place),
                                "one program runs all jobs", "name the same files in both, or plan them apart");
  }

  //! SHA-256 of the files that a part's `worker_files` names; a bundle has that in their place.
  std::string program_of(std::size_t part) const {
    const WorkerText& worker = workers_[part];
    if (!worker.files_sha256.empty() || worker.files.value.empty()) return worker.files_sha256;
    const std::string key = fmt::format("{}: key 'worker_files'", worker.files.place);
    if (worker.command.value.empty())
      throw core::input_error(key + " stands without 'worker'", "resolute-worker has no files of a suite's",
                              "name the program by 'worker', or leave the key out");
    try {
      return core::sha256_of_files(files_, parts_[part].folder, worker.files.value);
    } catch (const core::RuntimeError& error) {
      throw error.at(key);
    }
  }

  //! Ids of the data sets that tables of the part may name: its own, and those of what it includes.
  std::vector<std::string> visible_datasets() const {
    std::vector<std::string> ids;
    for (const DatasetText& dataset : suite_.datasets)
      for (std::size_t at = parts_[part_].first; at <= part_; ++at)
        if (dataset_ids_[at].contains(dataset.id)) {
          ids.push_back(dataset.id);
          break;
        }
    return ids;
  }

  //! A root's text without the folder of its file.
  std::string root_in(const SuiteFile& part, const std::string& text) const {
    const std::filesystem::path root = text;
    return root.is_relative() && !text.starts_with("${") ? (part.folder / root).lexically_normal().string() : text;
  }

  void read_dataset(const Node& node) {
    TableReader reader(node, "[[dataset]]");
    DatasetText dataset;
    dataset.place = node.place;
    dataset.base = part_;
    dataset.id = plain_name(reader, "id");
    refuse_second(dataset_ids_.back(), dataset.id, reader.place("id"));
    const Node* root = nullptr;
    // Before its keys: which of them are known depends on it.
    dataset.source = reader.value<settings::Source>("source");
    if (settings::facts_of(dataset.source).rendered) {
      dataset.synthetic = read_synthetic(reader, {});
      if (reader.find("stand_in") != nullptr)
        throw core::input_error(
            fmt::format("{}: key 'stand_in' stands on data set '{}'", reader.place("stand_in"), dataset.id),
            "its images are drawn already", "leave it out");
    } else {
      dataset.root_text = reader.value<std::string>("root");
      root = reader.find("root");
      dataset.follow_links = reader.value("follow_links", false);
      if (const Node* stand_in = reader.find("stand_in")) dataset.stand_in = read_stand_in(*stand_in, dataset);
    }
    dataset.written = json_of(node);
    if (!dataset.root_text.empty()) dataset.written["root"] = root_in(parts_[part_], dataset.root_text);
    for (const Member& member : node.members) dataset.places[member.key] = member.node.place;
    add_settings(dataset.settings, reader.rest(), PackKeys::kAllowed, suite_.methods, reader.known());
    for (std::size_t i = 0; i < suite_.datasets.size(); ++i)
      if (suite_.datasets[i].id == dataset.id) {
        again_.push_back({i, part_, dataset.place});
        check_same(suite_.datasets[i], dataset, suite_.bases);
        suite_.datasets[i].again.emplace(part_, std::move(dataset.settings));
        return;
      }
    suite_.datasets.push_back(std::move(dataset));
    roots_.push_back(root);
  }

  //! Settings that a layout cannot have are refused, with stand-ins or without.
  static SyntheticSettings read_stand_in(const Node& node, const DatasetText& dataset) {
    TableReader reader(node, "'stand_in'");
    const SyntheticSettings settings = read_synthetic(reader, settings::stand_in_of(dataset.source));
    reader.finish();
    try {
      settings::check_stand_in(settings, dataset.source);
    } catch (const MemberError& error) {
      throw error.in_suite(reader.place(error.key()), fmt::format("for data set '{}'", dataset.id));
    }
    return settings;
  }

  void add_search(const Node& node) {
    SearchText search = read_search(node, visible_datasets(), suite_.methods);
    search.base = part_;
    search.id.value = parts_[part_].prefix + search.id.value;
    check_plain_name(search.id.value, "id", search.id.place);
    refuse_second(table_ids_, search.id.value, search.id.place);
    if (!parts_[part_].prefix.empty()) search.title = fmt::format("{}: {}", parts_[part_].name, search.title);
    suite_.searches.push_back(std::move(search));
  }

  void read_table(const Node& node) {
    TableReader reader(node, "[[table]]");
    TableText table;
    table.base = part_;
    table.id = parts_[part_].prefix + plain_name(reader, "id");
    check_plain_name(table.id, "id", reader.place("id"));
    refuse_second(table_ids_, table.id, reader.place("id"));
    table.title = reader.title("title");
    // Each paper has a table 1.
    if (!parts_[part_].prefix.empty()) table.title = fmt::format("{}: {}", parts_[part_].name, table.title);
    read_columns_and_rows(reader, visible_datasets(), suite_.methods, table);
    for (RowText& row : table.rows)
      if (!row.search.value.empty()) row.search.value = parts_[part_].prefix + row.search.value;
    suite_.tables.push_back(std::move(table));
  }

  //! Data sets that a table uses and that have a root: the environment of the others need not be set.
  std::vector<std::pair<DatasetText*, const Node*>> used_roots() {
    std::vector<std::pair<DatasetText*, const Node*>> used;
    for (std::size_t i = 0; i < suite_.datasets.size(); ++i)
      if (!suite_.datasets[i].synthetic && has_column(suite_, suite_.datasets[i].id))
        used.emplace_back(&suite_.datasets[i], roots_[i]);
    return used;
  }

  void set_root(DatasetText& dataset, const Node& node) {
    const std::string& text = dataset.root_text;
    const auto expanded = expand(text, node.place, dataset.id);
    if (!expanded) return;
    // A variable's value is the user's, and starts at the working folder; the suite's own is meant from the
    // suite.
    std::filesystem::path root = *expanded;
    if (!root.empty()) {
      if (root.is_relative() && !text.starts_with("${")) root = parts_[dataset.base].folder / root;
      root = std::filesystem::absolute(root).lexically_normal();
    }
    if (options_.need_roots && (root.empty() || !files_.exists(root)))
      throw core::input_error(fmt::format("{}: key 'root' of data set '{}' is '{}'", node.place, dataset.id, *expanded),
                              "there is no such folder",
                              text.starts_with('~') || (text.starts_with('$') && !text.starts_with("${"))
                                  ? "a suite expands ${NAME} alone: write e.g. ${HOME}/images"
                                  : "name the folder of the raw images");
    dataset.root = root;
  }

  //! ${NAME} replaced; nothing where a variable is not set and roots are not needed.
  std::optional<std::string> expand(const std::string& text, const std::string& place,
                                    const std::string& dataset) const {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
      if (!text.substr(at).starts_with("${")) {
        result += text[at++];
        continue;
      }
      const std::size_t close = text.find('}', at);
      if (close == std::string::npos)
        throw core::input_error(fmt::format("{}: key 'root' has the value '{}'", place, text),
                                "'${' is not closed by '}'");
      const std::string name = text.substr(at + 2, close - at - 2);
      const auto found = options_.environment.find(name);
      if (name == "STORE") {
        result += options_.store.string();
      } else if (found != options_.environment.end() && !found->second.empty()) {
        result += found->second;
      } else if (options_.need_roots) {
        throw core::input_error(
            fmt::format("{}: key 'root' of data set '{}' names the variable '{}'", place, dataset, name),
            "it is not set in the environment", fmt::format("export {}=FOLDER with the raw images", name));
      } else {
        return std::nullopt;
      }
      at = close + 1;
    }
    if (!core::is_utf8(result))
      throw core::input_error(fmt::format("{}: key 'root' of data set '{}' is not UTF-8", place, dataset));
    return result;
  }

  core::FileSystem& files_;
  const std::filesystem::path& path_;
  const SuiteOptions& options_;
  std::vector<SuiteFile> parts_;
  std::size_t part_ = 0;  // the one that is read
  SuiteText suite_;
  struct WorkerText {
    Located<std::vector<std::string>> command;
    Located<std::vector<std::string>> files;
    std::string files_sha256;
  };
  std::vector<WorkerText> workers_;                // of each part
  std::vector<Ids> dataset_ids_;                   // of each part
  std::vector<std::vector<std::string>> columns_;  // of each part: its profile's `datasets`
  std::vector<bool> stand_ins_;                    // of each part: as it says itself
  struct Again {
    std::size_t dataset, part;
    std::string place;
  };
  std::vector<Again> again_;  // data sets of suite_ that a later part has too
  Ids table_ids_;
  std::vector<const Node*> roots_;  // beside suite_.datasets; null for synthetic
};

}  // namespace

std::pair<std::string, std::string> parse_assignment(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw core::input_error(fmt::format("--set '{}' is not an assignment", text), "KEY=VALUE is needed",
                            "write for example --set train.steps=100");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::filesystem::path find_reference_file(core::FileSystem& files,
                                          const std::map<std::string, std::string>& environment,
                                          const std::filesystem::path& executable_folder) {
  const std::filesystem::path name = std::filesystem::path("reference") / "papers.toml";
  if (const auto found = environment.find("RESOLUTE_DATA_DIR"); found != environment.end() && !found->second.empty())
    return found->second / name;
  if (!executable_folder.empty()) {
    auto installed = executable_folder.parent_path() / "share" / "resolute" / name;
    if (files.exists(installed)) return installed;
  }
  return RESOLUTE_EXPERIMENTS_FOLDER / name;
}

std::vector<std::filesystem::path> reference_files_beside(core::FileSystem& files,
                                                          const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  const std::filesystem::path beside = folder / "reference";
  if (!files.exists(beside)) return found;
  for (const std::string& name : files.list(beside))
    if (name.ends_with(".toml") && name != "papers.toml" && name != "step_times.toml") found.push_back(beside / name);
  return found;
}

Plan read_suite(core::FileSystem& files, const std::filesystem::path& path, const SuiteOptions& options) {
  return SuiteReader(files, path, options).run();
}

}  // namespace resolute::experiments
