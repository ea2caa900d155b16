#include "owner/inbox.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "owner/identity.h"
#include "platform/posix/files.h"
#include "workflow/load/load.h"
#include "workflow/trigger/occurrence.h"

namespace reeve::owner {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;

/// A limit that others have reached: how many missions are live, how often a trigger fires. All
/// others follow from the file, and will again.
bool is_crowded(const Error& error) {
  return error.code == ErrorCode::LimitExceeded &&
         (error.subject == "missions" ||
          (error.subject.starts_with("triggers.") && error.subject.ends_with(".rate_limit")));
}

/// What can go right later.
bool may_pass(const Error& error) {
  return error.retryable() || error.code == ErrorCode::Cancelled || error.code == ErrorCode::Io ||
         error.code == ErrorCode::Ambiguous || is_crowded(error);
}

/// The params of a JSON object: texts as they are, other values as JSON.
Result<std::vector<model::NamedValue>> read_params(const fs::path& path, const std::string& name) {
  Result<std::string> text = platform::read_file(path, kInboxParamsBytesMax);
  if (!text && text.error().code == ErrorCode::NotFound) {
    return std::vector<model::NamedValue>();
  }
  if (!text) {
    return std::move(text).error();
  }
  const Result<Json> json = parse_json(*text);
  if (!json || !json->is_object()) {
    return make_error(
        ErrorCode::Invalid,
        json ? std::string("must be an object of params") : json.error().describe(),
        concat(fs::path(name).stem().string(), ".params.json")
    );
  }
  std::vector<model::NamedValue> params;
  for (const Json::Member& member : json->as_object()) {
    params.emplace_back(
        member.first, member.second.is_string() ? member.second.as_string() : member.second.dump()
    );
  }
  return params;
}

kernel::Input input_of(const TakenFile& file, InputId id, engine::Command command) {
  kernel::Input input;
  input.correlation = CorrelationId(id.str());
  input.id = std::move(id);
  input.principal = inbox_of(file.uid);
  input.command = std::move(command);
  return input;
}

}  // namespace

Result<Inbox> Inbox::open(const fs::path& data_dir, InboxPorts ports, Namespace ns) {
  REEVE_TRY(InboxFiles files, InboxFiles::open(inbox_home(data_dir, ns)));
  return Inbox(std::move(files), std::move(ports), std::move(ns));
}

std::vector<std::string> Inbox::scan(const std::set<std::string>& closed) {
  std::vector<std::string> news;
  Result<void> scanned;
  if (const Result<std::vector<DeployedTrigger>> triggers = ports_.triggers()) {
    scanned = scan_folders(closed, *triggers, news);
  } else {
    scanned = triggers.error();
  }
  if (scanned) {
    told_.erase("");
  } else {
    tell_once("", scanned.error(), news);
  }
  return news;
}

Result<void> Inbox::scan_folders(
    const std::set<std::string>& closed,
    const std::vector<DeployedTrigger>& triggers,
    std::vector<std::string>& news
) {
  // Somebody who clears the inbox away may clear them away with it.
  REEVE_CHECK(files_.make_folders());
  REEVE_TRY(const std::vector<std::string> taken, files_.taken());
  REEVE_TRY(const std::vector<std::string> arrived, files_.arrived());
  std::erase_if(later_, [&](const auto& item) {
    return !std::binary_search(taken.begin(), taken.end(), item.first);
  });
  for (const std::string& name : taken) {
    deal_with(name, triggers, news);
  }
  for (const std::string& name : arrived) {
    const std::optional<Sight> sight = complete(name, closed.contains(name));
    if (!sight || later_.contains(name)) {
      continue;
    }
    if (const Result<void> claimed = files_.claim(name, *sight)) {
      seen_.erase(name);
      deal_with(name, triggers, news);
    } else if (claimed.error().code == ErrorCode::Conflict) {
      returned_.insert(name);
    } else {
      tell_once(name, claimed.error(), news);
    }
  }
  const auto gone = [&](const std::string& name) {
    return !std::binary_search(arrived.begin(), arrived.end(), name);
  };
  std::erase_if(seen_, [&](const auto& item) { return gone(item.first); });
  std::erase_if(returned_, gone);
  std::erase_if(told_, [&](const auto& item) {
    return !item.first.empty() && gone(item.first) &&
           !std::binary_search(taken.begin(), taken.end(), item.first);
  });
  return {};
}

/// The file as it is, if nobody writes to it any more, as far as can be seen.
std::optional<Sight> Inbox::complete(const std::string& name, bool closed) {
  const std::optional<Sight> now = files_.look(name);
  if (!now || (closed && returned_.erase(name) == 0)) {
    return now;
  }
  const auto known = seen_.find(name);
  if (known == seen_.end() || !(known->second.sight == *now)) {
    seen_[name] = {.sight = *now, .since = ports_.now()};
    return std::nullopt;
  }
  return ports_.now() - known->second.since >= kInboxQuiet ? now : std::nullopt;
}

