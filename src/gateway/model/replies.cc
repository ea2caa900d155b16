#include "gateway/model/replies.h"

#include <algorithm>
#include <utility>

#include "base/fields.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

/// What an entry costs beside its body.
constexpr std::size_t kEntryBytes = 1'024;

/// Under which it is saved.
std::string name_of(const ReplyKey& key) {
  return sha256(concat(key.ns.view(), "\n", key.asker, "\n", key.call_id)).str();
}

/// A line of JSON, and the body behind it.
std::string encode(const ReplyKey& key, const KeptReply& reply, Timestamp until) {
  Json head = Json::object();
  head.set("namespace", key.ns.view()).set("asker", key.asker).set("callId", key.call_id);
  head.set("question", reply.question.view()).set("call", reply.call);
  head.set("mission", reply.mission).set("missionUid", reply.mission_uid.view());
  head.set("contentType", reply.answer.content_type).set("until", format_timestamp(until));
  return concat(head.dump(), "\n", *reply.answer.body);
}

struct Decoded {
  ReplyKey key;
  KeptReply reply;
  Timestamp until;
};

Result<Decoded> decode(std::string_view text) {
  const std::size_t end = text.find('\n');
  REEVE_TRY(const Json head, parse_json(text.substr(0, end)));
  Fields fields(head, "reply");
  Decoded made;
  made.key.ns = Namespace(fields.required_text("namespace"));
  made.key.asker = fields.required_text("asker");
  made.key.call_id = fields.required_text("callId");
  made.reply.question = Digest(fields.required_text("question"));
  made.reply.call = fields.required_text("call");
  made.reply.mission = fields.text("mission");
  made.reply.mission_uid = Uid(fields.text("missionUid"));
  made.reply.answer.content_type = fields.text("contentType");
  const std::string until = fields.required_text("until");
  REEVE_CHECK(fields.finish());
  REEVE_TRY(made.until, parse_timestamp(until));
  if (end == std::string_view::npos) {
    return make_error(ErrorCode::Corrupt, "has no body", "reply");
  }
  made.reply.answer.body = std::make_shared<const std::string>(text.substr(end + 1));
  return made;
}

}  // namespace

ReplyKey reply_key(
    const Namespace& ns, std::string_view run, std::string_view principal, std::string_view call_id
) {
  return {
      .ns = ns,
      .asker = std::string(run.empty() ? principal : run.substr(0, run.rfind('.'))),
      .call_id = std::string(call_id)};
}

bool is_mission_over(
    const ModelPorts& ports, const Namespace& ns, std::string_view mission, const Uid& uid
) {
  const SeenObject seen = ports.object("missions", ns, mission);
  if (seen.object == nullptr ||
      seen.object->get_object("metadata").get_string("uid") != uid.view()) {
    return true;
  }
  const std::string state = seen.object->get_object("status").get_string("state");
  return state == "COMPLETE" || state == "FAILED" || state == "ABORTED";
}

Digest question_digest(Operation operation, std::string_view body) {
  return sha256(concat(to_string(operation), "\n", body));
}

Replies::Replies(const ModelPorts& ports, telemetry::Logger& log) : ports_(ports), log_(log) {
  load();
}

Replies::~Replies() {
  if (cancel_sweep_) {
    cancel_sweep_();
  }
}

void Replies::load() {
  if (!ports_.saved_replies) {
    return;
  }
  const Timestamp now = ports_.now();
  std::vector<Entry> found;
  for (const auto& [name, text] : ports_.saved_replies()) {
    Result<Decoded> read = decode(text);
    if (!read || read->until <= now || name_of(read->key) != name) {
      ports_.drop_reply(name);
      continue;
    }
    found.push_back(
        {.key = std::move(read->key), .reply = std::move(read->reply), .until = read->until}
    );
  }
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) {
    return a.until < b.until;
  });
  for (Entry& entry : found) {
    insert(std::move(entry));
  }
}

const KeptReply* Replies::find(const ReplyKey& key) {
  const auto found = places_.find(key);
  if (found == places_.end()) {
    return nullptr;
  }
  if (is_over(*found->second, ports_.now())) {
    remove(found->second);
    return nullptr;
  }
  return &found->second->reply;
}

void Replies::put(const ReplyKey& key, KeptReply reply) {
  if (reply.answer.body->size() > kReplyBytesMax) {
    return;
  }
  if (const auto found = places_.find(key); found != places_.end()) {
    remove(found->second);
  }
  const Timestamp until = ports_.now() + kReplyKept;
  save(key, reply, until);
  insert({.key = key, .reply = std::move(reply), .until = until});
}

/// What cannot be saved is here as long as this process is.
void Replies::save(const ReplyKey& key, const KeptReply& reply, Timestamp until) {
  if (!ports_.save_reply || !saves_) {
    return;
  }
  const Result<void> saved = ports_.save_reply(name_of(key), encode(key, reply, until));
  if (saved) {
    return;
  }
  saves_ = saved.error().code != ErrorCode::Unavailable;
  log_.warn(
      saves_ ? "a reply is not saved" : "replies of models are not saved until the next start",
      {{"call", reply.call}, {"error", saved.error()}}
  );
}

void Replies::insert(Entry entry) {
  entry.bytes = kEntryBytes + entry.reply.answer.body->size();
  while (!places_.empty() &&
         (places_.size() >= kRepliesMax || bytes_ + entry.bytes > kRepliesBytesMax)) {
    remove(next_to_go(entry));
  }
  bytes_ += entry.bytes;
  Share& share = shares_[entry.key.ns];
  share.bytes += entry.bytes;
  share.entries.push_back(std::move(entry));
  const Place place = std::prev(share.entries.end());
  places_.emplace(place->key, place);
  sweep_later();
}

/// The oldest one of the namespace that will hold the most: none throws out what others keep.
Replies::Place Replies::next_to_go(const Entry& coming) {
  const auto bytes = [&coming](const auto& each) {
    return each.second.bytes + (each.first == coming.key.ns ? coming.bytes : 0);
  };
  return std::max_element(
             shares_.begin(),
             shares_.end(),
             [&](const auto& a, const auto& b) { return bytes(a) < bytes(b); }
  )->second.entries.begin();
}

void Replies::remove(Place place) {
  if (ports_.drop_reply) {
    ports_.drop_reply(name_of(place->key));
  }
  const auto share = shares_.find(place->key.ns);
  bytes_ -= place->bytes;
  share->second.bytes -= place->bytes;
  places_.erase(place->key);
  share->second.entries.erase(place);
  if (share->second.entries.empty()) {
    shares_.erase(share);
  }
}

/// Nobody can ask for it any more: it is too old, or its mission has ended.
bool Replies::is_over(const Entry& entry, Timestamp now) const {
  if (entry.until <= now) {
    return true;
  }
  if (entry.reply.mission.empty()) {
    return false;
  }
  return is_mission_over(ports_, entry.key.ns, entry.reply.mission, entry.reply.mission_uid);
}

void Replies::sweep() {
  const Timestamp now = ports_.now();
  for (auto at = places_.begin(); at != places_.end();) {
    const Place place = (at++)->second;
    if (is_over(*place, now)) {
      remove(place);
    }
  }
  sweep_later();
}

void Replies::sweep_later() {
  if (cancel_sweep_ || places_.empty()) {
    return;
  }
  cancel_sweep_ = ports_.after(kReplySweep, [this] {
    cancel_sweep_ = nullptr;
    sweep();
  });
}

}  // namespace reeve::gateway::model
