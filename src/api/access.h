#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/client_trust.h"
#include "api/live_options.h"
#include "api/view/view.h"
#include "base/result.h"
#include "base/time.h"
#include "platform/ports.h"
#include "security/access/policy.h"
#include "security/access/rate_limit.h"
#include "security/identity/authenticator.h"

namespace reeve::api {

struct AccessOptions {
  AccessRules rules = {};
  /// Whether the run that a token speaks for is in the hands of a host under that fence.
  std::function<bool(const identity::RunClaims&)> run_lives = {};
  /// A token of a run came from where it is good for nothing: somebody else has it.
  std::function<
      void(const net::Request& request, const identity::RunClaims& claims, identity::Misplaced why)>
      misplaced = {};
  /// A token names a key of an identity provider that is not known yet.
  std::function<void()> keys_wanted = {};
};

/// What becomes of a request before anybody looks at what it asks for.
struct Admission {
  access::Identity identity;
  /// Who acts as `identity`; empty: nobody else.
  std::string impersonator = {};
  /// Absent: go on.
  std::optional<resource::Status> refusal;
};

/// Who asks, and what they may do. Follows the roles, bindings and tokens in the view.
///
/// Threading: the network thread.
class Access {
 public:
  Access(
      identity::Authenticator authenticator,
      identity::CertificateTrust trust,
      const Types& types,
      AccessOptions options
  );

  /// From the next request on. Limits that stay the same remember whom they have seen.
  void replace_rules(AccessRules rules);

  void replace_trust(identity::CertificateTrust trust) { trust_.replace(std::move(trust)); }

  /// Reads a row with what is never shown.
  using ReadRow = std::function<Json(const journal::ObjectKey& key)>;

  /// Reads all roles, bindings and tokens; says what it could not read.
  std::vector<Error> load(const view::View& view, const ReadRow& read);

  /// One of them has changed, or has gone (`object` is null). An error: it gives nothing.
  Result<void> changed(
      journal::Kind kind, std::string_view ns, std::string_view name, const Json& object
  );

  /// What of `admit` concerns everybody, for requests that prove elsewhere who sends them.
  std::optional<resource::Status> admit_unidentified(
      const net::Request& request, Duration monotonic
  );

  /// Whether `changed` wants to know about objects of this kind.
  static bool follows(journal::Kind kind);

  /// Identifies a request. `monotonic` is of a clock that does not jump.
  Admission admit(const net::Request& request, Timestamp now, Duration monotonic);

  /// Whether who has asked may ask for the same now, with the proof that came with the request: for
  /// answers that take long.
  bool still_allows(const Call& call, Timestamp now);

  /// Nothing: go ahead. What nobody may know is answered as if it were not there.
  std::optional<resource::Status> authorize(const Call& call, const access::Attributes& attributes)
      const;

  const access::Policy& policy() const { return policy_; }

  identity::Authenticator& authenticator() { return authenticator_; }

 private:
  std::optional<resource::Status> identify(
      const net::Request& request, Timestamp now, Admission& admission
  );
  std::optional<resource::Status> impersonate(
      const identity::Presented& presented, access::Identity& identity
  ) const;
  bool comes_from_where_it_may(const net::Request& request, const identity::Authenticated& who)
      const;
  std::optional<resource::Status> check_host(const net::Request& request) const;
  std::optional<resource::Status> check_origin(const net::Request& request) const;

  identity::Presented presented_by(const net::Request& request, Timestamp now);

  identity::Authenticator authenticator_;
  ClientTrust trust_;
  const Types& types_;
  AccessOptions options_;
  access::Policy policy_;
  std::optional<access::RateLimiter> per_principal_;
  std::optional<access::RateLimiter> per_address_;
};

/// For Streams: whether whoever asked may still ask for the same.
std::function<bool()> while_allowed(const CallPtr& call);

/// What a call asks for, in the terms of roles.
access::Attributes attributes_of(const Call& call);

}  // namespace reeve::api
