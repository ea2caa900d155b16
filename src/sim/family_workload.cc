#include "sim/family_workload.h"

#include <string_view>
#include <vector>

#include "base/strings.h"

namespace reeve::sim {

namespace {

constexpr std::uint64_t kTasksMax = 5;

std::string random_semaphores(Random& random) {
  const std::uint64_t first = random.below(kPools);
  std::string list =
      concat("[{pool: ", pool_name(first), ", units: ", random.between(1, kUnitsWantedMax), "}");
  if (random.percent(35)) {
    list += concat(", {pool: ", pool_name((first + 1) % kPools), "}");
  }
  return list + "]";
}

std::string head_of(Random& random, std::string_view name) {
  std::string text =
      concat("apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: ", name, "}\nspec:\n");
  text += concat("  timeout: ", random.between(120, 900), "s\n");
  text += concat("  pauseTime: ", random.between(1, 30), "s\n");
  if (random.percent(45)) {
    text += concat("  maxConcurrency: ", random.between(1, 2), "\n");
  }
  if (random.percent(30)) {
    text += concat("  semaphores: ", random_semaphores(random), "\n");
  }
  if (random.percent(30)) {
    text += concat("  priority: ", random.between(0, 5), "\n");
  }
  if (random.percent(25)) {
    text += concat("  retry: {max: ", random.between(1, 2), ", delay: 2s}\n");
  }
  return text + "  tasks:\n";
}

std::string random_exits(Random& random) {
  static const std::vector<std::string> kExits = {
      "0", "0", "0", "0", "1,0", "1", "4,0", "hang", "kill-supervisor,0", "1,1,0"};
  const std::string exits = random.pick(kExits);
  const std::uint64_t time = random.between(0, 20);
  return concat("exit ", exits, "; slow ", time, "s", random.percent(30) ? "; out" : "");
}

std::string random_fan_out(Random& random) {
  static const std::vector<std::string> kOver = {"[x, y, z]", "1..5", "1..2", "[a, {k: 1}]", "[]"};
  static const std::vector<std::string> kPolicies = {"all", "failFast", "firstWins"};
  const std::string over = random.pick(kOver);
  const std::string policy = random.pick(kPolicies);
  std::string text = concat("    fanOut: {over: ", over, ", policy: ", policy);
  if (random.percent(60)) {
    text += concat(", parallel: ", random.between(1, 3));
  }
  if (policy == "all" && random.percent(40)) {
    text += concat(", failuresAllowed: ", random.between(1, 3));
  }
  return text + "}\n";
}

class FamilyWriter {
 public:
  /// `leaves`: how many of them its tasks may name.
  FamilyWriter(Random& random, const std::string& name, std::uint64_t leaves)
      : random_(random), leaves_(leaves), text_(head_of(random, name)) {
    const std::uint64_t tasks = random_.between(1, kTasksMax);
    for (std::uint64_t i = 0; i < tasks; ++i) {
      task(i);
    }
  }

  std::string text() && { return std::move(text_); }

 private:
  void task(std::uint64_t index) {
    text_ += concat("  - name: t", index, "\n");
    const std::uint64_t dice = random_.below(100);
    if (!detached_.empty() && dice < 25) {
      text_ += concat("    await: {tasks: [", detached_, "]}\n");
      text_ += concat("    needs: [", detached_, "]\n");
      return;
    }
    if (leaves_ > 0 && dice < 55) {
      child(index);
    } else {
      script();
    }
    if (random_.percent(35)) {
      text_ += concat("    retry: {max: ", random_.between(1, 2), "}\n");
    }
    if (index > 0 && random_.percent(50)) {
      text_ += concat("    needs: [t", random_.below(index), "]\n");
    }
    if (random_.percent(20)) {
      text_ += "    allowFailure: true\n";
    }
  }

  void child(std::uint64_t index) {
    text_ += concat("    mission: {workflow: ", leaf_name(random_.below(leaves_)));
    if (random_.percent(25)) {
      text_ += concat(", userKey: k", random_.below(3));
    }
    const bool fans_out = random_.percent(40);
    if (random_.percent(30)) {
      text_ += ", wait: false";
      detached_ += concat(detached_.empty() ? "" : ", ", "t", index);
    }
    text_ += "}\n";
    if (fans_out) {
      text_ += random_fan_out(random_);
    }
    if (random_.percent(40)) {
      text_ += concat("    timeout: ", random_.between(5, 90), "s\n");
    }
  }

  void script() {
    std::string script = random_exits(random_);
    const bool extends = leaves_ > 0 && random_.percent(20);
    if (extends) {
      script += random_.percent(70) ? "; extend good" : "; extend bad";
    }
    text_ += concat("    script: \"", script, "\"\n");
    text_ += concat("    timeout: ", random_.between(5, 60), "s\n");
    if (extends && random_.percent(80)) {
      text_ += "    permissions: [mission.extend]\n";
    } else if (!extends && random_.percent(45)) {
      text_ += random_fan_out(random_);
    }
    if (leaves_ > 0 && random_.percent(25)) {
      const std::string leaf = leaf_name(random_.below(leaves_));
      text_ += concat("    environment: {JOB: '{{SubmitJob \"", leaf, "\" \"asked for\"");
      text_ += random_.percent(30) ? concat(" \"_user_key=k", random_.below(3), "\"") : "";
      text_ += "}}'}\n";
    }
    if (random_.percent(30)) {
      text_ += concat("    semaphores: ", random_semaphores(random_), "\n");
    }
    if (random_.percent(15)) {
      text_ += "    onExitCode: {\"4\": PAUSE_JOB}\n";
    }
  }

  Random& random_;
  std::uint64_t leaves_ = 0;
  /// Tasks that wait for nobody.
  std::string detached_;
  std::string text_;
};

}  // namespace

std::string pool_name(std::uint64_t index) {
  return concat("pool-", index);
}

std::string leaf_name(std::uint64_t index) {
  return concat("leaf-", index);
}

std::string leaf_workflow(Random& random, std::uint64_t index) {
  const bool makes_others = index + 1 == kLeaves;
  return FamilyWriter(random, leaf_name(index), makes_others ? index : 0).text();
}

std::string family_workflow(Random& random, const std::string& name) {
  return FamilyWriter(random, name, kLeaves).text();
}

}  // namespace reeve::sim
