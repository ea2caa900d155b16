#include "api/types.h"

#include <array>
#include <span>
#include <utility>

#include "api/objects/objects.h"
#include "base/assert.h"
#include "base/strings.h"
#include "engine/object_metadata.h"
#include "engine/quota.h"
#include "engine/resource_book.h"
#include "resource/schema/schema.h"
#include "resource/schema/validator.h"

namespace reeve::api {

namespace {

namespace schema = resource::schema;

struct Machine {
  std::string_view kind;
  Storage storage;
  journal::Kind rows;
  bool in_view;
};

/// Kinds that are not plain.
constexpr std::array kMachines = {
    Machine{"Mission", Storage::Mission, journal::Kind::Mission, true},
    Machine{"Run", Storage::Run, journal::Kind::Mission, true},
    Machine{"Approval", Storage::Approval, journal::Kind::Mission, true},
    Machine{"Shard", Storage::Mission, journal::Kind::Mission, true},
    Machine{"ShardRun", Storage::Run, journal::Kind::Mission, true},
    Machine{"Workflow", Storage::Workflow, journal::Kind::Workflow, true},
    Machine{"Credential", Storage::Credential, journal::Kind::Credential, true},
    Machine{"Channel", Storage::Channel, journal::Kind::Channel, true},
    Machine{"ToolCall", Storage::ToolCall, journal::Kind::ToolCall, true},
    Machine{"ModelCall", Storage::ModelCall, journal::Kind::ModelCall, true},
    Machine{"BudgetUsage", Storage::Usage, journal::Kind::BudgetUsage, true},
    Machine{"Host", Storage::Host, journal::Kind::Mission, false},
    Machine{"Pod", Storage::Pod, journal::Kind::Mission, true},
    Machine{"Secret", Storage::Secret, journal::Kind::Credential, true},
    Machine{"Event", Storage::Event, journal::Kind::Mission, false},
    Machine{"SelfSubjectAccessReview", Storage::Review, journal::Kind::Mission, false},
    Machine{"SelfSubjectRulesReview", Storage::Review, journal::Kind::Mission, false},
    Machine{"SelfSubjectReview", Storage::Review, journal::Kind::Mission, false},
    Machine{"SubjectAccessReview", Storage::Review, journal::Kind::Mission, false}};

resource::ListTypes list_types_of(const schema::ResourceType& contract) {
  return [root = contract.schema.get()](const std::vector<std::string>& path) {
    std::vector<std::string> names;
    for (const std::string& part : path) {
      if (part != "*") {
        names.push_back(part);
      }
    }
    const schema::Merge merge = schema::list_type(*root, names);
    resource::ListRule rule;
    rule.map_atomic = merge.map_atomic;
    if (merge.list_type == schema::ListType::Set) {
      rule.type = resource::ListType::Set;
    } else if (merge.list_type == schema::ListType::Map) {
      rule.type = resource::ListType::Map;
      rule.keys.assign(merge.keys.begin(), merge.keys.end());
    }
    return rule;
  };
}

/// The columns of a kind, its name first.
resource::TableColumns columns_of(const schema::ResourceType& contract) {
  std::vector<resource::Column> columns;
  columns.push_back(
      {.name = "Name",
       .type = "string",
       .format = "name",
       .description = "Unique within its namespace.",
       .priority = 0,
       .json_path = ".metadata.name"}
  );
  bool has_age = false;
  for (const schema::Column& column : contract.columns) {
    has_age = has_age || column.name == "Age";
    columns.push_back(
        {.name = column.name,
         .type = column.type,
         .format = column.format,
         .description = column.description,
         .priority = column.priority,
         .json_path = column.json_path}
    );
  }
  if (!has_age) {
    columns.push_back(
        {.name = "Age",
         .type = "date",
         .format = "",
         .description = "How long ago it was made.",
         .priority = 0,
         .json_path = ".metadata.creationTimestamp"}
    );
  }
  Result<resource::TableColumns> compiled = resource::TableColumns::compile(std::move(columns));
  REEVE_ASSERT(compiled.ok());
  return std::move(*compiled);
}

/// Text of a scalar, as field selectors compare it.
std::string field_text(const Json& object, std::string_view path) {
  const Json* at = &object;
  while (at != nullptr && !path.empty()) {
    const std::size_t dot = path.find('.');
    at = at->find(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  if (at == nullptr || at->is_null() || at->is_array() || at->is_object()) {
    return {};
  }
  return at->is_string() ? at->as_string() : at->dump();
}

view::Projected projected(ApiObject made, const std::vector<std::string>& selectable) {
  view::Projected out;
  out.ns = std::move(made.ns);
  out.name = std::move(made.name);
  out.uid = std::move(made.uid);
  out.revision = made.revision;
  if (const Json* labels = made.object.find("metadata")->find("labels")) {
    for (const auto& [key, value] : labels->as_object()) {
      out.labels.emplace_back(key, value.is_string() ? value.as_string() : std::string());
    }
  }
  for (const std::string& path : selectable) {
    out.fields.emplace_back(path, field_text(made.object, path));
  }
  out.object = std::move(made.object);
  return out;
}

/// The row that a workflow's version is kept in.
std::string version_row(std::string_view name, const Json& row) {
  constexpr std::size_t kDigits = 32;
  const Json* spec = row.find("spec");
  const std::string digest = spec == nullptr ? std::string() : spec->get_string("digest");
  return concat(name, "@", std::string_view(digest).substr(0, kDigits));
}

/// Ours in another shape; what is none of the kind is left out.
std::vector<ApiObject> reshaped(
    const ApiType& type, const Source& source, std::vector<ApiObject> made
) {
  const bool of_mission = source.key.kind == journal::Kind::Mission;
  if (of_mission && !fractal::is_shard(source.metadata)) {
    return {};
  }
  for (ApiObject& one : made) {
    one.object = fractal::from_ours(*type.shape, one.object);
    one.name = one.object.find("metadata")->get_string("name");
  }
  return made;
}

std::vector<ApiObject> make_objects(
    const ApiType& type, const Source& source, const WorkflowDocument& document
) {
  std::vector<ApiObject> made;
  switch (type.storage) {
    case Storage::Mission:
      made.push_back(mission_object(source));
      break;
    case Storage::Run:
      made = run_objects(source, type.shape == nullptr ? Attempts::OnHosts : Attempts::All);
      break;
    case Storage::Pod:
      made = run_objects(source, Attempts::OnHosts);
      for (ApiObject& run : made) {
        run.object = pod_of_run(run);
      }
      break;
    case Storage::Approval:
      made = approval_objects(source);
      break;
    case Storage::Workflow:
      if (const auto text =
              document(source.key.ns.view(), version_row(source.key.name, source.row));
          text != nullptr) {
        made.push_back(workflow_object(source, *text));
      }
      break;
    case Storage::Credential:
      made.push_back(credential_object(source));
      break;
    case Storage::Secret:
      made.push_back(credential_object(source));
      made.back().object = secret_of_credential(made.back());
      break;
    case Storage::Channel:
      made.push_back(channel_object(source));
      break;
    case Storage::ToolCall:
      made.push_back(tool_call_object(source));
      break;
    case Storage::ModelCall:
      made.push_back(model_call_object(source));
      break;
    case Storage::Usage:
      // Those of the cluster's quotas are in no namespace: they are the status of the quotas.
      if (!source.key.ns.empty()) {
        made.push_back(usage_object(source));
      }
      break;
    case Storage::Plain:
      made.push_back(plain_object(
          source,
          type.shape == nullptr ? type.name.api_version() : std::string(kGroupVersion),
          type.name.kind
      ));
      schema::hide_write_only(*type.contract->schema, made.back().object);
      if (engine::is_quota(source.key.kind)) {
        show_usage(source, made.back().object);
      }
      break;
    case Storage::Host:
    case Storage::Event:
    case Storage::Review:
    case Storage::Refused:
      break;
  }
  return type.shape == nullptr ? std::move(made) : reshaped(type, source, std::move(made));
}

/// The row beside the object's own; null: there is none.
Json sidecar_row(const view::Stem& stem) {
  const std::optional<view::RowView> sidecar = stem.sidecar();
  Result<Json> row = sidecar ? parse_json(sidecar->body) : Result<Json>(Json());
  return row ? std::move(*row) : Json();
}

/// Metadata as the book of metadata keeps it: under `spec.metadata`.
Json sidecar_metadata(const Json& row) {
  const Json* spec = row.find("spec");
  const Json* metadata = spec == nullptr ? nullptr : spec->find("metadata");
  return metadata == nullptr ? Json() : *metadata;
}

view::Projector projector_of(const ApiType& type, WorkflowDocument document) {
  return [&type, document = std::move(document)](
             const view::Stem& stem, std::vector<view::Projected>& objects
         ) {
    const std::optional<view::RowView> row = stem.row();
    // Versions of workflows have rows of their own and are no objects.
    if (!row || (type.storage == Storage::Workflow && stem.name().find('@') != std::string::npos)) {
      return;
    }
    const Result<Json> body = parse_json(row->body);
    if (!body) {
      return;
    }
    const Json* own = body->find("metadata");
    const Json sidecar = sidecar_row(stem);
    const Json metadata =
        type.storage == Storage::Plain && own != nullptr ? *own : sidecar_metadata(sidecar);
    const Source source{
        .key =
            {.kind = stem.kind(),
             .ns = Namespace(std::string(stem.ns())),
             .name = std::string(stem.name())},
        .uid = Uid(std::string(row->uid)),
        .revision = stem.revision(),
        .row = *body,
        .metadata = metadata,
        .usage = sidecar.is_null() ? nullptr : &sidecar};
    for (ApiObject& made : make_objects(type, source, document)) {
      objects.push_back(projected(std::move(made), type.contract->selectable_fields));
    }
  };
}

/// Everything before one of the separators in a name.
void prefixes(std::string_view name, char separator, std::vector<std::string>& stems) {
  for (std::size_t at = name.find(separator); at != std::string_view::npos;
       at = name.find(separator, at + 1)) {
    stems.emplace_back(name.substr(0, at));
  }
}

/// The mission of a run or approval: everything before one of its dots.
void missions_of_part(std::string_view name, std::vector<std::string>& stems) {
  prefixes(name, '.', stems);
}

/// The Shard of a ShardRun.
void shards_of_run(std::string_view name, std::vector<std::string>& stems) {
  prefixes(name, '-', stems);
}

/// Whether a row has one object at most, which has its name.
bool is_derived(Storage storage) {
  return storage == Storage::Run || storage == Storage::Pod || storage == Storage::Approval;
}

/// Rows of which there are few: what is refused has no objects, however many rows there are.
constexpr journal::Kind kRefusedRows = journal::Kind::Pool;

}  // namespace

resource::ObjectPlace ApiType::place(std::string_view ns, std::string_view object) const {
  resource::ObjectPlace place;
  place.resource = name;
  switch (contract->name_rule) {
    case schema::NameRule::Label:
      place.name_rule = resource::NameRule::Label;
      break;
    case schema::NameRule::Free:
      place.name_rule = resource::NameRule::Free;
      break;
    case schema::NameRule::Segment:
      place.name_rule = resource::NameRule::Segment;
      break;
    case schema::NameRule::Subdomain:
      place.name_rule = resource::NameRule::Subdomain;
      break;
  }
  place.namespace_name = namespaced() ? std::string(ns) : std::string();
  place.name = object;
  return place;
}

Types::Types(const schema::Contracts& contracts) {
  for (const schema::ResourceType& contract : contracts.types()) {
    Storage storage = Storage::Plain;
    journal::Kind kind = journal::Kind::Mission;
    bool in_view = true;
    bool known = false;
    for (const Machine& machine : kMachines) {
      if (machine.kind == contract.kind) {
        storage = machine.storage;
        kind = machine.rows;
        in_view = machine.in_view;
        known = true;
      }
    }
    if (fractal::refusal_of(contract.group, contract.kind) != nullptr) {
      storage = Storage::Refused;
      kind = kRefusedRows;
      known = true;
    }
    if (const engine::ResourceKind* plain = engine::resource_kind(contract.kind);
        !known && plain != nullptr) {
      kind = plain->kind;
      known = true;
    }
    REEVE_ASSERT(known);
    auto type = std::make_unique<ApiType>(ApiType{
        .contract = &contract,
        .name =
            {.group = contract.group,
             .version = contract.version,
             .kind = contract.kind,
             .plural = contract.plural},
        .storage = storage,
        .view = {},
        .kind = kind,
        .columns = columns_of(contract),
        .list_types = list_types_of(contract),
        .shape = fractal::find_kind(contract.group, contract.kind)});
    if (in_view) {
      type->view = static_cast<view::TypeId>(in_view_.size());
      in_view_.push_back(type.get());
    }
    types_.push_back(std::move(type));
  }
}

const ApiType* Types::find(
    std::string_view group, std::string_view version, std::string_view plural
) const {
  for (const auto& type : types_) {
    if (type->name.plural == plural && type->name.group == group && type->name.version == version) {
      return type.get();
    }
  }
  return nullptr;
}

const ApiType& Types::of(Storage storage) const {
  for (const auto& type : types_) {
    if (type->storage == storage && type->shape == nullptr) {
      return *type;
    }
  }
  REEVE_ASSERT(false);
  return *types_.front();
}

const ApiType& Types::of(journal::Kind kind) const {
  for (const auto& type : types_) {
    if (type->storage == Storage::Plain && type->kind == kind && type->shape == nullptr) {
      return *type;
    }
  }
  REEVE_ASSERT(false);
  return *types_.front();
}

const ApiType& Types::kept_as(const ApiType& type) const {
  if (type.shape == nullptr) {
    return type;
  }
  return type.storage == Storage::Plain ? of(type.kind) : of(type.storage);
}

std::vector<view::ObjectType> Types::view_types(const WorkflowDocument& document) const {
  std::vector<view::ObjectType> types;
  for (const ApiType* type : in_view_) {
    view::ObjectType made;
    // Kinds of others may be called like ours.
    made.name = type->shape == nullptr && type->storage != Storage::Refused
                    ? type->name.plural
                    : concat(type->name.plural, ".", type->name.group);
    made.kind = type->kind;
    made.project = projector_of(*type, document);
    if (is_derived(type->storage)) {
      made.stems_of = type->shape == nullptr ? missions_of_part : shards_of_run;
    }
    types.push_back(std::move(made));
  }
  return types;
}

}  // namespace reeve::api
