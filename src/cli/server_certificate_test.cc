#include "cli/server_certificate.h"

#include <filesystem>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::cli {
namespace {

using std::chrono::hours;

/// 2026-11-21T09:30:00Z.
constexpr Timestamp kNow = from_unix_millis(1'795'253'400'000);
constexpr Duration kDay = hours(24);

class ServerCertificateTest : public ::testing::Test {
 protected:
  ServerCertificateTest()
      : dir_(
            std::filesystem::temp_directory_path() /
            ("reeve-certificate-" + std::to_string(::getpid()))
        ) {
    std::filesystem::create_directory(dir_);
    std::filesystem::permissions(dir_, std::filesystem::perms::owner_all);
  }

  ~ServerCertificateTest() override { std::filesystem::remove_all(dir_); }

  ServerCertificate open(Timestamp now) {
    auto opened = open_server_certificate(dir_, settings_, random_, now);
    EXPECT_TRUE(opened.ok()) << (opened ? "" : opened.error().describe());
    EXPECT_TRUE(opened->has_value());
    return std::move(**opened);
  }

  std::filesystem::path dir_;
  configuration::ServerSettings::Server settings_;
  platform::SystemRandom random_;
};

TEST_F(ServerCertificateTest, IsMadeAnewBeforeItExpires) {
  const ServerCertificate first = open(kNow);
  CertificateWatch watch;
  EXPECT_FALSE(watch.expires());
  EXPECT_FALSE(watch.due(kNow));
  watch.use(first.expires, true);
  EXPECT_EQ(*watch.expires(), first.expires);

  const Timestamp early = first.expires - kDay * 31;
  EXPECT_FALSE(watch.due(early));
  EXPECT_EQ(open(early).material.certificate_chain_pem, first.material.certificate_chain_pem);

  const Timestamp late = first.expires - kDay * 29;
  EXPECT_TRUE(watch.due(late));
  const ServerCertificate second = open(late);
  EXPECT_NE(second.material.certificate_chain_pem, first.material.certificate_chain_pem);
  EXPECT_GT(second.expires, late + kDay * 300);
  // Whoever trusts the authority need not be told.
  EXPECT_EQ(second.authority, first.authority);
  watch.use(second.expires, true);
  EXPECT_FALSE(watch.due(late));
}

TEST_F(ServerCertificateTest, AnAttemptThatFailedIsRepeatedAMinuteLater) {
  CertificateWatch watch;
  watch.use(kNow + kDay, true);
  watch.failed(kNow);
  EXPECT_FALSE(watch.due(kNow + Duration(59'999)));
  EXPECT_TRUE(watch.due(kNow + Duration(60'000)));
}

TEST_F(ServerCertificateTest, WhatIsGivenIsNotOursToMakeAnew) {
  const ServerCertificate own = open(kNow);
  ASSERT_TRUE(
      platform::write_file_atomically(dir_ / "given.crt", own.material.certificate_chain_pem, 0600)
          .ok()
  );
  ASSERT_TRUE(
      platform::write_file_atomically(dir_ / "given.key", own.material.private_key_pem.view(), 0600)
          .ok()
  );
  settings_.tls = configuration::TlsMode::Files;
  settings_.tls_cert = (dir_ / "given.crt").string();
  settings_.tls_key = (dir_ / "given.key").string();
  const ServerCertificate given = open(kNow);
  EXPECT_EQ(given.expires, own.expires);
  EXPECT_TRUE(given.authority.empty());
  CertificateWatch watch;
  watch.use(given.expires, false);
  EXPECT_FALSE(watch.due(given.expires));

  // A key that belongs to another certificate is told before anything uses it.
  settings_.tls_key = settings_.tls_cert;
  const auto broken = open_server_certificate(dir_, settings_, random_, kNow);
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, ErrorCode::Invalid);
  EXPECT_NE(broken.error().describe().find("server.tls_key"), std::string::npos);
}

TEST_F(ServerCertificateTest, TheEndIsToldTwoWeeksBefore) {
  EXPECT_EQ(certificate_warning(kNow + kDay * 15, kNow), "");
  EXPECT_EQ(certificate_warning(kNow + kDay * 13, kNow), "the certificate expires in 13 days");
  EXPECT_EQ(certificate_warning(kNow + kDay, kNow), "the certificate expires in 1 day");
  EXPECT_EQ(certificate_warning(kNow, kNow), "the certificate has expired");
}

}  // namespace
}  // namespace reeve::cli
