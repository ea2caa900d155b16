#include "gateway/tool/catalog.h"

#include <cstdint>
#include <utility>

#include "base/canonical.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "gateway/tool/builtin.h"

namespace reeve::gateway {

namespace {

constexpr std::size_t kProblemBytesMax = 512;

const Json* pin_of(const Json& status, std::string_view tool) {
  const Json* tools = status.find("tools");
  if (tools == nullptr || !tools->is_array()) {
    return nullptr;
  }
  for (const Json& entry : tools->as_array()) {
    if (entry.get_string("name") == tool) {
      return &entry;
    }
  }
  return nullptr;
}

/// What stands in the way of a tool, whoever calls it.
std::string refusal_of(const CatalogTool& tool, const Json* pin, const Error* schema) {
  if (!tool.policy.allowed) {
    return "policy does not allow this tool";
  }
  if (schema != nullptr) {
    return concat("its schema cannot be checked: ", schema->describe());
  }
  if (pin != nullptr && pin->get_string("state") == "Held") {
    return "this tool has changed since it was accepted, and a person has to accept it again";
  }
  return {};
}

/// The status with the tools that are there now; each was accepted, or is seen for the first time.
Json with_pins(const Json& status, const std::vector<Json>& definitions) {
  Json tools = Json::array();
  std::map<std::string, Json> now;
  for (const Json& definition : definitions) {
    const std::string name = definition.get_string("name");
    const std::string digest = tool_digest(definition);
    const Json* pin = pin_of(status, name);
    const std::string accepted = pin == nullptr ? digest : pin->get_string("digest");
    Json entry = Json::object();
    entry.set("name", name).set("state", accepted == digest ? "Pinned" : "Held");
    entry.set("digest", accepted).set("seen", digest);
    now[name] = std::move(entry);
  }
  // What has gone may come back as something else.
  const Json* before = status.find("tools");
  for (const Json& entry :
       before != nullptr && before->is_array() ? before->as_array() : Json::Array()) {
    now.try_emplace(entry.get_string("name"), entry);
  }
  std::int64_t held = 0;
  for (auto& [name, entry] : now) {
    if (tools.as_array().size() < kPinsMax) {
      held += entry.get_string("state") == "Held" ? 1 : 0;
      tools.push(std::move(entry));
    }
  }
  Json made = status;
  made.set("toolCount", static_cast<std::int64_t>(definitions.size())).set("heldCount", held);
  return made.set("tools", std::move(tools));
}

bool is_tool(const Json& definition) {
  constexpr std::size_t kNameBytesMax = 128;
  const std::string name = definition.get_string("name");
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '-' && c != '.') {
      return false;
    }
  }
  return !name.empty() && name.size() <= kNameBytesMax;
}

}  // namespace

/// What is known of one server.
struct Catalog::Known {
  Namespace ns;
  std::string name;
  ObjectPtr object;
  ToolServer server;
  std::shared_ptr<Upstream> upstream;
  std::vector<Json> definitions;
  std::optional<Timestamp> fresh_until;
  bool asking = false;
  std::string problem;
  std::vector<OnServer> waiting;
};

std::string tool_digest(const Json& definition) {
  Json said = Json::object();
  for (const char* member :
       {"name", "title", "description", "inputSchema", "outputSchema", "annotations"}) {
    if (const Json* found = definition.find(member)) {
      said.set(member, *found);
    }
  }
  return canonical_digest(said).str();
}

void Catalog::all(const Namespace& ns, OnServers done) {
  struct Gathering {
    std::vector<CatalogServerPtr> servers;
    std::size_t left = 0;
    OnServers done;
  };

  const std::vector<ObjectPtr> objects = ports_.objects("toolservers", ns, kToolServersMax);
  if (objects.empty()) {
    done({});
    return;
  }
  auto gathering = std::make_shared<Gathering>();
  gathering->servers.resize(objects.size());
  gathering->left = objects.size();
  gathering->done = std::move(done);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const Json* metadata = objects[i]->find("metadata");
    const std::string name = metadata == nullptr ? std::string() : metadata->get_string("name");
    server(ns, name, false, [gathering, i](CatalogServerPtr found) {
      gathering->servers[i] = std::move(found);
      if (--gathering->left == 0) {
        std::erase(gathering->servers, nullptr);
        gathering->done(std::move(gathering->servers));
      }
    });
  }
}

