#include <set>

#include "base/strings.h"
#include "workflow/lint/checks.h"
#include "workflow/load/templates.h"

namespace reeve::lint {

namespace {

using templates::FieldReference;
using templates::TypeFault;
using templates::ValueKind;

/// Undefined names for which the nearest one is looked for.
constexpr std::size_t kSuggestionsMax = 50;

/// Whether the names that templates use have values when they are rendered, and values of a type
/// that fits.
class TemplateCheck {
 public:
  TemplateCheck(const Facts& facts, const Names& names, Findings& findings)
      : facts_(facts), names_(names), findings_(findings) {}

  void run() {
    for (const Use& use : facts_.uses()) {
      if (!templates::has_actions(use.text.text) || findings_.full()) {
        continue;
      }
      const auto parsed = workflow::parse_template(use.text.text);
      if (!parsed.ok()) {
        continue;  // an error of loading
      }
      check_names(use, parsed->referenced_fields());
      check_types(use, *parsed);
    }
    for (const workflow::Trigger& trigger : facts_.workflow().triggers) {
      check_trigger(trigger);
    }
  }

 private:
  void check_names(const Use& use, const std::vector<FieldReference>& fields) {
    std::set<std::string, std::less<>> seen;
    for (const FieldReference& field : fields) {
      const Name name = names_.resolve(field.name, use.task);
      if (name.origin == Origin::Credential) {
        check_credential(use, field);
      }
      if (field.optional || !seen.insert(field.name).second) {
        continue;
      }
      if (name.origin == Origin::Unknown) {
        report_undefined(use, field);
      } else if (name.origin == Origin::Output) {
        check_order(use, field, name);
      }
    }
  }

  /// A run with a credential that a template looks at, or in a text that is kept, fails.
  void check_credential(const Use& use, const FieldReference& field) {
    const std::string own = concat("tasks.", use.task->name.view(), ".");
    const std::string_view place = std::string_view(use.field).substr(own.size());
    const bool allowed = use.role == Role::Script || use.role == Role::Url ||
                         place.starts_with("environment.") || place.starts_with("http.") ||
                         place.starts_with("webSocket.") || place.starts_with("headers.") ||
                         place.starts_with("query.");
    if (allowed && field.alone) {
      return;
    }
    findings_.add(
        {.rule = "credential-use",
         .position = place_of(use.text, field.position),
         .field = use.field,
         .message = allowed
                        ? concat("a template may only print the credential \"", field.name, "\"")
                        : concat("the credential \"", field.name, "\" may not stand here"),
         .fix = allowed ? concat("look at \"$", field.name, "\" in the script instead")
                        : std::string()}
    );
  }

  void report_undefined(const Use& use, const FieldReference& field) {
    if (names_.anything_before(use.task)) {
      return;
    }
    // With so many the document is something else than one with a slip of the pen.
    const std::string near = ++undefined_ > kSuggestionsMax
                                 ? std::string()
                                 : nearest(field.name, names_.candidates(use.task));
    const Position place = place_of(use.text, field.position);
    std::optional<Edit> edit;
    if (!near.empty()) {
      edit = facts_.source().replace(place, concat(".", field.name), concat(".", near));
    }
    findings_.add(
        {.rule = "undefined-variable",
         .position = place,
         .field = use.field,
         .message =
             concat("\"", field.name, "\" is no variable, parameter or output of this document"),
         .fix =
             !near.empty() ? concat("did you mean \"", near, "\"?")
             : facts_.native()
                 ? concat(
                       "declare it in spec.params or spec.variables; of a setting say "
                       "\"# reeve-lint: setting=",
                       field.name,
                       "\""
                   )
                 : concat(
                       "give it in job_variables or at submission; of a setting or credential of "
                       "the installation say \"# reeve-lint: setting=",
                       field.name,
                       "\""
                   ),
         .edit = std::move(edit)}
    );
  }

