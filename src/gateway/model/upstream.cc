#include "gateway/model/upstream.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "gateway/model/headers.h"
#include "net/text.h"

namespace reeve::gateway::model {

namespace {

constexpr std::string_view kVersionHeader = "anthropic-version";
constexpr std::string_view kVersion = "2023-06-01";

/// The query as it was written, with its question mark.
std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark);
}

void set(std::vector<net::Header>& headers, std::string_view name, std::string value) {
  std::erase_if(headers, [name](const net::Header& header) {
    return net::same_text(header.name, name);
  });
  headers.push_back({std::string(name), std::move(value)});
}

void add_key(std::vector<net::Header>& headers, Dialect kind, const Secret& key) {
  switch (kind) {
    case Dialect::OpenAi:
      headers.push_back({"Authorization", concat("Bearer ", key.view())});
      return;
    case Dialect::Anthropic:
      headers.push_back({"x-api-key", std::string(key.view())});
      return;
  }
}

Duration at_most(Duration time, Duration limit) {
  return time == Duration(0) ? limit : std::min(time, limit);
}

}  // namespace

Result<net::ClientRequest> make_upstream_request(const UpstreamRequest& request) {
  const Provider& provider = request.provider;
  REEVE_TRY(net::EndpointUrl url, net::parse_endpoint(provider.base_url));
  net::ClientRequest made;
  made.endpoint = std::move(url.endpoint);
  made.method = request.from.method;
  made.target = concat(
      url.path, upstream_path(request.operation, provider.kind), query_of(request.from.target)
  );
  made.headers = headers_to_provider(request.from.headers);
  if (provider.kind == Dialect::Anthropic && request.from.headers.find(kVersionHeader) == nullptr) {
    made.headers.push_back({std::string(kVersionHeader), std::string(kVersion)});
  }
  for (const auto& [name, value] : provider.headers) {
    set(made.headers, name, value);
  }
  if (request.key != nullptr) {
    add_key(made.headers, provider.kind, *request.key);
  }
  made.body = net::Body(request.body);
  made.deadlines.connect = at_most(provider.timeouts.connect, request.time_left);
  made.deadlines.first_byte = provider.timeouts.first_byte;
  made.deadlines.idle = provider.timeouts.idle;
  made.deadlines.total = request.time_left;
  // What is sent twice is paid twice: an attempt is repeated with a reservation of its own only.
  made.retry_stale = false;
  return made;
}

}  // namespace reeve::gateway::model
