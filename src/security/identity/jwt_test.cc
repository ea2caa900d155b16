#include "security/identity/jwt.h"

#include <gtest/gtest.h>

#include "base/hmac.h"
#include "base/strings.h"
#include "security/identity/base64url.h"
#include "security/identity/support_test.h"

namespace reeve::identity {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

constexpr std::string_view kIssuer = "https://id.example.com";
constexpr std::int64_t kNowSeconds = to_unix_millis(kNow) / 1000;

Json claims() {
  Json json = Json::object();
  json.set("iss", kIssuer).set("sub", "alice").set("aud", "reeve");
  json.set("iat", kNowSeconds - 10).set("exp", kNowSeconds + 600);
  return json;
}

JwtPolicy policy() {
  JwtPolicy policy;
  policy.issuer = kIssuer;
  policy.audiences = {"reeve", "other"};
  return policy;
}

KeySet keys(const Signer& signer, std::string_view id = "k1") {
  auto parsed = KeySet::parse(signer.key_set(id));
  EXPECT_TRUE(parsed.ok()) << parsed.error().describe();
  return std::move(parsed).value();
}

Result<void> verify(
    const std::string& token,
    const KeySet& set,
    const JwtPolicy& how = policy(),
    Timestamp now = kNow
) {
  REEVE_TRY(const Jwt jwt, parse_jwt(token));
  return verify_jwt(jwt, set, how, now);
}

std::string es_token(const Json& body, Json header = json(R"({"kid":"k1"})")) {
  return ec_signer().token(JwtAlgorithm::ES256, std::move(header), body);
}

TEST(KeySet, ChecksTheSignaturesOfTheRfcs) {
  // RFC 7515, A.3.
  const auto p256 = KeySet::parse(
      R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})"
  );
  ASSERT_TRUE(p256.ok());
  const std::string es_text =
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"
      "LmNvbS9pc19yb290Ijp0cnVlfQ";
  const auto es_signature = from_base64url(
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
  );
  const auto es_keys = p256->find("", JwtAlgorithm::ES256);
  ASSERT_EQ(es_keys.size(), 1U);
  EXPECT_TRUE(es_keys[0]->verify(JwtAlgorithm::ES256, es_text, *es_signature));
  EXPECT_FALSE(es_keys[0]->verify(JwtAlgorithm::ES256, es_text + "x", *es_signature));
  // RFC 8037, A.4.
  const auto ed = KeySet::parse(
      R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})"
  );
  ASSERT_TRUE(ed.ok());
  const auto ed_signature = from_base64url(
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
  );
  const auto ed_keys = ed->find("", JwtAlgorithm::EdDSA);
  ASSERT_EQ(ed_keys.size(), 1U);
  EXPECT_TRUE(ed_keys[0]->verify(
      JwtAlgorithm::EdDSA, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", *ed_signature
  ));
}

TEST(KeySet, LeavesOutKeysThatAreOfNoUse) {
  Json list = Json::array();
  list.push(json(R"({"kty":"oct","k":"c2VjcmV0"})"));
  list.push(json(R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})"));
  list.push(json(R"("text")"));
  Json encryption = ec_signer().jwk("enc");
  encryption.set("use", "enc");
  list.push(encryption);
  Json with_secret = ec_signer().jwk("d");
  with_secret.set("d", "AAAA");
  list.push(with_secret);
  Json signing_only = ec_signer().jwk("ops");
  signing_only.set("key_ops", json(R"(["sign"])"));
  list.push(signing_only);
  Json off_curve = ec_signer().jwk("curve");
  off_curve.set("x", off_curve.get_string("y"));
  list.push(off_curve);
  Json short_rsa = rsa_signer().jwk("short");
  short_rsa.set("n", short_rsa.get_string("n").substr(0, 172));
  list.push(short_rsa);
  Json even = rsa_signer().jwk("even");
  even.set("e", "AQAA");
  list.push(even);
  const std::size_t useless = list.as_array().size();
  Json whole = Json::object().set("keys", list);
  EXPECT_EQ(KeySet::parse(whole.dump()).error().code, ErrorCode::Invalid);
  whole.find("keys")->push(ec_signer().jwk("good"));
  const auto set = KeySet::parse(whole.dump());
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->size(), 1U);
  EXPECT_EQ(set->left_out(), useless);
  EXPECT_EQ(set->find("good", JwtAlgorithm::ES256).size(), 1U);
  EXPECT_TRUE(set->find("good", JwtAlgorithm::RS256).empty());
  EXPECT_TRUE(set->find("enc", JwtAlgorithm::ES256).empty());
}

