#include "experiments/site.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "core/process/process.h"
#include "experiments/language/table_reader.h"
#include "experiments/language/toml_document.h"

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

void read_slurm(SiteTable table, Site::Slurm& slurm) {
  table.read("partition", slurm.partition);
  table.read("account", slurm.account);
  table.read("qos", slurm.qos);
  table.read("constraint", slurm.constraint);
  table.read("exclude", slurm.exclude);
  table.read("reservation", slurm.reservation);
  table.read("gpu_type", slurm.gpu_type);
  table.read("memory", slurm.memory);
  table.read("time", slurm.time);
  table.read("mail_user", slurm.mail_user);
  table.read("mail_type", slurm.mail_type);
  table.read("comment", slurm.comment);
  table.read("gpu_request", {"gres", "gpus", "gpus-per-node"}, slurm.gpu_request);
  table.read("nodes", 1, slurm.nodes);
  table.read("gpus_per_node", 0, slurm.gpus_per_node);
  table.read("cpus_per_node", 0, slurm.cpus_per_node);
  table.read("notice", 1, slurm.notice);
  table.read("exclusive", slurm.exclusive);
  table.read("options", slurm.options);
  table.read("continue", {"requeue", "chain"}, slurm.continuation);
  table.finish();
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

Site read_site(core::FileSystem& files, const std::filesystem::path& file) {
  const Node document = parse_toml(core::read_named_text(files, file), file.string());
  TableReader top(document, "the site file");
  Site site;
  if (const Node* node = top.find("slurm")) read_slurm(SiteTable(*node, "slurm", site.places), site.slurm);
  if (const Node* node = top.find("environment")) read_environment(SiteTable(*node, "environment", site.places), site);
  if (const Node* node = top.find("container"))
    read_container(SiteTable(*node, "container", site.places), node->place, site);
  top.finish();
  return site;
}

}  // namespace resolute::experiments
