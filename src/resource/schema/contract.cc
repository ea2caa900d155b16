#include "resource/schema/contract.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/strings.h"
#include "resource/schema/contract_reader.h"
#include "workflow/document/yaml.h"

namespace reeve::resource::schema {

namespace {

constexpr std::string_view kMetadataPath = "meta/object_meta.yaml";
constexpr std::string_view kOwnGroup = "reeve.dev";
constexpr document::Limits kContractLimits{.size_bytes_max = std::size_t{1} << 20U};

bool is_metadata(const ContractText& text) {
  return text.path.ends_with(kMetadataPath);
}

auto place_of(const ResourceType& type) {
  return std::tie(type.group, type.version, type.plural);
}

/// Words by which kubectl may find a kind of the group: no two kinds of it may share one.
Result<void> check_words(const std::vector<ResourceType>& types) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const ResourceType& type : types) {
    std::vector<std::string> words = type.short_names;
    words.push_back(type.plural);
    if (type.singular != type.plural) {
      words.push_back(type.singular);
    }
    for (const std::string& word : words) {
      if (!seen.emplace(type.group, word).second) {
        return make_error(ErrorCode::Invalid, concat("\"", word, "\" names two kinds"), type.kind);
      }
    }
  }
  return {};
}

Result<Json> parse(const ContractText& text) {
  Result<document::Node> root = document::parse_yaml(text.text, kContractLimits);
  if (!root.ok()) {
    Error error = std::move(root).error();
    error.file = std::string(text.path);
    return error;
  }
  return document::to_json(*root);
}

}  // namespace

std::string_view to_string(NameRule rule) {
  switch (rule) {
    case NameRule::Subdomain:
      return "subdomain";
    case NameRule::Label:
      return "label";
    case NameRule::Free:
      return "free";
    case NameRule::Segment:
      return "segment";
  }
  return "";
}

bool Subresource::has_verb(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::string ResourceType::api_version() const {
  return group.empty() ? version : concat(group, "/", version);
}

bool ResourceType::has_verb(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

const Subresource* ResourceType::subresource(std::string_view name) const {
  for (const Subresource& each : subresources) {
    if (each.name == name) {
      return &each;
    }
  }
  return nullptr;
}

Result<Contracts> Contracts::load(std::span<const ContractText> texts) {
  Contracts contracts;
  const auto meta = std::find_if(texts.begin(), texts.end(), is_metadata);
  if (meta == texts.end()) {
    return make_error(
        ErrorCode::Invalid, "the schema of metadata is missing", std::string(kMetadataPath)
    );
  }
  REEVE_TRY(const Json metadata, parse(*meta));
  for (const ContractText& text : texts) {
    if (is_metadata(text)) {
      continue;
    }
    REEVE_TRY(const Json contract, parse(text));
    Result<ResourceType> type = read_contract(contract, metadata);
    if (!type.ok()) {
      Error error = std::move(type).error();
      error.file = std::string(text.path);
      return error;
    }
    contracts.types_.push_back(std::move(*type));
  }
  std::sort(
      contracts.types_.begin(),
      contracts.types_.end(),
      [](const ResourceType& a, const ResourceType& b) { return place_of(a) < place_of(b); }
  );
  REEVE_CHECK(check_words(contracts.types_));
  return contracts;
}

const Contracts& Contracts::embedded() {
  static const Contracts kContracts = [] {
    Result<Contracts> loaded = load(embedded_contracts());
    REEVE_ASSERT(loaded.ok());
    return std::move(*loaded);
  }();
  return kContracts;
}

const ResourceType* Contracts::find(
    std::string_view group, std::string_view version, std::string_view plural
) const {
  for (const ResourceType& type : types(group, version)) {
    if (type.plural == plural) {
      return &type;
    }
  }
  return nullptr;
}

const ResourceType* Contracts::find_kind(
    std::string_view group, std::string_view version, std::string_view kind
) const {
  for (const ResourceType& type : types(group, version)) {
    if (type.kind == kind) {
      return &type;
    }
  }
  return nullptr;
}

std::vector<std::string> Contracts::groups() const {
  std::vector<std::string> names;
  for (const ResourceType& type : types_) {
    if (!type.group.empty() && (names.empty() || names.back() != type.group)) {
      names.push_back(type.group);
    }
  }
  if (const auto own = std::find(names.begin(), names.end(), kOwnGroup); own != names.end()) {
    std::rotate(names.begin(), own, own + 1);
  }
  return names;
}

std::vector<std::string> Contracts::versions(std::string_view group) const {
  std::vector<std::string> names;
  for (const ResourceType& type : types_) {
    if (type.group == group && (names.empty() || names.back() != type.version)) {
      names.push_back(type.version);
    }
  }
  return names;
}

std::span<const ResourceType> Contracts::types(std::string_view group, std::string_view version)
    const {
  const auto matches = [&](const ResourceType& type) {
    return type.group == group && type.version == version;
  };
  const auto first = std::find_if(types_.begin(), types_.end(), matches);
  const auto last = std::find_if_not(first, types_.end(), matches);
  return {first, last};
}

}  // namespace reeve::resource::schema
