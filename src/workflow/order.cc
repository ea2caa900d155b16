#include "workflow/order.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace reeve::workflow {

namespace {

constexpr std::size_t kWordBits = 64;

using Neighbours = std::vector<std::vector<TaskIndex>>;

Neighbours predecessors(const Workflow& workflow) {
  Neighbours previous(workflow.tasks.size());
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    const Task& task = workflow.tasks[i];
    for (const Route& route : task.routes) {
      if (const auto* target = std::get_if<TaskIndex>(&route.target)) {
        previous[*target].push_back(static_cast<TaskIndex>(i));
      }
    }
    previous[i].insert(previous[i].end(), task.needs.begin(), task.needs.end());
  }
  return previous;
}

/// Tarjan's algorithm along the arrows backwards, with a stack of its own: a workflow may have
/// thousands of tasks in a row. Groups come out with those before them first.
class GroupFinder {
 public:
  explicit GroupFinder(const Neighbours& previous)
      : previous_(previous),
        number_(previous.size()),
        lowest_(previous.size()),
        group_(previous.size(), kNone) {}

  /// The group of each task.
  std::vector<std::uint32_t> run() {
    for (std::size_t i = 0; i < previous_.size(); ++i) {
      if (number_[i] == 0) {
        walk(static_cast<TaskIndex>(i));
      }
    }
    return std::move(group_);
  }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Visit {
    TaskIndex task;
    std::size_t next = 0;
  };

  void open(TaskIndex task) {
    number_[task] = lowest_[task] = ++last_number_;
    visits_.push_back({task});
    pending_.push_back(task);
  }

  void walk(TaskIndex start) {
    open(start);
    while (!visits_.empty()) {
      Visit& visit = visits_.back();
      const TaskIndex task = visit.task;
      if (visit.next == previous_[task].size()) {
        visits_.pop_back();
        close(task);
        continue;
      }
      const TaskIndex before = previous_[task][visit.next++];
      if (number_[before] == 0) {
        open(before);
      } else if (group_[before] == kNone) {
        lowest_[task] = std::min(lowest_[task], number_[before]);
      }
    }
  }

  void close(TaskIndex task) {
    if (!visits_.empty()) {
      const TaskIndex parent = visits_.back().task;
      lowest_[parent] = std::min(lowest_[parent], lowest_[task]);
    }
    if (lowest_[task] != number_[task]) {
      return;
    }
    TaskIndex member = 0;
    do {
      member = pending_.back();
      pending_.pop_back();
      group_[member] = groups_;
    } while (member != task);
    ++groups_;
  }

  const Neighbours& previous_;
  std::vector<std::uint32_t> number_;
  std::vector<std::uint32_t> lowest_;
  std::vector<std::uint32_t> group_;
  std::vector<Visit> visits_;
  std::vector<TaskIndex> pending_;
  std::uint32_t last_number_ = 0;
  std::uint32_t groups_ = 0;
};

}  // namespace

Order::Order(const Workflow& workflow) {
  const Neighbours previous = predecessors(workflow);
  group_ = GroupFinder(previous).run();
  const std::size_t groups =
      group_.empty() ? 0 : *std::max_element(group_.begin(), group_.end()) + std::size_t{1};
  words_ = (groups + kWordBits - 1) / kWordBits;
  bits_.resize(groups * words_);
  std::vector<TaskIndex> tasks(group_.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i] = static_cast<TaskIndex>(i);
  }
  std::sort(tasks.begin(), tasks.end(), [this](TaskIndex a, TaskIndex b) {
    return std::pair(group_[a], a) < std::pair(group_[b], b);
  });
  for (const TaskIndex task : tasks) {
    for (const TaskIndex before : previous[task]) {
      add(group_[before], group_[task]);
    }
  }
}

void Order::add(std::uint32_t before, std::uint32_t group) {
  std::uint64_t* mine = &bits_[group * words_];
  if (before != group) {
    const std::uint64_t* others = &bits_[before * words_];
    for (std::size_t word = 0; word < words_; ++word) {
      mine[word] |= others[word];
    }
  }
  mine[before / kWordBits] |= std::uint64_t{1} << (before % kWordBits);
}

bool Order::before(TaskIndex first, TaskIndex then) const {
  const std::uint32_t wanted = group_[first];
  return ((bits_[group_[then] * words_ + wanted / kWordBits] >> (wanted % kWordBits)) & 1U) != 0;
}

}  // namespace reeve::workflow
