#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "objects_fixture.h"

namespace reeve::kernel {

/// Quotas, missions with a run each, and calls of models by those runs, as the gateway meters them.
class MeterTest : public ObjectsTest {
 protected:
  static journal::ObjectKey quota_key(const std::string& name, const std::string& ns = "default");
  static journal::ObjectKey call_key(const std::string& name, const std::string& ns = "default");

  /// Makes or changes a quota; `spec` without its braces. Without a namespace one of the cluster.
  void quota(const std::string& name, const std::string& spec, const std::string& ns = "default");

  /// Submits a mission and starts its only run.
  model::LaunchRun start(
      std::string_view mission, std::string_view ns = "default", Json metadata = {}
  );

  Result<engine::Reply> meter(
      const std::string& call,
      std::string verb,
      const std::string& body,
      const std::string& ns = "default",
      std::string_view who = "system:gateway"
  );

  /// What the run of a mission asks for; an empty mission: a person does. The answer: "granted",
  /// "<quota> <limit> <action>", or the code of an error.
  std::string ask(
      const std::string& call,
      const std::string& mission,
      std::uint64_t tokens,
      const std::string& cost = "0",
      const std::string& ns = "default"
  );

  /// Settles with so many tokens. "done", or the code of an error.
  std::string settle(
      const std::string& call,
      std::uint64_t tokens,
      const std::string& cost = "0",
      const std::string& ns = "default"
  );
  std::string refund(const std::string& call, const std::string& ns = "default");

  /// The status of a row of usage; null: there is none.
  Json usage(const std::string& row, const std::string& ns = "default");
  /// Tokens of a quota in its period: "<settled>+<promised>".
  std::string used(const std::string& quota, const std::string& ns = "default");

  std::string state(std::string_view mission) { return bench_.stored_state(mission); }

  /// The member `name` of a mission's stored status.
  Json mission_status(std::string_view mission);

  std::size_t count_events(std::string_view type);

  /// What hosts were asked for since the last time, as "freeze m.1.a.1".
  std::vector<std::string> asked_of_hosts();

  /// The runs that were cancelled since the last time report their end.
  void end_cancelled_runs();

 private:
  std::vector<model::CancelRun> cancelled_;
};

}  // namespace reeve::kernel
