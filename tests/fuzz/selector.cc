// Selectors, Accept headers, paths into objects, options of requests.

#include "resource/selector.h"

#include <array>
#include <string>

#include "fuzz.h"
#include "resource/accept.h"
#include "resource/query.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view("a=b,c!=d,e in (f,g),h notin (i),!j,k"),
    std::string_view("metadata.name=x,status.state!=y\\,z"),
    std::string_view("application/json;as=Table;v=v1;g=meta.k8s.io,application/json;q=0.5,*/*"),
    std::string_view("application/json;as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2")};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  const std::string text(bytes);
  const auto labels = resource::LabelSelector::parse(text);
  if (labels) {
    (void)resource::LabelSelector::parse(labels->text());
  }
  (void)resource::FieldSelector::parse(text, {"status.state"});
  for (const auto serving :
       {resource::Serving::Objects, resource::Serving::Discovery, resource::Serving::OpenApiV2}) {
    (void)resource::negotiate(text, serving);
  }
  const resource::QueryPairs query = {
      {"limit", text}, {"continue", text}, {"resourceVersion", text}, {"watch", text}};
  (void)resource::parse_list_options(query);
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
