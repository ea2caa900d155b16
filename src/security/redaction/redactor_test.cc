#include "security/redaction/redactor.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "security/redaction/encodings.h"

namespace reeve::redaction {
namespace {

constexpr std::string_view kToken = "ghp_s3cr3t/Value+Zz";

std::shared_ptr<const Patterns> patterns_of(const std::vector<std::string_view>& values) {
  auto made = Patterns::make(values);
  EXPECT_TRUE(made.ok());
  return *made;
}

std::string masked(std::string_view value, std::string_view text) {
  return redact(patterns_of({value}), text);
}

/// What the redactor must give: every occurrence of every form, overlapping ones together.
std::string expected(const std::vector<std::string_view>& values, std::string_view text) {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const std::string_view value : values) {
    for (const std::string& form : forms_of(value)) {
      for (std::size_t at = text.find(form); at != std::string_view::npos;
           at = text.find(form, at + 1)) {
        ranges.emplace_back(at, at + form.size());
      }
    }
  }
  std::sort(ranges.begin(), ranges.end());
  std::string out;
  std::size_t done = 0;
  for (std::size_t i = 0; i < ranges.size();) {
    std::size_t end = ranges[i].second;
    const std::size_t begin = ranges[i].first;
    for (++i; i < ranges.size() && ranges[i].first < end; ++i) {
      end = std::max(end, ranges[i].second);
    }
    out.append(text.substr(done, begin - done)).append(kMask);
    done = end;
  }
  return out.append(text.substr(done));
}

std::string in_pieces(
    const std::shared_ptr<const Patterns>& patterns, const std::vector<std::string_view>& pieces
) {
  Redactor redactor(patterns);
  std::string out;
  for (const std::string_view piece : pieces) {
    redactor.feed(piece, out);
  }
  redactor.flush(out);
  return out;
}

TEST(Redactor, MasksAValueAndPassesEverythingElseByteByByte) {
  EXPECT_EQ(
      masked("hunter22", "user hunter22, again: hunter22\n\0x"), "user [****], again: [****]\n"
  );
  std::string every_byte;
  for (int i = 0; i < 256; ++i) {
    every_byte.push_back(static_cast<char>(i));
  }
  EXPECT_EQ(masked("hunter22", every_byte), every_byte);
}

TEST(Redactor, GivesTheSameForEverySplitOfTheInput) {
  const std::vector<std::string_view> values = {kToken, "abcab", "cabcd", "aaaa"};
  const auto patterns = patterns_of(values);
  for (const std::string_view text :
       {"xx ghp_s3cr3t/Value+Zz yy",
        "abcabcd",
        "aaaaaaaaa",
        "aaaabcabcabcdaaaab",
        "abcababcabcabc",
        "ghp_s3cr3t/Value+Zghp_s3cr3t/Value+Zz",
        "Z2hwX3MzY3IzdC9WYWx1ZStaeg=="}) {
    const std::string want = expected(values, text);
    for (std::size_t i = 0; i <= text.size(); ++i) {
      for (std::size_t k = i; k <= text.size(); ++k) {
        EXPECT_EQ(
            in_pieces(patterns, {text.substr(0, i), text.substr(i, k - i), text.substr(k)}), want
        ) << text
          << " split at " << i << " and " << k;
      }
    }
  }
}

TEST(Redactor, GivesTheSameForRandomTextInRandomPieces) {
  const std::vector<std::string_view> values = {"abab", "babb", "aabba", "bbbbbb"};
  const auto patterns = patterns_of(values);
  std::uint64_t seed = 42;
  const auto random = [&seed](std::uint64_t below) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (seed >> 33U) % below;
  };
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::uint64_t i = random(60); i > 0; --i) {
      text.push_back("aabbc"[random(5)]);
    }
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = random(5);
      pieces.push_back(std::string_view(text).substr(at, size));
      at += size;
    }
    EXPECT_EQ(in_pieces(patterns, pieces), expected(values, text)) << text;
  }
}

TEST(Redactor, MakesOneMaskOfOverlappingOccurrencesAndTwoOfNeighbours) {
  const auto patterns = patterns_of({"abcd", "cdef"});
  EXPECT_EQ(redact(patterns, "-abcdef-"), "-[****]-");
  EXPECT_EQ(redact(patterns, "-abcdcdef-"), "-[****][****]-");
  EXPECT_EQ(redact(patterns_of({"abcdefgh", "cdef"}), "abcdefgx abcdefgh"), "ab[****]gx [****]");
}

TEST(Redactor, HoldsBackNothingThatCannotBeAnOccurrence) {
  Redactor redactor(patterns_of({"secret-value"}));
  std::string out;
  redactor.feed("building... 10%", out);
  EXPECT_EQ(out, "building... 10%");
  redactor.feed(" secret", out);
  EXPECT_EQ(out, "building... 10% ");
  EXPECT_EQ(redactor.held(), 6U);
  redactor.feed("-vault", out);
  EXPECT_EQ(out, "building... 10% secret-vault");
  redactor.feed("secret-value", out);
  EXPECT_EQ(redactor.held(), 0U);
  EXPECT_EQ(out, "building... 10% secret-vault[****]");
}

TEST(Redactor, HoldsBackLessThanTheLongestForm) {
  const std::string_view value = "abcabcabcabd";
  std::size_t longest = 0;
  for (const std::string& form : forms_of(value)) {
    longest = std::max(longest, form.size());
  }
  Redactor redactor(patterns_of({value}));
  std::string out;
  for (int i = 0; i < 1000; ++i) {
    redactor.feed("abcabcabcab", out);
    EXPECT_LT(redactor.held(), longest);
  }
}

