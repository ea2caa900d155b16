#include <algorithm>

#include "base/strings.h"
#include "base/time.h"
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
        check_quorum(task, *task.gate);
        check_context(task, *task.gate);
        check_times(task, *task.gate);
        check_owner(task, *task.gate);
      }
    }
  }

 private:
  Position place(const Task& task, std::string_view native_key, std::string_view formicary_key) const {
    return facts_.native()
               ? facts_.source().place(&task, {"gate", native_key}, task.position)
               : facts_.source().place(&task, {"approval_policy", formicary_key}, task.position);
  }

  std::string field(const Task& task, std::string_view native_key, std::string_view formicary_key) const {
    return facts_.field(
        &task, concat("gate.", native_key), concat("approval_policy.", formicary_key)
    );
  }

  void check_quorum(const Task& task, const Gate& gate) {
    if (gate.users.empty() || !gate.groups.empty() || gate.approvals <= gate.users.size()) {
      return;
    }
    findings_.add(
        {.rule = "gate-quorum",
         .position = place(task, "approvals", "min_approvals"),
         .field = field(task, "approvals", "min_approvals"),
         .message = concat(
             "nobody can open this gate: it needs ",
             gate.approvals,
             " approvals and only ",
             gate.users.size(),
             gate.users.size() == 1 ? " user may approve" : " users may approve"
         ),
         .fix = concat("name more users or a group, or ask for ", gate.users.size())}
    );
  }

  void check_context(const Task& task, const Gate& gate) {
    for (const std::string& required : gate.required) {
      const auto found =
          std::find_if(gate.context.begin(), gate.context.end(), [&](const auto& entry) {
            return entry.first == required;
          });
      const bool empty = found != gate.context.end() && trim(found->second.text).empty();
      if (found != gate.context.end() && !empty) {
        continue;
      }
      findings_.add(
          {.rule = "gate-context",
           .position = place(task, "required", "required_context"),
           .field = field(task, "required", "required_context"),
           .message = concat(
               "the gate requires \"",
               required,
               empty ? "\", which is empty: it always fails"
                     : "\", which its context does not have: it always fails"
           ),
           .fix = concat("add \"", required, "\" to the context, or remove it from required")}
      );
    }
  }

  void check_times(const Task& task, const Gate& gate) {
    if (!gate.deadline) {
      findings_.add(
          {.rule = "no-gate-deadline",
           .position = place(task, "", ""),
           .field = field(task, "deadline", "sla_deadline"),
           .message = "waits for ever if nobody decides",
           .fix = facts_.native() ? "add \"deadline: 48h\", which rejects"
                                  : "add \"sla_deadline: 48h\", which rejects"}
      );
      return;
    }
    if (gate.remind_after && *gate.remind_after >= *gate.deadline) {
      report_late(task, field(task, "remindAfter", "remind_after"), "the reminder", *gate.deadline);
    }
    for (const workflow::Escalation& escalation : gate.escalations) {
      if (escalation.after >= *gate.deadline) {
        report_late(
            task, field(task, "escalations", "escalation_after"), "an escalation", *gate.deadline
        );
      }
    }
  }

  void report_late(
      const Task& task, std::string field, std::string_view what, Duration deadline
  ) {
    findings_.add(
        {.rule = "gate-too-late",
         .position = place(task, "deadline", "sla_deadline"),
         .field = std::move(field),
         .message = concat(
             what, " never happens: the gate has expired after ", format_duration(deadline)
         ),
         .fix = {}}
    );
  }

  void check_owner(const Task& task, const Gate& gate) {
    if (!gate.owner_may_approve) {
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
