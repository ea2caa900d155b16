#include "workflow/render_tools.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::workflow {

namespace {

Error at(Error error, const Text& text, std::string field) {
  error.subject = std::move(field);
  error.position = text.position;
  return error;
}

Error invalid(std::string message, const Text& text, std::string field) {
  return at(make_error(ErrorCode::Invalid, std::move(message)), text, std::move(field));
}

std::string field_of(const Task& task, std::string_view name) {
  return concat("tasks.", task.name.view(), ".", name);
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20U || byte == 0x7fU;
}

/// RFC 3986: everything but letters, digits and "-._~" becomes %XX.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 0x0fU]);
    }
  }
  return out;
}

/// RFC 9110, 5.6.2: what a header's name is made of.
bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto is_legal = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_legal);
}

/// Renders the parts that requests and exchanges share.
class RequestMaker {
 public:
  RequestMaker(const Task& task, const Values& values)
      : task_(task), request_(*task.http), values_(values) {}

  Result<void> add_url(std::string_view scheme, std::string_view secure_scheme) {
    const std::string field = field_of(task_, "http.url");
    REEVE_TRY(const templates::HoledText rendered, values_.render_holed(request_.url, field));
    std::string url(trim(rendered.text));
    const std::size_t blanks = rendered.text.find(url);
    const bool known = url.starts_with(scheme) || url.starts_with(secure_scheme);
    if (!known) {
      Error error = invalid(
          // Not the whole: it may contain a secret.
          concat(
              "an address does not start with \"", url.substr(0, url.find_first_of(":/?#@")), "\""
          ),
          request_.url,
          field
      );
      error.hint = concat("it starts with ", scheme, " or ", secure_scheme);
      return error;
    }
    if (std::any_of(url.begin(), url.end(), [](char c) { return is_control(c) || c == ' '; })) {
      return invalid("has a space or a control character", request_.url, field);
    }
    url.resize(std::min(url.find('#'), url.size()));
    for (const templates::Hole& hole : rendered.holes) {
      const std::size_t offset = std::min(std::max(hole.offset, blanks) - blanks, url.size());
      note("/url", offset, hole.name);
    }
    REEVE_CHECK(add_query(url));
    if (url.size() > kHttpUrlBytesMax) {
      Error error = make_error(
          ErrorCode::LimitExceeded, concat("is longer than ", kHttpUrlBytesMax, " bytes")
      );
      return at(std::move(error), request_.url, field);
    }
    input_.set("url", std::move(url));
    return {};
  }

  Result<void> add_headers() {
    Json headers = Json::array();
    for (const auto& [name, text] : request_.headers) {
      const std::string field = field_of(task_, concat("http.headers.", name));
      if (!is_token(name)) {
        return invalid("is no name for a header", text, field);
      }
      REEVE_TRY(const templates::HoledText holed, values_.render_holed(text, field));
      const std::string& value = holed.text;
      for (const templates::Hole& hole : holed.holes) {
        note(concat("/headers/", headers.as_array().size(), "/value"), hole.offset, hole.name);
      }
      if (std::any_of(value.begin(), value.end(), is_control)) {
        return invalid("has a control character: a header is one line", text, field);
      }
      has_content_type_ = has_content_type_ || to_lower(name) == "content-type";
      headers.push(Json(Json::Object{{"name", name}, {"value", value}}));
    }
    if (!content_type_.empty() && !has_content_type_) {
      headers.push(Json(Json::Object{{"name", "Content-Type"}, {"value", content_type_}}));
    }
    input_.set("headers", std::move(headers));
    return {};
  }

