#include <charconv>

#include "base/strings.h"
#include "workflow/lint/checks.h"

namespace reeve::lint {

namespace {

/// A fan-out of so many items may start them all at once.
constexpr std::uint64_t kSmallFanOut = 16;

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

/// How many items a constant `over` has.
std::optional<std::uint64_t> constant_size(std::string_view over) {
  const std::string_view text = trim(over);
  if (templates::has_actions(text)) {
    return std::nullopt;
  }
  if (const std::size_t dots = text.find(".."); dots != std::string_view::npos) {
    const auto first = whole(text.substr(0, dots));
    const auto last = whole(text.substr(dots + 2));
    if (!first || !last) {
      return std::nullopt;
    }
    return *last < *first
               ? 0
               : static_cast<std::uint64_t>(*last) - static_cast<std::uint64_t>(*first) + 1;
  }
  const auto list = parse_json(text);
  if (!list.ok() || !list->is_array()) {
    return std::nullopt;
  }
  return list->as_array().size();
}

/// How much is asked for at once.
class CapacityCheck {
 public:
  CapacityCheck(const Facts& facts, Findings& findings) : facts_(facts), findings_(findings) {}

  void run() {
    for (const Task& task : facts_.workflow().tasks) {
      if (task.fan_out) {
        check_fan_out(task, *task.fan_out);
      }
      for (const workflow::Semaphore& semaphore : task.semaphores) {
        check_semaphore(task, semaphore);
      }
    }
  }

 private:
  /// A named variable that is a list counts as constant.
  std::optional<std::uint64_t> size_of(const Task& task, const workflow::FanOut& fan_out) const {
    if (const auto size = constant_size(fan_out.over.text)) {
      return size;
    }
    const auto find = [&](const std::vector<workflow::Variable>& variables
                      ) -> std::optional<std::uint64_t> {
      for (const workflow::Variable& variable : variables) {
        if (variable.name != trim(fan_out.over.text)) {
          continue;
        }
        return variable.value.is_array()
                   ? std::optional<std::uint64_t>(variable.value.as_array().size())
               : variable.value.is_string() ? constant_size(variable.value.as_string())
                                            : std::nullopt;
      }
      return std::nullopt;
    };
    const auto own = find(task.variables);
    return own ? own : find(facts_.workflow().variables);
  }

  Position place(const Task& task) const {
    const Source& source = facts_.source();
    return facts_.native()
               ? source.place(&task, {"fanOut"}, source.place(&task, {"foreach"}, task.position))
               : source.place(&task, {"fan_out"}, task.position);
  }

  void check_fan_out(const Task& task, const workflow::FanOut& fan_out) {
    const std::optional<std::uint64_t> size = size_of(task, fan_out);
    if (fan_out.parallel == 0 && size.value_or(kSmallFanOut + 1) > kSmallFanOut) {
      findings_.add(
          {.rule = "fan-out-unbounded",
           .position = place(task),
           .field = facts_.field(&task, "fanOut.parallel", "fan_out.max_parallel"),
           .message = size ? concat("all ", *size, " items are due at once")
                           : std::string("all items are due at once, however many there are"),
           .fix = facts_.native() ? "add \"parallel: 4\"" : "add \"max_parallel: 4\""}
      );
    }
  }

  void check_semaphore(const Task& task, const workflow::Semaphore& semaphore) {
    for (const workflow::Semaphore& held : facts_.workflow().semaphores) {
      if (held.pool != semaphore.pool) {
        continue;
      }
      findings_.add(
          {.rule = "semaphore-nested",
           .position = semaphore.position,
           .field = facts_.field(&task, "semaphores", "resources"),
           .message = concat(
               "takes ",
               semaphore.units,
               " of \"",
               semaphore.pool,
               "\" while its mission holds ",
               held.units,
               ": missions that hold the rest wait for each other"
           ),
           .fix = {}}
      );
    }
  }

  const Facts& facts_;
  Findings& findings_;
};

}  // namespace

void check_capacity(const Facts& facts, Findings& findings) {
  CapacityCheck(facts, findings).run();
}

}  // namespace reeve::lint
