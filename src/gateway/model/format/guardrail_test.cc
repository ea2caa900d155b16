#include "gateway/model/format/guardrail.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "gateway/model/format/request_scan.h"

namespace reeve::gateway::model {
namespace {

std::shared_ptr<const GuardrailSet> set_of(std::vector<GuardrailRule> rules) {
  auto set = GuardrailSet::make(rules);
  EXPECT_TRUE(set.ok()) << (set.ok() ? "" : set.error().describe());
  return set.ok() ? *set : GuardrailSet::secrets();
}

std::shared_ptr<const GuardrailSet> one(std::string pattern, bool ignore_case = false) {
  return set_of(
      {{.name = "p",
        .pattern = std::move(pattern),
        .ignore_case = ignore_case,
        .action = GuardrailAction::Redact}}
  );
}

/// What was found, with bars between.
std::string found(const GuardrailSet& set, std::string_view text) {
  std::vector<std::string> parts;
  for (const Finding& each : set.find(text)) {
    parts.emplace_back(text.substr(each.at.begin, each.at.size()));
  }
  return join(parts, "|");
}

TEST(Guardrail, FindsTheEarliestAndLongest) {
  EXPECT_EQ(found(*one("ab"), "xabab ab a"), "abab|ab");
  EXPECT_EQ(found(*one("ab+c"), "abc abbbc ac abb"), "abc|abbbc");
  EXPECT_EQ(found(*one("ab*c"), "ac abbc a"), "ac|abbc");
  EXPECT_EQ(found(*one("ab?c?d"), "ad abd acd abcd abccd"), "ad|abd|acd|abcd");
  EXPECT_EQ(found(*one("[0-9]{3}"), "12 123 1234"), "123|1234");
  EXPECT_EQ(found(*one("[0-9]{2,4}"), "1 12 12345"), "12|12345");
  EXPECT_EQ(found(*one("[0-9]{2,}"), "1 12 12345"), "12|12345");
  EXPECT_EQ(found(*one("a.c"), "abc a\nc a.c"), "abc|a.c");
  EXPECT_EQ(found(*one("a\\.c"), "abc a.c"), "a.c");
  EXPECT_EQ(found(*one("[^a-c]\\d\\w\\s"), "a1b  x1b -z9_\t"), "x1b |z9_\t");
  EXPECT_EQ(found(*one("[]x-]+"), "a]-x]b"), "]-x]");
  EXPECT_EQ(found(*one("GeHeim", true), "geheim GEHEIM"), "geheim|GEHEIM");
  EXPECT_EQ(found(*one("x"), "x"), "x");
  EXPECT_EQ(found(*one("a*b"), "aaab caab"), "aaab|aab");
  EXPECT_EQ(found(*one("ba?"), "ba b"), "ba|b");
}

/// The slow way: every beginning, every end.
bool slow(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) {
    return text.empty();
  }
  const char repeat = pattern.size() > 1 ? pattern[1] : ' ';
  const bool repeats = repeat == '*' || repeat == '+' || repeat == '?';
  const std::string_view rest = pattern.substr(repeats ? 2 : 1);
  if ((repeat == '*' || repeat == '?') && slow(rest, text)) {
    return true;
  }
  const bool fits = !text.empty() && (pattern[0] == '.' || pattern[0] == text[0]);
  if (!fits) {
    return false;
  }
  if (repeat == '*' || repeat == '+') {
    const std::string again = concat(pattern[0], '*', rest);
    return slow(again, text.substr(1));
  }
  return slow(rest, text.substr(1));
}

TEST(Guardrail, AgreesWithTheSlowWay) {
  const std::vector<std::string_view> patterns = {
      "ab", "a*b", "a?b?a", "ab+a", "b.a*", "a.?b*a", "b*a?a", "a+b+", ".a?b?.", "a?a?a?b"};
  for (const std::string_view pattern : patterns) {
    const auto set = one(std::string(pattern));
    for (unsigned bits = 0; bits < 512; ++bits) {
      std::string text;
      for (unsigned i = 0; i < 9; ++i) {
        text.push_back((bits >> i & 1U) != 0 ? 'a' : 'b');
      }
      std::size_t first = text.size();
      std::size_t longest = 0;
      for (std::size_t begin = 0; begin < text.size() && first == text.size(); ++begin) {
        for (std::size_t size = 1; begin + size <= text.size(); ++size) {
          if (slow(pattern, std::string_view(text).substr(begin, size))) {
            first = begin;
            longest = size;
          }
        }
      }
      const std::vector<Finding> findings = set->find(text);
      ASSERT_EQ(findings.empty(), first == text.size()) << pattern << " in " << text;
      if (!findings.empty()) {
        EXPECT_EQ(findings[0].at.begin, first) << pattern << " in " << text;
        EXPECT_GE(findings[0].at.end, first + longest) << pattern << " in " << text;
      }
    }
  }
}

TEST(Guardrail, RefusesPatternsThatAreWrong) {
  for (const char* pattern :
       {"a(b)",
        "a|b",
        "^a",
        "a$",
        "*a",
        "a{",
        "a{3",
        "a{3,2}",
        "a{0}",
        "a{,3}",
        "a{1000}",
        "[a",
        "[b-a]",
        "a\\",
        "a*",
        "a?b*",
        "{3}"}) {
    const auto set = GuardrailSet::make({{.name = "p", .pattern = pattern}});
    EXPECT_FALSE(set.ok()) << pattern;
  }
  EXPECT_FALSE(GuardrailSet::make({{.name = "a\"b", .pattern = "x"}}).ok());
  std::vector<GuardrailRule> many(40, {.name = "p", .pattern = "[a-z]{100}"});
  const auto too_many = GuardrailSet::make(many);
  ASSERT_FALSE(too_many.ok());
  EXPECT_EQ(too_many.error().code, ErrorCode::LimitExceeded);
}

TEST(Guardrail, KnowsSecrets) {
  const auto secrets = GuardrailSet::secrets();
  const std::pair<std::string_view, std::string> cases[] = {
      {"provider-key", "sk-ant-api03-abcdefghijklmnopqrstuvwxyz"},
      {"provider-key", "sk-the-real-key-that-nobody-may-see-4711"},
      {"aws-access-key", "AKIAIOSFODNN7EXAMPLE"},
      {"github-token", concat("ghp_", std::string(36, 'a'))},
      {"github-token", concat("github_pat_", std::string(40, 'b'))},
      {"gitlab-token", concat("glpat-", std::string(20, 'c'))},
      {"slack-token", "xoxb-123456789012-abcdef"},
      {"google-key", concat("AIza", std::string(35, 'd'))},
      {"npm-token", concat("npm_", std::string(36, 'e'))},
      {"jwt", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"},
      {"private-key", "-----BEGIN RSA PRIVATE KEY-----\\nMIIEowIBAAKCAQEA\\nabcd\\n"},
      {"aws-secret-key", concat("aws_secret_access_key = ", std::string(40, 'f'))},
      {"reeve-token", "rvt_0123456789abcdef_0123456789abcdef"}};
  for (const auto& [name, text] : cases) {
    const std::string in = concat("before \"", text, "\" behind");
    const std::vector<Finding> findings = secrets->find(in);
    ASSERT_EQ(findings.size(), 1U) << text;
    EXPECT_EQ(secrets->name(findings[0].rule), concat("secrets:", name));
    EXPECT_EQ(in.substr(findings[0].at.begin, findings[0].at.size()), text);
  }
  for (const std::string_view text :
       {"task-force-of-all-the-people-in-here",
        "sk-short",
        "AKIA",
        "the eyJ of a",
        "npm_config_x",
        "BAKIAIOSFODNN7EXAMPLE",
        "-----BEGIN CERTIFICATE-----"}) {
    EXPECT_EQ(found(*secrets, text), "") << text;
  }
}

TEST(Guardrail, MergesWhatOverlaps) {
  const auto set = set_of(
      {{.name = "a", .pattern = "abc", .action = GuardrailAction::Report},
       {.name = "b", .pattern = "cde", .action = GuardrailAction::Block}}
  );
  const std::vector<Finding> findings = set->find("xabcdex");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].at, (ByteRange{1, 6}));
  EXPECT_EQ(findings[0].action, GuardrailAction::Block);
  EXPECT_EQ(set->name(findings[0].rule), "b");
}