  Result<void> add_body(std::string_view member, Format format) {
    const std::string field = field_of(task_, "http.body");
    REEVE_TRY(templates::HoledText holed, values_.render_holed(request_.body, field));
    std::string& body = holed.text;
    if (request_.form != HttpBody::None) {
      for (const templates::Hole& hole : holed.holes) {
        note(concat("/", member), hole.offset, hole.name);
      }
    }
    switch (request_.form) {
      case HttpBody::None:
        return {};
      case HttpBody::Text:
        content_type_ = "text/plain; charset=utf-8";
        break;
      case HttpBody::Json:
        content_type_ = "application/json";
        if (request_.body.empty()) {
          body = values_as_json(format);
        } else if (const auto parsed = parse_json(body); !parsed.ok()) {
          return invalid(concat("is not JSON: ", parsed.error().message), request_.body, field);
        }
        break;
      case HttpBody::FormData:
        content_type_ = "application/x-www-form-urlencoded";
        body = request_.body.empty() ? values_as_form() : body;
        break;
    }
    if (body.size() > kHttpBodyBytesMax) {
      Error error = make_error(
          ErrorCode::LimitExceeded, concat("is longer than ", kHttpBodyBytesMax, " bytes")
      );
      return at(std::move(error), request_.body, field);
    }
    input_.set(std::string(member), std::move(body));
    return {};
  }

  Result<void> add_policy() {
    const std::string field = field_of(task_, "http.ca_file");
    REEVE_TRY(const std::string ca_file, values_.render(request_.ca_file, field));
    input_.set("verifyTls", request_.verify_tls);
    input_.set("caFile", trim(ca_file));
    input_.set(
        "allowPrivate", request_.allow_private || values_.operator_allows(kPrivateAddressesSetting)
    );
    input_.set("responseBytesMax", request_.response_bytes_max);
    Json outputs = Json::array();
    for (const auto& [name, pointer] : request_.outputs) {
      outputs.push(Json(Json::Object{{"name", name}, {"pointer", pointer}}));
    }
    input_.set("outputs", std::move(outputs));
    return {};
  }

  void add_redirects() {
    input_.set("redirectsMax", static_cast<std::int64_t>(request_.redirects_max));
    input_.set("redirectsCrossHost", request_.redirects_cross_host);
  }

  void set(std::string key, Json value) { input_.set(std::move(key), std::move(value)); }

  ToolInput take() { return {.json = std::move(input_), .places = std::move(places_)}; }

 private:
  void note(
      std::string pointer, std::size_t offset, const std::string& name, bool percent = false
  ) {
    places_.push_back(
        {.part = model::CredentialPlace::Part::Input,
         .index = 0,
         .pointer = std::move(pointer),
         .offset = offset,
         .percent_encoded = percent,
         .credential = name}
    );
  }

  Result<void> add_query(std::string& url) {
    char separator = url.find('?') == std::string::npos ? '?' : '&';
    for (const auto& [name, text] : request_.query) {
      REEVE_TRY(
          const templates::HoledText value,
          values_.render_holed(text, field_of(task_, concat("http.query.", name)))
      );
      url += concat(separator, percent_encoded(name), "=");
      std::size_t done = 0;
      for (const templates::Hole& hole : value.holes) {
        url += percent_encoded(std::string_view(value.text).substr(done, hole.offset - done));
        note("/url", url.size(), hole.name, true);
        done = hole.offset;
      }
      url += percent_encoded(std::string_view(value.text).substr(done));
      separator = '&';
    }
    return {};
  }

  /// Formicary's servers get every value as text, as there.
  std::string values_as_json(Format format) const {
    Json object = Json::object();
    for (const auto& [name, value] : values_.declared()) {
      object.set(name, format == Format::Formicary ? Json(environment_text(value)) : value);
    }
    return object.dump();
  }

  std::string values_as_form() const {
    std::string form;
    for (const auto& [name, value] : values_.declared()) {
      form += concat(
          form.empty() ? "" : "&",
          percent_encoded(name),
          "=",
          percent_encoded(environment_text(value))
      );
    }
    return form;
  }

  const Task& task_;
  const HttpRequest& request_;
  const Values& values_;
  Json input_ = Json::object();
  std::vector<model::CredentialPlace> places_;
  std::string content_type_;
  bool has_content_type_ = false;
};

