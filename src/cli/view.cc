#include "cli/view.h"

#include <algorithm>
#include <unistd.h>
#include <vector>

#include <sys/ioctl.h>

#include "base/strings.h"
#include "cli/children_view.h"
#include "cli/gate_view.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "model/scoped_name.h"

namespace reeve::cli {

namespace {

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kClearLine = "\x1b[2K";

struct Look {
  std::string_view symbol;
  std::string_view colour;
};

Look look_of(std::string_view state) {
  if (state == "COMPLETE") {
    return {"✓", kGreen};
  }
  if (state == "FAILED") {
    return {"✗", kRed};
  }
  if (state == "ABORTED") {
    return {"■", kRed};
  }
  if (state == "ACTIVE" || state == "COMPENSATING") {
    return {"●", kCyan};
  }
  if (state == "LAUNCHING" || state == "PENDING" || state == "HELD" || state == "QUEUED") {
    return {"◌", kYellow};
  }
  if (state == "SKIPPED") {
    return {"–", kDim};
  }
  return {"·", kDim};
}

std::string coloured(std::string_view text, std::string_view colour, bool colours) {
  return colours ? concat(colour, text, kReset) : std::string(text);
}

Duration elapsed(const Json& object, Timestamp now) {
  const Result<Timestamp> start = parse_timestamp(object.get_string("startedAt"));
  if (!start) {
    return Duration(0);
  }
  const Result<Timestamp> end = parse_timestamp(object.get_string("endedAt"));
  return std::max(Duration(0), (end ? *end : now) - *start);
}

std::string code_text(const Json& task) {
  const Json* code = task.find("exitCode");
  if (code == nullptr) {
    return {};
  }
  return code->is_int() ? std::to_string(code->as_int()) : code->as_string();
}

/// The warnings of an ended run, each on a line of its own.
std::string warnings_text(const Json& data) {
  std::string text;
  if (const Json* warnings = data.find("warnings"); warnings != nullptr && warnings->is_array()) {
    for (const Json& warning : warnings->as_array()) {
      text += concat("\n  warning: ", warning.is_string() ? warning.as_string() : warning.dump());
    }
  }
  return text;
}

/// What became of a run.
std::string describe_end(std::string_view task, const Json& data) {
  const std::string code = code_text(data);
  const std::string message = data.get_string("message");
  return concat(
      task,
      " ",
      data.get_string("state"),
      code.empty() ? "" : concat(", exit code ", code),
      message.empty() ? "" : concat(": ", message),
      warnings_text(data)
  );
}

/// What an event says, in words; empty for those that only matter to machines.
std::string describe_event(const journal::Event& event) {
  const Result<Json> parsed = parse_json(event.data);
  if (!parsed) {
    return event.type;
  }
  const Json& data = *parsed;
  const std::string task = concat(
      "task ", data.get_string("task"), data.get_bool("compensation") ? " (compensation)" : ""
  );
  const std::string message = data.get_string("message");
  const std::string tail = message.empty() ? std::string() : concat(": ", message);
  if (event.type == "mission.transitioned") {
    return concat(
        "mission ",
        data.get_string("from"),
        " -> ",
        data.get_string("to"),
        " (",
        data.get_string("reason"),
        ")",
        tail
    );
  }
  if (event.type == "run.created") {
    const std::string due = data.get_string("notBefore");
    return due.empty() ? std::string()
                       : concat(task, ": run ", data.get_int("attempt"), " waits until ", due);
  }
  if (event.type == "run.waiting") {
    return concat(task, " ", message);
  }
  if (event.type == "run.active") {
    return concat(task, " ACTIVE");
  }
  if (event.type == "run.ended") {
    return describe_end(task, data);
  }
  if (event.type == "task.skipped") {
    return concat(task, " SKIPPED", tail);
  }
  if (event.type == "task.reused") {
    return concat(task, ": earlier result reused");
  }
  if (event.type == "mission.waiting") {
    return concat("QUEUED", tail);
  }
  if (event.type == "mission.extended") {
    return concat(task, " has added tasks; there are ", data.get_int("tasks"), " now");
  }
  if (event.type == "hold.raised") {
    return concat("HELD (", data.get_string("kind"), ")", tail);
  }
  if (event.type.starts_with("gate.")) {
    return describe_gate_event(event.type, data);
  }
  if (event.type == "mission.epoch_started") {
    return concat("attempt ", data.get_int("epoch"), " at the whole");
  }
  if (event.type == "mission.abort_requested") {
    return concat("abort requested", tail);
  }
  if (event.type == "mission.deadline_passed") {
    return "the mission's deadline has passed";
  }
  return {};
}

std::string clock_text(Timestamp at) {
  return format_timestamp(at).substr(11, 8);
}

// --- plain lines --------------------------------------------------------------------------------

class PlainView final : public View {
 public:
  void event(const journal::Event& event) override {
    if (const std::string text = describe_event(event); !text.empty()) {
      print(concat(clock_text(event.at), " ", printable(text), "\n"));
    }
  }

