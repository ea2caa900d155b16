#include "gateway/tool/catalog.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "base/canonical.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "gateway/tool/builtin.h"

namespace reeve::gateway {

namespace {

constexpr std::size_t kProblemBytesMax = 512;

/// What stands in the way of a tool, whoever calls it. `pin` is looked at if its server is not
/// ours.
std::string unfit_of(const ToolServer& server, const Json* pin, const Error* schema) {
  if (schema != nullptr) {
    return concat("its schema cannot be checked: ", schema->describe());
  }
  if (!server.builtin.empty()) {
    return {};
  }
  if (pin == nullptr) {
    return "this tool could not be pinned: its server has had too many";
  }
  if (pin->get_string("state") != "Pinned") {
    return "this tool has changed since it was accepted, and a person has to accept it again";
  }
  return {};
}

/// The status with the tools that are there now; each was accepted, or is seen for the first time.
/// What has gone stays: it may come back as something else. No pin makes room for another one.
Json with_pins(const Json& status, const std::vector<Json>& definitions) {
  std::map<std::string, Json> pins;
  if (const Json* before = status.find("tools"); before != nullptr && before->is_array()) {
    for (const Json& entry : before->as_array()) {
      pins.try_emplace(entry.get_string("name"), entry);
    }
  }
  for (const Json& definition : definitions) {
    const std::string name = definition.get_string("name");
    const auto before = pins.find(name);
    if (before == pins.end() && pins.size() >= kPinsMax) {
      continue;
    }
    const std::string digest = tool_digest(definition);
    const std::string accepted =
        before == pins.end() ? digest : before->second.get_string("digest");
    Json entry = Json::object();
    entry.set("name", name).set("state", accepted == digest ? "Pinned" : "Held");
    entry.set("digest", accepted).set("seen", digest);
    pins[name] = std::move(entry);
  }
  Json tools = Json::array();
  std::int64_t held = 0;
  for (auto& [name, entry] : pins) {
    held += entry.get_string("state") == "Held" ? 1 : 0;
    tools.push(std::move(entry));
  }
  Json made = status;
  std::erase_if(made.as_object(), [](const Json::Member& member) {
    return member.first == "message";
  });
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

/// Which of two definitions is meant nobody can say: neither is.
void drop_repeated(std::vector<Json>& definitions) {
  std::map<std::string, std::size_t> times;
  for (const Json& definition : definitions) {
    ++times[definition.get_string("name")];
  }
  std::erase_if(definitions, [&](const Json& definition) {
    return times[definition.get_string("name")] > 1;
  });
}

const Json& metadata_of(const Json& object) {
  static const Json kNone = Json::object();
  const Json* metadata = object.find("metadata");
  return metadata == nullptr ? kNone : *metadata;
}

/// Of a revision as text; 0: it is none.
std::uint64_t number_of(std::string_view revision) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(revision.data(), revision.data() + revision.size(), number);
  return read.ec == std::errc() && read.ptr == revision.data() + revision.size() ? number : 0;
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
  /// All of that as it is handed out; null: something has changed since it was made.
  CatalogServerPtr made;
  std::optional<Timestamp> fresh_until;
  Timestamp used;
  bool asking = false;
  std::string problem;
  /// When the problem may be reported.
  Timestamp next_report;
  std::vector<OnServer> waiting;

  /// Whether what has been learned of the server is about this one, too.
  bool is_same(const ToolServer& other) const {
    return server.uid == other.uid && server.url == other.url &&
           server.credential == other.credential && server.protocol == other.protocol &&
           server.builtin == other.builtin && server.program == other.program;
  }

  /// Whether the object says nothing new: the view may still have an older one than we have
  /// written.
  bool knows(const Json& newer) const {
    const Json& metadata = metadata_of(newer);
    const std::uint64_t seen = number_of(metadata.get_string("resourceVersion"));
    return seen != 0 && seen <= number_of(server.revision) &&
           metadata.get_string("uid") == server.uid;
  }

  void close(Closing how) const {
    if (upstream != nullptr) {
      upstream->close(how);
    }
  }
};

/// The servers of a namespace, as they come.
struct Catalog::Gathering {
  std::vector<CatalogServerPtr> servers;
  std::size_t left = 0;
  OnServers done;
  ToolPorts::Cancel cancel;

