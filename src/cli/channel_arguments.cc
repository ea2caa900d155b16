#include "cli/channel_arguments.h"

#include <charconv>
#include <map>

#include <CLI/CLI.hpp>

#include "base/strings.h"
#include "cli/subcommand.h"

namespace reeve::cli {

struct ChannelParser::Options {
  std::string channel;
  std::string group;
  std::string body = "-";
  std::string key;
  std::vector<std::string> properties;
  /// Passed on as they are: the owner knows what durations are.
  std::map<std::string, std::string> texts;
  std::map<std::string, std::int64_t> numbers;
  std::string receipt;
  std::uint64_t sequence = 0;
  bool acknowledge = false;
  bool latest = false;
  /// Verb → its subcommand.
  std::map<std::string, CLI::App*> commands;
};

namespace {

/// `12/345`: a message and the token of who has it.
bool parse_receipt(std::string_view text, std::int64_t& sequence, std::int64_t& token) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return false;
  }
  const auto number = [](std::string_view digits, std::int64_t& value) {
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return failed == std::errc() && end == digits.data() + digits.size() && value > 0;
  };
  return number(text.substr(0, slash), sequence) && number(text.substr(slash + 1), token);
}

}  // namespace

/// Adds the subcommands, whose options fill `o`.
struct ChannelParser::Adder {
  CLI::App& channel;
  Common& common;
  Options& o;

  CLI::App* verb(const char* name, const char* purpose, const char* example) {
    CLI::App* command = cli::add(channel, name, purpose, example, common);
    o.commands[name] = command;
    if (std::string_view(name) != "list") {
      command->add_option("CHANNEL", o.channel)->required();
    }
    return command;
  }

  void text(CLI::App* command, const char* option, const char* field, const char* help) {
    command->add_option(option, o.texts[field], help);
  }

  void number(CLI::App* command, const char* option, const char* field, const char* help) {
    command->add_option(option, o.numbers[field], help)->check(CLI::PositiveNumber);
  }

  void group(CLI::App* command) {
    command->add_option("--group", o.group, "Consumers that share the work (default: default)");
  }

  void receipt(CLI::App* command) {
    command->add_option("RECEIPT", o.receipt, "As printed by receive: 12/345")->required();
    group(command);
  }

  void add_send() {
    CLI::App* send = verb(
        "send", "Send a message; the channel is made", "reeve channel send orders '{\"id\": 7}'"
    );
    send->add_option("BODY", o.body, "The message (default, and -: standard input)");
    send->add_option("--key", o.key, "Messages of one key stay in order");
    send->add_option("--property", o.properties, "key=value; repeat for more")
        ->allow_extra_args(false);
    text(send, "--delay", "delay", "Not handed out before: 90s");
    text(send, "--ttl", "ttl", "Forgotten after: 1h");
    add_output(send, common, kTextOrJson);
  }

  void add_consumption() {
    CLI::App* receive =
        verb("receive", "Take messages to work on", "reeve channel receive orders -o json");
    group(receive);
    text(receive, "--consumer", "consumer", "Who takes them, for people");
    number(receive, "--count", "count", "At most so many (default: 1)");
    text(receive, "--visibility", "visibility", "How long they are yours (default: the channel's)");
    receive->add_flag("--latest", o.latest, "A new group begins with the next message");
    receive->add_flag("--ack", o.acknowledge, "Acknowledge what was printed");
    add_output(receive, common, kTextOrJson);

    receipt(verb("ack", "Say that a message is done", "reeve channel ack orders 12/345"));
    CLI::App* nack = verb(
        "nack", "Give a message back, or give it up", "reeve channel nack orders 12/345 --delay 10s"
    );
    receipt(nack);
    text(nack, "--delay", "delay", "Try again after: 10s");
    text(nack, "--give-up", "dead", "Put it aside as a dead letter, and why");
    CLI::App* extend = verb(
        "extend", "Keep a message longer", "reeve channel extend orders 12/345 --visibility 5m"
    );
    receipt(extend);
    text(extend, "--visibility", "visibility", "From now (default: the channel's)");
  }

