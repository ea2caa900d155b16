#include "gateway/tool/stdio_transport.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/hash.h"
#include "base/strings.h"
#include "gateway/tool/line_reader.h"
#include "gateway/tool/upstream.h"

namespace reeve::gateway {

namespace {

constexpr std::size_t kSaidBytesMax = 512;
constexpr std::string_view kSubject = "tool server";
constexpr std::string_view kReadsNothing = "the program reads nothing any more";
/// How much longer than a value any form of it may be.
constexpr std::size_t kFormFactor = 6;

Json notification(std::string_view method, Json params) {
  Json message = Json::object();
  message.set("jsonrpc", "2.0").set("method", method);
  return message.set("params", std::move(params));
}

/// A question that every server has an answer to, if it were that it does not know it.
Json sign_wanted() {
  Json message = Json::object();
  return message.set("jsonrpc", "2.0").set("id", "reeve").set("method", "ping");
}

/// What a program has written, as one line of text.
std::string in_a_line(std::string_view written) {
  constexpr unsigned char kBlank = 0x20;
  std::string line;
  while (!written.empty()) {
    const std::size_t length = utf8_length(written);
    const bool shown = length > 0 && static_cast<unsigned char>(written.front()) >= kBlank;
    line += shown ? written.substr(0, length) : std::string_view(" ");
    written.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return std::string(trim(line));
}

std::string line_of(const Json& message) {
  return message.dump() + "\n";
}

}  // namespace

/// A program, and what it has been asked.
struct StdioTransport::Running {
  /// A request that is not answered yet.
  struct Open {
    std::shared_ptr<UpstreamExchange> exchange;
    std::string method;
    ToolPorts::Cancel timer;
  };

  std::unique_ptr<ToolProgram> program;
  LineReader lines{kUpstreamBytesMax};
  UpstreamExchange::Secrets secrets;
  /// Bytes that the longest form of one of them has at most.
  std::size_t secret_bytes_max = 0;
  /// Of the environment that it has.
  std::string digest;
  Timestamp since;
  /// What it has said since its last answer.
  std::size_t bytes = 0;
  std::map<std::int64_t, Open> open;
  ToolPorts::Cancel idle;
  /// Whether it has ever said anything, and whether it has since it was last looked at.
  bool spoke = false;
  bool sign = false;
  ToolPorts::Cancel looking;
  bool look_again = false;

