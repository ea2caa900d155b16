#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/hmac.h"
#include "base/strings.h"
#include "security/identity/base64url.h"
#include "security/identity/run_token.h"
#include "security/identity/sealer.h"
#include "security/identity/secret_file.h"
#include "security/identity/static_token.h"
#include "security/identity/support_test.h"

namespace reeve::identity {
namespace {

using namespace std::chrono_literals;
using testing_support::CountingRandom;
using testing_support::json;
using testing_support::kNow;
using testing_support::mode_of;
using testing_support::TempDirectory;

/// The text with another character at `at`.
std::string changed(std::string_view text, std::size_t at) {
  std::string other(text);
  other[at] = other[at] == 'a' ? 'b' : 'a';
  return other;
}

void write(const std::filesystem::path& file, std::string_view text, mode_t mode = 0600) {
  std::ofstream(file) << text;
  ::chmod(file.c_str(), mode);
}

TEST(Base64Url, WritesAndReadsTheVectorsOfTheRfc) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},
      {"f", "Zg"},
      {"fo", "Zm8"},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg"},
      {"\xfb\xff", "-_8"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64url(bytes), text);
    ASSERT_TRUE(from_base64url(text).ok()) << text;
    EXPECT_EQ(*from_base64url(text), bytes);
  }
}

TEST(Base64Url, RefusesOtherWritings) {
  for (const std::string_view text : {"Zg==", "Z", "Zh", "+/8", "Zm 9v", "Zm9v\n", "Zm9v!"}) {
    EXPECT_FALSE(from_base64url(text).ok()) << text;
  }
}

class StaticTokenTest : public testing::Test {
 protected:
  StaticTokenTest() : token_(make_static_token(random_)) {}

  Json spec() const {
    Json spec = json(R"({"user":"alice","groups":["devs"]})");
    spec.set("hash", token_.hash);
    return spec;
  }

  CountingRandom random_;
  NewToken token_;
  StaticTokens tokens_;
};

TEST_F(StaticTokenTest, ProvesWhoBearsIt) {
  ASSERT_TRUE(tokens_.upsert("laptop", spec()).ok());
  const auto who = tokens_.verify(token_.text.view(), kNow);
  ASSERT_TRUE(who.ok());
  EXPECT_EQ(who->user, "alice");
  EXPECT_EQ(who->groups, (std::vector<std::string>{"devs", "system:authenticated"}));
}

TEST_F(StaticTokenTest, IsStoredAsAHashOnly) {
  EXPECT_EQ(token_.text.size(), 4 + 16 + 1 + 64U);
  EXPECT_EQ(token_.hash.find(token_.text.view().substr(21)), std::string::npos);
  EXPECT_EQ(*static_token_hash(token_.text.view()), token_.hash);
  const NewToken other = make_static_token(random_);
  EXPECT_NE(other.hash, token_.hash);
  EXPECT_NE(other.text.view(), token_.text.view());
}

TEST_F(StaticTokenTest, IsRefusedWithAnyChange) {
  ASSERT_TRUE(tokens_.upsert("laptop", spec()).ok());
  std::string first;
  for (std::size_t i = 0; i < token_.text.size(); ++i) {
    const auto who = tokens_.verify(changed(token_.text.view(), i), kNow);
    ASSERT_FALSE(who.ok()) << i;
    EXPECT_EQ(who.error().code, ErrorCode::PermissionDenied);
    // A wrong secret and an unknown token are told in the same words.
    first = first.empty() ? who.error().message : first;
    EXPECT_EQ(who.error().message, first);
  }
  const std::string upper = to_upper(token_.text.view().substr(4));
  for (const std::string& text :
       {std::string(),
        std::string("rvt_"),
        concat(token_.text.view(), "0"),
        std::string(token_.text.view().substr(1)),
        concat("rvt_", upper),
        concat(token_.text.view(), "\n")}) {
    EXPECT_FALSE(tokens_.verify(text, kNow).ok()) << text;
  }
}

