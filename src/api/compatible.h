#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/call.h"

/// Ways in for clients of other systems: their requests become requests of ours, with the same
/// identity, permissions and checks; only the shape of what is asked and answered differs.
///
/// Threading: the network thread.
namespace reeve::api {

/// Answers a call whose route is Route::Kind::Compatible. False: there is nothing of that path.
bool answer_compatible(const CallPtr& call);

/// The parts of each.
bool answer_formicary(const CallPtr& call);
bool answer_houston(const CallPtr& call);

/// A request of ours that stands for another one.
struct Rewritten {
  std::string method;
  std::string path;
  std::optional<Json> body = {};
  std::string_view content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> query = {};
};

inline constexpr std::string_view kMergePatch = "application/merge-patch+json";

/// What the client gets in place of our answer.
struct Translated {
  int status = 200;
  /// Absent: no body.
  std::optional<Json> body = {};
};

/// Gets what a success was answered with (null if that was no JSON); errors are passed on.
using Translate = std::function<Translated(int status, const Json& body)>;

/// Serves a rewritten request for whoever calls and answers with the translation.
void forward(const CallPtr& call, Rewritten request, Translate translate);

/// Whether whoever calls may do that; false: it was answered.
bool may(
    const CallPtr& call,
    const ApiType& type,
    std::string_view verb,
    std::string_view ns,
    std::string_view name = {},
    std::string_view subresource = {}
);

/// The namespace that a call is about: `?namespace=`, else `default`.
std::string namespace_of(const CallPtr& call);

/// The parts of a path: "api", "jobs", …
std::vector<std::string> parts_of(std::string_view path);

/// All objects of a type in a namespace, at most `kCompatibleItemsMax`, the newest first.
resource::Outcome<std::vector<Json>> objects_of(
    const CallPtr& call, const ApiType& type, std::string_view ns
);

inline constexpr std::size_t kCompatibleItemsMax = 10'000;

/// Authorises and serves a call for the identity that it has. In api.cc.
void serve(const CallPtr& call);

}  // namespace reeve::api
