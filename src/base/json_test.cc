#include "base/json.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve {
namespace {

Json parsed(std::string_view text) {
  const auto result = parse_json(text);
  EXPECT_TRUE(result.ok()) << text << ": " << (result.ok() ? "" : result.error().describe());
  return result.ok() ? *result : Json();
}

Error refused(std::string_view text) {
  auto result = parse_json(text);
  EXPECT_FALSE(result.ok()) << text;
  return result.ok() ? make_error(ErrorCode::Io, "accepted") : std::move(result).error();
}

TEST(ParseJson, ReadsEveryKindOfValue) {
  EXPECT_TRUE(parsed("null").is_null());
  EXPECT_EQ(parsed(" true ").as_bool(), true);
  EXPECT_EQ(parsed("false").as_bool(), false);
  EXPECT_EQ(parsed("-12").as_int(), -12);
  EXPECT_EQ(parsed("1.5").as_double(), 1.5);
  EXPECT_EQ(parsed("\"x\"").as_string(), "x");
  EXPECT_EQ(parsed("[1,[],{}]").as_array().size(), 3U);
  EXPECT_EQ(parsed("{\"a\":{\"b\":[true]}}").find("a")->find("b")->as_array().size(), 1U);
  EXPECT_EQ(parsed("\t{ \"a\" :\n1 , \"b\" : [ ] }\r\n").as_object().size(), 2U);
}

TEST(ParseJson, KeepsTheOrderOfMembers) {
  EXPECT_EQ(parsed(R"({"z":1,"a":2,"m":3})").dump(), R"({"z":1,"a":2,"m":3})");
}

TEST(ParseJson, KeepsWholeNumbersExact) {
  EXPECT_EQ(parsed("9223372036854775807").as_int(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parsed("-9223372036854775808").as_int(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parsed("9007199254740993").dump(), "9007199254740993");
  EXPECT_TRUE(parsed("9223372036854775808").is_double());
  EXPECT_EQ(parsed("-0").dump(), "0");
  EXPECT_TRUE(parsed("1.0").is_double());
  EXPECT_TRUE(parsed("1e2").is_double());
  EXPECT_EQ(parsed("1.0").dump(), "1.0");
}

TEST(ParseJson, RefusesNumbersThatAreNone) {
  for (const std::string_view text :
       {"01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "-Infinity",
        "--1",
        "1e999",
        "-1e999",
        "1.e5",
        "00"}) {
    EXPECT_FALSE(parse_json(text).ok()) << text;
  }
}

TEST(ParseJson, DecodesEscapesAndSurrogates) {
  EXPECT_EQ(parsed(R"("\"\\\/\b\f\n\r\t")").as_string(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(parsed(R"("\u0041\u00e4\u20AC")").as_string(), "Aä€");
  EXPECT_EQ(parsed(R"("\ud83d\ude00")").as_string(), "\xF0\x9F\x98\x80");
  EXPECT_EQ(parsed(R"("\u0000")").as_string(), std::string(1, '\0'));
  for (const std::string_view text :
       {R"("\ud83d")",
        R"("\ud83dx")",
        R"("\ud83d\u0041")",
        R"("\ude00")",
        R"("\u12")",
        R"("\u12g4")",
        R"("\x41")",
        R"("\)",
        R"("\u)",
        R"("\ud83d\u)",
        R"("\ud83d\ud83d")"}) {
    EXPECT_FALSE(parse_json(text).ok()) << text;
  }
}

TEST(ParseJson, RefusesBrokenTexts) {
  for (const std::string_view text :
       {"",
        " ",
        "nul",
        "nulll",
        "tru",
        "True",
        "{",
        "}",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,]",
        "[1 2]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{,}",
        "\"a",
        "'a'",
        "1 2",
        "[] x",
        "\"a\nb\"",
        "\"\x01\"",
        "// c\n1",
        "\xEF\xBB\xBF 1"}) {
    EXPECT_FALSE(parse_json(text).ok()) << text;
  }
  EXPECT_EQ(refused(std::string_view("1\0", 2)).message, "unexpected text after the JSON value");
}

