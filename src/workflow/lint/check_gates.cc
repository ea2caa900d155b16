#include "base/strings.h"
#include "workflow/lint/checks.h"

namespace reeve::lint {

namespace {

using workflow::Gate;

/// Whether people can decide a gate, in time, and the right ones.
class GateCheck {
 public:
  GateCheck(const Facts& facts, Findings& findings) : facts_(facts), findings_(findings) {}

  void run() {
    for (const Task& task : facts_.workflow().tasks) {
      if (task.gate) {
        check_context(task, *task.gate);
        check_deadline(task, *task.gate);
        check_owner(task, *task.gate);
      }
    }
  }

 private:
  Position place(const Task& task, std::string_view native_key, std::string_view formicary_key)
      const {
    return facts_.native()
               ? facts_.source().place(&task, {"gate", native_key}, task.position)
               : facts_.source().place(&task, {"approval_policy", formicary_key}, task.position);
  }

  std::string field(const Task& task, std::string_view native_key, std::string_view formicary_key)
      const {
    return facts_.field(
        &task, concat("gate.", native_key), concat("approval_policy.", formicary_key)
    );
  }

  /// Fields without which the gate does not open. That they are there is seen while loading.
  void check_context(const Task& task, const Gate& gate) {
    for (const std::string& required : gate.required) {
      for (const auto& [name, text] : gate.context) {
        if (name != required || !trim(text.text).empty()) {
          continue;
        }
        findings_.add(
            {.rule = "gate-context",
             .position = place(task, "require", ""),
             .field = field(task, "require", "required"),
             .message =
                 concat("the gate requires \"", required, "\", which is empty: it always fails"),
             .fix = concat("give \"", required, "\" a text, or remove it from what is required")}
        );
      }
    }
  }

  void check_deadline(const Task& task, const Gate& gate) {
    if (gate.deadline) {
      return;
    }
    findings_.add(
        {.rule = "no-gate-deadline",
         .position = place(task, "", ""),
         .field = field(task, "deadline", "sla_deadline"),
         .message = "waits for ever if nobody decides",
         .fix = facts_.native() ? "add \"deadline: 48h\", which rejects"
                                : "add \"sla_deadline: 48h\" and \"timeout_action: AUTO_REJECT\""}
    );
  }

  void check_owner(const Task& task, const Gate& gate) {
    // A Formicary document has no word for it.
    if (!gate.owner_may_approve || !facts_.native()) {
      return;
    }
    findings_.add(
        {.rule = "self-approval",
         .position = place(task, "ownerMayApprove", "owner_may_approve"),
         .field = field(task, "ownerMayApprove", "owner_may_approve"),
         .message = "whoever starts the mission may approve it",
         .fix = {}}
    );
  }

  const Facts& facts_;
  Findings& findings_;
};

}  // namespace

void check_gates(const Facts& facts, Findings& findings) {
  GateCheck(facts, findings).run();
}

}  // namespace reeve::lint