TEST(Redactor, MasksTheRestOfAnOccurrenceThatWasFlushedInTheMiddle) {
  Redactor redactor(patterns_of({"secret-value"}));
  std::string out;
  redactor.feed("a secret-", out);
  redactor.flush(out);
  EXPECT_EQ(out, "a secret-");
  redactor.feed("value b", out);
  EXPECT_EQ(out, "a secret-[****] b");
}

TEST(Redactor, GoesOnWithMorePatternsFromWhatIsHeldBack) {
  Redactor redactor(patterns_of({"first-value"}));
  std::string out;
  redactor.feed("x first-v", out);
  redactor.replace(patterns_of({"first-value", "first-vase"}), out);
  redactor.feed("ase first-value", out);
  redactor.flush(out);
  EXPECT_EQ(out, "x [****] [****]");
}

TEST(Redactor, WithoutPatternsPassesEverythingAtOnce) {
  Redactor redactor(nullptr);
  std::string out;
  redactor.feed("plain", out);
  EXPECT_EQ(out, "plain");
  EXPECT_FALSE(contains_secret(nullptr, "plain"));
}

TEST(Patterns, LeaveOutValuesThatAreTooShortAndCountThem) {
  const auto patterns = patterns_of({"abc", "abcd"});
  EXPECT_EQ(patterns->ignored(), 1U);
  EXPECT_EQ(redact(patterns, "abc abcd"), "abc [****]");
  EXPECT_TRUE(patterns_of({"", "x"})->empty());
}

TEST(Patterns, RefuseMoreThanTheirLimit) {
  const std::string large(kValuesBytesMax, 'x');
  const auto made = Patterns::make({large, "one more"});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, ErrorCode::LimitExceeded);
}

TEST(Forms, AreFoundInBase64AtEveryAlignment) {
  // "1:", "12:" and "123:" before the token, ":456" after it, encoded as one text.
  EXPECT_EQ(masked(kToken, "MTpnaHBfczNjcjN0L1ZhbHVlK1p6OjQ1Ng=="), "MTp[****]OjQ1Ng==");
  EXPECT_EQ(masked(kToken, "MTI6Z2hwX3MzY3IzdC9WYWx1ZStaejo0NTY="), "MTI6[****]jo0NTY=");
  EXPECT_EQ(masked(kToken, "MTIzOmdocF9zM2NyM3QvVmFsdWUrWno6NDU2"), "MTIzOm[****]o6NDU2");
  EXPECT_EQ(masked(kToken, "Z2hwX3MzY3IzdC9WYWx1ZStaeg=="), kMask);
  EXPECT_EQ(masked(kToken, "Z2hwX3MzY3IzdC9WYWx1ZStaeg"), kMask);
  EXPECT_EQ(masked("\xfb\xff\xfe\xfb\xff\xfe", "+//++//+ -__--__-"), "[****] [****]");
}

TEST(Forms, AreFoundInWrappedBase64) {
  std::string value;
  for (int i = 0; i < 57; ++i) {
    value += concat("k", i, "-");
  }
  const auto patterns = patterns_of({value});
  std::string encoded;
  for (const std::string& form : forms_of(value)) {
    if (form.starts_with("azAtazE") && form.size() > encoded.size()) {
      encoded = form;
    }
  }
  std::string wrapped;
  for (std::size_t at = 0; at < encoded.size(); at += 76) {
    wrapped += encoded.substr(at, 76) + "\n";
  }
  EXPECT_GT(wrapped.size(), 200U);
  EXPECT_EQ(redact(patterns, wrapped).find_first_not_of("[*]\n"), std::string::npos);
}

TEST(Forms, AreFoundInUrls) {
  EXPECT_EQ(masked(kToken, "?t=ghp_s3cr3t%2FValue%2BZz&x"), "?t=[****]&x");
  EXPECT_EQ(masked(kToken, "?t=ghp_s3cr3t%2fValue%2bZz&x"), "?t=[****]&x");
  EXPECT_EQ(masked(kToken, "?t=ghp_s3cr3t/Value%2BZz&x"), "?t=[****]&x");
  EXPECT_EQ(
      masked("two words!", "two+words%21 two%20words! two%20words%21"), "[****] [****] [****]"
  );
}

TEST(Forms, AreFoundInJson) {
  const std::string_view value = "a\"b\\c\nd<e>/\xc3\xa4\x01";
  EXPECT_EQ(masked(value, R"("a\"b\\c\nd<e>/ä\u0001")"), "\"[****]\"");
  EXPECT_EQ(masked(value, R"("a\"b\\c\nd\u003ce\u003e/ä\u0001")"), "\"[****]\"");
  EXPECT_EQ(masked(value, R"("a\"b\\c\nd<e>\/\u00e4\u0001")"), "\"[****]\"");
  EXPECT_EQ(masked(value, R"("a\"b\\c\nd<e>/\u00E4\u0001")"), "\"[****]\"");
  EXPECT_EQ(masked("key \xf0\x9f\x94\x91", R"(key \ud83d\udd11)"), kMask);
}

TEST(Forms, AreFoundInHexAndInShellQuotes) {
  EXPECT_EQ(masked("hunter22", "68756e7465723232 68756E7465723232"), "[****] [****]");
  EXPECT_EQ(masked("it's me", "+ echo 'it'\\''s me'"), "+ echo '[****]'");
}

TEST(Forms, OfSeveralLinesAreFoundLineByLine) {
  const std::string_view key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nok\n-----END KEY-----\n";
  EXPECT_EQ(masked(key, "|  MIIEpAIBAAKCAQEA\r\n| ok"), "|  [****]\r\n| ok");
  EXPECT_EQ(masked(key, concat("<", key, ">")), "<[****]>");
  EXPECT_EQ(masked("value\n", "a value."), "a [****].");
}

}  // namespace
}  // namespace reeve::redaction