void Catalog::server(
    const Namespace& ns, const std::string& name, bool patient, OnServer done
) {
  const ObjectPtr object = ports_.object("toolservers", ns, name);
  const auto key = std::pair(ns, name);
  if (object == nullptr) {
    known_.erase(key);
    done(nullptr);
    return;
  }
  Result<ToolServer> server = read_tool_server(*object);
  if (!server) {
    auto broken = std::make_shared<CatalogServer>();
    broken->server.ns = ns.str();
    broken->server.name = name;
    broken->problem = server.error().describe();
    done(std::move(broken));
    return;
  }
  std::shared_ptr<Known>& known = known_[key];
  const bool same =
      known != nullptr && known->server.uid == server->uid && known->server.url == server->url &&
      known->server.credential == server->credential &&
      known->server.protocol == server->protocol && known->server.builtin == server->builtin;
  if (!same) {
    known = std::make_shared<Known>();
    known->ns = ns;
    known->name = name;
    if (server->builtin.empty()) {
      known->upstream = Upstream::create(*server, ports_);
    }
  }
  known->object = object;
  known->server = std::move(*server);
  const std::shared_ptr<Known> kept = known;
  if (!patient && !kept->problem.empty()) {
    // It may hang again: others have their tools meanwhile.
    auto broken = std::make_shared<CatalogServer>();
    broken->server = kept->server;
    broken->problem = kept->problem;
    refresh(kept);
    done(std::move(broken));
    return;
  }
  kept->waiting.push_back(std::move(done));
  refresh(kept);
}

void Catalog::refresh(const std::shared_ptr<Known>& known) {
  if (known->asking) {
    return;
  }
  if (known->upstream == nullptr) {
    known->definitions = builtin_tools(known->server.builtin);
    deliver(known);
    return;
  }
  if (known->fresh_until && ports_.now() < *known->fresh_until) {
    pin(known, with_pins(known->server.status, known->definitions));
    return;
  }
  known->asking = true;
  known->upstream->list([this, known](Result<std::vector<Json>> tools) {
    known->asking = false;
    if (!tools) {
      known->fresh_until = ports_.now() + kToolsRetry;
      known->definitions.clear();
      known->problem = redact_text(tools.error().describe(), kProblemBytesMax);
      deliver(known);
      return;
    }
    known->fresh_until = ports_.now() + kToolsFresh;
    known->problem.clear();
    std::erase_if(*tools, [](const Json& tool) { return !is_tool(tool); });
    known->definitions = std::move(*tools);
    // The object may have changed meanwhile.
    if (const ObjectPtr object = ports_.object("toolservers", known->ns, known->name)) {
      known->object = object;
      if (const Json* status = object->find("status")) {
        known->server.status = *status;
      }
    }
    pin(known, with_pins(known->server.status, known->definitions));
  });
}

/// Keeps what is seen for the first time, or differs, before anybody may call it.
void Catalog::pin(const std::shared_ptr<Known>& known, Json status) {
  const Json before = known->server.status;
  known->server.status = status;
  if (!known->problem.empty() || canonical_json(before) == canonical_json(status)) {
    deliver(known);
    return;
  }
  status.set("protocol", known->upstream->protocol());
  status.set("seenAt", format_timestamp(ports_.now()));
  Json object = *known->object;
  const Json* metadata = object.find("metadata");
  const std::string revision = metadata == nullptr ? "" : metadata->get_string("resourceVersion");
  object.set("status", std::move(status));
  Json body = Json::object();
  body.set("object", std::move(object)).set("subresource", "status");
  const Result<Json> number = parse_json(revision);
  if (number && number->is_int()) {
    body.set("revision", *number);
  }
  known->asking = true;
  ports_.command(
      engine::ObjectCommand{
          .object = {.kind = journal::Kind::ToolServer, .ns = known->ns, .name = known->name},
          .verb = "update",
          .body = std::move(body)},
      Principal(std::string(engine::kToolsActor)),
      [this, known](const Result<engine::Reply>& reply) {
        known->asking = false;
        if (!reply) {
          // Nothing may be called that is not pinned; the next one who asks tries again.
          known->server.status = Json::object();
          known->problem = concat("its tools could not be pinned: ", reply.error().message);
          deliver(known);
          known->problem.clear();
          return;
        }
        deliver(known);
      }
  );
}

void Catalog::deliver(const std::shared_ptr<Known>& known) {
  auto made = std::make_shared<CatalogServer>();
  made->server = known->server;
  made->upstream = known->upstream;
  made->problem = known->problem;
  for (const Json& definition : known->problem.empty() ? known->definitions : std::vector<Json>()) {
    CatalogTool tool;
    tool.name = definition.get_string("name");
    tool.definition = definition;
    tool.policy = policy_of(known->server, tool.name);
    if (tool.name == "request_approval" && known->server.builtin == "approvals") {
      tool.policy.requires_approval = true;
    }
    const Json* schema = definition.find("inputSchema");
    Result<ArgumentSchema> compiled = ArgumentSchema::compile(schema == nullptr ? Json() : *schema);
    if (compiled) {
      tool.schema = std::move(*compiled);
    }
    const Json* pin =
        known->upstream == nullptr ? nullptr : pin_of(known->server.status, tool.name);
    tool.refusal = refusal_of(tool, pin, compiled ? nullptr : &compiled.error());
    made->tools.emplace(tool.name, std::move(tool));
  }
  const std::vector<OnServer> waiting = std::exchange(known->waiting, {});
  for (const OnServer& done : waiting) {
    done(made);
  }
}

}  // namespace reeve::gateway
