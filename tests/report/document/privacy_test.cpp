//! Names of machines and people that a report keeps out.

#include "report/document/privacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace resolute::report::privacy_test {
namespace {

using testing::ElementsAre;

const std::vector<std::string> kHosts{"n1", "n10.cluster.edu", "10.0.0.7"};

std::string shown(const std::string& text) { return Privacy(false, kHosts, {"desk.lab.org", "ann"}).message(text); }

TEST(Privacy, who_asked_is_not_named_whatever_machine_it_was_at) {
  EXPECT_EQ(shown("interrupted; cancelled by bob@login.cluster.edu"), "interrupted; cancelled by somebody");
  EXPECT_EQ(shown("cancelled by 1000@n1; bob@x: Permission denied (publickey)."),
            "cancelled by somebody; somebody: Permission denied (publickey).");
  EXPECT_EQ(shown("'LAB\\bob.b-c@host-2'"), "'somebody'");
  EXPECT_EQ(shown("3 images @ 2 Hz, @rpath"), "3 images @ 2 Hz, @rpath");
}

TEST(Privacy, a_host_is_its_node_with_its_domain_and_without) {
  EXPECT_EQ(shown("agent 2 on n10 was lost, n10.cluster.edu:4711 refused, n1's too"),
            "agent 2 on node 2 was lost, node 2:4711 refused, node 1's too");
  EXPECT_EQ(shown("[n1.cluster.edu] slots on n1."), "[node 1] slots on node 1.");
  EXPECT_EQ(shown("10.0.0.7 took 10.5 s of 10"), "node 3 took 10.5 s of 10");
  EXPECT_EQ(shown("no place on n100 or en1"), "no place on n100 or en1") << "other words";
  EXPECT_THAT(Privacy(false, kHosts).nodes(), ElementsAre("node 1", "node 2", "node 3"));
}

TEST(Privacy, neither_is_the_machine_that_makes_the_report_nor_who_makes_it) {
  EXPECT_EQ(shown("desk: it belongs to ann, on desk.lab.org"), "another host: it belongs to somebody, on another host");
  EXPECT_EQ(Privacy(false, {"desk"}, {"desk", "root"}).message("desk, as root"), "node 1, as root");
  EXPECT_FALSE(maker_names().host.empty());
}

TEST(Privacy, all_of_it_stands_there_if_asked_for) {
  const Privacy privacy(true, kHosts, {"desk.lab.org", "ann"});
  EXPECT_EQ(privacy.message("bob@n1: /home/ann/x on desk"), "bob@n1: /home/ann/x on desk");
  EXPECT_EQ(privacy.nodes(), kHosts);
}

TEST(Privacy, no_text_is_lost) {
  for (const char* text : {"", ".", "...", "a.", "a..b", "(a) … „b“ ", "x=1;y=2\n"}) EXPECT_EQ(shown(text), text);
  EXPECT_EQ(Privacy(false, {""}, {"", ""}).message(". a b"), ". a b");
}

TEST(WithoutFolders, of_an_absolute_path_the_last_part_is_left) {
  EXPECT_EQ(without_folders("cannot read '/home/ann/store/jobs/ab/x.h5' (it is missing)"),
            "cannot read '…/x.h5' (it is missing)");
  EXPECT_EQ(without_folders("/scratch/ann: no space"), "…: no space");
  EXPECT_EQ(without_folders("a/b, 3/4 and 12 images/s at / and /tmp"), "a/b, 3/4 and 12 images/s at / and …");
  EXPECT_EQ(without_folders("file:///home/ann/x"), "file:…/x");
  EXPECT_EQ(without_folders(""), "");
}

}  // namespace
}  // namespace resolute::report::privacy_test
