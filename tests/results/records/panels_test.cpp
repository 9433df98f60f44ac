#include "results/records/panels.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "tests/support/equal.h"
#include "tests/support/pages.h"
#include "tests/support/refusal.h"

namespace resolute::results::panels_test {
namespace {

Panels example() {
  return {"people",
          18446744073709551615U,
          9,
          {{"a/1.jpg",
            5,
            2,
            3,
            2,
            {{"b/1.jpg", 6, 1, false}, {"b/2.jpg", 5, 1, true}},
            PanelReconstruction{{255, 0, -1}, {{3, {0.25, 31.0625, 0.5}}, {1, {0, 98.0, 1}}}}},
           {"a/ü \"2\".jpg", 7, 2, 8, 9, {{"b/1.jpg", 6, 1, false}}, std::nullopt},
           {"a/3.jpg", 8, 2, 1, 0, {}, std::nullopt}}};
}

TEST(Panels, come_back_as_they_were) {
  EXPECT_EQ(example(), parse_panels(panels_text(example()), "panels"));
  EXPECT_EQ('\n', panels_text(example()).back());
}

TEST(Panels, of_galleries_with_several_right_images_have_a_schema_of_their_own) {
  Panels several = example();
  several.protocol = settings::ProtocolName::kMultiShot;
  several.queries[0].ranked.push_back({"b/3.jpg", 5, 1, true});
  EXPECT_EQ(several, parse_panels(panels_text(several), "panels"));
  EXPECT_EQ(3, core::parse_json(panels_text(several), "panels").at("schema"));
  EXPECT_FALSE(core::parse_json(panels_text(example()), "panels").contains("protocol"));
  several.queries[0].rank = 3;  // the image before is right already
  EXPECT_THROW(parse_panels(panels_text(several), "panels"), core::RuntimeError);
  core::Json named = core::parse_json(panels_text(example()), "panels");
  named["schema"] = 3;
  for (const char* protocol : {"single-shot", "some-shot"}) {
    named["protocol"] = protocol;
    EXPECT_THROW(parse_panels(core::canonical_json(named), "panels"), core::RuntimeError) << protocol;
  }
}

TEST(Panels, the_documents_example_is_read) {
  const Panels panels =
      parse_panels(tests::fenced_blocks(tests::page_text("inside/formats/panels.md"), "")[0], "example");
  ASSERT_EQ(1U, panels.queries.size());
  EXPECT_EQ(3U, panels.queries[0].ranked.size());
  EXPECT_EQ(2U, panels.queries[0].reconstruction.value().recovered.size());
}

TEST(Panels, pictures_go_by_the_querys_number) {
  EXPECT_EQ("panels/gallery-007.png", gallery_panel_file(7));
  EXPECT_EQ("panels/reconstruction-123.png", reconstruction_panel_file(123));
}

std::string refusal(const core::Json& json) {
  const std::string message = tests::refusal([&] { parse_panels(core::canonical_json(json), "'panels.json'"); });
  EXPECT_TRUE(message.empty() || message.starts_with("'panels.json'")) << message;
  return message;
}

TEST(Panels, what_contradicts_itself_is_refused) {
  const core::Json good = core::parse_json(panels_text(example()), "panels");
  EXPECT_EQ("", refusal(good));
  const std::string query = "/queries/0", first = query + "/ranked/0", reconstruction = query + "/reconstruction";
  const std::vector<std::pair<std::string, core::Json>> wrong{
      {"/schema", 1},
      {"/more", 1},
      {"/queries", 3},
      {"/gallery_images", 1},
      {"/gallery_images", -1},
      {query + "/rate", 0},
      {query + "/rank", 1},
      {query + "/rank", 0},
      {"/queries/1/rank", 10},
      {query + "/ranked", "b/1.jpg"},
      {first + "/right", true},
      {first + "/identity", 5},
      {first + "/more", 5},
      {reconstruction, 3},
      {reconstruction + "/more", 1},
      {reconstruction + "/input/error", 256.0},
      {reconstruction + "/input/scale", 1},
      {reconstruction + "/input/psnr", -0.5},
      {reconstruction + "/recovered", core::Json::array()},
      {reconstruction + "/recovered", "none"},
      {reconstruction + "/recovered/0/error", -1.0},
      {reconstruction + "/recovered/0/ssim", 1.5},
      {reconstruction + "/recovered/0/scale", 1},
      {reconstruction + "/recovered/1/scale", 0},
      {"/queries/1/ranked", core::Json::array_t(8, good["queries"][1]["ranked"][0])}};
  for (const auto& [place, value] : wrong) {
    core::Json json = good;
    json[core::Json::json_pointer(place)] = value;
    EXPECT_NE("", refusal(json)) << place << " is " << value;
  }
  for (const std::string& place :
       {std::string("/split_seed"), reconstruction, reconstruction + "/input", reconstruction + "/recovered/0/scale"}) {
    core::Json json = good;
    const core::Json::json_pointer at(place);
    json[at.parent_pointer()].erase(at.back());
    EXPECT_NE("", refusal(json)) << "without " << place;
  }
}

}  // namespace
}  // namespace resolute::results::panels_test