TEST(KeySet, RefusesWhatIsNoneAndHasLimits) {
  for (const std::string_view text : {"", "7", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})"}) {
    EXPECT_EQ(KeySet::parse(text).error().code, ErrorCode::Invalid) << text;
  }
  Json list = Json::array();
  for (std::size_t i = 0; i <= kKeySetKeysMax; ++i) {
    list.push(Json::object());
  }
  EXPECT_EQ(
      KeySet::parse(Json::object().set("keys", list).dump()).error().code, ErrorCode::LimitExceeded
  );
  EXPECT_EQ(
      KeySet::parse(std::string(kKeySetBytesMax + 1, ' ')).error().code, ErrorCode::LimitExceeded
  );
}

TEST(KeySet, ReadsAPublicKeyAsPem) {
  const auto set = KeySet::from_pem("k1", ec_signer().pem());
  ASSERT_TRUE(set.ok());
  EXPECT_TRUE(verify(es_token(claims()), *set).ok());
  EXPECT_FALSE(KeySet::from_pem("k1", "nothing").ok());
}

TEST(Jwt, IsBelievedWithEveryAlgorithm) {
  const Json header = json(R"({"kid":"k1","typ":"JWT"})");
  for (const JwtAlgorithm algorithm : {JwtAlgorithm::RS256, JwtAlgorithm::PS256}) {
    const auto done = verify(rsa_signer().token(algorithm, header, claims()), keys(rsa_signer()));
    EXPECT_TRUE(done.ok()) << to_string(algorithm) << done.error().describe();
  }
  EXPECT_TRUE(verify(es_token(claims(), header), keys(ec_signer())).ok());
  const std::string ed = ed_signer().token(JwtAlgorithm::EdDSA, header, claims());
  EXPECT_TRUE(verify(ed, keys(ed_signer())).ok());
}

TEST(Jwt, IsRefusedWithAnyChangeOfASignedByte) {
  const std::string token = es_token(claims());
  const KeySet set = keys(ec_signer());
  ASSERT_TRUE(verify(token, set).ok());
  for (std::size_t i = 0; i < token.size(); i += 3) {
    std::string other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verify(other, set).ok()) << i;
  }
  EXPECT_FALSE(verify(token.substr(0, token.size() - 1), set).ok());
  const Signer stranger(JwtAlgorithm::ES256);
  const auto forged =
      verify(stranger.token(JwtAlgorithm::ES256, json(R"({"kid":"k1"})"), claims()), set);
  ASSERT_FALSE(forged.ok());
  EXPECT_EQ(forged.error().code, ErrorCode::PermissionDenied);
}

TEST(Jwt, NeverCountsWithoutASignature) {
  const std::string body = to_base64url(claims().dump());
  for (const std::string_view name : {"none", "None", "NONE", "", "HS512", "RS512"}) {
    Json header = Json::object();
    header.set("alg", name);
    const std::string head = to_base64url(header.dump());
    EXPECT_FALSE(parse_jwt(concat(head, ".", body, ".")).ok()) << name;
    EXPECT_FALSE(parse_jwt(concat(head, ".", body, ".AAAA")).ok()) << name;
    EXPECT_FALSE(parse_jwt(concat(head, ".", body)).ok()) << name;
  }
  EXPECT_FALSE(parse_jwt(concat(to_base64url(R"({"alg":"ES256"})"), ".", body, ".")).ok());
}

