#include <unistd.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "coord/channel/channel_codec.h"
#include "protocol/commands.h"

namespace reeve::cli {

namespace {

constexpr std::uint32_t kChannelsListed = 5000;
constexpr std::size_t kShownBodyBytes = 100;

Json request(const ChannelArgs& args, std::string verb, Json body) {
  protocol::Object object;
  object.kind = journal::to_string(journal::Kind::Channel);
  object.name = args.channel;
  object.verb = std::move(verb);
  object.body = std::move(body);
  return to_json(object);
}

/// Everything on standard input, up to one byte more than a message may have.
std::string read_input() {
  std::string text;
  char buffer[1U << 14U];
  while (text.size() <= coord::kMessageBytesMax) {
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count <= 0) {
      break;
    }
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

std::string receipt_of(const Json& message) {
  return concat(message.get_int("sequence"), "/", message.get_int("token"));
}

/// A body in one line; line breaks are shown as in JSON, one at the end is not shown.
std::string one_line(std::string_view body) {
  if (body.ends_with('\n')) {
    body.remove_suffix(1);
  }
  return replace_all(printable(body), "\n", "\\n");
}

std::string line_of(const Json& message) {
  std::string text = concat(receipt_of(message), "\t", one_line(message.get_string("body")));
  if (const std::string key = message.get_string("key"); !key.empty()) {
    text += concat("\tkey ", printable(key));
  }
  if (const std::int64_t deliveries = message.get_int("deliveries"); deliveries > 1) {
    text += concat("\tdelivery ", deliveries);
  }
  return text + "\n";
}

int receive(Link& link, const Common& common, const ChannelArgs& args) {
  const Result<Json> answer = link.send(protocol::kObject, request(args, "receive", args.body));
  if (!answer) {
    return report(answer.error());
  }
  const Json* const detail = answer->find("detail");
  const Json* const messages = detail == nullptr ? nullptr : detail->find("messages");
  if (messages == nullptr || !messages->is_array()) {
    print_error_text("reeve: the answer got lost; what was handed out will be handed out again\n");
    return static_cast<int>(ExitCode::Unreachable);
  }
  for (const Json& message : messages->as_array()) {
    Json shown = message;
    shown.set("receipt", receipt_of(message));
    print(common.output == Output::Json ? concat(shown.dump(), "\n") : line_of(message));
    if (args.acknowledge) {
      Json held = Json::object();
      held.set("group", message.get_string("group"));
      held.set("sequence", message.get_int("sequence")).set("token", message.get_int("token"));
      const Result<Json> acked =
          link.send(protocol::kObject, request(args, "ack", std::move(held)));
      if (!acked) {
        return report(acked.error());
      }
    }
  }
  return static_cast<int>(ExitCode::Done);
}

int ask(Link& link, const Common& common, const ChannelArgs& args) {
  Json body = args.body;
  if (args.verb == "send") {
    body.set("body", args.text == "-" ? read_input() : args.text);
  }
  const Result<Json> answer =
      link.send(protocol::kObject, request(args, args.verb, std::move(body)));
  if (!answer) {
    return report(answer.error());
  }
  const Json* const detail = answer->find("detail");
  if (args.verb == "send" && common.output == Output::Json) {
    print(concat(detail == nullptr ? "{}" : detail->dump(), "\n"));
  } else if (args.verb == "send" || args.verb == "resend") {
    const std::int64_t sequence = detail == nullptr ? 0 : detail->get_int("sequence");
    print(concat("message ", sequence, "\n"));
  }
  return static_cast<int>(ExitCode::Done);
}

// --- list ---------------------------------------------------------------------------------------

std::string pad(std::string_view text, std::size_t width) {
  return text.size() >= width ? concat(text, " ")
                              : concat(text, std::string(width - text.size(), ' '));
}

std::string summary(const coord::Channel& channel) {
  std::vector<std::string> groups;
  for (const auto& [name, group] : channel.groups) {
    std::size_t held = 0;
    std::size_t waiting = 0;
    for (const auto& [sequence, message] : channel.messages) {
      const auto delivery = group.deliveries.find(sequence);
      const bool leased = delivery != group.deliveries.end() && delivery->second.leased();
      held += leased ? 1 : 0;
      waiting += !leased && !group.is_settled(sequence) && concerns(message, name) ? 1 : 0;
    }
    groups.push_back(concat(printable(name), ": ", waiting, " wait, ", held, " handed out"));
  }
  return concat(
      pad(channel.name, 24),
      pad(std::to_string(channel.messages.size()), 10),
      pad(std::to_string(channel.dead.size()), 6),
      groups.empty() ? "no group yet" : join(groups, "; "),
      "\n"
  );
}

/// One channel, message by message.
std::string full_text(const coord::Channel& channel) {
  std::string text = concat("MESSAGES   DEAD  GROUPS\n", summary(channel).substr(24));
  for (const auto& [sequence, message] : channel.messages) {
    text += concat(
        pad(std::to_string(sequence), 8),
        pad(format_timestamp(message.sent_at), 26),
        pad(concat("key ", message.key.empty() ? "-" : printable(message.key)), 16),
        one_line(std::string_view(message.body).substr(0, kShownBodyBytes)),
        "\n"
    );
  }
  for (const coord::DeadLetter& letter : channel.dead) {
    text += concat(
        pad(std::to_string(letter.message.sequence), 8),
        "dead, group ",
        printable(letter.group),
        ": ",
        printable(letter.reason),
        "\n"
    );
  }
  return text;
}

Result<std::vector<Json>> read_channels(const Common& common, const std::string& name) {
  REEVE_TRY(const auto store, open_for_reading(DataDir{.root = common.data_dir}));
  store::RowQuery query;
  query.kind = journal::Kind::Channel;
  query.ns = listed_namespace(common);
  query.live_only = true;
  query.limit = kChannelsListed;
  REEVE_TRY(const std::vector<store::ListedRow> rows, store->list(query));
  std::vector<Json> channels;
  std::vector<std::string> names;
  for (const store::ListedRow& listed : rows) {
    names.push_back(listed.row.key.name);
    if (name.empty() || listed.row.key.name == name) {
      REEVE_TRY(Json row, parse_json(listed.row.body));
      channels.push_back(std::move(row));
    }
  }
  if (channels.empty() && !name.empty()) {
    Error error =
        make_error(ErrorCode::NotFound, concat("there is no channel \"", name, "\""), "channel");
    const std::string like = nearest(name, names);
    error.hint =
        like.empty() ? "reeve channel list lists them" : concat("did you mean ", like, "?");
    return error;
  }
  return channels;
}

int list(const Common& common, const std::string& name) {
  const Result<std::vector<Json>> rows = read_channels(common, name);
  if (!rows) {
    return report(rows.error());
  }
  std::string text = name.empty() ? concat(
                                        namespace_column(common, "NAMESPACE"),
                                        "NAME                    MESSAGES  DEAD  GROUPS\n"
                                    )
                                  : "";
  Json items = Json::array();
  for (const Json& row : *rows) {
    items.push(row);
    const Result<coord::Channel> channel = coord::channel_from_json(row);
    if (!channel) {
      return report(channel.error());
    }
    text += namespace_column(common, channel->ns.view());
    text += name.empty() ? summary(*channel) : full_text(*channel);
  }
  if (common.output != Output::Json) {
    print(text);
  } else if (!name.empty() && !common.all_namespaces) {
    print(rows->front().pretty());
  } else {
    Json all = Json::object();
    all.set("kind", "ChannelList").set("items", std::move(items));
    print(all.pretty());
  }
  return static_cast<int>(ExitCode::Done);
}

}  // namespace

int use_channel(const Common& common, const ChannelArgs& args) {
  if (args.verb == "list") {
    return list(common, args.channel);
  }
  const bool makes = args.verb == "send" || args.verb == "set";
  const Result<std::unique_ptr<Link>> link = Link::open(
      common, {.purpose = concat("reeve channel ", args.verb, " ", args.channel), .create = makes}
  );
  if (!link) {
    return report(link.error());
  }
  const int code =
      args.verb == "receive" ? receive(**link, common, args) : ask(**link, common, args);
  (*link)->close();
  return code;
}

}  // namespace reeve::cli