void Inbox::deal_with(
    const std::string& name,
    const std::vector<DeployedTrigger>& triggers,
    std::vector<std::string>& news
) {
  if (const auto waits = later_.find(name); waits != later_.end() && ports_.now() < waits->second) {
    return;
  }
  later_.erase(name);
  const Result<void> handed = hand_on(name, triggers);
  if (handed) {
    forget(name);
    return;
  }
  if (may_pass(handed.error())) {
    later_.try_emplace(name, ports_.now() + kInboxRetry);
    tell_once(name, handed.error(), news);
    return;
  }
  if (const Result<void> aside = files_.refuse(name, handed.error()); !aside) {
    later_.try_emplace(name, ports_.now() + kInboxRetry);
    tell_once(name, aside.error(), news);
    return;
  }
  forget(name);
  news.push_back(
      concat(shown_name(ns_, "inbox"), ": ", name, " was refused: ", handed.error().describe())
  );
}

Result<void> Inbox::hand_on(const std::string& name, const std::vector<DeployedTrigger>& triggers) {
  std::vector<const DeployedTrigger*> matching;
  for (const DeployedTrigger& each : triggers) {
    const auto* inbox = std::get_if<workflow::InboxTrigger>(&each.trigger->source);
    if (inbox != nullptr && each.ns == ns_ && glob_match(inbox->glob, name)) {
      matching.push_back(&each);
    }
  }
  if (!files_.has_place(name)) {
    // Otherwise what was used of the rates may have been used by this file.
    REEVE_CHECK(check_rates(name, matching));
  }
  REEVE_TRY(TakenFile file, files_.read(name));
  if (matching.empty() && !is_document(name)) {
    Error error =
        make_error(ErrorCode::NotFound, "no trigger of a deployed workflow matches", name);
    error.hint = "documents that are to be submitted end with .yaml or .yml";
    return error;
  }
  REEVE_CHECK(files_.place(file));
  bool used = false;
  Result<void> handed = matching.empty() ? submit(file) : Result<void>();
  for (const DeployedTrigger* trigger : matching) {
    handed = fire(file, *trigger);
    if (!handed) {
      break;
    }
    // A mission has been told of the place in `done`.
    used = true;
  }
  if (handed) {
    return files_.finish(file);
  }
  if (!may_pass(handed.error()) && !used) {
    files_.displace(file);
  }
  return handed;
}

/// Before the first of them fires, so that none fires again because another had to wait.
Result<void> Inbox::check_rates(
    const std::string& name, const std::vector<const DeployedTrigger*>& triggers
) {
  for (const DeployedTrigger* each : triggers) {
    REEVE_TRY(const Room room, ports_.room(*each));
    if (room.rests_until) {
      later_[name] = *room.rests_until;
      return make_error(
          ErrorCode::Unavailable,
          concat(
              "waits until ",
              format_timestamp(*room.rests_until),
              ": the rate limit of trigger ",
              each->trigger->name,
              " of workflow ",
              each->workflow->name,
              " is reached"
          )
      );
    }
  }
  return {};
}

Result<void> Inbox::fire(const TakenFile& taken, const DeployedTrigger& trigger) {
  const trigger::InboxFile file{
      .name = taken.name,
      .path = taken.done,
      .size_bytes = taken.sight.size_bytes,
      .modified_at = from_unix_millis(taken.sight.modified_nanos / kNanosPerMilli),
      .digest = taken.digest};
  const trigger::Occurrence occurrence = trigger::file_occurrence(file, ports_.now());
  Json body = Json::object();
  body.set("trigger", trigger.trigger->name).set("data", occurrence.data);
  body.set("key", occurrence.key);
  const std::string& workflow = trigger.workflow->name;
  InputId id(
      concat("inbox-", sha256(concat(taken.id, "\n", workflow, "\n", trigger.trigger->name)).view())
  );
  engine::ObjectCommand command{
      .object = {.kind = journal::Kind::Workflow, .ns = ns_, .name = workflow},
      .verb = "fire",
      .body = std::move(body)};
  REEVE_CHECK(ports_.call(input_of(taken, std::move(id), std::move(command))));
  return {};
}

Result<void> Inbox::submit(const TakenFile& taken) {
  const Result<std::string> source = platform::read_file(taken.path, workflow::kSourceBytesMax);
  if (!source) {
    return source.error();
  }
  REEVE_TRY(const std::vector<model::NamedValue> params, read_params(taken.params, taken.name));
  workflow::LoadOptions options;
  options.file = taken.name;
  for (const auto& [name, value] : params) {
    options.params.set(name, value);
  }
  const workflow::Loaded loaded = workflow::load(*source, options);
  if (!loaded.ok()) {
    return loaded.first_error();
  }
  engine::SubmitMission command;
  command.ns = ns_;
  command.workflow = loaded.workflow;
  command.params = params;
  REEVE_CHECK(ports_.call(input_of(taken, InputId(concat("inbox-", taken.id)), std::move(command)))
  );
  return {};
}

void Inbox::tell_once(const std::string& name, const Error& error, std::vector<std::string>& news) {
  std::string problem = error.describe();
  if (std::string& told = told_[name]; told != problem) {
    news.push_back(concat(shown_name(ns_, "inbox"), ": ", name, name.empty() ? "" : ": ", problem));
    told = std::move(problem);
  }
}

void Inbox::forget(const std::string& name) {
  later_.erase(name);
  told_.erase(name);
}

}  // namespace reeve::owner
