#include "core/files/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "tests/support/refusal.h"

namespace resolute::core::json_test {
namespace {

using tests::refusal;

TEST(CanonicalJsonTest, sorts_keys_and_keeps_types) {
  Json value = parse_json(R"({"b": [1, 1.0, -2.5e-7, true, null], "a": "x\u00e9\n"})", "text");
  EXPECT_EQ(canonical_json(value), "{\"a\":\"x\xC3\xA9\\n\",\"b\":[1,1.0,-2.5e-07,true,null]}");
}

TEST(CanonicalJsonTest, refuses_numbers_that_json_cannot_hold) {
  EXPECT_THROW(canonical_json(Json(std::numeric_limits<double>::infinity())), ContractError);
}

TEST(CanonicalTextTest, is_that_of_canonical_json) {
  const CanonicalText inner = {{"b", std::vector<int>{3, -1}}, {"a", std::vector<int>()}};
  const CanonicalText text = {{"z", -7},       {"text", std::string("x\xC3\xA9\n\"")},
                              {"word", "w"},   {"large", std::numeric_limits<std::uint64_t>::max()},
                              {"real", 2.0},   {"small", 1e-7},
                              {"yes", true},   {"none", CanonicalText()},
                              {"inner", inner}};
  EXPECT_EQ(text.text(), canonical_json(parse_json(text.text(), "text")));
  EXPECT_EQ(text.text(),
            R"({"inner":{"a":[],"b":[3,-1]},"large":18446744073709551615,"none":null,"real":2.0,"small":1e-07,)"
            "\"text\":\"x\xC3\xA9\\n\\\"\",\"word\":\"w\",\"yes\":true,\"z\":-7}");
  EXPECT_THROW(static_cast<void>(CanonicalText(std::numeric_limits<double>::quiet_NaN())), ContractError);
}

RC_GTEST_PROP(CanonicalJsonTest, doubles_come_back_to_the_bit, (double value)) {
  RC_PRE(std::isfinite(value));
  Json back = parse_json(canonical_json(Json(value)), "text");
  RC_ASSERT(back.is_number_float());
  RC_ASSERT(back.get<double>() == value);
}

TEST(ParseJsonTest, refuses_what_is_not_one_clean_document) {
  for (const char* text : {"", "{", "{} x", R"({"a":1,"a":2})", "\"\xff\"", "[1,]", "nul", "1e999"})
    EXPECT_NE(refusal([&] { parse_json(text, "spec.json"); }).find("spec.json: "), std::string::npos) << text;
  EXPECT_NE(refusal([&] { parse_json(R"({"a":1,"a":2})", "f"); }).find("'a' stands twice"), std::string::npos);
}

TEST(ParseJsonTest, survives_hostile_nesting) {
  std::string deep(1000000, '[');
  EXPECT_NE(refusal([&] { parse_json(deep, "f"); }).find("deeper than"), std::string::npos);
}

TEST(ObjectReaderTest, reads_values_of_the_asked_type) {
  Json value = parse_json(R"({"n": 3, "x": 2, "s": "t", "list": [1, 2], "flag": false})", "f");
  ObjectReader reader(value, "f");
  EXPECT_EQ(reader.required<int>("n"), 3);
  EXPECT_EQ(reader.required<double>("x"), 2.0);
  EXPECT_EQ(reader.required<std::string>("s"), "t");
  EXPECT_EQ(reader.required<std::vector<int>>("list"), (std::vector<int>{1, 2}));
  EXPECT_EQ(reader.optional<bool>("flag", true), false);
  EXPECT_EQ(reader.optional<int>("absent", 7), 7);
  EXPECT_NO_THROW(reader.finish());
}

TEST(ObjectReaderTest, names_the_type_of_what_is_no_object) {
  for (const auto& [text, type] : {std::pair("[]", "array"), std::pair("null", "null"), std::pair("3", "number")}) {
    const Json value = parse_json(text, "f");
    EXPECT_EQ(refusal([&] { ObjectReader(value, "f.json"); }),
              std::string("f.json: the JSON is of type '") + type + "' (an object is needed)");
  }
}

TEST(ObjectReaderTest, names_place_key_and_need) {
  Json value = parse_json(R"({"n": "three", "big": 5000000000, "extra": 1})", "f");
  ObjectReader reader(value, "f.json");
  EXPECT_EQ(refusal([&] { reader.required<int>("n"); }),
            "f.json: key 'n' has the value \"three\" (an integer is needed)");
  EXPECT_NE(refusal([&] { reader.required<int>("big"); }).find("in range"), std::string::npos);
  EXPECT_EQ(refusal([&] { reader.required<int>("none"); }), "f.json: key 'none' is missing");
  EXPECT_EQ(refusal([&] { reader.finish(); }), "f.json: unknown key 'extra'; known keys are big, n, none");
}

}  // namespace
}  // namespace resolute::core::json_test
