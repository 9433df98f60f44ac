#include "experiments/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::experiments::site_test {
namespace {

using namespace testing;

class SiteFile : public testing::Test {
 protected:
  Site read(const std::string& text) {
    core::write_atomic(core::real_file_system(), file_, text);
    return read_site(core::real_file_system(), file_);
  }
  // The one line that refuses it, with the file as "site.toml".
  std::string refused(const std::string& text) {
    return tests::named(tests::refusal([&] { read(text); }), file_.string(), "site.toml");
  }

  tests::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "site.toml";
};

TEST_F(SiteFile, says_what_it_says_and_nothing_else) {
  const Site site = read(R"([slurm]
partition = "gpu"
account = "reid"
qos = "high"
constraint = "a100&nvlink"
exclude = "n[1-3]"
reservation = "week"
gpu_type = "a100"
memory = "64G"
time = "2-00:00:00"
mail_user = "somebody@example.org"
mail_type = "END,FAIL"
comment = "project 7"
gpu_request = "gpus-per-node"
cluster = "green"
nodes = 2
gpus_per_node = 4
cpus_per_node = 32
exclusive = true
options = ["--licenses=x"]
continue = "chain"
notice = 300
[environment]
modules = ["openmpi/4.1", "cuda/12"]
commands = ["source /opt/site.sh", """
if true; then
	export X=1
fi"""]
launcher = "mpirun"
launcher_options = ["--mca", "btl", "tcp,self"]
mpi = "pmi2"
interface = "ib0"
notify = "mail kim"
[container]
command = ["apptainer", "exec", "--nv", "/shared/resolute.sif"]
program = "/usr/local/bin/resolute"
)");
  EXPECT_EQ(site.slurm.partition, "gpu");
  EXPECT_EQ(site.slurm.account, "reid");
  EXPECT_EQ(site.slurm.qos, "high");
  EXPECT_EQ(site.slurm.constraint, "a100&nvlink");
  EXPECT_EQ(site.slurm.exclude, "n[1-3]");
  EXPECT_EQ(site.slurm.reservation, "week");
  EXPECT_EQ(site.slurm.gpu_type, "a100");
  EXPECT_EQ(site.slurm.memory, "64G");
  EXPECT_EQ(site.slurm.time, "2-00:00:00");
  EXPECT_EQ(site.slurm.mail_user, "somebody@example.org");
  EXPECT_EQ(site.slurm.mail_type, "END,FAIL");
  EXPECT_EQ(site.slurm.cluster, "green");
  EXPECT_EQ(site.slurm.nodes, 2);
  EXPECT_EQ(site.slurm.gpus_per_node, 4);
  EXPECT_EQ(site.slurm.cpus_per_node, 32);
  EXPECT_EQ(site.slurm.exclusive, true);
  EXPECT_THAT(site.slurm.options, ElementsAre("--licenses=x"));
  EXPECT_EQ(site.slurm.continuation, "chain");
  EXPECT_EQ(site.slurm.notice, 300);
  EXPECT_THAT(site.modules, ElementsAre("openmpi/4.1", "cuda/12"));
  EXPECT_THAT(site.commands, ElementsAre("source /opt/site.sh", "if true; then\n\texport X=1\nfi"));
  EXPECT_EQ(site.launcher, "mpirun");
  EXPECT_THAT(site.launcher_options, ElementsAre("--mca", "btl", "tcp,self"));
  EXPECT_EQ(site.mpi, "pmi2");
  EXPECT_EQ(site.interface, "ib0");
  EXPECT_EQ(site.notify, "mail kim");
  EXPECT_EQ(site.slurm.comment, "project 7");
  EXPECT_EQ(site.slurm.gpu_request, "gpus-per-node");
  EXPECT_THAT(site.container, ElementsAre("apptainer", "exec", "--nv", "/shared/resolute.sif"));
  EXPECT_EQ(site.container_program, "/usr/local/bin/resolute");
  EXPECT_EQ(site.places.at("slurm.time"), file_.string() + ":10:1");
}

TEST_F(SiteFile, has_machines_for_kinds_of_jobs_and_shapes_of_allocations) {
  const Site site = read(R"([slurm]
idle_limit = 300
[[slurm.shapes]]
partition = "short"
time = "1:00:00"
[[slurm.shapes]]
nodes = 8
[resources.pack]
partition = "cpu"
gpus_per_node = 0
[resources.training]
memory = "64G"
allocations = "0..4"
[[resources.training.shapes]]
exclusive = true
)");
  EXPECT_EQ(site.slurm.idle_limit, 300);
  ASSERT_EQ(site.slurm.shapes.size(), 2U);
  EXPECT_EQ(site.slurm.shapes[0].partition, "short");
  EXPECT_EQ(site.slurm.shapes[0].nodes, std::nullopt);
  EXPECT_EQ(site.slurm.shapes[1].nodes, 8);
  ASSERT_EQ(site.resources.size(), 2U);
  EXPECT_EQ(site.resources.at(settings::JobKind::kPack).gpus_per_node, 0);
  const auto& training = site.resources.at(settings::JobKind::kTraining);
  EXPECT_EQ(training.allocations, "0..4");
  EXPECT_EQ(training.shapes.at(0).exclusive, true);
  EXPECT_EQ(site.places.at("resources.training.memory"), file_.string() + ":12:1");
  EXPECT_EQ(site.places.at("slurm.shapes.2.nodes"), file_.string() + ":7:1");
  EXPECT_THAT(refused("[resources.trainings]\n"), HasSubstr("did you mean 'training'"));
  EXPECT_THAT(refused("[resources.pack]\nnotice = 3\n"), HasSubstr("site.toml:2:1: key 'notice' is unknown"));
  EXPECT_THAT(refused("[[slurm.shapes]]\ncontinue = \"chain\"\n"), HasSubstr("site.toml:2:1: key 'continue'"));
}

TEST_F(SiteFile, an_empty_one_says_nothing) {
  const Site site = read("# nothing yet\n[slurm]\n");
  EXPECT_FALSE(site.slurm.partition || site.slurm.nodes || site.slurm.exclusive || site.launcher);
  EXPECT_THAT(site.slurm.options, IsEmpty());
  EXPECT_THAT(site.container, IsEmpty());
  EXPECT_THAT(site.places, IsEmpty());
}

TEST_F(SiteFile, an_unknown_key_is_refused_with_the_nearest_known_one) {
  EXPECT_EQ(refused("[slurm]\npartitoin = \"gpu\"\n"),
            "site.toml:2:1: key 'partitoin' is unknown; did you mean 'partition'");
  EXPECT_THAT(refused("[slrum]\n"), HasSubstr("site.toml:1:2: key 'slrum' is unknown; did you mean 'slurm'"));
  EXPECT_THAT(refused("[environment]\nmodule = [\"x\"]\n"), HasSubstr("site.toml:2:1: key 'module' is unknown"));
  EXPECT_THAT(refused("[container]\ncommand = [\"x\"]\nimage = \"x\"\n"), HasSubstr("site.toml:3:1: key 'image'"));
}

TEST_F(SiteFile, values_of_a_wrong_type_or_range_are_refused_where_they_stand) {
  EXPECT_THAT(refused("[slurm]\nnodes = \"2\"\n"), HasSubstr("site.toml:2"));
  EXPECT_THAT(refused("[slurm]\n\nnodes = 0\n"), HasSubstr("site.toml:3:1: key 'nodes' is 0 (1 is the least)"));
  EXPECT_THAT(refused("[slurm]\nnodes = 99999999999\n"), HasSubstr("site.toml:2"));
  EXPECT_THAT(refused("[slurm]\nnotice = -1\n"), HasSubstr("site.toml:2:1: key 'notice' is -1"));
  EXPECT_THAT(refused("[slurm]\nexclusive = 1\n"), HasSubstr("site.toml:2"));
  EXPECT_THAT(refused("[slurm]\npartition = [\"gpu\"]\n"), HasSubstr("site.toml:2"));
  EXPECT_THAT(refused("[slurm]\npartition = \"\"\n"), HasSubstr("site.toml:2:1: key 'partition' is not a title"));
  EXPECT_THAT(refused("[slurm]\npartition = \"  \"\n"), HasSubstr("key 'partition' is not a title (it is blank)"));
  EXPECT_THAT(refused("[slurm]\npartition = \"a\\nb\"\n"), HasSubstr("site.toml:2:1: key 'partition'"));
  EXPECT_THAT(refused("[slurm]\noptions = \"--x\"\n"), HasSubstr("site.toml:2"));
  EXPECT_THAT(refused("[slurm]\noptions = [\"\"]\n"), HasSubstr("site.toml:2:1: key 'options'"));
  EXPECT_THAT(refused("[environment]\ncommands = [\"a\\u0000b\"]\n"), HasSubstr("site.toml:2:1: key 'commands'"));
  EXPECT_THAT(refused("slurm = 3\n"), HasSubstr("site.toml:1"));
  EXPECT_THAT(refused("[[slurm]]\n"), HasSubstr("site.toml:1"));
  EXPECT_THAT(refused("[slurm\n"), HasSubstr("site.toml:1"));
}

TEST_F(SiteFile, words_outside_their_choice_are_refused) {
  EXPECT_THAT(refused("[slurm]\ncontinue = \"again\"\n"),
              HasSubstr("site.toml:2:1: key 'continue' is 'again'; give one of requeue, chain"));
  EXPECT_THAT(refused("[environment]\nlauncher = \"mpiexec\"\n"),
              HasSubstr("site.toml:2:1: key 'launcher' is 'mpiexec'; give one of auto, srun, mpirun, none"));
}

TEST_F(SiteFile, options_of_a_launcher_need_to_know_of_which) {
  EXPECT_THAT(refused("[environment]\nlauncher_options = [\"--x\"]\n"),
              HasSubstr("site.toml:2:1: 'launcher_options' are of one launcher"));
  EXPECT_EQ(refused("[environment]\nlauncher_options = [\"--x\"]\nlauncher = \"srun\"\n"), "");
  EXPECT_THAT(refused("[slurm]\ngpu_request = \"tres\"\n"),
              HasSubstr("site.toml:2:1: key 'gpu_request' is 'tres'; give one of gres, gpus, gpus-per-node"));
}

TEST_F(SiteFile, a_container_needs_its_command) {
  EXPECT_THAT(refused("\n[container]\nprogram = \"/x\"\n"), HasSubstr("site.toml:2:2: [container] has no 'command'"));
}

TEST_F(SiteFile, a_missing_one_is_an_error) {
  EXPECT_THROW(read_site(core::real_file_system(), folder_ / "none.toml"), core::RuntimeError);
}

TEST(SitePlace, is_said_by_its_variable_else_by_the_users_configuration_folder) {
  EXPECT_EQ(site_file({{"RESOLUTE_SITE", "/a/b.toml"}, {"HOME", "/home/u"}}), "/a/b.toml");
  EXPECT_EQ(site_file({{"XDG_CONFIG_HOME", "/config"}, {"HOME", "/home/u"}}), "/config/resolute/site.toml");
  EXPECT_EQ(site_file({{"XDG_CONFIG_HOME", "relative"}, {"HOME", "/home/u"}}), "/home/u/.config/resolute/site.toml");
  EXPECT_EQ(site_file({{"RESOLUTE_SITE", ""}, {"XDG_CONFIG_HOME", ""}, {"HOME", "/home/u"}}),
            "/home/u/.config/resolute/site.toml");
  EXPECT_EQ(site_file({{"HOME", ""}}), std::nullopt);
  EXPECT_EQ(site_file({}), std::nullopt);
}

}  // namespace
}  // namespace resolute::experiments::site_test
