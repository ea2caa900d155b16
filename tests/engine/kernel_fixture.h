#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/core.h"
#include "model/effect.h"
#include "store/memory/memory_store.h"
#include "store/ports.h"

namespace reeve::kernel {

inline constexpr Timestamp kStart = from_unix_millis(1'800'000'000'000);

/// Options of a core for tests.
CoreOptions core_options(engine::Limits limits = {});

/// The command that submits a workflow of one task "a" with a retry after an hour.
engine::SubmitMission submit_command(std::string_view mission);

/// The command that submits any native document.
engine::SubmitMission submit_command(std::string_view mission, const std::string& text);

model::Report started(const model::LaunchRun& launch);
model::Report finished(const model::LaunchRun& launch, int exit_code);

journal::ObjectKey mission_key(std::string_view name);

/// A core and a store, with this test as the driver: nothing is durable before `commit`.
class Bench {
 public:
  explicit Bench(engine::Limits limits = {});
  explicit Bench(CoreOptions options);

  /// Hands an input to the core and remembers its answer under its number.
  std::size_t post(
      engine::Command command, std::string_view id = {}, std::string_view who = "user:test"
  );

  /// Seals and commits the open batch and releases its effects and answers. Returns its rows.
  store::Commit commit();

  /// Commits a batch that was sealed before, and releases its effects and answers.
  store::Commit store_batch(Batch batch);

  /// `post` and `commit`; the answer.
  Result<engine::Reply> call(
      engine::Command command, std::string_view id = {}, std::string_view who = "user:test"
  );

  /// The same of an input with a fingerprint.
  Result<engine::Reply> call_as(
      engine::Command command, std::string_view id, std::string_view fingerprint
  );

  /// Whether an answer has come.
  bool answered(std::size_t number) const { return answers_.at(number).has_value(); }

  const Result<engine::Reply>& answer(std::size_t number) const { return *answers_.at(number); }

  /// Throws the core away and makes a new one from the store, after `downtime`.
  void restart(Duration downtime = Duration(0));

  void advance(Duration time);

  Timestamp now() const { return now_; }

  /// What the core asked hosts for, oldest first, since the last `take_launches`.
  std::vector<model::LaunchRun> take_launches();

  /// The only one.
  model::LaunchRun take_launch();

  /// Everything else that hosts were asked for, oldest first, since the last time.
  std::vector<model::Effect> take_other_effects() { return std::exchange(other_effects_, {}); }

  Core& core() { return *core_; }

  store::MemoryStore& store() { return *store_; }

  /// State of a mission according to its stored row.
  std::string stored_state(std::string_view mission);

  std::optional<Timestamp> stored_timer(std::string_view mission, std::string_view key);

 private:
  std::size_t post(Input input);

  CoreOptions options_;
  std::unique_ptr<store::MemoryStore> store_;
  std::unique_ptr<Core> core_;
  Timestamp now_ = kStart;
  std::vector<std::optional<Result<engine::Reply>>> answers_;
  std::vector<model::LaunchRun> launches_;
  std::vector<model::Effect> other_effects_;
};

}  // namespace reeve::kernel
