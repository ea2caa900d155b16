#include "objects_fixture.h"

#include "base/strings.h"
#include "kernel/audit.h"
#include "workflow/load/load.h"

namespace reeve::kernel {

using journal::ObjectKey;
using namespace std::chrono_literals;

ObjectsTest::ObjectsTest() {
  bench_.commit();
}

ObjectsTest::~ObjectsTest() {
  audit();
}

ObjectKey ObjectsTest::key(journal::Kind kind, std::string name, std::string ns) {
  return {.kind = kind, .ns = Namespace(std::move(ns)), .name = std::move(name)};
}

ObjectKey ObjectsTest::cluster_key(journal::Kind kind, std::string name) {
  return key(kind, std::move(name), {});
}

ObjectKey ObjectsTest::about(journal::Kind kind, std::string name, std::string ns) {
  return engine::metadata_key(key(kind, std::move(name), std::move(ns)));
}

Json ObjectsTest::object(const ObjectKey& key, std::string_view metadata, std::string_view rest) {
  const engine::ResourceKind* kind = engine::resource_kind(key.kind);
  const std::string text = concat(
      R"({"apiVersion":")",
      kind->api_version,
      R"(","kind":")",
      kind->name,
      R"(",)",
      rest,
      R"("metadata":{)",
      metadata,
      R"("name":")",
      key.name,
      R"("}})"
  );
  Result<Json> json = parse_json(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? *json : Json::object();
}

std::string ObjectsTest::owner(const ObjectKey& owner, const Uid& uid, std::string_view more) {
  const engine::ResourceKind* kind = engine::resource_kind(owner.kind);
  return concat(
      R"({"apiVersion":")",
      kind == nullptr ? "reeve.dev/v1" : kind->api_version,
      R"(","kind":")",
      kind == nullptr ? engine::metadata_kind_name(owner.kind) : kind->name,
      R"(","name":")",
      owner.name,
      R"(",)",
      more,
      R"("uid":")",
      uid.view(),
      R"("})"
  );
}

std::string ObjectsTest::owners(const std::vector<std::string>& references) {
  return concat(R"("ownerReferences":[)", join(references, ","), "],");
}

Result<engine::Reply> ObjectsTest::command(
    const ObjectKey& key, std::string verb, Json body, std::string_view who
) {
  return bench_.call(
      engine::ObjectCommand{.object = key, .verb = std::move(verb), .body = std::move(body)},
      {},
      who
  );
}

Result<engine::Reply> ObjectsTest::create(
    const ObjectKey& key, std::string_view metadata, std::string_view rest, std::string_view who
) {
  Json body = Json::object();
  body.set("object", object(key, metadata, rest));
  return command(key, "create", std::move(body), who);
}

Result<engine::Reply> ObjectsTest::update(
    const ObjectKey& key, Json object, std::string_view body, std::string_view who
) {
  Json full = *parse_json(body);
  full.set("object", std::move(object));
  return command(key, "update", std::move(full), who);
}

Result<engine::Reply> ObjectsTest::remove(const ObjectKey& key, std::string_view body) {
  return command(key, "delete", *parse_json(body));
}

Result<engine::Reply> ObjectsTest::describe(const ObjectKey& key, std::string_view metadata) {
  Json body = Json::object();
  body.set("metadata", *parse_json(metadata));
  return command(engine::metadata_key(key), "update", std::move(body));
}

void ObjectsTest::make_namespace(const std::string& name) {
  EXPECT_EQ(outcome(create(cluster_key(journal::Kind::Namespace, name))), "done");
}

engine::Reply ObjectsTest::submit(std::string_view name, std::string ns, Json metadata) {
  engine::SubmitMission command = submit_command(name);
  command.ns = Namespace(std::move(ns));
  command.metadata = std::move(metadata);
  const Result<engine::Reply> reply = bench_.call(std::move(command));
  EXPECT_EQ(outcome(reply), "done");
  return reply.ok() ? *reply : engine::Reply{};
}

void ObjectsTest::finish_runs() {
  for (const model::LaunchRun& launch : bench_.take_launches()) {
    bench_.call(finished(launch, 0)).ok();
  }
}

void ObjectsTest::collect() {
  constexpr int kStepsMax = 1000;
  for (int i = 0; i < kStepsMax; ++i) {
    const std::optional<Timestamp> due = bench_.core().next_timer();
    if (!due || *due > bench_.now() + 1s) {
      return;
    }
    bench_.advance(50ms);
  }
  FAIL() << "garbage collection does not come to rest";
}

std::optional<store::Row> ObjectsTest::row(const ObjectKey& key) {
  const Result<std::optional<store::Row>> row = bench_.store().get(key);
  return row.ok() ? *row : std::nullopt;
}

Json ObjectsTest::stored(const ObjectKey& key) {
  const std::optional<store::Row> found = row(key);
  if (!found || engine::is_deleted_row(found->body)) {
    return {};
  }
  return *parse_json(found->body);
}

std::vector<std::string> ObjectsTest::event_types(const ObjectKey& key) {
  std::vector<std::string> types;
  const auto events = bench_.store().events({.after = {}, .object = key, .limit = 10'000});
  for (const journal::Event& event : *events) {
    types.push_back(event.type);
  }
  return types;
}

void ObjectsTest::audit() {
  const Result<AuditReport> report = kernel::audit(bench_.store(), workflow::load_source);
  EXPECT_TRUE(report.ok()) << report.error().describe();
}

std::string outcome(const Result<engine::Reply>& reply) {
  return reply.ok() ? "done"
                    : concat(
                          to_string(reply.error().code),
                          ": ",
                          reply.error().subject,
                          ": ",
                          reply.error().message
                      );
}

}  // namespace reeve::kernel