TEST(Jwt, CannotTurnAPublicKeyIntoASharedSecret) {
  // The classic confusion: HS256 with the text of the public key as its secret.
  const std::string text =
      concat(to_base64url(R"({"alg":"HS256","kid":"k1"})"), ".", to_base64url(claims().dump()));
  const std::string pem = rsa_signer().pem();
  const Sha256Bytes sum = hmac_sha256(pem, text);
  const std::string token =
      concat(text, ".", to_base64url({reinterpret_cast<const char*>(sum.data()), sum.size()}));
  EXPECT_FALSE(verify(token, keys(rsa_signer())).ok());
  JwtPolicy careless = policy();
  careless.algorithms.push_back(JwtAlgorithm::HS256);
  EXPECT_FALSE(verify(token, keys(rsa_signer()), careless).ok());
  const Secret secret(pem);
  careless.shared_secret = &secret;
  EXPECT_TRUE(verify(token, keys(rsa_signer()), careless).ok());
  const Secret other("other");
  careless.shared_secret = &other;
  EXPECT_FALSE(verify(token, keys(rsa_signer()), careless).ok());
}

TEST(Jwt, IsRefusedWithAnAlgorithmThatIsNotAllowed) {
  JwtPolicy strict = policy();
  strict.algorithms = {JwtAlgorithm::RS256};
  EXPECT_FALSE(verify(es_token(claims()), keys(ec_signer()), strict).ok());
  Json only = ec_signer().jwk("k1");
  only.set("alg", "ES512");
  const auto set = KeySet::parse(Json::object().set("keys", Json::array().push(only)).dump());
  EXPECT_EQ(verify(es_token(claims()), *set).error().code, ErrorCode::NotFound);
}

TEST(Jwt, SaysThatItsKeyIsNotKnown) {
  const auto done = verify(es_token(claims(), json(R"({"kid":"k2"})")), keys(ec_signer()));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::NotFound);
  // Without an id, every key that fits is tried.
  EXPECT_TRUE(verify(es_token(claims(), Json::object()), keys(ec_signer())).ok());
}

TEST(Jwt, IsBelievedForItsTimeOnly) {
  const KeySet set = keys(ec_signer());
  const auto at = [&](std::string_view claim, Json value) {
    Json body = claims();
    body.set(std::string(claim), std::move(value));
    return verify(es_token(body), set).ok();
  };
  EXPECT_TRUE(at("exp", kNowSeconds - 59));
  EXPECT_FALSE(at("exp", kNowSeconds - 60));
  EXPECT_TRUE(at("nbf", kNowSeconds + 60));
  EXPECT_FALSE(at("nbf", kNowSeconds + 61));
  EXPECT_TRUE(at("iat", kNowSeconds + 60));
  EXPECT_FALSE(at("iat", kNowSeconds + 61));
  EXPECT_TRUE(at("exp", static_cast<double>(kNowSeconds) + 0.5));
  for (const Json& bad : {Json("soon"), Json(nullptr), Json(-1), Json(1e300), Json(true)}) {
    EXPECT_FALSE(at("exp", bad)) << bad.dump();
    EXPECT_FALSE(at("nbf", bad)) << bad.dump();
  }
  Json endless = Json::object();
  endless.set("iss", kIssuer).set("sub", "alice").set("aud", "reeve");
  EXPECT_FALSE(verify(es_token(endless), set).ok());
}

