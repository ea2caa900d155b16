#include "kernel_fixture.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "workflow/load/load.h"

namespace reeve::kernel {

CoreOptions core_options(engine::Limits limits) {
  CoreOptions options;
  options.limits = limits;
  options.instance = "test";
  options.loader = workflow::load_source;
  options.extend = workflow::extend_source;
  return options;
}

engine::SubmitMission submit_command(std::string_view mission) {
  return submit_command(
      mission,
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
      "  tasks:\n    - {name: a, script: x, retry: {max: 1, delay: 1h}}\n"
  );
}

engine::SubmitMission submit_command(std::string_view mission, const std::string& text) {
  Result<std::shared_ptr<const workflow::Workflow>> workflow = workflow::load_source(text);
  EXPECT_TRUE(workflow.ok()) << workflow.error().describe();
  return {
      .name = MissionName(std::string(mission)),
      .ns = Namespace("default"),
      .workflow = *workflow,
      .params = {},
      .local = false};
}

model::Report started(const model::LaunchRun& launch) {
  return model::RunStarted{.mission = launch.mission, .run = launch.run, .fence = launch.fence};
}

model::Report finished(const model::LaunchRun& launch, int exit_code) {
  model::RunFinished report{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = {}};
  report.result.exit_code = exit_code;
  return report;
}

journal::ObjectKey mission_key(std::string_view name) {
  return {.kind = journal::Kind::Mission, .ns = Namespace("default"), .name = std::string(name)};
}

Bench::Bench(engine::Limits limits) : Bench(core_options(limits)) {}

Bench::Bench(CoreOptions options)
    : options_(std::move(options)), store_(std::make_unique<store::MemoryStore>()) {
  restart();
}

std::size_t Bench::post(engine::Command command, std::string_view id, std::string_view who) {
  Input input;
  input.id = InputId(std::string(id));
  input.principal = Principal(std::string(who));
  input.command = std::move(command);
  return post(std::move(input));
}

std::size_t Bench::post(Input input) {
  const std::size_t number = answers_.size();
  answers_.emplace_back();
  input.done = [this, number](Result<engine::Reply> outcome) {
    EXPECT_FALSE(answers_[number].has_value()) << "answered twice";
    answers_[number] = std::move(outcome);
  };
  core_->handle(std::move(input), now_);
  return number;
}

store::Commit Bench::commit() {
  return store_batch(core_->seal());
}

store::Commit Bench::store_batch(Batch batch) {
  Result<store::Head> head = store_->head();
  EXPECT_TRUE(head.ok());
  journal::Chain chain(head->chain);
  for (journal::Event& event : batch.commit.events) {
    chain.link(event);
  }
  const Result<void> stored = store_->commit(batch.commit);
  EXPECT_TRUE(stored.ok()) << stored.error().describe();
  for (Completion& completion : batch.completions) {
    if (completion.done) {
      completion.done(std::move(completion.outcome));
    }
  }
  for (model::Effect& effect : batch.effects) {
    if (auto* launch = std::get_if<model::LaunchRun>(&effect)) {
      launches_.push_back(std::move(*launch));
    } else {
      other_effects_.push_back(std::move(effect));
    }
  }
  core_->released(batch.ended);
  return std::move(batch.commit);
}

Result<engine::Reply> Bench::call(
    engine::Command command, std::string_view id, std::string_view who
) {
  const std::size_t number = post(std::move(command), id, who);
  commit();
  EXPECT_TRUE(answered(number));
  return answer(number);
}

Result<engine::Reply> Bench::call_as(
    engine::Command command, std::string_view id, std::string_view fingerprint
) {
  Input input;
  input.id = InputId(std::string(id));
  input.fingerprint = std::string(fingerprint);
  input.principal = Principal("user:test");
  input.command = std::move(command);
  const std::size_t number = post(std::move(input));
  commit();
  return answer(number);
}

void Bench::restart(Duration downtime) {
  now_ += downtime;
  Result<std::unique_ptr<Core>> core = Core::recover(*store_, options_, now_);
  ASSERT_TRUE(core.ok()) << core.error().describe();
  core_ = std::move(*core);
}

void Bench::advance(Duration time) {
  now_ += time;
  constexpr std::uint32_t kRoundsMax = 1000;
  core_->fire_timers(now_, kRoundsMax);
  commit();
}

std::vector<model::LaunchRun> Bench::take_launches() {
  return std::exchange(launches_, {});
}

model::LaunchRun Bench::take_launch() {
  std::vector<model::LaunchRun> launches = take_launches();
  EXPECT_EQ(launches.size(), 1U);
  return launches.empty() ? model::LaunchRun{} : launches.back();
}

std::string Bench::stored_state(std::string_view mission) {
  const Result<std::optional<store::Row>> row = store_->get(mission_key(mission));
  if (!row.ok() || !row->has_value()) {
    return "absent";
  }
  const Result<Json> body = parse_json((*row)->body);
  return body->find("status")->get_string("state");
}

std::optional<Timestamp> Bench::stored_timer(std::string_view mission, std::string_view key) {
  std::optional<Timestamp> due;
  const Result<void> visited = store_->each_timer([&](const store::Timer& timer) -> Result<void> {
    if (timer.owner.name == mission && timer.key == key) {
      due = timer.due;
    }
    return {};
  });
  EXPECT_TRUE(visited.ok());
  return due;
}

}  // namespace reeve::kernel
