#include "results/panels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/error.h"
#include "core/file_system.h"
#include "core/json.h"
#include "tests/support/folders.h"

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

TEST(Panels, the_documents_example_is_read) {
  const auto page = tests::source_folder() / "docs/formats/panels.md";
  const std::string text = core::read_text(core::real_file_system(), page);
  const auto begin = text.find("```\n") + 4;
  const Panels panels = parse_panels(text.substr(begin, text.find("```", begin) - begin), "example");
  ASSERT_EQ(1U, panels.queries.size());
  EXPECT_EQ(3U, panels.queries[0].ranked.size());
  EXPECT_EQ(2U, panels.queries[0].reconstruction.value().recovered.size());
}

TEST(Panels, pictures_go_by_the_querys_number) {
  EXPECT_EQ("panels/gallery-007.png", gallery_panel_file(7));
  EXPECT_EQ("panels/reconstruction-123.png", reconstruction_panel_file(123));
}

TEST(Panels, what_contradicts_itself_is_refused) {
  const auto refused = [](const std::function<void(core::Json&)>& change) {
    core::Json json = core::parse_json(panels_text(example()), "panels");
    change(json);
    try {
      parse_panels(core::canonical_json(json), "'panels.json'");
    } catch (const core::RuntimeError& error) {
      EXPECT_EQ(core::ErrorKind::kInput, error.kind());
      EXPECT_TRUE(std::string(error.what()).starts_with("'panels.json'")) << error.what();
      return true;
    }
    return false;
  };
  EXPECT_FALSE(refused([](core::Json&) {}));
  EXPECT_TRUE(refused([](core::Json& json) { json["schema"] = 1; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["more"] = 1; }));
  EXPECT_TRUE(refused([](core::Json& json) { json.erase("split_seed"); }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"] = 3; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["gallery_images"] = 1; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["gallery_images"] = -1; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][0]["rate"] = 0; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][0]["rank"] = 1; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][0]["rank"] = 0; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][1]["rank"] = 10; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][0]["ranked"] = "b/1.jpg"; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][0]["ranked"][0]["right"] = true; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][0]["ranked"][0]["identity"] = 5; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][0]["ranked"][0]["more"] = 5; }));
  EXPECT_TRUE(refused([](core::Json& json) { json["queries"][0].erase("reconstruction"); }));
  const auto refused_reconstruction = [&](const std::function<void(core::Json&)>& change) {
    return refused([&](core::Json& json) { change(json["queries"][0]["reconstruction"]); });
  };
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json = 3; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json.erase("input"); }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["more"] = 1; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["input"]["error"] = 256.0; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["input"]["scale"] = 1; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["input"]["psnr"] = -0.5; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["recovered"] = core::Json::array(); }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["recovered"] = "none"; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["recovered"][0]["error"] = -1.0; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["recovered"][0]["ssim"] = 1.5; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["recovered"][0].erase("scale"); }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["recovered"][0]["scale"] = 1; }));
  EXPECT_TRUE(refused_reconstruction([](core::Json& json) { json["recovered"][1]["scale"] = 0; }));
  EXPECT_TRUE(refused([](core::Json& json) {
    for (int i = 0; i < 7; ++i) json["queries"][1]["ranked"].push_back(json["queries"][1]["ranked"][0]);
  }));
}

}  // namespace
}  // namespace resolute::results::panels_test
