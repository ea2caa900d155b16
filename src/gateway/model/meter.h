#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/json.h"
#include "base/money.h"
#include "base/time.h"
#include "gateway/model/ports.h"
#include "telemetry/correlation.h"

namespace reeve::gateway::model {

/// Who meters calls of models, in the journal.
inline constexpr std::string_view kModelsActor = "system:models";
/// Calls of one `Reeve-Call-Id` that are numbered; later ones have a number by chance, so that who
/// repeats a name for ever costs the meter a few turns for each call and no more.
inline constexpr std::uint32_t kCallsNumbered = 4;
/// Names that are tried for one call.
inline constexpr std::uint32_t kCallNamesMax = 8;
/// Between two tries to have a call settled.
inline constexpr Duration kSettleRetry{200};
inline constexpr Duration kSettleRetryMax{10'000};

/// What is asked of the meter: for whom, and the most that it can cost.
struct MeterRequest {
  Namespace ns;
  std::string mission;
  std::string run;
  std::string agent;
  std::string principal;
  std::string route;
  std::string provider;
  std::string model;
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  Money cost;
  std::string currency;
};

/// What the meter says.
struct MeterReply {
  /// The name of the reservation; empty: nothing is reserved.
  std::string call;
  /// A limit is in the way: "terminate", "pause", "queue", "downgrade".
  std::string action;
  /// For people.
  std::string message;
  Duration retry_after{0};
  /// The meter cannot be asked, or knows no such run.
  std::optional<Error> error;

  bool granted() const { return !call.empty(); }
};

/// Reserves what a call may cost before it is made, settles afterwards; see engine/meter_book.h.
/// What it is told about the end of a call it repeats until it is durable.
///
/// Threading: network thread.
class Meter {
 public:
  using OnReply = std::function<void(MeterReply)>;

  /// `ports` outlive it; replies that come later than it find nobody.
  explicit Meter(const ModelPorts& ports) : ports_(ports) {}

  /// `stem` names the call: the same one, asked for again, is another call of that name.
  void reserve(
      MeterRequest request,
      const std::string& stem,
      const telemetry::Correlation& correlation,
      OnReply done
  );

  /// `end` is the body of `settle`.
  void settle(
      const Namespace& ns,
      const std::string& call,
      Json end,
      const telemetry::Correlation& correlation
  );

  /// Nothing was sent.
  void refund(
      const Namespace& ns,
      const std::string& call,
      std::string_view reason,
      const telemetry::Correlation& correlation
  );

  /// Calls that are reserved and not known to be settled.
  std::size_t open() const { return active_.size(); }

 private:
  struct Reserving;
  struct Ending;

  void try_reserve(const std::shared_ptr<Reserving>& reserving);
  void take_reply(const std::shared_ptr<Reserving>& reserving, Result<engine::Reply> reply);
  void try_end(const std::shared_ptr<Ending>& ending);

  const ModelPorts& ports_;
  /// Names in use.
  std::set<std::pair<Namespace, std::string>> active_;
};

/// The stem of the names of a call: of what the caller calls it if that is known, else of chance.
std::string call_stem(
    std::string_view ns, std::string_view run, std::string_view call_id, std::uint64_t random
);

}  // namespace reeve::gateway::model
