#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/handlers.h"
#include "api/services.h"
#include "api/write.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/causes.h"

/// Many missions by one request. Items are independent: each is checked, stored and answered as if
/// it had come alone, in the order of the list. The kernel stores in one commit what waits for it.
namespace reeve::api {

namespace {

constexpr std::size_t kBulkItemsMax = 1000;
/// Others get their turn on the network thread in between.
constexpr std::size_t kItemsAtOnce = 32;
constexpr int kMultiStatus = 207;
constexpr int kOk = 200;
constexpr int kFirstError = 300;
constexpr std::string_view kKeyMember = "idempotencyKey";

struct Bulk {
  CallPtr call;
  resource::WriteOptions options;
  Json::Array items;
  /// As many; null: not yet.
  Json::Array results;
  std::size_t begun = 0;
  std::size_t unanswered = 0;
};

using BulkPtr = std::shared_ptr<Bulk>;

bool was_repeated(const Call& item, int code) {
  for (const net::Header& header : item.headers) {
    if (header.name == "Idempotent-Replayed") {
      return true;
    }
  }
  return code == kOk;
}

Json result_of(std::size_t index, const Call& item, int code, const Json& answer) {
  Json result = Json::object();
  result.set("index", static_cast<std::int64_t>(index)).set("code", code);
  if (code >= kFirstError) {
    result.set("status", answer);
    return result;
  }
  if (const Json* metadata = answer.find("metadata")) {
    result.set("name", metadata->get_string("name")).set("uid", metadata->get_string("uid"));
  }
  if (was_repeated(item, code)) {
    result.set("repeated", true);
  }
  return result;
}

void answer_bulk(const Bulk& bulk) {
  std::int64_t made = 0;
  std::int64_t repeated = 0;
  std::int64_t refused = 0;
  for (const Json& result : bulk.results) {
    std::int64_t& count = result.find("status") != nullptr ? refused
                          : result.get_bool("repeated")    ? repeated
                                                           : made;
    ++count;
  }
  Json json = Json::object();
  json.set("apiVersion", "reeve.dev/v1").set("kind", "MissionBulkResult");
  json.set("made", made).set("repeated", repeated).set("refused", refused);
  json.set("items", Json(bulk.results));
  answer(bulk.call, kMultiStatus, json);
}

void take_result(const BulkPtr& bulk, std::size_t index, Json result) {
  bulk->results[index] = std::move(result);
  if (--bulk->unanswered == 0) {
    answer_bulk(*bulk);
  }
}

/// Takes the key out of the item; an item without one has the request's, if that has one, and its
/// place.
std::string take_key(const Bulk& bulk, std::size_t index, Json& body) {
  const std::string own = body.get_string(kKeyMember);
  std::erase_if(body.as_object(), [](const Json::Member& member) {
    return member.first == kKeyMember;
  });
  if (!own.empty()) {
    return own;
  }
  const std::string_view whole = bulk.call->request().headers.get("Idempotency-Key");
  return whole.empty() ? std::string() : concat(whole, "\n", index);
}

void begin_item(const BulkPtr& bulk, std::size_t index) {
  Json body = std::move(bulk->items[index]);
  const auto call = std::make_shared<Call>(*bulk->call);
  const auto item = std::make_shared<Item>();
  item->answered = [bulk, index](const Call& made, int code, const Json& json) {
    take_result(bulk, index, result_of(index, made, code, json));
  };
  call->item = item;
  if (!body.is_object()) {
    answer(call, resource::bad_request("an item is a mission: an object with metadata and spec"));
    return;
  }
  item->text = body.dump();
  item->idempotency_key = take_key(*bulk, index, body);
  if (body.find("apiVersion") == nullptr) {
    body.set("apiVersion", call->resource().api_version());
  }
  if (body.find("kind") == nullptr) {
    body.set("kind", call->resource().kind);
  }
  create_from(call, bulk->options, std::move(body));
}

/// Begins some, and comes back for more. What nobody waits for any more is not begun.
void begin_some(const BulkPtr& bulk) {
  if (is_over(*bulk->call)) {
    answer(
        bulk->call,
        resource::timeout(
            concat(
                "nobody waits any more: items from ", bulk->begun, " on were not begun; ask again"
            ),
            {}
        )
    );
    return;
  }
  for (std::size_t i = 0; i < kItemsAtOnce && bulk->begun < bulk->items.size(); ++i) {
    begin_item(bulk, bulk->begun++);
  }
  if (bulk->begun < bulk->items.size()) {
    bulk->call->services->server->post([bulk] { begin_some(bulk); });
  }
}

resource::Outcome<BulkPtr> read_bulk(const CallPtr& call) {
  REEVE_TRY(
      const resource::BodyFormat format,
      resource::object_body_format(call->request().headers.get("Content-Type"))
  );
  auto bulk = std::make_shared<Bulk>();
  bulk->call = call;
  REEVE_TRY(
      bulk->options,
      resource::parse_write_options(call->request().query, resource::WriteVerb::Create)
  );
  REEVE_TRY(Json body, read_body(*call, format));
  Json* items = body.find("items");
  if (items == nullptr || !items->is_array()) {
    return resource::bad_request("the body is an object with a list of missions in \"items\"");
  }
  bulk->items = std::move(items->as_array());
  if (bulk->items.size() > kBulkItemsMax) {
    std::vector<resource::Cause> causes;
    causes.push_back(resource::too_many("items", bulk->items.size(), kBulkItemsMax));
    return resource::invalid(call->resource(), {}, std::move(causes));
  }
  return bulk;
}

}  // namespace

void create_missions(const CallPtr& call) {
  const resource::Outcome<BulkPtr> bulk = read_bulk(call);
  if (!bulk) {
    answer(call, bulk.error());
    return;
  }
  (*bulk)->results.resize((*bulk)->items.size());
  (*bulk)->unanswered = (*bulk)->items.size();
  if ((*bulk)->items.empty()) {
    answer_bulk(**bulk);
    return;
  }
  begin_waiting(call);
  begin_some(*bulk);
}

}  // namespace reeve::api
