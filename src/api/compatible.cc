#include "api/compatible.h"

#include <algorithm>
#include <memory>

#include "api/access.h"
#include "api/services.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

constexpr int kFirstError = 300;

/// The exchange of a rewritten request: what it is answered with goes, translated, to the client.
class RewrittenExchange final : public net::Exchange {
 public:
  RewrittenExchange(net::Request request, std::shared_ptr<net::Exchange> outer, Translate translate)
      : Exchange(std::move(request)), outer_(std::move(outer)), translate_(std::move(translate)) {}

  bool respond(net::Response response) override {
    if (response.status < kFirstError && translate_ != nullptr) {
      const Result<Json> parsed = parse_json(response.body.view());
      Translated made = translate_(response.status, parsed ? *parsed : Json());
      response.status = made.status;
      response.body = made.body ? net::Body(made.body->dump()) : net::Body();
    }
    return outer_->respond(std::move(response));
  }

  std::shared_ptr<net::Stream> start(net::ResponseHead head) override {
    return outer_->start(std::move(head));
  }

  Result<std::shared_ptr<net::WebSocket>> upgrade_web_socket(net::WebSocketOptions /*options*/
  ) override {
    return make_error(ErrorCode::Invalid, "the request asks for no web socket");
  }

  void on_disconnect(std::function<void()> callback) override {
    outer_->on_disconnect(std::move(callback));
  }

 private:
  std::shared_ptr<net::Exchange> outer_;
  Translate translate_;
};

bool names_form(std::string_view header) {
  const std::string name = to_lower(header);
  return name == "accept" || name == "content-type";
}

}  // namespace

void forward(const CallPtr& call, Rewritten rewritten, Translate translate) {
  net::Request request = call->request();
  net::Headers headers;
  for (const net::Header& header : request.headers) {
    if (!names_form(header.name)) {
      headers.add(header.name, header.value);
    }
  }
  headers.add("Accept", "application/json");
  headers.add("Content-Type", std::string(rewritten.content_type));
  request.headers = std::move(headers);
  request.method = std::move(rewritten.method);
  request.path = std::move(rewritten.path);
  request.target = request.path;
  request.query = std::move(rewritten.query);
  request.body = rewritten.body ? rewritten.body->dump() : std::string();
  const auto inner = std::make_shared<Call>();
  inner->exchange =
      std::make_shared<RewrittenExchange>(std::move(request), call->exchange, std::move(translate));
  inner->services = call->services;
  inner->identity = call->identity;
  inner->correlation = call->correlation;
  serve(inner);
}

bool may(
    const CallPtr& call,
    const ApiType& type,
    std::string_view verb,
    std::string_view ns,
    std::string_view name,
    std::string_view subresource
) {
  call->type = &type;
  call->verb = verb;
  call->route.ns = ns;
  call->route.name = name;
  call->route.subresource = subresource;
  if (auto refused = call->services->access.authorize(*call, attributes_of(*call))) {
    answer(call, *refused);
    return false;
  }
  return true;
}

std::string namespace_of(const CallPtr& call) {
  const std::string_view asked = query_value(call, "namespace");
  return asked.empty() ? std::string("default") : std::string(asked);
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) {
      parts.emplace_back(path.substr(0, slash));
    }
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return parts;
}

resource::Outcome<std::vector<Json>> objects_of(
    const CallPtr& call, const ApiType& type, std::string_view ns
) {
  view::ListQuery query;
  query.type = *type.view;
  query.selector.ns = std::string(ns);
  query.limit = view::kPageItemsMax;
  std::vector<view::ProjectedPtr> found;
  while (found.size() < kCompatibleItemsMax) {
    Result<view::Page> page = call->services->view.list(query);
    if (!page) {
      return resource::from_error(page.error(), type.name, {});
    }
    found.insert(found.end(), page->items.begin(), page->items.end());
    if (!page->next) {
      break;
    }
    query.from = std::move(page->next);
  }
  const auto age_of = [](const view::ProjectedPtr& item) {
    const Json* metadata = item->object.find("metadata");
    return std::pair(
        metadata == nullptr ? std::string() : metadata->get_string("creationTimestamp"), item->name
    );
  };
  std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
    return age_of(a) > age_of(b);
  });
  std::vector<Json> objects;
  for (const view::ProjectedPtr& item : found) {
    objects.push_back(item->object);
  }
  return objects;
}

bool answer_compatible(const CallPtr& call) {
  // What these paths mean is looked for in bodies: not for those who prove nothing.
  const bool anonymous = call->identity.in_group(access::kUnauthenticated);
  if (anonymous && call->request().path != "/api/health") {
    call->refused = true;
    answer(call, resource::unauthorized());
    return true;
  }
  return call->route.name == "houston" ? answer_houston(call) : answer_formicary(call);
}

}  // namespace reeve::api