  void log_line(std::string_view task, bool /*is_stderr*/, std::string_view line) override {
    print(concat(task, " | ", printable(line), "\n"));
  }

  void refresh(const Json& /*mission*/, Timestamp /*now*/) override {}

  void notice(std::string_view text) override { print_error_text(concat("reeve: ", text, "\n")); }

  void finish(const Json& mission, const std::string& missions_dir) override {
    print(summary(mission, missions_dir, false, Timestamp{}));
  }
};

// --- one JSON object per event ------------------------------------------------------------------

class JsonView final : public View {
 public:
  void event(const journal::Event& event) override { print(event_to_json(event).dump() + "\n"); }

  void log_line(std::string_view /*task*/, bool /*is_stderr*/, std::string_view /*line*/) override {
  }

  void refresh(const Json& /*mission*/, Timestamp /*now*/) override {}

  void notice(std::string_view text) override { print_error_text(concat("reeve: ", text, "\n")); }

  void finish(const Json& mission, const std::string& /*missions_dir*/) override {
    print(mission.dump() + "\n");
  }
};

// --- the live tree ------------------------------------------------------------------------------

class LiveView final : public View {
 public:
  ~LiveView() override { print(wipe()); }

  void event(const journal::Event& event) override {
    const Result<Json> data = parse_json(event.data);
    if (!data || event.type != "run.ended") {
      return;
    }
    if (const std::string warnings = warnings_text(*data); !warnings.empty()) {
      pending_ += concat(kYellow, data->get_string("task"), printable(warnings), kReset, "\n");
    }
  }

  void log_line(std::string_view task, bool is_stderr, std::string_view line) override {
    const std::string_view colour = is_stderr ? kYellow : std::string_view();
    pending_ +=
        concat(kDim, task, " │ ", kReset, colour, clip(printable(line), width()), kReset, "\n");
  }

  void refresh(const Json& mission, Timestamp now) override {
    std::string block;
    std::size_t lines = 0;
    const Json& status = *mission.find("status");
    add(block, lines, header(mission, status, now));
    const auto& tasks = status.find("tasks")->as_array();
    const std::size_t room = std::max<std::size_t>(5, height() > 6 ? height() - 6 : 5);
    const std::size_t first = window_start(tasks, room);
    for (std::size_t i = first; i < std::min(tasks.size(), first + room); ++i) {
      add(block, lines, task_line(tasks[i], mission, now, i + 1 == tasks.size()));
    }
    if (tasks.size() > room) {
      add(block, lines, concat(kDim, "  … ", tasks.size(), " tasks in all", kReset));
    }
    for (const Json& hold : status.find("holds")->as_array()) {
      add(block,
          lines,
          concat("  ", kYellow, "held: ", clip(hold.get_string("message"), width()), kReset));
    }
    if (block == shown_ && pending_.empty()) {
      return;
    }
    print(concat(wipe(), pending_, block));
    pending_.clear();
    shown_ = std::move(block);
    shown_lines_ = lines;
  }

  void notice(std::string_view text) override { pending_ += concat(kBold, text, kReset, "\n"); }

