#include "sim/behaviour.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"

namespace reeve::sim {

namespace {

constexpr int kAsksMax = 9;

Error unknown(std::string_view text) {
  return make_error(ErrorCode::Invalid, concat("\"", text, "\" is no behaviour"), "script");
}

Result<int> parse_number(std::string_view text) {
  int number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{} || end != text.data() + text.size()) {
    return unknown(text);
  }
  return number;
}

Result<Execution> parse_execution(std::string_view text) {
  if (text == "hang") {
    return Execution{.ending = Ending::Hang};
  }
  if (text == "done-hang") {
    return Execution{.ending = Ending::DoneThenHang};
  }
  if (text == "kill-supervisor") {
    return Execution{.ending = Ending::KillSupervisor};
  }
  if (text == "nolaunch") {
    return Execution{.ending = Ending::LaunchFailed};
  }
  if (text == "oom") {
    return Execution{.ending = Ending::OutOfMemory};
  }
  if (text.starts_with("sig")) {
    REEVE_TRY(const int signal, parse_number(text.substr(3)));
    return Execution{.ending = Ending::Signal, .code = signal};
  }
  REEVE_TRY(const int code, parse_number(text));
  return Execution{.ending = Ending::Exit, .code = code};
}

Result<void> parse_clause(std::string_view clause, Behaviour& behaviour) {
  if (clause == "out") {
    behaviour.publishes = true;
  } else if (clause.starts_with("slow ")) {
    REEVE_TRY(behaviour.time, parse_duration(trim(clause.substr(5))));
  } else if (clause.starts_with("extend ")) {
    const std::optional<std::string> extension = extension_of(trim(clause.substr(7)));
    if (!extension) {
      return unknown(clause);
    }
    behaviour.extension = *extension;
  } else if (clause.starts_with("asks ")) {
    REEVE_TRY(const int calls, parse_number(trim(clause.substr(5))));
    if (calls < 0 || calls > kAsksMax) {
      return unknown(clause);
    }
    behaviour.asks = static_cast<std::uint32_t>(calls);
  } else if (clause.starts_with("signal ")) {
    REEVE_TRY(const int signal, parse_number(trim(clause.substr(7))));
    behaviour.executions = {{.ending = Ending::Signal, .code = signal}};
  } else {
    behaviour.executions.clear();
    const std::string_view items = clause.starts_with("exit ") ? clause.substr(5) : clause;
    for (const std::string_view item : split(items, ',')) {
      REEVE_TRY(const Execution execution, parse_execution(trim(item)));
      behaviour.executions.push_back(execution);
    }
  }
  return {};
}

}  // namespace

const Execution& Behaviour::at(std::uint32_t number) const {
  const std::size_t index = number == 0 ? 0 : number - 1;
  return executions.at(std::min(index, executions.size() - 1));
}

std::optional<std::string> extension_of(std::string_view kind) {
  if (kind == "good") {
    return R"([{"name": "x1", "script": "exit 0; slow 2s", "timeout": "30s"},)"
           R"( {"name": "x2", "needs": ["x1"], "script": "exit 0", "timeout": "30s"}])";
  }
  if (kind == "bad") {
    return R"([{"name": "y1", "script": "exit 0"},)"
           R"( {"name": "y2", "needs": ["nobody"], "script": "exit 0"}])";
  }
  return std::nullopt;
}

Result<Behaviour> Behaviour::parse(std::string_view script) {
  Behaviour behaviour;
  for (const std::string_view clause : split(script, ';')) {
    if (!trim(clause).empty()) {
      REEVE_CHECK(parse_clause(trim(clause), behaviour));
    }
  }
  return behaviour;
}

}  // namespace reeve::sim
