// Other images under the name of a pack: whatever names them (a root, a list, a variable, another suite, `data
// ingest`), the numbers of the images that were packed are not given out as theirs.

#include <algorithm>

#include "core/files/json.h"
#include "tests/system/program.h"

namespace resolute::system_test::other_images_test {
namespace {

void draw(const fs::path& out, int identities) {
  succeeded(resolute({"data", "synth", "--layout", "csv", "--irregular", "no", "--out", out, "--identities",
                      std::to_string(identities), "--height", "64", "--width", "32"}));
}

// One suite, run to its end on the folder `one`; `two` is another person's.
class OtherImages : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    draw(*scratch_ / "one", 20);
    draw(*scratch_ / "two", 24);
    write(*scratch_ / "street.toml", suite("street", "one"));
    succeeded(run("street.toml"));
  }

  static std::string suite(const std::string& name, const std::string& root, const std::string& more = "") {
    return "suite = \"" + name +
           "\"\ntitle = \"My street\"\n"
           "defaults = { method = \"baseline\", trials = 1, backbone = \"resnet-small\", height = 64, width = 32, "
           "train = { steps = 1, identities = 4, images = 2 } }\n"
           "dataset = [{ id = \"street\", source = \"csv\", root = \"" +
           root + "\"" + more +
           " }]\n[[table]]\nid = \"main\"\ntitle = \"My street\"\nmetrics = [\"rank1\"]\ndatasets = [\"street\"]\n"
           "row = [{ id = \"baseline\", label = \"Baseline\" }]\n";
  }
  // The files share a suite's name on purpose: what differs here is the images.
  static Words words(const std::string& verb, const std::string& file, const Words& more = {}) {
    return joined({"suite", verb, *scratch_ / file, "--store", store(), "--same-suite"}, more);
  }
  static CommandOutput run(const std::string& file, const Words& more = {}) {
    return resolute(words("run", file, more));
  }
  // `run` does nothing, since all is done and the images are those of the pack.
  static void expect_done(const std::string& file, const Words& more = {}) {
    EXPECT_THAT(succeeded(run(file, more)).err, HasSubstr("4 jobs done before, 0 now")) << file;
  }
  // Each command that plans jobs refuses, and leaves nothing behind.
  static void expect_refused(const std::string& file, const std::string& part) {
    const auto before = core::real_file_system().list(store() / "suites");
    expect_refusal(run(file), 2, part);
    expect_refusal(resolute(words("plan", file)), 2, part);
    expect_refusal(resolute(words("submit", file, {"--nodes", "1", "--time", "10", "--dry-run"})), 2, part);
    EXPECT_EQ(core::real_file_system().list(store() / "suites"), before);
  }
  // A copy of the folder `one`, and a suite on it.
  static fs::path copy(const std::string& name) {
    fs::copy(*scratch_ / "one", *scratch_ / name, fs::copy_options::recursive);
    write(*scratch_ / (name + ".toml"), suite("street", name));
    return *scratch_ / name;
  }
  static std::vector<std::string> list_of(const fs::path& root) { return lines_of(text_of(root / "images.csv")); }
  static void write_list(const fs::path& root, const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    write(root / "images.csv", text);
  }
};

TEST_F(OtherImages, are_not_those_that_links_lead_to) {
  const fs::path farm = copy("farm"), fresh = *scratch_ / "fresh";
  for (const auto& entry : fs::recursive_directory_iterator(*scratch_ / "one")) {
    if (entry.path().extension() != ".png") continue;
    const fs::path link = farm / entry.path().lexically_relative(*scratch_ / "one");
    fs::remove(link);
    fs::create_symlink(entry.path(), link);
  }
  expect_done("farm.toml");  // packed before they were links
  expect_refusal(resolute({"data", "ingest", "csv", "--root", farm, "--store", fresh}), 2,
                 " lies behind a symbolic link, and ");
  write(*scratch_ / "followed.toml", suite("street", "farm", ", follow_links = true"));
  expect_done("followed.toml");
  succeeded(resolute({"suite", "run", *scratch_ / "followed.toml", "--store", fresh}));
  const auto packs = core::real_file_system().list(fresh / "packs");
  ASSERT_EQ(packs.size(), 1U);
  EXPECT_EQ(text_of(fresh / "packs" / packs[0] / "pack.json"), text_of(store() / "packs" / packs[0] / "pack.json"));
}

TEST_F(OtherImages, under_a_root_that_was_changed_are_refused) {
  write(*scratch_ / "changed.toml", suite("street", "two"));
  expect_refused("changed.toml", "data set 'street' is packed from (");
  expect_refused("changed.toml", "the first: '");
  // Tables are printed on machines without images.
  for (const char* verb : {"table", "status"}) succeeded(resolute(words(verb, "changed.toml")));
}