  void cancel_timers() {
    for (ToolPorts::Cancel* timer : {&idle, &looking}) {
      if (*timer) {
        std::exchange(*timer, nullptr)();
      }
    }
    for (auto& [id, each] : open) {
      if (each.timer) {
        std::exchange(each.timer, nullptr)();
      }
    }
  }
};

StdioTransport::StdioTransport(
    const ToolServer& server, ToolPorts ports, std::weak_ptr<UpstreamUser> user
)
    : ns_(server.ns),
      name_(server.name),
      command_(server.program),
      ports_(std::move(ports)),
      user_(std::move(user)) {}

StdioTransport::~StdioTransport() {
  if (running_ != nullptr) {
    running_->cancel_timers();
  }
}

// --- starting -----------------------------------------------------------------------------------

Result<StdioTransport::Environment> StdioTransport::environment() const {
  Environment made;
  std::vector<Secret> values;
  const auto add = [&made](std::string_view name, std::string_view value) {
    Secret entry(name.size() + 1 + value.size());
    name.copy(entry.data(), name.size());
    entry.data()[name.size()] = '=';
    value.copy(entry.data() + name.size() + 1, value.size());
    made.digest = sha256(concat(made.digest, sha256(entry.view()).view())).str();
    made.entries.push_back(std::move(entry));
  };
  for (const auto& [name, value] : command_.environment) {
    add(name, value);
  }
  std::vector<std::string_view> hidden;
  for (const auto& [name, credential] : command_.credentials) {
    REEVE_TRY(Secret value, ports_.reveal(ns_, credential));
    add(name, value.view());
    values.push_back(std::move(value));
  }
  for (const Secret& value : values) {
    hidden.push_back(value.view());
    made.secret_bytes_max = std::max(made.secret_bytes_max, kFormFactor * value.size());
  }
  REEVE_TRY(made.secrets, redaction::Patterns::make(hidden));
  return made;
}

/// The program runs, with the values of today if nothing is under way.
Result<void> StdioTransport::prepare() {
  if (closed_) {
    return make_error(ErrorCode::Unavailable, "it has changed meanwhile", std::string(kSubject));
  }
  const std::string objection = ports_.commands.objection(command_);
  if (!objection.empty() || !ports_.start) {
    return make_error(
        ErrorCode::PermissionDenied,
        objection.empty() ? std::string("programs are not started here") : objection,
        std::string(kSubject)
    );
  }
  REEVE_TRY(Environment wanted, environment());
  if (running_ != nullptr && running_->open.empty()) {
    if (!running_->program->reads()) {
      give_up(ErrorCode::Unavailable, std::string(kReadsNothing));
    } else if (running_->digest != wanted.digest) {
      stop(ErrorCode::Unavailable, "its credentials have changed");
    }
  }
  return running_ != nullptr ? Result<void>() : start(std::move(wanted));
}

Result<void> StdioTransport::start(Environment environment) {
  const Timestamp now = ports_.now();
  if (now < next_start_) {
    return make_error(
        ErrorCode::Unavailable,
        concat(why_, "; it is started again in ", format_duration(next_start_ - now)),
        std::string(kSubject)
    );
  }
  auto running = std::make_shared<Running>();
  running->secrets = std::move(environment.secrets);
  running->secret_bytes_max = environment.secret_bytes_max;
  running->digest = std::move(environment.digest);
  running->since = now;
  ToolProgramOrder order;
  order.argv = command_.argv;
  order.environment = std::move(environment.entries);
  order.sandbox = command_.sandbox;
  ToolProgramEvents events;
  events.output = [self = weak_from_this(), weak = std::weak_ptr(running)](std::string_view piece) {
    const auto transport = self.lock();
    const RunningPtr told = weak.lock();
    if (transport != nullptr && told != nullptr && transport->running_ == told) {
      transport->take(told, piece);
    }
  };
  events.end = [self = weak_from_this(), weak = std::weak_ptr(running)](const ToolProgramEnd& end) {
    const auto transport = self.lock();
    const RunningPtr told = weak.lock();
    if (transport != nullptr && told != nullptr && transport->running_ == told) {
      transport->ended(told, end);
    }
  };
  REEVE_TRY(running->program, ports_.start(std::move(order), std::move(events)));
  running_ = std::move(running);
  rest(running_);
  return {};
}

// --- asking -------------------------------------------------------------------------------------

void StdioTransport::send(UpstreamMessage message, std::shared_ptr<UpstreamExchange> exchange) {
  // A program that is started now has agreed on nothing: everything else is for another one.
  const bool begins = message.method == "server/discover" || message.method == "initialize";
  if (Result<void> ready = begins ? prepare() : Result<void>(); !ready) {
    exchange->end(ready.error());
    return;
  }
  if (running_ == nullptr) {
    exchange->fail(ErrorCode::Unavailable, why_);
    return;
  }
  const RunningPtr running = running_;
  if (running->program->unsent() > kProgramUnsentMax) {
    exchange->fail(ErrorCode::Unavailable, "the program does not read what it is asked");
    return;
  }
  if (!running->program->reads()) {
    exchange->fail(ErrorCode::Unavailable, std::string(kReadsNothing));
    return;
  }
  if (running->open.empty()) {
    // What it has said while nobody asked it anything does not count.
    running->bytes = 0;
  }
  exchange->hide(running->secrets);
  const std::int64_t id = exchange->id().as_int();
  Running::Open& open = running->open[id];
  open.exchange = exchange;
  open.method = std::move(message.method);
  open.timer =
      ports_.after(message.timeout, [self = weak_from_this(), weak = std::weak_ptr(running), id] {
        const auto transport = self.lock();
        const RunningPtr asked = weak.lock();
        if (transport != nullptr && asked != nullptr) {
          transport->expired(asked, id);
        }
      });
  exchange->on_end([self = weak_from_this(), weak = std::weak_ptr(running), id](
                       const Result<Json>& /*result*/
                   ) {
    const RunningPtr asked = weak.lock();
    if (asked == nullptr) {
      return;
    }
    if (const auto found = asked->open.find(id); found != asked->open.end()) {
      if (found->second.timer) {
        std::exchange(found->second.timer, nullptr)();
      }
      asked->open.erase(found);
    }
    if (const auto transport = self.lock()) {
      transport->rest(asked);
    }
  });
  running->program->write(line_of(message.body));
}

void StdioTransport::tell(UpstreamMessage message) {
  // It is about a program that runs: for another one it would mean nothing.
  if (running_ != nullptr && running_->program->unsent() <= kProgramUnsentMax) {
    running_->program->write(line_of(message.body));
  }
}

void StdioTransport::forget() {
  stop(ErrorCode::Unavailable, "what it speaks is not spoken here");
}

/// A program that nobody asks anything is ended after a while.
void StdioTransport::rest(const RunningPtr& running) {
  if (running->idle) {
    std::exchange(running->idle, nullptr)();
  }
  if (running != running_ || !running->open.empty()) {
    return;
  }
  if (closed_) {
    stop(ErrorCode::Unavailable, "it has changed meanwhile");
    return;
  }
  running->idle =
      ports_.after(kProgramIdle, [self = weak_from_this(), weak = std::weak_ptr(running)] {
        const auto transport = self.lock();
        const RunningPtr idle = weak.lock();
        if (transport == nullptr || idle == nullptr || transport->running_ != idle) {
          return;
        }
        idle->idle = nullptr;
        if (idle->open.empty()) {
          transport->stop(ErrorCode::Unavailable, "nobody has asked it anything for a while");
        }
      });
}

// --- hearing ------------------------------------------------------------------------------------

void StdioTransport::take(const RunningPtr& running, std::string_view piece) {
  running->spoke = true;
  running->sign = true;
  running->bytes += piece.size();
  const bool floods = !running->open.empty() && running->bytes > kUpstreamBytesMax;
  const Result<void> fed = running->lines.feed(piece, [&](std::string_view line) {
    take_line(*running, line);
    // What is called may have ended it.
    return running_ == running;
  });
  // An answer at the end of the piece makes good what was said before.
  if (running_ == running && (!fed || (floods && running->bytes > kUpstreamBytesMax))) {
    const bool one = running->open.size() == 1;
    give_up(
        one ? ErrorCode::LimitExceeded : ErrorCode::Ambiguous, "the program says more than is taken"
    );
  }
}

void StdioTransport::take_line(Running& running, std::string_view line) {
  Result<Json> message = parse_json(line);
  if (!message || !message->is_object()) {
    return;
  }
  if (asks_us(*message)) {
    if (const std::shared_ptr<UpstreamUser> user = user_.lock()) {
      user->on_asked(*message);
    }
    return;
  }
  const Json* id = message->find("id");
  if (id != nullptr) {
    const auto found = id->is_int() ? running.open.find(id->as_int()) : running.open.end();
    if (found != running.open.end()) {
      running.bytes = 0;
      if (found->second.method == "tools/call") {
        failures_ = 0;
      }
      const std::shared_ptr<UpstreamExchange> exchange = found->second.exchange;
      exchange->take(std::move(*message));
    }
    return;
  }
  // What it says of its work belongs to the only call that it can be about: others are not told.
  std::shared_ptr<UpstreamExchange> listener;
  std::size_t listeners = 0;
  const Json* token = message->get_object("params").find("progressToken");
  for (const auto& [number, open] : running.open) {
    if (open.exchange->listens() && (token == nullptr || *token == Json(number))) {
      listener = open.exchange;
      ++listeners;
    }
  }
  if (listeners == 1) {
    listener->take(std::move(*message));
  }
}

// --- its end ------------------------------------------------------------------------------------

/// What a program has written before its end, without its secrets. Where the beginning is missing,
/// a value may have lost its own, and is recognised no more: nothing that may be of it is kept.
std::string StdioTransport::masked(const Running& running, const ToolProgramEnd& end) {
  redaction::Redactor redactor(running.secrets);
  std::string said;
  std::string_view rest = end.said;
  if (end.cut) {
    // Twice, since what is held back until more is known reaches back that far again.
    const std::string_view doubtful = rest.substr(0, 2 * running.secret_bytes_max);
    redactor.feed(doubtful, said);
    said.clear();
    rest.remove_prefix(doubtful.size());
  }
  redactor.feed(rest, said);
  if (!end.cut || !rest.empty()) {
    redactor.flush(said);
  }
  return said;
}

void StdioTransport::ended(const RunningPtr& running, const ToolProgramEnd& end) {
  // Masked as a whole, so that no value is cut in two.
  std::string said = masked(*running, end);
  said.erase(0, said.size() - std::min(said.size(), kSaidBytesMax));
  said = redact_text(in_a_line(said), kSaidBytesMax);
  std::string why = concat(
      end.started ? "the program has ended: " : "the program could not be started: ",
      in_a_line(end.how)
  );
  if (!said.empty()) {
    why += concat("; it said: ", said);
  }
  give_up(end.started ? ErrorCode::Ambiguous : ErrorCode::Unavailable, why);
}

/// It has failed: it is not started again at once if that was so before.
void StdioTransport::give_up(ErrorCode code, const std::string& why) {
  const Timestamp now = ports_.now();
  if (now - running_->since > kProgramPauseMax) {
    failures_ = 0;
  }
  constexpr unsigned kDoublingsMax = 6;
  if (++failures_ > 1) {
    const Duration pause = kProgramPause * (1U << std::min(failures_ - 2, kDoublingsMax));
    next_start_ = now + std::min(pause, kProgramPauseMax);
  }
  if (ports_.warn) {
    ports_.warn(concat("tool server ", ns_, "/", name_, ": ", why));
  }
  stop(code, why);
}

/// Ends the program and what it was asked.
void StdioTransport::stop(ErrorCode code, const std::string& why) {
  const RunningPtr running = std::exchange(running_, nullptr);
  if (running == nullptr) {
    return;
  }
  const auto self = shared_from_this();
  why_ = why;
  running->cancel_timers();
  running->program.reset();
  if (const std::shared_ptr<UpstreamUser> user = user_.lock()) {
    user->on_lost();
  }
  const std::map<std::int64_t, Running::Open> open = std::exchange(running->open, {});
  for (const auto& [id, each] : open) {
    each.exchange->fail(code, why);
  }
}

void StdioTransport::close(Closing how) {
  closed_ = true;
  if (running_ == nullptr || (how == Closing::Quiet && !running_->open.empty())) {
    return;
  }
  if (how == Closing::Silent) {
    const std::map<std::int64_t, Running::Open> open = std::exchange(running_->open, {});
    for (const auto& [id, each] : open) {
      each.exchange->drop();
      if (each.timer) {
        each.timer();
      }
    }
  }
  stop(ErrorCode::Ambiguous, "the tool server was taken away");
}

// --- silence ------------------------------------------------------------------------------------

void StdioTransport::expired(const RunningPtr& running, std::int64_t id) {
  const auto found = running->open.find(id);
  if (found == running->open.end()) {
    return;
  }
  found->second.timer = nullptr;
  const std::shared_ptr<UpstreamExchange> exchange = found->second.exchange;
  if (running_ == running && found->second.method != "initialize") {
    Json params = Json::object();
    params.set("requestId", id).set("reason", "it takes too long");
    running->program->write(line_of(notification("notifications/cancelled", std::move(params))));
  }
  // Before who waits is told, who may ask again.
  look_for_signs(running);
  exchange->fail(ErrorCode::DeadlineExceeded, "the server did not answer in time");
}

/// Whether a program that does not answer does anything at all.
void StdioTransport::look_for_signs(const RunningPtr& running) {
  const bool starting = !running->spoke && ports_.now() - running->since < kProgramStartMax;
  if (running_ != running || starting) {
    return;
  }
  if (running->looking) {
    // What it shows now was asked for before this.
    running->look_again = true;
    return;
  }
  running->sign = false;
  running->program->write(line_of(sign_wanted()));
  running->looking =
      ports_.after(kProgramSignTimeout, [self = weak_from_this(), weak = std::weak_ptr(running)] {
        const auto transport = self.lock();
        const RunningPtr looked = weak.lock();
        if (transport == nullptr || looked == nullptr || transport->running_ != looked) {
          return;
        }
        looked->looking = nullptr;
        if (!looked->sign) {
          transport->give_up(ErrorCode::Ambiguous, "the program does not answer any more");
        } else if (std::exchange(looked->look_again, false)) {
          transport->look_for_signs(looked);
        }
      });
}

}  // namespace reeve::gateway
