#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/object_documents.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "cli/server_commands.h"
#include "model/scoped_name.h"

/// `reeve submit --bulk`: many missions, each for itself.
namespace reeve::cli {

namespace {

/// The server takes more, but so a request stays below its limit for bodies as well.
constexpr std::size_t kItemsAtOnce = 500;
constexpr std::size_t kBytesAtOnce = std::size_t{2} << 20U;

/// Each line that is not empty as one document, of a text whose first one is a JSON object.
Result<std::vector<ObjectDocument>> split_lines(std::string_view text, const std::string& file) {
  std::vector<ObjectDocument> all;
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty()) {
      continue;
    }
    Result<Json> parsed = parse_json(line);
    if (!parsed) {
      Error error = std::move(parsed).error();
      error.file = file;
      error.position.line = number;
      return error;
    }
    if (all.size() >= kDocumentsMax) {
      return make_error(
          ErrorCode::LimitExceeded, concat("there are more than ", kDocumentsMax, " missions"), file
      );
    }
    all.push_back({.file = file, .line = number, .object = std::move(*parsed)});
  }
  return all;
}

/// JSON lines, if the first line is a whole JSON object; else YAML documents, which JSON is, too.
Result<std::vector<ObjectDocument>> read_missions(const std::string& path) {
  REEVE_TRY(const std::string text, read_input(path));
  const std::string file = input_name(path);
  const std::string_view first = trim(std::string_view(text).substr(0, text.find('\n')));
  REEVE_TRY(
      std::vector<ObjectDocument> missions,
      first.starts_with('{') && parse_json(first).ok() ? split_lines(text, file)
                                                       : split_documents(text, file)
  );
  if (missions.empty()) {
    return make_error(ErrorCode::Invalid, "there are no missions in it", file);
  }
  return missions;
}

/// What has no `spec` is one. Who gives no name gets one with that of the workflow.
Json item_of(const Json& document) {
  Json item = document;
  if (document.is_object() && document.find("spec") == nullptr) {
    item = Json::object();
    item.set("spec", document);
  }
  if (!item.is_object() || item.find("metadata") != nullptr) {
    return item;
  }
  const Json* spec = item.find("spec");
  const Json* workflow = spec == nullptr ? nullptr : spec->find("workflow");
  const std::string name = workflow == nullptr ? std::string() : workflow->get_string("name");
  Json metadata = Json::object();
  metadata.set("generateName", concat(name.empty() ? "mission" : name, "-"));
  item.set("metadata", std::move(metadata));
  return item;
}

/// Prints what became of some missions; counts those that were refused.
std::size_t tell(
    const Common& common, const Json& answer, const std::vector<const ObjectDocument*>& asked
) {
  std::size_t refused = 0;
  const Json* items = answer.find("items");
  for (std::size_t i = 0; items != nullptr && i < items->as_array().size() && i < asked.size();
       ++i) {
    Json result = items->as_array()[i];
    const Json* status = result.find("status");
    refused += status != nullptr ? 1 : 0;
    if (common.output == Output::Json) {
      result.set("file", asked[i]->file).set("line", asked[i]->line);
      print(result.dump() + "\n");
    } else if (status == nullptr) {
      print(concat(
          "mission ",
          printable(result.get_string("name")),
          result.get_bool("repeated") ? " (was there)\n" : "\n"
      ));
    } else {
      print_error_text(concat(
          asked[i]->file, ":", asked[i]->line, ": ", printable(status->get_string("message")), "\n"
      ));
    }
  }
  return refused;
}

class BulkSender {
 public:
  BulkSender(const Common& common, ApiClient& client, const std::string& ns)
      : common_(common), client_(client) {
    request_.method = "POST";
    request_.path = concat("/apis/reeve.dev/v1/namespaces/", percent_encoded(ns), "/missions:bulk");
  }

  Result<void> add(const ObjectDocument& document) {
    std::string text = item_of(document.object).dump();
    if (asked_.size() >= kItemsAtOnce || body_.size() + text.size() > kBytesAtOnce) {
      REEVE_CHECK(flush());
    }
    body_ += asked_.empty() ? "" : ",";
    body_ += text;
    asked_.push_back(&document);
    return {};
  }

  Result<void> flush() {
    if (asked_.empty()) {
      return {};
    }
    request_.body = concat(R"({"items":[)", body_, "]}");
    REEVE_TRY(const Json answer, client_.ask(request_));
    refused_ += tell(common_, answer, asked_);
    body_.clear();
    asked_.clear();
    return {};
  }

  std::size_t refused() const { return refused_; }

 private:
  const Common& common_;
  ApiClient& client_;
  ApiRequest request_;
  std::string body_;
  std::vector<const ObjectDocument*> asked_;
  std::size_t refused_ = 0;
};

Result<std::size_t> send_all(const Common& common, const BulkArgs& args) {
  REEVE_TRY(const std::vector<ObjectDocument> missions, read_missions(args.file));
  REEVE_TRY(Connection connection, find_connection(common.data_dir, args.connection));
  const std::string ns = !common.ns.empty()       ? common.ns
                         : !connection.ns.empty() ? connection.ns
                                                  : std::string(model::kDefaultNamespace);
  REEVE_TRY(const std::unique_ptr<ApiClient> client, ApiClient::connect(std::move(connection)));
  BulkSender sender(common, *client, ns);
  for (const ObjectDocument& mission : missions) {
    REEVE_CHECK(sender.add(mission));
  }
  REEVE_CHECK(sender.flush());
  return sender.refused();
}

}  // namespace

int submit_bulk(const Common& common, const BulkArgs& args) {
  const Result<std::size_t> refused = send_all(common, args);
  if (!refused) {
    return report(refused.error());
  }
  return static_cast<int>(*refused == 0 ? ExitCode::Done : ExitCode::Refused);
}

}  // namespace reeve::cli
