#pragma once

#include "workflow/lint/facts.h"
#include "workflow/lint/findings.h"
#include "workflow/lint/names.h"

/// The checks, one function for each subject; each has a file of its own. They know nothing of each
/// other and may run in any order. Private to this library.
namespace reeve::lint {

/// undefined-variable, output-order, template-type.
void check_templates(const Facts& facts, const Names& names, Findings& findings);

/// spliced-text, outside-url.
void check_splices(const Facts& facts, const Names& names, Findings& findings);

/// folded-script.
void check_scripts(const Facts& facts, Findings& findings);

/// hard-coded-secret.
void check_secrets(const Facts& facts, Findings& findings);

/// impossible-code, leaf-trap, endless-loop, restart-without-retry.
void check_routes(const Facts& facts, Findings& findings);

/// empty-dependency, artifacts-never.
void check_artifacts(const Facts& facts, Findings& findings);

/// no-timeout, timeout-order, cron-six-fields, cron-fields.
void check_times(const Facts& facts, Findings& findings);

/// gate-context, no-gate-deadline, self-approval.
void check_gates(const Facts& facts, Findings& findings);

/// plain-http, tls-not-verified, private-address, open-webhook, no-retry.
void check_network(const Facts& facts, Findings& findings);

/// fan-out-unbounded, semaphore-nested.
void check_capacity(const Facts& facts, Findings& findings);

}  // namespace reeve::lint