  void finish(const Json& mission, const std::string& missions_dir) override {
    print(concat(wipe(), pending_, summary(mission, missions_dir, true, Timestamp{})));
    pending_.clear();
    shown_lines_ = 0;
    shown_.clear();
  }

 private:
  static void add(std::string& block, std::size_t& lines, const std::string& line) {
    block += line + "\n";
    ++lines;
  }

  static winsize size() {
    winsize window{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) {
      window.ws_col = 80;
      window.ws_row = 24;
    }
    return window;
  }

  static std::size_t width() { return size().ws_col > 30 ? size().ws_col - 20U : 20U; }

  static std::size_t height() { return size().ws_row; }

  /// At most `columns` characters; cuts between UTF-8 sequences.
  static std::string clip(std::string_view text, std::size_t columns) {
    std::size_t used = 0;
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
      const bool starts = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
      if (starts && ++used > columns) {
        break;
      }
    }
    return i < text.size() ? concat(text.substr(0, i), "…") : std::string(text);
  }

  static std::string header(const Json& mission, const Json& status, Timestamp now) {
    const Look look = look_of(status.get_string("state"));
    return concat(
        kBold,
        mission.find("metadata")->get_string("name"),
        kReset,
        "  ",
        look.colour,
        status.get_string("state"),
        kReset,
        "  ",
        short_duration(elapsed(status, now))
    );
  }

  static std::string task_line(const Json& task, const Json& mission, Timestamp now, bool last) {
    const std::string state = task.get_string("state");
    const Look look = look_of(state);
    std::string line =
        concat(last ? "└ " : "├ ", look.colour, look.symbol, " ", task.get_string("name"), kReset);
    if (const Duration time = elapsed(task, now); time.count() > 0) {
      line += concat("  ", kDim, short_duration(time), kReset);
    }
    if (const std::string why = explain_task(task, mission); !why.empty()) {
      line += concat("  ", kDim, clip(printable(why), width()), kReset);
    }
    return line;
  }

  /// Which part of a long list to show: around the first task that is not over.
  static std::size_t window_start(const Json::Array& tasks, std::size_t room) {
    std::size_t first = 0;
    while (first < tasks.size() && tasks[first].find("endedAt") != nullptr) {
      ++first;
    }
    const std::size_t start = first > 2 ? first - 2 : 0;
    return tasks.size() <= room ? 0 : std::min(start, tasks.size() - room);
  }

  /// Moves to the start of the block and clears it.
  std::string wipe() const {
    std::string text;
    for (std::size_t i = 0; i < shown_lines_; ++i) {
      text += concat("\x1b[1A", kClearLine);
    }
    return text + "\r";
  }

  std::string pending_;
  std::string shown_;
  std::size_t shown_lines_ = 0;
};

}  // namespace

std::unique_ptr<View> make_view(Output output) {
  if (output == Output::Json) {
    return std::make_unique<JsonView>();
  }
  if (is_terminal_output()) {
    return std::make_unique<LiveView>();
  }
  return std::make_unique<PlainView>();
}

Json event_to_json(const journal::Event& event) {
  Json json = Json::object();
  json.set("revision", event.revision.value());
  json.set("at", format_timestamp(event.at));
  json.set("type", event.type);
  json.set("kind", to_string(event.object.kind));
  json.set("namespace", event.object.ns.str());
  json.set("name", event.object.name);
  json.set("uid", event.uid.str());
  json.set("actor", event.actor.str());
  json.set("correlation", event.correlation.str());
  Result<Json> data = parse_json(event.data);
  json.set("data", data ? std::move(*data) : Json(event.data));
  const std::string_view chain(
      reinterpret_cast<const char*>(event.chain.data()), event.chain.size()
  );
  json.set("chain", to_hex(chain));
  return json;
}

std::string short_duration(Duration duration) {
  const auto seconds = duration.count() / 1000;
  const auto two = [](std::int64_t number) {
    return concat(number < 10 ? "0" : "", number);
  };
  if (seconds < 10) {
    return concat(seconds, ".", duration.count() / 100 % 10, "s");
  }
  if (seconds < 60) {
    return concat(seconds, "s");
  }
  if (seconds < 3600) {
    return concat(seconds / 60, "m", two(seconds % 60), "s");
  }
  return concat(seconds / 3600, "h", two(seconds / 60 % 60), "m");
}