TEST(Guardrail, CoversLongAndManyFindings) {
  const std::string text = concat("x=", std::string(100'000, 'a'));
  EXPECT_EQ(redact(*one("=[a]+"), text), "x[redacted:p]");
  std::string many;
  for (int i = 0; i < 5'000; ++i) {
    many += "ab ";
  }
  const std::string left = redact(*one("ab"), many);
  EXPECT_EQ(left.find("ab"), std::string::npos);
}

TEST(GuardrailSearch, FindsOverTheBoundariesOfPieces) {
  const std::string key = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz";
  for (std::size_t piece = 1; piece < 12; ++piece) {
    GuardrailSearch search(GuardrailSet::secrets());
    const std::string text = concat("the key is ", key, " and ", key);
    std::vector<std::size_t> all;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      for (const std::size_t rule : search.feed(std::string_view(text).substr(at, piece))) {
        all.push_back(rule);
      }
    }
    ASSERT_EQ(all.size(), 1U) << piece;
    EXPECT_EQ(GuardrailSet::secrets()->name(all[0]), "secrets:provider-key");
  }
  GuardrailSearch task(GuardrailSet::secrets());
  EXPECT_TRUE(task.feed("ta").empty());
  EXPECT_TRUE(task.feed("sk-ant-api03-abcdefghijklmnopqrstuvwxyz").empty());
}

TEST(GuardrailBody, IsRedactedWhereItStands) {
  const std::string body = R"({"model":"m","messages":[{"content":"a\nAKIAIOSFODNN7EXAMPLE\" and )"
                           R"(-----BEGIN PRIVATE KEY-----\nMIIE\nabc"}]})";
  const auto set = GuardrailSet::secrets();
  const BodyFindings result = search_body(*set, body);
  EXPECT_EQ(result.action, GuardrailAction::Redact);
  EXPECT_FALSE(result.irreplaceable);
  RequestEdits edits;
  for (const Finding& each : result.findings) {
    edits.splices.push_back({.at = each.at, .text = redaction_of(*set, each.rule)});
  }
  const auto chat = Operation::ChatCompletions;
  const std::string made =
      edit_request(chat, body, *scan_request(chat, body), edits).value_or(std::string(body));
  EXPECT_EQ(
      made,
      R"({"model":"m","messages":[{"content":"a\n[redacted:secrets:aws-access-key]\" and )"
      R"([redacted:secrets:private-key]"}]})"
  );
}