TEST_F(OtherImages, under_a_second_suite_of_the_same_id_are_refused) {
  write(*scratch_ / "other.toml", suite("other", "two"));
  expect_refused("other.toml", "data set 'street' is packed from");
}

TEST_F(OtherImages, under_a_variable_that_leads_elsewhere_are_refused) {
  write(*scratch_ / "variable.toml", suite("street", "${STREET}"));
  const auto with = [&](const std::string& root) {
    auto environment = program_environment();
    environment["STREET"] = *scratch_ / root;
    return run_program(joined({kBin / "resolute"}, words("run", "variable.toml")), environment);
  };
  EXPECT_THAT(succeeded(with("one")).err, HasSubstr("0 now"));
  expect_refusal(with("two"), 2, "does not hold the images that data set 'street' is packed from");
}

TEST_F(OtherImages, under_a_list_that_numbers_people_otherwise_are_refused) {
  const fs::path root = copy("renumbered");
  auto lines = list_of(root);
  // The first two people of training change places: as many images of each as before.
  for (auto& line : lines)
    for (const auto& [folder, other] : {std::pair("images/0001/", ",2,"), std::pair("images/0002/", ",1,")})
      if (line.starts_with(folder)) line.replace(line.find(','), 3, other);
  write_list(root, lines);
  expect_refused("renumbered.toml", "of other labels; the first: 'images/0001/01-0001.png' has identity 1 there and 2");
}

TEST_F(OtherImages, of_an_ingest_are_refused_with_what_differs) {
  const Words ingest{"data", "ingest",  "csv", "--name",  "street", "--height",
                     "64",   "--width", "32",  "--store", store()};
  expect_refusal(resolute(joined(ingest, {"--root", *scratch_ / "two"})), 2, "does not hold the images that data set");
  succeeded(resolute(joined(ingest, {"--root", *scratch_ / "one"})));
}

TEST_F(OtherImages, are_none_where_the_folder_moved_or_the_list_is_in_another_order) {
  const fs::path root = copy("moved");
  auto lines = list_of(root);
  std::reverse(lines.begin() + 1, lines.end());
  write_list(root, lines);
  expect_done("moved.toml");
  fs::create_directory_symlink(root, *scratch_ / "linked");
  write(*scratch_ / "linked.toml", suite("street", (*scratch_ / "linked").string()));
  expect_done("linked.toml");
  expect_done("linked.toml", {"--same-images"});
}

TEST_F(OtherImages, of_another_size_or_name_are_refused_and_of_the_same_size_only_by_their_bytes) {
  const fs::path root = copy("edited"), image = root / "images/0003/01-0001.png";
  std::string bytes = text_of(image);
  bytes[bytes.size() / 2] ^= 1;
  write(image, bytes);
  expect_done("edited.toml");  // the cheap look cannot see it
  expect_refusal(run("edited.toml", {"--same-images"}), 2, "'images/0003/01-0001.png' has SHA-256");
  write(image, bytes + "more");
  expect_refused("edited.toml", "1 path differs: 1 of another size; the first: 'images/0003/01-0001.png' has ");
  fs::rename(image, root / "images/0003/01-0001.PNG");
  auto lines = list_of(root);
  for (auto& line : lines)
    if (line.starts_with("images/0003/01-0001.png")) line.replace(20, 3, "PNG");
  write_list(root, lines);
  expect_refused("edited.toml", "2 paths differ: 1 missing, 1 new");
}

TEST_F(OtherImages, of_a_pack_without_sizes_are_known_once_bytes_were_compared) {
  const auto pack = *fs::directory_iterator(store() / "packs");
  const fs::path sizes = pack.path() / "images.json";
  const std::string recorded = text_of(sizes);
  fs::remove(sizes);
  expect_done("street.toml");
  EXPECT_FALSE(fs::exists(sizes));
  expect_done("street.toml", {"--same-images"});
  EXPECT_EQ(text_of(sizes), recorded);
}

TEST_F(OtherImages, of_a_pack_that_is_not_sealed_replace_those_that_it_was_begun_with) {
  const Words two_shards{"--set", "shards=2"};
  write(*scratch_ / "begun.toml", suite("begun", "one"));
  EXPECT_EQ(code_of(run("begun.toml", joined(two_shards, {"--max-jobs", "1", "--slots", "1"}))), 3);
  write(*scratch_ / "begun.toml", suite("begun", "two"));
  EXPECT_THAT(
      succeeded(run("begun.toml", two_shards)).err,
      testing::AllOf(HasSubstr("data set 'street': 1 of 2 shards are made anew"), HasSubstr("0 jobs done before")));
  EXPECT_THAT(succeeded(run("begun.toml", two_shards)).err, HasSubstr("5 jobs done before, 0 now"));
  write(*scratch_ / "begun.toml", suite("begun", "one"));
  expect_refusal(run("begun.toml", two_shards), 2, "is packed from");
}

}  // namespace
}  // namespace resolute::system_test::other_images_test
