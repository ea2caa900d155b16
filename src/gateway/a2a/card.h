#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace reeve::gateway::a2a {

/// Whether a Workflow object is published: it has the label, and makes missions.
bool is_published(const Json& workflow);

/// The param that the text of a message becomes.
std::string text_param_of(const Json& workflow);

/// The card of one agent. `base`: `https://host:port`.
Json agent_card(const Json& workflow, std::string_view base, std::string_view version);

/// The card of the installation: every agent is a skill of it.
Json installation_card(
    const std::vector<Json>& workflows, std::string_view base, std::string_view version
);

}  // namespace reeve::gateway::a2a