  void add_upkeep() {
    CLI::App* list = verb("list", "List channels, or show one", "reeve channel list orders");
    list->add_option("CHANNEL", o.channel);
    add_output(list, common, kTextOrJson);
    CLI::App* set =
        verb("set", "Make a channel, or change it", "reeve channel set orders --visibility 5m");
    number(set, "--messages-max", "messagesMax", "Messages that wait; more are refused");
    number(set, "--bytes-max", "bytesMax", "The same in bytes");
    number(set, "--deliveries-max", "deliveriesMax", "Times a message is handed out");
    text(set, "--visibility", "visibility", "How long a message is a consumer's");
    text(set, "--retention", "retention", "How long a message is kept at most");
    for (CLI::App* dead :
         {verb("resend", "Make a dead letter a message again", "reeve channel resend orders 12"),
          verb("discard", "Forget a dead letter", "reeve channel discard orders 12")}) {
      dead->add_option("SEQUENCE", o.sequence, "Number of the dead letter")->required();
      group(dead);
    }
    CLI::App* subscribe = verb(
        "subscribe",
        "Make a group, so that messages wait for it",
        "reeve channel subscribe orders --group audit"
    );
    group(subscribe);
    subscribe->add_flag("--latest", o.latest, "Begin with the next message");
    group(verb("unsubscribe", "Remove a group", "reeve channel unsubscribe orders --group audit"));
    verb("delete", "Delete a channel with everything in it", "reeve channel delete orders");
  }
};

ChannelParser::ChannelParser() : options_(std::make_unique<Options>()) {}

ChannelParser::~ChannelParser() = default;

void ChannelParser::add_to(CLI::App& app, Common& common) {
  CLI::App* channel =
      cli::add(app, "channel", "Send and receive messages", "reeve channel list", common);
  channel->require_subcommand(1);
  Adder adder{.channel = *channel, .common = common, .o = *options_};
  adder.add_send();
  adder.add_consumption();
  adder.add_upkeep();
}

std::variant<ChannelArgs, std::string> ChannelParser::selected() const {
  const Options& o = *options_;
  ChannelArgs args;
  for (const auto& [verb, command] : o.commands) {
    args.verb = command->parsed() ? verb : args.verb;
  }
  if (args.verb.empty()) {
    return std::string();
  }
  args.channel = o.channel;
  args.acknowledge = o.acknowledge;
  for (const auto& [field, text] : o.texts) {
    if (!text.empty()) {
      args.body.set(field, text);
    }
  }
  const CLI::App& command = *o.commands.at(args.verb);
  for (const auto& [field, number] : o.numbers) {
    if (number > 0) {
      args.body.set(field, number);
    }
  }
  if (!o.group.empty()) {
    args.body.set("group", o.group);
  }
  if (o.latest) {
    args.body.set("from", "latest");
  }
  if (o.sequence > 0) {
    args.body.set("sequence", Json(o.sequence));
  }
  if (args.verb == "send") {
    args.text = o.body;
    Params pairs;
    if (std::string problem = parse_pairs("--property", o.properties, pairs); !problem.empty()) {
      return problem;
    }
    Json properties = Json::object();
    for (const auto& [name, value] : pairs) {
      properties.set(name, value);
    }
    args.body.set("key", o.key).set("properties", std::move(properties));
  }
  if (command.get_option_no_throw("RECEIPT") != nullptr) {
    std::int64_t sequence = 0;
    std::int64_t token = 0;
    if (!parse_receipt(o.receipt, sequence, token)) {
      return concat("\"", o.receipt, "\" is no receipt; write it as printed by receive: 12/345");
    }
    args.body.set("sequence", sequence).set("token", token);
  }
  return args;
}

}  // namespace reeve::cli