TEST_F(StaticTokenTest, ExpiresAndGoesAway) {
  Json limited = spec();
  limited.set("expirationTime", "2026-11-21T09:30:00Z");
  ASSERT_TRUE(tokens_.upsert("laptop", limited).ok());
  EXPECT_TRUE(tokens_.verify(token_.text.view(), kNow - 1ms).ok());
  const auto late = tokens_.verify(token_.text.view(), kNow);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().message, "the token has expired");
  // Who has not the secret is not told even that.
  EXPECT_NE(
      tokens_.verify(changed(token_.text.view(), 80), kNow).error().message, late.error().message
  );
  ASSERT_TRUE(tokens_.upsert("laptop", spec()).ok());
  EXPECT_TRUE(tokens_.verify(token_.text.view(), kNow).ok());
  tokens_.remove("laptop");
  EXPECT_FALSE(tokens_.verify(token_.text.view(), kNow).ok());
  EXPECT_EQ(tokens_.size(), 0U);
}

TEST_F(StaticTokenTest, FollowsItsObjectToAnotherHash) {
  ASSERT_TRUE(tokens_.upsert("laptop", spec()).ok());
  const NewToken other = make_static_token(random_);
  Json renewed = spec();
  renewed.set("hash", other.hash);
  ASSERT_TRUE(tokens_.upsert("laptop", renewed).ok());
  EXPECT_FALSE(tokens_.verify(token_.text.view(), kNow).ok());
  EXPECT_TRUE(tokens_.verify(other.text.view(), kNow).ok());
}

