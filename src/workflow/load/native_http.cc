#include <array>

#include "base/strings.h"
#include "workflow/load/native_parts.h"

namespace reeve::workflow {

namespace {

using document::Node;

constexpr std::array<std::string_view, 6> kVerbs = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
constexpr std::array<HttpVerb, 6> kVerbValues = {
    HttpVerb::Get,
    HttpVerb::Head,
    HttpVerb::Post,
    HttpVerb::Put,
    HttpVerb::Patch,
    HttpVerb::Delete};
constexpr std::uint32_t kRedirectsMax = 20;
constexpr std::int64_t kResponseBytesMax = std::int64_t{1} << 30U;

/// `body`, `json` or `form`: at most one of them.
void decode_body(Fields& fields, Decoder& decoder, HttpRequest& request, bool with_form) {
  const Node* body = fields.get("body");
  const Node* json = fields.get("json");
  const Node* form = with_form ? fields.get("form") : nullptr;
  if (body != nullptr) {
    request.form = HttpBody::Text;
    request.body = decoder.text(*body, fields.path("body"));
  }
  if (json != nullptr) {
    request.form = HttpBody::Json;
    const bool values =
        json->is_scalar() && json->style == document::Style::Plain && json->text == "true";
    request.body = values ? Text{} : decoder.json_text(*json, fields.path("json"));
  }
  if (form != nullptr) {
    request.form = HttpBody::FormData;
    if (!decoder.flag(*form, fields.path("form"), true)) {
      decoder.wrong(*form, fields.path("form"), "true");
    }
  }
  const int given =
      (body != nullptr ? 1 : 0) + (json != nullptr ? 1 : 0) + (form != nullptr ? 1 : 0);
  if (given > 1) {
    decoder.problems().error(
        "two-bodies",
        fields.position(),
        fields.path(""),
        "a request has one body",
        with_form ? "keep one of \"body\", \"json\" and \"form\""
                  : "keep one of \"body\" and \"json\""
    );
  }
}

void decode_redirects(const Node& node, Decoder& decoder, std::string path, HttpRequest& request) {
  Fields fields(decoder, node, std::move(path));
  if (const Node* max = fields.get("max")) {
    request.redirects_max =
        decoder.count(*max, fields.path("max"), kRedirectsMax, request.redirects_max);
  }
  if (const Node* cross = fields.get("crossHost")) {
    request.redirects_cross_host = decoder.flag(*cross, fields.path("crossHost"), true);
  }
  fields.finish();
}

/// What a request and a web socket have in common.
void decode_common(Fields& fields, Decoder& decoder, HttpRequest& request) {
  if (const Node* url = fields.need("url")) {
    request.url = decoder.text(*url, fields.path("url"));
  }
  if (const Node* headers = fields.get("headers")) {
    request.headers = decoder.text_map(*headers, fields.path("headers"));
  }
  if (const Node* query = fields.get("query")) {
    request.query = decoder.text_map(*query, fields.path("query"));
  }
  if (const Node* verify = fields.get("verifyTls")) {
    request.verify_tls = decoder.flag(*verify, fields.path("verifyTls"), true);
  }
  if (const Node* file = fields.get("caFile")) {
    request.ca_file = decoder.text(*file, fields.path("caFile"));
  }
  if (const Node* allow = fields.get("allowPrivate")) {
    request.allow_private = decoder.flag(*allow, fields.path("allowPrivate"), false);
  }
  if (const Node* max = fields.get("responseBytesMax")) {
    request.response_bytes_max = static_cast<std::uint64_t>(decoder.integer(
        *max,
        fields.path("responseBytesMax"),
        1,
        kResponseBytesMax,
        static_cast<std::int64_t>(request.response_bytes_max)
    ));
  }
  if (const Node* outputs = fields.get("outputs")) {
    request.outputs = decoder.word_map(*outputs, fields.path("outputs"));
  }
}

}  // namespace

HttpRequest decode_http(const Node& node, Decoder& decoder, std::string path) {
  HttpRequest request;
  Fields fields(decoder, node, std::move(path));
  if (const Node* method = fields.get("method")) {
    request.verb = kVerbValues[decoder.choice(*method, fields.path("method"), kVerbs).value_or(0)];
  }
  decode_common(fields, decoder, request);
  decode_body(fields, decoder, request, true);
  if (const Node* redirects = fields.get("redirects")) {
    decode_redirects(*redirects, decoder, fields.path("redirects"), request);
  }
  fields.finish();
  return request;
}

HttpRequest decode_web_socket(const Node& node, Decoder& decoder, std::string path) {
  HttpRequest request;
  request.form = HttpBody::Json;
  Fields fields(decoder, node, std::move(path));
  decode_common(fields, decoder, request);
  decode_body(fields, decoder, request, false);
  fields.finish();
  return request;
}

}  // namespace reeve::workflow
