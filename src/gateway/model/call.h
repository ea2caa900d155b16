#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "gateway/model/catalog.h"
#include "gateway/model/context.h"
#include "gateway/model/delivery.h"
#include "gateway/model/format/price.h"
#include "gateway/model/format/request_scan.h"
#include "gateway/model/format/settlement.h"
#include "gateway/model/replies.h"
#include "gateway/model/route/choose.h"
#include "gateway/model/route/retry.h"
#include "net/client.h"
#include "net/exchange.h"

namespace reeve::gateway::model {

/// How long a call waits for a place at a provider, and where a quota says `queue`.
inline constexpr Duration kPlaceWaitMax{30'000};
inline constexpr Duration kQueueWaitMax{120'000};
/// How long one waits whose mission is held by a quota, and how often it asks.
inline constexpr Duration kHeldWaitMax{std::chrono::hours(24)};
inline constexpr Duration kHeldPoll{250};
inline constexpr Duration kHeldPollMax{2'000};
/// How far an answer is read whose client has gone, to know what it has used.
inline constexpr Duration kDrainTime{10'000};
inline constexpr std::uint64_t kDrainBytesMax = std::uint64_t{4} << 20U;
/// Calls that go on to their end without a client, what their answers may take of memory together,
/// and requests that wait for the end of one.
inline constexpr std::size_t kCarriedMax = 1'000;
inline constexpr std::size_t kCarriedBytesMax = std::size_t{64} << 20U;
inline constexpr std::size_t kAttachedMax = 8;
/// How often it is looked whether the mission of such a call has ended.
inline constexpr Duration kCarriedLook{10'000};
/// Of an answer that is no success.
inline constexpr std::size_t kErrorBytesMax = std::size_t{1} << 20U;

/// Everything about a call that was let in.
struct CallOrder {
  std::shared_ptr<net::Exchange> exchange;
  Caller caller;
  OperationTarget target;
  RequestScan scan;
  /// What the candidates point into.
  RouteSetPtr set;
  /// Those of the set that the caller may ask.
  std::vector<const Route*> routes;
  RouteFacts facts;
  Choice choice;
  std::uint64_t seed = 0;
  /// See `call_stem`.
  std::string stem;
  /// What the guardrails replace.
  std::vector<Splice> splices;
  /// Where its answer is kept; absent: nowhere.
  std::optional<Digest> cache_key;
  /// Under which its reply may be asked for again, and what it asks; absent: it may not.
  std::optional<ReplyKey> reply_key;
  Digest question;
  Uid mission_uid;
};

/// What those are told who wait for a reply that cannot be kept for them.
GatewayError reply_not_kept();

/// The life of one call. Every attempt has a reservation of its own, so that each is on record.
///
///     Reserving ──▶ Queued ──▶ Sent ──▶ Answering ──▶ Done
///      │  ▲  │        │         │           │ client gone
///      │  │  └▶ Waiting (a quota says so)   ├─▶ Draining ──▶ Done
///      │  └─────────────────────┴───────────┘ it failed before the client got a byte
///      └▶ Done: refused
///
/// One whose reply may be asked for again (`reply_key`) goes on without its client, within its own
/// times: who asks again waits for its end.
///
/// Threading: network thread.
class Call final : public std::enable_shared_from_this<Call> {
 public:
  using OnDone = std::function<void(Call&)>;

  /// `context` outlives it. `done` is called once.
  Call(Context& context, CallOrder order, OnDone done);

  void start();

  /// The gateway closes: nothing is waited for any more.
  void stop();

  const Digest& question() const { return order_.question; }

  /// Whether its reply may still come to be kept.
  bool is_live() const { return phase_ != Phase::Draining && phase_ != Phase::Done && !over_; }

  /// Whether no more may wait for its reply.
  bool is_full() const { return attached_.size() >= kAttachedMax; }

  /// Another client waits for the reply, and gets all of it at its end.
  void attach(std::shared_ptr<net::Exchange> exchange);

 private:
  class Sink;

  enum class Phase : std::uint8_t { Reserving, Waiting, Queued, Sent, Answering, Draining, Done };

  // The way to a provider.
  void try_candidate();
  void reserve();
  void on_meter(const MeterReply& reply);
  void wait_for_quota(const MeterReply& reply);
  void downgrade(const MeterReply& reply);
  void queue();
  void no_place();
  void send();
  std::shared_ptr<const std::string> body_to_send() const;

  // The way back.
  void on_head(int status, const net::Headers& headers);
  void on_data(std::string_view data);
  void on_end();
  void on_error(net::ClientStage stage, const Error& error);
  void on_step(DeliveryStep step);
  void answered();
  void refused_by_provider();
  void failed(const Attempt& attempt, std::string_view kind, const std::string& message);
  void give_up(const Attempt& attempt);
  bool pass_on();
  void cut(const std::string& message);

  void client_gone();
  void detach(const net::Exchange* exchange);
  void left_alone();
  bool carry();
  void watch_mission();
  void count_carried();
  void end_carrying();
  void drain();
  void keep_answer();
  void tell_attached(const GatewayError& error);
  void refuse(const GatewayError& error, std::string_view outcome);
  void settle(Settlement settlement, std::uint32_t status);
  void keep_bodies();
  void settle_attempt(AttemptCharge charge, std::uint32_t status);
  void leave_provider(Breaker::Outcome outcome);
  void finish(std::string_view outcome);

  const Candidate& candidate() const { return order_.choice.candidates[index_]; }

  bool metered() const { return is_metered(order_.target.operation); }

  /// Whether somebody will read what `keep_bodies` writes.
  bool keeps_bodies() const;

  /// Whether nobody waits for its answer.
  bool is_alone() const { return gone_ && attached_.empty(); }

  Duration time_left() const;
  void after(Duration delay, void (Call::*then)());

  Context& context_;
  CallOrder order_;
  OnDone done_;
  Phase phase_ = Phase::Reserving;
  bool gone_ = false;
  /// It goes on all the same; bytes of it that are counted.
  bool carried_ = false;
  std::size_t carried_bytes_ = 0;
  std::vector<std::shared_ptr<net::Exchange>> attached_;
  /// Its answer is at its end: that the client goes means nothing any more.
  bool over_ = false;
  std::size_t index_ = 0;
  std::uint32_t retries_ = 0;
  Duration began_;
  Duration total_{0};
  Duration waited_{0};
  Duration held_poll_ = kHeldPoll;
  ModelPorts::Cancel cancel_wait_;
  ModelPorts::Cancel cancel_watch_;

  // The attempt that is under way.
  std::uint64_t attempt_ = 0;
  WorstCase worst_;
  Money worst_cost_;
  std::string reservation_;
  Places::PlacePtr place_;
  Breaker::Permit permit_;
  std::shared_ptr<net::ClientCall> upstream_;
  Duration sent_at_{0};
  Duration first_byte_{0};
  std::optional<Delivery> delivery_;
  bool paused_ = false;

  // An answer that is no success.
  int error_status_ = 0;
  net::Headers error_headers_;
  std::string error_body_;
  bool error_cut_ = false;

  Captured request_;
};

}  // namespace reeve::gateway::model