TEST(Jwt, IsBelievedFromItsIssuerForItsAudienceOnly) {
  const KeySet set = keys(ec_signer());
  const auto with = [&](std::string_view claim, Json value) {
    Json body = claims();
    body.set(std::string(claim), std::move(value));
    return verify(es_token(body), set).ok();
  };
  EXPECT_FALSE(with("iss", "https://id.example.com/"));
  EXPECT_FALSE(with("iss", json(R"(["https://id.example.com"])")));
  EXPECT_TRUE(with("aud", json(R"(["a","other"])")));
  EXPECT_FALSE(with("aud", json(R"(["a","b"])")));
  EXPECT_FALSE(with("aud", "Reeve"));
  EXPECT_FALSE(with("aud", nullptr));
  EXPECT_FALSE(with("aud", json(R"({"reeve":true})")));
  JwtPolicy nobody = policy();
  nobody.issuer.clear();
  Json body = claims();
  body.set("iss", "");
  EXPECT_FALSE(verify(es_token(body), set, nobody).ok());
}

TEST(Jwt, IsReadStrictly) {
  for (const std::string_view header :
       {R"({"kid":"k1","crit":["exp"]})",
        R"({"kid":"k1","typ":"logout+jwt"})",
        R"({"kid":"k1","typ":7})",
        R"({"kid":7})"}) {
    EXPECT_EQ(parse_jwt(es_token(claims(), json(header))).error().code, ErrorCode::Invalid)
        << header;
  }
  const std::string head = to_base64url(R"({"alg":"ES256"})");
  const std::string twice = to_base64url(R"({"sub":"a","sub":"b"})");
  for (const std::string& text :
       {std::string(),
        std::string("."),
        std::string(".."),
        std::string("..."),
        concat(head, ".", twice, ".AAAA"),
        concat(head, ".", to_base64url("[]"), ".AAAA"),
        concat(head, "=.", to_base64url("{}"), ".AAAA"),
        concat(head, ".", to_base64url("{}"), ".AAAA.AAAA"),
        concat(head, ".", to_base64url("{}"), ".!")}) {
    EXPECT_FALSE(parse_jwt(text).ok()) << text;
  }
  EXPECT_EQ(parse_jwt(std::string(kJwtBytesMax + 1, 'a')).error().code, ErrorCode::LimitExceeded);
}

TEST(Claims, BecomeAnIdentity) {
  ClaimMapping mapping;
  mapping.username_prefix = "corp:";
  mapping.groups_prefix = "corp:";
  Json body = claims();
  body.set("groups", json(R"(["devs","ops"])"));
  const auto who = identity_of(body, mapping);
  ASSERT_TRUE(who.ok());
  EXPECT_EQ(who->user, "corp:alice");
  EXPECT_EQ(
      who->groups, (std::vector<std::string>{"corp:devs", "corp:ops", "system:authenticated"})
  );
  body.set("groups", "devs");
  EXPECT_EQ(identity_of(body, mapping)->groups.front(), "corp:devs");
  mapping.groups_claim.clear();
  EXPECT_EQ(identity_of(body, mapping)->groups.size(), 1U);
}

TEST(Claims, CannotGiveNamesOfTheSystem) {
  ClaimMapping mapping;
  for (const std::string_view name : {"system:anonymous", "run:a.1.b.1"}) {
    Json body = claims();
    body.set("sub", name);
    EXPECT_FALSE(identity_of(body, mapping).ok()) << name;
  }
  Json body = claims();
  body.set("groups", json(R"(["devs","system:masters"])"));
  EXPECT_EQ(identity_of(body, mapping).error().code, ErrorCode::PermissionDenied);
  mapping.groups_prefix = "corp:";
  EXPECT_TRUE(identity_of(body, mapping).ok());
  // A prefix and a name together are no way around it.
  mapping.groups_prefix = "sys";
  body.set("groups", json(R"(["tem:masters"])"));
  EXPECT_FALSE(identity_of(body, mapping).ok());
}

TEST(Claims, MustBeThereAndOfTheirType) {
  ClaimMapping mapping;
  mapping.required = {{"tenant", "t1"}};
  EXPECT_FALSE(identity_of(claims(), mapping).ok());
  Json body = claims();
  body.set("tenant", "t1");
  EXPECT_TRUE(identity_of(body, mapping).ok());
  for (const Json& bad : {Json(7), json("[7]"), Json::object()}) {
    Json other = body;
    other.set("groups", bad);
    EXPECT_FALSE(identity_of(other, mapping).ok()) << bad.dump();
  }
  Json many = Json::array();
  for (std::size_t i = 0; i <= access::kGroupsMax; ++i) {
    many.push("g");
  }
  Json other = body;
  other.set("groups", many);
  EXPECT_FALSE(identity_of(other, mapping).ok());
  other = body;
  other.set("sub", "a\nb");
  EXPECT_FALSE(identity_of(other, mapping).ok());
  mapping.username_claim = "email";
  EXPECT_FALSE(identity_of(body, mapping).ok());
  body.set("email", "alice@example.com");
  EXPECT_EQ(identity_of(body, mapping)->user, "alice@example.com");
  body.set("email_verified", false);
  EXPECT_FALSE(identity_of(body, mapping).ok());
  body.set("email_verified", "true");
  EXPECT_FALSE(identity_of(body, mapping).ok());
}

}  // namespace
}  // namespace reeve::identity