TEST_F(StaticTokenTest, CannotBeTakenOverByAnotherObject) {
  ASSERT_TRUE(tokens_.upsert("laptop", spec()).ok());
  Json forged = spec();
  forged.set("user", "eve");
  EXPECT_EQ(tokens_.upsert("other", forged).error().code, ErrorCode::AlreadyExists);
  forged.set("hash", concat(token_.hash.substr(0, 17), std::string(64, '0')));
  EXPECT_EQ(tokens_.upsert("other", forged).error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(tokens_.verify(token_.text.view(), kNow)->user, "alice");
}

TEST_F(StaticTokenTest, IsReadStrictly) {
  struct Row {
    std::string_view member;
    Json value;
    std::string_view subject;
  };

  const std::vector<Row> rows = {
      {"user", "", "spec.user"},
      {"user", "a\nb", "spec.user"},
      {"groups", json("[7]"), "spec.groups"},
      {"groups", json(R"([""])"), "spec.groups"},
      {"expirationTime", "tomorrow", "spec.expirationTime"},
      {"hash", std::string(token_.text.view()), "spec.hash"},
      {"hash", "", "spec.hash"},
      {"secret", "x", "spec.secret"},
  };
  for (const Row& row : rows) {
    Json bad = spec();
    bad.set(std::string(row.member), row.value);
    const auto parsed = parse_static_token(bad);
    ASSERT_FALSE(parsed.ok()) << row.member;
    EXPECT_EQ(parsed.error().subject, row.subject);
    EXPECT_FALSE(tokens_.upsert("laptop", bad).ok());
  }
  EXPECT_EQ(tokens_.size(), 0U);
}

TEST(AdminToken, IsMadeOnceAndKept) {
  const TempDirectory dir;
  const auto file = dir.path() / "admin.token";
  CountingRandom random;
  const auto made = open_or_create_admin_token(file, random);
  ASSERT_TRUE(made.ok()) << made.error().describe();
  EXPECT_EQ(mode_of(file), 0600U);
  const auto again = open_or_create_admin_token(file, random);
  EXPECT_EQ(again->text.view(), made->text.view());
  StaticTokens tokens;
  ASSERT_TRUE(tokens.upsert("", made->token).ok());
  const auto who = tokens.verify(made->text.view(), kNow);
  ASSERT_TRUE(who.ok());
  EXPECT_TRUE(who->in_group(access::kMasters));
  std::filesystem::remove(file);
  EXPECT_NE(open_or_create_admin_token(file, random)->text.view(), made->text.view());
}

TEST(AdminToken, IsRefusedInAFileThatOthersCanRead) {
  const TempDirectory dir;
  CountingRandom random;
  const NewToken token = make_static_token(random);
  write(dir.path() / "open", token.text.view(), 0644);
  EXPECT_EQ(
      open_or_create_admin_token(dir.path() / "open", random).error().code,
      ErrorCode::PermissionDenied
  );
  write(dir.path() / "other", "hello");
  EXPECT_EQ(
      open_or_create_admin_token(dir.path() / "other", random).error().code, ErrorCode::Corrupt
  );
}

RunClaims claims() {
  return {
      .ns = Namespace("alpha"),
      .mission = "build",
      .run = RunName("alpha~build.1.test.2"),
      .fence = Fence(7),
      .expires = kNow + 1h};
}

RunTokens run_tokens(char fill = 'k') {
  return std::move(RunTokens::from_key(Secret(std::string(kServerKeyBytes, fill)))).value();
}

TEST(RunToken, ProvesWhichRunSpeaks) {
  const RunTokens tokens = run_tokens();
  const auto text = tokens.issue(claims());
  ASSERT_TRUE(text.ok());
  EXPECT_TRUE(text->view().starts_with("rvr_"));
  const auto proven = tokens.verify(text->view(), kNow);
  ASSERT_TRUE(proven.ok());
  EXPECT_EQ(*proven, claims());
  const access::Identity who = identity_of(*proven);
  EXPECT_EQ(who.user, "run:alpha~build.1.test.2");
  EXPECT_EQ(
      who.groups,
      (std::vector<std::string>{"system:runs", "system:runs:alpha", "system:authenticated"})
  );
  EXPECT_EQ(who.extra.at("reeve.dev/mission"), std::vector<std::string>{"build"});
  EXPECT_EQ(who.extra.at("reeve.dev/run"), std::vector<std::string>{"build.1.test.2"});
}

TEST(RunToken, SaysWhichAgentItsRunCarriesOut) {
  const RunTokens tokens = run_tokens();
  RunClaims of_agent = claims();
  EXPECT_FALSE(identity_of(of_agent).extra.contains("reeve.dev/agent"));
  of_agent.agent = "coder";
  const auto proven = tokens.verify(tokens.issue(of_agent)->view(), kNow);
  ASSERT_TRUE(proven.ok());
  EXPECT_EQ(*proven, of_agent);
  EXPECT_EQ(identity_of(*proven).extra.at("reeve.dev/agent"), std::vector<std::string>{"coder"});
  of_agent.agent = "two\nlines";
  EXPECT_FALSE(tokens.issue(of_agent).ok());
}

TEST(RunToken, IsGoodWhereItsRunMaySpeakOnly) {
  const RunTokens tokens = run_tokens();
  RunClaims claims{
      .ns = Namespace("default"),
      .mission = "m",
      .run = RunName("m.1.a.1"),
      .fence = Fence(7),
      .expires = kNow + 1h};
  const std::string own = socket_tag(claims.run, claims.fence);
  EXPECT_EQ(misplaced(claims, ""), Misplaced::No);
  EXPECT_EQ(misplaced(claims, own), Misplaced::No);
  EXPECT_EQ(misplaced(claims, socket_tag(claims.run, Fence(8))), Misplaced::OtherRun);
  EXPECT_EQ(misplaced(claims, socket_tag(RunName("m.1.b.1"), Fence(7))), Misplaced::OtherRun);

  claims.socket_only = true;
  const auto bound = tokens.verify(tokens.issue(claims)->view(), kNow);
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(*bound, claims);
  EXPECT_EQ(misplaced(*bound, ""), Misplaced::Elsewhere);
  EXPECT_EQ(misplaced(*bound, own), Misplaced::No);
  EXPECT_EQ(misplaced(*bound, socket_tag(RunName("m.1.b.1"), Fence(7))), Misplaced::OtherRun);
}

TEST(RunToken, OfAnEarlierVersionIsUnderstoodWhileItsRunLives) {
  const Secret key(std::string(kServerKeyBytes, 'k'));
  const auto token = [&](std::string_view text) {
    const std::string encoded = to_base64url(text);
    const Sha256Bytes sum = hmac_sha256(key.view(), concat("reeve run token 1\n", encoded));
    const std::string_view code(reinterpret_cast<const char*>(sum.data()), sum.size());
    return concat(kRunTokenPrefix, encoded, ".", to_base64url(code));
  };
  const std::string expires = concat(to_unix_millis(kNow + 1h));
  const RunTokens tokens = run_tokens();
  const auto plain = tokens.verify(token(concat("2\ndefault\nm\nm.1.a.1\n7\n", expires)), kNow);
  ASSERT_TRUE(plain.ok()) << plain.error().describe();
  EXPECT_EQ(plain->agent, "");
  EXPECT_FALSE(plain->socket_only);
  const auto agent =
      tokens.verify(token(concat("2\ndefault\nm\nm.1.a.1\n7\n", expires, "\ncoder")), kNow);
  ASSERT_TRUE(agent.ok()) << agent.error().describe();
  EXPECT_EQ(agent->agent, "coder");
  for (const std::string_view more : {"\ncoder\nsocket", "\ncoder\nsocket\nx"}) {
    const auto other =
        tokens.verify(token(concat("2\ndefault\nm\nm.1.a.1\n7\n", expires, more)), kNow);
    EXPECT_FALSE(other.ok()) << more;
  }
  for (const std::string_view more : {"", "\ncoder", "\ncoder\nanything", "\ncoder\nany\nx"}) {
    const auto other =
        tokens.verify(token(concat("3\ndefault\nm\nm.1.a.1\n7\n", expires, more)), kNow);
    EXPECT_FALSE(other.ok()) << more;
  }
}

TEST(RunToken, ExpiresAndIsRefusedWithAnyChange) {
  const RunTokens tokens = run_tokens();
  const auto text = tokens.issue(claims());
  EXPECT_FALSE(tokens.verify(text->view(), kNow + 1h).ok());
  EXPECT_TRUE(tokens.verify(text->view(), kNow + 1h - 1ms).ok());
  for (std::size_t i = 0; i < text->size(); ++i) {
    EXPECT_FALSE(tokens.verify(changed(text->view(), i), kNow).ok()) << i;
    EXPECT_FALSE(tokens.verify(text->view().substr(0, i), kNow).ok()) << i;
  }
  EXPECT_FALSE(tokens.verify(concat(text->view(), "A"), kNow).ok());
  EXPECT_FALSE(tokens.verify(concat(text->view(), "="), kNow).ok());
  EXPECT_FALSE(tokens.verify(std::string(kRunTokenBytesMax + 1, 'r'), kNow).ok());
  EXPECT_EQ(run_tokens('x').verify(text->view(), kNow).error().code, ErrorCode::PermissionDenied);
}

TEST(RunToken, IsNotMadeOfACodeForSomethingElse) {
  // Whoever got the key to authenticate other bytes has no token for it.
  const std::string body = to_base64url("1\nalpha\nx\n1\n99999999999999");
  const Sha256Bytes sum = hmac_sha256(std::string(kServerKeyBytes, 'k'), body);
  const std::string code = to_base64url({reinterpret_cast<const char*>(sum.data()), sum.size()});
  EXPECT_FALSE(run_tokens().verify(concat("rvr_", body, ".", code), kNow).ok());
}

TEST(RunToken, IsNotMadeForNamesThatCouldSayMore) {
  const RunTokens tokens = run_tokens();
  for (const std::string& bad :
       {std::string(), std::string("a\n9"), std::string(kRunNameBytesMax + 1, 'x')}) {
    RunClaims other = claims();
    other.run = RunName(bad);
    EXPECT_EQ(tokens.issue(other).error().code, ErrorCode::Invalid);
    other = claims();
    other.mission = bad;
    EXPECT_EQ(tokens.issue(other).error().code, ErrorCode::Invalid);
    other = claims();
    other.ns = Namespace(bad);
    EXPECT_EQ(tokens.issue(other).error().code, ErrorCode::Invalid);
  }
}

TEST(RunToken, KeepsItsKeyInAPrivateFile) {
  const TempDirectory dir;
  const auto file = dir.path() / "run.key";
  CountingRandom random;
  const auto tokens = RunTokens::open_or_create(file, random);
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(mode_of(file), 0600U);
  const auto text = tokens->issue(claims());
  EXPECT_TRUE(RunTokens::open_or_create(file, random)->verify(text->view(), kNow).ok());
  ::chmod(file.c_str(), 0640);
  EXPECT_EQ(RunTokens::open_or_create(file, random).error().code, ErrorCode::PermissionDenied);
  write(file, "short\n");
  EXPECT_EQ(RunTokens::open_or_create(file, random).error().code, ErrorCode::Corrupt);
  write(file, std::string(64, 'g'));
  EXPECT_EQ(RunTokens::open_or_create(file, random).error().code, ErrorCode::Corrupt);
  EXPECT_FALSE(RunTokens::from_key(Secret("short")).ok());
}

Sealer sealer(char fill = 's') {
  return std::move(Sealer::from_key(Secret(std::string(kServerKeyBytes, fill)))).value();
}

TEST(Sealer, OpensInTheSameContextOnly) {
  const Sealer seal = sealer();
  const auto text = seal.seal("alice GET missions", "after=m42");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(
      text->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                              "0123456789-_"),
      std::string::npos
  );
  EXPECT_EQ(text->find("m42"), std::string::npos);
  EXPECT_EQ(*seal.open("alice GET missions", *text), "after=m42");
  EXPECT_EQ(seal.open("bob GET missions", *text).error().code, ErrorCode::Invalid);
  EXPECT_EQ(seal.open("", *text).error().code, ErrorCode::Invalid);
  EXPECT_EQ(sealer('x').open("alice GET missions", *text).error().code, ErrorCode::Invalid);
  EXPECT_NE(*text, *seal.seal("alice GET missions", "after=m42"));
}