TEST(JsonText, CanAlwaysBeReadBackEvenIfItWasNoText) {
  std::string out;
  append_json_string(out, "a\xFF\xC3(\xE2\x82\xAC");
  const Result<Json> back = parse_json(out);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->as_string(), "a\xEF\xBF\xBD\xEF\xBF\xBD(\xE2\x82\xAC");
}

TEST(ParseJson, RefusesInvalidUtf8) {
  EXPECT_FALSE(parse_json("\"\xFF\"").ok()) << "\"\xFF\"";
  EXPECT_FALSE(parse_json("\"\xED\xA0\x80\"").ok()) << "\"\xED\xA0\x80\"";
  EXPECT_FALSE(parse_json("\"\xC3").ok()) << "\"\xC3";
}

TEST(ParseJson, RefusesDuplicateMembers) {
  EXPECT_EQ(refused(R"({"a":1,"b":2,"a":3})").message, "duplicate member \"a\"");
  EXPECT_EQ(refused(R"({"a":1,"\u0061":3})").message, "duplicate member \"a\"");
  std::string large = "{";
  for (int i = 0; i < 100; ++i) {
    large += concat("\"k", i, "\":", i, ",");
  }
  EXPECT_EQ(refused(large + "\"k7\":0}").message, "duplicate member \"k7\"");
  EXPECT_EQ(refused(large + "\"k99\":0}").message, "duplicate member \"k99\"");
  EXPECT_EQ(parsed(large + "\"k100\":0}").as_object().size(), 101U);
}

TEST(ParseJson, NamesThePlaceOfAnError) {
  EXPECT_EQ(refused("{\n  \"a\": 1,\n  \"b\": nope\n}").position, (Position{3, 8}));
  EXPECT_EQ(refused("[1, 2").position, (Position{1, 6}));
  EXPECT_EQ(refused("x").position, (Position{1, 1}));
}

TEST(ParseJson, StopsAtItsLimits) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(128)).ok());
  const auto deep = parse_json(nested(200));
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().code, ErrorCode::LimitExceeded);
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')).ok());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) {
    objects += "{\"a\":";
  }
  EXPECT_EQ(parse_json(objects).error().code, ErrorCode::LimitExceeded);
  const JsonLimits small{.depth_max = 2, .size_bytes_max = 10};
  EXPECT_TRUE(parse_json("[[1]]", small).ok());
  EXPECT_EQ(parse_json("[[[1]]]", small).error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(parse_json("\"0123456789\"", small).error().code, ErrorCode::LimitExceeded);
}

TEST(Json, WritesWhatItReads) {
  for (const std::string_view text :
       {"null",
        "true",
        "[]",
        "{}",
        "[1,-2,3.5]",
        R"({"a":[{"b":null}],"c":"ä\"\\\n\u0001"})",
        "1e+300",
        "5e-324",
        "0.1",
        "-0.0"}) {
    EXPECT_EQ(parsed(text).dump(), text);
  }
}

TEST(Json, ControlCharactersAreEscapedAndOtherTextIsNot) {
  std::string all;
  for (char c = 0; c < 0x20; ++c) {
    all.push_back(c);
  }
  all += "\x7F\"\\/€";
  const std::string text = Json(all).dump();
  for (const char c : text) {
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20U);
  }
  EXPECT_EQ(parsed(text).as_string(), all);
}

TEST(Json, DoublesSurviveARoundTrip) {
  std::mt19937_64 random(20261121);
  int tried = 0;
  while (tried < 200'000) {
    const double number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) {
      continue;
    }
    ++tried;
    const auto back = parse_json(Json(number).dump());
    ASSERT_TRUE(back.ok()) << Json(number).dump();
    ASSERT_TRUE(back->is_double()) << Json(number).dump();
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back->as_double()), std::bit_cast<std::uint64_t>(number))
        << Json(number).dump();
  }
}

TEST(Json, WholeNumbersSurviveARoundTrip) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const auto number = static_cast<std::int64_t>(random() >> (random() % 64));
    const auto back = parse_json(Json(number).dump());
    ASSERT_TRUE(back.ok());
    ASSERT_EQ(back->as_int(), number);
  }
}

