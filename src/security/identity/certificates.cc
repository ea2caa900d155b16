#include "security/identity/certificates.h"

#include <algorithm>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/private_files.h"
#include "security/identity/x509.h"

namespace reeve::identity {

namespace fs = std::filesystem;

namespace {

constexpr const char* kAuthorityFile = "ca.pem";
constexpr const char* kPublicFile = "ca.crt";
constexpr const char* kServerFile = "server.pem";
constexpr std::string_view kAuthorityName = "reeve authority ";
constexpr std::string_view kServerName = "reeve";
constexpr mode_t kPrivateMode = 0600;
constexpr mode_t kPublicMode = 0644;
constexpr mode_t kDirectoryMode = 0700;
/// Clocks of others may be behind ours.
constexpr Duration kBackdated = std::chrono::minutes(5);
/// An authority must outlive what it signs.
constexpr Duration kAuthorityRenewBefore = kServerLifetime + kRenewBefore;
constexpr std::size_t kIdDigits = 8;

/// Certificate and key in one file: there is never one without the other.
Secret joined(std::string_view certificate, const Secret& key) {
  Secret text(certificate.size() + key.size());
  std::copy(certificate.begin(), certificate.end(), text.data());
  std::copy(key.view().begin(), key.view().end(), text.data() + certificate.size());
  return text;
}

struct Pair {
  x509::CertificatePtr certificate;
  x509::KeyPtr key;
};

Pair read_pair(std::string_view pem) {
  return {.certificate = x509::read_certificate(pem), .key = x509::read_private_key(pem)};
}

Result<CertifiedKey> issue(
    x509::Content content, const x509::Signer& signer, platform::Random& random
) {
  REEVE_TRY(const x509::KeyPtr key, x509::make_key());
  REEVE_TRY(
      const x509::CertificatePtr certificate,
      x509::make_certificate(content, key.get(), signer, random)
  );
  return CertifiedKey{
      .certificate = x509::to_pem(certificate.get()),
      .key = x509::to_pem(key.get()),
      .expires = x509::not_after(certificate.get())};
}

/// A certificate for the authority's key: the first one, or one that follows it under the same
/// name.
Result<x509::CertificatePtr> make_authority(
    evp_pkey_st* key, std::string name, platform::Random& random, Timestamp now
) {
  x509::Content content;
  content.purpose = x509::Purpose::Authority;
  content.common_name = std::move(name);
  content.not_before = now - kBackdated;
  content.not_after = now + kAuthorityLifetime;
  return x509::make_certificate(content, key, {.key = key, .certificate = nullptr}, random);
}

Result<void> create_authority(const fs::path& file, platform::Random& random, Timestamp now) {
  REEVE_TRY(const x509::KeyPtr key, x509::make_key());
  // Two authorities of one machine are told apart by it.
  constexpr unsigned kHighHalf = 32;
  std::string id = concat(random.next() >> kHighHalf);
  id.resize(std::min(id.size(), kIdDigits));
  REEVE_TRY(
      const x509::CertificatePtr certificate,
      make_authority(key.get(), concat(kAuthorityName, id), random, now)
  );
  const Secret text = joined(x509::to_pem(certificate.get()), x509::to_pem(key.get()));
  REEVE_TRY(const bool created, platform::create_private_file(file, text.view()));
  (void)created;  // Somebody who was faster made the one that is read next.
  return {};
}

Error damaged(const fs::path& file) {
  Error error = make_error(ErrorCode::Corrupt, "holds no certificate with its key", file.string());
  error.hint =
      "restore it from a backup, or remove it: a new authority is made, and clients need "
      "its certificate";
  return error;
}

Result<void> publish(const fs::path& file, const std::string& pem) {
  const auto before = platform::read_file(file, kPemBytesMax);
  if (before.ok() && *before == pem) {
    return {};
  }
  return platform::replace_file(file, pem, kPublicMode);
}

std::vector<std::string> sorted_names(std::vector<std::string> names) {
  for (std::string& name : names) {
    name = x509::canonical_name(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<void> check_names(const std::vector<std::string>& names) {
  if (names.empty() || names.size() > kAlternativeNamesMax) {
    return make_error(
        ErrorCode::Invalid, concat("must be between 1 and ", kAlternativeNamesMax), "names"
    );
  }
  for (const std::string& name : names) {
    if (x509::canonical_name(name).empty()) {
      return make_error(
          ErrorCode::Invalid, "must be a name of DNS or an IP address", concat("names: ", name)
      );
    }
  }
  return {};
}

}  // namespace

struct CertificateAuthority::State {
  x509::CertificatePtr certificate;
  x509::KeyPtr key;
  std::string pem;

  x509::Signer signer() const { return {.key = key.get(), .certificate = certificate.get()}; }
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

CertificateAuthority::~CertificateAuthority() = default;
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;

Result<CertificateAuthority> CertificateAuthority::open_or_create(
    const fs::path& dir, platform::Random& random, Timestamp now
) {
  REEVE_CHECK(platform::make_directories(dir, kDirectoryMode));
  const fs::path file = dir / kAuthorityFile;
  auto text = platform::read_private_file(file, kPemBytesMax);
  if (!text.ok() && text.error().code == ErrorCode::NotFound) {
    REEVE_CHECK(create_authority(file, random, now));
    text = platform::read_private_file(file, kPemBytesMax);
  }
  if (!text.ok()) {
    return std::move(text).error();
  }
  Pair pair = read_pair(text->view());
  if (!x509::belongs_together(pair.certificate.get(), pair.key.get(), pair.certificate.get())) {
    return damaged(file);
  }
  if (x509::not_after(pair.certificate.get()) - now < kAuthorityRenewBefore) {
    REEVE_TRY(
        pair.certificate,
        make_authority(pair.key.get(), x509::common_name(pair.certificate.get()), random, now)
    );
    const Secret renewed =
        joined(x509::to_pem(pair.certificate.get()), x509::to_pem(pair.key.get()));
    REEVE_CHECK(platform::write_file_atomically(file, renewed.view(), kPrivateMode));
  }
  auto state = std::make_unique<State>();
  state->pem = x509::to_pem(pair.certificate.get());
  state->certificate = std::move(pair.certificate);
  state->key = std::move(pair.key);
  REEVE_CHECK(publish(dir / kPublicFile, state->pem));
  return CertificateAuthority(std::move(state));
}

const std::string& CertificateAuthority::certificate() const {
  return state_->pem;
}

Timestamp CertificateAuthority::expires() const {
  return x509::not_after(state_->certificate.get());
}

Result<CertifiedKey> CertificateAuthority::issue_server(
    const std::vector<std::string>& names, platform::Random& random, Timestamp now
) const {
  REEVE_CHECK(check_names(names));
  x509::Content content;
  content.purpose = x509::Purpose::Server;
  content.common_name = kServerName;
  content.names = names;
  content.not_before = now - kBackdated;
  content.not_after = std::min(now + kServerLifetime, expires());
  return issue(std::move(content), state_->signer(), random);
}

Result<CertifiedKey> CertificateAuthority::issue_client(
    const ClientSubject& subject, platform::Random& random, Timestamp now
) const {
  access::Identity identity;
  identity.user = subject.user;
  identity.groups = subject.groups;
  REEVE_CHECK(access::check_identity(identity));
  if (subject.lifetime <= Duration(0) || subject.lifetime > kAuthorityLifetime) {
    return make_error(ErrorCode::Invalid, "must be positive, and at most ten years", "lifetime");
  }
  x509::Content content;
  content.purpose = x509::Purpose::Client;
  content.common_name = subject.user;
  content.organizations = subject.groups;
  content.not_before = now - kBackdated;
  content.not_after = std::min(now + subject.lifetime, expires());
  return issue(std::move(content), state_->signer(), random);
}

bool renewal_due(Timestamp expires, Timestamp now) {
  return expires - now < kRenewBefore;
}

Result<Timestamp> certificate_expiry(std::string_view pem) {
  const x509::CertificatePtr certificate = x509::read_certificate(pem);
  if (!certificate) {
    return make_error(ErrorCode::Invalid, "there is no PEM certificate", "certificate");
  }
  return x509::not_after(certificate.get());
}

std::vector<std::string> server_names(
    std::string_view host_name, const std::vector<std::string>& extra
) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  const auto add = [&](std::string_view name) {
    const std::string canonical = x509::canonical_name(name);
    // A name that is none is kept, so that whoever gave it is told.
    const std::string kept = canonical.empty() ? std::string(name) : canonical;
    if (std::find(names.begin(), names.end(), kept) == names.end()) {
      names.push_back(kept);
    }
  };
  if (!x509::canonical_name(host_name).empty()) {
    add(host_name);
  }
  for (const std::string& name : extra) {
    add(name);
  }
  return names;
}

Result<CertifiedKey> open_or_issue_server(
    const CertificateAuthority& authority,
    const fs::path& dir,
    const std::vector<std::string>& names,
    platform::Random& random,
    Timestamp now
) {
  REEVE_CHECK(check_names(names));
  const fs::path file = dir / kServerFile;
  const auto text = platform::read_private_file(file, kPemBytesMax);
  if (!text.ok() && text.error().code != ErrorCode::NotFound) {
    return text.error();
  }
  if (text.ok()) {
    const Pair pair = read_pair(text->view());
    const x509::CertificatePtr signer = x509::read_certificate(authority.certificate());
    if (x509::belongs_together(pair.certificate.get(), pair.key.get(), signer.get()) &&
        !renewal_due(x509::not_after(pair.certificate.get()), now) &&
        sorted_names(x509::server_names(pair.certificate.get())) == sorted_names(names)) {
      return CertifiedKey{
          .certificate = x509::to_pem(pair.certificate.get()),
          .key = x509::to_pem(pair.key.get()),
          .expires = x509::not_after(pair.certificate.get())};
    }
  }
  REEVE_TRY(CertifiedKey fresh, authority.issue_server(names, random, now));
  const Secret both = joined(fresh.certificate, fresh.key);
  REEVE_CHECK(platform::write_file_atomically(file, both.view(), kPrivateMode));
  return fresh;
}

}  // namespace reeve::identity
