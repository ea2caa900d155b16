#include "engine/resource_book.h"

namespace reeve::engine {

AgentBook::AgentBook() : ResourceBook(*resource_kind(journal::Kind::Agent)) {}

void AgentBook::configure(
    const Namespace& /*ns*/, std::string_view /*workflow*/, workflow::Configuration& configuration
) const {
  configuration.agents = this;
}

const std::string* AgentBook::agent(const Namespace& ns, std::string_view name) const {
  const Resource* found = find({.kind = journal::Kind::Agent, .ns = ns, .name = std::string(name)});
  return found == nullptr || found->links.deleting ? nullptr : &found->text;
}

}  // namespace reeve::engine