TEST(Json, LargeUnsignedNumbersBecomeDoubles) {
  EXPECT_TRUE(Json(std::uint64_t{1} << 62U).is_int());
  EXPECT_TRUE(Json(std::numeric_limits<std::uint64_t>::max()).is_double());
}

TEST(Json, NumbersThatJsonHasNotAreNull) {
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
  EXPECT_EQ(Json(std::numeric_limits<double>::quiet_NaN()).dump(), "null");
}

TEST(Json, RandomDocumentsSurviveARoundTrip) {
  std::mt19937_64 random(99);
  const std::function<Json(int)> make = [&](int depth) -> Json {
    switch (random() % (depth > 4 ? 5 : 7)) {
      case 0:
        return Json();
      case 1:
        return Json(random() % 2 == 0);
      case 2:
        return Json(static_cast<std::int64_t>(random()));
      case 3:
        return Json(static_cast<double>(random()) / 7.0);
      case 4:
        return Json(concat("s\n\"", random(), "ü"));
      case 5: {
        Json list = Json::array();
        for (std::uint64_t i = random() % 5; i > 0; --i) {
          list.push(make(depth + 1));
        }
        return list;
      }
      default: {
        Json object = Json::object();
        for (std::uint64_t i = random() % 5; i > 0; --i) {
          object.set(concat("k", i), make(depth + 1));
        }
        return object;
      }
    }
  };
  for (int i = 0; i < 1000; ++i) {
    const Json json = make(0);
    EXPECT_EQ(parsed(json.dump()), json);
    EXPECT_EQ(parsed(json.pretty()), json);
  }
}

TEST(Json, PrettyTextIsForPeople) {
  EXPECT_EQ(
      parsed(R"({"a":1,"b":[true,{"c":null}],"d":{},"e":[]})").pretty(),
      "{\n"
      "  \"a\": 1,\n"
      "  \"b\": [\n"
      "    true,\n"
      "    {\n"
      "      \"c\": null\n"
      "    }\n"
      "  ],\n"
      "  \"d\": {},\n"
      "  \"e\": []\n"
      "}\n"
  );
}

TEST(Json, SetReplacesOrAppendsAndMakesObjectsOfNull) {
  Json json;
  json.set("a", 1).set("b", 2).set("a", 3);
  EXPECT_EQ(json.dump(), R"({"a":3,"b":2})");
  Json list;
  list.push(1).push("x");
  EXPECT_EQ(list.dump(), R"([1,"x"])");
}

TEST(Json, FallbacksServeForAbsentMembersAndOtherTypes) {
  const Json json = parsed(R"({"s":"x","n":7,"b":true})");
  EXPECT_EQ(json.get_string("s"), "x");
  EXPECT_EQ(json.get_string("n", "f"), "f");
  EXPECT_EQ(json.get_int("n"), 7);
  EXPECT_EQ(json.get_int("s", -1), -1);
  EXPECT_EQ(json.get_int("absent", 5), 5);
  EXPECT_TRUE(json.get_bool("b"));
  EXPECT_FALSE(json.get_bool("n"));
  EXPECT_EQ(Json(3).find("a"), nullptr);
  EXPECT_EQ(Json(3).get_string("a", "f"), "f");
}

TEST(JsonDeathTest, AccessorsStopTheProgramOnOtherTypes) {
  EXPECT_DEATH(static_cast<void>(Json(1).as_string()), "is_string");
  EXPECT_DEATH(static_cast<void>(Json("x").as_int()), "is_int");
  EXPECT_DEATH(static_cast<void>(Json(1.5).as_int()), "is_int");
}

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.member("a", 1);
  writer.key("b");
  writer.begin_array();
  writer.value(true);
  writer.value("x\n");
  writer.begin_object();
  writer.end_object();
  writer.value(std::uint64_t{18446744073709551615U});
  writer.end_array();
  writer.member("c", Json(Json::Object{{"d", Json()}}));
  writer.member("e", std::int64_t{-5});
  writer.end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[true,"x\n",{},18446744073709551615],"c":{"d":null},"e":-5})");
}

}  // namespace
}  // namespace reeve
