// Documents of workflows in both languages.

#include <array>
#include <string>

#include "fuzz.h"
#include "workflow/load/load.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view("apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: x}\nspec:\n  "
                     "tasks:\n  - {name: a, script: echo}\n"
                     "  - {name: b, needs: [a], gate: {prompt: \"{{ .name }}\"}}\n"),
    std::string_view("job_type: x\ntasks:\n- task_type: a\n  method: SHELL\n  script:\n  - echo "
                     "{{.A | default \"b\"}}\n  on_completed: b\n"
                     "- task_type: b\n  method: NOOP\n"),
    std::string_view("a: &a [1, 2]\nb: *a\n<<: {c: d}\n")};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  (void)workflow::load(std::string(bytes), {});
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
