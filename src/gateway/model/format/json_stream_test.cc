#include "gateway/model/format/json_stream.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::gateway::model {
namespace {

/// Writes down what it comes across.
class Notes final : public JsonSink {
 public:
  void on_begin(bool object, std::size_t at) override { add(object ? "{" : "[", at); }

  void on_end(bool object, std::size_t end) override { add(object ? "}" : "]", end); }

  void on_key(std::string_view name, ByteRange at) override { add(concat("k:", name), at.begin); }

  void on_text(std::string_view piece) override { pieces += piece; }

  void on_string(std::string_view kept, std::size_t size, ByteRange at) override {
    add(concat("s:", kept, "/", size), at.begin);
  }

  void on_literal(std::string_view text, ByteRange at) override {
    add(concat("l:", text, "..", at.end), at.begin);
  }

  void add(std::string_view what, std::size_t at) { seen += concat(what, '@', at, ' '); }

  std::string seen;
  std::string pieces;
};

std::string notes_of(std::string_view text, std::size_t piece) {
  Notes notes;
  JsonStream stream(notes, 8);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (!stream.feed(text.substr(at, piece))) {
      return stream.problem();
    }
  }
  return stream.finish() ? notes.seen + notes.pieces : stream.problem();
}

TEST(JsonStream, TellsWhatItComesAcrossAndWhere) {
  EXPECT_EQ(
      notes_of(R"( {"a":[1,-2.5e3,true],"b\u0041":"x\ny"} )", 1000),
      "{@1 k:a@2 [@6 l:1..8@7 l:-2.5e3..15@9 l:true..20@16 ]@21 k:bA@22 s:x\ny/3@32 }@39 x\ny"
  );
}

TEST(JsonStream, ReadsTheSameHoweverItIsCut) {
  const std::string text =
      "{\"grüße\":[\"日本語 \\ud83d\\ude00 \xF0\x9F\x98\x80 plain text that is long\",null,12]}";
  const std::string whole = notes_of(text, 1000);
  ASSERT_TRUE(whole.starts_with("{@0")) << whole;
  for (std::size_t piece = 1; piece < 12; ++piece) {
    EXPECT_EQ(notes_of(text, piece), whole) << piece;
  }
}

TEST(JsonStream, RefusesWhatIsNoJson) {
  for (const std::string_view text :
       {"",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "1.",
        "-",
        "+1",
        ".5",
        "1e",
        "nul",
        "nulL",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "[1 2]",
        "1 2",
        "{} {}",
        "[}",
        "\"\xFF\"",
        "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"",
        "\"\xF4\x90\x80\x80\"",
        "\"\xE2\x82\"",
        "[[[[[[[[[1]]]]]]]]]",
        "'a'",
        "NaN",
        "[1]x"}) {
    for (const std::size_t piece : {1U, 3U, 100U}) {
      EXPECT_TRUE(notes_of(text, piece).starts_with("expected ")) << text;
    }
  }
  EXPECT_EQ(notes_of("[1,]", 9), "expected a value at byte 3");
}

TEST(JsonStream, TakesSurrogatesThatStandAlone) {
  EXPECT_EQ(notes_of(R"("\ud800x")", 9), "s:\xEF\xBF\xBDx/4@0 \xEF\xBF\xBDx");
  EXPECT_EQ(notes_of(R"("\ud800\ud800")", 9), notes_of(R"("\udc00\udc00")", 2));
}

TEST(JsonStream, KeepsTheBeginningOfLongStringsOnly) {
  Notes notes;
  JsonStream stream(notes, 8);
  const std::string text = concat('"', std::string(5'000, 'x'), '"');
  EXPECT_TRUE(stream.feed(text) && stream.finish());
  EXPECT_EQ(notes.seen, concat("s:", std::string(kJsonKeptBytesMax, 'x'), "/5000@0 "));
  EXPECT_EQ(notes.pieces.size(), 5'000U);
}

TEST(JsonStream, AgreesWithTheParser) {
  for (const std::string_view text :
       {"{\"a\":[{},[],\"\",0,-0,1e-7,false]}",
        "[\"\\\\\\\"\\/\\b\"]",
        "\"\\u0000\"",
        " 7 ",
        "[1,2",
        "{\"a\":tru}",
        "[\"a\",]"}) {
    EXPECT_EQ(!notes_of(text, 2).starts_with("expected"), parse_json(text).ok()) << text;
  }
}

}  // namespace
}  // namespace reeve::gateway::model
