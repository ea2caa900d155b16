#include "gateway/tool/call_record.h"

#include <string_view>
#include <utility>

#include "base/canonical.h"
#include "base/hash.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"

namespace reeve::gateway {

namespace {

/// Of the record of a result, for all but the excerpt.
constexpr std::size_t kResultReserveBytes = 512;
constexpr std::string_view kNotKept = "\n[the rest was not kept]";

/// The texts of a result, for the record.
std::string text_of(const Json& result) {
  std::string text;
  const Json* content = result.find("content");
  for (const Json& item :
       content != nullptr && content->is_array() ? content->as_array() : Json::Array()) {
    if (item.get_string("type") == "text") {
      text += item.get_string("text");
    }
  }
  return text;
}

std::string excerpt_of(const Json& result, bool repeats) {
  const std::string text = text_of(result);
  std::string excerpt = redact_text(text, repeats ? kRepeatedExcerptBytesMax : kExcerptBytesMax);
  if (Json(excerpt).dump().size() > engine::kToolResultBytesMax - kResultReserveBytes) {
    excerpt = redact_text(text, kExcerptBytesMax);
  }
  if (repeats && text.size() > excerpt.size()) {
    excerpt += kNotKept;
  }
  return excerpt;
}

}  // namespace

Json record_body(const CallRequest& request, const std::string& hash) {
  const ToolPolicy& policy = request.tool.policy;
  Json spec = Json::object();
  spec.set("server", request.server->server.name).set("tool", request.tool.name);
  spec.set("arguments", redact_arguments(request.arguments, policy));
  spec.set("argumentsHash", hash).set("caller", request.caller.principal.str());
  if (!policy.redact.empty()) {
    Json names = Json::array();
    for (const std::string& name : policy.redact) {
      names.push(name);
    }
    spec.set("redact", std::move(names));
  }
  if (!request.caller.run.empty()) {
    spec.set("mission", request.caller.mission).set("run", request.caller.run);
  }
  if (!request.caller.agent.empty()) {
    spec.set("agent", request.caller.agent);
  }
  spec.set("risk", policy.risk);
  const auto flag = [&](const char* name, bool set) {
    if (set) {
      spec.set(name, true);
    }
  };
  flag("requiresApproval", policy.requires_approval);
  flag("approvalWhenTainted", policy.approval_when_tainted);
  flag("ownerMayApprove", policy.owner_may_approve);
  flag("untrusted", policy.untrusted);
  flag("reversible", !policy.reverse.empty());
  if (!policy.approval_timeout.empty()) {
    spec.set("approvalTimeout", policy.approval_timeout);
  }
  if (!request.correlation.as_object().empty()) {
    spec.set("correlation", request.correlation);
  }
  Json body = Json::object();
  body.set("spec", std::move(spec)).set("begin", true);
  if (!request.refused.empty()) {
    body.set("refused", request.refused);
  }
  return body;
}

Json finish_body(const CallRequest& request, const ToolOutcome& outcome, Duration took) {
  const std::string whole = outcome.result.dump();
  const bool is_error = outcome.result.get_bool("isError");
  // A call that may be sent again is answered with the excerpt then.
  const bool repeats = request.correlation.find("idempotencyKey") != nullptr;
  Json kept = Json::object();
  kept.set("digest", sha256(whole).str()).set("bytes", static_cast<std::int64_t>(whole.size()));
  kept.set("excerpt", excerpt_of(outcome.result, repeats));
  kept.set("isError", is_error).set("durationMs", took.count());
  Json body = Json::object();
  body.set("outcome", outcome.unsure ? "unknown" : is_error ? "failed" : "completed");
  body.set("result", std::move(kept));
  // What would be kept in clear and should not is not kept: it cannot be undone then.
  const bool clear = !outcome.undo.is_null() && without_secrets(outcome.undo) == outcome.undo &&
                     outcome.undo.dump().size() <= engine::kToolUndoBytesMax;
  if (clear) {
    body.set("undo", outcome.undo);
  }
  return body;
}

std::string why_not(const Json& status) {
  const std::string state = status.get_string("state");
  const Json& approval = status.get_object("approval");
  return state == "REJECTED"
             ? concat(
                   "rejected by ", approval.get_string("by"), ": ", approval.get_string("message")
               )
         : state == "EXPIRED" ? std::string(
                                    approval.get_string("decision") == "approve"
                                        ? "it was approved, but not carried out within an hour"
                                        : "nobody decided in time"
                                )
                              : concat("it is ", state);
}

CallAnswer kept_answer(const CallRequest& request, const Json& known, const Json* object) {
  const std::string state = known.get_string("state");
  const bool done = state == "COMPLETED" || state == "ROLLED_BACK";
  CallAnswer answer;
  answer.arguments = request.arguments;
  if (done && request.elsewhere) {
    // The agent goes on with what was approved, which a person may have edited.
    const Json& status = object == nullptr ? Json() : object->get_object("status");
    const Json* edited = status.find("editedArguments");
    answer.arguments = edited == nullptr ? request.arguments : *edited;
    const std::string approved =
        status.get_string("approvedHash", canonical_digest(request.arguments).view());
    if (object == nullptr || canonical_digest(answer.arguments).view() != approved) {
      answer.result = text_result("it was approved, but what was approved is not kept", true);
      return answer;
    }
  }
  std::string text = known.get_object("result").get_string("excerpt");
  if (!done && text.empty()) {
    const std::string why = known.get_string("message");
    text = !why.empty()        ? why
           : object == nullptr ? concat("it is ", state)
                               : why_not(object->get_object("status"));
  }
  answer.allowed = done;
  answer.result = text_result(std::move(text), !done);
  return answer;
}

}  // namespace reeve::gateway
