#include "experiments/site.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "core/process/process.h"
#include "experiments/language/table_reader.h"
#include "experiments/language/toml_document.h"
#include "settings/sbatch_text.h"

namespace resolute::experiments {
namespace {

// The members of one table, remembered with their places.
class SiteTable {
 public:
  SiteTable(const Node& node, const std::string& name, std::map<std::string, std::string>& places)
      : table_(node, "[" + name + "]"), name_(name), places_(places) {}

  void read(const std::string& key, std::optional<std::string>& to) {
    if (!has(key)) return;
    to = table_.title(key);
  }
  void read(const std::string& key, const std::vector<std::string>& words, std::optional<std::string>& to) {
    read(key, to);
    if (to && std::find(words.begin(), words.end(), *to) == words.end())
      throw core::input_error(fmt::format("{}: key '{}' is '{}'", table_.place(key), key, *to), {},
                              fmt::format("give one of {}", fmt::join(words, ", ")));
  }
  void read(const std::string& key, int least, std::optional<int>& to) {
    if (!has(key)) return;
    to = table_.value<int>(key);
    if (*to < least)
      throw core::input_error(fmt::format("{}: key '{}' is {}", table_.place(key), key, *to),
                              fmt::format("{} is the least", least));
  }
  void read(const std::string& key, std::optional<bool>& to) {
    if (has(key)) to = table_.value<bool>(key);
  }
  //! \param several_lines an entry may be a piece of bash of several lines
  void read(const std::string& key, std::vector<std::string>& to, bool several_lines = false) {
    if (!has(key)) return;
    to = table_.value<std::vector<std::string>>(key);
    for (std::string text : to) {
      if (several_lines) std::erase_if(text, [](char c) { return c == '\n' || c == '\t'; });
      check_title(text, key, table_.place(key));
    }
  }
  std::vector<const Node*> tables(const std::string& key) { return table_.tables(key); }
  void finish() const { table_.finish(); }

 private:
  bool has(const std::string& key) {
    if (table_.find(key) == nullptr) return false;
    places_[name_ + "." + key] = table_.place(key);
    return true;
  }

  TableReader table_;
  std::string name_;
  std::map<std::string, std::string>& places_;
};

void read_asked(SiteTable& table, Site::Asked& asked) {
  settings::for_each_sbatch_text([&](const auto& text, auto member) { table.read(text.key(), member(asked)); });
  table.read("time", asked.time);
  table.read("nodes", 1, asked.nodes);
  table.read("gpus_per_node", 0, asked.gpus_per_node);
  table.read("cpus_per_node", 0, asked.cpus_per_node);
  table.read("exclusive", asked.exclusive);
  table.read("options", asked.options);
}

// \param name of the table that has them
void read_shapes(SiteTable& table, const std::string& name, std::map<std::string, std::string>& places,
                 std::vector<Site::Asked>& shapes) {
  for (const Node* node : table.tables("shapes")) {
    SiteTable shape(*node, fmt::format("{}.shapes.{}", name, shapes.size() + 1), places);
    read_asked(shape, shapes.emplace_back());
    shape.finish();
  }
}

void read_slurm(SiteTable table, std::map<std::string, std::string>& places, Site::Slurm& slurm) {
  read_asked(table, slurm);
  read_shapes(table, "slurm", places, slurm.shapes);
  table.read("cluster", slurm.cluster);
  table.read("gpu_request", {"gres", "gpus", "gpus-per-node"}, slurm.gpu_request);
  table.read("notice", 1, slurm.notice);
  table.read("idle_limit", 1, slurm.idle_limit);
  table.read("continue", {"requeue", "chain", "armed"}, slurm.continuation);
  table.finish();
}

void read_resources(const Node& node, Site& site) {
  TableReader kinds(node, "[resources]");
  for (const std::string& word : settings::word_list<settings::JobKind>()) {
    const Node* one = kinds.find(word);
    if (one == nullptr) continue;
    SiteTable table(*one, "resources." + word, site.places);
    auto& of_kind = site.resources[*settings::from_word<settings::JobKind>(word)];
    read_asked(table, of_kind);
    read_shapes(table, "resources." + word, site.places, of_kind.shapes);
    table.read("allocations", of_kind.allocations);
    table.finish();
  }
  kinds.finish();
}

void read_environment(SiteTable table, Site& site) {
  table.read("modules", site.modules);
  table.read("commands", site.commands, true);
  table.read("launcher", {"auto", "srun", "mpirun", "none"}, site.launcher);
  table.read("launcher_options", site.launcher_options);
  table.read("mpi", site.mpi);
  table.read("interface", site.interface);
  table.read("notify", site.notify);
  table.finish();
  if (!site.launcher_options.empty() && site.launcher != "srun" && site.launcher != "mpirun")
    throw core::input_error(
        fmt::format("{}: 'launcher_options' are of one launcher", site.places.at("environment.launcher_options")),
        "and 'launcher' does not say which", "add launcher = \"srun\" or launcher = \"mpirun\"");
}

void read_container(SiteTable table, const std::string& place, Site& site) {
  table.read("command", site.container);
  table.read("program", site.container_program);
  table.finish();
  if (site.container.empty())
    throw core::input_error(fmt::format("{}: [container] has no 'command'", place), "it names what runs resolute",
                            "write it as command = [\"apptainer\", \"exec\", \"IMAGE\"]");
}

}  // namespace

std::optional<std::filesystem::path> site_file(const std::map<std::string, std::string>& environment) {
  if (const std::string file = core::variable_in(environment, "RESOLUTE_SITE"); !file.empty()) return file;
  // A relative one is to be ignored (XDG base directory specification).
  if (const std::filesystem::path folder = core::variable_in(environment, "XDG_CONFIG_HOME"); folder.is_absolute())
    return folder / "resolute" / "site.toml";
  if (const std::string home = core::variable_in(environment, "HOME"); !home.empty())
    return std::filesystem::path(home) / ".config" / "resolute" / "site.toml";
  return std::nullopt;
}

std::optional<std::filesystem::path> site_file_to_read(core::FileSystem& files,
                                                       const std::map<std::string, std::string>& environment) {
  auto file = site_file(environment);
  const bool named = !core::variable_in(environment, "RESOLUTE_SITE").empty();
  if (file && !named && !files.exists(*file)) file.reset();
  return file;
}

Site read_site(core::FileSystem& files, const std::filesystem::path& file,
               const std::map<std::string, std::string>& environment) {
  std::string text;
  try {
    text = core::read_named_text(files, file);
  } catch (const core::RuntimeError& error) {
    if (core::variable_in(environment, "RESOLUTE_SITE") != file) throw;
    throw error.at("RESOLUTE_SITE");
  }
  const Node document = parse_toml(text, file.string());
  TableReader top(document, "the site file");
  Site site;
  if (const Node* node = top.find("slurm")) read_slurm(SiteTable(*node, "slurm", site.places), site.places, site.slurm);
  if (const Node* node = top.find("resources")) read_resources(*node, site);
  if (const Node* node = top.find("environment")) read_environment(SiteTable(*node, "environment", site.places), site);
  if (const Node* node = top.find("container"))
    read_container(SiteTable(*node, "container", site.places), node->place, site);
  top.finish();
  return site;
}

}  // namespace resolute::experiments