  void end() {
    if (cancel) {
      std::exchange(cancel, nullptr)();
    }
    if (done) {
      std::erase(servers, nullptr);
      std::exchange(done, nullptr)(std::move(servers));
    }
  }
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

Catalog::~Catalog() {
  for (const auto& [key, known] : known_) {
    known->close(Closing::Silent);
  }
}

void Catalog::all(const Namespace& ns, OnServers done) {
  const std::vector<ObjectPtr> objects = ports_.objects("toolservers", ns, kToolServersMax);
  auto gathering = std::make_shared<Gathering>();
  gathering->servers.resize(objects.size());
  gathering->left = objects.size();
  gathering->done = std::move(done);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const std::string name = metadata_of(*objects[i]).get_string("name");
    server(ns, name, false, [gathering, i](CatalogServerPtr found) {
      if (!gathering->done) {
        return;
      }
      gathering->servers[i] = std::move(found);
      if (--gathering->left == 0) {
        gathering->end();
      }
    });
  }
  if (gathering->left == 0) {
    gathering->end();
    return;
  }
  gathering->cancel = ports_.after(kToolsWait, [gathering, ns, warn = ports_.warn] {
    if (warn) {
      warn(concat(
          gathering->left,
          " tool servers of the namespace ",
          ns.view(),
          " do not answer: their tools are missing in a list"
      ));
    }
    gathering->cancel = nullptr;
    gathering->end();
  });
}

void Catalog::forget_unused() {
  const Timestamp now = ports_.now();
  if (now < next_look_) {
    return;
  }
  next_look_ = now + kToolsFresh;
  std::erase_if(known_, [&](const auto& entry) {
    const bool unused = entry.second->used + kServerIdle < now && !entry.second->asking;
    if (unused) {
      entry.second->close(Closing::Quiet);
    }
    return unused;
  });
}

void Catalog::drop_changed() {
  std::vector<std::pair<KnownPtr, Closing>> dropped;
  std::erase_if(known_, [&](const auto& entry) {
    const KnownPtr& known = entry.second;
    if (known->server.program.empty() || known->asking) {
      return false;
    }
    const ObjectPtr object = ports_.object("toolservers", known->ns, known->name);
    if (object != nullptr && known->knows(*object)) {
      return false;
    }
    const Result<ToolServer> now =
        object == nullptr ? Result<ToolServer>(ToolServer()) : read_tool_server(*object);
    if (object != nullptr && now && known->is_same(*now)) {
      return false;
    }
    dropped.emplace_back(known, object == nullptr ? Closing::Now : Closing::Quiet);
    return true;
  });
  for (const auto& [known, how] : dropped) {
    known->close(how);
  }
}

/// What is known of a server whose object this is.
Result<Catalog::KnownPtr> Catalog::known_server(
    const Namespace& ns, const std::string& name, const ObjectPtr& object
) {
  const auto key = std::pair(ns, name);
  const auto found = known_.find(key);
  if (found != known_.end() && found->second->knows(*object)) {
    return found->second;
  }
  Result<ToolServer> server = read_tool_server(*object);
  if (!server) {
    return server.error();
  }
  KnownPtr& known = known_[key];
  if (known == nullptr || !known->is_same(*server)) {
    if (known != nullptr) {
      known->close(Closing::Quiet);
    }
    known = std::make_shared<Known>();
    known->ns = ns;
    known->name = name;
    if (server->builtin.empty()) {
      known->upstream = Upstream::create(*server, ports_);
    } else {
      known->definitions = builtin_tools(server->builtin);
    }
  }
  known->object = object;
  known->server = std::move(*server);
  known->made = nullptr;
  return known;
}

void Catalog::server(const Namespace& ns, const std::string& name, bool patient, OnServer done) {
  forget_unused();
  const ObjectPtr object = ports_.object("toolservers", ns, name);
  if (object == nullptr) {
    if (const auto gone = known_.find(std::pair(ns, name)); gone != known_.end()) {
      const KnownPtr known = std::move(gone->second);
      known_.erase(gone);
      known->close(Closing::Now);
    }
    done(nullptr);
    return;
  }
  auto broken = std::make_shared<CatalogServer>();
  const Result<KnownPtr> found = known_server(ns, name, object);
  if (!found) {
    broken->server.ns = ns.str();
    broken->server.name = name;
    broken->problem = found.error().describe();
    done(std::move(broken));
    return;
  }
  const KnownPtr known = *found;
  known->used = ports_.now();
  if (!patient && !known->problem.empty()) {
    // It may hang again: others have their tools meanwhile.
    broken->server = known->server;
    broken->problem = known->problem;
    refresh(known);
    done(std::move(broken));
    return;
  }
  known->waiting.push_back(std::move(done));
  refresh(known);
}

void Catalog::refresh(const KnownPtr& known) {
  if (known->asking) {
    return;
  }
  if (known->upstream == nullptr) {
    deliver(known);
    return;
  }
  if (known->fresh_until && ports_.now() < *known->fresh_until) {
    pin(known);
    return;
  }
  known->asking = true;
  known->upstream->list([this, known](Result<std::vector<Json>> tools) {
    listed(known, std::move(tools));
  });
}

void Catalog::listed(const KnownPtr& known, Result<std::vector<Json>> tools) {
  known->asking = false;
  known->made = nullptr;
  if (!tools) {
    known->fresh_until = ports_.now() + kToolsRetry;
    known->definitions.clear();
    known->problem = redact_text(tools.error().describe(), kProblemBytesMax);
    report(known);
    return;
  }
  known->fresh_until = ports_.now() + kToolsFresh;
  known->problem.clear();
  std::erase_if(*tools, [](const Json& tool) { return !is_tool(tool); });
  drop_repeated(*tools);
  known->definitions = std::move(*tools);
  // The object may have changed meanwhile.
  const ObjectPtr object = ports_.object("toolservers", known->ns, known->name);
  if (object != nullptr && !known->knows(*object)) {
    Result<ToolServer> server = read_tool_server(*object);
    if (server && known->is_same(*server)) {
      known->object = object;
      known->server = std::move(*server);
    }
  }
  pin(known);
}

/// Keeps what is seen for the first time, or differs, before anybody may call it.
void Catalog::pin(const KnownPtr& known) {
  if (!known->problem.empty() || known->made != nullptr) {
    deliver(known);
    return;
  }
  Json status = with_pins(known->server.status, known->definitions);
  if (canonical_json(known->server.status) == canonical_json(status)) {
    deliver(known);
    return;
  }
  known->server.status = status;
  status.set("protocol", known->upstream->protocol());
  status.set("seenAt", format_timestamp(ports_.now()));
  write_status(known, std::move(status), [this, known](const Result<engine::Reply>& reply) {
    if (reply) {
      deliver(known);
      return;
    }
    // Nothing may be called that is not pinned; the next one who asks tries again.
    known->server.status = Json::object();
    known->server.revision.clear();
    known->problem = concat("its tools could not be pinned: ", reply.error().message);
    deliver(known);
    known->problem.clear();
  });
}

/// Says in the status why its tools are not known.
void Catalog::report(const KnownPtr& known) {
  const Timestamp now = ports_.now();
  if (known->server.status.get_string("message") == known->problem || now < known->next_report) {
    deliver(known);
    return;
  }
  known->next_report = now + kProblemPause;
  Json status = known->server.status;
  if (!status.is_object()) {
    status = Json::object();
  }
  status.set("message", known->problem);
  // Those who wait have their answer whether it is on record or not.
  write_status(known, std::move(status), [this, known](const Result<engine::Reply>& /*reply*/) {
    deliver(known);
  });
}

void Catalog::write_status(
    const KnownPtr& known, Json status, std::function<void(const Result<engine::Reply>&)> done
) {
  Json object = *known->object;
  object.set("status", std::move(status));
  Json body = Json::object();
  body.set("object", object).set("subresource", "status");
  if (const std::uint64_t revision = number_of(known->server.revision); revision != 0) {
    body.set("revision", revision);
  }
  known->asking = true;
  ports_.command(
      engine::ObjectCommand{
          .object = {.kind = journal::Kind::ToolServer, .ns = known->ns, .name = known->name},
          .verb = "update",
          .body = std::move(body)},
      Principal(std::string(engine::kToolsActor)),
      [known, object = std::move(object), done = std::move(done)](const Result<engine::Reply>& reply
      ) {
        known->asking = false;
        if (reply) {
          known->server.status = *object.find("status");
          known->server.revision = std::to_string(reply->revision.value());
          known->object = std::make_shared<const Json>(object);
        }
        done(reply);
      }
  );
}

CatalogServerPtr Catalog::make(const Known& known) {
  auto made = std::make_shared<CatalogServer>();
  made->server = known.server;
  made->upstream = known.upstream;
  made->problem = known.problem;
  if (!known.problem.empty()) {
    return made;
  }
  std::map<std::string, const Json*> pins;
  if (const Json* tools = known.server.status.find("tools");
      tools != nullptr && tools->is_array()) {
    for (const Json& entry : tools->as_array()) {
      pins.try_emplace(entry.get_string("name"), &entry);
    }
  }
  for (const Json& definition : known.definitions) {
    CatalogTool tool;
    tool.name = definition.get_string("name");
    tool.definition = definition;
    tool.policy = policy_of(known.server, tool.name);
    if (tool.name == "request_approval" && known.server.builtin == "approvals") {
      tool.policy.requires_approval = true;
    }
    const Json* schema = definition.find("inputSchema");
    Result<ArgumentSchema> compiled = ArgumentSchema::compile(schema == nullptr ? Json() : *schema);
    if (compiled) {
      tool.schema = std::move(*compiled);
    }
    const auto pin = pins.find(tool.name);
    tool.unfit = unfit_of(
        known.server,
        pin == pins.end() ? nullptr : pin->second,
        compiled ? nullptr : &compiled.error()
    );
    tool.refusal = tool.policy.allowed ? tool.unfit : "policy does not allow this tool";
    made->tools.emplace(tool.name, std::move(tool));
  }
  return made;
}

void Catalog::deliver(const KnownPtr& known) {
  const CatalogServerPtr made = known->made != nullptr ? known->made : make(*known);
  if (known->problem.empty()) {
    known->made = made;
  }
  const std::vector<OnServer> waiting = std::exchange(known->waiting, {});
  for (const OnServer& done : waiting) {
    done(made);
  }
}

}  // namespace reeve::gateway
