#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/compat/formicary.h"
#include "api/compatible.h"
#include "workflow/workflow.h"

/// The parts of Formicary's REST API. Each function answers one path; `words` is what the path has
/// in the places of its pattern. Private to the files compatible_formicary*. The network thread.
namespace reeve::api::formicary {

using Words = std::vector<std::string>;

// Job definitions.
void list_definitions(const CallPtr& call, const Words& words);
void save_definition(const CallPtr& call, const Words& words);
void get_definition(const CallPtr& call, const Words& words);
void get_definition_text(const CallPtr& call, const Words& words);
void get_definition_mermaid(const CallPtr& call, const Words& words);
void get_definition_dot(const CallPtr& call, const Words& words);
void list_definition_versions(const CallPtr& call, const Words& words);
void delete_definition(const CallPtr& call, const Words& words);
void enable_definition(const CallPtr& call, const Words& words);
void disable_definition(const CallPtr& call, const Words& words);
void list_plugins(const CallPtr& call, const Words& words);

// Configs: of an organisation (which is ignored, as there), or of the job that is named.
void list_org_configs(const CallPtr& call, const Words& words);
void save_org_config(const CallPtr& call, const Words& words);
void get_org_config(const CallPtr& call, const Words& words);
void replace_org_config(const CallPtr& call, const Words& words);
void delete_org_config(const CallPtr& call, const Words& words);
void list_job_configs(const CallPtr& call, const Words& words);
void save_job_config(const CallPtr& call, const Words& words);
void get_job_config(const CallPtr& call, const Words& words);
void replace_job_config(const CallPtr& call, const Words& words);
void delete_job_config(const CallPtr& call, const Words& words);

// Job requests.
void list_requests(const CallPtr& call, const Words& words);
void submit_request(const CallPtr& call, const Words& words);
void get_request(const CallPtr& call, const Words& words);
void cancel_request(const CallPtr& call, const Words& words);
void restart_request(const CallPtr& call, const Words& words);
void trigger_request(const CallPtr& call, const Words& words);
void get_request_mermaid(const CallPtr& call, const Words& words);
void get_request_dot(const CallPtr& call, const Words& words);

// Approvals.
void vote(const CallPtr& call, const Words& words);
void get_approval(const CallPtr& call, const Words& words);
void list_pending(const CallPtr& call, const Words& words);

// Numbers.
void get_definition_stats(const CallPtr& call, const Words& words);
void get_request_stats(const CallPtr& call, const Words& words);
void get_wait_time(const CallPtr& call, const Words& words);
void list_dead_ids(const CallPtr& call, const Words& words);

// Files.
void list_artifacts(const CallPtr& call, const Words& words);
void get_artifact(const CallPtr& call, const Words& words);
void download_artifact(const CallPtr& call, const Words& words);
void send_artifact(const CallPtr& call, const Words& words);
void delete_artifact(const CallPtr& call, const Words& words);

// Organisations, workers, what they carry out.
void list_orgs(const CallPtr& call, const Words& words);
void get_org(const CallPtr& call, const Words& words);
void list_ants(const CallPtr& call, const Words& words);
void list_executors(const CallPtr& call, const Words& words);

// Web sockets.
void subscribe(const CallPtr& call, const Words& words);

// --- what they share ----------------------------------------------------------------------------

/// `/apis/reeve.dev/v1/namespaces/NS/PLURAL` of the namespace that the call is about.
std::string collection(const CallPtr& call, std::string_view plural);

/// 400 with what is wrong.
void answer_invalid(const CallPtr& call, const Error& error);

/// 200 without a body.
Translated nothing(int status, const Json& body);

/// JSON or YAML, whatever its Content-Type says.
Result<Json> body_of(const CallPtr& call);

/// All objects of a type for whoever may list them in the namespace; nothing: it was answered.
std::optional<std::vector<Json>> listed(const CallPtr& call, const ApiType& type);

/// The object, for whoever may get it; null: it was answered.
view::ProjectedPtr found(const CallPtr& call, const ApiType& type, const std::string& name);

/// What an object becomes in a list: one record, several, or none.
using Records = std::function<Result<Json::Array>(const Json& object)>;

/// One page of what the objects of a type become.
void answer_page(const CallPtr& call, const ApiType& type, const Records& records);

/// The parsed text of a version of a workflow. `digest` is in the status of a Workflow and of a
/// Mission.
Result<std::shared_ptr<const workflow::Workflow>> workflow_of(
    const CallPtr& call, std::string_view name, std::string_view digest
);

}  // namespace reeve::api::formicary
