#include "protocol/message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::protocol {

namespace {

constexpr std::array kCodes = {
    ErrorCode::Invalid,
    ErrorCode::NotFound,
    ErrorCode::AlreadyExists,
    ErrorCode::Conflict,
    ErrorCode::IllegalTransition,
    ErrorCode::StaleFence,
    ErrorCode::LimitExceeded,
    ErrorCode::Unsupported,
    ErrorCode::PermissionDenied,
    ErrorCode::Unavailable,
    ErrorCode::DeadlineExceeded,
    ErrorCode::Cancelled,
    ErrorCode::Ambiguous,
    ErrorCode::Corrupt,
    ErrorCode::Io};

constexpr int kPlaceMax = 100'000'000;

Error invalid(std::string message, std::string_view subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::string(subject));
}

bool is_verb(std::string_view text) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || c == '.' || c == '_';
  };
  return !text.empty() && text.size() <= kVerbBytesMax &&
         std::all_of(text.begin(), text.end(), fine);
}

/// Depth as for any JSON; the size is what a line may have.
Result<Json> parse_line(std::string_view line, std::string_view what) {
  JsonLimits limits;
  limits.size_bytes_max = kLineBytesMax;
  REEVE_TRY(Json json, parse_json(line, limits));
  if (json.type() != Json::Type::Object) {
    return invalid("must be an object", what);
  }
  const Json* version = json.find("v");
  if (version == nullptr || version->type() != Json::Type::Int || version->as_int() != kVersion) {
    Error error = invalid(concat("is not of version ", kVersion), what);
    error.hint = "use the same version of reeve on both sides";
    return error;
  }
  return json;
}

Json error_to_json(const Error& error) {
  Json json = Json::object();
  json.set("code", to_string(error.code)).set("message", error.message);
  const std::pair<const char*, const std::string*> texts[] = {
      {"subject", &error.subject}, {"hint", &error.hint}, {"file", &error.file}};
  for (const auto& [name, text] : texts) {
    if (!text->empty()) {
      json.set(name, *text);
    }
  }
  if (error.position.line > 0) {
    json.set("line", error.position.line).set("column", error.position.column);
  }
  return json;
}

Result<void> read_error(const Json& json, Error& error) {
  Fields fields(json, "error");
  const std::string code = fields.required_text("code");
  error.message = fields.required_text("message");
  error.subject = fields.text("subject");
  error.hint = fields.text("hint");
  error.file = fields.text("file");
  error.position.line = static_cast<int>(fields.number("line", 0, kPlaceMax));
  error.position.column = static_cast<int>(fields.number("column", 0, kPlaceMax));
  REEVE_CHECK(fields.finish());
  const auto known = std::find_if(kCodes.begin(), kCodes.end(), [&](ErrorCode candidate) {
    return to_string(candidate) == code;
  });
  if (known == kCodes.end()) {
    return invalid(concat("unknown code \"", code, "\""), "error");
  }
  error.code = *known;
  return {};
}

}  // namespace

std::string encode(const Request& request) {
  Json json = Json::object();
  json.set("v", kVersion).set("id", request.id.str()).set("verb", request.verb);
  json.set("args", request.args);
  if (!request.ns.empty()) {
    json.set("namespace", request.ns.str());
  }
  return json.dump() + "\n";
}

Result<Request> decode_request(std::string_view line) {
  REEVE_TRY(const Json json, parse_line(line, "request"));
  Fields fields(json, "request");
  fields.skip("v");
  Request request;
  request.id = InputId(fields.text("id"));
  request.verb = fields.required_text("verb");
  request.ns = Namespace(fields.text("namespace"));
  if (const Json* args = fields.object("args")) {
    request.args = *args;
  }
  REEVE_CHECK(fields.finish());
  if (!is_verb(request.verb)) {
    return invalid("must be a word in lower case", "verb");
  }
  if (!request.ns.empty()) {
    REEVE_CHECK(model::check_namespace(request.ns.view()));
  }
  if (request.id.str().size() > kInputIdBytesMax) {
    return invalid(concat("has more than ", kInputIdBytesMax, " bytes"), "id");
  }
  return request;
}

std::string encode(const Response& response) {
  Json json = Json::object();
  json.set("v", kVersion);
  if (response) {
    json.set("ok", *response);
  } else {
    json.set("error", error_to_json(response.error()));
  }
  return json.dump() + "\n";
}

Result<Response> decode_response(std::string_view line) {
  REEVE_TRY(const Json json, parse_line(line, "response"));
  Fields fields(json, "response");
  fields.skip("v");
  const Json* ok = fields.object("ok");
  const Json* error = fields.object("error");
  REEVE_CHECK(fields.finish());
  if ((ok == nullptr) == (error == nullptr)) {
    return invalid("must have either ok or error", "response");
  }
  Response response{Json::object()};
  if (ok != nullptr) {
    response = *ok;
  } else {
    Error told;
    REEVE_CHECK(read_error(*error, told));
    response = std::move(told);
  }
  return Result<Response>(std::move(response));
}

}  // namespace reeve::protocol
