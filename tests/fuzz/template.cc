// Templates.

#include "workflow/template/template.h"

#include <array>
#include <string>

#include "base/json.h"
#include "fuzz.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view(
        "{{ if eq .A \"x\" }}a{{ else }}{{ range $i, $e := .L }}{{ $i }}{{ end }}{{ end }}"
    ),
    std::string_view("{{ printf \"%05.2f|%q\" .F .A | upper }}{{/* c */}}{{- .M.k -}}"),
    std::string_view("{{ define \"t\" }}{{ . }}{{ end }}{{ template \"t\" .L }}")};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  const Result<templates::Template> parsed = templates::Template::parse(bytes);
  if (!parsed) {
    return;
  }
  const Result<Json> data =
      parse_json(R"({"A":"x","N":3,"F":1.5,"L":[1,"two"],"M":{"k":"v"},"B":true})");
  (void)parsed->render(*data);
  (void)parsed->referenced_fields();
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
