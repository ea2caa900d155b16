#include "api/call.h"

#include <utility>

#include "api/request_metrics.h"
#include "api/services.h"
#include "base/strings.h"
#include "resource/query.h"
#include "resource/table.h"

namespace reeve::api {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::size_t kWarningBytesMax = 512;
/// Of all that an answer has.
constexpr std::size_t kWarningsBytesMax = 4'096;
/// Room for the one that says how many are left out.
constexpr std::size_t kLeftOutBytesMax = 64;

/// As a quoted string of RFC 9110; what is no visible ASCII becomes '?'.
std::string quoted_warning(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kWarningBytesMax)) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c >= ' ' && c < 0x7f ? c : '?');
  }
  out.push_back('"');
  return out;
}

/// Proxies and clients refuse an answer whose head is too long.
void add_warnings(std::vector<net::Header>& headers, const std::vector<std::string>& warnings) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < warnings.size(); ++i) {
    std::string value = concat("299 - ", quoted_warning(warnings[i]));
    bytes += value.size();
    const bool is_last = i + 1 == warnings.size();
    if (bytes + (is_last ? 0 : kLeftOutBytesMax) > kWarningsBytesMax) {
      const std::size_t left_out = warnings.size() - i;
      headers.push_back({"Warning", concat("299 - \"", left_out, " more warnings are left out\"")});
      return;
    }
    headers.push_back({"Warning", std::move(value)});
  }
}

std::vector<net::Header> common_headers(const Call& call, std::string_view content_type) {
  std::vector<net::Header> headers = call.headers;
  headers.push_back({"Content-Type", std::string(content_type)});
  headers.push_back({"Cache-Control", "no-store"});
  headers.push_back({"X-Content-Type-Options", "nosniff"});
  headers.push_back({"X-Request-Id", call.correlation.id.str()});
  headers.push_back({"Audit-Id", call.correlation.id.str()});
  headers.push_back({"Traceparent", telemetry::format_traceparent(call.correlation.trace)});
  add_warnings(headers, call.warnings);
  return headers;
}

bool wants_pretty(const Call& call) {
  const std::string* pretty = call.request().find_query("pretty");
  return pretty != nullptr && resource::parse_bool(*pretty).value_or(false);
}

}  // namespace

Principal Call::principal() const {
  if (identity.user.starts_with(access::kRunUserPrefix)) {
    return Principal(identity.user);
  }
  return Principal(concat("user:", identity.user));
}

void answer(const CallPtr& call, int code, std::string_view content_type, net::Body body) {
  net::Response response;
  response.status = code;
  response.headers = common_headers(*call, content_type);
  const std::size_t size = body.view().size();
  response.body = std::move(body);
  if (call->waiting != nullptr) {
    call->waiting->timer.cancel();
  }
  if (call->exchange->respond(std::move(response))) {
    observe_answer(*call, code, size);
  }
}

void answer(const CallPtr& call, int code, const Json& json) {
  if (call->item != nullptr) {
    call->item->answered(*call, code, json);
    return;
  }
  answer(call, code, kJson, wants_pretty(*call) ? json.pretty() : json.dump());
}

void answer(const CallPtr& call, const resource::Status& status) {
  if (const std::optional<int> retry = status.retry_after_seconds()) {
    call->headers.push_back({"Retry-After", std::to_string(*retry)});
  }
  answer(call, status.code, resource::to_json(status));
}

void answer(const CallPtr& call, const Error& error) {
  static const resource::ResourceName kNone;
  const resource::ResourceName& name = call->type == nullptr ? kNone : call->type->name;
  answer(call, resource::from_error(error, name, call->route.name));
}

void answer_object(
    const CallPtr& call, int code, const Json& object, resource::IncludeObject include
) {
  switch (call->shape.shape) {
    case resource::Shape::Table: {
      const resource::TableOptions options{
          .version = call->shape.version, .include_object = include, .now = call->services->now()};
      answer(call, code, resource::object_table(call->type->columns, object, options));
      return;
    }
    case resource::Shape::PartialMetadata:
      answer(call, code, resource::partial_metadata(object, call->shape.version));
      return;
    case resource::Shape::Object:
    case resource::Shape::Discovery:
    case resource::Shape::OpenApiProtobuf:
      answer(call, code, object);
      return;
  }
}

void answer_objects(
    const CallPtr& call,
    const resource::ListPage& page,
    Json::Array objects,
    resource::IncludeObject include
) {
  constexpr int kOk = 200;
  switch (call->shape.shape) {
    case resource::Shape::Table: {
      const resource::TableOptions options{
          .version = call->shape.version, .include_object = include, .now = call->services->now()};
      answer(call, kOk, resource::table(call->type->columns, page, objects, options));
      return;
    }
    case resource::Shape::PartialMetadata:
      answer(call, kOk, resource::partial_metadata_list(page, objects, call->shape.version));
      return;
    case resource::Shape::Object:
    case resource::Shape::Discovery:
    case resource::Shape::OpenApiProtobuf:
      answer(call, kOk, resource::object_list(call->resource(), page, std::move(objects)));
      return;
  }
}

std::shared_ptr<net::Stream> start_stream(const CallPtr& call, std::string_view content_type) {
  constexpr int kOk = 200;
  net::ResponseHead head;
  head.status = kOk;
  head.headers = common_headers(*call, content_type);
  // Proxies that collect answers before they pass them on are told not to.
  head.headers.push_back({"X-Accel-Buffering", "no"});
  std::shared_ptr<net::Stream> stream = call->exchange->start(std::move(head));
  if (stream != nullptr) {
    observe_answer(*call, kOk, 0);
  }
  return stream;
}

std::string_view query_value(const CallPtr& call, std::string_view name) {
  const std::string* value = call->request().find_query(name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

}  // namespace reeve::api