namespace {

/// Whether the message of a PENDING task is the engine's, and not the failure of its last run.
bool says_what_it_waits_for(std::string_view message) {
  return message.starts_with("waits ") || message.starts_with("needs ");
}

}  // namespace

std::string explain_task(const Json& task, const Json& mission) {
  const std::string state = task.get_string("state");
  const std::string message = task.get_string("message");
  const std::int64_t attempts = task.get_int("attempts");
  std::string text = attempts > 1 ? concat("run ", attempts) : std::string();
  const auto add = [&](std::string_view more) {
    text += text.empty() ? std::string(more) : concat(", ", more);
  };
  const Json* run = task.find("run");
  if (state == "PENDING" && run != nullptr && run->find("notBefore") != nullptr) {
    add(concat("waits until ", run->get_string("notBefore")));
  } else if (state == "PENDING" && says_what_it_waits_for(message)) {
    // The message is all there is to say.
  } else if (state == "PENDING" && mission.find("status")->get_string("state") != "HELD") {
    add("waits for a free run slot");
  } else if (is_open_gate(task)) {
    add(gate_progress(*task.find("gate")));
  } else if (state == "LAUNCHING") {
    add("starting");
  } else if (state == "FAILED" || state == "ABORTED") {
    if (const std::string code = code_text(task); !code.empty()) {
      add(concat("exit code ", code));
    }
    if (const std::string via = task.get_string("recoveredVia"); !via.empty()) {
      add(concat("recovered via ", via));
    }
  }
  if (const std::string progress = children_progress(task); !progress.empty()) {
    add(progress);
  }
  if (!message.empty() && state != "COMPLETE") {
    add(message);
  }
  if (const Json* undo = task.find("compensation")) {
    add(concat("compensation ", undo->get_string("state")));
  }
  return text;
}

std::string summary(
    const Json& mission, const std::string& missions_dir, bool colours, Timestamp now
) {
  const Json& metadata = *mission.find("metadata");
  const Json& status = *mission.find("status");
  const std::string name = metadata.get_string("name");
  const Namespace ns(metadata.get_string("namespace"));
  const std::string in_ns = namespace_option(ns);
  const std::string state = status.get_string("state");
  std::string text = "\n";
  for (const Json& task : status.find("tasks")->as_array()) {
    const Look look = look_of(task.get_string("state"));
    const std::string why = explain_task(task, mission);
    const Duration time = elapsed(task, now);
    text += concat(
        "  ",
        coloured(look.symbol, look.colour, colours),
        " ",
        task.get_string("name"),
        "  ",
        task.get_string("state"),
        time.count() > 0 ? concat("  ", short_duration(time)) : "",
        why.empty() ? "" : concat("  ", printable(why)),
        "\n"
    );
  }
  text += concat("\nmission ", name, " ", coloured(state, look_of(state).colour, colours));
  text += status.get_bool("compensated") ? ", compensated," : "";
  text += concat(" in ", short_duration(elapsed(status, now)));
  if (const std::string message = status.get_string("message"); !message.empty()) {
    text += concat(": ", printable(message));
  }
  text += "\n";
  for (const Json& task : status.find("tasks")->as_array()) {
    if (is_open_gate(task)) {
      text += printable(gate_text(name, task, in_ns));
    }
  }
  std::size_t artifacts = 0;
  for (const Json& task : status.find("tasks")->as_array()) {
    artifacts += task.find("artifacts")->as_array().size();
  }
  if (artifacts > 0) {
    text += concat(
        artifacts,
        artifacts == 1 ? " artifact" : " artifacts",
        " in ",
        missions_dir,
        "/",
        model::scoped(ns, name),
        "/results\n"
    );
  }
  if (state == "FAILED" || state == "ABORTED") {
    text += concat(
        "see: reeve logs ",
        name,
        in_ns,
        "  ·  run again from where it stopped: reeve retry ",
        name,
        in_ns,
        "\n"
    );
  }
  return text;
}

}  // namespace reeve::cli
