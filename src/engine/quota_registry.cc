#include "engine/quota_registry.h"

#include <utility>

#include "base/strings.h"
#include "engine/engine.h"
#include "engine/metadata_book.h"
#include "engine/resource_book.h"

namespace reeve::engine {

using journal::Kind;
using journal::ObjectKey;

namespace {

/// The labels of an object of the API.
const Json* labels_of(const Json& object) {
  const Json* metadata = object.find("metadata");
  return metadata == nullptr ? nullptr : metadata->find("labels");
}

Json plain_object(const Engine& engine, const ObjectKey& key) {
  const auto* book = static_cast<const ResourceBook*>(engine.book_of(key));
  const Resource* found = book == nullptr ? nullptr : book->find(key);
  if (found == nullptr) {
    return {};
  }
  Result<Json> object = parse_json(found->text);
  return object ? std::move(*object) : Json();
}

std::string tenant_of(const Engine& engine, const Namespace& ns) {
  const Json object = plain_object(engine, namespace_key(ns));
  const Json* labels = labels_of(object);
  return labels == nullptr ? std::string() : labels->get_string("tenant");
}

}  // namespace

void QuotaRegistry::changed(const ObjectKey& object) {
  if (is_quota(object.kind)) {
    stale_.insert(object);
  }
  if (is_quota(object.kind) || object.kind == Kind::Namespace || object.kind == Kind::Metadata) {
    matches_.clear();
  }
}

std::vector<ObjectKey> QuotaRegistry::refresh(const Engine& engine) {
  std::vector<ObjectKey> changed(stale_.begin(), stale_.end());
  stale_.clear();
  matches_.clear();
  for (const ObjectKey& key : changed) {
    const Json object = plain_object(engine, key);
    if (object.is_null()) {
      quotas_.erase(key);
    } else {
      quotas_.insert_or_assign(key, parse_quota(key, object));
    }
  }
  return changed;
}

const Quota* QuotaRegistry::find(const ObjectKey& key) const {
  const auto found = quotas_.find(key);
  return found == quotas_.end() ? nullptr : &found->second;
}

const std::vector<const Quota*>& QuotaRegistry::matching(
    const Spender& spender, const Engine& engine
) {
  const std::string text = concat(
      spender.ns.view(),
      "/",
      spender.mission,
      "/",
      spender.task,
      "/",
      spender.workflow,
      "/",
      spender.agent
  );
  if (const auto known = matches_.find(text); known != matches_.end()) {
    return known->second;
  }
  if (matches_.size() >= kMatchesRememberedMax) {
    matches_.clear();
  }
  Json metadata;
  if (!spender.mission.empty()) {
    metadata =
        engine.metadata_of({.kind = Kind::Mission, .ns = spender.ns, .name = spender.mission});
  }
  SpenderFacts facts;
  facts.labels = metadata.find("labels");
  facts.tenant = tenant_of(engine, spender.ns);
  std::vector<const Quota*> found;
  const auto add = [&](Kind kind, const Namespace& ns) {
    auto at = quotas_.lower_bound({.kind = kind, .ns = ns, .name = {}});
    for (; at != quotas_.end() && at->first.kind == kind && at->first.ns == ns; ++at) {
      if (counts(at->second, spender, facts)) {
        found.push_back(&at->second);
      }
    }
  };
  add(Kind::BudgetQuota, spender.ns);
  add(Kind::ClusterBudgetQuota, Namespace());
  return matches_.emplace(text, std::move(found)).first->second;
}

}  // namespace reeve::engine
