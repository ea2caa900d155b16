#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "engine/resource_book.h"

namespace reeve::engine {

/// How long an endpoint is believed without a word of it.
inline constexpr Duration kEndpointTtl{15'000};
inline constexpr Duration kEndpointTtlMin{1'000};
inline constexpr Duration kEndpointTtlMax{Duration::rep{24} * 3'600'000};
/// How long one that has expired is kept, and its name with it.
inline constexpr Duration kEndpointKept{3'600'000};
/// Before a capability, as a label of its endpoint with the value "true".
inline constexpr std::string_view kCapabilityLabel = "capability.reeve.dev/";
inline constexpr std::size_t kCapabilitiesMax = 64;
inline constexpr std::size_t kCapabilityBytesMax = 63;
inline constexpr std::size_t kEndpointMessageBytesMax = 1'024;

/// Who an endpoint belongs to if `actor` registers it: the actor itself, and for a run its task,
/// whichever attempt it is.
std::string registrant_of(const Principal& actor);

/// Where agents can be reached: registered by themselves, believed for a time (`spec.ttl`). Beyond
/// what resource_book.h says:
///
///     create  The sender becomes `status.owner`; the state is `starting`. Capabilities become
///             labels. Invalid: a capability that cannot be one, a ttl out of bounds.
///     update  By the owner alone (PermissionDenied); counts as a sign of life.
///     renew   {state?, message?}  A sign of life, by the owner alone: `starting`, `healthy`
///             (if nothing is said), `degraded`, `unhealthy`. One that has expired is there again.
///     delete  A run can take away only what is its own.
///
/// `status`, whatever clients write: {owner, state, healthy, message, registeredAt, renewedAt,
/// expiresAt}. Without a sign of life for `spec.ttl` the state becomes `expired`
/// (`endpoint.expired`), and an hour later the endpoint is removed. While nobody could say anything
/// because the kernel was away, nobody expires.
///
/// Events besides: `endpoint.renewed`, `endpoint.expired`. Threading: as Book.
class EndpointBook final : public ResourceBook {
 public:
  EndpointBook();

  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn) override;
  void recover(BookTurn& turn) override;

 protected:
  Result<void> prepare(Json& object, BookTurn& turn) const override;
  Result<void> check_change(const Json& before, Json& after, BookTurn& turn) const override;
  EventUse use_of(std::string_view type) const override;

 private:
  Result<Reply> renew(const ObjectCommand& command, BookTurn& turn);
  void arm(const journal::ObjectKey& key, BookTurn& turn) const;
};

}  // namespace reeve::engine