Result<Json> rendered_list(
    const std::vector<Text>& texts, const Values& values, const std::string& field
) {
  Json list = Json::array();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    REEVE_TRY(const std::string text, values.render(texts[i], concat(field, "[", i, "]")));
    if (!trim(text).empty()) {
      list.push(trim(text));
    }
  }
  return list;
}

}  // namespace

Result<ToolInput> http_input(const Task& task, const Values& values, Format format) {
  if (!task.http) {
    Error error = make_error(
        ErrorCode::Invalid,
        concat("task ", task.name.view(), " has no request"),
        field_of(task, "http")
    );
    error.position = task.position;
    return error;
  }
  RequestMaker maker(task, values);
  maker.set("verb", to_string(task.http->verb));
  REEVE_CHECK(maker.add_url("http://", "https://"));
  REEVE_CHECK(maker.add_body("body", format));
  REEVE_CHECK(maker.add_headers());
  REEVE_CHECK(maker.add_policy());
  maker.add_redirects();
  return maker.take();
}

Result<ToolInput> web_socket_input(const Task& task, const Values& values) {
  if (!task.http || task.http->url.empty()) {
    Error error = make_error(
        ErrorCode::Unsupported,
        concat(
            "task ",
            task.name.view(),
            " waits for a worker that dials in over a web socket, which needs a server"
        ),
        field_of(task, "http.url")
    );
    error.hint = "give it a url (ws:// or wss://) and it asks that as a client";
    error.position = task.position;
    return error;
  }
  RequestMaker maker(task, values);
  REEVE_CHECK(maker.add_url("ws://", "wss://"));
  // A message is what the body is in a request; it has no content type.
  REEVE_CHECK(maker.add_headers());
  REEVE_CHECK(maker.add_body("message", Format::Native));
  REEVE_CHECK(maker.add_policy());
  return maker.take();
}

Result<Json> message_input(const Task& task, const Values& values) {
  const Message& message = *task.message;
  Json input = Json::object();
  REEVE_TRY(
      const std::string channel, values.render(message.channel, field_of(task, "message.channel"))
  );
  if (trim(channel).empty()) {
    return invalid("is empty", message.channel, field_of(task, "message.channel"));
  }
  REEVE_TRY(
      const std::string reply,
      values.render(message.reply_channel, field_of(task, "message.replyChannel"))
  );
  REEVE_TRY(std::string body, values.render(message.body, field_of(task, "message.body")));
  if (message.body.empty()) {
    Json object = Json::object();
    for (const auto& [name, value] : values.declared()) {
      object.set(name, value);
    }
    body = object.dump();
  }
  input.set("channel", trim(channel)).set("replyChannel", trim(reply));
  input.set("body", std::move(body));
  return input;
}

Result<Json> cache_input(
    const Workflow& workflow, const Task& task, const RenderContext& context, const Values& values
) {
  const Cache& cache = task.cache;
  Json input = Json::object();
  input.set("namespace", context.ns.str());
  input.set("workflow", workflow.name);
  REEVE_TRY(Json paths, rendered_list(cache.paths, values, field_of(task, "cache.paths")));
  input.set("paths", std::move(paths));
  REEVE_TRY(const std::string key, values.render(cache.key, field_of(task, "cache.key")));
  if (trim(key).empty() && cache.key_paths.empty()) {
    return invalid("is empty: nothing says what is kept", cache.key, field_of(task, "cache.key"));
  }
  input.set("key", trim(key));
  REEVE_TRY(
      Json key_paths, rendered_list(cache.key_paths, values, field_of(task, "cache.key_paths"))
  );
  input.set("keyPaths", std::move(key_paths));
  input.set("expiresAfterMs", static_cast<std::int64_t>(cache.expires_after.count()));
  return input;
}

}  // namespace reeve::workflow
