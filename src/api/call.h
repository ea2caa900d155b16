#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/route.h"
#include "api/types.h"
#include "api/waiting.h"
#include "base/json.h"
#include "net/exchange.h"
#include "resource/accept.h"
#include "resource/status.h"
#include "resource/table.h"
#include "security/access/identity.h"
#include "telemetry/correlation.h"

namespace reeve::api {

struct Call;
struct Services;

/// One of several objects that a request makes. It has an idempotency key of its own, and its
/// answer goes elsewhere.
struct Item {
  /// Empty: none.
  std::string idempotency_key;
  /// What has to be the same where the key is.
  std::string text;
  /// Once, on the network thread: the object or a Status.
  std::function<void(const Call& item, int code, const Json& answer)> answered;
};

/// One request on its way through the API.
///
/// Threading: the network thread, except for `answer…`, which any thread may call.
struct Call {
  std::shared_ptr<net::Exchange> exchange;
  Services* services = nullptr;
  access::Identity identity;
  /// Who acts as `identity`; empty: nobody else.
  std::string impersonator = {};
  telemetry::Correlation correlation;
  /// The caller's span; not valid if it has none.
  telemetry::SpanId parent_span;
  Route route;
  /// Of the resource that the route names.
  const ApiType* type = nullptr;
  /// RBAC verb: "get", "list", …
  std::string verb;
  resource::Representation shape;
  /// Texts for `Warning` headers.
  std::vector<std::string> warnings;
  /// Added to the answer.
  std::vector<net::Header> headers;
  /// Roles do not allow it, whatever the answer says.
  bool refused = false;
  /// Once it waits for somebody.
  std::shared_ptr<Waiting> waiting;
  /// Null: the request as a whole.
  std::shared_ptr<const Item> item;

  const net::Request& request() const { return exchange->request(); }

  /// Of the kind of `type`; asserts that there is one.
  const resource::ResourceName& resource() const { return type->name; }

  /// In the journal: `user:alice`, `run:build.1.test.1`.
  Principal principal() const;
};

using CallPtr = std::shared_ptr<Call>;

/// Answers with bytes.
void answer(const CallPtr& call, int code, std::string_view content_type, net::Body body);

/// Answers with JSON, indented if the client asks for it.
void answer(const CallPtr& call, int code, const Json& json);

/// Answers with an error, or with a success that is no object.
void answer(const CallPtr& call, const resource::Status& status);

/// The answer for an error of the inside, about the object that the route names.
void answer(const CallPtr& call, const Error& error);

/// Answers with one object in the shape that the client wants; `include` is for tables.
void answer_object(
    const CallPtr& call,
    int code,
    const Json& object,
    resource::IncludeObject include = resource::IncludeObject::Metadata
);

/// Answers with one page of a list in the shape that the client wants; `include` is for tables.
void answer_objects(
    const CallPtr& call,
    const resource::ListPage& page,
    Json::Array objects,
    resource::IncludeObject include = resource::IncludeObject::Metadata
);

/// Starts an answer that is written piece by piece; null: it was answered before.
std::shared_ptr<net::Stream> start_stream(const CallPtr& call, std::string_view content_type);

/// The value of a parameter of the query; empty if it is not there.
std::string_view query_value(const CallPtr& call, std::string_view name);

}  // namespace reeve::api