  void check_order(const Use& use, const FieldReference& field, const Name& name) {
    if (use.task == nullptr || name.publishers.empty()) {
      return;
    }
    for (const TaskIndex publisher : name.publishers) {
      if (facts_.runs_before(publisher, use.task)) {
        return;
      }
    }
    const Task& publisher = facts_.workflow().tasks[name.publishers.front()];
    const bool own = &publisher == use.task;
    findings_.add(
        {.rule = "output-order",
         .position = place_of(use.text, field.position),
         .field = use.field,
         .message = own ? concat("\"", field.name, "\" is published by this task itself, later")
                        : concat(
                              "\"",
                              field.name,
                              "\" is an output of task \"",
                              publisher.name.view(),
                              "\", which never runs before this one"
                          ),
         .fix = own ? concat(
                          "use the variable of the script, or give a default: {{ default \"\" .",
                          field.name,
                          " }}"
                      )
                : facts_.native()
                    ? concat("add \"", publisher.name.view(), "\" to needs, or a route from there")
                    : concat("let a route lead from \"", publisher.name.view(), "\" to here")}
    );
  }

  void check_types(const Use& use, const templates::Template& text) {
    const auto kind_of = [&](std::string_view field) {
      const Name name = names_.resolve(field, use.task);
      if (name.origin != Origin::Unknown) {
        return name.kind;
      }
      return names_.anything_before(use.task) || names_.outputs_before(use.task)
                 ? ValueKind::Unknown
                 : ValueKind::Missing;
    };
    for (const TypeFault& fault : text.find_type_faults(kind_of)) {
      report_type(use, fault);
    }
  }

  void report_type(const Use& use, const TypeFault& fault) {
    const bool named = !fault.name.empty();
    std::string fix;
    if (fault.kind == ValueKind::Text && named) {
      fix = fault.message.find("compare") != std::string::npos
                ? concat("make a number of it: (atoi .", fault.name, ")")
                : concat("take the JSON apart first: (fromJson .", fault.name, ")");
    } else if (fault.kind == ValueKind::Missing && named) {
      fix =
          concat("declare \"", fault.name, "\", or give a default: (default 0 .", fault.name, ")");
    }
    findings_.add(
        {.rule = "template-type",
         .position = place_of(use.text, fault.position),
         .field = use.field,
         .message = concat(
             named ? concat("\"", fault.name, "\" ") : std::string("the value "), fault.message
         ),
         .fix = std::move(fix)}
    );
  }

  static std::vector<std::string> values_of(const workflow::TriggerSource& source) {
    if (std::holds_alternative<workflow::WebhookTrigger>(source)) {
      return {"Body", "Headers", "Query"};
    }
    if (std::holds_alternative<workflow::ObjectTrigger>(source)) {
      return {"Object"};
    }
    if (std::holds_alternative<workflow::ChannelTrigger>(source)) {
      return {"Message", "Properties"};
    }
    return {std::holds_alternative<workflow::CronTrigger>(source) ? "Tick" : "File"};
  }

  void check_trigger(const workflow::Trigger& trigger) {
    const std::vector<std::string> known = values_of(trigger.source);
    const std::string field = concat("triggers.", trigger.name);
    check_trigger_text(trigger.filter, known, concat(field, ".filter"));
    check_trigger_text(trigger.dedup_key, known, concat(field, ".dedupKey"));
    for (const auto& [name, text] : trigger.params) {
      check_trigger_text(text, known, concat(field, ".params.", name));
    }
  }

  void check_trigger_text(
      const Text& text, const std::vector<std::string>& known, const std::string& field
  ) {
    const auto parsed = workflow::parse_template(text.text);
    if (!parsed.ok()) {
      return;
    }
    for (const FieldReference& reference : parsed->referenced_fields()) {
      const bool given = std::find(known.begin(), known.end(), reference.name) != known.end() ||
                         names_.resolve(reference.name, nullptr).origin != Origin::Unknown;
      if (given || reference.optional) {
        continue;
      }
      findings_.add(
          {.rule = "undefined-variable",
           .position = place_of(text, reference.position),
           .field = field,
           .message = concat("\"", reference.name, "\" is nothing that this trigger brings"),
           .fix = concat("it brings ", join(known, ", "))}
      );
    }
  }

  const Facts& facts_;
  const Names& names_;
  Findings& findings_;
  std::size_t undefined_ = 0;
};

}  // namespace

void check_templates(const Facts& facts, const Names& names, Findings& findings) {
  TemplateCheck(facts, names, findings).run();
}

}  // namespace reeve::lint