TEST(GuardrailBody, IsBlockedWhereItCannotBeRedacted) {
  const auto secrets = GuardrailSet::secrets();
  const BodyFindings hidden = search_body(*secrets, R"({"content":"\u0041KIAIOSFODNN7EXAMPLE"})");
  EXPECT_TRUE(hidden.irreplaceable);
  EXPECT_EQ(hidden.action, GuardrailAction::Block);
  // Over several strings, a number, a name.
  EXPECT_EQ(
      search_body(*one("a\",\"b"), R"({"content":["a","b"]})").action, GuardrailAction::Block
  );
  EXPECT_EQ(search_body(*one("\\d{4}"), R"({"n":1234})").action, GuardrailAction::Block);
  EXPECT_EQ(search_body(*one("name"), R"({"name":1})").action, GuardrailAction::Block);
  // What is only reported is no reason to block.
  const auto report = set_of({{.name = "r", .pattern = "\\d{4}"}});
  const BodyFindings told = search_body(*report, R"({"n":1234})");
  EXPECT_EQ(told.action, GuardrailAction::Report);
  EXPECT_EQ(told.findings.size(), 1U);
}

TEST(GuardrailBody, CutsNoEscapeInTwo) {
  const auto set = one("nb.*");
  const std::string body = R"({"a":"x\nb end\\"})";
  const BodyFindings result = search_body(*set, body);
  // It goes on to the end of the text, beyond the string.
  EXPECT_EQ(result.action, GuardrailAction::Block);
  const auto inner = one("nb");
  const BodyFindings fits = search_body(*inner, body);
  ASSERT_EQ(fits.findings.size(), 1U);
  EXPECT_EQ(fits.action, GuardrailAction::Redact);
  EXPECT_EQ(body.substr(fits.findings[0].at.begin, fits.findings[0].at.size()), "\\nb");
}

}  // namespace
}  // namespace reeve::gateway::model