TEST(Sealer, RefusesWhatWasChangedOrIsNone) {
  const Sealer seal = sealer();
  const auto text = seal.seal("c", "after=m42");
  for (std::size_t i = 0; i < text->size(); ++i) {
    EXPECT_FALSE(seal.open("c", changed(*text, i)).ok()) << i;
    EXPECT_FALSE(seal.open("c", text->substr(0, i)).ok()) << i;
  }
  EXPECT_FALSE(seal.open("c", "!").ok());
  EXPECT_FALSE(seal.open("c", std::string(100'000, 'A')).ok());
  EXPECT_EQ(
      seal.seal("c", std::string(kOpaqueBytesMax + 1, 'x')).error().code, ErrorCode::LimitExceeded
  );
  const auto longest = seal.seal("c", std::string(kOpaqueBytesMax, 'x'));
  EXPECT_EQ(seal.open("c", *longest)->size(), kOpaqueBytesMax);
}

TEST(Sealer, KeepsItsKey) {
  const TempDirectory dir;
  CountingRandom random;
  const auto first = Sealer::open_or_create(dir.path() / "seal.key", random);
  ASSERT_TRUE(first.ok());
  const auto text = first->seal("c", "x");
  EXPECT_EQ(*Sealer::open_or_create(dir.path() / "seal.key", random)->open("c", *text), "x");
  EXPECT_FALSE(Sealer::open_or_create(dir.path() / "other.key", random)->open("c", *text).ok());
}

}  // namespace
}  // namespace reeve::identity
