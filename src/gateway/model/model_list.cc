#include "gateway/model/model_list.h"

#include "base/json.h"

namespace reeve::gateway::model {

namespace {

/// Nobody knows when a model came to be; clients want a time all the same.
constexpr std::string_view kCreated = "2026-01-01T00:00:00Z";
constexpr std::int64_t kCreatedSeconds = 1'767'225'600;

Json entry(Dialect dialect, const std::string& model) {
  Json made = Json::object();
  switch (dialect) {
    case Dialect::OpenAi:
      made.set("id", model).set("object", "model").set("created", kCreatedSeconds);
      made.set("owned_by", "reeve");
      break;
    case Dialect::Anthropic:
      made.set("type", "model").set("id", model).set("display_name", model);
      made.set("created_at", kCreated);
      break;
  }
  return made;
}

}  // namespace

std::string models_body(Dialect dialect, const std::vector<std::string>& models) {
  Json data = Json::array();
  for (const std::string& model : models) {
    data.push(entry(dialect, model));
  }
  Json body = Json::object();
  switch (dialect) {
    case Dialect::OpenAi:
      body.set("object", "list").set("data", std::move(data));
      break;
    case Dialect::Anthropic:
      body.set("data", std::move(data)).set("has_more", false);
      body.set("first_id", models.empty() ? Json() : Json(models.front()));
      body.set("last_id", models.empty() ? Json() : Json(models.back()));
      break;
  }
  return body.dump();
}

std::string model_body(Dialect dialect, const std::string& model) {
  return entry(dialect, model).dump();
}

}  // namespace reeve::gateway::model
