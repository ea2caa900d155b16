#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/services.h"
#include "api/write.h"
#include "engine/object_metadata.h"
#include "resource/causes.h"
#include "security/access/identity.h"

/// Who may have the server start a program for a ToolServer.
namespace reeve::api {

namespace {

constexpr std::string_view kCommand = "command";

/// What says which program is started, and with what.
constexpr std::array<std::string_view, 4> kFields = {
    kCommand, "environment", "credentials", "sandbox"};

bool says_the_same(const Json& before, const Json& after) {
  for (const std::string_view field : kFields) {
    const Json* old = before.find(field);
    const Json* now = after.find(field);
    const bool same =
        old == nullptr || now == nullptr ? old == now : engine::same_value(*old, *now);
    if (!same) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<resource::Status> check_command(
    const Call& call, const Json* before, const Json& object
) {
  if (call.type->kind != journal::Kind::ToolServer || call.type->storage != Storage::Plain) {
    return {};
  }
  const Json& spec = object.get_object("spec");
  const Json* command = spec.find(kCommand);
  const bool starts = command != nullptr && command->is_array() && !command->as_array().empty();
  if (!starts || (before != nullptr && says_the_same(before->get_object("spec"), spec))) {
    return {};
  }
  if (call.identity.user.starts_with(access::kRunUserPrefix)) {
    return resource::forbidden(
        call.resource(), call.route.name, "a run has no program started on the server"
    );
  }
  access::Attributes starting = attributes_of(call);
  starting.verb = "create";
  starting.subresource = kCommand;
  if (auto refused = call.services->access.authorize(call, starting)) {
    return refused;
  }
  const auto& objection = call.services->environment.command_objection;
  const std::string why = objection ? objection(spec) : "programs are not started here";
  if (why.empty()) {
    return {};
  }
  std::vector<resource::Cause> causes;
  causes.push_back(resource::forbidden_value("spec.command", why));
  return resource::invalid(
      call.resource(), object.get_object("metadata").get_string("name"), std::move(causes)
  );
}

}  // namespace reeve::api
