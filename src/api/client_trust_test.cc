#include "api/client_trust.h"

#include <filesystem>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "platform/posix/system.h"
#include "security/identity/certificates.h"

namespace reeve::api {
namespace {

/// 2026-11-21T09:30:00Z.
constexpr Timestamp kNow = from_unix_millis(1'795'253'400'000);

class ClientTrustTest : public testing::Test {
 protected:
  ClientTrustTest()
      : dir_(std::filesystem::temp_directory_path() / concat("reeve-trust-", ::getpid())) {
    std::filesystem::create_directory(dir_);
    std::filesystem::permissions(dir_, std::filesystem::perms::owner_all);
  }

  ~ClientTrustTest() override { std::filesystem::remove_all(dir_); }

  static identity::CertificateTrust trust_in(std::string users) {
    identity::TrustOptions options;
    options.user_authorities = std::move(users);
    return std::move(identity::CertificateTrust::make(options)).value();
  }

  identity::CertificateAuthority authority() {
    return std::move(identity::CertificateAuthority::open_or_create(dir_, random_, kNow)).value();
  }

  /// As it comes from the network, with the PEM form in place of DER.
  static net::ClientCertificate presented(const identity::CertifiedKey& key, std::string print) {
    net::ClientCertificate certificate;
    certificate.der = key.certificate;
    certificate.fingerprint = std::move(print);
    certificate.verified = true;
    return certificate;
  }

  std::filesystem::path dir_;
  platform::SystemRandom random_;
};

TEST_F(ClientTrustTest, TellsWhoStandsBehindACertificate) {
  const identity::CertificateAuthority ours = authority();
  const auto alice = ours.issue_client({.user = "alice", .groups = {"devs"}}, random_, kNow);
  net::ClientCertificate shown = presented(*alice, "a");
  ClientTrust trust(trust_in(ours.certificate()));
  const auto found = trust.examine(&shown, kNow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->common_name, "alice");
  EXPECT_TRUE(found->user);
  EXPECT_FALSE(found->proxy);
  EXPECT_FALSE(trust.examine(nullptr, kNow));
  // What the connection did not prove is nobody's.
  shown.verified = false;
  EXPECT_FALSE(trust.examine(&shown, kNow));
}

TEST_F(ClientTrustTest, LooksAgainAfterAMinuteAndAtOnceForOtherAuthorities) {
  const identity::CertificateAuthority ours = authority();
  const auto brief =
      ours.issue_client({.user = "bob", .groups = {}, .lifetime = Duration(30'000)}, random_, kNow);
  const net::ClientCertificate shown = presented(*brief, "b");
  ClientTrust trust(trust_in(ours.certificate()));
  EXPECT_TRUE(trust.examine(&shown, kNow));
  EXPECT_TRUE(trust.examine(&shown, kNow + Duration(59'999)));
  EXPECT_FALSE(trust.examine(&shown, kNow + ClientTrust::kGoodFor));
  // Also after a clock that went back.
  EXPECT_TRUE(trust.examine(&shown, kNow));
  trust.replace(trust_in(""));
  EXPECT_FALSE(trust.examine(&shown, kNow));
}

TEST_F(ClientTrustTest, RemembersABoundedNumber) {
  const identity::CertificateAuthority ours = authority();
  const auto alice = ours.issue_client({.user = "alice", .groups = {}}, random_, kNow);
  ClientTrust trust(trust_in(ours.certificate()));
  for (std::size_t i = 0; i <= ClientTrust::kRememberedMax; ++i) {
    const net::ClientCertificate shown = presented(*alice, concat("f", i));
    EXPECT_TRUE(trust.examine(&shown, kNow));
  }
  EXPECT_LE(trust.remembered(), ClientTrust::kRememberedMax);
}

}  // namespace
}  // namespace reeve::api
